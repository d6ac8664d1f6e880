// Streams, events and graphs. A stream is a queue of operations; an operation may have to come after some of other
// streams.
#include <unistd.h>

#include <cstring>
#include <deque>

#include "emu_internal.h"

struct CUgraph_st {
  struct node {
    std::string name;
    emu::action run;
    emu::gate_maker make_gate;
    const void *held;
  };
  std::vector<node> nodes;  // in the order in which they were captured, which honours all their dependencies
};

struct CUgraphExec_st {
  std::vector<CUgraph_st::node> nodes;
};

struct CUstream_st {
  std::deque<emu::operation_pointer> queue;
  emu::operation_pointer last;
  emu::moment known;
  CUgraph_st *capture = nullptr;  // while its operations are kept instead of done
  CUstream_st *origin = nullptr;  // of the capture
  bool is_joined = true;          // the origin has waited for all that this stream captured
};

struct CUevent_st {
  emu::operation_pointer after;
  emu::moment known;
  CUstream_st *captured_in = nullptr;
};

namespace emu {

namespace {

std::vector<cudaStream_t> streams;
moment host_knows;
CUstream_st *capture_origin;  // one capture at a time

CUstream_st *default_stream() {
  static CUstream_st stream;
  return &stream;
}

CUstream_st *actual(cudaStream_t stream) { return stream ? stream : default_stream(); }

// Runs what need not wait for another rank; true where that was all up to `last`.
bool advance(const operation_pointer &last) {
  while (!last->done) {
    const operation_pointer next = last->stream->queue.front();
    for (const operation_pointer &each : next->after) {
      if (!advance(each)) return false;
    }
    if (device_error() == cudaSuccess) {
      if (next->is_ready && !next->is_ready()) return false;
      next->run(*next);
    }
    next->done = true;
    next->after.clear();
    next->run = nullptr;
    next->is_ready = nullptr;
    next->stream->queue.pop_front();
  }
  return true;
}

void run_through(const operation_pointer &last) {
  while (!advance(last)) usleep(50);
}

cudaError_t finish(CUstream_st *stream) {
  if (stream->last) run_through(stream->last);
  merge(&host_knows, stream->known);
  return device_error();
}

}  // namespace

void merge(moment *into, const moment &other) {
  for (const auto &each : other) {
    unsigned long &count = (*into)[each.first];
    if (count < each.second) count = each.second;
  }
}

bool is_capturing() { return capture_origin != nullptr; }

bool is_lazy() {
  static const bool on = has_mode("PSAC_EMU_LAZY");
  return on;
}

cudaError_t enqueue(cudaStream_t to, const std::string &name, action run, const std::vector<operation_pointer> &after,
                    operation_pointer *made, gate_maker make_gate, const void *held) {
  CUstream_st *stream = actual(to);
  if (stream->capture) {
    stream->capture->nodes.push_back({name, std::move(run), std::move(make_gate), held});
    stream->is_joined = stream == stream->origin;
    return cudaSuccess;
  }
  const operation_pointer next = std::make_shared<operation>();
  next->name = name;
  next->run = std::move(run);
  if (make_gate) next->is_ready = make_gate();
  next->after = after;
  next->stream = stream;
  merge(&stream->known, host_knows);
  stream->known[stream]++;
  next->known = stream->known;
  stream->queue.push_back(next);
  stream->last = next;
  if (made) *made = next;
  if (!is_lazy()) run_through(next);
  return device_error();
}

void launch(const char *name, const void *kernel, dim3 grid, dim3 block, size_t n_shared, cudaStream_t stream,
            std::function<void()> body) {
  if (!is_launchable(grid, block) || !has_shared(kernel, n_shared)) {
    set_error(is_launchable(grid, block) ? cudaErrorInvalidValue : cudaErrorInvalidConfiguration);
    return;
  }
  const std::string who = std::string("kernel ") + name;
  const gate_maker make_gate = [=] { return is_lazy() && sticks(name) ? gate([] { return false; }) : gate(); };
  enqueue(
      stream, who,
      [=](const operation &self) {
        if (fails(name)) return break_device();
        const doorway open(who, self.known);
        run_grid(name, grid, block, n_shared, body);
      },
      {}, nullptr, make_gate);
}

}  // namespace emu

using emu::set_error;

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned) {
  *stream = new CUstream_st();
  emu::streams.push_back(*stream);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  emu::finish(stream);
  for (size_t k = 0; k < emu::streams.size(); k++) {
    if (emu::streams[k] == stream) emu::streams.erase(emu::streams.begin() + static_cast<long>(k));
  }
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (emu::is_capturing()) return set_error(cudaErrorStreamCaptureUnsupported);
  if (emu::fails("cudaStreamSynchronize")) return set_error(cudaErrorInvalidValue);
  return emu::finish(emu::actual(stream));
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  if (emu::is_capturing()) return set_error(cudaErrorStreamCaptureUnsupported);
  const emu::operation_pointer last = emu::actual(stream)->last;
  return last && !emu::advance(last) ? set_error(cudaErrorNotReady) : emu::finish(emu::actual(stream));
}

