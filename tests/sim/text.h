/* SPDX-License-Identifier: MIT */
#ifndef VMB_SIM_TEXT_H
#define VMB_SIM_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* A text that grows. A zeroed struct is empty. */
struct vmb_sim_text {
	char *text; /* without a terminating null byte; NULL if empty */
	size_t length;
	size_t capacity;
};

__attribute__((format(printf, 2, 3))) void vmb_sim_text_add(
	struct vmb_sim_text *text, const char *format, ...);
/* Adds a JSON string, with its quotes. */
void vmb_sim_text_add_string(struct vmb_sim_text *text, const char *string);

struct vmb_sim_flag_name {
	uint32_t flag;
	const char *name;
};

/* Adds a JSON array of names. Flags without a name follow as one number. */
void vmb_sim_text_add_flags(struct vmb_sim_text *text, uint32_t flags,
	const struct vmb_sim_flag_name *names, size_t name_count);

void vmb_sim_text_finish(struct vmb_sim_text *text);

#endif
