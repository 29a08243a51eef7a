/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* _dl_find_object, RTLD_NEXT, memfd_create, mremap */
#include "calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* As in layer/backend/host/memory.c. */
#define NOEXEC_SEAL 8U
/* No process maps as much memory, except to see whether the kernel commits memory. */
#define UNCOMMITTABLE ((size_t)1 << 44)

struct calls *calls;

/* The functions: the name in C, the symbol, and the errnos of the manual page. */
#define FUNCTIONS(X) \
	X(mmap, "mmap64", ENOMEM, EAGAIN, EACCES, EPERM, ENODEV, ENFILE, EINVAL, EOVERFLOW) \
	X(munmap, "munmap", ENOMEM, EINVAL) \
	X(mprotect, "mprotect", ENOMEM, EACCES, EINVAL) \
	X(mremap, "mremap", ENOMEM, EAGAIN, EFAULT, EINVAL) \
	X(munlock, "munlock", ENOMEM, EPERM, EAGAIN, EINVAL) \
	X(madvise, "madvise", ENOMEM, EAGAIN, EINVAL, EIO) \
	X(mincore, "mincore", ENOMEM, EAGAIN, EINVAL, EFAULT) \
	X(memfd_create, "memfd_create", ENOMEM, EMFILE, ENFILE, EPERM, EACCES, ENOSYS, EINVAL) \
	X(ftruncate, "ftruncate64", EFBIG, EINVAL, EINTR, EIO, EPERM, ENOSPC) \
	X(fallocate, "fallocate64", ENOSPC, EINTR, EIO, ENOSYS, EOPNOTSUPP, EPERM, EFBIG, ENODEV) \
	X(close, "close", EINTR, EIO, ENOSPC, EDQUOT) \
	X(fcntl, "fcntl64", EPERM, EINVAL, EBADF) \
	X(open, "open64", EACCES, EMFILE, ENFILE, ENOENT, ENOSPC, EROFS, EINTR, ELOOP, ENXIO, \
		ENOMEM, EDQUOT) \
	X(read, "read", EAGAIN, EINTR, EIO) \
	X(write, "write", EAGAIN, EINTR, EIO, ENOSPC, EDQUOT, EFBIG, EPIPE, EPERM) \
	X(pread, "pread64", EAGAIN, EINTR, EIO, ESPIPE, EOVERFLOW) \
	X(pwrite, "pwrite64", EAGAIN, EINTR, EIO, ENOSPC, EDQUOT, EFBIG, EPERM) \
	X(lseek, "lseek64", ESPIPE, EINVAL, EOVERFLOW) \
	X(fstat, "fstat64", EOVERFLOW, ENOMEM, EIO) \
	X(stat, "stat64", EACCES, ELOOP, ENOENT, ENOMEM, ENOTDIR, EOVERFLOW, EIO) \
	X(lstat, "lstat64", EACCES, ELOOP, ENOENT, ENOMEM, ENOTDIR, EOVERFLOW, EIO) \
	X(readlink, "readlink", EACCES, EINVAL, EIO, ELOOP, ENOENT, ENOMEM, ENOTDIR) \
	X(getrlimit, "getrlimit64", EFAULT, EINVAL, EPERM) \
	X(pthread_create, "pthread_create", EAGAIN, EINVAL, EPERM) \
	X(pipe2, "pipe2", EMFILE, ENFILE, EINVAL) \
	X(process_vm_readv, "process_vm_readv", EPERM, ENOSYS, EFAULT, ENOMEM, EINVAL, ESRCH) \
	X(poll, "poll", EINTR, EINVAL, ENOMEM) \
	X(nanosleep, "nanosleep", EINTR, EFAULT, EINVAL) \
	X(sigtimedwait, "sigtimedwait", EAGAIN, EINTR, EINVAL) \
	X(open_memstream, "open_memstream", ENOMEM) \
	X(ioctl, "ioctl", EIO, ENOMEM, EINVAL, EINTR, EAGAIN) \
	X(syscall, "syscall", EAGAIN, EINTR, EFAULT, EIO, ENOSYS, EPERM)

enum function {
	NONE,
#define X(name, ...) F_##name,
	FUNCTIONS(X)
#undef X
	FUNCTION_COUNT
};

