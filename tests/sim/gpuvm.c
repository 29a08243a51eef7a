/* SPDX-License-Identifier: MIT */
#include "gpuvm.h"

#include <stdlib.h>

#include "alloc.h"
#include "bo.h"

/*
 * A treap: a binary tree ordered by address and a heap ordered by random priorities. The random
 * priorities keep the tree balanced. Replacing a range needs two operations: splitting a tree at an
 * address, and joining two trees.
 */
struct vmb_sim_gpuvm_node {
	struct vmb_sim_mapping mapping;
	uint64_t priority;
	struct vmb_sim_gpuvm_node *left;
	struct vmb_sim_gpuvm_node *right;
};

/* splitmix64. The priorities must be independent of the addresses. */
static uint64_t next_priority(struct vmb_sim_gpuvm *vm)
{
	uint64_t x = vm->random += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static struct vmb_sim_gpuvm_node *create_node(
	struct vmb_sim_gpuvm *vm, const struct vmb_sim_mapping *mapping)
{
	struct vmb_sim_gpuvm_node *node = vmb_sim_alloc(sizeof(*node));
	node->mapping = *mapping;
	node->priority = next_priority(vm);
	if (mapping->bo) {
		vmb_sim_bo_ref(mapping->bo);
	}
	vm->count++;
	return node;
}

static void destroy_tree(struct vmb_sim_gpuvm *vm, struct vmb_sim_gpuvm_node *node)
{
	if (!node) {
		return;
	}
	destroy_tree(vm, node->left);
	destroy_tree(vm, node->right);
	if (node->mapping.bo) {
		vmb_sim_bo_unref(node->mapping.bo);
	}
	free(node);
	vm->count--;
}

/* Splits a tree: nodes that start below va are left, the others are right. */
static void split_tree(struct vmb_sim_gpuvm_node *node, uint64_t va,
	struct vmb_sim_gpuvm_node **left, struct vmb_sim_gpuvm_node **right)
{
	while (node) {
		if (node->mapping.va < va) {
			*left = node;
			left = &node->right;
			node = node->right;
		} else {
			*right = node;
			right = &node->left;
			node = node->left;
		}
	}
	*left = NULL;
	*right = NULL;
}

/* Joins two trees. All of left is below all of right. */
static struct vmb_sim_gpuvm_node *join_trees(
	struct vmb_sim_gpuvm_node *left, struct vmb_sim_gpuvm_node *right)
{
	struct vmb_sim_gpuvm_node *root;
	struct vmb_sim_gpuvm_node **link = &root;
	while (left && right) {
		if (left->priority > right->priority) {
			*link = left;
			link = &left->right;
			left = left->right;
		} else {
			*link = right;
			link = &right->left;
			right = right->left;
		}
	}
	*link = left ? left : right;
	return root;
}

/* Splits the mapping that contains va. */
static void split_mapping(struct vmb_sim_gpuvm *vm, uint64_t va)
{
	struct vmb_sim_gpuvm_node *below = NULL;
	for (struct vmb_sim_gpuvm_node *node = vm->root; node;) {
		if (node->mapping.va < va) {
			below = node;
			node = node->right;
		} else {
			node = node->left;
		}
	}
	if (!below || below->mapping.va + below->mapping.size <= va) {
		return;
	}

	struct vmb_sim_mapping rest = below->mapping;
	uint64_t kept = va - rest.va;
	rest.va = va;
	rest.size -= kept;
	if (rest.bo) {
		rest.offset += kept;
	}
	below->mapping.size = kept;

	struct vmb_sim_gpuvm_node *left;
	struct vmb_sim_gpuvm_node *right;
	split_tree(vm->root, va, &left, &right);
	vm->root = join_trees(join_trees(left, create_node(vm, &rest)), right);
}

static void replace_range(
	struct vmb_sim_gpuvm *vm, uint64_t va, uint64_t size, struct vmb_sim_gpuvm_node *node)
{
	struct vmb_sim_gpuvm_node *left;
	struct vmb_sim_gpuvm_node *old;
	struct vmb_sim_gpuvm_node *right;
	split_mapping(vm, va);
	split_mapping(vm, va + size);
	split_tree(vm->root, va, &left, &old);
	split_tree(old, va + size, &old, &right);
	vm->root = join_trees(join_trees(left, node), right);
	destroy_tree(vm, old);
}

void vmb_sim_gpuvm_init(struct vmb_sim_gpuvm *vm)
{
	*vm = (struct vmb_sim_gpuvm){ 0 };
}

void vmb_sim_gpuvm_finish(struct vmb_sim_gpuvm *vm)
{
	destroy_tree(vm, vm->root);
	vm->root = NULL;
}

void vmb_sim_gpuvm_map(struct vmb_sim_gpuvm *vm, const struct vmb_sim_mapping *mapping)
{
	if (mapping->size) {
		replace_range(vm, mapping->va, mapping->size, create_node(vm, mapping));
	}
}

void vmb_sim_gpuvm_unmap(struct vmb_sim_gpuvm *vm, uint64_t va, uint64_t size)
{
	if (size) {
		replace_range(vm, va, size, NULL);
	}
}

struct list {
	struct vmb_sim_mapping *mappings;
	size_t count;
	bool merged;
};

static bool continues(const struct vmb_sim_mapping *last, const struct vmb_sim_mapping *mapping)
{
	return last->va + last->size == mapping->va && last->bo == mapping->bo &&
		last->flags == mapping->flags &&
		(!last->bo || last->offset + last->size == mapping->offset);
}

static void list_tree(struct list *list, const struct vmb_sim_gpuvm_node *node)
{
	if (!node) {
		return;
	}
	list_tree(list, node->left);
	struct vmb_sim_mapping *last = list->count ? &list->mappings[list->count - 1] : NULL;
	if (list->merged && last && continues(last, &node->mapping)) {
		last->size += node->mapping.size;
	} else {
		list->mappings[list->count++] = node->mapping;
	}
	list_tree(list, node->right);
}

size_t vmb_sim_gpuvm_list(
	const struct vmb_sim_gpuvm *vm, bool merged, struct vmb_sim_mapping **mappings)
{
	struct list list = {
		.mappings = vmb_sim_alloc(vm->count * sizeof(*list.mappings)),
		.merged = merged,
	};
	list_tree(&list, vm->root);
	*mappings = list.mappings;
	return list.count;
}
