// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

pid_t process_start(int (*run)(void *argument), void *argument)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		fail("fork: %s", strerror(errno));
	}
	if (pid == 0) {
		_exit(run(argument));
	}
	return pid;
}

int process_wait(pid_t pid, double limit_ms)
{
	double deadline = milliseconds() + limit_ms;
	int status;

	for (;;) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			return WIFEXITED(status) ? WEXITSTATUS(status) : -2;
		}
		if (milliseconds() > deadline) {
			return -1;
		}
		usleep(1000);
	}
}

/* Reads the start of /proc/PID/NAME as text. */
static void read_file(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	FILE *file;
	size_t length = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "r");
	if (file) {
		length = fread(text, 1, size - 1, file);
		fclose(file);
	}
	text[length] = '\0';
}

char process_state(pid_t pid)
{
	char text[512], state = '\0';
	const char *end;

	read_file(pid, "stat", text, sizeof(text));
	end = strrchr(text, ')');
	if (end) {
		sscanf(end, ") %c", &state);
	}
	return state;
}

bool process_blocks_in(pid_t pid, const char *function, double limit_ms)
{
	double deadline = milliseconds() + limit_ms;
	char stack[4096];

	do {
		read_file(pid, "stack", stack, sizeof(stack));
		if (process_state(pid) == 'D' && strstr(stack, function)) {
			return true;
		}
		usleep(1000);
	} while (milliseconds() < deadline);
	return false;
}

static void read_children(pid_t pid, char *text, size_t size)
{
	char name[64];

	snprintf(name, sizeof(name), "task/%d/children", pid);
	read_file(pid, name, text, size);
}

unsigned process_children(pid_t pid)
{
	char text[512];
	unsigned count = 0;

	read_children(pid, text, sizeof(text));
	for (const char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
		count++;
	}
	return count;
}

pid_t process_child(pid_t pid, double limit_ms)
{
	double deadline = milliseconds() + limit_ms;
	char text[512];
	int child = 0;

	do {
		read_children(pid, text, sizeof(text));
		if (sscanf(text, "%d", &child) == 1) {
			return child;
		}
		usleep(1000);
	} while (milliseconds() < deadline);
	return 0;
}

struct reading {
	pid_t pid;
	const char *name;
};

static int read_once(void *argument)
{
	const struct reading *reading = argument;
	char text[4096];

	read_file(reading->pid, reading->name, text, sizeof(text));
	return 0;
}

bool process_file_readable(pid_t pid, const char *name, double limit_ms)
{
	struct reading reading = { pid, name };
	pid_t reader = process_start(read_once, &reading);
	bool readable = process_wait(reader, limit_ms) == 0;

	if (!readable) {
		process_kill(reader, 0);
	}
	return readable;
}

bool process_kill(pid_t pid, double delay_ms)
{
	usleep((useconds_t)(delay_ms * 1e3));
	kill(pid, SIGKILL);
	return process_wait(pid, 20000) == -2;
}
