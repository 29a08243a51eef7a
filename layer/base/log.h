/* SPDX-License-Identifier: MIT */
#ifndef VMB_BASE_LOG_H
#define VMB_BASE_LOG_H

/* The values of VMBIND_LOG. A message is written if its level is at or below the chosen one. */
enum vmb_log_level {
	VMB_LOG_ERROR,
	VMB_LOG_WARN,
	VMB_LOG_INFO,
	VMB_LOG_DEBUG,
};

/* Writes one line to stderr in a single write: lines of several threads do not mix. A message above
 * 1023 bytes is cut. Any thread may call it. */
void vmb_log(enum vmb_log_level chosen, enum vmb_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
