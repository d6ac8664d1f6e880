// Devices, and errors.
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "emu_internal.h"

namespace emu {

namespace {

thread_local int chosen_device;  // as in CUDA
cudaError_t broken = cudaSuccess;
cudaError_t last_error = cudaSuccess;

std::vector<int> visible_devices() {
  const char *count = getenv("PSAC_EMU_DEVICES"), *visible = getenv("CUDA_VISIBLE_DEVICES");
  const int n = count ? atoi(count) : 8;
  std::vector<int> devices;
  if (!visible) {
    for (int k = 0; k < n; k++) devices.push_back(k);
    return devices;
  }
  while (*visible) {  // up to the first that does not exist, as CUDA does it
    char *end;
    const long k = strtol(visible, &end, 10);
    if (end == visible || k < 0 || k >= n) break;
    devices.push_back(static_cast<int>(k));
    visible = *end == ',' ? end + 1 : end;
  }
  return devices;
}

}  // namespace

void fail(const char *format, ...) {
  char text[1000];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fprintf(stderr, "emulation: %s\n", text);
  fflush(stderr);
  abort();
}

cudaError_t set_error(cudaError_t code) {
  if (code != cudaSuccess) last_error = code;
  return code;
}

bool has_mode(const char *variable) {
  const char *text = getenv(variable);
  return text && strcmp(text, "") != 0 && strcmp(text, "0") != 0;
}

namespace {

// RANK:CALL:N in an environment variable, and how often that call was made.
struct accident {
  int rank = -1, left = 0;
  std::string call;
  explicit accident(const char *variable) {
    char name[64] = "";
    const char *text = getenv(variable);
    if (!text) return;
    if (sscanf(text, "%d:%63[^:]:%d", &rank, name, &left) != 3) fail("%s = %s is not RANK:CALL:N", variable, text);
    call = name;
  }
  bool happens(const char *now) {
    const char *own_rank = getenv("OMPI_COMM_WORLD_RANK");
    return call == now && rank == (own_rank ? atoi(own_rank) : 0) && --left == 0;
  }
};

}  // namespace

bool fails(const char *call) {
  static accident failure("PSAC_EMU_FAIL"), hang("PSAC_EMU_HANG");
  while (hang.happens(call)) {
    for (;;) pause();
  }
  return failure.happens(call);
}

bool sticks(const char *kernel) {
  static accident stuck("PSAC_EMU_STICK");
  return stuck.happens(kernel);
}

namespace {

constexpr size_t SHARED_WITHOUT_ASKING = 48 << 10;
std::map<const void *, size_t> shared_limits;  // of kernels that have asked for more

size_t shared_most() {
  const char *text = getenv("PSAC_EMU_SHARED");
  return text ? strtoull(text, nullptr, 10) : 232448;
}

}  // namespace

bool has_shared(const void *kernel, size_t n_bytes) {
  const auto asked = shared_limits.find(kernel);
  return n_bytes <= shared_most() && n_bytes <= (asked == shared_limits.end() ? SHARED_WITHOUT_ASKING : asked->second);
}

void break_device() { broken = cudaErrorLaunchFailure; }
cudaError_t device_error() { return broken; }

int current_device() { return chosen_device; }
int physical_device(int device) { return visible_devices()[static_cast<size_t>(device)]; }

}  // namespace emu

using emu::set_error;

extern "C" {

const char *cudaGetErrorName(cudaError_t code) {
  switch (code) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration: return "cudaErrorInvalidConfiguration";
    case cudaErrorNoDevice: return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice: return "cudaErrorInvalidDevice";
    case cudaErrorInvalidResourceHandle: return "cudaErrorInvalidResourceHandle";
    case cudaErrorNotReady: return "cudaErrorNotReady";
    case cudaErrorLaunchFailure: return "cudaErrorLaunchFailure";
    case cudaErrorStreamCaptureUnsupported: return "cudaErrorStreamCaptureUnsupported";
    case cudaErrorStreamCaptureUnjoined: return "cudaErrorStreamCaptureUnjoined";
    case cudaErrorStreamCaptureImplicit: return "cudaErrorStreamCaptureImplicit";
  }
  return "unknown error";
}

const char *cudaGetErrorString(cudaError_t code) {
  if (code == cudaErrorNoDevice) return "no CUDA-capable device is detected";
  if (code == cudaErrorMemoryAllocation) return "out of memory";
  if (code == cudaErrorLaunchFailure) return "unspecified launch failure";
  return cudaGetErrorName(code);
}

cudaError_t cudaGetLastError(void) {
  const cudaError_t code = emu::device_error() != cudaSuccess ? emu::device_error() : emu::last_error;
  emu::last_error = cudaSuccess;
  return code;
}

cudaError_t cudaPeekAtLastError(void) { return emu::last_error; }

cudaError_t cudaDriverGetVersion(int *version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *n) {
  *n = static_cast<int>(emu::visible_devices().size());
  return *n > 0 ? cudaSuccess : set_error(cudaErrorNoDevice);
}

cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= static_cast<int>(emu::visible_devices().size())) return set_error(cudaErrorInvalidDevice);
  emu::chosen_device = device;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device) {
  *device = emu::chosen_device;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device) {
  if (device < 0 || device >= static_cast<int>(emu::visible_devices().size())) return set_error(cudaErrorInvalidDevice);
  size_t available;
  memset(properties, 0, sizeof *properties);
  snprintf(properties->name, sizeof properties->name, "emulated GPU %d", emu::physical_device(device));
  properties->uuid.bytes[15] = static_cast<char>(emu::physical_device(device) + 1);
  properties->major = 9;
  properties->multiProcessorCount = 1;
  properties->warpSize = 32;
  return cudaMemGetInfo(&available, &properties->totalGlobalMem);
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int) {
  if (attribute != cudaDevAttrMaxSharedMemoryPerBlockOptin) return set_error(cudaErrorInvalidValue);
  *value = static_cast<int>(emu::shared_most());
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void *kernel, cudaFuncAttribute attribute, int value) {
  const bool fits = value >= 0 && static_cast<size_t>(value) <= emu::shared_most();
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || !fits) return set_error(cudaErrorInvalidValue);
  emu::shared_limits[kernel] = static_cast<size_t>(value);
  return cudaSuccess;
}

}  // extern "C"
