/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* setresuid */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "helper_finder.h"
#include "scenarios.h"

/*
 * Tests where the layer finds its helper program. A library with the same code stands in for the
 * layer: UNINSTALLED finds the helper beside the library, INSTALLED in ../libexec/vmbind. Each
 * scenario copies one of them to a new directory with two prefixes, "one" and "two".
 */

#define BESIDE "lib/vmbind-map-helper"
#define LIBEXEC "libexec/vmbind/vmbind-map-helper"
#define OTHER_USER 4711

enum load {
	ABSOLUTE, /* one/lib/finder.so */
	RELATIVE, /* the same from the directory of the prefixes; later the directory is two/lib */
	BY_LINK, /* link/lib/finder.so; link leads to one, and later to two */
	AS_SET_UID, /* absolute, with another real user */
};

/* A change of one file before the library is loaded. The file is named relative to "one". */
struct change {
	const char *path; /* NULL: no change */
	int mode; /* 0: no change */
	bool is_others; /* the file gets another owner */
	bool becomes_link; /* to the same name with the suffix ".real" */
};

struct scenario {
	const char *name;
	const char *library;
	const char *missing; /* a helper that is not there, or NULL */
	enum load load;
	struct change changes[3];
	/* The helper in "one", or the error. */
	const char *found;
	int error;
};

static const struct scenario scenarios[] = {
	{ "uninstalled", UNINSTALLED, NULL, ABSOLUTE, { { 0 } }, BESIDE, 0 },
	{ "uninstalled, only libexec", UNINSTALLED, BESIDE, ABSOLUTE, { { 0 } }, NULL, -ENOENT },
	{ "uninstalled, helper of another user", UNINSTALLED, NULL, ABSOLUTE,
		{ { BESIDE, 0, true, false } }, NULL, -EPERM },
	{ "uninstalled, group-writable as the library", UNINSTALLED, NULL, ABSOLUTE,
		{ { BESIDE, 0775, false, false }, { "lib/finder.so", 0775, false, false } }, BESIDE,
		0 },
	{ "installed", INSTALLED, NULL, ABSOLUTE, { { 0 } }, LIBEXEC, 0 },
	{ "installed, only beside", INSTALLED, LIBEXEC, ABSOLUTE, { { 0 } }, NULL, -ENOENT },
	{ "relative path, later another directory", INSTALLED, NULL, RELATIVE, { { 0 } }, LIBEXEC,
		0 },
	{ "symbolic link, later another target", INSTALLED, NULL, BY_LINK, { { 0 } }, LIBEXEC, 0 },
	{ "set-uid program", INSTALLED, NULL, AS_SET_UID, { { LIBEXEC, 0700, false, false } },
		LIBEXEC, 0 },
	{ "set-uid program, helper of the real user", INSTALLED, NULL, AS_SET_UID,
		{ { LIBEXEC, 0, true, false } }, NULL, -EPERM },
	{ "helper not executable", INSTALLED, NULL, ABSOLUTE, { { LIBEXEC, 0644, false, false } },
		NULL, -EACCES },
	{ "helper writable for all", INSTALLED, NULL, ABSOLUTE, { { LIBEXEC, 0777, false, false } },
		NULL, -EPERM },
	{ "helper writable for the group", INSTALLED, NULL, ABSOLUTE,
		{ { LIBEXEC, 0775, false, false } }, NULL, -EPERM },
	{ "libexec writable for all", INSTALLED, NULL, ABSOLUTE,
		{ { "libexec", 0777, false, false } }, NULL, -EPERM },
	{ "libexec sticky and writable for all", INSTALLED, NULL, ABSOLUTE,
		{ { "libexec", 01777, false, false } }, NULL, -EPERM },
	{ "libexec/vmbind writable for the group", INSTALLED, NULL, ABSOLUTE,
		{ { "libexec/vmbind", 0775, false, false } }, NULL, -EPERM },
	{ "group-writable as the library's directory", INSTALLED, NULL, ABSOLUTE,
		{ { "lib", 0775, false, false }, { "libexec", 0775, false, false } }, LIBEXEC, 0 },
	{ "prefix writable for all, sticky", INSTALLED, NULL, ABSOLUTE,
		{ { "", 01777, false, false } }, LIBEXEC, 0 },
	{ "libexec of another user", INSTALLED, NULL, ABSOLUTE, { { "libexec", 0, true, false } },
		NULL, -EPERM },
	{ "helper of another user", INSTALLED, NULL, ABSOLUTE, { { LIBEXEC, 0, true, false } },
		NULL, -EPERM },
	{ "helper and library of another user", INSTALLED, NULL, ABSOLUTE,
		{ { LIBEXEC, 0, true, false }, { "lib/finder.so", 0, true, false } }, LIBEXEC, 0 },
	{ "libexec is a link", INSTALLED, NULL, ABSOLUTE, { { "libexec", 0, false, true } },
		"libexec.real/vmbind/vmbind-map-helper", 0 },
	{ "libexec is a link of another user", INSTALLED, NULL, ABSOLUTE,
		{ { "libexec", 0, true, true } }, NULL, -EPERM },
	{ "libexec is a link to another user's directory", INSTALLED, NULL, ABSOLUTE,
		{ { "libexec", 0, false, true }, { "libexec.real", 0, true, false } }, NULL,
		-EPERM },
};

