/* SPDX-License-Identifier: MIT */
#include "virtgpu/intercept.h"

#include <errno.h>
#include <linux/ioctl.h>
#include <string.h>
#include <uapi/virtgpu.h>

#include "ioctl/kernel.h"

/* The state of an intercept. */
struct state {
	/* Shared by the intercepts of one descriptor; NULL until the descriptor is known. A reused
	 * intercept may already have the file of another device here, so readers compare the file's
	 * descriptor. */
	_Atomic(struct vmb_virtgpu *) file;
	struct vmb_virtgpu_driver driver;
};

static void *find_subject(struct vmb_intercept *intercept, int fd)
{
	const struct state *state = vmb_intercept_state(intercept);
	struct vmb_virtgpu *file = atomic_load_explicit(&state->file, memory_order_acquire);

	return file && atomic_load_explicit(&file->fd, memory_order_acquire) == fd ? file : NULL;
}

static bool is_virtio_gpu(vmb_ioctl_fn next, int fd)
{
	struct vmb_kernel_driver driver;

	return vmb_kernel_driver_ask(next, fd, &driver) == 0 &&
		strcmp(driver.name, "virtio_gpu") == 0;
}

/* The driver may have opened its file with the instance. The first blob that the driver creates or
 * imports for the device shows the descriptor. The result is always false: the caller then
 * translates this ioctl like any later one. */
static bool learn_fd(struct vmb_driver_call *call, vmb_ioctl_fn next, int fd, unsigned long request,
	void *arg, int *ret)
{
	struct vmb_intercept *intercept = call->intercept;
	struct state *state = vmb_intercept_state(intercept);
	int error = errno;

	(void)arg;
	(void)ret;
	bool shows = _IOC_NR(request) == _IOC_NR(DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB) ||
		_IOC_NR(request) == _IOC_NR(DRM_IOCTL_PRIME_FD_TO_HANDLE);
	if (shows && is_virtio_gpu(next, fd)) {
		vmb_intercepts_lock();
		if (!vmb_intercept_is_live(intercept)) {
			state->driver.ioctl = next;
			state->driver.fd = fd;
			struct vmb_virtgpu *file = vmb_virtgpu_get(
				&vmb_system_linux, &vmb_virtgpu_guard, &state->driver);
			atomic_store_explicit(&state->file, file, memory_order_release);
			if (file) {
				vmb_intercept_set_fd(intercept, fd);
			}
		}
		vmb_intercepts_unlock();
	}
	errno = error;
	return false;
}

static int handle_ioctl(void *subject, struct vmb_driver_call *base, vmb_ioctl_fn next, int fd,
	unsigned long request, void *arg)
{
	struct vmb_virtgpu_call *call = (struct vmb_virtgpu_call *)base;

	return vmb_virtgpu_ioctl(subject, call, next, fd, request, arg);
}

void vmb_virtgpu_call_begin(
	struct vmb_virtgpu_call *call, struct vmb_intercept *intercept, bool is_allocation)
{
	*call = (struct vmb_virtgpu_call){ .is_allocation = is_allocation };
	vmb_driver_call_begin(&call->base, intercept);
}

static int call_end(struct vmb_driver_call *base)
{
	const struct vmb_virtgpu_call *call = (const struct vmb_virtgpu_call *)base;

	if (vmb_intercept_is_live(base->intercept)) {
		vmb_virtgpu_end(vmb_virtgpu_intercept_file(base->intercept), call);
	}
	return 0;
}

static void forget_file(struct vmb_intercept *intercept)
{
	const struct state *state = vmb_intercept_state(intercept);

	vmb_virtgpu_put(state->file, state->driver.trace);
}

/* Finds the driver's open file, which several devices may share. */
static const struct vmb_translator translator = {
	.state_size = sizeof(struct state),
	.learn = learn_fd,
	.subject = find_subject,
	.ioctl = handle_ioctl,
	.call_end = call_end,
	.forget = forget_file,
};

int vmb_virtgpu_intercept_create(
	const struct vmb_virtgpu_driver *driver, struct vmb_intercept **out)
{
	int ret = vmb_intercept_create(&translator, out);

	if (ret == 0) {
		struct state *state = vmb_intercept_state(*out);
		state->driver = *driver;
	}
	return ret;
}

struct vmb_virtgpu *vmb_virtgpu_intercept_file(struct vmb_intercept *intercept)
{
	const struct state *state = vmb_intercept_state(intercept);

	return vmb_intercept_is_live(intercept) ? state->file : NULL;
}
