/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "kernel.h"
#include "stream.h"
#include "syncobj.h"
#include "vm.h"

struct vmb_sim_vm *vmb_sim_file_vm(struct vmb_sim_file *file, uint32_t id)
{
	return vmb_sim_handles_get(&file->vms, id);
}

struct vmb_sim_bo *vmb_sim_file_bo(struct vmb_sim_file *file, uint32_t handle)
{
	return vmb_sim_handles_get(&file->bos, handle);
}

void vmb_sim_file_end_vm(struct vmb_sim_file *file, uint32_t id, struct vmb_sim_vm *vm)
{
	vmb_sim_stream_map(file, id, vm, true);
	/* Pending jobs hold references to the VM. VM_DESTROY still unmaps everything. */
	vmb_sim_gpuvm_unmap(&vm->map, 0, UINT64_C(1) << VMB_SIM_VA_BITS);
	vmb_sim_vm_unref(vm);
}

void vmb_sim_file_end_group(struct vmb_sim *sim, void *object)
{
	struct vmb_sim_group *group = object;
	for (uint32_t i = 0; i < group->queue_count; i++) {
		vmb_sim_queue_cancel(sim, &group->queues[i]);
	}
	free(group);
	vmb_sim_run_queues(sim);
}

void vmb_sim_file_destroy(struct vmb_sim_file *file)
{
	struct vmb_sim *sim = file->sim;
	for (uint32_t i = 1; i <= file->groups.count; i++) {
		void *group = vmb_sim_handles_remove(&file->groups, i);
		if (group) {
			vmb_sim_file_end_group(sim, group);
		}
	}
	for (uint32_t i = 1; i <= file->vms.count; i++) {
		struct vmb_sim_vm *vm = vmb_sim_handles_remove(&file->vms, i);
		if (vm) {
			vmb_sim_file_end_vm(file, i, vm);
		}
	}
	for (uint32_t i = 1; i <= file->syncobjs.count; i++) {
		struct vmb_sim_syncobj *syncobj = vmb_sim_handles_remove(&file->syncobjs, i);
		if (syncobj) {
			vmb_sim_syncobj_unref(syncobj);
		}
	}
	for (uint32_t i = 1; i <= file->bos.count; i++) {
		struct vmb_sim_bo *bo = vmb_sim_handles_remove(&file->bos, i);
		if (bo) {
			vmb_sim_bo_unref(bo);
		}
	}
	vmb_sim_handles_finish(&file->groups);
	vmb_sim_handles_finish(&file->vms);
	vmb_sim_handles_finish(&file->syncobjs);
	vmb_sim_handles_finish(&file->bos);

	struct vmb_sim_file **link = &sim->files;
	while (*link != file) {
		link = &(*link)->next;
	}
	*link = file->next;
	free(file);
}

const struct vmb_sim_export *vmb_sim_find_export(struct vmb_sim *sim, int fd)
{
	struct stat status;
	if (fstat(fd, &status)) {
		return NULL;
	}
	for (const struct vmb_sim_export *at = sim->exports; at; at = at->next) {
		if (at->device == status.st_dev && at->inode == status.st_ino) {
			return at;
		}
	}
	return NULL;
}

/* Adds an export that is identified by the inode of memfd. */
static struct vmb_sim_export *add_export(struct vmb_sim *sim, int memfd)
{
	struct stat status;
	if (fstat(memfd, &status)) {
		return NULL;
	}
	struct vmb_sim_export *exported = vmb_sim_alloc(sizeof(*exported));
	exported->device = status.st_dev;
	exported->inode = status.st_ino;
	exported->fd = -1;
	exported->next = sim->exports;
	sim->exports = exported;
	return exported;
}

static int dup_cloexec(int memfd, int *fd)
{
	*fd = fcntl(memfd, F_DUPFD_CLOEXEC, 0);
	return *fd < 0 ? -errno : 0;
}

int vmb_sim_export_bo(struct vmb_sim *sim, struct vmb_sim_bo *bo, int *fd)
{
	int result = vmb_sim_bo_populate(bo);
	if (result) {
		return result;
	}
	if (!vmb_sim_find_export(sim, bo->memfd)) {
		struct vmb_sim_export *exported = add_export(sim, bo->memfd);
		if (!exported) {
			return -EIO;
		}
		exported->bo = vmb_sim_bo_ref(bo);
	}
	return dup_cloexec(bo->memfd, fd);
}

int vmb_sim_export_syncobj(struct vmb_sim *sim, struct vmb_sim_syncobj *syncobj, int *fd)
{
	for (struct vmb_sim_export *at = sim->exports; at; at = at->next) {
		if (at->syncobj == syncobj) {
			return dup_cloexec(at->fd, fd);
		}
	}
	int memfd = memfd_create("vmbind_sim_syncobj", MFD_CLOEXEC);
	if (memfd < 0) {
		return -errno;
	}
	struct vmb_sim_export *exported = add_export(sim, memfd);
	if (!exported) {
		close(memfd);
		return -EIO;
	}
	exported->fd = memfd;
	exported->syncobj = vmb_sim_syncobj_ref(syncobj);
	return dup_cloexec(memfd, fd);
}

void vmb_sim_exports_finish(struct vmb_sim *sim)
{
	while (sim->exports) {
		struct vmb_sim_export *exported = sim->exports;
		sim->exports = exported->next;
		if (exported->bo) {
			vmb_sim_bo_unref(exported->bo);
		}
		if (exported->syncobj) {
			vmb_sim_syncobj_unref(exported->syncobj);
			close(exported->fd);
		}
		free(exported);
	}
}
