// The cards there are, their attributes, the primary context.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "calls.h"

namespace standin {
namespace {

thread_local bool current = false;

struct Attribute {
  int number;
  int value;
};

// Numbers are CUdevice_attribute's; values are those of a small card. What tests choose comes from the state.
constexpr Attribute attributes[] = {
    {1, 1024},          // MAX_THREADS_PER_BLOCK
    {2, 1024}, {3, 1024}, {4, 64},           // MAX_BLOCK_DIM_X, _Y, _Z
    {5, 2147483647}, {6, 65535}, {7, 65535}, // MAX_GRID_DIM_X, _Y, _Z
    {8, 49152},         // MAX_SHARED_MEMORY_PER_BLOCK
    {9, 65536},         // TOTAL_CONSTANT_MEMORY
    {10, 32},           // WARP_SIZE
    {12, 65536},        // MAX_REGISTERS_PER_BLOCK
    {13, 1410000},      // CLOCK_RATE
    {17, 0},            // KERNEL_EXEC_TIMEOUT
    {18, 0},            // INTEGRATED
    {19, 1},            // CAN_MAP_HOST_MEMORY
    {20, 0},            // COMPUTE_MODE
    {31, 1},            // CONCURRENT_KERNELS
    {32, 0},            // ECC_ENABLED
    {33, 1}, {34, 0},   // PCI_BUS_ID, PCI_DEVICE_ID
    {36, 1215000},      // MEMORY_CLOCK_RATE
    {37, 256},          // GLOBAL_MEMORY_BUS_WIDTH
    {38, 4194304},      // L2_CACHE_SIZE
    {39, 2048},         // MAX_THREADS_PER_MULTIPROCESSOR
    {40, 2},            // ASYNC_ENGINE_COUNT
    {41, 1},            // UNIFIED_ADDRESSING
    {82, 65536},        // MAX_REGISTERS_PER_MULTIPROCESSOR
    {83, 1},            // MANAGED_MEMORY
    {91, 1},            // CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM
    {95, 1},            // COOPERATIVE_LAUNCH
    {106, 32},          // MAX_BLOCKS_PER_MULTIPROCESSOR
    {111, 1024},        // RESERVED_SHARED_MEMORY_PER_BLOCK
    {115, 0},           // MEMORY_POOLS_SUPPORTED
};

constexpr int kMultiprocessorCount = 16, kCapabilityMajor = 75, kCapabilityMinor = 76, kSharedPerMultiprocessor = 81, kSharedPerBlock = 97;
constexpr u32 kReservedShared = 1024;

int attributeOf(int number) {
  switch (number) {
    case kMultiprocessorCount: return state().multiprocessors;
    case kSharedPerMultiprocessor: return static_cast<int>(sharedLimit() + kReservedShared);
    case kSharedPerBlock: return static_cast<int>(sharedLimit());
    case kCapabilityMajor: return state().capability / 10;
    case kCapabilityMinor: return state().capability % 10;
    default: break;
  }
  for (const Attribute& row : attributes) {
    if (row.number == number) return row.value;
  }
  return 0;
}

bool isDevice(int device) { return device >= 0 && device < state().devices; }

}  // namespace

void makeCurrent(bool now) { current = now; }
bool isCurrent() { return current; }

u32 sharedLimit() { return state().capability == 90 ? 232448 : 166912; }

DRIVER_API cuInit(unsigned flags) {
  return call("cuInit", Needs::nothing, [&] {
    if (flags != 0) return kInvalidValue;
    if (state().devices == 0) return kNoDevice;
    state().initialised = true;
    return kSuccess;
  });
}

DRIVER_API cuDriverGetVersion(int* version) {
  return call("cuDriverGetVersion", Needs::nothing, [&] {
    *version = state().version;
    return kSuccess;
  });
}

DRIVER_API cuDeviceGetCount(int* count) {
  return call("cuDeviceGetCount", Needs::driver, [&] {
    *count = state().devices;
    return kSuccess;
  });
}

DRIVER_API cuDeviceGet(int* device, int ordinal) {
  return call("cuDeviceGet", Needs::driver, [&] {
    if (!isDevice(ordinal)) return kInvalidDevice;
    *device = ordinal;
    return kSuccess;
  });
}

DRIVER_API cuDeviceGetName(char* name, int length, int device) {
  return call("cuDeviceGetName", Needs::driver, [&] {
    if (!isDevice(device)) return kInvalidDevice;
    std::snprintf(name, static_cast<size_t>(length), "Torchlet stand-in (PTX on the CPU)");
    return kSuccess;
  });
}

DRIVER_API cuDeviceGetUuid_v2(void* uuid, int device) {
  return call("cuDeviceGetUuid_v2", Needs::driver, [&] {
    if (!isDevice(device)) return kInvalidDevice;
    std::memset(uuid, device + 1, 16);
    return kSuccess;
  });
}

DRIVER_API cuDeviceGetAttribute(int* value, int attribute, int device) {
  return call("cuDeviceGetAttribute", Needs::driver, [&] {
    if (!isDevice(device)) return kInvalidDevice;
    *value = attributeOf(attribute);
    return attribute > 0 && attribute < 150 ? kSuccess : kInvalidValue;
  });
}

DRIVER_API cuDeviceTotalMem_v2(size_t* bytes, int device) {
  return call("cuDeviceTotalMem_v2", Needs::driver, [&] {
    if (!isDevice(device)) return kInvalidDevice;
    *bytes = addressSpace().capacity;
    return kSuccess;
  });
}

DRIVER_API cuDevicePrimaryCtxRetain(void** context, int device) {
  return call("cuDevicePrimaryCtxRetain", Needs::driver, [&] {
    if (!isDevice(device)) return kInvalidDevice;
    state().retained[device]++;
    *context = &state().retained[device];
    return kSuccess;
  });
}

DRIVER_API cuDevicePrimaryCtxRelease_v2(int device) {
  return call("cuDevicePrimaryCtxRelease_v2", Needs::driver, [&] {
    if (!isDevice(device)) return kInvalidDevice;
    if (state().retained[device] == 0) return kInvalidContext;
    state().retained[device]--;
    return kSuccess;
  });
}

DRIVER_API cuDevicePrimaryCtxGetState(int device, unsigned* flags, int* active) {
  return call("cuDevicePrimaryCtxGetState", Needs::driver, [&] {
    if (!isDevice(device)) return kInvalidDevice;
    *flags = 0;
    *active = state().retained[device] > 0 ? 1 : 0;
    return kSuccess;
  });
}

DRIVER_API cuCtxSetCurrent(void* context) {
  return call("cuCtxSetCurrent", Needs::driver, [&] {
    const auto* count = static_cast<int*>(context);
    const bool known = count >= state().retained && count < state().retained + 16;
    if (context != nullptr && (!known || *count == 0)) return kInvalidContext;
    makeCurrent(context != nullptr);
    return kSuccess;
  });
}

DRIVER_API cuCtxSynchronize() {
  return call("cuCtxSynchronize", Needs::context, [&] {
    if (forbidsUnsafe()) return kCaptureUnsupported;
    runAll();
    return kSuccess;
  });
}

}  // namespace standin
