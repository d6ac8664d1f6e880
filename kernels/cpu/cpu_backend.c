#define _DEFAULT_SOURCE  // madvise

#include "kernels/cpu/cpu_kernels.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/host_memory.h"

enum { ALIGNMENT = 64, PAGE = 4096, HUGE_PAGE = 1 << 21 };  // bytes; ALIGNMENT: a cache line, the widest vector

// Large arrays are accessed at random, one target list or row per spike; with huge pages most accesses hit the TLB. If
// the system has no huge pages, madvise fails, which is harmless.
static void ask_for_huge_pages(char *pointer, size_t n_bytes) {
  const size_t before = (uintptr_t)pointer % PAGE;
  if (n_bytes >= HUGE_PAGE) madvise(pointer - before, before + n_bytes, MADV_HUGEPAGE);
}

static psac_status cpu_alloc(void **pointer, size_t n_bytes, const char *what) {
  const size_t padded = (n_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + ALIGNMENT;
  *pointer = padded > n_bytes ? aligned_alloc(ALIGNMENT, padded) : NULL;
  if (!*pointer) return psac_fail(PSAC_ERR_MEMORY, "out of memory: %zu bytes for %s on this rank", n_bytes, what);
  ask_for_huge_pages(*pointer, padded);
  memset(*pointer, 0, padded);
  return PSAC_OK;
}

static void cpu_release(void *pointer) { free(pointer); }

static psac_status cpu_stream_create(psac_stream **stream) {
  *stream = NULL;
  return PSAC_OK;
}

static void cpu_stream_destroy(psac_stream *stream) { (void)stream; }

static psac_status cpu_synchronize(psac_stream *stream) {
  (void)stream;
  return PSAC_OK;
}

static psac_status cpu_copy(psac_stream *stream, void *to, const void *from, size_t n_bytes) {
  (void)stream;
  if (n_bytes > 0) memcpy(to, from, n_bytes);
  return PSAC_OK;
}

static psac_status cpu_clear(psac_stream *stream, void *pointer, size_t n_bytes) {
  (void)stream;
  if (n_bytes > 0) memset(pointer, 0, n_bytes);
  return PSAC_OK;
}

static void *cpu_native_stream(const psac_stream *stream) {
  (void)stream;
  return NULL;
}

static const psac_staging *cpu_staging(void) { return NULL; }

static int cpu_device_count(const char **reason) {
  *reason = "";
  return 1;
}

// An unknown size is infinite and becomes SIZE_MAX; alloc then detects a shortage.
static size_t in_bytes(double bytes) { return bytes < 0x1p62 ? (size_t)bytes : SIZE_MAX; }

static psac_status cpu_device_open(int index, psac_device *device) {
  (void)index;
  const psac_host_memory host = psac_host_memory_read("");
  *device = (psac_device){.name = "host", .id = "host", .memory_total = in_bytes(host.total)};
  device->memory_free = in_bytes(fmin(host.shared, host.own));
  return PSAC_OK;
}

static const psac_device_ops device_ops = {
    .device_count = cpu_device_count,
    .device_open = cpu_device_open,
    .alloc = cpu_alloc,
    .release = cpu_release,
    .stream_create = cpu_stream_create,
    .stream_destroy = cpu_stream_destroy,
    .synchronize = cpu_synchronize,
    .upload = cpu_copy,
    .download = cpu_copy,
    .clear = cpu_clear,
    .native_stream = cpu_native_stream,
    .staging = cpu_staging,
};

static const psac_stage_ops stage_ops = {
    .build_receptive_fields = psac_cpu_build_receptive_fields,
    .find_sources = psac_cpu_find_sources,
    .count_targets = psac_cpu_count_targets,
    .place_targets = psac_cpu_place_targets,
    .initialise_weights = psac_cpu_initialise_weights,
    .encode_retina = psac_cpu_encode_retina,
    .reset_potentials = psac_cpu_reset_potentials,
    .prepare_middle = psac_cpu_prepare_middle,
    .step_middle = psac_cpu_step_middle,
    .count_spikes = psac_cpu_count_spikes,
    .partial_drives = psac_cpu_partial_drives,
    .reset_readout = psac_cpu_reset_readout,
    .step_readout = psac_cpu_step_readout,
    .accumulate_eligibility = psac_cpu_accumulate_eligibility,
    .apply_learning = psac_cpu_apply_learning,
    .sum_mean_squares = psac_cpu_sum_mean_squares,
    .accumulate_statistics = psac_cpu_accumulate_statistics,
    .project_weights = psac_cpu_project_weights,
};

static const psac_notebook_ops notebook_ops = {
    .sum_words = psac_cpu_sum_words,
    .judge_step = psac_cpu_judge_step,
    .hebbian_step = psac_cpu_hebbian_step,
};

const psac_backend psac_backend_cpu = {
    .name = "cpu", .library = "", .device = &device_ops, .stage = &stage_ops, .notebook = &notebook_ops};
