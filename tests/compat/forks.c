/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "work.h"

/*
 * forks COMMAND...: forks before and after creating a device. One child executes the command, one
 * creates an instance of its own, and one exits. The parent continues its work.
 *
 * forks: only creates an instance and a device and works on them. Used as COMMAND.
 */

static char **command;

static void work_on_own_device(void)
{
	struct vku vk;

	vku_init(&vk, &(struct vku_options){ 0 });
	work_once(&vk, 0xc411d);
	vku_finish(&vk);
}

static void execute(void)
{
	execv(command[0], command);
	perror(command[0]);
	_exit(1);
}

static void exit_at_once(void)
{
}

static void fork_one(const char *name, void (*child)(void))
{
	int status;

	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		child();
		fflush(NULL);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		vku_fail("fork() or waitpid() failed");
	}
	if (status != 0) {
		vku_fail("%s: status %#x", name, (unsigned)status);
	}
	printf("child: %s\n", name);
}

int main(int argc, char **argv)
{
	struct work work;
	struct vku vk;

	if (argc == 1) {
		work_on_own_device();
		return 0;
	}
	command = argv + 1;
	vku_instance_init(&vk, &(struct vku_options){ 0 });
	fork_one("executes a program, without a device", execute);
	fork_one("makes an instance, without a device", work_on_own_device);
	vku_device_init(&vk, &(struct vku_options){ 0 });
	work_init(&vk, &work);
	work_do(&vk, &work, 0xbef0e);

	fork_one("executes a program", execute);
	work_do(&vk, &work, 1);
	fork_one("makes an instance", work_on_own_device);
	work_do(&vk, &work, 2);
	fork_one("exits", exit_at_once);
	work_do(&vk, &work, 3);
	work_once(&vk, 4);
	work_finish(&vk, &work);
	vku_finish(&vk);
	printf("parent: continues\n");
	return 0;
}
