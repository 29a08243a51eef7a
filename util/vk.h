/* SPDX-License-Identifier: MIT */
#ifndef VMB_UTIL_VK_H
#define VMB_UTIL_VK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan.h>

/*
 * The part of a Vulkan program that is the same in every test, benchmark and demo: a device, a
 * queue, buffers, compute pipelines. Nothing here knows of the layer.
 *
 * What fails is reported with the call's own text, and ends the program unless the program has set
 * vku_on_failure. Objects are init/finish pairs; finish accepts a zeroed object.
 */

#define VKU_CHECK(call) vku_check((call), #call, __FILE__, __LINE__)

typedef void vku_failure_fn(const char *message);
/* Called with what failed; must not return. NULL: print the message and exit(1). */
extern vku_failure_fn *vku_on_failure;

void vku_check(VkResult result, const char *call, const char *file, int line);
void vku_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
const char *vku_result_name(VkResult result);

/* All members may be zero. */
struct vku_options {
	const char *name; /* of the application */
	uint32_t api_version; /* 0: Vulkan 1.3 */
	bool no_application_info; /* a NULL pApplicationInfo, which means Vulkan 1.0 */
	bool without_layers; /* ignore VK_INSTANCE_LAYERS: the driver as it is */
	bool without_sparse; /* enable no sparse feature */
	bool sparse_queue; /* a queue for sparse binding, whatever else it can do */
	const char *const *instance_extensions;
	uint32_t instance_extension_count;
	const char *const *device_extensions;
	uint32_t device_extension_count;
	/* Put behind the features that vku_device_init() enables. */
	void *device_next;
};

struct vku {
	VkInstance instance;
	VkPhysicalDevice physical;
	uint32_t api_version; /* of what may be used: the lesser of asked for and had */
	VkPhysicalDeviceProperties properties;
	VkPhysicalDeviceMemoryProperties memory;
	VkDevice device;
	uint32_t queue_family;
	VkQueue queue;
	VkCommandPool pool;
	/* Held while something is handed to the queue, if set: for programs with threads, each of
	 * which works with a copy of this that has a pool of its own. */
	pthread_mutex_t *queue_lock;
	/* While vku_validating(): what VK_EXT_debug_utils has reported as errors. */
	VkDebugUtilsMessengerEXT messenger;
	atomic_uint validation_errors;
	bool expect_validation_errors;
};

/* Whether the Khronos validation layer is asked for: by VK_INSTANCE_LAYERS, or by some other way
 * and VMB_TEST_VALIDATION. */
bool vku_validating(void);

/* Validation errors that are none: a NULL-terminated list of message names, or NULL. */
extern const char *const *vku_false_errors;

/*
 * An instance and its physical device: the first one that is a CPU, or the first one whose name
 * contains $VMB_TEST_DEVICE.
 */
void vku_instance_init(struct vku *vk, const struct vku_options *options);
/* A device with one queue for compute and, where there is one, sparse binding. Enables what of
 * sparse buffers, 64-bit integers, buffer addresses and timeline semaphores the device has. */
void vku_device_init(struct vku *vk, const struct vku_options *options);
/* The same with a VkDeviceCreateInfo of the caller's own, which has one queue of queue_family. */
VkResult vku_device_create(struct vku *vk, const VkDeviceCreateInfo *info);
/* Both. */
void vku_init(struct vku *vk, const struct vku_options *options);
/* Waits for the device, destroys everything; fails where validation errors were seen. */
void vku_finish(struct vku *vk);
/* Destroys the device only, without waiting for it or its objects. */
void vku_device_finish(struct vku *vk);

/* The device's function, by whichever of the two names it has; fails if there is none. */
PFN_vkVoidFunction vku_device_function(const struct vku *vk, const char *core, const char *khr);
bool vku_has_device_extension(const struct vku *vk, const char *extension);

/* Memory. */
uint32_t vku_memory_type(const struct vku *vk, uint32_t allowed, VkMemoryPropertyFlags flags);
/* Of a type that the requirements allow; mapped memory is what vku_map() is for. */
VkDeviceMemory vku_allocate(const struct vku *vk, VkDeviceSize size, uint32_t allowed_types);
void *vku_map(const struct vku *vk, VkDeviceMemory memory);

