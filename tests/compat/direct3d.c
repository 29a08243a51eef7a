/* SPDX-License-Identifier: MIT */
#define COBJMACROS
#define WIDL_C_INLINE_WRAPPERS
#include <d3d11.h>
#include <d3d12.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

/*
 * direct3d 11|12: a Windows program. Prints the features of the device, clears a texture, and
 * prints the texels that the CPU reads. With 12 also fills a buffer by copies.
 */

#define SIZE 64
#define CHECK(call) check((call), #call)

static const float blue[] = { 0.2f, 0.4f, 0.8f, 1.0f };

static void check(HRESULT result, const char *call)
{
	if (FAILED(result)) {
		printf("%s: %08lx\n", call, (unsigned long)result);
		exit(1);
	}
}

static void print_words(const char *what, const void *data, size_t size)
{
	const UINT *words = data;

	printf("%s:", what);
	for (size_t i = 0; i < size / sizeof(UINT); i++) {
		printf(" %x", words[i]);
	}
	printf("\n");
}

/* Prints a texel if all are equal. */
static void print_texels(const char *data, size_t pitch)
{
	const UINT first = *(const UINT *)data;

	for (size_t y = 0; y < SIZE; y++) {
		for (size_t x = 0; x < SIZE; x++) {
			const UINT texel = *(const UINT *)(data + y * pitch + x * sizeof(UINT));

			if (texel != first) {
				printf("texel %zu %zu: %08x\n", x, y, texel);
				exit(1);
			}
		}
	}
	printf("all texels: %08x\n", first);
}

static void use_direct3d11(void)
{
	D3D11_TEXTURE2D_DESC description = {
		.Width = SIZE,
		.Height = SIZE,
		.MipLevels = 1,
		.ArraySize = 1,
		.Format = DXGI_FORMAT_R8G8B8A8_UNORM,
		.SampleDesc = { 1, 0 },
		.BindFlags = D3D11_BIND_RENDER_TARGET,
	};
	D3D11_FEATURE_DATA_D3D11_OPTIONS options;
	D3D11_FEATURE_DATA_D3D11_OPTIONS1 options1;
	D3D11_MAPPED_SUBRESOURCE map;
	ID3D11RenderTargetView *view;
	ID3D11DeviceContext *context;
	ID3D11Texture2D *target, *staging;
	D3D_FEATURE_LEVEL level;
	ID3D11Device *device;

	CHECK(D3D11CreateDevice(NULL, D3D_DRIVER_TYPE_HARDWARE, NULL, 0, NULL, 0, D3D11_SDK_VERSION,
		&device, &level, &context));
	printf("feature level %x\n", level);
	CHECK(ID3D11Device_CheckFeatureSupport(
		device, D3D11_FEATURE_D3D11_OPTIONS, &options, sizeof(options)));
	CHECK(ID3D11Device_CheckFeatureSupport(
		device, D3D11_FEATURE_D3D11_OPTIONS1, &options1, sizeof(options1)));
	print_words("options", &options, sizeof(options));
	print_words("options 1", &options1, sizeof(options1));
	printf("tiled resources: tier %d\n", options1.TiledResourcesTier);

	CHECK(ID3D11Device_CreateTexture2D(device, &description, NULL, &target));
	CHECK(ID3D11Device_CreateRenderTargetView(device, (ID3D11Resource *)target, NULL, &view));
	description.BindFlags = 0;
	description.Usage = D3D11_USAGE_STAGING;
	description.CPUAccessFlags = D3D11_CPU_ACCESS_READ;
	CHECK(ID3D11Device_CreateTexture2D(device, &description, NULL, &staging));
	ID3D11DeviceContext_ClearRenderTargetView(context, view, blue);
	ID3D11DeviceContext_CopyResource(
		context, (ID3D11Resource *)staging, (ID3D11Resource *)target);
	CHECK(ID3D11DeviceContext_Map(
		context, (ID3D11Resource *)staging, 0, D3D11_MAP_READ, 0, &map));
	print_texels(map.pData, map.RowPitch);
	ID3D11DeviceContext_Unmap(context, (ID3D11Resource *)staging, 0);
	ID3D11Texture2D_Release(staging);
	ID3D11RenderTargetView_Release(view);
	ID3D11Texture2D_Release(target);
	ID3D11DeviceContext_Release(context);
	ID3D11Device_Release(device);
}

struct direct3d12 {
	ID3D12Device *device;
	ID3D12CommandQueue *queue;
	ID3D12CommandAllocator *allocator;
	ID3D12GraphicsCommandList *list;
};

