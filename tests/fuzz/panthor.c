/* SPDX-License-Identifier: MIT */
#include <stdarg.h>

#include "backend/panthor/batch.h"
#include "backend/panthor/translator.h"
#include "input.h"
#include "ioctl_pass.h"
#include "uapi/drm.h"
#include "uapi/panthor.h"
#include "vm_compare.h"

/*
 * The ioctls of a driver on panthor: of any number, size, stride, count and flags, inside and
 * outside of driver calls. One simulated kernel gets the ioctls through the intercept and the
 * translator, a second one gets them as they are. Checks that
 * - an ioctl that the translator does not know reaches the kernel unchanged, once;
 * - an ioctl that succeeds without the layer succeeds with it, and gives the same answer;
 * - the GPU then sees the same in all VMs, with null memory equal to sparse ranges;
 * - the arrays of the driver are unchanged.
 * After an ioctl fails without the layer, only crashes and the first check count: the layer may
 * execute fewer or more of the ops of a failed VM_BIND.
 */

#define FD 5
#define VMS 2
#define MAX_BOS 8
#define MAX_STEPS 48
#define PAGE UINT64_C(4096)
#define HUGE_PAGE (UINT64_C(2) << 20)

/* Linked with --wrap=vmb_hook_acquire,--wrap=vmb_hook_release: the function that the hook would
 * call for each ioctl. */
typedef int (*intercept_fn)(vmb_ioctl_fn next, int fd, unsigned long request, void *arg);
static intercept_fn intercepted;

int __wrap_vmb_hook_acquire(intercept_fn function);
void __wrap_vmb_hook_release(void);

int __wrap_vmb_hook_acquire(intercept_fn function)
{
	intercepted = function;
	return 0;
}

void __wrap_vmb_hook_release(void)
{
}

enum {
	LAYER,
	DIRECT,
	KERNELS
};

struct world {
	struct vmb_sim *sims[KERNELS];
	struct vmb_sim_file *files[KERNELS];
	unsigned minor;
	struct vmb_intercept *intercept;
	uint32_t vms[VMS];
	uint32_t bos[MAX_BOS]; /* handles that the driver knows */
	size_t bo_count;
	uint64_t bos_created;
	uint32_t fallback; /* a BO of the layer, which the driver does not know */
	/* The driver call, or none. */
	struct vmb_panthor_call call;
	bool in_call;
	uint32_t reservation; /* the BO of a RESERVE call, which only this call may map */
	bool has_call_bo;
	struct null_bos nulls;
	/* No ioctl failed in the second kernel. */
	bool compares;
};

static struct world world;
static struct ioctl_pass *passing;
/* A VM_BIND of an unknown size or stride. The kernel must get it as it is. */
static const void *unknown_bind;
/* The layer may refuse the VM_BIND: its size or stride is unknown, and null memory is smaller than
 * the driver believes. Or the stride of its sync ops is unknown, and its ops cannot be cut. */
static bool may_fail;

static int sim_ioctl(int kernel, int fd, unsigned long request, void *arg)
{
	int ret = vmb_sim_ioctl(world.files[kernel], fd, request, arg);

	if (ret < 0) {
		errno = -ret;
	}
	return ret < 0 ? -1 : 0;
}

/* The kernel below the layer. */
static int kernel_ioctl(int fd, unsigned long request, ...)
{
	va_list list;

	va_start(list, request);
	void *arg = va_arg(list, void *);
	va_end(list);
	expect(!unknown_bind || arg == unknown_bind, "an unknown VM_BIND is translated");
	return passing ? ioctl_pass_answer(passing, fd, request, arg)
		       : sim_ioctl(LAYER, fd, request, arg);
}

static int layer_ioctl(int fd, unsigned long request, void *arg)
{
	return intercepted(kernel_ioctl, fd, request, arg);
}

