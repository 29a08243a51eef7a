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
 * The common part of tests, benchmarks and demo: a device, a queue, buffers and compute pipelines.
 * The code shares only the names of results with the layer.
 *
 * If a call fails, vku_on_failure gets the text of the call; without it, the program ends. Objects
 * have init and finish functions. A finish function accepts a zeroed object.
 */

#define VKU_CHECK(call) vku_check((call), #call, __FILE__, __LINE__)

typedef void vku_failure_fn(const char *message);
/* Called with a message; must not return. NULL: print the message and exit(1). */
extern vku_failure_fn *vku_on_failure;

void vku_check(VkResult result, const char *call, const char *file, int line);
void vku_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
const char *vku_result_name(VkResult result);

/* All members may be zero. */
struct vku_options {
	const char *name; /* of the application */
	uint32_t api_version; /* 0: Vulkan 1.3 */
	bool no_application_info; /* a NULL pApplicationInfo, which means Vulkan 1.0 */
	bool without_layers; /* ignore VK_INSTANCE_LAYERS */
	bool without_sparse; /* enable no sparse feature */
	bool sparse_queue; /* a queue for sparse binding, with or without compute */
	const char *const *instance_extensions;
	uint32_t instance_extension_count;
	const char *const *device_extensions;
	uint32_t device_extension_count;
	/* Appended to the features that vku_device_init() enables. */
	void *device_next;
};

struct vku {
	VkInstance instance;
	VkPhysicalDevice physical;
	uint32_t api_version; /* the lower of the requested and the supported version */
	VkPhysicalDeviceProperties properties;
	VkPhysicalDeviceMemoryProperties memory;
	VkDevice device;
	uint32_t queue_family;
	VkQueue queue;
	VkCommandPool pool;
	/* If set: held during submissions. Each thread of a program has a copy of struct vku with
	 * its own pool, and all copies share the lock. */
	pthread_mutex_t *queue_lock;
	/* If vku_validating(): counts the errors that VK_EXT_debug_utils reports. */
	VkDebugUtilsMessengerEXT messenger;
	atomic_uint validation_errors;
	bool expect_validation_errors;
};

/* True if the Khronos validation layer is enabled by VK_INSTANCE_LAYERS. VMB_TEST_VALIDATION states
 * that it is enabled in another way. */
bool vku_validating(void);

/* Validation errors to ignore: a NULL-terminated list of message names, or NULL. */
extern const char *const *vku_false_errors;

/* Creates an instance and chooses a physical device: the first whose name contains
 * $VMB_TEST_DEVICE. Without the variable: the first CPU device. */
void vku_instance_init(struct vku *vk, const struct vku_options *options);
/* Creates a device with one queue for compute and, if possible, sparse binding. Enables sparse
 * buffers, buffer addresses and timeline semaphores as far as supported. */
void vku_device_init(struct vku *vk, const struct vku_options *options);
/* The same with the caller's VkDeviceCreateInfo, which has one queue. */
VkResult vku_device_create(struct vku *vk, const VkDeviceCreateInfo *info);
/* vku_instance_init() and vku_device_init(). */
void vku_init(struct vku *vk, const struct vku_options *options);
/* Waits for the device and destroys all objects. Fails after unexpected validation errors. */
void vku_finish(struct vku *vk);
/* Destroys the device only, without waiting for work. */
void vku_device_finish(struct vku *vk);

/* Looks up a device function by its core name, then by its KHR name. Fails if both are missing. */
PFN_vkVoidFunction vku_device_function(const struct vku *vk, const char *core, const char *khr);
bool vku_has_device_extension(const struct vku *vk, const char *extension);

uint32_t vku_memory_type(const struct vku *vk, uint32_t allowed, VkMemoryPropertyFlags flags);
/* Allocates host-visible, coherent memory of an allowed type. */
VkDeviceMemory vku_allocate(const struct vku *vk, VkDeviceSize size, uint32_t allowed_types);
void *vku_map(const struct vku *vk, VkDeviceMemory memory);

