// SPDX-License-Identifier: MIT
#include "gpuvas.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH "/sys/kernel/debug/dri/128/gpuvas"
#define TITLE "DRM GPU VA space ("
#define USER_VM "panthor-GPU-VM"

/* Makes room for one more element, by doubling. Returns NULL if out of memory. */
static void *grow(void *array, size_t count, size_t size)
{
	if (count & (count - 1)) {
		return array;
	}
	return realloc(array, (count ? 2 * count : 1) * size);
}

static int add_map(struct gpuva_map **maps, size_t *count)
{
	struct gpuva_map *grown = grow(*maps, *count, sizeof(**maps));

	if (!grown) {
		return -ENOMEM;
	}
	*maps = grown;
	grown[(*count)++] = (struct gpuva_map){ 0 };
	return 0;
}

static int add_va(struct gpuva_map *map, const struct gpuva *va)
{
	struct gpuva *grown = grow(map->vas, map->count, sizeof(*grown));

	if (!grown) {
		return -ENOMEM;
	}
	map->vas = grown;
	grown[map->count++] = *va;
	return 0;
}

/* A line of the table: | start | range | end | object | object offset */
static bool parse_va(const char *line, struct gpuva *va)
{
	const char *format = " | 0x%" SCNx64 " | 0x%" SCNx64 " | 0x%*x | 0x%" SCNx64
			     " | 0x%" SCNx64;

	return sscanf(line, format, &va->va, &va->size, &va->object, &va->offset) == 4;
}

int gpuvas_read(struct gpuva_map **maps, size_t *count)
{
	FILE *file = fopen(PATH, "re");
	struct gpuva va;
	char line[256];
	bool of_user = false;
	int err = 0;

	*maps = NULL;
	*count = 0;
	if (!file) {
		return -errno;
	}
	while (!err && fgets(line, sizeof(line), file)) {
		if (strncmp(line, TITLE, strlen(TITLE)) == 0) {
			of_user = strncmp(line + strlen(TITLE), USER_VM, strlen(USER_VM)) == 0;
			err = of_user ? add_map(maps, count) : 0;
		} else if (of_user && parse_va(line, &va)) {
			err = add_va(&(*maps)[*count - 1], &va);
		}
	}
	if (!err && ferror(file)) {
		err = -EIO;
	}
	fclose(file);
	if (err) {
		gpuvas_free(*maps, *count);
		*maps = NULL;
		*count = 0;
	}
	return err;
}

void gpuvas_free(struct gpuva_map *maps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(maps[i].vas);
	}
	free(maps);
}
