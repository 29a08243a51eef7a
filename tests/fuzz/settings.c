/* SPDX-License-Identifier: MIT */
#include <stdarg.h>

#include "base/names.h"
#include "base/settings.h"
#include "input.h"

/*
 * Environment variables of any content, and chains of VkLayerSettingsCreateInfoEXT for this and
 * other layers. A simple model keeps the last valid word of each setting. Checks that the settings
 * are those of the model.
 */

/* Linked with --wrap=vmb_log: formats the message, and writes nothing. */
void __wrap_vmb_log(enum vmb_log_level chosen, enum vmb_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void __wrap_vmb_log(enum vmb_log_level chosen, enum vmb_log_level level, const char *format, ...)
{
	char line[1024];
	va_list args;

	expect(chosen <= VMB_LOG_DEBUG && level <= VMB_LOG_DEBUG, "an unknown level");
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
}

static const struct {
	const char *name;
	const char *variable;
	const char *words[6]; /* in the order of the enum; none for a path */
} settings_known[] = {
	{ "route", "VMBIND_ROUTE", { "auto", "native", "assist", "provide", "off" } },
	{ "merge", "VMBIND_MERGE", { "auto", "on", "off" } },
	{ "defer_blobs", "VMBIND_DEFER_BLOBS", { "auto", "on", "off" } },
	{ "log", "VMBIND_LOG", { "error", "warn", "info", "debug" } },
	{ "stats", "VMBIND_STATS", { NULL } },
	{ "trace", "VMBIND_TRACE", { NULL } },
};
#define KNOWN (sizeof(settings_known) / sizeof(settings_known[0]))
#define MAX_TEXT 40

enum {
	ROUTE,
	MERGE,
	DEFER,
	LOG,
	STATS,
	TRACE
};

struct model {
	int values[KNOWN];
	char texts[KNOWN][MAX_TEXT];
};

static void set(struct model *model, size_t setting, const char *text)
{
	if (setting >= STATS) {
		memcpy(model->texts[setting], text, strlen(text) + 1);
		return;
	}
	for (int i = 0; i < 6 && settings_known[setting].words[i]; i++) {
		if (strcmp(settings_known[setting].words[i], text) == 0) {
			model->values[setting] = i;
		}
	}
}

/* A word of any setting, or any text. */
static void take_text(struct input *input, char text[MAX_TEXT])
{
	const char *word = settings_known[input_below(input, 3)].words[input_below(input, 6)];

	memset(text, 0, MAX_TEXT);
	if (word && !input_rarely(input)) {
		snprintf(text, MAX_TEXT, "%s", word);
	} else {
		input_bytes(input, text, input_below(input, MAX_TEXT));
	}
}

static void set_environment(struct input *input, struct model *model)
{
	char text[MAX_TEXT];

	for (size_t i = 0; i < KNOWN; i++) {
		unsetenv(settings_known[i].variable);
		if (input_u8(input) & 1) {
			take_text(input, text);
			expect(setenv(settings_known[i].variable, text, 1) == 0, "out of memory");
			set(model, i, text);
		}
	}
	unsetenv("DISABLE_VMBIND_SPARSE");
	if (input_rarely(input)) {
		setenv("DISABLE_VMBIND_SPARSE", "", 1);
	}
}

#ifdef VK_EXT_layer_settings

#define MAX_GIVEN 8
#define MAX_STRUCTS 3

static struct {
	VkLayerSettingEXT given[MAX_GIVEN];
	char names[MAX_GIVEN][MAX_TEXT];
	char texts[MAX_GIVEN][MAX_TEXT];
	const char *values[MAX_GIVEN];
	VkLayerSettingsCreateInfoEXT structs[MAX_STRUCTS];
} application;

static size_t find_known(const char *name)
{
	size_t setting = 0;

	while (setting < KNOWN && strcmp(settings_known[setting].name, name) != 0) {
		setting++;
	}
	return setting;
}

static void take_setting(struct input *input, size_t index, struct model *model)
{
	static const char *const layers[] = { VMB_LAYER_NAME, VMB_LAYER_NAME, VMB_LAYER_NAME,
		"VK_LAYER_KHRONOS_validation" };
	size_t setting = input_below(input, KNOWN + 1);
	size_t layer = input_below(input, 4);
	bool is_string = !input_rarely(input);
	bool is_one = !input_rarely(input);

	if (setting < KNOWN) {
		snprintf(application.names[index], MAX_TEXT, "%s", settings_known[setting].name);
	} else {
		take_text(input, application.names[index]);
		/* libFuzzer finds the known names, too. */
		setting = find_known(application.names[index]);
	}
	take_text(input, application.texts[index]);
	application.values[index] = application.texts[index];
	application.given[index] = (VkLayerSettingEXT){
		.pLayerName = layers[layer],
		.pSettingName = application.names[index],
		.type = is_string ? VK_LAYER_SETTING_TYPE_STRING_EXT
				  : (VkLayerSettingTypeEXT)input_u8(input),
		.valueCount = is_one ? 1 : input_u32(input),
		.pValues = &application.values[index],
	};
	if (setting < KNOWN && layer < 3 &&
		application.given[index].type == VK_LAYER_SETTING_TYPE_STRING_EXT &&
		application.given[index].valueCount == 1) {
		set(model, setting, application.texts[index]);
	}
}

static const void *make_chain(struct input *input, struct model *model)
{
	const void *chain = NULL;
	size_t count = input_below(input, MAX_GIVEN + 1);
	size_t structs = input_below(input, MAX_STRUCTS + 1);
	size_t first = 0;

	for (size_t i = 0; i < structs; i++) {
		VkLayerSettingsCreateInfoEXT *settings = &application.structs[i];
		size_t last = i + 1 == structs ? count : first + input_below(input, MAX_GIVEN);
		last = last > count ? count : last;
		*settings = (VkLayerSettingsCreateInfoEXT){
			.sType = input_rarely(input)
				? VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO
				: VK_STRUCTURE_TYPE_LAYER_SETTINGS_CREATE_INFO_EXT,
			.settingCount = (uint32_t)(last - first),
			.pSettings = &application.given[first],
		};
		struct model unused = { 0 };
		bool is_read = settings->sType == VK_STRUCTURE_TYPE_LAYER_SETTINGS_CREATE_INFO_EXT;
		for (; first < last; first++) {
			take_setting(input, first, is_read ? model : &unused);
		}
		if (i) {
			application.structs[i - 1].pNext = settings;
		} else {
			chain = settings;
		}
	}
	return chain;
}

#else

static const void *make_chain(struct input *input, struct model *model)
{
	(void)input;
	(void)model;
	return NULL;
}

#endif

static bool is_text(const char *path, const char *expected)
{
	return *expected ? path && strcmp(path, expected) == 0 : !path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct model model = { .values = { VMB_REQUEST_AUTO, VMB_MERGE_AUTO, VMB_DEFER_AUTO,
				       VMB_LOG_WARN } };
	VkInstanceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO };
	struct vmb_settings settings;

	info.pNext = make_chain(&input, &model);
	set_environment(&input, &model);
	expect(vmb_settings_init(&settings, &info) == 0, "the settings cannot be read");
	expect((int)settings.route == model.values[ROUTE], "unexpected route");
	expect((int)settings.merge == model.values[MERGE], "unexpected merge");
	expect((int)settings.defer_blobs == model.values[DEFER], "unexpected defer_blobs");
	expect((int)settings.log == model.values[LOG], "unexpected log level");
	expect(is_text(settings.stats, model.texts[STATS]), "unexpected stats path");
	expect(is_text(settings.trace, model.texts[TRACE]), "unexpected trace path");
	expect(settings.disabled ==
			(settings.route == VMB_REQUEST_OFF ||
				getenv("DISABLE_VMBIND_SPARSE") != NULL),
		"disabled is wrong");
	vmb_settings_finish(&settings);
	return 0;
}
