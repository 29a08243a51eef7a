/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* dladdr, AT_EACCESS */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "virtgpu/helper.h"

__attribute__((weak)) const char vmb_helper_from_library[] = "vmbind-map-helper";

/* The layer's library. */
struct library {
	char directory[PATH_MAX]; /* without symbolic links */
	/* Users who can write these can replace the library, and with it the helper. */
	struct stat of_file;
	struct stat of_directory;
};

static struct {
	char path[PATH_MAX];
	int error; /* a negative errno, or 0 */
} found = { .error = -ENOENT };

/* Removes the last name of an absolute path. */
static void remove_name(char *path)
{
	*strrchr(path, '/') = '\0';
}

static int library_init(struct library *library)
{
	Dl_info info;

	/* ISO C has no conversion from a function pointer to void *. */
	static const char here;
	if (!dladdr(&here, &info) || !info.dli_fname) {
		return -ENOENT;
	}
	if (!realpath(info.dli_fname, library->directory) ||
		stat(library->directory, &library->of_file) < 0) {
		return -errno;
	}
	remove_name(library->directory);
	return stat(*library->directory ? library->directory : "/", &library->of_directory) < 0
		? -errno
		: 0;
}

/* Joins the library's directory and a relative path. Each leading ".." removes a name. */
static int join(const struct library *library, const char *relative, char *path, size_t size)
{
	char base[PATH_MAX];

	strcpy(base, library->directory);
	while (strncmp(relative, "../", 3) == 0 && *base) {
		remove_name(base);
		relative += 3;
	}
	int length = snprintf(path, size, "%s/%s", base, relative);
	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

/* Whether the library's directory is the first `length` bytes of the path, or is below them. */
static bool holds_library(const struct library *library, const char *path, size_t length)
{
	return strncmp(library->directory, path, length) == 0 &&
		(library->directory[length] == '/' || !library->directory[length]);
}

static bool can_group_write(const struct stat *file, gid_t group)
{
	return (file->st_mode & S_IWGRP) && file->st_gid == group;
}

/* Whether only root, this user, and users who can replace the library can change a file. */
static bool is_trusted(const struct library *library, const struct stat *file)
{
	bool has_owner = file->st_uid == 0 || file->st_uid == geteuid() ||
		file->st_uid == library->of_file.st_uid ||
		file->st_uid == library->of_directory.st_uid;
	bool is_group_trusted = !(file->st_mode & S_IWGRP) ||
		can_group_write(&library->of_file, file->st_gid) ||
		can_group_write(&library->of_directory, file->st_gid);

	/* A symbolic link has no permissions of its own. */
	return has_owner &&
		(S_ISLNK(file->st_mode) || (is_group_trusted && !(file->st_mode & S_IWOTH)));
}

/* Checks each directory, link and file on a path, except the directories that hold the library. */
static int check_path(const struct library *library, const char *path)
{
	char part[PATH_MAX];
	struct stat file;

	for (size_t length = 1; length <= strlen(path); length++) {
		if ((path[length] && path[length] != '/') || holds_library(library, path, length)) {
			continue;
		}
		memcpy(part, path, length);
		part[length] = '\0';
		if (lstat(part, &file) < 0) {
			return -errno;
		}
		if (!is_trusted(library, &file)) {
			return -EPERM;
		}
	}
	return 0;
}

static int find_program(void)
{
	struct library library;
	struct stat program;
	char path[PATH_MAX];

	int ret = library_init(&library);
	if (ret == 0) {
		ret = join(&library, vmb_helper_from_library, path, sizeof(path));
	}
	/* The links of the first path, then the directories that the links lead to. */
	if (ret == 0) {
		ret = check_path(&library, path);
	}
	if (ret == 0 && !realpath(path, found.path)) {
		ret = -errno;
	}
	if (ret == 0) {
		ret = check_path(&library, found.path);
	}
	if (ret == 0 && stat(found.path, &program) < 0) {
		ret = -errno;
	}
	if (ret < 0) {
		return ret;
	}
	/* execve() checks the effective user, which differs in a set-uid program. */
	return S_ISREG(program.st_mode) && faccessat(AT_FDCWD, found.path, X_OK, AT_EACCESS) == 0
		? 0
		: -EACCES;
}

/* The path of the library may be relative. The working directory fits the path only while the
 * library is loaded. */
__attribute__((constructor)) static void find_at_load(void)
{
	int error = errno;

	found.error = find_program();
	errno = error;
}

int vmb_helper_find(char *path, size_t size)
{
	if (found.error < 0) {
		return found.error;
	}
	int length = snprintf(path, size, "%s", found.path);
	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}
