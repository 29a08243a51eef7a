/* SPDX-License-Identifier: MIT */
#ifndef HOOK_LIBRARY_H
#define HOOK_LIBRARY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ioctl/hook.h"

/* The second parameter of the C library's ioctl(). */
#ifdef __GLIBC__
typedef unsigned long libc_request;
#else
typedef int libc_request;
#endif

/* Helpers for the libraries of hook_libs/: loading, calling ioctl(), and comparing their memory. */

struct library {
	void *handle;
	/* The library's function that calls ioctl() with its arguments. */
	int (*call)(int fd, unsigned long request, void *argument);
};

/* Loads a library of hook_libs/ by its name. Fails the test on an error. */
void library_open(struct library *library, const char *name);
void library_close(struct library *library);
/* The path of a library, in static storage of the calling thread. */
const char *library_path(const char *name);

/* Gets the number of bytes in a pipe with FIONREAD through the library. Returns -1 on an error. */
int pipe_bytes(const struct library *library);
/* The number of bytes that the kernel returns. */
#define PIPE_BYTES 5

/* A handler that adds ADDED to the kernel's number. handled counts the calls of the handler. */
#define ADDED 1000
int add_to_bytes(vmb_ioctl_fn next, int fd, unsigned long request, void *argument);
extern atomic_int handled;

/* A copy of the writable memory of a library, which contains the GOT. */
struct image {
	uintptr_t base;
	size_t words;
	uintptr_t *copy;
};

void image_init(struct image *image, const struct library *library);
void image_finish(struct image *image);
/* The number of words that differ from the copy. Stores the last one in *changed unless NULL. */
size_t image_changes(const struct image *image, uintptr_t **changed);

#endif
