/* SPDX-License-Identifier: MIT */
/*
 * The simulated kernel as the render node of a process. Preload this library before Mesa's shim:
 * LD_PRELOAD=libvmbind_sim.so:libpanfrost_noop_drm_shim.so. The shim provides the node and its
 * entries in sysfs, and handles the ioctls that the simulated kernel does not. The shim sees one
 * open file, which this library keeps open: the shim's own table of files is not thread-safe. A
 * program that needs no sysfs works without the shim.
 *
 *   VMBIND_SIM_PANTHOR=1.MINOR   version of the driver; default 1.9
 *   VMBIND_SIM_OPS=FILE          append the op stream to FILE
 *   VMBIND_SIM_FAULT=…           see vmb_sim_faults_parse()
 *   PAN_GPU_ID=HEX               the GPU's id, a variable of Mesa's shim
 */

/* This file defines open() and open64(). _FILE_OFFSET_BITS would rename one to the other. */
#undef _FILE_OFFSET_BITS
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "alloc.h"
#include "sim.h"
#include "uapi/panthor.h"

#define EXPORT __attribute__((visibility("default")))

/* The shim replaces the first render node. */
static const char render_node[] = "/dev/dri/renderD128";
enum {
	DRM_MAJOR = 226,
	RENDER_MINOR = 128,
};

/* The functions of the next library: the shim or libc. */
static struct {
	int (*open)(const char *, int, ...);
	int (*close)(int);
	int (*dup)(int);
	int (*dup2)(int, int);
	int (*dup3)(int, int, int);
	int (*fcntl)(int, int, ...);
	int (*fstat)(int, struct stat *);
	int (*fstat64)(int, struct stat64 *);
	int (*ioctl)(int, unsigned long, ...);
	void *(*mmap64)(void *, size_t, int, int, int, off64_t);
} next;

/* An open file and the descriptors and calls that refer to it. */
struct open_file {
	struct vmb_sim_file *file;
	unsigned refs;
};

/*
 * The open files of the render node, by descriptor. The lock is not held during calls into the
 * simulated kernel, because the simulated kernel calls close().
 */
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;
static struct open_file **files;
static size_t file_capacity;

static struct vmb_sim *sim;
static int shim_fd = -1;
static pthread_once_t next_once = PTHREAD_ONCE_INIT;
static pthread_once_t sim_once = PTHREAD_ONCE_INIT;

static void find_next(void)
{
	static const struct {
		void *function;
		const char *name;
	} functions[] = {
		{ &next.open, "open" },
		{ &next.close, "close" },
		{ &next.dup, "dup" },
		{ &next.dup2, "dup2" },
		{ &next.dup3, "dup3" },
		{ &next.fcntl, "fcntl" },
		{ &next.fstat, "fstat" },
		{ &next.fstat64, "fstat64" },
		{ &next.ioctl, "ioctl" },
		{ &next.mmap64, "mmap64" },
	};
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		void *address = dlsym(RTLD_NEXT, functions[i].name);
		/* ISO C cannot cast an object pointer to a function pointer. */
		memcpy(functions[i].function, &address, sizeof(address));
	}
}

static void need_next(void)
{
	pthread_once(&next_once, find_next);
}

__attribute__((noreturn)) static void reject_setting(const char *variable, const char *value)
{
	fprintf(stderr, "vmbind_sim: cannot use %s=%s\n", variable, value);
	abort();
}

static unsigned read_version(void)
{
	const char *text = getenv("VMBIND_SIM_PANTHOR");
	unsigned minor = 9;
	int end = 0;
	if (text && (sscanf(text, "1.%u%n", &minor, &end) != 1 || text[end])) {
		reject_setting("VMBIND_SIM_PANTHOR", text);
	}
	return minor;
}

static int open_stream(void)
{
	const char *path = getenv("VMBIND_SIM_OPS");
	if (!path) {
		return -1;
	}
	int fd = next.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0) {
		reject_setting("VMBIND_SIM_OPS", path);
	}
	return fd;
}

/* Runs at the first open of the render node. A program that only starts others has no stream. */
static void start_sim(void)
{
	const char *gpu = getenv("PAN_GPU_ID");
	struct vmb_sim_config config = {
		.minor = read_version(),
		.faults = getenv("VMBIND_SIM_FAULT"),
		.stream = open_stream(),
		.gpu_id = gpu ? (uint32_t)strtoul(gpu, NULL, 16) : 0,
	};
	if (vmb_sim_create(&config, &sim)) {
		reject_setting("VMBIND_SIM_FAULT", config.faults);
	}
	shim_fd = next.open(render_node, O_RDWR | O_CLOEXEC, 0);
}