static ID3D12Resource *create_resource(const struct direct3d12 *d, D3D12_HEAP_TYPE type,
	const D3D12_RESOURCE_DESC *description, D3D12_RESOURCE_STATES state)
{
	const D3D12_HEAP_PROPERTIES heap = { .Type = type };
	ID3D12Resource *resource;

	CHECK(ID3D12Device_CreateCommittedResource(d->device, &heap, D3D12_HEAP_FLAG_NONE,
		description, state, NULL, &IID_ID3D12Resource, (void **)&resource));
	return resource;
}

static ID3D12Resource *create_buffer(
	const struct direct3d12 *d, D3D12_HEAP_TYPE type, D3D12_RESOURCE_STATES state)
{
	const D3D12_RESOURCE_DESC description = {
		.Dimension = D3D12_RESOURCE_DIMENSION_BUFFER,
		.Width = SIZE * D3D12_TEXTURE_DATA_PITCH_ALIGNMENT,
		.Height = 1,
		.DepthOrArraySize = 1,
		.MipLevels = 1,
		.SampleDesc = { 1, 0 },
		.Layout = D3D12_TEXTURE_LAYOUT_ROW_MAJOR,
	};

	return create_resource(d, type, &description, state);
}

static void direct3d12_init(struct direct3d12 *d)
{
	const D3D12_COMMAND_QUEUE_DESC description = { .Type = D3D12_COMMAND_LIST_TYPE_DIRECT };

	CHECK(D3D12CreateDevice(
		NULL, D3D_FEATURE_LEVEL_11_0, &IID_ID3D12Device, (void **)&d->device));
	CHECK(ID3D12Device_CreateCommandQueue(
		d->device, &description, &IID_ID3D12CommandQueue, (void **)&d->queue));
	CHECK(ID3D12Device_CreateCommandAllocator(d->device, D3D12_COMMAND_LIST_TYPE_DIRECT,
		&IID_ID3D12CommandAllocator, (void **)&d->allocator));
	CHECK(ID3D12Device_CreateCommandList(d->device, 0, D3D12_COMMAND_LIST_TYPE_DIRECT,
		d->allocator, NULL, &IID_ID3D12GraphicsCommandList, (void **)&d->list));
}

/* Executes the recorded commands, waits, and begins to record again. */
static void direct3d12_run(struct direct3d12 *d)
{
	ID3D12CommandList *list = (ID3D12CommandList *)d->list;
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);
	ID3D12Fence *fence;

	CHECK(ID3D12GraphicsCommandList_Close(d->list));
	ID3D12CommandQueue_ExecuteCommandLists(d->queue, 1, &list);
	CHECK(ID3D12Device_CreateFence(
		d->device, 0, D3D12_FENCE_FLAG_NONE, &IID_ID3D12Fence, (void **)&fence));
	CHECK(ID3D12CommandQueue_Signal(d->queue, fence, 1));
	CHECK(ID3D12Fence_SetEventOnCompletion(fence, 1, event));
	WaitForSingleObject(event, INFINITE);
	CloseHandle(event);
	ID3D12Fence_Release(fence);
	CHECK(ID3D12CommandAllocator_Reset(d->allocator));
	CHECK(ID3D12GraphicsCommandList_Reset(d->list, d->allocator, NULL));
}

static void direct3d12_finish(struct direct3d12 *d)
{
	ID3D12GraphicsCommandList_Release(d->list);
	ID3D12CommandAllocator_Release(d->allocator);
	ID3D12CommandQueue_Release(d->queue);
	ID3D12Device_Release(d->device);
}

static void print_buffer(ID3D12Resource *buffer)
{
	void *map;

	CHECK(ID3D12Resource_Map(buffer, 0, NULL, &map));
	print_texels(map, D3D12_TEXTURE_DATA_PITCH_ALIGNMENT);
	ID3D12Resource_Unmap(buffer, 0, NULL);
}

/* Copies words through a buffer in the GPU's memory. */
static void copy_buffer(struct direct3d12 *d)
{
	ID3D12Resource *from = create_buffer(
		d, D3D12_HEAP_TYPE_UPLOAD, D3D12_RESOURCE_STATE_GENERIC_READ);
	ID3D12Resource *through = create_buffer(
		d, D3D12_HEAP_TYPE_DEFAULT, D3D12_RESOURCE_STATE_COPY_DEST);
	ID3D12Resource *to = create_buffer(
		d, D3D12_HEAP_TYPE_READBACK, D3D12_RESOURCE_STATE_COPY_DEST);
	D3D12_RESOURCE_BARRIER barrier = {
		.Type = D3D12_RESOURCE_BARRIER_TYPE_TRANSITION,
		.Transition = { through, 0, D3D12_RESOURCE_STATE_COPY_DEST,
			D3D12_RESOURCE_STATE_COPY_SOURCE },
	};
	UINT *words;

	CHECK(ID3D12Resource_Map(from, 0, NULL, (void **)&words));
	for (size_t i = 0; i < SIZE * D3D12_TEXTURE_DATA_PITCH_ALIGNMENT / sizeof(UINT); i++) {
		words[i] = 0x12345678;
	}
	ID3D12Resource_Unmap(from, 0, NULL);
	ID3D12GraphicsCommandList_CopyResource(d->list, through, from);
	ID3D12GraphicsCommandList_ResourceBarrier(d->list, 1, &barrier);
	ID3D12GraphicsCommandList_CopyResource(d->list, to, through);
	direct3d12_run(d);
	print_buffer(to);
	ID3D12Resource_Release(to);
	ID3D12Resource_Release(through);
	ID3D12Resource_Release(from);
}

