/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fail_alloc.h"
#include "provide/submission.h"
#include "scenarios.h"

#define MOST 8
#define MOST_PIECES 6

/* The waits or the signals of a piece. The flag is set if some semaphores are timelines. */
struct side {
	uint32_t count;
	bool timeline;
};

struct piece {
	struct side waits;
	struct side signals;
};

/* Blanks separate the pieces. A piece is the count of waits, a >, and the count of signals. A t
 * after a count means that some of these semaphores are timelines. */
struct scenario {
	const char *name;
	const char *pieces;
};

static const struct scenario scenarios[] = {
	{ "nothing", "" },
	{ "an empty piece", "0>0" },
	{ "one wait", "1>0" },
	{ "one signal", "0>1" },
	{ "a timeline on each side", "1t>1t" },
	{ "a timeline waited for", "3t>2" },
	{ "a timeline signalled", "3>2t" },
	{ "as many as there is room for", "8>8" },
	{ "before and after", "5>1t 1t>5" },
	{ "a few pieces", "0>4t 4>0 2t>1 4>4t" },
	{ "more than a few", "1>2 0>5t 5>0 2t>1 4>4t" },
	{ "all that there is room for", "8>1 0>8t 8>0 2t>1 4>4t 3>3" },
};

static const char *parse_side(const char *text, struct side *side)
{
	side->count = (uint32_t)(*text++ - '0');
	assert_true(side->count <= MOST);
	side->timeline = *text == 't';
	return text + side->timeline;
}

static uint32_t parse(const char *text, struct piece *pieces)
{
	uint32_t count = 0;

	for (; *text; text += strspn(text, " ")) {
		assert_true(count < MOST_PIECES);
		text = parse_side(text, &pieces[count].waits);
		assert_int_equal(*text++, '>');
		text = parse_side(text, &pieces[count++].signals);
	}
	return count;
}

/* The test compares the addresses and never reads the elements. */
static VkSemaphore handles[MOST_PIECES][2][MOST];
static const uint64_t values[MOST_PIECES][2][MOST];

static struct vmb_semaphores semaphores_of(const struct side *side, uint32_t piece, int which)
{
	return (struct vmb_semaphores){
		.count = side->count,
		.handles = handles[piece][which],
		.values = side->timeline ? values[piece][which] : NULL,
	};
}

/* Each semaphore has a value. Without timelines, all values are 0. */
static void check_values(
	const struct side *side, uint32_t piece, int which, uint32_t count, const uint64_t *given)
{
	assert_int_equal(count, side->count);
	assert_non_null(given);
	if (side->timeline) {
		assert_ptr_equal(given, values[piece][which]);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(given[i], 0);
	}
}

static void check_piece(const struct piece *piece, uint32_t index, const VkSubmitInfo *info)
{
	const VkTimelineSemaphoreSubmitInfo *timeline = info->pNext;

	assert_int_equal(info->sType, VK_STRUCTURE_TYPE_SUBMIT_INFO);
	assert_int_equal(info->waitSemaphoreCount, piece->waits.count);
	assert_int_equal(info->signalSemaphoreCount, piece->signals.count);
	assert_ptr_equal(info->pWaitSemaphores, handles[index][0]);
	assert_ptr_equal(info->pSignalSemaphores, handles[index][1]);
	assert_int_equal(info->commandBufferCount, 0);
	for (uint32_t i = 0; i < info->waitSemaphoreCount; i++) {
		assert_int_equal(info->pWaitDstStageMask[i], VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
	}
	assert_non_null(timeline);
	assert_int_equal(timeline->sType, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
	assert_null(timeline->pNext);
	check_values(&piece->waits, index, 0, timeline->waitSemaphoreValueCount,
		timeline->pWaitSemaphoreValues);
	check_values(&piece->signals, index, 1, timeline->signalSemaphoreValueCount,
		timeline->pSignalSemaphoreValues);
}

static uint32_t longest(const struct piece *pieces, uint32_t count)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < count; i++) {
		most = pieces[i].waits.count > most ? pieces[i].waits.count : most;
		most = pieces[i].signals.count > most ? pieces[i].signals.count : most;
	}
	return most;
}

static void test_scenario(void **state)
{
	const struct scenario *scenario = *state;
	struct piece pieces[MOST_PIECES];
	uint32_t count = parse(scenario->pieces, pieces);
	struct vmb_submission submission;

	assert_int_equal(
		vmb_submission_init(&submission, count, longest(pieces, count)), VK_SUCCESS);
	for (uint32_t i = 0; i < count; i++) {
		struct vmb_semaphores waits = semaphores_of(&pieces[i].waits, i, 0);
		struct vmb_semaphores signals = semaphores_of(&pieces[i].signals, i, 1);
		assert_int_equal(submission.count, i);
		vmb_submission_add(&submission, &waits, &signals);
	}
	assert_int_equal(submission.count, count);
	for (uint32_t i = 0; i < count; i++) {
		check_piece(&pieces[i], i, &submission.infos[i]);
	}
	vmb_submission_finish(&submission);
	vmb_submission_finish(&submission);
}

static void test_without_memory(void **state)
{
	uint64_t good = 0;
	VkResult result;

	(void)state;
	do {
		struct vmb_submission submission;
		fail_alloc_after(good);
		result = vmb_submission_init(
			&submission, VMB_SUBMISSION_FEW + 1, VMB_SUBMISSION_FEW + 1);
		fail_alloc_after(FAIL_NEVER);
		if (result != VK_SUCCESS) {
			assert_int_equal(result, VK_ERROR_OUT_OF_HOST_MEMORY);
			assert_null(submission.infos);
			good++;
		}
		vmb_submission_finish(&submission);
	} while (result != VK_SUCCESS);
	assert_int_equal(good, 4);
}

static void test_zeroed(void **state)
{
	struct vmb_submission submission = { 0 };

	(void)state;
	vmb_submission_finish(&submission);
}

static const struct CMUnitTest others[] = {
	cmocka_unit_test(test_without_memory),
	cmocka_unit_test(test_zeroed),
};

int main(void)
{
	const struct scenario_table table = SCENARIO_TABLE(scenarios);
	const struct CMUnitTest each = { .test_func = test_scenario };

	return run_scenarios(
		"submission", &table, &each, others, sizeof(others) / sizeof(others[0]));
}