/* Makes an ioctl with and without the layer. Returns whether it succeeded in both. */
static bool both_ioctl(unsigned long request, void *arg, size_t size)
{
	void *direct_arg = exact_memory(size);

	memcpy(direct_arg, arg, size);
	int layer = layer_ioctl(FD, request, arg);
	int direct = sim_ioctl(DIRECT, FD, request, direct_arg);
	world.compares = world.compares && direct == 0 && (layer == 0 || !may_fail);
	if (world.compares) {
		expect(layer == 0, "the ioctl fails only with the layer");
		expect(memcmp(arg, direct_arg, size) == 0,
			"the ioctl returns other data than without the layer");
	}
	free(direct_arg);
	return layer == 0 && direct == 0;
}

static bool is_known(unsigned long request, int fd)
{
	unsigned long number = _IOC_NR(request);

	if (_IOC_TYPE(request) != 'd') {
		return false;
	}
	/* Any descriptor may be that of the device. */
	if (!vmb_intercept_is_live(world.intercept)) {
		return number == _IOC_NR(DRM_IOCTL_PANTHOR_VM_CREATE);
	}
	if (fd != FD) {
		return false;
	}
	return number == _IOC_NR(DRM_IOCTL_PANTHOR_VM_BIND) ||
		number == _IOC_NR(DRM_IOCTL_PANTHOR_BO_CREATE) ||
		number == _IOC_NR(DRM_IOCTL_GEM_CLOSE);
}

static void pass_unknown(struct input *input)
{
	struct ioctl_pass pass;

	ioctl_pass_init(&pass, input, input_rarely(input) ? (int8_t)input_u8(input) : FD);
	if (is_known(pass.request, pass.fd)) {
		free(pass.arg);
		return;
	}
	passing = &pass;
	errno = IOCTL_PASS_ERRNO;
	int ret = layer_ioctl(pass.fd, pass.request, pass.arg);
	int error = errno;
	passing = NULL;
	ioctl_pass_finish(&pass, ret, error);
}

static void take_handle(struct input *input, uint32_t *handle)
{
	size_t index = input_below(input, MAX_BOS);

	*handle = index < world.bo_count ? world.bos[index] : 0;
	if (input_rarely(input)) {
		*handle = input_u8(input);
	}
	/* Only the layer knows its own BO. A reservation is mapped in its own call only. */
	bool is_own = world.in_call && world.call.kind == VMB_PANTHOR_CALL_RESERVE;
	if (*handle == world.fallback || (*handle == world.reservation && !is_own)) {
		*handle = 0;
	}
}

/* Pages or huge pages; rarely any number. */
static uint64_t take_bytes(struct input *input, size_t limit)
{
	uint8_t kind = input_u8(input);
	uint64_t count = input_below(input, limit);

	if (kind >= 252) {
		count = input_u64(input);
		/* Without the sparse op, such a valid range becomes a map for each huge page. */
		return world.minor < 9 && count < UINT64_C(1) << 48 ? count % (UINT64_C(1) << 33)
								    : count;
	}
	return count * (kind & 1 ? PAGE : HUGE_PAGE);
}

static void create_bo(struct input *input)
{
	struct drm_panthor_bo_create create = {
		.size = take_bytes(input, 16) & UINT32_MAX,
		.flags = input_rarely(input) ? input_u32(input) : input_u8(input) & 1u,
		.exclusive_vm_id = input_rarely(input) ? world.vms[input_below(input, VMS)] : 0,
	};

	if (!both_ioctl(DRM_IOCTL_PANTHOR_BO_CREATE, &create, sizeof(create))) {
		return;
	}
	world.bos_created++;
	if (world.bo_count < MAX_BOS) {
		world.bos[world.bo_count++] = create.handle;
	} else {
		world.bos[input_below(input, MAX_BOS)] = create.handle;
	}
	if (!world.in_call) {
		return;
	}
	if (world.call.kind == VMB_PANTHOR_CALL_CREATE_SPARSE &&
		(create.flags & DRM_PANTHOR_BO_NO_MMAP) && create.size <= HUGE_PAGE &&
		world.minor >= 9) {
		null_bos_add(&world.nulls, world.bos_created);
	}
	if (world.call.kind == VMB_PANTHOR_CALL_RESERVE && !world.has_call_bo) {
		null_bos_add(&world.nulls, world.bos_created);
		world.reservation = create.handle;
		world.has_call_bo = true;
	}
}