static void clear_texture(struct direct3d12 *d)
{
	const D3D12_RESOURCE_DESC description = {
		.Dimension = D3D12_RESOURCE_DIMENSION_TEXTURE2D,
		.Width = SIZE,
		.Height = SIZE,
		.DepthOrArraySize = 1,
		.MipLevels = 1,
		.Format = DXGI_FORMAT_R8G8B8A8_UNORM,
		.SampleDesc = { 1, 0 },
		.Flags = D3D12_RESOURCE_FLAG_ALLOW_RENDER_TARGET,
	};
	const D3D12_DESCRIPTOR_HEAP_DESC heap_description = {
		.Type = D3D12_DESCRIPTOR_HEAP_TYPE_RTV, .NumDescriptors = 1
	};
	ID3D12Resource *texture = create_resource(
		d, D3D12_HEAP_TYPE_DEFAULT, &description, D3D12_RESOURCE_STATE_RENDER_TARGET);
	ID3D12Resource *to = create_buffer(
		d, D3D12_HEAP_TYPE_READBACK, D3D12_RESOURCE_STATE_COPY_DEST);
	const D3D12_RESOURCE_BARRIER barrier = {
		.Type = D3D12_RESOURCE_BARRIER_TYPE_TRANSITION,
		.Transition = { texture, 0, D3D12_RESOURCE_STATE_RENDER_TARGET,
			D3D12_RESOURCE_STATE_COPY_SOURCE },
	};
	const D3D12_TEXTURE_COPY_LOCATION source = { .pResource = texture };
	const D3D12_TEXTURE_COPY_LOCATION destination = {
		.pResource = to,
		.Type = D3D12_TEXTURE_COPY_TYPE_PLACED_FOOTPRINT,
		.PlacedFootprint.Footprint = { description.Format, SIZE, SIZE, 1,
			D3D12_TEXTURE_DATA_PITCH_ALIGNMENT },
	};
	D3D12_CPU_DESCRIPTOR_HANDLE view;
	ID3D12DescriptorHeap *heap;

	CHECK(ID3D12Device_CreateDescriptorHeap(
		d->device, &heap_description, &IID_ID3D12DescriptorHeap, (void **)&heap));
	view = ID3D12DescriptorHeap_GetCPUDescriptorHandleForHeapStart(heap);
	ID3D12Device_CreateRenderTargetView(d->device, texture, NULL, view);
	ID3D12GraphicsCommandList_ClearRenderTargetView(d->list, view, blue, 0, NULL);
	ID3D12GraphicsCommandList_ResourceBarrier(d->list, 1, &barrier);
	ID3D12GraphicsCommandList_CopyTextureRegion(d->list, &destination, 0, 0, 0, &source, NULL);
	direct3d12_run(d);
	print_buffer(to);
	ID3D12DescriptorHeap_Release(heap);
	ID3D12Resource_Release(to);
	ID3D12Resource_Release(texture);
}

static void use_direct3d12(void)
{
	D3D12_FEATURE_DATA_D3D12_OPTIONS options;
	D3D12_FEATURE_DATA_GPU_VIRTUAL_ADDRESS_SUPPORT addresses;
	struct direct3d12 d;

	direct3d12_init(&d);
	CHECK(ID3D12Device_CheckFeatureSupport(
		d.device, D3D12_FEATURE_D3D12_OPTIONS, &options, sizeof(options)));
	CHECK(ID3D12Device_CheckFeatureSupport(d.device, D3D12_FEATURE_GPU_VIRTUAL_ADDRESS_SUPPORT,
		&addresses, sizeof(addresses)));
	print_words("options", &options, sizeof(options));
	print_words("addresses", &addresses, sizeof(addresses));
	printf("tiled resources: tier %d\n", options.TiledResourcesTier);
	copy_buffer(&d);
	clear_texture(&d);
	direct3d12_finish(&d);
}

int main(int argc, char **argv)
{
	if (argc == 2 && atoi(argv[1]) == 11) {
		use_direct3d11();
	} else {
		use_direct3d12();
	}
	return 0;
}
