#include "cudnn.h"

namespace {

Cudnn opened;

constexpr size_t kOldest = 8000;
constexpr size_t kOldPerMajor = 1000;
// From 9 on statuses come in thousands: bad parameters from 2000 on, and what is not supported from 3000 on.
constexpr cudnnStatus kBadParameters = 2000, kInternalErrors = 4000;
constexpr cudnnStatus kOldBadParameter = 3, kOldInvalidValue = 5, kOldArchitectureMismatch = 6, kOldNotSupported = 9;

std::string problemOf(uv_lib_t* library, size_t* version) {
#define X(name) \
  if (uv_dlsym(library, #name, reinterpret_cast<void**>(&opened.name)) != 0) return "has no " #name;
#define Y(name, arguments) X(name)
  TORCHLET_CUDNN_CALLS(Y)
  X(cudnnGetVersion) X(cudnnGetCudartVersion) X(cudnnGetErrorString)
#undef X
#undef Y
  *version = opened.cudnnGetVersion();
  if (*version < kOldest) return "is cuDNN " + std::to_string(*version / kOldPerMajor) + ", and 8 or later is needed";
  return tooNewForDriver(static_cast<int>(opened.cudnnGetCudartVersion()));
}

}  // namespace

LibraryState openCudnn(const std::vector<std::string>& files, bool named) {
  static OpenedLibrary library("libcudnn.so", "TORCHLET_CUDNN", problemOf);
  return library.open(files, named);
}

const Cudnn& cudnnCalls() { return opened; }

const char* cudnnStatusName(cudnnStatus status) {
  return opened.cudnnGetErrorString == nullptr ? "an unknown status of cuDNN" : opened.cudnnGetErrorString(status);
}

bool isCudnnRefusal(cudnnStatus status) {
  return status == kOldBadParameter || status == kOldInvalidValue || status == kOldArchitectureMismatch ||
         status == kOldNotSupported || (status >= kBadParameters && status < kInternalErrors);
}
