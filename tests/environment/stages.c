/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* struct sigaction, strerrorname_np */
#include "stages.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actions.h"
#include "command_line.h"
#include "vk.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

FILE *output;

static struct command_line command_line;
static char **arguments;
/* The argument whose change is being made. */
static char **current;

static void report_failure(const char *message)
{
	fprintf(output, "failed: %s\n", message);
	exit(1);
}

/* Status 77: the machine does not allow the change. */
static void skip(const char *what)
{
	fprintf(output, "skipped: %s: %s\n", what, strerror(errno));
	fflush(output);
	_exit(77);
}

static void reject(const char *argument)
{
	fprintf(output, "wrong argument: %s\n", argument);
	fflush(output);
	_exit(WRONG_ARGUMENT);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			vku_fail("waitpid: %s", strerror(errno));
		}
	}
	return status;
}

void fork_and_exit(void)
{
	fflush(output);
	pid_t pid = fork();
	if (pid == 0) {
		exit(0);
	}
	if (pid < 0) {
		fprintf(output, "fork: %s\n", strerrorname_np(errno));
		return;
	}
	fprintf(output, "child: status %#x\n", (unsigned)wait_for(pid));
}

static void fork_exit(const char *argument)
{
	(void)argument;
	fork_and_exit();
}

/* The child is the rest of the program, and the parent passes its status on. */
static void fork_continue(const char *argument)
{
	(void)argument;
	fflush(output);
	pid_t pid = fork();
	if (pid < 0) {
		vku_fail("fork: %s", strerror(errno));
	}
	if (pid > 0) {
		int status = wait_for(pid);
		if (WIFSIGNALED(status)) {
			signal(WTERMSIG(status), SIG_DFL);
			raise(WTERMSIG(status));
		}
		_exit(WEXITSTATUS(status));
	}
}

/* Starts the program again, without this argument. The objects of the program stay alive. */
static void exec_again(const char *argument)
{
	(void)argument;
	fflush(output);
	for (char **word = current; *word; word++) {
		word[0] = word[1];
	}
	command_line_exec(&command_line, arguments);
	vku_fail("exec: %s", strerror(errno));
}

static void lock_memory(const char *argument)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	(void)argument;
	if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 && geteuid() != 0) {
		skip("RLIMIT_MEMLOCK");
	}
	if (mlockall(MCL_FUTURE) != 0) {
		skip("mlockall");
	}
}

/* Neighbouring pages have different protections, so each is a mapping. */
static void add_mappings(const char *argument)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t count = strtoul(argument, NULL, 0);
	char *pages = mmap(NULL, count * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED) {
		skip("mmap");
	}
	for (size_t i = 0; i < count; i += 2) {
		if (mprotect(pages + i * page, page, PROT_READ) != 0) {
			skip("mprotect");
		}
	}
}

static void ignore_signal(int number)
{
	(void)number;
}

/* A signal each millisecond. Without SA_RESTART, system calls fail with EINTR. */
static void start_timer(const char *argument)
{
	const bool is_prof = strcmp(argument, "SIGPROF") == 0;
	const struct sigaction action = { .sa_handler = ignore_signal };
	const struct itimerval timer = { { 0, 1000 }, { 0, 1000 } };

	if (sigaction(is_prof ? SIGPROF : SIGALRM, &action, NULL) != 0 ||
		setitimer(is_prof ? ITIMER_PROF : ITIMER_REAL, &timer, NULL) != 0) {
		skip("setitimer");
	}
}

/* All system calls that do the same. */
static const struct {
	const char *name;
	long numbers[4];
} refusable[] = {
	{ "memfd_create", { SYS_memfd_create } },
	{ "clone3", { SYS_clone3 } },
#ifdef SYS_fork
	{ "clone", { SYS_clone, SYS_clone3, SYS_fork, SYS_vfork } },
#else
	{ "clone", { SYS_clone, SYS_clone3 } },
#endif
	{ "execve", { SYS_execve, SYS_execveat } },
	{ "mremap", { SYS_mremap } },
	{ "prctl", { SYS_prctl } },
};

static void install_filter(const long *numbers, size_t capacity, int error)
{
	struct sock_filter filter[16] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	unsigned short length = 1;

	for (size_t i = 0; i < capacity && (i == 0 || numbers[i] != 0); i++) {
		filter[length++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned)numbers[i], 0, 1);
		filter[length++] = (struct sock_filter)BPF_STMT(
			BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error);
	}
	filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = length, .filter = filter };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
		skip("seccomp");
	}
}

/* refuse=SYSCALL:EPERM or refuse=SYSCALL:ENOSYS */
static void refuse(const char *argument)
{
	const size_t length = strcspn(argument, ":");
	const int error = strcmp(argument + length, ":EPERM") == 0 ? EPERM : ENOSYS;

	for (size_t i = 0; i < COUNT(refusable); i++) {
		if (strlen(refusable[i].name) == length &&
			strncmp(refusable[i].name, argument, length) == 0) {
			install_filter(refusable[i].numbers, COUNT(refusable[i].numbers), error);
			return;
		}
	}
	reject(argument);
}

static const struct action actions[] = {
	{ "exec", exec_again },
	{ "fork-continue", fork_continue },
	{ "fork-exit", fork_exit },
	{ "mappings", add_mappings },
	{ "mlockall", lock_memory },
	{ "refuse", refuse },
	{ "timer", start_timer },
	{ NULL, NULL },
};

void stage(const char *name)
{
	const size_t length = strlen(name);

	for (char **word = arguments + 1; *word; word++) {
		if (strncmp(*word, name, length) == 0 && (*word)[length] == ':') {
			current = word;
			if (!action_run(actions, *word + length + 1)) {
				reject(*word);
			}
		}
	}
}

/* Works without /proc. */
static void print_descriptors(const char *when)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++) {
		count += fcntl(fd, F_GETFD) >= 0;
	}
	fprintf(output, "descriptors at the %s: %d\n", when, count);
}

static void print_signals(void)
{
	struct sigaction action;
	sigset_t mask;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	fprintf(output, "signals: ");
	for (int number = 1; number < 32; number++) {
		char state = 'h';
		sigaction(number, NULL, &action);
		if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) {
			state = action.sa_handler == SIG_DFL ? 'd' : 'i';
		}
		fprintf(output, "%c%s", state, sigismember(&mask, number) ? "m" : "");
	}
	fprintf(output, "\n");
}

static void print_limits(void)
{
	struct rlimit limit;

	fprintf(output, "limits:");
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		getrlimit(i, &limit);
		fprintf(output, " %llx", (unsigned long long)limit.rlim_cur);
	}
	fprintf(output, "\n");
}

/* matrix.py computes a value of RLIMIT_AS from the note. */
static void print_address_space(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "VmPeak:", 7) == 0) {
			fprintf(output, "note: %s", line);
		}
	}
	if (file) {
		fclose(file);
	}
}

void stages_init(int argc, char **argv)
{
	const bool closed = fcntl(STDOUT_FILENO, F_GETFD) < 0;

	output = closed ? fdopen(OUTPUT_FD, "w") : stdout;
	if (!output) {
		exit(1);
	}
	vku_on_failure = report_failure;
	arguments = argv;
	command_line_read(&command_line, argc);
	print_descriptors("start");
	stage("start");
}

int stages_finish(void)
{
	stage("end");
	print_descriptors("end");
	print_signals();
	print_limits();
	print_address_space();
	fprintf(output, "done\n");
	fflush(output);
	return ferror(output) ? 1 : 0;
}
