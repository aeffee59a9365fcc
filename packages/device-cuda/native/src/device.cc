#include "device.h"

namespace {

// The stream does not wait for the default one, which others may use.
constexpr unsigned kNonBlockingStream = 1;

}  // namespace

Failure Device::open(int ordinal, bool caching, napi_env env, napi_threadsafe_function tell, std::unique_ptr<Device>* opened) {
  std::unique_ptr<Device> device(new Device(caching));
  TORCHLET_TRY(cuDeviceGet, &device->device_, ordinal);
  TORCHLET_TRY(cuDevicePrimaryCtxRetain, &device->context_, device->device_);
  Failure failure = device->enter();
  if (!failure)
    if (CUresult code = driver().cuStreamCreate(&device->stream_, kNonBlockingStream)) {
      device->stream_ = nullptr;
      failure = Failure{code, "cuStreamCreate", {}, -1, false};
    }
  if (!failure) failure = device->waiter.start(env, device->context_, tell);
  if (failure) {
    device->close(-1);
    return failure;
  }
  *opened = std::move(device);
  return {};
}

void Device::close(int patience) {
  if (context_ == nullptr) return;
  if (!waiter.stop(patience)) {
    // The thread still waits for the card: what it uses must stay.
    for (auto& entry : programs_) entry.second.release();
    return;
  }
  insist(driver().cuCtxSetCurrent, context_);
  if (stream_ != nullptr) insist(driver().cuStreamSynchronize, stream_);
  dropTimes();
  programs_.clear();
  for (const auto& read : pendingReads_) insist(driver().cuMemFreeHost, read.second.memory);
  pendingReads_.clear();
  reads_.clear();
  libraries.clear();
  ring.clear();
  allocator.clear();
  if (stream_ != nullptr) insist(driver().cuStreamDestroy, stream_);
  insist(driver().cuDevicePrimaryCtxRelease, device_);
  context_ = nullptr;
}

Failure Device::enter() {
  TORCHLET_TRY(cuCtxSetCurrent, context_);
  return {};
}

Failure Device::zero(CUdeviceptr address, size_t bytes) {
  if (bytes == 0) return {};
  TORCHLET_TRY(cuMemsetD8Async, address, 0, bytes, stream_);
  return {};
}

Failure Device::upload(size_t offset, CUdeviceptr address, size_t bytes) {
  TORCHLET_TRY(cuMemcpyHtoDAsync, address, ring.memory() + offset, bytes, stream_);
  return {};
}

Failure Device::mark(uint64_t* sequence) {
  if (Failure failure = waiter.mark(stream_, sequence)) return failure;
  ring.marked(*sequence);
  return {};
}

Failure Device::read(CUdeviceptr address, size_t bytes, uint64_t* sequence) {
  ReadBlock block{};
  if (Failure failure = reads_.take(bytes, &block)) return failure;
  Failure failure;
  if (CUresult code = driver().cuMemcpyDtoHAsync(block.memory, address, bytes, stream_))
    failure = Failure{code, "cuMemcpyDtoHAsync", {}, -1, false};
  else
    failure = mark(sequence);
  if (failure) {
    // The copy may have been submitted.
    driver().cuStreamSynchronize(stream_);
    reads_.giveBack(block);
    return failure;
  }
  pendingReads_[*sequence] = block;
  return {};
}

uint32_t Device::add(std::unique_ptr<Loaded> loaded) {
  programs_[nextProgram_] = std::move(loaded);
  return nextProgram_++;
}

Loaded* Device::find(uint32_t program) {
  const auto found = programs_.find(program);
  return found == programs_.end() ? nullptr : found->second.get();
}

// A module is not unloaded while its kernels run: where that is not known, it stays until the end.
Failure Device::remove(uint32_t program) {
  const auto found = programs_.find(program);
  if (found == programs_.end()) return {};
  if (CUresult code = insist(driver().cuStreamSynchronize, stream_)) return Failure{code, "cuStreamSynchronize", {}, -1, false};
  programs_.erase(found);
  return {};
}

Failure Device::run(uint32_t id, const RunOptions& options, uint64_t* sequence) {
  Loaded& loaded = *find(id);
  if (options.inputBytes > 0)
    if (Failure failure = upload(options.inputOffset, options.inputs, options.inputBytes)) return failure;
  Failure failure;
  // The first run is not captured: the driver may still have work of its own to do for a kernel's first launch.
  if (options.graphs && loaded.ranBefore && !options.synchronous && !options.timed) {
    failure = loaded.graphs->run(stream_, loaded.bases, counts);
  } else {
    counts.direct++;
    failure = loaded.program.launch(stream_, loaded.bases, options.synchronous, options.timed ? &timings_ : nullptr, id);
  }
  if (failure) return failure;
  loaded.ranBefore = true;
  failure = mark(sequence);
  // All of it was submitted, but nobody can be told when it is done.
  failure.started = static_cast<bool>(failure);
  return failure;
}

Failure Device::takeTimes(std::vector<double>* times) {
  Failure failure;
  for (const Timing& timing : timings_) {
    float milliseconds = 0;
    const CUresult code = driver().cuEventElapsedTime(&milliseconds, timing.start, timing.end);
    if (code != kSuccess && !failure) failure = Failure{code, "cuEventElapsedTime", {}, -1, false};
    times->insert(times->end(), {static_cast<double>(timing.program), static_cast<double>(timing.step), milliseconds});
  }
  dropTimes();
  return failure;
}

void Device::dropTimes() {
  for (const Timing& timing : timings_) {
    if (timing.start != nullptr) insist(driver().cuEventDestroy, timing.start);
    if (timing.end != nullptr) insist(driver().cuEventDestroy, timing.end);
  }
  timings_.clear();
}
