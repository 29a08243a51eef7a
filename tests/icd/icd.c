/* SPDX-License-Identifier: MIT */
#include "icd.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READ_ONLY_SIZE 65536
/* Shorter than the ctest timeout in tests/CMakeLists.txt. */
#define CHILD_SECONDS 300
#define THREAD_SECONDS 300
#define CHILD_SKIPPED 77

struct scenario {
	struct vku vk; /* must be first: scenarios read *state as struct vku * */
	const void *parameter;
};

static pthread_t main_thread;

static const char *const false_errors[] = {
	/* "The allocation must not be larger than the heap": the layer imports a reservation of
	 * address space, which uses no heap memory. Under validation these programs make no
	 * allocation larger than the heap. */
	"VUID-vkAllocateMemory-pAllocateInfo-01713",
	NULL,
};

static void fail_scenario(const char *message)
{
	/* cmocka ends a scenario with longjmp(), which is valid only in the main thread. */
	if (!pthread_equal(pthread_self(), main_thread)) {
		fprintf(stderr, "%s\n", message);
		abort();
	}
	fail_msg("%s", message);
}

static void fail_child(const char *message)
{
	fprintf(stderr, "%s\n", message);
	fflush(NULL);
	_exit(1);
}

static void check_sparse(const struct vku *vk)
{
	VkPhysicalDeviceFeatures features;

	vkGetPhysicalDeviceFeatures(vk->physical, &features);
	if (!features.sparseBinding || !features.sparseResidencyBuffer) {
		vku_fail("%s has no sparse buffers: is the layer enabled?",
			vk->properties.deviceName);
	}
}

int icd_setup(void **state)
{
	struct scenario *scenario = calloc(1, sizeof(*scenario));

	if (!scenario) {
		return -1;
	}
	scenario->parameter = *state;
	vku_init(&scenario->vk, &(struct vku_options){ 0 });
	check_sparse(&scenario->vk);
	*state = scenario;
	return 0;
}

int icd_teardown(void **state)
{
	struct scenario *scenario = *state;

	vku_finish(&scenario->vk);
	free(scenario);
	return 0;
}

const void *icd_parameter(void **state)
{
	return ((struct scenario *)*state)->parameter;
}

void icd_in_child(void **state)
{
	void (*function)(void) = (void (*)(void)) * state;
	int status;

	fflush(NULL);
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		alarm(CHILD_SECONDS);
		vku_on_failure = fail_child;
		function();
		fflush(NULL);
		_exit(0);
	}
	EXPECT(waitpid(child, &status, 0) == child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_SKIPPED) {
		skip();
	}
	if (WIFSIGNALED(status)) {
		vku_fail("the process ended by signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	}
	EXPECT_EQ(WEXITSTATUS(status), 0);
}

void icd_child_skip(const char *why)
{
	fprintf(stderr, "skipped: %s\n", why);
	fflush(NULL);
	_exit(CHILD_SKIPPED);
}

int icd_run(const struct CMUnitTest *tests, size_t count, int argc, char **argv)
{
	int failed = 0;

	main_thread = pthread_self();
	vku_on_failure = fail_scenario;
	vku_false_errors = false_errors;
	if (argc <= 1) {
		return _cmocka_run_group_tests(argv[0], tests, count, NULL, NULL);
	}
	for (int i = 1; i < argc; i++) {
		cmocka_set_test_filter(argv[i]);
		failed += _cmocka_run_group_tests(argv[0], tests, count, NULL, NULL);
	}
	return failed;
}

void icd_expect_equal(uint64_t a, uint64_t b, const char *condition, const char *file, int line)
{
	if (a != b) {
		vku_fail("%s:%d: not equal: %s: 0x%llx, 0x%llx", file, line, condition,
			(unsigned long long)a, (unsigned long long)b);
	}
}

void icd_expect_result(
	VkResult result, VkResult expected, const char *call, const char *file, int line)
{
	if (result != expected) {
		char got[40];
		snprintf(got, sizeof(got), "%s", vku_result_name(result));
		vku_fail("%s:%d: %s, not %s: %s", file, line, got, vku_result_name(expected), call);
	}
}

void icd_expect_out_of_memory(VkResult result, const char *call, const char *file, int line)
{
	if (result != VK_ERROR_OUT_OF_DEVICE_MEMORY && result != VK_ERROR_OUT_OF_HOST_MEMORY) {
		vku_fail("%s:%d: %s, not out of memory: %s", file, line, vku_result_name(result),
			call);
	}
}

void icd_skip_if_validating(void)
{
	if (vku_validating()) {
		skip();
	}
}

bool icd_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return true;
#elif defined(__has_feature)
	return __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
	return false;
#endif
}