static void close_bo(struct input *input)
{
	struct drm_gem_close closed = { .handle = 0 };

	take_handle(input, &closed.handle);
	if (!both_ioctl(DRM_IOCTL_GEM_CLOSE, &closed, sizeof(closed))) {
		return;
	}
	if (closed.handle == world.reservation) {
		world.reservation = 0;
		world.has_call_bo = false;
	}
	for (size_t i = 0; i < world.bo_count; i++) {
		if (world.bos[i] == closed.handle) {
			world.bos[i] = world.bos[--world.bo_count];
			break;
		}
	}
}

static struct drm_panthor_obj_array take_syncs(struct input *input)
{
	uint8_t kind = input_u8(input);
	uint32_t count = kind >= 224 ? 1 + kind % 3 : 0;
	uint32_t stride = sizeof(struct drm_panthor_sync_op);

	if (input_rarely(input)) {
		stride = input_u8(input);
	}
	may_fail |= count && stride != sizeof(struct drm_panthor_sync_op);
	unsigned char *memory = exact_memory(count * stride);
	for (uint32_t i = 0; i < count && stride >= sizeof(struct drm_panthor_sync_op); i++) {
		struct drm_panthor_sync_op sync = {
			.flags = input_u8(input) & 1 ? DRM_PANTHOR_SYNC_OP_SIGNAL
						     : DRM_PANTHOR_SYNC_OP_WAIT,
			.handle = 1 + (uint32_t)input_below(input, 2),
		};
		memcpy(memory + i * stride, &sync, sizeof(sync));
	}
	struct drm_panthor_obj_array syncs = {
		.stride = stride,
		.count = count,
		.array = (uintptr_t)memory,
	};
	if (count && input_rarely(input)) {
		free(memory);
		syncs.array = 0;
	}
	return syncs;
}

static struct drm_panthor_vm_bind_op take_op(
	struct input *input, const struct drm_panthor_vm_bind_op *previous)
{
	static const uint32_t types[] = { DRM_PANTHOR_VM_BIND_OP_TYPE_MAP,
		DRM_PANTHOR_VM_BIND_OP_TYPE_MAP, DRM_PANTHOR_VM_BIND_OP_TYPE_MAP,
		DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP };
	uint8_t kind = input_u8(input);
	struct drm_panthor_vm_bind_op op = { .flags = types[kind & 3] };

	/* Half of the ops continue the op before. */
	if (previous && kind & 4) {
		op = *previous;
		op.va += previous->size;
		op.bo_offset += previous->bo_handle ? previous->size : 0;
		op.size = (1 + input_below(input, 4)) * PAGE;
	} else {
		op.va = take_bytes(input, 64);
		op.size = take_bytes(input, 16);
		if (op.flags == DRM_PANTHOR_VM_BIND_OP_TYPE_MAP) {
			op.flags |= kind >> 4 & 7u;
			take_handle(input, &op.bo_handle);
			op.bo_offset = kind & 8 ? take_bytes(input, 16) : 0;
		}
	}
	if (input_rarely(input)) {
		op.flags = input_u32(input);
	}
	if (op.flags == DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY) {
		op = (struct drm_panthor_vm_bind_op){ .flags = op.flags };
	}
	op.syncs = take_syncs(input);
	return op;
}

static uint32_t take_count(struct input *input)
{
	uint8_t kind = input_u8(input);

	return kind >= 250 ? 2 * VMB_PANTHOR_BATCH_INLINE : kind % 7;
}

/* The ops of a VM_BIND, in memory of exactly their size. */
struct ops {
	unsigned char *memory;
	unsigned char *before; /* a copy */
	uint32_t count;
	uint32_t stride;
};

