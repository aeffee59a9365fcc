// The driver's calls that Torchlet uses, as one table, and the library they come from: libcuda.so.1, opened at run time, or what TORCHLET_LIBCUDA
// named. Owns types, constants and the search; which errors are final is decided in TypeScript; what is done with the calls is in the other files. No CUDA header is needed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

using CUresult = int;
using CUdevice = int;
using CUcontext = void*;
using CUmodule = void*;
using CUfunction = void*;
using CUstream = void*;
using CUevent = void*;
using CUgraph = void*;
using CUgraphNode = void*;
using CUgraphExec = void*;
using CUdeviceptr = uint64_t;

constexpr CUresult kSuccess = 0;
constexpr CUresult kInvalidValue = 1;
constexpr CUresult kOutOfMemory = 2;
constexpr CUresult kNotReady = 600;
// Codes from here on are statuses of a library: of cuBLAS, and of cuDNN.
constexpr CUresult kLibraryStatuses = 1'000'000;
constexpr CUresult kConvolutionStatuses = 2'000'000;

// What cuGraphExecKernelNodeSetParams_v2 takes; the first version ends before `kern`.
struct KernelNodeParams {
  CUfunction func;
  unsigned gridDimX, gridDimY, gridDimZ;
  unsigned blockDimX, blockDimY, blockDimZ;
  unsigned sharedMemBytes;
  void** kernelParams;
  void** extra;
  void* kern;
  CUcontext ctx;
};

