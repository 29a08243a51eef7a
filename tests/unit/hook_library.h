/* SPDX-License-Identifier: MIT */
#ifndef HOOK_LIBRARY_H
#define HOOK_LIBRARY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ioctl/hook.h"

/* The libraries of hook_libs/, what they call, and what becomes of the answer. */

struct library {
	void *handle;
	/* The library's function that calls ioctl() with its arguments. */
	int (*call)(int fd, unsigned long request, void *argument);
};

/* Of a name in hook_libs/. Fails the test if it cannot be loaded. */
void library_open(struct library *library, const char *name);
void library_close(struct library *library);
/* Its path, in static storage of the calling thread. */
const char *library_path(const char *name);

/* Asks the kernel through the library how many bytes a pipe holds. -1 on an error. */
int waiting_bytes(const struct library *library);
/* What the kernel answers. */
#define PIPE_BYTES 5

/* A handler that adds this to what the kernel answers, and the number of calls that it got. */
#define ADDED 1000
int add_to_answer(vmb_ioctl_fn next, int fd, unsigned long request, void *argument);
extern atomic_int handled;

/* What stands in the writable memory of a library; a GOT is in there somewhere. */
struct image {
	uintptr_t base;
	size_t words;
	uintptr_t *copy;
};

void image_take(struct image *image, const struct library *library);
void image_drop(struct image *image);
/* How many words are others now; the last of them is stored in *changed unless that is NULL. */
size_t image_changes(const struct image *image, uintptr_t **changed);

#endif
