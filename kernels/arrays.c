#include "kernels/arrays.h"

#include <math.h>

// One function per array that returns its number of elements.
#define X(name, element, shape, ...) \
  static double shard_##name(const psac_extents *x) { return (void)x, (double)(shape); }
PSAC_SHARD_ARRAYS(X)
#undef X
#define X(name, element, shape, ...) \
  static double readout_##name(const psac_extents *x) { return (void)x, (double)(shape); }
PSAC_READOUT_ARRAYS(X)
#undef X
#define X(name, element, shape, ...) \
  static double message_##name(const psac_extents *x) { return (void)x, (double)(shape); }
PSAC_MESSAGE_ARRAYS(X)
#undef X

#define ARRAY(owner, n_elements, name, element, life, unit, group, description) \
  {#name,                                                                       \
   sizeof(element),                                                             \
   _Generic((element *)NULL, float * : 1, double * : 1, default : 0),           \
   PSAC_LIFE_##life,                                                            \
   unit,                                                                        \
   group,                                                                       \
   description,                                                                 \
   offsetof(owner, name),                                                       \
   n_elements},

const psac_array psac_shard_arrays[] = {
#define X(name, element, shape, life, unit, group, description) \
  ARRAY(psac_shard, shard_##name, name, element, life, unit, group, description)
    PSAC_SHARD_ARRAYS(X)
#undef X
};

const psac_array psac_readout_arrays[] = {
#define X(name, element, shape, life, unit, group, description) \
  ARRAY(psac_readout, readout_##name, name, element, life, unit, group, description)
    PSAC_READOUT_ARRAYS(X)
#undef X
};

const psac_array psac_message_arrays[] = {
#define X(name, element, shape, life, unit, group, description) \
  ARRAY(psac_messages, message_##name, name, element, life, unit, group, description)
    PSAC_MESSAGE_ARRAYS(X)
#undef X
};

size_t psac_array_width(const psac_array *array, const psac_extents *extents) {
  psac_extents one = *extents;
  one.n_padded = 1.0;
  return (size_t)array->n_elements(&one);
}

void psac_checkpoint_arrays(const psac_array *array[]) {
  for (int k = 0; k < PSAC_N_SHARD_ARRAYS; k++) {
    if (psac_shard_arrays[k].life == PSAC_LIFE_CHECKPOINT) *array++ = &psac_shard_arrays[k];
  }
}

void **psac_array_in(void *owner, const psac_array *array) { return (void **)((char *)owner + array->offset); }

static psac_status allocate(const psac_device_ops *device, const psac_extents *extents, void *owner,
                            const psac_array *array, int n) {
  for (; n > 0; n--, array++) {
    const double n_elements = array->n_elements(extents);
    void **pointer = psac_array_in(owner, array);
    if (*pointer || isnan(n_elements) || n_elements == 0.0) continue;
    PSAC_TRY(device->alloc(pointer, (size_t)n_elements * array->element_bytes, array->group));
  }
  return PSAC_OK;
}

static void release(const psac_device_ops *device, void *owner, const psac_array *array, int n) {
  for (; n > 0; n--, array++) {
    device->release(*psac_array_in(owner, array));
    *psac_array_in(owner, array) = NULL;
  }
}

psac_status psac_arrays_allocate(const psac_device_ops *device, const psac_extents *extents, psac_array_owners owners) {
  PSAC_TRY(allocate(device, extents, owners.shard, psac_shard_arrays, PSAC_N_SHARD_ARRAYS));
  PSAC_TRY(allocate(device, extents, owners.readout, psac_readout_arrays, PSAC_N_READOUT_ARRAYS));
  return allocate(device, extents, owners.messages, psac_message_arrays, PSAC_N_MESSAGE_ARRAYS);
}

void psac_arrays_release(const psac_device_ops *device, psac_array_owners owners) {
  release(device, owners.shard, psac_shard_arrays, PSAC_N_SHARD_ARRAYS);
  release(device, owners.readout, psac_readout_arrays, PSAC_N_READOUT_ARRAYS);
  release(device, owners.messages, psac_message_arrays, PSAC_N_MESSAGE_ARRAYS);
}
