// NCCL's collectives over MPI.
#include <mpi.h>
#include <nccl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>

#include "emu_internal.h"

struct ncclComm {
  MPI_Comm mpi;
  int rank, n_ranks;
  emu::operation_pointer last;    // a communicator's collectives run in the order of their calls
  std::set<std::string> lengths;  // of messages for which it has connected
};

namespace {

// What must be the same on every rank.
struct description {
  char call[16];
  unsigned long long count;
  int type, root, operation;
};

const size_t type_bytes[] = {1, 1, 4, 4, 8, 8};

int n_open_groups;
std::string last_words;

ncclResult_t refuse(const std::string &call) {
  last_words = call + " was told to fail";
  return ncclSystemError;
}

// NCCL connects and takes memory when a message has a new length, which cannot be captured.
void connect_for(ncclComm *comm, const char *call, size_t count, int type) {
  const std::string length =
      std::string(call) + " of " + std::to_string(count) + " elements of type " + std::to_string(type);
  if (emu::is_capturing() && comm->lengths.count(length) == 0) {
    emu::fail("nccl%s is captured before it was called", length.c_str());
  }
  comm->lengths.insert(length);
}

void compare_over_ranks(const ncclComm *comm, const description &own) {
  static const bool checks = emu::has_mode("PSAC_EMU_CHECK");
  if (!checks) return;
  std::vector<description> all(static_cast<size_t>(comm->n_ranks));
  MPI_Allgather(&own, sizeof own, MPI_BYTE, all.data(), sizeof own, MPI_BYTE, comm->mpi);
  for (int r = 0; r < comm->n_ranks; r++) {
    const description &other = all[static_cast<size_t>(r)];
    if (memcmp(&own, &other, sizeof own) == 0) continue;
    emu::fail(
        "rank %d calls %s of %llu elements of type %d (root %d), but rank %d calls %s of %llu elements of type %d "
        "(root %d)",
        comm->rank, own.call, own.count, own.type, own.root, r, other.call, other.count, other.type, other.root);
  }
}

// Whether every rank has come so far that this collective can run; the host need not wait for it where streams are
// lazy.
emu::gate all_have_come(const ncclComm *comm) {
  if (!emu::is_lazy()) return nullptr;
  struct meeting {
    MPI_Request request = MPI_REQUEST_NULL;
    bool is_called = false;
  };
  const auto each = std::make_shared<meeting>();
  return [=] {
    int all_are_there = 0;
    if (!each->is_called) MPI_Ibarrier(comm->mpi, &each->request);
    each->is_called = true;
    MPI_Test(&each->request, &all_are_there, MPI_STATUS_IGNORE);
    return all_are_there != 0;
  };
}

// Enqueues one collective: `transfer` moves host memory, which the emulation's device memory is.
ncclResult_t collective(ncclComm_t comm, cudaStream_t stream, const char *call, size_t count, ncclDataType_t type,
                        int root, int operation, const void *result, std::function<void()> transfer) {
  if (root < 0 || root >= comm->n_ranks) return ncclInvalidArgument;
  if (emu::fails(("nccl" + std::string(call)).c_str())) return refuse("nccl" + std::string(call));
  connect_for(comm, call, count, type);
  description own;
  memset(&own, 0, sizeof own);
  snprintf(own.call, sizeof own.call, "%s", call);
  own.count = count;
  own.type = type;
  own.root = root;
  own.operation = operation;
  std::vector<emu::operation_pointer> after;
  if (comm->last && !comm->last->done) after.push_back(comm->last);
  const std::string who = std::string("nccl") + call;
  emu::operation_pointer made;
  emu::enqueue(
      stream, who,
      [=](const emu::operation &self) {
        compare_over_ranks(comm, own);
        const emu::doorway open(who, self.known);
        transfer();
        if (result) emu::note_collective_result(result, self.stream, self.known.at(self.stream));
      },
      after, &made, [=] { return all_have_come(comm); }, result);
  if (made) comm->last = made;
  return ncclSuccess;
}

MPI_Datatype mpi_type(ncclDataType_t type) {
  switch (type) {
    case ncclInt8: return MPI_INT8_T;
    case ncclUint8: return MPI_UINT8_T;
    case ncclInt32: return MPI_INT32_T;
    case ncclUint32: return MPI_UINT32_T;
    case ncclInt64: return MPI_INT64_T;
    default: return MPI_UINT64_T;
  }
}

}  // namespace

