/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* secure_getenv */
#include "base/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"

struct word {
	const char *name;
	int value;
};

static const struct word route_words[] = {
	{ "auto", VMB_REQUEST_AUTO },
	{ "native", VMB_REQUEST_NATIVE },
	{ "assist", VMB_REQUEST_ASSIST },
	{ "provide", VMB_REQUEST_PROVIDE },
	{ "off", VMB_REQUEST_OFF },
	{ NULL, 0 },
};

static const struct word merge_words[] = {
	{ "auto", VMB_MERGE_AUTO },
	{ "on", VMB_MERGE_ON },
	{ "off", VMB_MERGE_OFF },
	{ NULL, 0 },
};

static const struct word defer_words[] = {
	{ "auto", VMB_DEFER_AUTO },
	{ "on", VMB_DEFER_ON },
	{ "off", VMB_DEFER_OFF },
	{ NULL, 0 },
};

static const struct word log_words[] = {
	{ "error", VMB_LOG_ERROR },
	{ "warn", VMB_LOG_WARN },
	{ "info", VMB_LOG_INFO },
	{ "debug", VMB_LOG_DEBUG },
	{ NULL, 0 },
};

/* Lists the words of a setting. */
static void list_words(const struct word *words, char *list, size_t room)
{
	size_t length = 0;

	for (const struct word *word = words; word->name && length < room; word++) {
		length += (size_t)snprintf(list + length, room - length, "%s%s",
			word == words ? "" : ", ", word->name);
	}
}

static int look_up(const struct vmb_settings *settings, const char *setting, const char *text,
	const struct word *words, int fallback)
{
	for (const struct word *word = words; word->name; word++) {
		if (strcmp(text, word->name) == 0) {
			return word->value;
		}
	}
	char known[100];
	list_words(words, known, sizeof(known));
	vmb_log(settings->log, VMB_LOG_ERROR,
		"setting '%s': the value '%s' is unknown and ignored; known values: %s", setting,
		text, known);
	return fallback;
}

/* Stores a copy of the path, or NULL for an empty path. */
static int set_path(char **path, const char *text)
{
	char *copy = *text ? strdup(text) : NULL;

	if (*text && !copy) {
		return -ENOMEM;
	}
	free(*path);
	*path = copy;
	return 0;
}

/* Stores the setting of this name. Logs an unknown name. */
static int set_by_name(struct vmb_settings *settings, const char *name, const char *text)
{
	if (strcmp(name, "log") == 0) {
		settings->log = (enum vmb_log_level)look_up(
			settings, name, text, log_words, (int)settings->log);
		return 0;
	}
	if (strcmp(name, "route") == 0) {
		settings->route = (enum vmb_route_request)look_up(
			settings, name, text, route_words, (int)settings->route);
		return 0;
	}
	if (strcmp(name, "merge") == 0) {
		settings->merge = (enum vmb_merge_request)look_up(
			settings, name, text, merge_words, (int)settings->merge);
		return 0;
	}
	if (strcmp(name, "defer_blobs") == 0) {
		settings->defer_blobs = (enum vmb_defer)look_up(
			settings, name, text, defer_words, (int)settings->defer_blobs);
		return 0;
	}
	if (strcmp(name, "stats") == 0) {
		return set_path(&settings->stats, text);
	}
	if (strcmp(name, "trace") == 0) {
		return set_path(&settings->trace, text);
	}
	vmb_log(settings->log, VMB_LOG_WARN,
		"setting '%s' is unknown and ignored; known: route, merge, defer_blobs, log, "
		"stats, trace",
		name);
	return 0;
}

static int read_create_info(struct vmb_settings *settings, const VkInstanceCreateInfo *info)
{
#ifdef VK_EXT_layer_settings
	for (const VkBaseInStructure *node = info->pNext; node; node = node->pNext) {
		if (node->sType != VK_STRUCTURE_TYPE_LAYER_SETTINGS_CREATE_INFO_EXT) {
			continue;
		}
		const VkLayerSettingsCreateInfoEXT *given = (const void *)node;
		for (uint32_t i = 0; i < given->settingCount; i++) {
			const VkLayerSettingEXT *setting = &given->pSettings[i];
			if (strcmp(setting->pLayerName, VMB_LAYER_NAME) != 0) {
				continue;
			}
			if (setting->type != VK_LAYER_SETTING_TYPE_STRING_EXT ||
				setting->valueCount != 1) {
				vmb_log(settings->log, VMB_LOG_ERROR,
					"setting '%s' must be one string, ignored",
					setting->pSettingName);
				continue;
			}
			int ret = set_by_name(settings, setting->pSettingName,
				*(const char *const *)setting->pValues);
			if (ret < 0) {
				return ret;
			}
		}
	}
#else
	(void)settings;
	(void)info;
#endif
	return 0;
}

static int read_environment(struct vmb_settings *settings)
{
	static const struct {
		const char *variable;
		const char *name;
	} table[] = {
		/* The log level comes first because it filters the messages about the others. */
		{ "VMBIND_LOG", "log" },
		{ "VMBIND_ROUTE", "route" },
		{ "VMBIND_MERGE", "merge" },
		{ "VMBIND_DEFER_BLOBS", "defer_blobs" },
		{ "VMBIND_STATS", "stats" },
		{ "VMBIND_TRACE", "trace" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *text = secure_getenv(table[i].variable);
		int ret = text ? set_by_name(settings, table[i].name, text) : 0;
		if (ret < 0) {
			return ret;
		}
	}
	return 0;
}

int vmb_settings_init(struct vmb_settings *settings, const VkInstanceCreateInfo *info)
{
	*settings = (struct vmb_settings){
		.route = VMB_REQUEST_AUTO,
		.merge = VMB_MERGE_AUTO,
		.defer_blobs = VMB_DEFER_AUTO,
		.log = VMB_LOG_WARN,
	};

	int ret = read_create_info(settings, info);
	if (ret == 0) {
		ret = read_environment(settings);
	}
	if (ret < 0) {
		vmb_settings_finish(settings);
		return ret;
	}
	/* The loader disables an implicit layer if the variable is set to any value. The loader
	 * does not check the variable for an explicit layer, so the layer checks it. */
	settings->disabled = settings->route == VMB_REQUEST_OFF ||
		secure_getenv("DISABLE_VMBIND_SPARSE") != NULL;
	return 0;
}

void vmb_settings_finish(struct vmb_settings *settings)
{
	free(settings->stats);
	settings->stats = NULL;
	free(settings->trace);
	settings->trace = NULL;
}
