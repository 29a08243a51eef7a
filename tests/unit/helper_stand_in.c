/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "helper_report.h"

/* Stands in for the helper program. Carries out the order in the shared page. */

extern char **environ;

static void count_descriptors(struct helper_page *page)
{
	DIR *directory = opendir("/proc/self/fd");
	const struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		int fd = atoi(entry->d_name);
		page->descriptors += entry->d_name[0] != '.' && fd != dirfd(directory);
	}
	page->is_first_open = fcntl(STDIN_FILENO, F_GETFD) >= 0;
}

static void read_signals(struct helper_page *page)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[256];

	while (status && fgets(line, sizeof(line), status)) {
		sscanf(line, "SigBlk: %31s", page->blocked);
		sscanf(line, "SigIgn: %31s", page->ignored);
	}
}

int main(int argument_count, char **arguments)
{
	struct helper_page *page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
		MAP_SHARED, STDIN_FILENO, 0);

	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	if (page == MAP_FAILED) {
		return errno;
	}
	page->parent = getppid();
	page->arguments = argument_count;
	page->application = argument_count > 1 ? atoi(arguments[1]) : 0;
	page->device = argument_count > 2 ? strtoull(arguments[2], NULL, 10) : 0;
	for (char **variable = environ; *variable; variable++) {
		page->environment++;
	}
	count_descriptors(page);
	read_signals(page);
	page->pid = getpid();
	switch (page->order) {
	case HELPER_FAIL:
		return ENOMEM;
	case HELPER_DIE:
		raise(SIGKILL);
		return 0;
	case HELPER_KILL_PARENT:
		kill(getppid(), SIGKILL);
		return 0;
	case HELPER_HANG:
		fcntl(STDIN_FILENO, F_SETLK, &lock);
		page->is_locked = 1;
		while (!page->go_on) {
			usleep(1000);
		}
		return 0;
	default:
		return 0;
	}
}
