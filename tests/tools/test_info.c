/* SPDX-License-Identifier: MIT */
/* The parts of vmbind-info that need no driver. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "advice.h"
#include "base/utf8.h"
#include "text.h"

static void test_utf8_every_code_point(void **state)
{
	char bytes[VMB_UTF8_MAX + 1];

	(void)state;
	for (uint32_t code = 1; code <= 0x110000; code++) {
		size_t length = vmb_utf8_encode(code, bytes);
		const char *at = bytes;
		bool is_one = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
		bytes[length] = '\0';
		assert_int_equal(vmb_utf8_next(&at), is_one ? code : VMB_UTF8_REPLACEMENT);
		assert_ptr_equal(at, bytes + (is_one ? length : 1));
	}
}

/* The decoder consumes each byte once and reads no byte after the end. */
static void test_utf8_any_bytes(void **state)
{
	(void)state;
	for (uint32_t bytes = 1; bytes <= 0xffffff; bytes++) {
		char *text = NULL;
		/* A separate allocation, so AddressSanitizer detects reads after the end. */
		if (bytes % 251 == 0) {
			text = malloc(4);
			assert_non_null(text);
			for (unsigned i = 0; i < 4; i++) {
				text[i] = (char)(bytes >> (8 * i));
			}
			const char *at = text;
			size_t length = strlen(text);
			while (vmb_utf8_next(&at)) {
				assert_true(at <= text + length);
			}
			assert_ptr_equal(at, text + length);
		}
		free(text);
	}
}

static void check_text(const char *label, const char *value, bool has_color, const char *wanted)
{
	char *seen = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&seen, &size);

	assert_non_null(out);
	const struct vmb_text text = { out, has_color };
	if (label) {
		vmb_text_field(&text, label, VMB_TEXT_BAD, value);
	} else {
		vmb_text_line(&text, VMB_TEXT_HEADING, value);
	}
	assert_int_equal(fclose(out), 0);
	assert_string_equal(seen, wanted);
	free(seen);
}

static void test_text(void **state)
{
#define TEN "123456789 "
#define LONG "123456789-123456789-123456789-123456789-123456789-123456789-123456789-"
	(void)state;
	check_text(NULL, "two  words", false, "two words\n");
	check_text(NULL, "", false, "\n");
	check_text("a", "b", false, "  a:             b\n");
	check_text("", "b", false, "                 b\n");
	/* The label has 17 columns and the value 63. */
	check_text("a", TEN TEN TEN TEN TEN TEN "abc", false,
		"  a:             " TEN TEN TEN TEN TEN TEN "abc\n");
	check_text("a", TEN TEN TEN TEN TEN TEN "abcd", false,
		"  a:             " TEN TEN TEN TEN TEN "123456789\n"
		"                 abcd\n");
	check_text("a", TEN TEN TEN TEN TEN TEN "5" VMB_TEXT_TIE "GiB", false,
		"  a:             " TEN TEN TEN TEN TEN "123456789\n"
		"                 5 GiB\n");
	/* Each character has one column, independent of its number of bytes. */
	check_text("a", TEN TEN TEN TEN TEN TEN "äöü", false,
		"  a:             " TEN TEN TEN TEN TEN TEN "äöü\n");
	check_text("a", "x " LONG " y", false,
		"  a:             x\n"
		"                 " LONG "\n"
		"                 y\n");
	check_text(NULL, "a\033[1mb\nc\xff", false,
		"a\xef\xbf\xbd[1mb\xef\xbf\xbd"
		"c\xef\xbf\xbd\n");
	check_text(NULL, "a", true, "\033[1ma\033[0m\n");
	check_text("a", "b", true, "  a:             \033[31mb\033[0m\n");
}

static const struct advice_case {
	const char *name;
	struct vmb_device_answer device;
	const char *kinds[VMB_ADVICE_MAX];
} advice_cases[] = {
#define DECIDED .is_decided = true
#define MESA(minor) .properties.driverVersion = VK_MAKE_API_VERSION(0, 26, minor, 0)
	{ "nothing known", { DECIDED }, { NULL } },
	{ "panvk 25.0",
		{ DECIDED, .driver_id = VK_DRIVER_ID_MESA_PANVK,
			.properties.driverVersion = VK_MAKE_API_VERSION(0, 25, 0, 7) },
		{ "newer-mesa" } },
	{ "panvk 26.1 on an old kernel",
		{ DECIDED, .driver_id = VK_DRIVER_ID_MESA_PANVK, MESA(1),
			.features.sparseBinding = VK_TRUE, .kernel.sparse = VMB_NO },
		{ "newer-mesa", "newer-kernel" } },
	{ "panvk 26.2",
		{ DECIDED, .driver_id = VK_DRIVER_ID_MESA_PANVK, MESA(2),
			.features.sparseBinding = VK_TRUE, .kernel.sparse = VMB_YES },
		{ NULL } },
	{ "lavapipe", { DECIDED, .driver_id = VK_DRIVER_ID_MESA_LLVMPIPE }, { "newer-mesa" } },
	{ "lavapipe with sparse",
		{ DECIDED, .driver_id = VK_DRIVER_ID_MESA_LLVMPIPE,
			.features.sparseBinding = VK_TRUE },
		{ NULL } },
	{ "virtio-gpu on an old kernel",
		{ DECIDED, .mappable_heap = 100, .kernel = { .hostmem = 100, .defers = VMB_NO } },
		{ "newer-kernel" } },
	{ "virtio-gpu without hostmem", { DECIDED, .kernel.defers = VMB_NO }, { NULL } },
	{ "a small hostmem",
		{ DECIDED, .mappable_heap = 101, .kernel = { .hostmem = 100, .defers = VMB_YES } },
		{ "larger-hostmem" } },
	{ "a full hostmem",
		{ DECIDED,
			.kernel = { .hostmem = 100,
				.defers = VMB_YES,
				.has_hostmem_used = true,
				.hostmem_used = 76 } },
		{ "larger-hostmem" } },
	{ "a used hostmem",
		{ DECIDED,
			.kernel = { .hostmem = 100,
				.defers = VMB_YES,
				.has_hostmem_used = true,
				.hostmem_used = 75 } },
		{ NULL } },
	{ "no node", { DECIDED, .kernel.error = -ENOENT }, { "render-node" } },
	{ "no access", { DECIDED, .kernel.error = -EACCES }, { "render-node" } },
	{ "the probe hung", { .answer.stage = VMB_STAGE_DECIDE }, { "native-route" } },
	{ "something else hung", { .answer.stage = VMB_STAGE_KERNEL }, { NULL } },
};

static void test_advice(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(advice_cases) / sizeof(advice_cases[0]); i++) {
		const struct advice_case *wanted = &advice_cases[i];
		struct vmb_advice advice[VMB_ADVICE_MAX];
		size_t count = vmb_advise(&wanted->device, advice);
		size_t wanted_count = 0;
		print_message("%s\n", wanted->name);
		while (wanted->kinds[wanted_count]) {
			wanted_count++;
		}
		assert_int_equal(count, wanted_count);
		for (size_t j = 0; j < count; j++) {
			assert_string_equal(advice[j].kind, wanted->kinds[j]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8_every_code_point),
		cmocka_unit_test(test_utf8_any_bytes),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
