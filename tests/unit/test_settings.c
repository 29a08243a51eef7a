/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* secure_getenv */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/names.h"
#include "base/settings.h"
#include "scenarios.h"

/* Linked with --wrap=strdup,--wrap=secure_getenv. */
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__real_secure_getenv(const char *name);
char *__wrap_secure_getenv(const char *name);

/* The number of copies that still succeed. */
static int good_copies;
/* Whether the program is set-uid. */
static bool set_uid;

char *__wrap_strdup(const char *text)
{
	if (good_copies == 0) {
		errno = ENOMEM;
		return NULL;
	}
	good_copies--;
	return __real_strdup(text);
}

char *__wrap_secure_getenv(const char *name)
{
	return set_uid ? NULL : __real_secure_getenv(name);
}

#define MAX_GIVEN 8

/*
 * Blanks separate the words of each text. environment has words VARIABLE=value. given has the
 * application's settings, name=value, with an optional prefix:
 *   a:  a setting of another layer
 *   n:  a number instead of a string
 *   t:  two strings
 *   c:  the first setting of another VkLayerSettingsCreateInfoEXT in the chain
 * expected has the settings that differ from the defaults, in the form of describe(). message is a
 * part of the text on stderr, or NULL for no text.
 */
struct scenario {
	const char *name;
	const char *environment;
	const char *given;
	const char *expected;
	const char *message;
};

