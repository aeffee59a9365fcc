#include "for-libraries.h"

#include "calls.h"

namespace standin::library {
namespace {

long alive = 0;
std::string refusal;

using Hold = std::lock_guard<std::recursive_mutex>;

}  // namespace

int enter(const char* name) {
  const Hold hold(state().lock);
  return injected(name);
}

bool hasContext() { return state().initialised && isCurrent(); }

int submit(void* handle, std::function<void()> work) {
  const Hold hold(state().lock);
  if (state().sticky != 0) return state().sticky;
  Stream* stream = streamOf(handle);
  if (stream == nullptr) return kInvalidHandle;
  Operation operation;
  operation.kind = Operation::Kind::host;
  operation.call = std::move(work);
  return standin::submit(stream, std::move(operation));
}

bool holds(u64 address, u64 bytes) { return bytes == 0 || addressSpace().holds(address, bytes); }

void fault(const std::string& report) { throw Fault{719, report}; }

int refuse(int status, const std::string& why) {
  const Hold hold(state().lock);
  refusal = why;
  return status;
}

void count(int more) {
  const Hold hold(state().lock);
  alive += more;
}

/** JSON: objects of libraries that are alive, and why a call was refused last. */
extern "C" __attribute__((visibility("default"))) const char* standin_library() {
  static std::string told;
  const Hold hold(state().lock);
  told = "{\"objects\":" + std::to_string(alive) + ",\"refusal\":\"" + refusal + "\"}";
  return told.c_str();
}

}  // namespace standin::library
