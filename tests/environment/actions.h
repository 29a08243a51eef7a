/* SPDX-License-Identifier: MIT */
#ifndef VMB_TESTS_ENVIRONMENT_ACTIONS_H
#define VMB_TESTS_ENVIRONMENT_ACTIONS_H

#include <stdbool.h>

/* A change that a program makes on request. */
struct action {
	const char *name;
	void (*run)(const char *argument);
};

/* Runs the action of a text ACTION or ACTION=ARGUMENT. actions ends with a NULL name. Returns false
 * if there is no such action. */
bool action_run(const struct action *actions, const char *text);

#endif
