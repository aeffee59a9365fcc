// Streams and events. Work waits in its stream until somebody waits for it: what forgets to wait reads poison. A question
// whether work is done moves it on by one piece, so that asking again and again comes to an end.
#include <chrono>
#include <cstring>
#include <thread>

#include "calls.h"

namespace standin {
namespace {

double milliseconds() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void* const kLegacyHandle = reinterpret_cast<void*>(1);

bool isEvent(void* handle) { return state().events.count(static_cast<Event*>(handle)) != 0; }

void runOne(Stream& stream) {
  Operation operation = std::move(stream.waiting.front());
  stream.waiting.pop_front();
  for (const auto& [other, until] : operation.after) {
    if (other == &state().legacy || state().streams.count(other) != 0) runUntil(*other, until);
  }
  stream.done++;
  perform(operation);
}

/** The default stream and blocking streams wait for each other. */
void order(Stream& stream, Operation& operation) {
  State& known = state();
  if (&stream != &known.legacy) {
    if (stream.blocking && !known.legacy.waiting.empty()) operation.after.emplace_back(&known.legacy, known.legacy.submitted);
    return;
  }
  for (Stream* other : known.streams) {
    if (other->blocking && !other->waiting.empty()) operation.after.emplace_back(other, other->submitted);
  }
}

/** Before whoever waits takes the lock, so that others submit meanwhile. */
void lag() {
  if (const u64 microseconds = state().lag) std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
}

int query(Stream& stream, u64 until) {
  if (stream.done < until) runOne(stream);
  return stream.done >= until ? kSuccess : kNotReady;
}

}  // namespace

Stream* streamOf(void* handle) {
  if (handle == nullptr || handle == kLegacyHandle) return &state().legacy;
  const auto found = state().streams.find(static_cast<Stream*>(handle));
  return found == state().streams.end() ? nullptr : *found;
}

void perform(Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::launch: {
      const Work done = runKernel(operation.launch, state().settings);
      Work& sum = state().work[operation.launch.kernel->name];
      sum.launches++;
      sum.warpInstructions += done.warpInstructions;
      sum.groupProducts += done.groupProducts;
      sum.threadInstructions += done.threadInstructions;
      sum.traffic.add(done.traffic);
      return;
    }
    case Operation::Kind::copy: {
      const auto late = [&](u64 address) { return addressSpace().find(address) != nullptr && !addressSpace().holds(address, operation.bytes); };
      if (late(operation.to) || late(operation.from)) throw Fault{700, "a copy of " + std::to_string(operation.bytes) + " bytes leaves its memory"};
      std::memmove(reinterpret_cast<void*>(operation.to), reinterpret_cast<const void*>(operation.from), operation.bytes);
      return;
    }
    case Operation::Kind::fill: {
      if (!addressSpace().holds(operation.to, operation.bytes)) throw Fault{700, "a fill of memory that was given back"};
      auto* to = reinterpret_cast<u8*>(operation.to);
      for (u64 at = 0; at < operation.bytes; at += operation.patternBytes) std::memcpy(to + at, &operation.pattern, operation.patternBytes);
      return;
    }
    case Operation::Kind::record:
      if (state().events.count(operation.event) != 0) operation.event->milliseconds = milliseconds();
      return;
    case Operation::Kind::wait:
      if (operation.stream == &state().legacy || state().streams.count(operation.stream) != 0) runUntil(*operation.stream, operation.until);
      return;
    case Operation::Kind::host: operation.call(); return;
  }
}

int submit(Stream* stream, Operation operation) {
  if (stream->capture == Capture::invalid || (stream->captureOrigin != nullptr && stream->captureOrigin->capture == Capture::invalid)) {
    return kCaptureInvalidated;
  }
  if (stream->capture == Capture::active) {
    auto node = std::make_unique<Node>();
    node->operation = std::move(operation);
    stream->last = node.get();
    stream->graph->nodes.push_back(std::move(node));
    return kSuccess;
  }
  order(*stream, operation);
  stream->waiting.push_back(std::move(operation));
  stream->submitted++;
  if (state().eager) runUntil(*stream, stream->submitted);
  return kSuccess;
}

void runUntil(Stream& stream, u64 until) {
  while (stream.done < until && !stream.waiting.empty()) runOne(stream);
}

void runAll() {
  State& known = state();
  runUntil(known.legacy, known.legacy.submitted);
  for (Stream* stream : known.streams) runUntil(*stream, stream->submitted);
}

bool forbidsUnsafe() {
  bool found = false;
  for (Stream* stream : state().streams) {
    // Relaxed captures let other calls be.
    if (stream->capture != Capture::active || stream->captureMode == 2) continue;
    stream->capture = Capture::invalid;
    found = true;
  }
  return found;
}

DRIVER_API cuStreamCreate(void** stream, unsigned flags) {
  return call("cuStreamCreate", Needs::context, [&] {
    if (flags > 1) return kInvalidValue;
    auto* made = new Stream;
    made->blocking = flags == 0;
    state().streams.insert(made);
    *stream = made;
    return kSuccess;
  });
}

DRIVER_API cuStreamCreateWithPriority(void** stream, unsigned flags, int) {
  return call("cuStreamCreateWithPriority", Needs::context, [&] { return cuStreamCreate(stream, flags); });
}

