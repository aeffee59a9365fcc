// Memory of cards and pinned memory of hosts, copies and fills.
#include <cstring>

#include "calls.h"

namespace standin {
namespace {

/** What is copied to pinned memory is not there before someone waited: until then it is poison. */
void poison(u64 host, u64 bytes) {
  if (!state().eager && addressSpace().isHost(host)) std::memset(reinterpret_cast<void*>(host), kPoison, bytes);
}

bool onCard(u64 address, u64 bytes) { return bytes == 0 || addressSpace().holds(address, bytes); }

int copyAsync(u64 to, u64 from, u64 bytes, bool toHost, bool fromHost, void* handle) {
  Stream* stream = streamOf(handle);
  if (stream == nullptr) return kInvalidHandle;
  if ((!toHost && !onCard(to, bytes)) || (!fromHost && !onCard(from, bytes))) return kInvalidValue;
  if (bytes == 0) return kSuccess;
  const bool pageable = (toHost && !addressSpace().isHost(to)) || (fromHost && !addressSpace().isHost(from));
  if (pageable && stream->capture != Capture::none) {
    stream->captureOrigin->capture = Capture::invalid;
    return kCaptureUnsupported;
  }
  Operation operation;
  operation.kind = Operation::Kind::copy;
  operation.to = to;
  operation.from = from;
  operation.bytes = bytes;
  if (pageable && fromHost) {
    // The driver stages pageable memory before it returns.
    auto staged = std::make_shared<std::vector<u8>>(reinterpret_cast<const u8*>(from), reinterpret_cast<const u8*>(from) + bytes);
    operation.kind = Operation::Kind::host;
    operation.call = [staged, to] {
      if (!addressSpace().holds(to, staged->size())) throw Fault{700, "a copy to the card: its memory was given back before it ran"};
      std::memcpy(reinterpret_cast<void*>(to), staged->data(), staged->size());
    };
  }
  const int code = submit(stream, std::move(operation));
  if (code != kSuccess || stream->capture != Capture::none) return code;
  if (pageable && toHost) runUntil(*stream, stream->submitted);
  else if (toHost && !state().eager) poison(to, bytes);
  return kSuccess;
}

int copyNow(u64 to, u64 from, u64 bytes, bool toHost, bool fromHost) {
  if (forbidsUnsafe()) return kCaptureImplicit;
  Stream& stream = state().legacy;
  const int code = copyAsync(to, from, bytes, toHost, fromHost, nullptr);
  if (code == kSuccess) runUntil(stream, stream.submitted);
  return code;
}

int fill(u64 to, u32 pattern, u32 patternBytes, u64 count, void* handle) {
  Stream* stream = streamOf(handle);
  if (stream == nullptr) return kInvalidHandle;
  if (!onCard(to, count * patternBytes) || to % patternBytes != 0) return kInvalidValue;
  if (count == 0) return kSuccess;
  Operation operation;
  operation.kind = Operation::Kind::fill;
  operation.to = to;
  operation.bytes = count * patternBytes;
  operation.pattern = pattern;
  operation.patternBytes = patternBytes;
  return submit(stream, std::move(operation));
}

u64 bits(const void* pointer) { return reinterpret_cast<u64>(pointer); }

}  // namespace

DRIVER_API cuMemGetInfo_v2(size_t* free, size_t* total) {
  return call("cuMemGetInfo_v2", Needs::context, [&] {
    *total = addressSpace().capacity;
    *free = addressSpace().capacity - addressSpace().used();
    return kSuccess;
  });
}

DRIVER_API cuMemAlloc_v2(u64* address, size_t bytes) {
  return call("cuMemAlloc_v2", Needs::context, [&] {
    if (bytes == 0) return kInvalidValue;
    if (forbidsUnsafe()) return kCaptureUnsupported;
    *address = addressSpace().allocate(bytes, Owner::device);
    return *address == 0 ? kOutOfMemory : kSuccess;
  });
}

DRIVER_API cuMemFree_v2(u64 address) {
  return call("cuMemFree_v2", Needs::context, [&] {
    if (address == 0) return kSuccess;
    if (forbidsUnsafe()) return kCaptureUnsupported;
    runAll();
    return addressSpace().release(address, Owner::device) ? kSuccess : kInvalidValue;
  });
}

DRIVER_API cuMemHostAlloc(void** memory, size_t bytes, unsigned flags) {
  return call("cuMemHostAlloc", Needs::context, [&] {
    if (bytes == 0 || (flags & ~7u) != 0) return kInvalidValue;
    if (forbidsUnsafe()) return kCaptureUnsupported;
    *memory = reinterpret_cast<void*>(addressSpace().allocate(bytes, Owner::host));
    return *memory == nullptr ? kOutOfMemory : kSuccess;
  });
}

DRIVER_API cuMemAllocHost_v2(void** memory, size_t bytes) {
  return call("cuMemAllocHost_v2", Needs::context, [&] {
    if (bytes == 0) return kInvalidValue;
    if (forbidsUnsafe()) return kCaptureUnsupported;
    *memory = reinterpret_cast<void*>(addressSpace().allocate(bytes, Owner::host));
    return *memory == nullptr ? kOutOfMemory : kSuccess;
  });
}

DRIVER_API cuMemFreeHost(void* memory) {
  return call("cuMemFreeHost", Needs::context, [&] {
    if (forbidsUnsafe()) return kCaptureUnsupported;
    runAll();
    return addressSpace().release(bits(memory), Owner::host) ? kSuccess : kInvalidValue;
  });
}

DRIVER_API cuMemHostGetDevicePointer_v2(u64* address, void* memory, unsigned) {
  return call("cuMemHostGetDevicePointer_v2", Needs::context, [&] {
    if (!addressSpace().isHost(bits(memory))) return kInvalidValue;
    *address = bits(memory);
    return kSuccess;
  });
}

DRIVER_API cuMemcpyHtoD_v2(u64 to, const void* from, size_t bytes) {
  return call("cuMemcpyHtoD_v2", Needs::context, [&] { return copyNow(to, bits(from), bytes, false, true); });
}

DRIVER_API cuMemcpyDtoH_v2(void* to, u64 from, size_t bytes) {
  return call("cuMemcpyDtoH_v2", Needs::context, [&] { return copyNow(bits(to), from, bytes, true, false); });
}

DRIVER_API cuMemcpyDtoD_v2(u64 to, u64 from, size_t bytes) {
  return call("cuMemcpyDtoD_v2", Needs::context, [&] { return copyNow(to, from, bytes, false, false); });
}

DRIVER_API cuMemcpyHtoDAsync_v2(u64 to, const void* from, size_t bytes, void* stream) {
  return call("cuMemcpyHtoDAsync_v2", Needs::context, [&] { return copyAsync(to, bits(from), bytes, false, true, stream); });
}

DRIVER_API cuMemcpyDtoHAsync_v2(void* to, u64 from, size_t bytes, void* stream) {
  return call("cuMemcpyDtoHAsync_v2", Needs::context, [&] { return copyAsync(bits(to), from, bytes, true, false, stream); });
}

DRIVER_API cuMemcpyDtoDAsync_v2(u64 to, u64 from, size_t bytes, void* stream) {
  return call("cuMemcpyDtoDAsync_v2", Needs::context, [&] { return copyAsync(to, from, bytes, false, false, stream); });
}

DRIVER_API cuMemcpyAsync(u64 to, u64 from, size_t bytes, void* stream) {
  return call("cuMemcpyAsync", Needs::context, [&] {
    const auto host = [](u64 address) { return addressSpace().find(address) == nullptr || addressSpace().isHost(address); };
    return copyAsync(to, from, bytes, host(to), host(from), stream);
  });
}

DRIVER_API cuMemsetD8Async(u64 to, unsigned char value, size_t count, void* stream) {
  return call("cuMemsetD8Async", Needs::context, [&] { return fill(to, value, 1, count, stream); });
}

DRIVER_API cuMemsetD16Async(u64 to, unsigned short value, size_t count, void* stream) {
  return call("cuMemsetD16Async", Needs::context, [&] { return fill(to, value, 2, count, stream); });
}

DRIVER_API cuMemsetD32Async(u64 to, unsigned value, size_t count, void* stream) {
  return call("cuMemsetD32Async", Needs::context, [&] { return fill(to, value, 4, count, stream); });
}

}  // namespace standin