/* clang-format off */
static const struct scenario scenarios[] = {
	{ "no setting", "", "", "", NULL },
	/* the environment */
	{ "route auto", "VMBIND_ROUTE=auto", "", "", NULL },
	{ "route native", "VMBIND_ROUTE=native", "", "route=native", NULL },
	{ "route assist", "VMBIND_ROUTE=assist", "", "route=assist", NULL },
	{ "route provide", "VMBIND_ROUTE=provide", "", "route=provide", NULL },
	{ "route off", "VMBIND_ROUTE=off", "", "disabled route=off", NULL },
	{ "defer blobs auto", "VMBIND_DEFER_BLOBS=auto", "", "", NULL },
	{ "defer blobs on", "VMBIND_DEFER_BLOBS=on", "", "defer_blobs=on", NULL },
	{ "defer blobs off", "VMBIND_DEFER_BLOBS=off", "", "defer_blobs=off", NULL },
	{ "merge auto", "VMBIND_MERGE=auto", "", "", NULL },
	{ "merge on", "VMBIND_MERGE=on", "", "merge=on", NULL },
	{ "merge off", "VMBIND_MERGE=off", "", "merge=off", NULL },
	{ "log error", "VMBIND_LOG=error", "", "log=error", NULL },
	{ "log warn", "VMBIND_LOG=warn", "", "", NULL },
	{ "log info", "VMBIND_LOG=info", "", "log=info", NULL },
	{ "log debug", "VMBIND_LOG=debug", "", "log=debug", NULL },
	{ "stats to a path", "VMBIND_STATS=/some/path", "", "stats=/some/path", NULL },
	{ "stats to stdout", "VMBIND_STATS=-", "", "stats=-", NULL },
	{ "stats with an empty path", "VMBIND_STATS=", "", "", NULL },
	{ "a trace", "VMBIND_TRACE=/some/path", "", "trace=/some/path", NULL },
	{ "a trace with an empty path", "VMBIND_TRACE=", "", "", NULL },
	{ "all settings at once",
		"VMBIND_TRACE=t VMBIND_STATS=s VMBIND_ROUTE=provide VMBIND_LOG=debug", "",
		"route=provide log=debug stats=s trace=t", NULL },
	{ "disabled", "DISABLE_VMBIND_SPARSE=1", "", "disabled", NULL },
	{ "disabled by 0", "DISABLE_VMBIND_SPARSE=0", "", "disabled", NULL },
	{ "disabled by an empty value", "DISABLE_VMBIND_SPARSE=", "", "disabled", NULL },
	{ "disabled takes precedence over the route",
		"DISABLE_VMBIND_SPARSE=1 VMBIND_ROUTE=provide", "",
		"disabled route=provide", NULL },
	{ "the layer ignores ENABLE_VMBIND_SPARSE", "ENABLE_VMBIND_SPARSE=0", "", "", NULL },
	/* bad values */
	{ "an unknown route", "VMBIND_ROUTE=native2", "", "",
		"'native2' is unknown and ignored; known values: auto, native, assist, provide, off" },
	{ "part of a route", "VMBIND_ROUTE=nat", "", "", "'nat'" },
	{ "capitals", "VMBIND_ROUTE=OFF", "", "", "'OFF'" },
	{ "an empty route", "VMBIND_ROUTE=", "", "", "'route'" },
	{ "a log level as a route", "VMBIND_ROUTE=debug", "", "", "'debug'" },
	{ "an unknown value of defer_blobs", "VMBIND_DEFER_BLOBS=yes", "", "",
		"'yes' is unknown and ignored; known values: auto, on, off" },
	{ "an unknown value of merge", "VMBIND_MERGE=all", "", "",
		"'all' is unknown and ignored; known values: auto, on, off" },
	{ "an unknown log level", "VMBIND_LOG=loud", "", "",
		"'loud' is unknown and ignored; known values: error, warn, info, debug" },
	{ "a number as a log level", "VMBIND_LOG=3", "", "", "'log'" },
	{ "a bad value leaves other settings alone",
		"VMBIND_LOG=? VMBIND_ROUTE=native VMBIND_STATS=-", "",
		"route=native stats=-", "'?'" },
	{ "bad values are reported at every level", "VMBIND_LOG=error VMBIND_ROUTE=?", "", "log=error", "'?'" },
#ifdef VK_EXT_layer_settings
	/* the application */
	{ "given: a route", "", "route=provide", "route=provide", NULL },
	{ "given: defer blobs", "", "defer_blobs=off", "defer_blobs=off", NULL },
	{ "given: merge", "", "merge=on", "merge=on", NULL },
	{ "given: off", "", "route=off", "disabled route=off", NULL },
	{ "given: all", "", "stats=s log=debug trace=t route=native", "route=native log=debug stats=s trace=t", NULL },
	{ "given: twice", "", "stats=s stats=t route=off route=native", "route=native stats=t", NULL },
	{ "given: reset by an empty value", "", "stats=s stats=", "", NULL },
	{ "given: in two structures", "", "stats=s c:route=native log=info", "route=native log=info stats=s", NULL },
	{ "given: to another layer", "", "a:route=native a:what=ever stats=s", "stats=s", NULL },
	{ "given: unknown", "", "rout=native stats=s", "stats=s", "'rout'" },
	{ "given: unknown, at log level error", "", "log=error rout=native", "log=error", NULL },
	{ "given: a bad value", "", "route=sideways stats=s", "stats=s", "'sideways'" },
	{ "given: a number", "", "n:route=native stats=s", "stats=s", "'route'" },
	{ "given: two strings", "", "t:route=native stats=s", "stats=s", "'route'" },
	/* both */
	{ "the environment wins", "VMBIND_ROUTE=native VMBIND_STATS=t", "route=provide stats=s log=info",
		"route=native log=info stats=t", NULL },
	{ "the environment resets merge", "VMBIND_MERGE=auto", "merge=off", "", NULL },
	{ "the environment resets defer_blobs", "VMBIND_DEFER_BLOBS=auto", "defer_blobs=off", "", NULL },
	{ "the environment turns the layer on", "VMBIND_ROUTE=auto", "route=off", "", NULL },
	{ "the environment names another trace", "VMBIND_TRACE=u", "trace=t", "trace=u", NULL },
	{ "the environment turns stats off", "VMBIND_STATS=", "stats=s", "", NULL },
	{ "a bad value in the environment", "VMBIND_ROUTE=?", "route=native", "route=native", "'?'" },
	{ "disabled takes precedence "
		"over given settings", "DISABLE_VMBIND_SPARSE=", "route=native", "disabled route=native", NULL },
#endif
};
/* clang-format on */

/* The next word of the text, in memory that the caller frees; NULL after the last. */
static char *next_word(const char **text)
{
	size_t skip = strspn(*text, " ");
	size_t length = strcspn(*text + skip, " ");
	char *word = length ? strndup(*text + skip, length) : NULL;

	*text += skip + length;
	return word;
}

/* The application's pNext chain: structures of other layers around the settings. */
struct chain {
	VkBaseInStructure before;
	VkBaseInStructure after;
	VkInstanceCreateInfo info;
#ifdef VK_EXT_layer_settings
	char *words[MAX_GIVEN];
	const char *values[MAX_GIVEN][2];
	VkLayerSettingEXT settings[MAX_GIVEN];
	VkLayerSettingsCreateInfoEXT given[2];
#endif
};