DRIVER_API cuStreamDestroy_v2(void* handle) {
  return call("cuStreamDestroy_v2", Needs::context, [&] {
    Stream* stream = streamOf(handle);
    if (stream == nullptr || stream == &state().legacy) return kInvalidHandle;
    runUntil(*stream, stream->submitted);
    for (Event* event : state().events) {
      if (event->stream == stream) event->stream = nullptr;
    }
    if (stream->graph != nullptr && stream->captureOrigin == stream) delete stream->graph;
    state().streams.erase(stream);
    delete stream;
    return kSuccess;
  });
}

DRIVER_API cuStreamSynchronize(void* handle) {
  lag();
  return call("cuStreamSynchronize", Needs::driver, [&] {
    Stream* stream = streamOf(handle);
    if (stream == nullptr) return kInvalidHandle;
    if (stream->capture != Capture::none) {
      stream->captureOrigin->capture = Capture::invalid;
      return kCaptureUnsupported;
    }
    runUntil(*stream, stream->submitted);
    return kSuccess;
  });
}

DRIVER_API cuStreamQuery(void* handle) {
  return call("cuStreamQuery", Needs::driver, [&] {
    Stream* stream = streamOf(handle);
    if (stream == nullptr) return kInvalidHandle;
    if (stream->capture != Capture::none) {
      stream->captureOrigin->capture = Capture::invalid;
      return kCaptureUnsupported;
    }
    return query(*stream, stream->submitted);
  });
}

DRIVER_API cuLaunchHostFunc(void* handle, void (*function)(void*), void* data) {
  return call("cuLaunchHostFunc", Needs::context, [&] {
    Stream* stream = streamOf(handle);
    if (stream == nullptr) return kInvalidHandle;
    Operation operation;
    operation.kind = Operation::Kind::host;
    operation.call = [=] { function(data); };
    return submit(stream, std::move(operation));
  });
}

DRIVER_API cuEventCreate(void** event, unsigned flags) {
  return call("cuEventCreate", Needs::context, [&] {
    if (flags > 7) return kInvalidValue;
    auto* made = new Event;
    made->timing = (flags & 2) == 0;
    state().events.insert(made);
    *event = made;
    return kSuccess;
  });
}

DRIVER_API cuEventDestroy_v2(void* handle) {
  return call("cuEventDestroy_v2", Needs::driver, [&] {
    if (!isEvent(handle)) return kInvalidHandle;
    state().events.erase(static_cast<Event*>(handle));
    delete static_cast<Event*>(handle);
    return kSuccess;
  });
}

DRIVER_API cuEventRecord(void* handle, void* into) {
  return call("cuEventRecord", Needs::context, [&] {
    Stream* stream = streamOf(into);
    if (!isEvent(handle) || stream == nullptr) return kInvalidHandle;
    auto* event = static_cast<Event*>(handle);
    event->captured = stream->capture != Capture::none ? stream : nullptr;
    if (event->captured != nullptr) return kSuccess;
    Operation operation;
    operation.kind = Operation::Kind::record;
    operation.event = event;
    event->stream = stream;
    event->recorded = stream->submitted + 1;
    event->milliseconds = -1;
    return submit(stream, std::move(operation));
  });
}

DRIVER_API cuEventSynchronize(void* handle) {
  lag();
  return call("cuEventSynchronize", Needs::driver, [&] {
    if (!isEvent(handle)) return kInvalidHandle;
    auto* event = static_cast<Event*>(handle);
    if (event->captured != nullptr) return kCapturedEvent;
    if (event->stream != nullptr) runUntil(*event->stream, event->recorded);
    return kSuccess;
  });
}

DRIVER_API cuEventQuery(void* handle) {
  return call("cuEventQuery", Needs::driver, [&] {
    if (!isEvent(handle)) return kInvalidHandle;
    auto* event = static_cast<Event*>(handle);
    if (event->captured != nullptr) return kCapturedEvent;
    return event->stream == nullptr ? kSuccess : query(*event->stream, event->recorded);
  });
}

DRIVER_API cuEventElapsedTime(float* elapsed, void* start, void* end) {
  return call("cuEventElapsedTime", Needs::driver, [&] {
    if (!isEvent(start) || !isEvent(end)) return kInvalidHandle;
    const auto *from = static_cast<Event*>(start), *to = static_cast<Event*>(end);
    if (!from->timing || !to->timing) return kInvalidHandle;
    if (from->recorded == 0 || to->recorded == 0) return kInvalidHandle;
    if (from->milliseconds < 0 || to->milliseconds < 0) return kNotReady;
    *elapsed = static_cast<float>(to->milliseconds - from->milliseconds);
    return kSuccess;
  });
}

DRIVER_API cuStreamWaitEvent(void* handle, void* waited, unsigned) {
  return call("cuStreamWaitEvent", Needs::context, [&] {
    Stream* stream = streamOf(handle);
    if (stream == nullptr || !isEvent(waited)) return kInvalidHandle;
    auto* event = static_cast<Event*>(waited);
    if (event->captured != nullptr) {
      // Waiting for a captured event takes a stream into the capture, or brings it back.
      Stream* origin = event->captured->captureOrigin;
      if (stream == origin) {
        event->captured->joined = true;
        return kSuccess;
      }
      if (stream->capture == Capture::none) {
        stream->capture = Capture::active;
        stream->captureOrigin = origin;
        stream->graph = origin->graph;
        stream->captureMode = origin->captureMode;
        stream->joined = false;
      }
      return kSuccess;
    }
    if (event->stream == nullptr || event->stream == stream) return kSuccess;
    Operation operation;
    operation.kind = Operation::Kind::wait;
    operation.stream = event->stream;
    operation.until = event->recorded;
    return submit(stream, std::move(operation));
  });
}

}  // namespace standin
