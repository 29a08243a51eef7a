/* SPDX-License-Identifier: MIT */
#include "vk/commands.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* An X(...) line of the lists as data. */
struct entry {
	const char *name;
	const char *alias; /* NULL if there is none */
	uint32_t since; /* the version in which name is core */
	struct vmb_command command;
};

#define ENTRY(name, alias, since, level, table) \
	{ "vk" #name, alias, since, { level, offsetof(struct table, name) } },
#define INSTANCE_ENTRY(type, name, alias, since, parameters, arguments) \
	ENTRY(name, alias, since, VMB_COMMAND_INSTANCE, vmb_instance_commands)
#define PHYSICAL_DEVICE_ENTRY(type, name, alias, since, parameters, arguments) \
	ENTRY(name, alias, since, VMB_COMMAND_PHYSICAL_DEVICE, vmb_instance_commands)
#define DEVICE_ENTRY(type, name, alias, since, parameters, arguments) \
	ENTRY(name, alias, since, VMB_COMMAND_DEVICE, vmb_device_commands)

static const struct entry entries[] = { VMB_INSTANCE_COMMANDS(INSTANCE_ENTRY)
		VMB_PHYSICAL_DEVICE_COMMANDS(PHYSICAL_DEVICE_ENTRY)
			VMB_DEVICE_COMMANDS(DEVICE_ENTRY) };
#define ENTRIES (sizeof(entries) / sizeof(entries[0]))

struct vmb_command vmb_command_find(const char *name)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		const struct entry *entry = &entries[i];
		if (strcmp(name, entry->name) == 0 ||
			(entry->alias && strcmp(name, entry->alias) == 0)) {
			return entry->command;
		}
	}
	return (struct vmb_command){ .level = VMB_COMMAND_UNKNOWN };
}

/* The members of a table have different function types. memcpy() accesses all of them. */

static PFN_vkVoidFunction get(const void *table, size_t offset)
{
	PFN_vkVoidFunction function;

	memcpy(&function, (const char *)table + offset, sizeof(function));
	return function;
}

static void set(void *table, size_t offset, PFN_vkVoidFunction function)
{
	memcpy((char *)table + offset, &function, sizeof(function));
}

PFN_vkVoidFunction vmb_command_in(const void *table, const struct vmb_command *command)
{
	return get(table, command->offset);
}

static bool has_alias_first(const struct entry *entry, uint32_t api_version)
{
	return entry->alias && api_version < entry->since;
}

void vmb_instance_commands_load(struct vmb_instance_commands *commands, VkInstance instance,
	uint32_t api_version, PFN_vkGetInstanceProcAddr next)
{
	for (size_t i = 0; i < ENTRIES && entries[i].command.level != VMB_COMMAND_DEVICE; i++) {
		const struct entry *entry = &entries[i];
		bool alias_first = has_alias_first(entry, api_version);
		PFN_vkVoidFunction found = next(instance, alias_first ? entry->alias : entry->name);
		if (!found && entry->alias) {
			found = next(instance, alias_first ? entry->name : entry->alias);
		}
		set(commands, entry->command.offset, found);
	}
}

void vmb_device_commands_load(struct vmb_device_commands *commands, VkDevice device,
	uint32_t api_version, PFN_vkGetDeviceProcAddr next)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		const struct entry *entry = &entries[i];
		if (entry->command.level != VMB_COMMAND_DEVICE) {
			continue;
		}
		bool alias_first = has_alias_first(entry, api_version);
		PFN_vkVoidFunction found = next(device, alias_first ? entry->alias : entry->name);
		if (!found && entry->alias) {
			found = next(device, alias_first ? entry->name : entry->alias);
		}
		set(commands, entry->command.offset, found);
	}
}

static void lay(void *commands, const void *overlay, size_t size)
{
	for (size_t offset = 0; offset < size; offset += sizeof(PFN_vkVoidFunction)) {
		PFN_vkVoidFunction function = get(overlay, offset);
		if (function && get(commands, offset)) {
			set(commands, offset, function);
		}
	}
}

void vmb_instance_commands_lay(
	struct vmb_instance_commands *commands, const struct vmb_instance_commands *overlay)
{
	lay(commands, overlay, sizeof(*commands));
}

void vmb_device_commands_lay(
	struct vmb_device_commands *commands, const struct vmb_device_commands *overlay)
{
	lay(commands, overlay, sizeof(*commands));
}

void vmb_device_commands_add_changed(struct vmb_device_commands *overlay,
	const struct vmb_device_commands *source, const struct vmb_device_commands *one,
	const struct vmb_device_commands *other)
{
	for (size_t offset = 0; offset < sizeof(*overlay); offset += sizeof(PFN_vkVoidFunction)) {
		if (!get(overlay, offset) && get(source, offset) &&
			get(one, offset) != get(other, offset)) {
			set(overlay, offset, get(source, offset));
		}
	}
}