static const struct {
	const char *name;
	const char *symbol;
	int errors[CALLS_MAX_ERRORS];
} functions[] = {
#define X(name, symbol, ...) [F_##name] = { #name, symbol, { __VA_ARGS__ } },
	FUNCTIONS(X)
#undef X
};

static enum function function_of(uint64_t key)
{
	return (enum function)(key % FUNCTION_COUNT);
}

const char *calls_function(uint64_t key)
{
	return functions[function_of(key)].name;
}

uint64_t calls_offset(uint64_t key)
{
	return key / FUNCTION_COUNT;
}

const int *calls_errors(uint64_t key)
{
	return functions[function_of(key)].errors;
}

/* libc's function. */
static void *next(enum function function)
{
	static _Atomic(void *) found[FUNCTION_COUNT];

	void *address = atomic_load_explicit(&found[function], memory_order_relaxed);
	if (!address) {
		address = dlsym(RTLD_NEXT, functions[function].symbol);
		atomic_store_explicit(&found[function], address, memory_order_relaxed);
	}
	return address;
}

/* Returns the call site in the layer, or 0 for a call that is not the layer's. */
static uint64_t key_of(enum function function, void *caller)
{
	struct dl_find_object object;

	if (!calls || _dl_find_object(caller, &object) != 0 || !object.dlfo_link_map->l_name ||
		!strstr(object.dlfo_link_map->l_name, "VkLayer_VMBIND_sparse")) {
		return 0;
	}
	uint64_t offset = (uint64_t)((char *)caller - (char *)object.dlfo_map_start);
	return offset * FUNCTION_COUNT + function;
}

/* Counts a call of the site, and returns its number. */
static unsigned count(uint64_t key)
{
	for (size_t i = 0; i < CALLS_MAX_SITES; i++) {
		struct calls_site *site = &calls->sites[i];
		uint64_t unused = 0;
		if (atomic_compare_exchange_strong(&site->key, &unused, key) || unused == key) {
			return atomic_fetch_add(&site->calls, 1) + 1;
		}
	}
	return 0;
}

/* Returns the errno that the call fails with, or 0. */
static int fault(enum function function, void *caller)
{
	uint64_t key = key_of(function, caller);

	if (!key || !atomic_load(&calls->is_armed)) {
		return 0;
	}
	unsigned number = count(key);
	if (key != calls->key || number != calls->nth) {
		return 0;
	}
	atomic_fetch_add(&calls->injected, 1);
	errno = calls->error;
	return calls->error;
}

#define CALLER __builtin_return_address(0)
#define FAILS(name) fault(F_##name, CALLER)
#define IS_LAYERS(name) key_of(F_##name, CALLER)
#define NEXT(name) ((__typeof__(&name))next(F_##name))

#define INTERPOSE(type, failed, name, parameters, arguments) \
	EXPORT type name parameters \
	{ \
		return FAILS(name) ? failed : NEXT(name) arguments; \
	}

/* clang-format off */
INTERPOSE(int, -1, munmap, (void *at, size_t size), (at, size))
INTERPOSE(int, -1, mprotect, (void *at, size_t size, int protection), (at, size, protection))
INTERPOSE(int, -1, munlock, (const void *at, size_t size), (at, size))
INTERPOSE(int, -1, madvise, (void *at, size_t size, int advice), (at, size, advice))
INTERPOSE(int, -1, ftruncate, (int fd, off_t size), (fd, size))
INTERPOSE(int, -1, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size))
INTERPOSE(ssize_t, -1, read, (int fd, void *to, size_t size), (fd, to, size))
INTERPOSE(ssize_t, -1, write, (int fd, const void *from, size_t size), (fd, from, size))
INTERPOSE(ssize_t, -1, pread, (int fd, void *to, size_t size, off_t at), (fd, to, size, at))
INTERPOSE(ssize_t, -1, pwrite, (int fd, const void *from, size_t size, off_t at),
	(fd, from, size, at))
