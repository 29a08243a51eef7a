/* SPDX-License-Identifier: MIT */
#include "actions.h"

#include <string.h>

bool action_run(const struct action *actions, const char *text)
{
	const size_t length = strcspn(text, "=");

	for (const struct action *action = actions; action->name; action++) {
		if (strlen(action->name) == length && strncmp(action->name, text, length) == 0) {
			action->run(text + length + (text[length] == '='));
			return true;
		}
	}
	return false;
}
