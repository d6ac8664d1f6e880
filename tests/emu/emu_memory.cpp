// Device memory: ordinary memory filled with rubbish, or, in the modes that watch it, pages that are shut while nobody
// may look.
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "emu_internal.h"

namespace emu {

namespace {

constexpr size_t ALIGNMENT = 16;  // that kernels may rely on
constexpr unsigned char RUBBISH = 0xa5;

struct allocation {
  size_t n_bytes = 0;
  size_t number = 0;
  char *pages = nullptr;  // of a watched allocation; a guard page follows
  size_t page_bytes = 0;
  const void *written_on = nullptr;  // stream of the last collective that wrote it
  unsigned long written_when = 0;
  int n_holders = 0;  // executable graphs
};

std::map<const char *, allocation> allocations;
std::map<const char *, size_t> locked;  // page-locked host memory
size_t n_allocations, used_bytes;
int n_mallocs, n_open;
std::string at_work;  // who looks at device memory just now

bool guards() {
  static const bool on = has_mode("PSAC_EMU_GUARD");
  return on;
}

bool watches() {
  static const bool on = guards() || has_mode("PSAC_EMU_CHECK");
  return on;
}

size_t memory_bytes() {
  const char *text = getenv("PSAC_EMU_MEMORY");
  return text ? strtoull(text, nullptr, 10) : 80000000000u;
}

// What another program has taken of the device's memory: nothing before the call of cudaMalloc that PSAC_EMU_TAKE
// names.
size_t taken_bytes(int n_calls) {
  static const char *text = getenv("PSAC_EMU_TAKE"), *own_rank = getenv("OMPI_COMM_WORLD_RANK");
  int rank = -1, first = 0;
  size_t n_bytes = 0;
  if (text && sscanf(text, "%d:%d:%zu", &rank, &first, &n_bytes) != 3)
    fail("PSAC_EMU_TAKE = %s is not RANK:N:BYTES", text);
  return rank == (own_rank ? atoi(own_rank) : 0) && n_calls >= first ? n_bytes : 0;
}

size_t free_bytes() {
  const size_t gone = used_bytes + taken_bytes(n_mallocs);
  return memory_bytes() > gone ? memory_bytes() - gone : 0;
}

template <typename value>
typename std::map<const char *, value>::iterator holder(std::map<const char *, value> &all, const void *pointer) {
  auto next = all.upper_bound(static_cast<const char *>(pointer));
  return next == all.begin() ? all.end() : std::prev(next);
}

allocation *find(const void *pointer) {
  const auto found = holder(allocations, pointer);
  if (found == allocations.end()) return nullptr;
  return static_cast<const char *>(pointer) <= found->first + found->second.n_bytes ? &found->second : nullptr;
}

void protect(const allocation &each, int protection) {
  if (each.pages && mprotect(each.pages, each.page_bytes, protection) != 0) fail("cannot protect device memory");
}

void on_fault(int, siginfo_t *info, void *) {
  const char *address = static_cast<const char *>(info->si_addr);
  for (const auto &each : allocations) {
    const allocation &memory = each.second;
    const size_t guard = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    if (!memory.pages || address < memory.pages || address >= memory.pages + memory.page_bytes + guard) continue;
    const long offset = address - each.first;
    if (offset >= static_cast<long>(memory.n_bytes) || offset < 0) {
      fail("%s goes beyond device memory %zu: byte %ld of %zu", at_work.empty() ? "host code" : at_work.c_str(),
           memory.number, offset, memory.n_bytes);
    }
    if (at_work.empty())
      fail("host code touches device memory %zu (%zu bytes), at byte %ld", memory.number, memory.n_bytes, offset);
    fail("%s uses the result of a collective in device memory %zu (%zu bytes) without having waited for its stream",
         at_work.c_str(), memory.number, memory.n_bytes);
  }
  fail("segmentation fault at %p", info->si_addr);
}

void install_handler() {
  static bool installed = false;
  if (installed) return;
  installed = true;
  static char stack[65536];
  const stack_t alternative = {stack, 0, sizeof stack};
  sigaltstack(&alternative, nullptr);
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, nullptr);
}

char *allocate_pages(size_t n_bytes, allocation *made) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE)),
               rounded = (n_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  made->page_bytes = (rounded + page - 1) / page * page;
  void *memory = mmap(nullptr, made->page_bytes + page, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  install_handler();
  made->pages = static_cast<char *>(memory);
  mprotect(made->pages + made->page_bytes, page, PROT_NONE);
  return made->pages + made->page_bytes - rounded;
}

}  // namespace

