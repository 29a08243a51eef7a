/* SPDX-License-Identifier: MIT */
#ifndef VMB_CHILD_H
#define VMB_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <vulkan/vulkan.h>

/*
 * Queries of drivers, each in a child process, because a driver may crash, call exit() or never
 * return. The parent forks before it loads a library or starts a thread, and the child does not
 * call exec().
 */

/* The call or action that the child executes. */
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

/* For people, as in "hung in vkCreateInstance". */
const char *vmb_stage_name(enum vmb_stage stage);

/* The common start of all answers. The child updates it before each call. */
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
/* For people: a clause without its subject, the driver or the loader. */
void vmb_problem_describe(const struct vmb_problem *problem, char *text, size_t size);

struct vmb_query_options {
	unsigned timeout; /* seconds for each child */
	bool verbose; /* write the output of drivers to stderr */
};

/* Zeroed memory that the parent shares with children; NULL if memory is short. */
void *vmb_answer_alloc(size_t size);
/* Accepts NULL. */
void vmb_answer_free(void *answer, size_t size);

/* Runs in the child and fills in the answer. */
typedef void vmb_query(struct vmb_answer *answer, const void *data);

/* Runs the query in a child. After a problem the answer holds the values so far. */
struct vmb_problem vmb_query_run(const struct vmb_query_options *options, vmb_query *query,
	struct vmb_answer *answer, const void *data);

#endif