INTERPOSE(off_t, -1, lseek, (int fd, off_t at, int whence), (fd, at, whence))
INTERPOSE(int, -1, fstat, (int fd, struct stat *file), (fd, file))
INTERPOSE(int, -1, stat, (const char *path, struct stat *file), (path, file))
INTERPOSE(int, -1, lstat, (const char *path, struct stat *file), (path, file))
INTERPOSE(ssize_t, -1, readlink, (const char *path, char *to, size_t size), (path, to, size))
INTERPOSE(int, -1, getrlimit, (__rlimit_resource_t resource, struct rlimit *limit),
	(resource, limit))
INTERPOSE(int, calls->error, pthread_create, (pthread_t *thread, const pthread_attr_t *attributes,
	void *(*start)(void *), void *argument), (thread, attributes, start, argument))
INTERPOSE(int, -1, pipe2, (int ends[2], int flags), (ends, flags))
INTERPOSE(int, -1, poll, (struct pollfd *files, nfds_t file_count, int timeout),
	(files, file_count, timeout))
INTERPOSE(int, -1, nanosleep, (const struct timespec *time, struct timespec *left), (time, left))
INTERPOSE(int, -1, sigtimedwait, (const sigset_t *set, siginfo_t *info,
	const struct timespec *timeout), (set, info, timeout))
INTERPOSE(FILE *, NULL, open_memstream, (char **text, size_t *size), (text, size))
/* clang-format on */

EXPORT void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (FAILS(mmap)) {
		return MAP_FAILED;
	}
	if (size >= UNCOMMITTABLE && (protection & PROT_WRITE) && IS_LAYERS(mmap) &&
		calls->kernel.commits) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return NEXT(mmap)(at, size, protection, flags, fd, offset);
}

EXPORT void *mremap(void *at, size_t old_size, size_t size, int flags, ...)
{
	va_list args;

	va_start(args, flags);
	void *to = (flags & MREMAP_FIXED) ? va_arg(args, void *) : NULL;
	va_end(args);
	return FAILS(mremap) ? MAP_FAILED : NEXT(mremap)(at, old_size, size, flags, to);
}

EXPORT int mincore(void *at, size_t size, unsigned char *resident)
{
	if (FAILS(mincore)) {
		return -1;
	}
	int ret = NEXT(mincore)(at, size, resident);
	if (IS_LAYERS(mincore) && calls->kernel.locks) {
		*resident = 1;
	}
	return ret;
}

EXPORT int memfd_create(const char *name, unsigned flags)
{
	if (FAILS(memfd_create)) {
		return -1;
	}
	if ((flags & NOEXEC_SEAL) && IS_LAYERS(memfd_create) && calls->kernel.is_old) {
		errno = EINVAL;
		return -1;
	}
	return NEXT(memfd_create)(name, flags);
}

EXPORT ssize_t process_vm_readv(pid_t process, const struct iovec *to, unsigned long to_count,
	const struct iovec *from, unsigned long from_count, unsigned long flags)
{
	if (FAILS(process_vm_readv)) {
		return -1;
	}
	if (IS_LAYERS(process_vm_readv) && calls->kernel.is_sandboxed) {
		errno = EPERM;
		return -1;
	}
	return NEXT(process_vm_readv)(process, to, to_count, from, from_count, flags);
}

/* Linux closes the descriptor also if close(2) reports an error. */
EXPORT int close(int fd)
{
	int error = FAILS(close);
	int ret = NEXT(close)(fd);

	if (error) {
		errno = error;
		return -1;
	}
	return ret;
}

EXPORT int open(const char *path, int flags, ...)
{
	va_list args;

	va_start(args, flags);
	int mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(args, int) : 0;
	va_end(args);
	return FAILS(open) ? -1 : NEXT(open)(path, flags, mode);
}

EXPORT int fcntl(int fd, int command, ...)
{
	va_list args;

	va_start(args, command);
	void *argument = va_arg(args, void *);
	va_end(args);
	return FAILS(fcntl) ? -1 : NEXT(fcntl)(fd, command, argument);
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list args;

	va_start(args, request);
	void *argument = va_arg(args, void *);
	va_end(args);
	return FAILS(ioctl) ? -1 : NEXT(ioctl)(fd, request, argument);
}

EXPORT long syscall(long number, ...)
{
	va_list args;
	long a[6];

	va_start(args, number);
	for (int i = 0; i < 6; i++) {
		a[i] = va_arg(args, long);
	}
	va_end(args);
	return FAILS(syscall) ? -1 : NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
