// Modules, functions and launches. A module's PTX is read and decoded whole when it is loaded, so what is not known is
// found then; what was wrong stands in the log.
#include <cstring>

#include "../ptx/linker.h"
#include "calls.h"

namespace standin {
namespace {

constexpr int kInfoLog = 3, kInfoLogBytes = 4, kErrorLog = 5, kErrorLogBytes = 6;
constexpr u32 kStaticLimit = 48 * 1024;

bool isModule(void* handle) { return state().modules.count(static_cast<Module*>(handle)) != 0; }
bool isFunction(void* handle) { return state().functions.count(static_cast<DriverFunction*>(handle)) != 0; }

void log(const std::string& text, unsigned count, const int* options, void** values) {
  char* buffer = nullptr;
  size_t size = 0;
  for (unsigned at = 0; at < count; at++) {
    if (options[at] == kErrorLog) buffer = static_cast<char*>(values[at]);
    if (options[at] == kErrorLogBytes) size = reinterpret_cast<size_t>(values[at]);
  }
  if (buffer == nullptr || size == 0) return;
  const size_t kept = std::min(size - 1, text.size());
  std::memcpy(buffer, text.data(), kept);
  buffer[kept] = '\0';
}

void emptyLogs(unsigned count, const int* options, void** values) {
  for (unsigned at = 0; at < count; at++) {
    if ((options[at] == kInfoLog || options[at] == kErrorLog) && values[at] != nullptr) static_cast<char*>(values[at])[0] = '\0';
  }
}

/** Variables of the module get memory; those that hold addresses of others get them when all have their own. */
void allocate(Module& module) {
  for (auto& [name, variable] : module.syntax->variables) {
    if (variable.space == Space::shared) continue;
    if (variable.external) throw PtxError(0, name + " is declared, but not defined");
    const u64 address = addressSpace().allocate(std::max<u64>(variable.bytes, 1), Owner::module);
    if (address == 0) throw std::bad_alloc();
    std::memset(reinterpret_cast<void*>(address), 0, variable.bytes);
    module.addresses[name] = address;
  }
  for (auto& [name, variable] : module.syntax->variables) {
    if (variable.space == Space::shared) continue;
    for (const auto& [place, other] : variable.addresses) {
      const auto found = module.addresses.find(other);
      if (found == module.addresses.end()) throw PtxError(0, other + " is not declared");
      std::memcpy(variable.initial.data() + place, &found->second, 8);
    }
    std::memcpy(reinterpret_cast<void*>(module.addresses[name]), variable.initial.data(), variable.initial.size());
  }
}

void release(Module& module) {
  for (const auto& [name, address] : module.addresses) addressSpace().release(address, Owner::module);
  for (const auto& [name, function] : module.functions) state().functions.erase(function.get());
}

void link(Module& module) {
  for (const auto& [name, function] : module.syntax->functions) {
    if (!function->defined) continue;
    auto made = std::make_unique<DriverFunction>();
    made->kernel = Linker(*module.syntax, module.addresses).link(*function);
    if (made->kernel.sharedBytes > kStaticLimit) throw PtxError(function->line, name + " has more than 48 KiB of static shared memory");
    if (!function->entry) continue;
    state().functions.insert(made.get());
    module.functions[name] = std::move(made);
  }
}

/** PTX 7 came with CUDA 11, 8 with 12. What is for one architecture with all that it has, no other card runs. */
int unfit(const Syntax& syntax) {
  if (static_cast<int>(syntax.version) / 10 > state().version / 1000 - 4) return kUnsupportedPtx;
  return syntax.target == "sm_90a" && state().capability != 90 ? kNoBinary : kSuccess;
}

int load(void** handle, const void* image, unsigned count, const int* options, void** values) {
  emptyLogs(count, options, values);
  auto module = std::make_unique<Module>();
  try {
    module->syntax = parse(static_cast<const char*>(image));
    if (const int code = unfit(*module->syntax)) return code;
    allocate(*module);
    link(*module);
  } catch (const std::exception& error) {
    release(*module);
    log(std::string("ptxas error: ") + error.what(), count, options, values);
    return kInvalidPtx;
  }
  *handle = module.get();
  state().modules.insert(module.release());
  return kSuccess;
}

int arguments(const Kernel& kernel, void** params, void** extra, std::vector<u8>& into) {
  into.assign(kernel.paramBytes, 0);
  if (extra != nullptr) {
    const void* buffer = nullptr;
    size_t bytes = 0;
    for (size_t at = 0; extra[at] != nullptr; at += 2) {
      const auto key = reinterpret_cast<size_t>(extra[at]);
      if (key == 1) buffer = extra[at + 1];
      if (key == 2) bytes = *static_cast<size_t*>(extra[at + 1]);
    }
    if (buffer == nullptr || bytes < kernel.paramBytes) return kInvalidValue;
    std::memcpy(into.data(), buffer, kernel.paramBytes);
    return kSuccess;
  }
  if (params == nullptr && !kernel.parameters.empty()) return kInvalidValue;
  for (size_t at = 0; at < kernel.parameters.size(); at++) {
    if (params[at] == nullptr) return kInvalidValue;
    std::memcpy(into.data() + kernel.parameters[at].offset, params[at], kernel.parameters[at].bytes);
  }
  return kSuccess;
}

}  // namespace

int prepareLaunch(void* handle, const u32* grid, const u32* block, u32 sharedBytes, void** params, void** extra, Launch& launch) {
  if (!isFunction(handle)) return kInvalidHandle;
  const auto& function = *static_cast<DriverFunction*>(handle);
  const Kernel& kernel = function.kernel;
  const u64 threads = static_cast<u64>(block[0]) * block[1] * block[2];
  const bool sizes = grid[0] > 0 && grid[1] > 0 && grid[2] > 0 && grid[0] <= 0x7FFFFFFF && grid[1] <= 65535 && grid[2] <= 65535;
  if (!sizes || threads == 0 || threads > 1024 || block[0] > 1024 || block[1] > 1024 || block[2] > 64) return kInvalidValue;
  if (kernel.maxThreads != 0 && threads > kernel.maxThreads) return kInvalidValue;
  if (kernel.requiredThreads[0] != 0 && std::memcmp(kernel.requiredThreads, block, sizeof kernel.requiredThreads) != 0) return kInvalidValue;
  if (sharedBytes > function.dynamicShared || kernel.sharedBytes + sharedBytes > sharedLimit()) return kInvalidValue;
  launch.kernel = &kernel;
  std::copy_n(grid, 3, launch.grid);
  std::copy_n(block, 3, launch.block);
  launch.dynamicShared = sharedBytes;
  return arguments(kernel, params, extra, launch.params);
}

DRIVER_API cuModuleLoadDataEx(void** module, const void* image, unsigned count, int* options, void** values) {
  return call("cuModuleLoadDataEx", Needs::context, [&] { return load(module, image, count, options, values); });
}

DRIVER_API cuModuleLoadData(void** module, const void* image) {
  return call("cuModuleLoadData", Needs::context, [&] { return load(module, image, 0, nullptr, nullptr); });
}

DRIVER_API cuModuleUnload(void* handle) {
  return call("cuModuleUnload", Needs::context, [&] {
    if (!isModule(handle)) return kInvalidHandle;
    if (forbidsUnsafe()) return kCaptureUnsupported;
    runAll();
    auto* module = static_cast<Module*>(handle);
    release(*module);
    state().modules.erase(module);
    delete module;
    return kSuccess;
  });
}

DRIVER_API cuModuleGetFunction(void** function, void* handle, const char* name) {
  return call("cuModuleGetFunction", Needs::context, [&] {
    if (!isModule(handle)) return kInvalidHandle;
    const auto& functions = static_cast<Module*>(handle)->functions;
    const auto found = functions.find(name);
    if (found == functions.end()) return kNotFound;
    *function = found->second.get();
    return kSuccess;
  });
}

DRIVER_API cuModuleGetGlobal_v2(u64* address, size_t* bytes, void* handle, const char* name) {
  return call("cuModuleGetGlobal_v2", Needs::context, [&] {
    if (!isModule(handle)) return kInvalidHandle;
    const auto& module = *static_cast<Module*>(handle);
    const auto found = module.addresses.find(name);
    if (found == module.addresses.end()) return kNotFound;
    if (address != nullptr) *address = found->second;
    if (bytes != nullptr) *bytes = module.syntax->variables.at(name).bytes;
    return kSuccess;
  });
}

DRIVER_API cuFuncGetAttribute(int* value, int attribute, void* handle) {
  return call("cuFuncGetAttribute", Needs::context, [&] {
    if (!isFunction(handle)) return kInvalidHandle;
    const auto& function = *static_cast<DriverFunction*>(handle);
    const Kernel& kernel = function.kernel;
    switch (attribute) {
      case 0: *value = kernel.maxThreads == 0 ? 1024 : static_cast<int>(kernel.maxThreads); break;
      case 1: *value = static_cast<int>(kernel.sharedBytes); break;
      case 3: *value = static_cast<int>(kernel.localBytes); break;
      case 4: *value = 32; break;  // registers: nothing is allocated, so a card's least is told
      case 8: *value = static_cast<int>(function.dynamicShared); break;
      case 9: *value = -1; break;
      default: *value = 0;
    }
    return attribute < 0 || attribute > 15 ? kInvalidValue : kSuccess;
  });
}

DRIVER_API cuFuncSetAttribute(void* handle, int attribute, int value) {
  return call("cuFuncSetAttribute", Needs::context, [&] {
    if (!isFunction(handle)) return kInvalidHandle;
    auto& function = *static_cast<DriverFunction*>(handle);
    if (attribute == 9) return value >= -1 && value <= 100 ? kSuccess : kInvalidValue;
    if (attribute != 8 || value < 0 || function.kernel.sharedBytes + static_cast<u32>(value) > sharedLimit()) return kInvalidValue;
    function.dynamicShared = static_cast<u32>(value);
    return kSuccess;
  });
}

DRIVER_API cuLaunchKernel(void* function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,
                          unsigned blockZ, unsigned sharedBytes, void* handle, void** params, void** extra) {
  return call("cuLaunchKernel", Needs::context, [&] {
    Stream* stream = streamOf(handle);
    if (stream == nullptr) return kInvalidHandle;
    const u32 grid[3] = {gridX, gridY, gridZ}, block[3] = {blockX, blockY, blockZ};
    Operation operation;
    operation.kind = Operation::Kind::launch;
    if (const int code = prepareLaunch(function, grid, block, sharedBytes, params, extra, operation.launch)) return code;
    return submit(stream, std::move(operation));
  });
}

DRIVER_API cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void* handle, int threads, size_t sharedBytes) {
  return call("cuOccupancyMaxActiveBlocksPerMultiprocessor", Needs::context, [&] {
    if (!isFunction(handle) || threads <= 0) return kInvalidValue;
    const size_t shared = static_cast<DriverFunction*>(handle)->kernel.sharedBytes + sharedBytes;
    *blocks = static_cast<int>(std::min<size_t>(static_cast<size_t>(2048 / threads), shared == 0 ? 32 : sharedLimit() / shared));
    return kSuccess;
  });
}

}  // namespace standin
