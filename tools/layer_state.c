/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* dl_iterate_phdr, secure_getenv, asprintf */
#include "layer_state.h"

#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/names.h"

#define LIBRARY "libVkLayer_VMBIND_sparse.so"

const char *vmb_layer_status_name(enum vmb_layer_status status)
{
	static const char *const names[] = {
		[VMB_LAYER_UNKNOWN] = "unknown",
		[VMB_LAYER_MISSING] = "missing",
		[VMB_LAYER_AVAILABLE] = "available",
		[VMB_LAYER_NOT_LOADED] = "not-loaded",
		[VMB_LAYER_TURNED_OFF] = "turned-off",
		[VMB_LAYER_ENABLED] = "enabled",
	};

	return names[status];
}

struct layer_answer {
	struct vmb_answer answer; /* first */
	struct vmb_loader_facts loader;
	bool is_listed;
	char library[1024];
};

static bool is_listed(struct vmb_answer *answer, PFN_vkGetInstanceProcAddr get)
{
	PFN_vkEnumerateInstanceLayerProperties enumerate = (PFN_vkEnumerateInstanceLayerProperties)
		get(NULL, "vkEnumerateInstanceLayerProperties");
	VkLayerProperties *layers = NULL;
	uint32_t count = 0;
	bool found = false;

	answer->stage = VMB_STAGE_LAYERS;
	if (!enumerate || enumerate(&count, NULL) < 0) {
		return false;
	}
	layers = calloc(count ? count : 1, sizeof(*layers));
	if (!layers || enumerate(&count, layers) < 0) {
		count = 0;
	}
	for (uint32_t i = 0; i < count; i++) {
		found = found || strcmp(layers[i].layerName, VMB_LAYER_NAME) == 0;
	}
	free(layers);
	return found;
}

/* Does not use /proc/self/maps, which may be missing in a container. */
static int find_library(struct dl_phdr_info *info, size_t size, void *data)
{
	struct layer_answer *out = data;
	const char *slash = strrchr(info->dlpi_name, '/');

	(void)size;
	if (strcmp(slash ? slash + 1 : info->dlpi_name, LIBRARY) != 0) {
		return 0;
	}
	snprintf(out->library, sizeof(out->library), "%s", info->dlpi_name);
	return 1;
}

static void query_loader(struct vmb_answer *answer, const void *data)
{
	struct layer_answer *out = (struct layer_answer *)answer;
	const char *driver = data;
	VkInstance instance;

	vmb_environment_drop_files();
	if (driver) {
		vmb_environment_pin_driver(driver);
	}
	PFN_vkGetInstanceProcAddr get = vmb_loader_open(answer, &out->loader);
	if (!get) {
		return;
	}
	out->is_listed = is_listed(answer, get);
	if (vmb_loader_create_instance(answer, get, &instance)) {
		dl_iterate_phdr(find_library, out);
		answer->is_complete = true;
	}
}

static bool list_has_name(const char *list, const char *name)
{
	size_t length = strlen(name);

	while (list) {
		size_t item = strcspn(list, ":");
		if (item == length && strncmp(list, name, length) == 0) {
			return true;
		}
		list = list[item] ? list + item + 1 : NULL;
	}
	return false;
}

/* Like the loader, requires the exact value that the manifest names. */
static bool is_requested(void)
{
	const char *enable = secure_getenv("ENABLE_VMBIND_SPARSE");

	return (enable && strcmp(enable, "1") == 0) ||
		list_has_name(secure_getenv("VK_INSTANCE_LAYERS"), VMB_LAYER_NAME);
}

static enum vmb_layer_status layer_status(const struct vmb_layer_state *state,
	const struct layer_answer *answer, const struct vmb_settings *settings)
{
	bool is_found = answer->is_listed || state->library[0];

	if (!answer->loader.found) {
		return VMB_LAYER_UNKNOWN;
	}
	/* The loader does not list a layer whose disable variable is set. */
	if (settings->disabled && (is_found || state->manifests.count > 0)) {
		return VMB_LAYER_TURNED_OFF;
	}
	if (state->library[0]) {
		return VMB_LAYER_ENABLED;
	}
	if (!is_found) {
		return VMB_LAYER_MISSING;
	}
	if (!answer->answer.is_complete) {
		return VMB_LAYER_UNKNOWN;
	}
	return is_requested() ? VMB_LAYER_NOT_LOADED : VMB_LAYER_AVAILABLE;
}