#ifdef VK_EXT_layer_settings
/* Makes a setting from a word name=value with an optional prefix. Splits the word at the "=". */
static void make_setting(VkLayerSettingEXT *setting, char *word, const char *values[2])
{
	char letter = word[1] == ':' ? word[0] : ' ';
	char *name = letter == ' ' ? word : word + 2;
	char *equals = strchr(name, '=');

	assert_non_null(equals);
	*equals = '\0';
	values[0] = values[1] = equals + 1;
	*setting = (VkLayerSettingEXT){
		.pLayerName = letter == 'a' ? "VK_LAYER_another" : VMB_LAYER_NAME,
		.pSettingName = name,
		.type = letter == 'n' ? VK_LAYER_SETTING_TYPE_UINT32_EXT
				      : VK_LAYER_SETTING_TYPE_STRING_EXT,
		.valueCount = letter == 't' ? 2 : 1,
		.pValues = values,
	};
}

static void add_given(struct chain *chain, const char *text)
{
	VkLayerSettingsCreateInfoEXT *info = &chain->given[0];
	char *word;

	for (size_t i = 0; (word = next_word(&text)); i++) {
		assert_true(i < MAX_GIVEN);
		chain->words[i] = word;
		make_setting(&chain->settings[i], word, chain->values[i]);
		if (word[0] == 'c' && word[1] == ':') {
			info = &chain->given[1];
		}
		if (info->settingCount++ == 0) {
			info->pSettings = &chain->settings[i];
		}
	}
}

static void insert_given(struct chain *chain, const char *text)
{
	for (size_t i = 0; i < 2; i++) {
		chain->given[i].sType = VK_STRUCTURE_TYPE_LAYER_SETTINGS_CREATE_INFO_EXT;
	}
	chain->before.pNext = (const void *)&chain->given[0];
	chain->given[0].pNext = &chain->after;
	chain->after.pNext = (const void *)&chain->given[1];
	add_given(chain, text);
}
#endif

static void chain_init(struct chain *chain, const char *given)
{
	*chain = (struct chain){
		.before = { .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT },
		.after = { .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT },
		.info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
			.pNext = &chain->before },
	};
	chain->before.pNext = &chain->after;
#ifdef VK_EXT_layer_settings
	insert_given(chain, given);
#else
	(void)given;
#endif
}

static void chain_finish(struct chain *chain)
{
#ifdef VK_EXT_layer_settings
	for (size_t i = 0; i < MAX_GIVEN; i++) {
		free(chain->words[i]);
	}
#endif
	*chain = (struct chain){ 0 };
}

/* Redirects stderr to a file during a call. */
struct capture {
	FILE *file;
	int saved;
};

static void begin_capture(struct capture *capture)
{
	capture->file = tmpfile();
	assert_non_null(capture->file);
	fflush(stderr);
	capture->saved = dup(STDERR_FILENO);
	assert_true(capture->saved >= 0);
	assert_true(dup2(fileno(capture->file), STDERR_FILENO) >= 0);
}

static void end_capture(struct capture *capture, char *text, size_t size)
{
	fflush(stderr);
	assert_true(dup2(capture->saved, STDERR_FILENO) >= 0);
	close(capture->saved);
	rewind(capture->file);
	text[fread(text, 1, size - 1, capture->file)] = '\0';
	fclose(capture->file);
}

/* Each line must begin with the layer's name. */
static void check_messages(const char *text, const char *expected)
{
	if (!expected) {
		assert_string_equal(text, "");
		return;
	}
	if (!strstr(text, expected)) {
		fail_msg("\"%s\" does not contain %s", text, expected);
	}
	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		assert_int_equal(strncmp(line, "vmbind: ", 8), 0);
		assert_non_null(strchr(line, '\n'));
	}
}

static void clear_environment(void)
{
	static const char *const variables[] = { "VMBIND_ROUTE", "VMBIND_MERGE",
		"VMBIND_DEFER_BLOBS", "VMBIND_LOG", "VMBIND_STATS", "VMBIND_TRACE",
		"ENABLE_VMBIND_SPARSE", "DISABLE_VMBIND_SPARSE" };

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		unsetenv(variables[i]);
	}
}

static int set_up(void **state)
{
	(void)state;
	clear_environment();
	good_copies = 100;
	set_uid = false;
	return 0;
}

static void set_environment(const char *text)
{
	char *word;

	while ((word = next_word(&text))) {
		char *equals = strchr(word, '=');
		assert_non_null(equals);
		*equals = '\0';
		assert_int_equal(setenv(word, equals + 1, 1), 0);
		free(word);
	}
}

