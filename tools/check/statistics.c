/* SPDX-License-Identifier: MIT */
#include "statistics.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool statistics_create(char *path, size_t size)
{
	const char *directory = getenv("TMPDIR");
	int length = snprintf(
		path, size, "%s/vmbind-check.XXXXXX", directory && *directory ? directory : "/tmp");

	if (length < 0 || (size_t)length >= size) {
		return false;
	}
	int fd = mkstemp(path);
	if (fd < 0) {
		return false;
	}
	close(fd);
	return true;
}

/* The operations of one device, -1 if the layer counted none. */
static int64_t line_ops(const char *line)
{
	static const char *const keys[] = { "map_ops", "sparse_ops", "unmap_ops" };
	json_object *device = json_tokener_parse(line);
	json_object *value;
	int64_t ops = -1;

	if (json_object_object_get_ex(device, "active", &value) && json_object_get_boolean(value)) {
		ops = 0;
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			if (json_object_object_get_ex(device, keys[i], &value)) {
				ops += json_object_get_int64(value);
			}
		}
	}
	json_object_put(device);
	return ops;
}

int64_t statistics_read_ops(const char *path)
{
	FILE *file = fopen(path, "re");
	int64_t ops[2] = { -1, -1 };
	char line[8192];

	for (int i = 0; file && i < 2 && fgets(line, sizeof(line), file); i++) {
		ops[i] = line_ops(line);
	}
	if (file) {
		fclose(file);
	}
	return ops[0] < 0 || ops[1] < 0 ? -1 : ops[1] - ops[0];
}