bool is_page_locked(const void *pointer) {
  const auto found = holder(locked, pointer);
  return found != locked.end() && static_cast<const char *>(pointer) < found->first + found->second;
}

doorway::doorway(const std::string &who, const moment &known) {
  at_work = who;
  if (n_open++ > 0 || !watches()) return;
  for (const auto &each : allocations) {
    const allocation &memory = each.second;
    const auto seen = known.find(memory.written_on);
    const bool is_visible = !memory.written_on || (seen != known.end() && seen->second >= memory.written_when);
    protect(memory, is_visible ? PROT_READ | PROT_WRITE : PROT_NONE);
  }
}

doorway::~doorway() {
  at_work.clear();
  if (--n_open > 0 || !watches()) return;
  for (const auto &each : allocations) protect(each.second, guards() ? PROT_NONE : PROT_READ | PROT_WRITE);
}

bool is_rubbish(const void *pointer, size_t n_bytes) {
  const unsigned char *bytes = static_cast<const unsigned char *>(pointer);
  for (size_t k = 0; k < n_bytes; k++) {
    if (bytes[k] != RUBBISH) return false;
  }
  return n_bytes > 0;
}

void hold(const void *pointer, int change) {
  allocation *memory = pointer ? find(pointer) : nullptr;
  if (memory) memory->n_holders += change;
}

void note_collective_result(const void *pointer, const void *stream, unsigned long when) {
  static const bool checks = has_mode("PSAC_EMU_CHECK");
  allocation *memory = checks ? find(pointer) : nullptr;
  if (!memory) return;
  memory->written_on = stream;
  memory->written_when = when;
}

}  // namespace emu

using emu::set_error;

extern "C" {

cudaError_t cudaMemGetInfo(size_t *available, size_t *total) {
  *total = emu::memory_bytes();
  *available = emu::free_bytes();
  return cudaSuccess;
}

cudaError_t cudaMalloc(void **pointer, size_t n_bytes) {
  if (emu::device_error() != cudaSuccess) return emu::device_error();
  if (emu::is_capturing()) return set_error(cudaErrorStreamCaptureUnsupported);
  emu::n_mallocs++;
  if (emu::fails("cudaMalloc") || n_bytes > emu::free_bytes()) return set_error(cudaErrorMemoryAllocation);
  emu::allocation made;
  made.n_bytes = n_bytes;
  made.number = emu::n_allocations++;
  char *memory = emu::watches() ? emu::allocate_pages(n_bytes, &made) : static_cast<char *>(malloc(n_bytes));
  if (!memory) return set_error(cudaErrorMemoryAllocation);
  memset(memory, emu::RUBBISH, n_bytes);
  emu::protect(made, emu::guards() ? PROT_NONE : PROT_READ | PROT_WRITE);
  emu::used_bytes += n_bytes;
  emu::allocations[memory] = made;
  *pointer = memory;
  return cudaSuccess;
}

cudaError_t cudaFree(void *pointer) {
  if (!pointer) return cudaSuccess;
  const auto found = emu::allocations.find(static_cast<char *>(pointer));
  if (found == emu::allocations.end()) return set_error(cudaErrorInvalidValue);
  if (found->second.n_holders > 0) {
    emu::fail("device memory %zu is released while a graph holds it", found->second.number);
  }
  cudaDeviceSynchronize();
  emu::used_bytes -= found->second.n_bytes;
  if (!found->second.pages) free(pointer);
  else munmap(found->second.pages, found->second.page_bytes + static_cast<size_t>(sysconf(_SC_PAGESIZE)));
  emu::allocations.erase(found);
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void **pointer, size_t n_bytes) {
  char *memory = static_cast<char *>(malloc(n_bytes));
  if (!memory) return set_error(cudaErrorMemoryAllocation);
  emu::locked[memory] = n_bytes;
  *pointer = memory;
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void *pointer) {
  if (!pointer) return cudaSuccess;
  if (emu::locked.erase(static_cast<char *>(pointer)) == 0) return set_error(cudaErrorInvalidValue);
  cudaDeviceSynchronize();
  free(pointer);
  return cudaSuccess;
}

}  // extern "C"