/* Writes the maps of the files that are open at exit. Other threads may still use them. */
__attribute__((destructor)) static void finish_stream(void)
{
	if (sim) {
		vmb_sim_write_maps(sim);
	}
}

static void ref_file(struct open_file *file)
{
	pthread_mutex_lock(&files_lock);
	file->refs++;
	pthread_mutex_unlock(&files_lock);
}

static void unref_file(struct open_file *file)
{
	pthread_mutex_lock(&files_lock);
	bool last = --file->refs == 0;
	pthread_mutex_unlock(&files_lock);
	if (last) {
		vmb_sim_close(file->file);
		free(file);
	}
}

/* The open file of a descriptor, with a new reference. NULL if the descriptor is of another
 * file. */
static struct open_file *get_file(int fd)
{
	struct open_file *file = NULL;
	need_next();
	pthread_mutex_lock(&files_lock);
	if (fd >= 0 && (size_t)fd < file_capacity && files[fd]) {
		file = files[fd];
		file->refs++;
	}
	pthread_mutex_unlock(&files_lock);
	return file;
}

static bool is_render_node(int fd)
{
	struct open_file *file = get_file(fd);
	if (file) {
		unref_file(file);
	}
	return file;
}

/* Sets the open file of a descriptor and takes over the reference. NULL removes the entry. Drops
 * the reference to the descriptor's previous file. */
static void set_file(int fd, struct open_file *file)
{
	struct open_file *old = NULL;
	pthread_mutex_lock(&files_lock);
	while (file && (size_t)fd >= file_capacity) {
		size_t count = file_capacity;
		files = vmb_sim_grow(files, count, &file_capacity, sizeof(*files));
		memset(files + count, 0, (file_capacity - count) * sizeof(*files));
	}
	if (fd >= 0 && (size_t)fd < file_capacity) {
		old = files[fd];
		files[fd] = file;
	}
	pthread_mutex_unlock(&files_lock);
	if (old) {
		unref_file(old);
	}
}

static int open_node(int flags)
{
	pthread_once(&sim_once, start_sim);
	int fd = next.open("/dev/null", O_RDWR | (flags & O_CLOEXEC), 0);
	if (fd < 0) {
		return fd;
	}
	struct open_file *file = vmb_sim_alloc(sizeof(*file));
	file->file = vmb_sim_open(sim);
	file->refs = 1;
	set_file(fd, file);
	return fd;
}

static int open_path(const char *path, int flags, mode_t mode)
{
	need_next();
	if (strcmp(path, render_node) == 0) {
		return open_node(flags);
	}
	return next.open(path, flags, mode);
}

