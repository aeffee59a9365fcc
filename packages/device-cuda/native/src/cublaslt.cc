#include "cublaslt.h"

#include <link.h>
#include <uv.h>

#include <cstring>

namespace {

CublasLt opened;
uv_lib_t library;
LibraryState found;
bool isOpen = false;

uv_once_t once = UV_ONCE_INIT;
uv_mutex_t mutex;

constexpr size_t kOldestMajor = 12;
constexpr size_t kVersionsPerMajor = 10000;
constexpr int kDriverVersionsPerMajor = 1000;

// A library that something else of the process brought is the one to use: two of them side by side are asking for trouble.
std::string loadedAlready() {
  std::string path;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* data) {
        const char* name = info->dlpi_name == nullptr ? nullptr : strrchr(info->dlpi_name, '/');
        if (name == nullptr || strncmp(name, "/libcublasLt.so", 15) != 0) return 0;
        *static_cast<std::string*>(data) = info->dlpi_name;
        return 1;
      },
      &path);
  return path;
}

// Why the library that was just loaded will not do; empty where it does.
std::string problemOf() {
#define X(name, arguments) \
  if (uv_dlsym(&library, #name, reinterpret_cast<void**>(&opened.name)) != 0) return "has no " #name;
  TORCHLET_CUBLASLT_CALLS(X)
#undef X
  if (uv_dlsym(&library, "cublasLtGetVersion", reinterpret_cast<void**>(&opened.cublasLtGetVersion)) != 0)
    return "has no cublasLtGetVersion";
  const size_t version = opened.cublasLtGetVersion();
  const size_t major = version / kVersionsPerMajor;
  if (major < kOldestMajor) return "is of CUDA " + std::to_string(major) + ", and 12 or later is needed";
  if (static_cast<int>(major) * kDriverVersionsPerMajor > driver().version)
    return "is of CUDA " + std::to_string(major) + ", which the driver (CUDA " +
           std::to_string(driver().version / kDriverVersionsPerMajor) + ") is too old for";
  found.version = version;
  return {};
}

// Adds to `tried` why `file` will not do.
bool tryLibrary(const std::string& file, std::string* tried) {
  const char* separator = tried->empty() ? "" : "; ";
  if (uv_dlopen(file.c_str(), &library) != 0) {
    *tried += separator + file + " cannot be loaded (" + uv_dlerror(&library) + ")";
    uv_dlclose(&library);
    return false;
  }
  const std::string problem = problemOf();
  if (problem.empty()) {
    found.file = file;
    return true;
  }
  // It is not closed: a library of CUDA does not bear that.
  *tried += separator + file + " " + problem;
  return false;
}

bool open(const std::vector<std::string>& files, bool named) {
  std::string tried;
  const std::string loaded = named ? std::string() : loadedAlready();
  if (!loaded.empty() && tryLibrary(loaded, &tried)) return true;
  for (const std::string& file : files)
    if (tryLibrary(file, &tried)) return true;
  found.reason = (named ? "TORCHLET_CUBLASLT names a library that will not do: " : "none was found: ") + tried;
  return false;
}

}  // namespace

LibraryState openCublasLt(const std::vector<std::string>& files, bool named) {
  uv_once(&once, [] { uv_mutex_init(&mutex); });
  uv_mutex_lock(&mutex);
  if (!isOpen) {
    isOpen = open(files, named);
    if (isOpen) found.reason.clear();
  }
  const LibraryState state = found;
  uv_mutex_unlock(&mutex);
  return state;
}

const CublasLt& cublasLt() { return opened; }

const char* cublasStatusName(cublasStatus status) {
  switch (status) {
    case 1:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case 3:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case 7:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case 8:
      return "CUBLAS_STATUS_ARCH_MISMATCH";
    case 11:
      return "CUBLAS_STATUS_MAPPING_ERROR";
    case 13:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    case 14:
      return "CUBLAS_STATUS_INTERNAL_ERROR";
    case 15:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    case 16:
      return "CUBLAS_STATUS_LICENSE_ERROR";
    default:
      return "an unknown status of cuBLAS";
  }
}