/* A buffer with its own memory, bound and mapped. */
struct vku_buffer {
	VkBuffer buffer;
	VkDeviceMemory memory;
	VkDeviceSize size;
	void *map;
};

void vku_buffer_init(const struct vku *vk, struct vku_buffer *buffer, VkDeviceSize size);
void vku_buffer_finish(const struct vku *vk, struct vku_buffer *buffer);

/* All buffer usages that need no feature or extension. */
#define VKU_ALL_BUFFER_USAGE ((VkBufferUsageFlags)0x1ff)

/* Creates a buffer without memory. */
VkBuffer vku_create_buffer(const struct vku *vk, VkBufferCreateFlags flags, VkDeviceSize size,
	VkBufferUsageFlags usage);
VkMemoryRequirements vku_buffer_requirements(const struct vku *vk, VkBuffer buffer);
VkDeviceAddress vku_buffer_address(const struct vku *vk, VkBuffer buffer);

/* Bind memory and wait. */
void vku_bind_buffer(
	const struct vku *vk, VkBuffer buffer, const VkSparseMemoryBind *binds, uint32_t count);
void vku_bind_image(
	const struct vku *vk, VkImage image, const VkSparseMemoryBind *binds, uint32_t count);

/* vkQueueBindSparse and vkQueueSubmit, with the queue's lock held. */
void vku_queue_bind(const struct vku *vk, const VkBindSparseInfo *info, VkFence fence);
void vku_queue_submit(const struct vku *vk, const VkSubmitInfo *info, VkFence fence);

/* Begin, record, submit. vku_submit() waits and frees the command buffer. */
VkCommandBuffer vku_begin(const struct vku *vk);
void vku_submit(const struct vku *vk, VkCommandBuffer commands);
/* A barrier between all earlier and all later commands. The host sees the earlier writes. */
void vku_barrier(VkCommandBuffer commands);

/* Access a buffer with commands of the device, and wait. */
void vku_fill(const struct vku *vk, VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size,
	uint32_t word);
void vku_copy(const struct vku *vk, VkBuffer from, VkDeviceSize from_offset, VkBuffer to,
	VkDeviceSize to_offset, VkDeviceSize size);
void vku_read(
	const struct vku *vk, VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size, void *data);
void vku_write(const struct vku *vk, VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size,
	const void *data);
uint32_t vku_read_word(const struct vku *vk, VkBuffer buffer, VkDeviceSize offset);

/* A compute pipeline with buffer_count buffers at bindings 0 and up. */
struct vku_program {
	VkShaderModule module;
	VkDescriptorSetLayout set_layout;
	VkPipelineLayout layout;
	VkPipeline pipeline;
	VkDescriptorPool pool;
	uint32_t buffer_count;
	uint32_t push_size;
};

/* The number of descriptor sets that one program can allocate. */
#define VKU_PROGRAM_SETS 64
#define VKU_PROGRAM_BUFFERS 8

void vku_program_init(const struct vku *vk, struct vku_program *program, const uint32_t *code,
	size_t code_size, uint32_t buffer_count, uint32_t push_size);
void vku_program_finish(const struct vku *vk, struct vku_program *program);
/* Allocates a descriptor set with the given buffers. */
VkDescriptorSet vku_program_set(const struct vku *vk, const struct vku_program *program,
	const VkDescriptorBufferInfo *buffers);
/* Records a dispatch. push points to push_size bytes. A program without buffers has no set. */
void vku_dispatch(VkCommandBuffer commands, const struct vku_program *program, VkDescriptorSet set,
	const void *push, uint32_t groups);

VkFence vku_create_fence(const struct vku *vk);
VkSemaphore vku_create_semaphore(const struct vku *vk);
VkSemaphore vku_create_timeline(const struct vku *vk, uint64_t value);
void vku_signal(const struct vku *vk, VkSemaphore timeline, uint64_t value);
void vku_wait(const struct vku *vk, VkSemaphore timeline, uint64_t value);
uint64_t vku_timeline_value(const struct vku *vk, VkSemaphore timeline);

#endif
