#include "cublaslt.h"

namespace {

CublasLt opened;

constexpr size_t kOldestMajor = 12;
constexpr size_t kVersionsPerMajor = 10000;
constexpr int kCudaVersionsPerMajor = 1000;

std::string problemOf(uv_lib_t* library, size_t* version) {
#define X(name, arguments) \
  if (uv_dlsym(library, #name, reinterpret_cast<void**>(&opened.name)) != 0) return "has no " #name;
  TORCHLET_CUBLASLT_CALLS(X)
#undef X
  if (uv_dlsym(library, "cublasLtGetVersion", reinterpret_cast<void**>(&opened.cublasLtGetVersion)) != 0)
    return "has no cublasLtGetVersion";
  *version = opened.cublasLtGetVersion();
  const size_t major = *version / kVersionsPerMajor;
  if (major < kOldestMajor) return "is of CUDA " + std::to_string(major) + ", and 12 or later is needed";
  return tooNewForDriver(static_cast<int>(major) * kCudaVersionsPerMajor);
}

}  // namespace

LibraryState openCublasLt(const std::vector<std::string>& files, bool named) {
  static OpenedLibrary library("libcublasLt.so", "TORCHLET_CUBLASLT", problemOf);
  return library.open(files, named);
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