/* The directory of the prefixes, without links. */
static char root[PATH_MAX];

static void join(char *path, const char *prefix, const char *name)
{
	assert_true(snprintf(path, PATH_MAX, "%s/%s%s%s", root, prefix, *name ? "/" : "", name) <
		PATH_MAX);
}

static void copy(const char *from, const char *prefix, const char *name)
{
	char path[PATH_MAX], bytes[65536];
	size_t size;

	join(path, prefix, name);
	FILE *in = fopen(from, "re");
	FILE *out = fopen(path, "we");
	assert_true(in && out);
	while ((size = fread(bytes, 1, sizeof(bytes), in)) > 0) {
		assert_int_equal(fwrite(bytes, 1, size, out), size);
	}
	fclose(in);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

static void make_prefix(const struct scenario *scenario, const char *prefix)
{
	static const char *const directories[] = { "", "lib", "libexec", "libexec/vmbind" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		join(path, prefix, directories[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	copy(scenario->library, prefix, "lib/finder.so");
	copy("/bin/true", prefix, BESIDE);
	copy("/bin/true", prefix, LIBEXEC);
	if (scenario->missing) {
		join(path, prefix, scenario->missing);
		assert_int_equal(unlink(path), 0);
	}
}

static void apply(const struct change *change)
{
	char path[PATH_MAX], real[PATH_MAX + 8];

	join(path, "one", change->path);
	if (change->becomes_link) {
		snprintf(real, sizeof(real), "%s.real", path);
		assert_int_equal(rename(path, real), 0);
		assert_int_equal(symlink(real, path), 0);
	}
	if (change->is_others) {
		assert_int_equal(lchown(path, OTHER_USER, OTHER_USER), 0);
	}
	if (change->mode) {
		assert_int_equal(chmod(path, (mode_t)change->mode), 0);
	}
}

static void put_link(const char *target)
{
	char path[PATH_MAX];

	join(path, "link", "");
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

/* Loads the library, then makes the change that must have no effect. */
static void *load(enum load how)
{
	char path[PATH_MAX], elsewhere[PATH_MAX];

	join(path, how == BY_LINK ? "link" : "one", "lib/finder.so");
	join(elsewhere, "two", "lib");
	put_link("one");
	if (how == AS_SET_UID && setresuid(OTHER_USER, 0, 0) < 0) {
		return NULL;
	}
	if (how == RELATIVE && chdir(root) < 0) {
		return NULL;
	}
	void *library = dlopen(how == RELATIVE ? "one/lib/finder.so" : path, RTLD_NOW);
	put_link("two");
	return chdir(elsewhere) < 0 ? NULL : library;
}

/* Runs in a child. The exit status is 0 if the result is the expected one. */
static int find(const struct scenario *scenario)
{
	int (*finder)(char *path, size_t size);
	char expected[PATH_MAX], path[PATH_MAX] = "";
	void *library = load(scenario->load);

	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	*(void **)&finder = dlsym(library, "helper_finder_find");
	int error = finder(path, sizeof(path));
	if (scenario->found) {
		join(expected, "one", scenario->found);
	}
	bool is_expected = error == scenario->error &&
		(!scenario->found || strcmp(path, expected) == 0);
	if (!is_expected) {
		fprintf(stderr, "found '%s', error %d\n", path, error);
	}
	return !is_expected;
}

static int remove_file(const char *path, const struct stat *file, int type, struct FTW *where)
{
	(void)file;
	(void)type;
	(void)where;
	return remove(path);
}

static bool needs_root(const struct scenario *scenario)
{
	bool needs = scenario->load == AS_SET_UID;

	for (size_t i = 0; i < 3; i++) {
		needs = needs || scenario->changes[i].is_others;
	}
	return needs;
}

static void test_scenario(void **state)
{
	const struct scenario *scenario = *state;
	char directory[] = "/tmp/test_helper_find.XXXXXX";
	int status;

	if (needs_root(scenario) && geteuid() != 0) {
		skip();
	}
	umask(022);
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chmod(directory, 0755), 0);
	assert_non_null(realpath(directory, root));
	make_prefix(scenario, "one");
	make_prefix(scenario, "two");
	for (size_t i = 0; i < 3 && scenario->changes[i].path; i++) {
		apply(&scenario->changes[i]);
	}
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		_exit(find(scenario));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	nftw(root, remove_file, 16, FTW_DEPTH | FTW_PHYS);
	assert_int_equal(status, 0);
}

int main(void)
{
	static const struct scenario_table table = SCENARIO_TABLE(scenarios);
	const struct CMUnitTest each = cmocka_unit_test(test_scenario);

	return run_scenarios("helper_find", &table, &each, NULL, 0);
}