/* A buffer with memory of its own, bound and mapped. */
struct vku_buffer {
	VkBuffer buffer;
	VkDeviceMemory memory;
	VkDeviceSize size;
	void *map;
};

void vku_buffer_init(const struct vku *vk, struct vku_buffer *buffer, VkDeviceSize size);
void vku_buffer_finish(const struct vku *vk, struct vku_buffer *buffer);

/* All that a buffer may be used for without a feature or extension. */
#define VKU_ALL_BUFFER_USAGE ((VkBufferUsageFlags)0x1ff)

/* A buffer without memory. */
VkBuffer vku_create_buffer(const struct vku *vk, VkBufferCreateFlags flags, VkDeviceSize size,
	VkBufferUsageFlags usage);
VkMemoryRequirements vku_buffer_requirements(const struct vku *vk, VkBuffer buffer);
VkDeviceAddress vku_buffer_address(const struct vku *vk, VkBuffer buffer);

/* Binds and waits. */
void vku_bind_buffer(
	const struct vku *vk, VkBuffer buffer, const VkSparseMemoryBind *binds, uint32_t count);
void vku_bind_image(
	const struct vku *vk, VkImage image, const VkSparseMemoryBind *binds, uint32_t count);

/* vkQueueBindSparse and vkQueueSubmit, under the queue's lock. */
void vku_queue_bind(const struct vku *vk, const VkBindSparseInfo *info, VkFence fence);
void vku_queue_submit(const struct vku *vk, const VkSubmitInfo *info, VkFence fence);

/* Commands: begin, record, submit; submitting waits and frees the command buffer. */
VkCommandBuffer vku_begin(const struct vku *vk);
void vku_submit(const struct vku *vk, VkCommandBuffer commands);
/* Everything before happens before everything after, and the host sees it. */
void vku_barrier(VkCommandBuffer commands);

/* The GPU's view of buffers; all of them wait. */
void vku_fill(const struct vku *vk, VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size,
	uint32_t word);
void vku_copy(const struct vku *vk, VkBuffer from, VkDeviceSize from_offset, VkBuffer to,
	VkDeviceSize to_offset, VkDeviceSize size);
void vku_read(
	const struct vku *vk, VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size, void *data);
void vku_write(const struct vku *vk, VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size,
	const void *data);
uint32_t vku_read_word(const struct vku *vk, VkBuffer buffer, VkDeviceSize offset);

/* A compute pipeline, with buffer_count buffers at the bindings from 0 on. */
struct vku_program {
	VkShaderModule module;
	VkDescriptorSetLayout set_layout;
	VkPipelineLayout layout;
	VkPipeline pipeline;
	VkDescriptorPool pool;
	uint32_t buffer_count;
	uint32_t push_size;
};

/* At most this many descriptor sets can be had from one program. */
#define VKU_PROGRAM_SETS 64
#define VKU_PROGRAM_BUFFERS 8

void vku_program_init(const struct vku *vk, struct vku_program *program, const uint32_t *code,
	size_t code_size, uint32_t buffer_count, uint32_t push_size);
void vku_program_finish(const struct vku *vk, struct vku_program *program);
/* A set of the program's buffers, each { buffer, offset, range }. */
VkDescriptorSet vku_program_set(const struct vku *vk, const struct vku_program *program,
	const VkDescriptorBufferInfo *buffers);
/* Records a dispatch; push points at push_size bytes. set may be VK_NULL_HANDLE without buffers. */
void vku_dispatch(VkCommandBuffer commands, const struct vku_program *program, VkDescriptorSet set,
	const void *push, uint32_t groups);

/* Synchronization. */
VkFence vku_create_fence(const struct vku *vk);
VkSemaphore vku_create_semaphore(const struct vku *vk);
VkSemaphore vku_create_timeline(const struct vku *vk, uint64_t value);
void vku_signal(const struct vku *vk, VkSemaphore timeline, uint64_t value);
void vku_wait(const struct vku *vk, VkSemaphore timeline, uint64_t value);
uint64_t vku_timeline_value(const struct vku *vk, VkSemaphore timeline);

#endif