VkDeviceSize icd_buffer_size(const struct vku *vk, VkDeviceSize wanted)
{
	const uint32_t swiftshader_vendor = 0x1ae0;
	VkPhysicalDeviceMaintenance4Properties maintenance4 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES,
	};
	VkPhysicalDeviceProperties2 properties = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &maintenance4,
	};

	vkGetPhysicalDeviceProperties2(vk->physical, &properties);
	VkDeviceSize limit = maintenance4.maxBufferSize;
	if (vk->properties.vendorID == swiftshader_vendor) {
		/* SwiftShader does not allocate or import memory of its maxBufferSize. */
		limit -= 65536;
	}
	return wanted < limit ? wanted : limit;
}

void icd_driver_init(struct vku *driver)
{
	vku_init(driver, &(struct vku_options){ .without_layers = true });
}

struct icd_unknown icd_unknown(void *next)
{
	return (struct icd_unknown){
		.sType = (VkStructureType)0x7eadbee0,
		.pNext = next,
		.data = { 0x11111111, 0x22222222, 0x33333333, 0x44444444, 0x55555555, 0x66666666 },
	};
}

void icd_expect_unknown_intact(const struct icd_unknown *unknown)
{
	const struct icd_unknown fresh = icd_unknown(NULL);

	EXPECT_EQ(unknown->sType, fresh.sType);
	EXPECT(memcmp(unknown->data, fresh.data, sizeof(fresh.data)) == 0);
}

void *icd_read_only(const void *data, size_t size)
{
	void *copy = mmap(NULL, READ_ONLY_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(copy != MAP_FAILED);
	icd_rewrite_read_only(copy, data, size);
	return copy;
}

void icd_rewrite_read_only(void *copy, const void *data, size_t size)
{
	EXPECT(size <= READ_ONLY_SIZE);
	EXPECT(mprotect(copy, READ_ONLY_SIZE, PROT_READ | PROT_WRITE) == 0);
	memcpy(copy, data, size);
	EXPECT(mprotect(copy, READ_ONLY_SIZE, PROT_READ) == 0);
}

void icd_read_only_free(void *data)
{
	munmap(data, READ_ONLY_SIZE);
}

double icd_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void icd_sleep(double seconds)
{
	const struct timespec time = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9),
	};

	nanosleep(&time, NULL);
}

uint64_t icd_resident_bytes(void)
{
	unsigned long size, resident;
	FILE *file = fopen("/proc/self/statm", "re");

	EXPECT(file != NULL);
	EXPECT(fscanf(file, "%lu %lu", &size, &resident) == 2);
	fclose(file);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t icd_memfd_bytes(void)
{
	DIR *directory = opendir("/proc/self/fd");
	uint64_t bytes = 0;

	EXPECT(directory != NULL);
	for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
		char target[64] = "";
		struct stat status;
		if (readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1) > 0 &&
			strncmp(target, "/memfd:", 7) == 0 &&
			fstatat(dirfd(directory), entry->d_name, &status, 0) == 0) {
			bytes += (uint64_t)status.st_blocks * 512;
		}
	}
	closedir(directory);
	return bytes;
}

size_t icd_count_mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	size_t lines = 0;

	EXPECT(file != NULL);
	for (int c = getc(file); c != EOF; c = getc(file)) {
		lines += c == '\n';
	}
	fclose(file);
	return lines;
}

static size_t count_entries(const char *path)
{
	DIR *directory = opendir(path);
	size_t entries = 0;

	EXPECT(directory != NULL);
	while (readdir(directory)) {
		entries++;
	}
	closedir(directory);
	return entries;
}

size_t icd_count_fds(void)
{
	return count_entries("/proc/self/fd");
}

size_t icd_count_threads(void)
{
	return count_entries("/proc/self/task");
}

void icd_wait_for_threads(size_t count)
{
	const double start = icd_seconds();

	while (icd_count_threads() > count) {
		EXPECT(icd_seconds() < start + THREAD_SECONDS);
		icd_sleep(0.01);
	}
}