static bool has_mode(int flags)
{
	return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

EXPORT int open(const char *path, int flags, ...)
{
	va_list arguments;
	va_start(arguments, flags);
	mode_t mode = has_mode(flags) ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	return open_path(path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
	va_list arguments;
	va_start(arguments, flags);
	mode_t mode = has_mode(flags) ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	return open_path(path, flags | O_LARGEFILE, mode);
}

/* _FORTIFY_SOURCE renames open() and open64(). */
int __open_2(const char *path, int flags);
EXPORT int __open_2(const char *path, int flags)
{
	return open_path(path, flags, 0);
}

int __open64_2(const char *path, int flags);
EXPORT int __open64_2(const char *path, int flags)
{
	return open_path(path, flags | O_LARGEFILE, 0);
}

EXPORT int close(int fd)
{
	need_next();
	set_file(fd, NULL);
	return next.close(fd);
}

/* Gives the descriptor new the open file of the duplicated descriptor. Drops the reference to
 * file. */
static int set_duplicate(struct open_file *file, int new)
{
	if (new >= 0) {
		if (file) {
			ref_file(file);
		}
		set_file(new, file);
	}
	if (file) {
		unref_file(file);
	}
	return new;
}

EXPORT int dup(int old)
{
	struct open_file *file = get_file(old);
	return set_duplicate(file, next.dup(old));
}

EXPORT int dup2(int old, int new)
{
	struct open_file *file = get_file(old);
	return set_duplicate(file, next.dup2(old, new));
}

EXPORT int dup3(int old, int new, int flags)
{
	struct open_file *file = get_file(old);
	return set_duplicate(file, next.dup3(old, new, flags));
}

/* The argument is an int, a pointer or missing. A pointer is large enough for an int. */
static int control_file(int fd, int command, void *argument)
{
	struct open_file *file = get_file(fd);
	int result = next.fcntl(fd, command, argument);
	if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) {
		return set_duplicate(file, result);
	}
	if (file) {
		unref_file(file);
	}
	return result;
}

EXPORT int fcntl(int fd, int command, ...)
{
	va_list arguments;
	va_start(arguments, command);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	return control_file(fd, command, argument);
}

EXPORT int fcntl64(int fd, int command, ...)
{
	va_list arguments;
	va_start(arguments, command);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	return control_file(fd, command, argument);
}

EXPORT int fstat(int fd, struct stat *status)
{
	if (!is_render_node(fd)) {
		return next.fstat(fd, status);
	}
	*status = (struct stat){ .st_mode = S_IFCHR | 0666,
		.st_rdev = makedev(DRM_MAJOR, RENDER_MINOR) };
	return 0;
}

EXPORT int fstat64(int fd, struct stat64 *status)
{
	if (!is_render_node(fd)) {
		return next.fstat64(fd, status);
	}
	*status = (struct stat64){ .st_mode = S_IFCHR | 0666,
		.st_rdev = makedev(DRM_MAJOR, RENDER_MINOR) };
	return 0;
}

/* Passes an ioctl to the shim if the simulated kernel lacks the ioctl, such as GET_UNIQUE. */
static int shim_ioctl(unsigned long request, void *argument)
{
	int result = shim_fd < 0 ? -EINVAL : next.ioctl(shim_fd, request, argument);
	/* The shim returns some errors as negative errnos instead of -1. */
	if (result < -1) {
		errno = -result;
		result = -1;
	}
	return result;
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);

	struct open_file *file = get_file(fd);
	if (!file) {
		return next.ioctl(fd, request, argument);
	}
	int result = vmb_sim_ioctl(file->file, fd, request, argument);
	if (result == -ENOSYS) {
		result = shim_ioctl(request, argument);
	} else if (result) {
		errno = -result;
		result = -1;
	}
	unref_file(file);
	return result;
}

static void *map_node(struct open_file *file, void *address, size_t length, int protection,
	int flags, off64_t offset)
{
	/*
	 * The page of the flush id, always 0. Each mapping gets its own page: the shim has a single
	 * page, which the first destroyed device unmaps.
	 */
	if ((uint64_t)offset >= DRM_PANTHOR_USER_MMIO_OFFSET_32BIT) {
		flags = (flags & ~MAP_TYPE) | MAP_PRIVATE | MAP_ANONYMOUS;
		return next.mmap64(address, length, protection, flags, -1, 0);
	}
	int memfd;
	int result = vmb_sim_mmap(file->file, (uint64_t)offset, length, &memfd);
	if (result) {
		errno = -result;
		return MAP_FAILED;
	}
	return next.mmap64(address, length, protection, flags, memfd, 0);
}

static void *map_any(
	void *address, size_t length, int protection, int flags, int fd, off64_t offset)
{
	struct open_file *file = flags & MAP_ANONYMOUS ? NULL : get_file(fd);
	if (!file) {
		need_next();
		return next.mmap64(address, length, protection, flags, fd, offset);
	}
	void *mapped = map_node(file, address, length, protection, flags, offset);
	unref_file(file);
	return mapped;
}

EXPORT void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	return map_any(address, length, protection, flags, fd, offset);
}

EXPORT void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset)
{
	return map_any(address, length, protection, flags, fd, offset);
}

/* Programs find the functions below with dlsym(). Both return -1 before a render node is opened. */

/* Writes a mark to the op stream. */
int vmbind_sim_mark(const char *text);
EXPORT int vmbind_sim_mark(const char *text)
{
	if (!sim) {
		return -1;
	}
	vmb_sim_mark(sim, text);
	return 0;
}

/* See vmb_sim_hold_gpu(). */
int vmbind_sim_hold_gpu(int hold);
EXPORT int vmbind_sim_hold_gpu(int hold)
{
	if (!sim) {
		return -1;
	}
	vmb_sim_hold_gpu(sim, hold);
	return 0;
}
