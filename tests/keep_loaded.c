/* SPDX-License-Identifier: MIT */

/*
 * Linked into the test programs of a sanitizer build: keeps the driver and the layer loaded until
 * the program ends. The loader unloads both with the instance, and the leak checker, which runs at
 * exit, could then name neither the library of a leak (so that no suppression would match) nor the
 * line.
 */

#include <dlfcn.h>
#include <stdlib.h>

static const char *const libraries[] = {
	"libvulkan.so.1",
	"libvulkan_lvp.so",
};

__attribute__((constructor)) static void keep_loaded(void)
{
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
		dlopen(libraries[i], RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
	}
	const char *layer = getenv("VMBIND_LAYER_LIBRARY");
	if (layer != NULL) {
		dlopen(layer, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
	}
}