static void take_ops(struct input *input, struct ops *ops)
{
	const struct drm_panthor_vm_bind_op *previous = NULL;
	struct drm_panthor_vm_bind_op op;

	ops->count = take_count(input);
	ops->stride = sizeof(op);
	if (input_rarely(input)) {
		ops->stride = input_u8(input);
	}
	ops->memory = exact_memory(ops->count * ops->stride);
	ops->before = exact_memory(ops->count * ops->stride);
	for (uint32_t i = 0; i < ops->count; i++) {
		op = take_op(input, previous);
		if (ops->stride < sizeof(op)) {
			free((void *)(uintptr_t)op.syncs.array);
			continue;
		}
		memcpy(ops->memory + i * ops->stride, &op, sizeof(op));
		previous = &op;
	}
	memcpy(ops->before, ops->memory, ops->count * ops->stride);
}

static void finish_ops(struct ops *ops)
{
	struct drm_panthor_vm_bind_op op;

	expect(memcmp(ops->memory, ops->before, ops->count * ops->stride) == 0,
		"the driver's ops are changed");
	for (uint32_t i = 0; i < ops->count && ops->stride >= sizeof(op); i++) {
		memcpy(&op, ops->memory + i * ops->stride, sizeof(op));
		free((void *)(uintptr_t)op.syncs.array);
	}
	free(ops->memory);
	free(ops->before);
}

static void bind(struct input *input)
{
	/* A later kernel may define a longer structure. */
	struct {
		struct drm_panthor_vm_bind bind;
		uint64_t more[4];
	} given = { .bind.vm_id = world.vms[input_below(input, VMS)] };
	unsigned long request = DRM_IOCTL_PANTHOR_VM_BIND;
	size_t size = sizeof(given.bind);
	struct ops ops;

	given.bind.flags = input_u8(input) & 1;
	if (input_rarely(input)) {
		given.bind.flags = input_u32(input);
		given.bind.vm_id = input_u8(input);
	}
	take_ops(input, &ops);
	given.bind.ops = (struct drm_panthor_obj_array){
		.stride = ops.stride,
		.count = ops.count,
		.array = (uintptr_t)ops.memory,
	};
	if (input_rarely(input)) {
		/* The kernel refuses these arrays before it reads them. */
		given.bind.ops.count = UINT32_MAX - input_u8(input);
		given.bind.ops.array = input_u8(input) & 1 ? 0 : given.bind.ops.array;
	}
	if (input_rarely(input)) {
		size = input_below(input, sizeof(given) + 1);
		request = _IOC(input_u8(input) & 3u, 'd', _IOC_NR(request), size);
		/* The simulated kernel would read a part of the pointer. */
		given.bind.ops.count = size < sizeof(given.bind) ? 0 : given.bind.ops.count;
	}
	void *arg = exact_memory(size);
	memcpy(arg, &given, size);
	bool is_known = size == sizeof(given.bind) &&
		ops.stride == sizeof(struct drm_panthor_vm_bind_op);
	may_fail |= !is_known;
	/* The maps that were held back go first. */
	bool holds = world.in_call && world.call.held_size;
	unknown_bind = is_known || holds ? NULL : arg;
	both_ioctl(request, arg, size);
	unknown_bind = NULL;
	may_fail = false;
	free(arg);
	finish_ops(&ops);
}

static void end_call(void)
{
	if (!world.in_call) {
		return;
	}
	world.in_call = false;
	int ret = vmb_driver_call_end(&world.call.base);
	expect(ret == 0 || !world.compares, "the maps that were held back fail");
}

static void begin_call(struct input *input)
{
	end_call();
	world.in_call = true;
	world.has_call_bo = false;
	enum vmb_panthor_call_kind kind = VMB_PANTHOR_CALL_CREATE_SPARSE +
		(unsigned)input_below(input, 4);
	vmb_panthor_call_begin(&world.call, world.intercept, kind);
	/* Such a call maps nothing in the kernel. */
	world.compares = world.compares && kind != VMB_PANTHOR_CALL_MEASURE;
}

