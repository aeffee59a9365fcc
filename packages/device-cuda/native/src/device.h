// One open card: its context, stream, memory, staging and programs. Owns their order of life; each does its own work. All of it is used from the one
// JavaScript thread that opened it, but for the waiter's thread.
#pragma once
#include <map>
#include <memory>

#include "allocator.h"
#include "graphs.h"
#include "program.h"
#include "staging.h"
#include "waiter.h"

struct Loaded {
  explicit Loaded(Libraries& libraries) : program(libraries) {}
  Program program;
  std::unique_ptr<Graphs> graphs;
  // Shared with JavaScript, which keeps it alive.
  const double* bases = nullptr;
  bool ranBefore = false;
};

// What a run asks for besides the program.
struct RunOptions {
  // Where its inputs lie in the ring, and where they go.
  size_t inputOffset;
  CUdeviceptr inputs;
  size_t inputBytes;
  // Each step is waited for, or has its time taken; either way there is no graph.
  bool synchronous;
  bool timed;
  bool graphs;
};

class Device {
 public:
  static Failure open(int ordinal, bool caching, napi_env env, napi_threadsafe_function tell, std::unique_ptr<Device>* opened);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  // Ends everything. Work that is not done after `patience` milliseconds (never where negative) is left to the end of the process with all it uses.
  void close(int patience);

  // Makes this card the calling thread's. Others may have chosen theirs since the last call.
  Failure enter();
  Failure zero(CUdeviceptr address, size_t bytes);
  Failure growRing(size_t bytes) { return ring.resize(bytes, stream_, waiter); }
  Failure stage(size_t bytes, size_t* offset) { return ring.take(bytes, stream_, waiter, offset); }
  Failure startConvolutions() { return libraries.convolutions.start(stream_); }
  int planProduct(const double* numbers) { return libraries.products.plan(numbers, stream_); }
  int planConvolution(const double* numbers, size_t count) { return libraries.convolutions.plan(numbers, count, stream_); }
  Failure upload(size_t offset, CUdeviceptr address, size_t bytes);
  Failure mark(uint64_t* sequence);
  // Starts a read; its block is taken by the sequence once that was told.
  Failure read(CUdeviceptr address, size_t bytes, uint64_t* sequence);
  // Gives back a read's block after `use` saw it. False where there is none.
  template <typename Use>
  bool finishRead(uint64_t sequence, Use use) {
    const auto found = pendingReads_.find(sequence);
    if (found == pendingReads_.end()) return false;
    use(found->second);
    reads_.giveBack(found->second);
    pendingReads_.erase(found);
    return true;
  }
  uint32_t add(std::unique_ptr<Loaded> loaded);
  Loaded* find(uint32_t program);
  Failure remove(uint32_t program);
  Failure run(uint32_t program, const RunOptions& options, uint64_t* sequence);
  // The times of a profile, as program, step, milliseconds; they are forgotten after that.
  Failure takeTimes(std::vector<double>* times);
  void dropTimes();

  Allocator allocator;
  Ring ring;
  Waiter waiter;
  Libraries libraries;
  GraphCounts counts;

 private:
  explicit Device(bool caching) : allocator(caching) {}
  CUdevice device_ = 0;
  CUcontext context_ = nullptr;
  CUstream stream_ = nullptr;
  ReadBlocks reads_;
  std::map<uint64_t, ReadBlock> pendingReads_;
  std::map<uint32_t, std::unique_ptr<Loaded>> programs_;
  uint32_t nextProgram_ = 1;
  std::vector<Timing> timings_;
};
