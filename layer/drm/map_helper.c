/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Maps the dma-buf that is its standard input, and ends: the exit status is 0, or the errno of mmap.
 *
 * A program of its own because of Linux 7.3, where the first mapping of a deferred blob sleeps for
 * ever, and cannot be killed, if the window of the device is full (docs/virtgpu.md). It may happen
 * to this process, which has nothing that anybody would miss.
 */
int main(void)
{
	/* The kernel makes room for the whole blob, whatever part of it is mapped. */
	void *map = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
		STDIN_FILENO, 0);

	return map == MAP_FAILED ? errno : 0;
}