cudaError_t cudaDeviceSynchronize(void) {
  if (emu::is_capturing()) return set_error(cudaErrorStreamCaptureUnsupported);
  emu::finish(emu::default_stream());
  for (const cudaStream_t each : emu::streams) emu::finish(each);
  return emu::device_error();
}

cudaError_t cudaMemsetAsync(void *pointer, int value, size_t n_bytes, cudaStream_t stream) {
  return emu::enqueue(stream, "a memset", [=](const emu::operation &self) {
    const emu::doorway open("a memset", self.known);
    memset(pointer, value, n_bytes);
  });
}

cudaError_t cudaMemset(void *pointer, int value, size_t n_bytes) {
  return cudaMemsetAsync(pointer, value, n_bytes, nullptr);
}

// From pageable memory the bytes are taken at the call, and to pageable memory they are there when it returns: so CUDA
// mostly does it. It does not promise it, and lazy streams do not do it.
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n_bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  std::vector<char> taken;
  const bool from_pageable = kind == cudaMemcpyHostToDevice && !emu::is_page_locked(from);
  const bool to_pageable = kind == cudaMemcpyDeviceToHost && !emu::is_page_locked(to);
  if ((from_pageable || to_pageable) && emu::is_capturing()) return set_error(cudaErrorStreamCaptureUnsupported);
  if (emu::fails("cudaMemcpyAsync")) return set_error(cudaErrorInvalidValue);
  const bool take = from_pageable && !emu::is_lazy();
  if (take) taken.assign(static_cast<const char *>(from), static_cast<const char *>(from) + n_bytes);
  const cudaError_t code = emu::enqueue(stream, "a copy", [=](const emu::operation &self) {
    const emu::doorway open("a copy", self.known);
    memmove(to, take ? taken.data() : from, n_bytes);
  });
  return code == cudaSuccess && to_pageable && !emu::is_lazy() ? cudaStreamSynchronize(stream) : code;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned) {
  *event = new CUevent_st();
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t to) {
  CUstream_st *stream = emu::actual(to);
  event->captured_in = stream->capture ? stream : nullptr;
  event->after = stream->last;
  emu::merge(&stream->known, emu::host_knows);
  event->known = stream->known;
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (emu::is_capturing()) return set_error(cudaErrorStreamCaptureUnsupported);
  if (event->after) emu::run_through(event->after);
  emu::merge(&emu::host_knows, event->known);
  return emu::device_error();
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (emu::is_capturing()) return set_error(cudaErrorStreamCaptureUnsupported);
  return event->after && !emu::advance(event->after) ? set_error(cudaErrorNotReady) : cudaEventSynchronize(event);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t to, cudaEvent_t event, unsigned) {
  CUstream_st *stream = emu::actual(to);
  if (event->captured_in) {
    CUstream_st *origin = event->captured_in->origin;
    if (!stream->capture) {  // the capture spreads to this stream
      stream->capture = origin->capture;
      stream->origin = origin;
      stream->is_joined = true;
    }
    if (stream == origin) event->captured_in->is_joined = true;
    return cudaSuccess;
  }
  if (stream->capture) return set_error(cudaErrorStreamCaptureImplicit);
  emu::merge(&stream->known, event->known);
  if (!event->after || event->after->done) return cudaSuccess;
  return emu::enqueue(to, "a wait", [](const emu::operation &) {}, {event->after});
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (emu::capture_origin || !stream) return set_error(cudaErrorStreamCaptureUnsupported);
  stream->capture = new CUgraph_st();
  stream->origin = emu::capture_origin = stream;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
  if (stream != emu::capture_origin) return set_error(cudaErrorInvalidValue);
  bool all_joined = true;
  *graph = stream->capture;
  for (const cudaStream_t each : emu::streams) {
    if (each->origin == stream && !each->is_joined) all_joined = false;
    if (each->origin == stream) each->capture = nullptr, each->origin = nullptr, each->is_joined = true;
  }
  emu::capture_origin = nullptr;
  if (all_joined) return cudaSuccess;
  delete *graph;
  *graph = nullptr;
  return set_error(cudaErrorStreamCaptureUnjoined);
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *executable, cudaGraph_t graph, unsigned long long) {
  *executable = nullptr;
  if (emu::fails("cudaGraphInstantiate")) return set_error(cudaErrorMemoryAllocation);
  *executable = new CUgraphExec_st{graph->nodes};
  for (const CUgraph_st::node &each : graph->nodes) emu::hold(each.held, 1);
  return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return cudaSuccess; }

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  for (const CUgraph_st::node &each : executable->nodes) {
    emu::enqueue(stream, each.name, each.run, {}, nullptr, each.make_gate);
  }
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  for (const CUgraph_st::node &each : executable->nodes) emu::hold(each.held, -1);
  delete executable;
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

}  // extern "C"
