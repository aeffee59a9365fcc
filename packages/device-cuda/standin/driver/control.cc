// How tests steer the stand-in: environment variables when it is loaded, functions after. The library is a Node addon too,
// so that JavaScript can call the driver and these functions: `call(name, ...arguments)` takes numbers, bigints, strings
// and typed arrays (their memory), and `text(name)` the functions that give text.
#include <dlfcn.h>

#include <cstdlib>
#include <cstring>

#include "calls.h"

namespace standin {
namespace {

struct Injection {
  std::string name;
  long nth;
  int code;
};

std::vector<Injection> injections;
std::map<std::string, u64> counts;

/** `cuMemAlloc_v2:2:2`: the second call of it fails with 2; several with commas between. */
void readInjections(const char* text) {
  std::string all = text;
  for (size_t from = 0; from < all.size();) {
    const size_t end = std::min(all.find(',', from), all.size());
    const std::string one = all.substr(from, end - from);
    const size_t first = one.find(':'), second = first == std::string::npos ? first : one.find(':', first + 1);
    if (first != std::string::npos) {
      const int code = second == std::string::npos ? 999 : std::atoi(one.c_str() + second + 1);
      injections.push_back({one.substr(0, first), std::atol(one.c_str() + first + 1), code});
    }
    from = end + 1;
  }
}

bool isSet(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' && std::strcmp(value, "0") != 0;
}

const char* told(const std::string& text) {
  static std::string kept;
  kept = text;
  return kept.c_str();
}

}  // namespace

State& state() {
  static State& made = *[] {
    auto* known = new State;
    addressSpace().capacity = 2ull << 30;
    if (const char* bytes = std::getenv("TORCHLET_STANDIN_MEMORY")) addressSpace().capacity = std::strtoull(bytes, nullptr, 0);
    if (const char* devices = std::getenv("TORCHLET_STANDIN_DEVICES")) known->devices = std::min(std::atoi(devices), 16);
    if (const char* version = std::getenv("TORCHLET_STANDIN_VERSION")) known->version = std::atoi(version);
    if (const char* capability = std::getenv("TORCHLET_STANDIN_CAPABILITY")) known->capability = std::atoi(capability);
    if (const char* failures = std::getenv("TORCHLET_STANDIN_FAIL")) readInjections(failures);
    known->settings.reversed = isSet("TORCHLET_STANDIN_REVERSED");
    known->settings.races = std::getenv("TORCHLET_STANDIN_RACES") == nullptr || isSet("TORCHLET_STANDIN_RACES");
    known->eager = isSet("TORCHLET_STANDIN_EAGER");
    return known;
  }();
  return made;
}

int injected(const char* name) {
  counts[name]++;
  for (auto at = injections.begin(); at != injections.end(); ++at) {
    if (at->name != name || --at->nth > 0) continue;
    const int code = at->code;
    injections.erase(at);
    return code;
  }
  return 0;
}

/** The nth call from now of a function fails with a code. */
DRIVER_API standin_fail(const char* name, long nth, int code) {
  const std::lock_guard<std::recursive_mutex> hold(state().lock);
  injections.push_back({name, nth, code});
  return 0;
}

/** Forgets failures that were asked for and have not happened. @return how many */
DRIVER_API standin_spare() {
  const std::lock_guard<std::recursive_mutex> hold(state().lock);
  const int left = static_cast<int>(injections.size());
  injections.clear();
  return left;
}

DRIVER_API standin_reversed(int reversed) {
  state().settings.reversed = reversed != 0;
  return 0;
}

DRIVER_API standin_races(int on) {
  state().settings.races = on != 0;
  return 0;
}

/** Whether accesses are counted; standin_work tells them. */
DRIVER_API standin_traffic(int on) {
  state().settings.traffic = on != 0;
  return 0;
}

DRIVER_API standin_eager(int eager) {
  state().eager = eager != 0;
  return 0;
}

/** Whoever waits for work loses so many microseconds first: what was submitted stays undone meanwhile, as on a busy card. */
DRIVER_API standin_lag(u64 microseconds) {
  state().lag = microseconds;
  return 0;
}

/** Of which cards are, that devices see which are opened from now on. */
DRIVER_API standin_card(int multiprocessors, int capability) {
  state().multiprocessors = multiprocessors;
  state().capability = capability;
  return 0;
}

/** Of which CUDA the driver is from now on. */
DRIVER_API standin_version(int version) {
  state().version = version;
  return 0;
}

DRIVER_API standin_memory(u64 bytes) {
  addressSpace().capacity = bytes;
  return 0;
}

/** Ends the error that stays, and forgets work that waits: as a new process would be. */
DRIVER_API standin_recover() {
  const std::lock_guard<std::recursive_mutex> hold(state().lock);
  state().sticky = 0;
  state().report.clear();
  for (Stream* stream : state().streams) {
    stream->done = stream->submitted;
    stream->waiting.clear();
    if (stream->captureOrigin == stream) delete stream->graph;
    stream->graph = nullptr;
    stream->captureOrigin = nullptr;
    stream->last = nullptr;
    stream->capture = Capture::none;
    stream->joined = true;
  }
  state().legacy.done = state().legacy.submitted;
  state().legacy.waiting.clear();
  return 0;
}

extern "C" __attribute__((visibility("default"))) const char* standin_report() { return told(state().report); }

/** JSON: what is alive, for leak checks. */
extern "C" __attribute__((visibility("default"))) const char* standin_alive() {
  const std::lock_guard<std::recursive_mutex> hold(state().lock);
  const auto field = [](const char* name, u64 value) { return "\"" + std::string(name) + "\":" + std::to_string(value); };
  const AddressSpace& memory = addressSpace();
  u64 contexts = 0;
  for (const int retained : state().retained) contexts += static_cast<u64>(retained);
  return told("{" + field("deviceBytes", memory.used()) + "," + field("device", memory.count(Owner::device)) + "," +
              field("host", memory.count(Owner::host)) + "," + field("streams", state().streams.size()) + "," +
              field("events", state().events.size()) + "," + field("modules", state().modules.size()) + "," +
              field("graphs", state().graphs.size()) + "," + field("execs", state().execs.size()) + "," + field("contexts", contexts) + "}");
}

/** JSON: how often each function of the driver was called. */
extern "C" __attribute__((visibility("default"))) const char* standin_calls() {
  const std::lock_guard<std::recursive_mutex> hold(state().lock);
  std::string text;
  for (const auto& [name, count] : counts) text += (text.empty() ? "\"" : ",\"") + name + "\":" + std::to_string(count);
  return told("{" + text + "}");
}

/** JSON: what each kernel did since the last time this was asked. */
extern "C" __attribute__((visibility("default"))) const char* standin_work() {
  const std::lock_guard<std::recursive_mutex> hold(state().lock);
  std::string text;
  for (const auto& [name, work] : state().work) {
    const std::pair<const char*, u64> fields[] = {
        {"launches", work.launches},
        {"warpInstructions", work.warpInstructions},
        {"groupProducts", work.groupProducts},
        {"threadInstructions", work.threadInstructions},
        {"globalRequests", work.traffic.globalRequests},
        {"globalSectors", work.traffic.globalSectors},
        {"globalLeast", work.traffic.globalLeast},
        {"sharedRequests", work.traffic.sharedRequests},
        {"sharedWavefronts", work.traffic.sharedWavefronts},
        {"sharedLeast", work.traffic.sharedLeast},
    };
    text += (text.empty() ? "\"" : ",\"") + name + "\":{";
    for (const auto& [field, value] : fields) text += (field == fields[0].first ? "\"" : ",\"") + std::string(field) + "\":" + std::to_string(value);
    text += "}";
  }
  state().work.clear();
  return told("{" + text + "}");
}

DRIVER_API cuGetProcAddress_v2(const char* symbol, void** function, int, u64, int* status) {
  return call("cuGetProcAddress_v2", Needs::nothing, [&] {
    Dl_info self;
    dladdr(reinterpret_cast<void*>(&standin_spare), &self);
    void* library = dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    *function = dlsym(library, (std::string(symbol) + "_v2").c_str());
    if (*function == nullptr) *function = dlsym(library, symbol);
    if (status != nullptr) *status = *function == nullptr ? 1 : 0;
    return *function == nullptr ? kNotFound : kSuccess;
  });
}

}  // namespace standin
