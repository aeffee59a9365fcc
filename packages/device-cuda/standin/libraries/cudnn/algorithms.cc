// The calls that choose an algorithm and run it. Of those that are advised, some are not what a careful caller takes: one by Winograd's transforms, and one whose
// sums come in another order each time.
#include <cstring>

#include "convolution.h"

namespace standin::cudnn {
namespace {

struct Algorithm {
  int number;
  bool isDeterministic, isSum;
  /// In which the sums are cut; each needs room for a filter or an output.
  u64 parts;
};
constexpr Algorithm kOutputAlgorithms[] = {{6, true, false, 1}, {1, true, true, 2}, {0, true, true, 1}};
constexpr Algorithm kFilterAlgorithms[] = {{0, false, true, 1}, {1, true, true, 2}};
constexpr Algorithm kImageAlgorithms[] = {{4, true, false, 1}, {0, false, true, 1}, {1, true, true, 2}};

struct Result {
  int number, status;
  float time;
  size_t memory;
  int determinism, mathType, reserved[3];
};
static_assert(sizeof(Result) == 48);

u64 roomFor(const Convolution& c, const Algorithm& algorithm) {
  if (algorithm.parts == 1) return 0;
  u64 elements = 1;
  const bool isImage = c.computes == Computes::image;
  for (int length : c.computes == Computes::filter ? c.filter : isImage ? c.image.lengths : c.output.lengths) elements *= static_cast<u64>(length);
  return elements * algorithm.parts * 4;
}

const Algorithm* algorithmOf(const Convolution& c, int number) {
  const auto among = [number](const auto& list) -> const Algorithm* {
    for (const Algorithm& each : list)
      if (each.number == number) return &each;
    return nullptr;
  };
  if (c.computes == Computes::filter) return among(kFilterAlgorithms);
  return c.computes == Computes::image ? among(kImageAlgorithms) : among(kOutputAlgorithms);
}

int advise(void* handle, Convolution& c, int requested, int* found, Result* results) {
  if (handleOf(handle) == nullptr) return refuse(kBadParameter, "the handle is not there");
  if (requested < 1 || found == nullptr || results == nullptr) return refuse(kBadParameter, "nowhere to put algorithms");
  *found = 0;
  const auto give = [&](const auto& list) {
    for (const Algorithm& each : list) {
      if (*found == requested) return;
      results[(*found)++] = {each.number, kSuccess, -1, roomFor(c, each), each.isDeterministic ? 1 : 0, c.mathType, {}};
    }
  };
  if (c.computes == Computes::filter) give(kFilterAlgorithms);
  else if (c.computes == Computes::image) give(kImageAlgorithms);
  else give(kOutputAlgorithms);
  return kSuccess;
}

int measure(void* handle, const Convolution& c, int number, size_t* bytes) {
  const Algorithm* algorithm = algorithmOf(c, number);
  if (handleOf(handle) == nullptr || bytes == nullptr) return refuse(kBadParameter, "no handle, or nowhere to put the size");
  if (algorithm == nullptr) return refuse(kNotSupported, "an algorithm that is not known");
  *bytes = roomFor(c, *algorithm);
  return kSuccess;
}

double scaleOf(const void* value, int type) {
  double wide;
  float narrow;
  std::memcpy(type == kDouble ? static_cast<void*>(&wide) : &narrow, value, type == kDouble ? 8 : 4);
  return type == kDouble ? wide : static_cast<double>(narrow);
}

struct Given {
  const void *alpha, *beta;
  const void *image, *filter, *output;
  int algorithm;
  void* workspace;
  size_t workspaceBytes;
};

int submit(void* handle, Convolution& c, const Given& given) {
  Handle* known = handleOf(handle);
  const Algorithm* algorithm = algorithmOf(c, given.algorithm);
  if (known == nullptr || !known->hasStream) return refuse(kBadParameter, "no handle, or one that was given no stream");
  if (given.alpha == nullptr || given.beta == nullptr) return refuse(kBadParameter, "no alpha or beta");
  if (algorithm == nullptr) return refuse(kNotSupported, "an algorithm that is not known");
  if (!algorithm->isSum || !algorithm->isDeterministic) return refuse(kExecutionFailed, "an algorithm that does not give what is meant");
  const u64 room = roomFor(c, *algorithm);
  const u64 workspace = reinterpret_cast<u64>(given.workspace);
  if (given.workspaceBytes < room) return refuse(kBadParameter, "a workspace that is too small");
  if (room > 0 && (workspace == 0 || workspace % 256 != 0)) return refuse(kBadParameter, "a workspace that is not aligned");
  for (const void* address : {given.image, given.filter, given.output})
    if (address == nullptr || reinterpret_cast<u64>(address) % 16 != 0) return refuse(kBadParameter, "an address that is not aligned to 16 bytes");
  c.imageAddress = reinterpret_cast<u64>(given.image);
  c.filterAddress = reinterpret_cast<u64>(given.filter);
  c.outputAddress = reinterpret_cast<u64>(given.output);
  c.alpha = scaleOf(given.alpha, c.computeType);
  c.beta = scaleOf(given.beta, c.computeType);
  c.parts = algorithm->parts;
  c.workspace = workspace;
  c.workspaceBytes = room;
  const int code = library::submit(known->stream, [c] { compute(c); });
  return code == 0 ? kSuccess : refuse(kExecutionFailed, "the driver did not take it: " + std::to_string(code));
}

}  // namespace

LIBRARY_API int cudnnGetConvolutionForwardAlgorithm_v7(void* handle, void* x, void* w, void* desc, void* y, int requested, int* found, void* results) {
  ENTER("cudnnGetConvolutionForwardAlgorithm_v7");
  Convolution c;
  if (const int status = readConvolution(x, w, desc, y, c)) return status;
  return advise(handle, c, requested, found, static_cast<Result*>(results));
}

LIBRARY_API int cudnnGetConvolutionBackwardFilterAlgorithm_v7(void* handle, void* x, void* dy, void* desc, void* dw, int requested, int* found, void* results) {
  ENTER("cudnnGetConvolutionBackwardFilterAlgorithm_v7");
  Convolution c;
  c.computes = Computes::filter;
  if (const int status = readConvolution(x, dw, desc, dy, c)) return status;
  return advise(handle, c, requested, found, static_cast<Result*>(results));
}

LIBRARY_API int cudnnGetConvolutionForwardWorkspaceSize(void* handle, void* x, void* w, void* desc, void* y, int algorithm, size_t* bytes) {
  ENTER("cudnnGetConvolutionForwardWorkspaceSize");
  Convolution c;
  if (const int status = readConvolution(x, w, desc, y, c)) return status;
  return measure(handle, c, algorithm, bytes);
}

LIBRARY_API int cudnnGetConvolutionBackwardFilterWorkspaceSize(void* handle, void* x, void* dy, void* desc, void* dw, int algorithm, size_t* bytes) {
  ENTER("cudnnGetConvolutionBackwardFilterWorkspaceSize");
  Convolution c;
  c.computes = Computes::filter;
  if (const int status = readConvolution(x, dw, desc, dy, c)) return status;
  return measure(handle, c, algorithm, bytes);
}

LIBRARY_API int cudnnConvolutionForward(void* handle, const void* alpha, void* xDesc, const void* x, void* wDesc, const void* w, void* desc, int algorithm, void* workspace, size_t workspaceBytes,
                                        const void* beta, void* yDesc, void* y) {
  ENTER("cudnnConvolutionForward");
  Convolution c;
  if (const int status = readConvolution(xDesc, wDesc, desc, yDesc, c)) return status;
  return submit(handle, c, {alpha, beta, x, w, y, algorithm, workspace, workspaceBytes});
}

LIBRARY_API int cudnnConvolutionBackwardFilter(void* handle, const void* alpha, void* xDesc, const void* x, void* dyDesc, const void* dy, void* desc, int algorithm, void* workspace,
                                               size_t workspaceBytes, const void* beta, void* dwDesc, void* dw) {
  ENTER("cudnnConvolutionBackwardFilter");
  Convolution c;
  c.computes = Computes::filter;
  if (const int status = readConvolution(xDesc, dwDesc, desc, dyDesc, c)) return status;
  return submit(handle, c, {alpha, beta, x, dw, dy, algorithm, workspace, workspaceBytes});
}

LIBRARY_API int cudnnGetConvolutionBackwardDataAlgorithm_v7(void* handle, void* w, void* dy, void* desc, void* dx, int requested, int* found, void* results) {
  ENTER("cudnnGetConvolutionBackwardDataAlgorithm_v7");
  Convolution c;
  c.computes = Computes::image;
  if (const int status = readConvolution(dx, w, desc, dy, c)) return status;
  return advise(handle, c, requested, found, static_cast<Result*>(results));
}

LIBRARY_API int cudnnGetConvolutionBackwardDataWorkspaceSize(void* handle, void* w, void* dy, void* desc, void* dx, int algorithm, size_t* bytes) {
  ENTER("cudnnGetConvolutionBackwardDataWorkspaceSize");
  Convolution c;
  c.computes = Computes::image;
  if (const int status = readConvolution(dx, w, desc, dy, c)) return status;
  return measure(handle, c, algorithm, bytes);
}

LIBRARY_API int cudnnConvolutionBackwardData(void* handle, const void* alpha, void* wDesc, const void* w, void* dyDesc, const void* dy, void* desc, int algorithm, void* workspace,
                                             size_t workspaceBytes, const void* beta, void* dxDesc, void* dx) {
  ENTER("cudnnConvolutionBackwardData");
  Convolution c;
  c.computes = Computes::image;
  if (const int status = readConvolution(dxDesc, wDesc, desc, dyDesc, c)) return status;
  if (c.isTurned) return refuse(kNotSupported, "a gradient of an image by a filter that is turned");
  return submit(handle, c, {alpha, beta, dx, w, dy, algorithm, workspace, workspaceBytes});
}

}  // namespace standin::cudnn