extern "C" {

const char *ncclGetErrorString(ncclResult_t result) {
  if (n_open_groups > 0) emu::fail("an error is told before its group of calls was ended");
  switch (result) {
    case ncclSuccess: return "no error";
    case ncclSystemError: return "unhandled system error";
    case ncclInvalidArgument: return "invalid argument";
    case ncclInvalidUsage: return "invalid usage";
    case ncclRemoteError: return "remote process exited or there was a network error";
    default: return "unhandled error";
  }
}

const char *ncclGetLastError(ncclComm_t) { return last_words.c_str(); }

ncclResult_t ncclGetUniqueId(ncclUniqueId *id) {
  memset(id, 0, sizeof *id);
  snprintf(id->internal, sizeof id->internal, "%ld", static_cast<long>(getpid()));
  return ncclSuccess;
}

// Two ranks on one device are refused, as NCCL does; a rank that fails is missed by the others.
ncclResult_t ncclCommInitRank(ncclComm_t *comm, int n_ranks, ncclUniqueId id, int rank) {
  ncclComm *made = new ncclComm();
  made->rank = rank;
  made->n_ranks = n_ranks;
  MPI_Comm_split(MPI_COMM_WORLD, atoi(id.internal), rank,
                 &made->mpi);  // all processes connect at the same time, if in several groups
  struct {
    char host[128];
    int device, fails;
  } own;
  memset(&own, 0, sizeof own);
  gethostname(own.host, sizeof own.host - 1);
  own.device = emu::physical_device(emu::current_device());
  own.fails = emu::fails("ncclCommInitRank");
  std::vector<decltype(own)> all(static_cast<size_t>(n_ranks));
  MPI_Allgather(&own, sizeof own, MPI_BYTE, all.data(), sizeof own, MPI_BYTE, made->mpi);
  for (const auto &each : all) {
    if (each.fails) return own.fails ? ncclSystemError : ncclRemoteError;
  }
  for (int a = 1; a < n_ranks; a++) {
    for (int b = 0; b < a; b++) {
      if (memcmp(&all[static_cast<size_t>(a)], &all[static_cast<size_t>(b)], sizeof own) == 0) return ncclInvalidUsage;
    }
  }
  *comm = made;
  return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  MPI_Comm_free(&comm->mpi);
  delete comm;
  return ncclSuccess;
}

// Alone: the others are not asked.
ncclResult_t ncclCommAbort(ncclComm_t comm) {
  delete comm;
  return ncclSuccess;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t, ncclResult_t *error) {
  *error = ncclSuccess;
  return ncclSuccess;
}

ncclResult_t ncclAllGather(const void *send, void *receive, size_t count, ncclDataType_t type, ncclComm_t comm,
                           cudaStream_t stream) {
  const int n_bytes = static_cast<int>(count * type_bytes[type]);
  const bool in_place =
      send == static_cast<char *>(receive) + static_cast<size_t>(n_bytes) * static_cast<size_t>(comm->rank);
  return collective(comm, stream, "AllGather", count, type, 0, 0, receive, [=] {
    MPI_Allgather(in_place ? MPI_IN_PLACE : send, n_bytes, MPI_BYTE, receive, n_bytes, MPI_BYTE, comm->mpi);
  });
}

ncclResult_t ncclReduce(const void *send, void *receive, size_t count, ncclDataType_t type, ncclRedOp_t operation,
                        int root, ncclComm_t comm, cudaStream_t stream) {
  const bool is_root = comm->rank == root;
  return collective(comm, stream, "Reduce", count, type, root, operation, is_root ? receive : nullptr, [=] {
    if (emu::is_rubbish(send, count * type_bytes[type])) {
      emu::fail("ncclReduce sums memory that nothing was written to");
    }
    MPI_Reduce(is_root && send == receive ? MPI_IN_PLACE : send, is_root ? receive : nullptr, static_cast<int>(count),
               mpi_type(type), operation == ncclMax ? MPI_MAX : MPI_SUM, root, comm->mpi);
  });
}

ncclResult_t ncclAllReduce(const void *send, void *receive, size_t count, ncclDataType_t type, ncclRedOp_t operation,
                           ncclComm_t comm, cudaStream_t stream) {
  return collective(comm, stream, "AllReduce", count, type, 0, operation, receive, [=] {
    if (emu::is_rubbish(send, count * type_bytes[type])) {
      emu::fail("ncclAllReduce sums memory that nothing was written to");
    }
    MPI_Allreduce(send == receive ? MPI_IN_PLACE : send, receive, static_cast<int>(count), mpi_type(type),
                  operation == ncclMax ? MPI_MAX : MPI_SUM, comm->mpi);
  });
}

ncclResult_t ncclBroadcast(const void *send, void *receive, size_t count, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t stream) {
  const bool is_root = comm->rank == root;
  const size_t n_bytes = count * type_bytes[type];
  return collective(comm, stream, "Broadcast", count, type, root, 0, receive, [=] {
    if (is_root && send != receive) memcpy(receive, send, n_bytes);
    MPI_Bcast(receive, static_cast<int>(n_bytes), MPI_BYTE, root, comm->mpi);
  });
}

// Collectives over MPI cannot be fused, and need not be.
ncclResult_t ncclGroupStart(void) {
  n_open_groups++;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd(void) {
  n_open_groups--;
  return emu::fails("ncclGroupEnd") ? refuse("ncclGroupEnd") : ncclSuccess;
}

}  // extern "C"
