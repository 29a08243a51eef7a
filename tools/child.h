/* SPDX-License-Identifier: MIT */
#ifndef VMB_CHILD_H
#define VMB_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <vulkan/vulkan.h>

/*
 * Questions to drivers, each in a child process: a driver may crash, call exit() or never return.
 * The child is forked and goes on in this program, before anything was loaded into it and before it
 * had threads.
 */

/* What the child is at. */
enum vmb_stage {
	VMB_STAGE_START,
	VMB_STAGE_LOADER,
	VMB_STAGE_LAYERS,
	VMB_STAGE_INSTANCE,
	VMB_STAGE_ENUMERATE,
	VMB_STAGE_PROPERTIES,
	VMB_STAGE_FEATURES,
	VMB_STAGE_KERNEL,
	VMB_STAGE_DECIDE,
	VMB_STAGE_COUNT,
};

/* For people, as in "it hung in …". */
const char *vmb_stage_name(enum vmb_stage stage);

/* What every answer begins with; the child writes it as it goes. */
struct vmb_answer {
	enum vmb_stage stage;
	bool is_complete;
	VkResult result; /* of the call that failed */
};

enum vmb_problem_kind {
	VMB_PROBLEM_NONE,
	VMB_PROBLEM_FAILED, /* detail: the VkResult, 0 if the stage has none */
	VMB_PROBLEM_CRASHED, /* detail: the signal */
	VMB_PROBLEM_EXITED, /* detail: the status */
	VMB_PROBLEM_HUNG, /* detail: the limit in seconds */
	VMB_PROBLEM_NO_CHILD, /* detail: the errno */
};

struct vmb_problem {
	enum vmb_problem_kind kind;
	enum vmb_stage stage;
	int detail;
};

/* One word, for programs. */
const char *vmb_problem_name(enum vmb_problem_kind kind);
/* For people: a clause whose subject is what was asked. */
void vmb_problem_describe(const struct vmb_problem *problem, char *text, size_t size);

struct vmb_asking {
	unsigned limit; /* seconds for each child */
	bool verbose; /* let through what drivers print */
};

/* Zeroed memory that a child's answer is seen in; NULL if memory is short. */
void *vmb_answer_alloc(size_t size);
/* Accepts NULL. */
void vmb_answer_free(void *answer, size_t size);

typedef void vmb_question(struct vmb_answer *answer, const void *data);

/* Asks in a child. Where there is a problem the answer holds what the child had come to. */
struct vmb_problem vmb_ask(const struct vmb_asking *asking, vmb_question *question,
	struct vmb_answer *answer, const void *data);

#endif