static void compare(void)
{
	for (size_t i = 0; i < VMS && world.compares && !world.in_call; i++) {
		expect(vm_compare(
			       world.files[LAYER], world.files[DIRECT], world.vms[i], &world.nulls),
			"the GPU sees other mappings than without the layer");
	}
}

static void step(struct input *input)
{
	switch (input_below(input, 16)) {
	case 0:
	case 1:
		begin_call(input);
		break;
	case 2:
		end_call();
		break;
	case 3:
		close_bo(input);
		break;
	case 4:
	case 5:
		create_bo(input);
		break;
	case 6:
	case 7:
		pass_unknown(input);
		break;
	default:
		bind(input);
		break;
	}
	compare();
}

/* Creates a BO of the layer itself in both kernels. The second one needs the size that the driver
 * believes the BO to have. */
static uint32_t create_null(uint64_t direct_size)
{
	struct drm_panthor_bo_create create = { .size = HUGE_PAGE };
	struct drm_panthor_bo_create direct = { .size = direct_size };

	expect(sim_ioctl(LAYER, FD, DRM_IOCTL_PANTHOR_BO_CREATE, &create) == 0 &&
			sim_ioctl(DIRECT, FD, DRM_IOCTL_PANTHOR_BO_CREATE, &direct) == 0 &&
			create.handle == direct.handle,
		"the BO cannot be created");
	null_bos_add(&world.nulls, ++world.bos_created);
	return create.handle;
}

/* Starts both kernels, and a driver that creates its device. */
static void begin(struct input *input)
{
	world = (struct world){ .minor = (unsigned)input_below(input, 10), .compares = true };
	if (input_u8(input) & 3) {
		world.minor = 9;
	}
	for (int i = 0; i < KERNELS; i++) {
		const struct vmb_sim_config config = { .minor = world.minor, .stream = -1 };
		expect(vmb_sim_create(&config, &world.sims[i]) == 0, "no simulated kernel");
		world.files[i] = vmb_sim_open(world.sims[i]);
		for (int j = 0; j < 2; j++) {
			struct drm_syncobj_create create = { .flags = DRM_SYNCOBJ_CREATE_SIGNALED };
			sim_ioctl(i, FD, DRM_IOCTL_SYNCOBJ_CREATE, &create);
		}
	}
	expect(vmb_intercept_create(&vmb_panthor_translator, &world.intercept) == 0,
		"no intercept");
	struct vmb_panthor *panthor = vmb_intercept_state(world.intercept);
	panthor->trace = NULL;
	vmb_panthor_call_begin(&world.call, world.intercept, VMB_PANTHOR_CALL_CREATE_DEVICE);
	pass_unknown(input);
	for (size_t i = 0; i < VMS; i++) {
		struct drm_panthor_vm_create create = { .flags = 0 };
		expect(both_ioctl(DRM_IOCTL_PANTHOR_VM_CREATE, &create, sizeof(create)), "no VM");
		world.vms[i] = create.id;
	}
	expect(vmb_driver_call_end(&world.call.base) == 0, "the device cannot be created");
	expect(vmb_intercept_is_live(world.intercept),
		"the intercept has not learned the descriptor");
	uint32_t null_memory = create_null(UINT64_C(1) << 40);
	world.bos[world.bo_count++] = null_memory;
	atomic_store(&panthor->null_memory, null_memory);
	if (world.minor < 9) {
		world.fallback = create_null(HUGE_PAGE);
		panthor->fallback_bo = world.fallback;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	begin(&input);
	for (size_t i = 0; i < MAX_STEPS && input.size; i++) {
		step(&input);
	}
	end_call();
	compare();
	vmb_intercept_destroy(world.intercept);
	for (int i = 0; i < KERNELS; i++) {
		vmb_sim_close(world.files[i]);
		vmb_sim_destroy(world.sims[i]);
	}
	return 0;
}