// name, symbol (the versions that cuda.h's macros hide), argument types.
#define TORCHLET_REQUIRED_CALLS(X)                                                                                                \
  X(cuInit, "cuInit", (unsigned flags))                                                                                           \
  X(cuDriverGetVersion, "cuDriverGetVersion", (int* version))                                                                     \
  X(cuGetErrorName, "cuGetErrorName", (CUresult error, const char** name))                                                        \
  X(cuGetErrorString, "cuGetErrorString", (CUresult error, const char** text))                                                    \
  X(cuDeviceGetCount, "cuDeviceGetCount", (int* count))                                                                           \
  X(cuDeviceGet, "cuDeviceGet", (CUdevice* device, int ordinal))                                                                  \
  X(cuDeviceGetName, "cuDeviceGetName", (char* name, int length, CUdevice device))                                                \
  X(cuDeviceGetAttribute, "cuDeviceGetAttribute", (int* value, int attribute, CUdevice device))                                   \
  X(cuDeviceTotalMem, "cuDeviceTotalMem_v2", (size_t* bytes, CUdevice device))                                                    \
  X(cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain", (CUcontext* context, CUdevice device))                                  \
  X(cuDevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2", (CUdevice device))                                                 \
  X(cuCtxSetCurrent, "cuCtxSetCurrent", (CUcontext context))                                                                      \
  X(cuMemGetInfo, "cuMemGetInfo_v2", (size_t* free, size_t* total))                                                               \
  X(cuMemAlloc, "cuMemAlloc_v2", (CUdeviceptr* address, size_t bytes))                                                            \
  X(cuMemFree, "cuMemFree_v2", (CUdeviceptr address))                                                                             \
  X(cuMemHostAlloc, "cuMemHostAlloc", (void** memory, size_t bytes, unsigned flags))                                              \
  X(cuMemFreeHost, "cuMemFreeHost", (void* memory))                                                                               \
  X(cuMemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2", (CUdeviceptr to, const void* from, size_t bytes, CUstream stream))                 \
  X(cuMemcpyDtoHAsync, "cuMemcpyDtoHAsync_v2", (void* to, CUdeviceptr from, size_t bytes, CUstream stream))                       \
  X(cuMemsetD8Async, "cuMemsetD8Async", (CUdeviceptr to, unsigned char value, size_t bytes, CUstream stream))                     \
  X(cuModuleLoadDataEx, "cuModuleLoadDataEx", (CUmodule* module, const void* image, unsigned count, int* options, void** values)) \
  X(cuModuleUnload, "cuModuleUnload", (CUmodule module))                                                                          \
  X(cuModuleGetFunction, "cuModuleGetFunction", (CUfunction* function, CUmodule module, const char* name))                        \
  X(cuFuncSetAttribute, "cuFuncSetAttribute", (CUfunction function, int attribute, int value))                                    \
  X(cuLaunchKernel, "cuLaunchKernel",                                                                                             \
    (CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,      \
     unsigned sharedBytes, CUstream stream, void** params, void** extra))                                                         \
  X(cuStreamCreate, "cuStreamCreate", (CUstream* stream, unsigned flags))                                                         \
  X(cuStreamDestroy, "cuStreamDestroy_v2", (CUstream stream))                                                                     \
  X(cuStreamSynchronize, "cuStreamSynchronize", (CUstream stream))                                                                \
  X(cuStreamBeginCapture, "cuStreamBeginCapture_v2", (CUstream stream, int mode))                                                 \
  X(cuStreamEndCapture, "cuStreamEndCapture", (CUstream stream, CUgraph* graph))                                                  \
  X(cuEventCreate, "cuEventCreate", (CUevent* event, unsigned flags))                                                             \
  X(cuEventDestroy, "cuEventDestroy_v2", (CUevent event))                                                                         \
  X(cuEventRecord, "cuEventRecord", (CUevent event, CUstream stream))                                                             \
  X(cuEventQuery, "cuEventQuery", (CUevent event))                                                                                \
  X(cuEventSynchronize, "cuEventSynchronize", (CUevent event))                                                                    \
  X(cuEventElapsedTime, "cuEventElapsedTime", (float* milliseconds, CUevent start, CUevent end))                                  \
  X(cuGraphInstantiate, "cuGraphInstantiateWithFlags", (CUgraphExec* exec, CUgraph graph, unsigned long long flags))              \
  X(cuGraphLaunch, "cuGraphLaunch", (CUgraphExec exec, CUstream stream))                                                          \
  X(cuGraphExecDestroy, "cuGraphExecDestroy", (CUgraphExec exec))                                                                 \
  X(cuGraphDestroy, "cuGraphDestroy", (CUgraph graph))

// Without these a graph whose addresses changed is captured anew or passed over.
#define TORCHLET_OPTIONAL_CALLS(X)                                                                                         \
  X(cuStreamGetCaptureInfo, "cuStreamGetCaptureInfo_v2",                                                                   \
    (CUstream stream, int* status, uint64_t* id, CUgraph* graph, const CUgraphNode** dependencies, size_t* count))         \
  X(cuGraphExecKernelNodeSetParams, "cuGraphExecKernelNodeSetParams_v2",                                                   \
    (CUgraphExec exec, CUgraphNode node, const KernelNodeParams* params))

struct Driver {
#define X(name, symbol, arguments) CUresult(*name) arguments = nullptr;
  TORCHLET_REQUIRED_CALLS(X)
  TORCHLET_OPTIONAL_CALLS(X)
#undef X
  // Where the library was found; the loader's own name where it searched.
  std::string file;
  int version = 0;
  int devices = 0;
};

// What came of opening the driver; `reason` says why there is none with a card, or nothing.
struct DriverState {
  std::string reason;
  std::string file;
  int version = 0;
  int devices = 0;
};

// Opens the driver of this process where that has not been done: the library `named`, or the one that is found. Any thread may call it.
DriverState openDriver(const std::string& named);

// The driver, once `openDriver` found one.
const Driver& driver();

// `CUDA_ERROR_X (N): text`.
std::string describe(CUresult code);

// A driver call that did not do its work. False where all went well.
struct Failure {
  CUresult code = kSuccess;
  const char* call = "";
  // What the compiler of PTX said.
  std::string log;
  // The step of a program that failed, and whether steps before it ran.
  int step = -1;
  bool started = false;

  explicit operator bool() const { return code != kSuccess; }
};

// `cuX failed with CUDA_ERROR_X (N): text`.
std::string describe(const Failure& failure);

// Ends something, or waits for its end. A call that fails may have told of earlier work instead of doing its own, so it is made once more; what is refused
// twice is kept until the process ends.
template <typename... Parameters, typename... Arguments>
CUresult insist(CUresult (*call)(Parameters...), Arguments... arguments) {
  const CUresult code = call(arguments...);
  return code == kSuccess ? code : call(arguments...);
}

// Returns from the function with the failure of a driver call.
#define TORCHLET_TRY(call, ...)                                                   \
  do {                                                                            \
    if (CUresult code_ = driver().call(__VA_ARGS__)) return Failure{code_, #call, {}, -1, false}; \
  } while (false)
