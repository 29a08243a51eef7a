/* SPDX-License-Identifier: MIT */
#include "vk.h"

static void create_layouts(const struct vku *vk, struct vku_program *program)
{
	VkDescriptorSetLayoutBinding bindings[VKU_PROGRAM_BUFFERS];

	if (program->buffer_count > VKU_PROGRAM_BUFFERS) {
		vku_fail("%u buffers are too many for one program", program->buffer_count);
	}
	for (uint32_t i = 0; i < program->buffer_count; i++) {
		bindings[i] = (VkDescriptorSetLayoutBinding){
			.binding = i,
			.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
			.descriptorCount = 1,
			.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
		};
	}
	const VkDescriptorSetLayoutCreateInfo set_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.bindingCount = program->buffer_count,
		.pBindings = bindings,
	};
	VKU_CHECK(vkCreateDescriptorSetLayout(vk->device, &set_info, NULL, &program->set_layout));

	const VkPushConstantRange range = {
		.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
		.size = program->push_size,
	};
	const VkPipelineLayoutCreateInfo layout_info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.setLayoutCount = 1,
		.pSetLayouts = &program->set_layout,
		.pushConstantRangeCount = program->push_size ? 1 : 0,
		.pPushConstantRanges = &range,
	};
	VKU_CHECK(vkCreatePipelineLayout(vk->device, &layout_info, NULL, &program->layout));
}

static void create_pipeline(
	const struct vku *vk, struct vku_program *program, const uint32_t *code, size_t code_size)
{
	const VkShaderModuleCreateInfo module_info = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = code_size,
		.pCode = code,
	};
	VKU_CHECK(vkCreateShaderModule(vk->device, &module_info, NULL, &program->module));

	const VkComputePipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.stage = {
			.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			.stage = VK_SHADER_STAGE_COMPUTE_BIT,
			.module = program->module,
			.pName = "main",
		},
		.layout = program->layout,
	};
	VKU_CHECK(vkCreateComputePipelines(
		vk->device, VK_NULL_HANDLE, 1, &info, NULL, &program->pipeline));
}

static void create_descriptor_pool(const struct vku *vk, struct vku_program *program)
{
	const VkDescriptorPoolSize size = {
		.type = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
		.descriptorCount = VKU_PROGRAM_SETS * program->buffer_count,
	};
	const VkDescriptorPoolCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.maxSets = VKU_PROGRAM_SETS,
		.poolSizeCount = 1,
		.pPoolSizes = &size,
	};

	if (program->buffer_count > 0) {
		VKU_CHECK(vkCreateDescriptorPool(vk->device, &info, NULL, &program->pool));
	}
}

void vku_program_init(const struct vku *vk, struct vku_program *program, const uint32_t *code,
	size_t code_size, uint32_t buffer_count, uint32_t push_size)
{
	*program = (struct vku_program){ .buffer_count = buffer_count, .push_size = push_size };
	create_layouts(vk, program);
	create_pipeline(vk, program, code, code_size);
	create_descriptor_pool(vk, program);
}

void vku_program_finish(const struct vku *vk, struct vku_program *program)
{
	if (!program->set_layout) {
		return;
	}
	vkDestroyDescriptorPool(vk->device, program->pool, NULL);
	vkDestroyPipeline(vk->device, program->pipeline, NULL);
	vkDestroyShaderModule(vk->device, program->module, NULL);
	vkDestroyPipelineLayout(vk->device, program->layout, NULL);
	vkDestroyDescriptorSetLayout(vk->device, program->set_layout, NULL);
	*program = (struct vku_program){ 0 };
}

VkDescriptorSet vku_program_set(const struct vku *vk, const struct vku_program *program,
	const VkDescriptorBufferInfo *buffers)
{
	const VkDescriptorSetAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorPool = program->pool,
		.descriptorSetCount = 1,
		.pSetLayouts = &program->set_layout,
	};
	VkDescriptorSet set;

	VKU_CHECK(vkAllocateDescriptorSets(vk->device, &info, &set));
	for (uint32_t i = 0; i < program->buffer_count; i++) {
		const VkWriteDescriptorSet write = {
			.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
			.dstSet = set,
			.dstBinding = i,
			.descriptorCount = 1,
			.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
			.pBufferInfo = &buffers[i],
		};
		vkUpdateDescriptorSets(vk->device, 1, &write, 0, NULL);
	}
	return set;
}

void vku_dispatch(VkCommandBuffer commands, const struct vku_program *program, VkDescriptorSet set,
	const void *push, uint32_t groups)
{
	vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, program->pipeline);
	if (set) {
		vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, program->layout,
			0, 1, &set, 0, NULL);
	}
	if (program->push_size) {
		vkCmdPushConstants(commands, program->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
			program->push_size, push);
	}
	vkCmdDispatch(commands, groups, 1, 1);
}
