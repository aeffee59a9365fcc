#include "driver.h"

#include "cublaslt.h"
#include "cudnn.h"

#include <uv.h>

namespace {

Driver opened;
uv_lib_t library;
bool isOpen = false;
std::string reason;

// The first whose graphs can be instantiated with flags.
constexpr int kLeastVersion = 11040;

uv_once_t once = UV_ONCE_INIT;
uv_mutex_t mutex;

// The loader's search first; then where drivers lie that the loader is not told of: WSL, 64-bit folders, GPU machines that mount the driver, NixOS.
const char* const kCandidates[] = {
    "libcuda.so.1",
    "/usr/lib/wsl/lib/libcuda.so.1",
    "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
    "/usr/lib64/libcuda.so.1",
    "/usr/local/nvidia/lib64/libcuda.so.1",
    "/run/opengl-driver/lib/libcuda.so.1",
};

bool openLibrary(const char* file, std::string* problem) {
  if (uv_dlopen(file, &library) == 0) {
    opened.file = file;
    return true;
  }
  if (problem->empty()) *problem = uv_dlerror(&library);
  uv_dlclose(&library);
  return false;
}

bool findLibrary(const std::string& named) {
  std::string problem;
  if (!named.empty()) {
    if (openLibrary(named.c_str(), &problem)) return true;
    reason = "TORCHLET_LIBCUDA names " + named + ", which cannot be loaded (" + problem + ")";
    return false;
  }
  std::string tried;
  for (const char* candidate : kCandidates) {
    if (openLibrary(candidate, &problem)) return true;
    tried += (tried.empty() ? "" : ", ") + std::string(candidate);
  }
  reason = "the NVIDIA driver's library libcuda.so.1 was not found (" + problem + "; tried " + tried +
                  "): install the NVIDIA driver, or start the container with --gpus all";
  return false;
}

bool findCalls() {
#define X(name, symbol, arguments)                                                                       \
  if (uv_dlsym(&library, symbol, reinterpret_cast<void**>(&opened.name)) != 0) {                         \
    reason = opened.file + " has no " symbol ": the NVIDIA driver is too old, 470 or later is needed"; \
    return false;                                                                                        \
  }
  TORCHLET_REQUIRED_CALLS(X)
#undef X
#define X(name, symbol, arguments) \
  if (uv_dlsym(&library, symbol, reinterpret_cast<void**>(&opened.name)) != 0) opened.name = nullptr;
  TORCHLET_OPTIONAL_CALLS(X)
#undef X
  return true;
}

// What helps against the codes that cuInit gives.
const char* adviceFor(CUresult code) {
  switch (code) {
    case 34:
      return "; this is the toolkit's stub, not the driver: take its folder out of LD_LIBRARY_PATH";
    case 100:
      return "; the driver is installed but sees no card: check nvidia-smi and CUDA_VISIBLE_DEVICES, or start the container with --gpus all";
    case 803:
      return "; the driver's library and its kernel module differ in version: restart the machine";
    case 804:
      return "; this card does not take the forward-compatible driver library";
    default:
      return "";
  }
}

bool failed(const char* call, CUresult code) {
  if (code == kSuccess) return false;
  reason = std::string(call) + " of " + opened.file + " failed with " + describe(code) + adviceFor(code);
  return true;
}

bool open(const std::string& named) {
  if (!findLibrary(named) || !findCalls()) return false;
  if (failed("cuInit", opened.cuInit(0))) return false;
  if (failed("cuDriverGetVersion", opened.cuDriverGetVersion(&opened.version))) return false;
  if (opened.version < kLeastVersion) {
    reason = opened.file + " is the driver of CUDA " + std::to_string(opened.version / 1000) + "." +
             std::to_string(opened.version % 1000 / 10) + ", which is too old: install driver 470 (CUDA 11.4) or later";
    return false;
  }
  if (failed("cuDeviceGetCount", opened.cuDeviceGetCount(&opened.devices))) return false;
  if (opened.devices == 0) reason = "the NVIDIA driver shows no card; CUDA_VISIBLE_DEVICES may hide it";
  return opened.devices > 0;
}

}  // namespace

DriverState openDriver(const std::string& named) {
  uv_once(&once, [] { uv_mutex_init(&mutex); });
  uv_mutex_lock(&mutex);
  // What failed is tried again: a driver may have been installed, or a card freed, since.
  if (!isOpen) isOpen = open(named);
  DriverState state{isOpen ? std::string() : reason, opened.file, opened.version, opened.devices};
  uv_mutex_unlock(&mutex);
  return state;
}

const Driver& driver() { return opened; }

std::string describe(CUresult code) {
  if (code > kLibraryStatuses) {
    const bool isCudnn = code > kConvolutionStatuses;
    const int status = code - (isCudnn ? kConvolutionStatuses : kLibraryStatuses);
    return std::string(isCudnn ? cudnnStatusName(status) : cublasStatusName(status)) + " (" + std::to_string(status) + ")";
  }
  const char* name = nullptr;
  const char* text = nullptr;
  if (opened.cuGetErrorName != nullptr) opened.cuGetErrorName(code, &name);
  if (opened.cuGetErrorString != nullptr) opened.cuGetErrorString(code, &text);
  std::string words = name != nullptr ? name : "an unknown CUDA error";
  words += " (" + std::to_string(code) + ")";
  if (text != nullptr) words += std::string(": ") + text;
  return words;
}

std::string describe(const Failure& failure) { return std::string(failure.call) + " failed with " + describe(failure.code); }