/* The directory of the layer's manifest, relative to this program: in the build tree, or in an
 * install prefix that the loader does not search. NULL if there is none. */
static char *manifests_beside(void)
{
	static const char *const places[] = { "../manifest", "../share/vulkan/explicit_layer.d" };
	char self[4096];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *found = NULL;

	if (length < 0) {
		return NULL;
	}
	self[length] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !found; i++) {
		char *directory = NULL, *file = NULL;
		if (asprintf(&directory, "%s/%s", self, places[i]) < 0) {
			return NULL;
		}
		if (asprintf(&file, "%s/VkLayer_VMBIND_sparse.json", directory) < 0) {
			file = NULL;
		}
		if (file && access(file, R_OK) == 0) {
			found = realpath(directory, NULL);
		}
		free(file);
		free(directory);
	}
	return found;
}

static bool has_implicit_manifest(const struct vmb_manifests *manifests)
{
	for (size_t i = 0; i < manifests->count; i++) {
		if (strstr(manifests->paths[i], "implicit_layer.d/")) {
			return true;
		}
	}
	return false;
}

/* Unsets the variables that turn the layer off. */
static const char *unset_command(const struct vmb_settings *settings)
{
	bool by_variable = secure_getenv("DISABLE_VMBIND_SPARSE") != NULL;
	bool by_route = settings->route == VMB_REQUEST_OFF;

	if (by_variable && by_route) {
		return "env -u DISABLE_VMBIND_SPARSE -u VMBIND_ROUTE ";
	}
	return by_variable ? "env -u DISABLE_VMBIND_SPARSE " : "env -u VMBIND_ROUTE ";
}

/* Sets *out to NULL if no command enables the layer. */
static int enable_command(
	const struct vmb_layer_state *state, const struct vmb_settings *settings, char **out)
{
	const char *first = state->status == VMB_LAYER_TURNED_OFF ? unset_command(settings) : "";
	char *directory = NULL;
	int ret;

	*out = NULL;
	if (state->status == VMB_LAYER_ENABLED || state->status == VMB_LAYER_NOT_LOADED) {
		return 0;
	}
	if (state->status != VMB_LAYER_MISSING && state->manifests.count > 0) {
		ret = asprintf(out, "%s%s", first,
			has_implicit_manifest(&state->manifests)
				? "ENABLE_VMBIND_SPARSE=1"
				: "VK_INSTANCE_LAYERS=" VMB_LAYER_NAME);
	} else if ((directory = manifests_beside())) {
		ret = asprintf(out, "%sVK_ADD_LAYER_PATH=%s VK_INSTANCE_LAYERS=%s", first,
			directory, VMB_LAYER_NAME);
		free(directory);
	} else {
		return 0;
	}
	if (ret < 0) {
		*out = NULL;
		return -ENOMEM;
	}
	return 0;
}

int vmb_layer_state_init(struct vmb_layer_state *state, const struct vmb_query_options *options,
	const struct vmb_settings *settings, const char *driver)
{
	struct layer_answer *answer = vmb_answer_alloc(sizeof(*answer));

	*state = (struct vmb_layer_state){ 0 };
	if (!answer) {
		return -ENOMEM;
	}
	int ret = vmb_manifests_find(&state->manifests, VMB_MANIFEST_EXPLICIT_LAYER);
	if (ret == 0) {
		ret = vmb_manifests_find(&state->manifests, VMB_MANIFEST_IMPLICIT_LAYER);
	}
	if (ret == 0) {
		vmb_manifests_keep(&state->manifests, "\"" VMB_LAYER_NAME "\"");
		state->problem = vmb_query_run(options, query_loader, &answer->answer, driver);
		memcpy(state->library, answer->library, sizeof(state->library));
		state->status = layer_status(state, answer, settings);
		ret = enable_command(state, settings, &state->enable);
	}
	vmb_answer_free(answer, sizeof(*answer));
	return ret;
}

void vmb_layer_state_finish(struct vmb_layer_state *state)
{
	vmb_manifests_finish(&state->manifests);
	free(state->enable);
}
