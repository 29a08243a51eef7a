/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* secure_getenv, asprintf */
#include "manifests.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	/* Variables that replace the search. The first one that is set counts. */
	const char *instead[2];
	const char *add; /* a variable with paths to search first */
	const char *directory; /* below each base directory */
} kinds[] = {
	[VMB_MANIFEST_DRIVER] = { { "VK_DRIVER_FILES", "VK_ICD_FILENAMES" }, "VK_ADD_DRIVER_FILES",
		"vulkan/icd.d" },
	[VMB_MANIFEST_IMPLICIT_LAYER] = { { "VK_IMPLICIT_LAYER_PATH", NULL },
		"VK_ADD_IMPLICIT_LAYER_PATH", "vulkan/implicit_layer.d" },
	[VMB_MANIFEST_EXPLICIT_LAYER] = { { "VK_LAYER_PATH", NULL }, "VK_ADD_LAYER_PATH",
		"vulkan/explicit_layer.d" },
};

static bool is_known(const struct vmb_manifests *found, const char *path)
{
	for (size_t i = 0; i < found->count; i++) {
		if (strcmp(found->paths[i], path) == 0) {
			return true;
		}
	}
	return false;
}

static int add_file(struct vmb_manifests *found, const char *path)
{
	char *real = realpath(path, NULL);

	if (!real) {
		return errno == ENOMEM ? -ENOMEM : 0;
	}
	if (is_known(found, real)) {
		free(real);
		return 0;
	}
	char **paths = realloc(found->paths, (found->count + 1) * sizeof(*paths));
	if (!paths) {
		free(real);
		return -ENOMEM;
	}
	paths[found->count++] = real;
	found->paths = paths;
	return 0;
}

static int is_manifest(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
}

static int add_directory(struct vmb_manifests *found, const char *directory)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, is_manifest, alphasort);
	int ret = 0;

	if (count < 0) {
		return errno == ENOMEM ? -ENOMEM : 0;
	}
	for (int i = 0; i < count; i++) {
		char *path = NULL;
		if (ret == 0 && asprintf(&path, "%s/%s", directory, entries[i]->d_name) < 0) {
			path = NULL;
			ret = -ENOMEM;
		}
		if (ret == 0) {
			ret = add_file(found, path);
		}
		free(path);
		free(entries[i]);
	}
	free(entries);
	return ret;
}

/* The paths of a variable are files or directories. */
static int add_path(struct vmb_manifests *found, const char *path)
{
	size_t length = strlen(path);

	return length > 5 && strcmp(path + length - 5, ".json") == 0 ? add_file(found, path)
								     : add_directory(found, path);
}

/* Adds each path of a list with colons. The suffix is appended to each path. */
static int add_list(struct vmb_manifests *found, const char *list, const char *suffix)
{
	int ret = 0;

	while (ret == 0 && *list) {
		int length = (int)strcspn(list, ":");
		char *path = NULL;
		if (length > 0) {
			if (asprintf(&path, "%.*s%s%s", length, list, *suffix ? "/" : "", suffix) <
				0) {
				return -ENOMEM;
			}
			ret = add_path(found, path);
			free(path);
		}
		list += length + (list[length] == ':');
	}
	return ret;
}

/* Adds the paths of a variable, or of the default list if the variable is not set. */
static int add_variable(struct vmb_manifests *found, const char *variable, const char *default_list,
	const char *suffix)
{
	const char *list = secure_getenv(variable);

	if (!list || !*list) {
		list = default_list;
	}
	return list ? add_list(found, list, suffix) : 0;
}

/* Adds a directory of the user. The default is below the home directory. */
static int add_home(struct vmb_manifests *found, const char *variable, const char *below_home,
	const char *suffix)
{
	const char *home = secure_getenv("HOME");
	char *default_path = NULL;

	if (home && asprintf(&default_path, "%s/%s", home, below_home) < 0) {
		return -ENOMEM;
	}
	int ret = add_variable(found, variable, default_path, suffix);
	free(default_path);
	return ret;
}

static int add_places(struct vmb_manifests *found, const char *directory)
{
	int ret = add_home(found, "XDG_CONFIG_HOME", ".config", directory);

	if (ret == 0) {
		ret = add_variable(found, "XDG_CONFIG_DIRS", "/etc/xdg", directory);
	}
	if (ret == 0) {
		ret = add_list(found, "/etc", directory);
	}
	if (ret == 0) {
		ret = add_home(found, "XDG_DATA_HOME", ".local/share", directory);
	}
	if (ret == 0) {
		ret = add_variable(
			found, "XDG_DATA_DIRS", "/usr/local/share:/usr/share", directory);
	}
	return ret;
}

int vmb_manifests_find(struct vmb_manifests *found, enum vmb_manifest_kind kind)
{
	for (size_t i = 0; i < 2 && kinds[kind].instead[i]; i++) {
		const char *instead = secure_getenv(kinds[kind].instead[i]);
		if (instead && *instead) {
			return add_list(found, instead, "");
		}
	}
	int ret = add_variable(found, kinds[kind].add, NULL, "");
	return ret < 0 ? ret : add_places(found, kinds[kind].directory);
}

/* Reads the first 64 KiB. A manifest is smaller. */
static bool file_contains(const char *path, const char *text)
{
	char content[65536];
	FILE *file = fopen(path, "re");

	if (!file) {
		return false;
	}
	size_t size = fread(content, 1, sizeof(content) - 1, file);
	content[size] = '\0';
	fclose(file);
	return strstr(content, text) != NULL;
}

void vmb_manifests_keep(struct vmb_manifests *found, const char *text)
{
	size_t kept = 0;

	for (size_t i = 0; i < found->count; i++) {
		if (file_contains(found->paths[i], text)) {
			found->paths[kept++] = found->paths[i];
		} else {
			free(found->paths[i]);
		}
	}
	found->count = kept;
}

void vmb_manifests_finish(struct vmb_manifests *found)
{
	for (size_t i = 0; i < found->count; i++) {
		free(found->paths[i]);
	}
	free(found->paths);
	*found = (struct vmb_manifests){ 0 };
}