/* Writes the settings that differ from the defaults. */
static void describe(const struct vmb_settings *settings, char *text, size_t size)
{
	static const char *const routes[] = {
		[VMB_REQUEST_AUTO] = "",
		[VMB_REQUEST_NATIVE] = " route=native",
		[VMB_REQUEST_ASSIST] = " route=assist",
		[VMB_REQUEST_PROVIDE] = " route=provide",
		[VMB_REQUEST_OFF] = " route=off",
	};
	static const char *const merges[] = {
		[VMB_MERGE_AUTO] = "",
		[VMB_MERGE_ON] = " merge=on",
		[VMB_MERGE_OFF] = " merge=off",
	};
	static const char *const deferrals[] = {
		[VMB_DEFER_AUTO] = "",
		[VMB_DEFER_ON] = " defer_blobs=on",
		[VMB_DEFER_OFF] = " defer_blobs=off",
	};
	static const char *const levels[] = {
		[VMB_LOG_ERROR] = " log=error",
		[VMB_LOG_WARN] = "",
		[VMB_LOG_INFO] = " log=info",
		[VMB_LOG_DEBUG] = " log=debug",
	};
	char all[256];

	snprintf(all, sizeof(all), "%s%s%s%s%s%s%s%s%s", settings->disabled ? " disabled" : "",
		routes[settings->route], merges[settings->merge], deferrals[settings->defer_blobs],
		levels[settings->log], settings->stats ? " stats=" : "",
		settings->stats ? settings->stats : "", settings->trace ? " trace=" : "",
		settings->trace ? settings->trace : "");
	snprintf(text, size, "%s", all[0] ? all + 1 : all);
}

static void check_settings(const struct vmb_settings *settings, const char *expected)
{
	char text[256];

	describe(settings, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void test_scenario(void **state)
{
	const struct scenario *scenario = *state;
	struct vmb_settings settings;
	struct capture capture;
	struct chain chain;
	char messages[2048];

	chain_init(&chain, scenario->given);
	set_environment(scenario->environment);
	begin_capture(&capture);
	int ret = vmb_settings_init(&settings, &chain.info);
	end_capture(&capture, messages, sizeof(messages));
	/* The settings own copies of the strings. */
	clear_environment();
	chain_finish(&chain);
	assert_int_equal(ret, 0);
	check_settings(&settings, scenario->expected);
	check_messages(messages, scenario->message);
	vmb_settings_finish(&settings);
	assert_null(settings.stats);
	assert_null(settings.trace);
	vmb_settings_finish(&settings);
}

static void test_set_uid(void **state)
{
	const VkInstanceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO };
	struct vmb_settings settings;

	(void)state;
	set_environment("VMBIND_ROUTE=off VMBIND_DEFER_BLOBS=off VMBIND_LOG=debug VMBIND_STATS=s "
			"VMBIND_TRACE=t DISABLE_VMBIND_SPARSE=1");
	set_uid = true;
	assert_int_equal(vmb_settings_init(&settings, &info), 0);
	check_settings(&settings, "");
	vmb_settings_finish(&settings);
}

static void test_zeroed(void **state)
{
	struct vmb_settings settings = { 0 };

	(void)state;
	vmb_settings_finish(&settings);
}

/* Each copy fails once. The settings leak nothing. */
static void test_without_memory(void **state)
{
	struct vmb_settings settings;
	struct chain chain;
	int good = 0;

	(void)state;
	chain_init(&chain, "stats=s");
	set_environment("VMBIND_STATS=t VMBIND_TRACE=u");
	for (good_copies = 0; vmb_settings_init(&settings, &chain.info) != 0; good_copies = good) {
		assert_null(settings.stats);
		assert_null(settings.trace);
		good++;
	}
#ifdef VK_EXT_layer_settings
	assert_int_equal(good, 3);
#else
	assert_int_equal(good, 2);
#endif
	check_settings(&settings, "stats=t trace=u");
	vmb_settings_finish(&settings);
	good_copies = 0;
	assert_int_equal(vmb_settings_init(&settings, &chain.info), -ENOMEM);
	chain_finish(&chain);
}

static const struct CMUnitTest others[] = {
	cmocka_unit_test_setup(test_set_uid, set_up),
	cmocka_unit_test(test_zeroed),
	cmocka_unit_test_setup(test_without_memory, set_up),
};

int main(void)
{
	const struct scenario_table table = SCENARIO_TABLE(scenarios);
	const struct CMUnitTest each = { .test_func = test_scenario, .setup_func = set_up };

	return run_scenarios("settings", &table, &each, others, sizeof(others) / sizeof(others[0]));
}
