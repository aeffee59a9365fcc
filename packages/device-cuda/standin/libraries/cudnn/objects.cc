#include "objects.h"

#include <algorithm>
#include <cstdlib>

namespace standin::cudnn {
namespace {

library::Known<Handle> handles;
library::Known<Tensor> tensors;
library::Known<Filter> filters;
library::Known<Desc> descs;

template <class T>
int create(library::Known<T>& known, void** handle) {
  return known.create(handle) ? kSuccess : refuse(kBadParameter, "nowhere to put the handle");
}

template <class T>
int destroy(library::Known<T>& known, void* handle) {
  return known.destroy(handle) ? kSuccess : refuse(kBadParameter, "what is destroyed is not there");
}

bool isType(int type) { return type == kFloat || type == kDouble || type == kHalf || type == kBfloat16; }

/// Reads a list; false where it is not there or one of it is too small.
bool read(std::vector<int>& into, int count, const int* values, int least) {
  if (values == nullptr) return false;
  into.assign(values, values + count);
  return std::all_of(into.begin(), into.end(), [least](int value) { return value >= least; });
}

size_t versionOr(const char* variable, size_t version) {
  const char* given = std::getenv(variable);
  return given == nullptr ? version : std::strtoull(given, nullptr, 10);
}

/// Whether two positions are one element.
bool overlaps(const Tensor& tensor) {
  std::vector<std::pair<long, long>> walked;
  for (size_t i = 0; i < tensor.lengths.size(); i++)
    if (tensor.lengths[i] > 1) walked.emplace_back(tensor.strides[i], tensor.lengths[i]);
  std::sort(walked.begin(), walked.end());
  long extent = 1;
  for (const auto& [stride, length] : walked) {
    if (stride < extent) return true;
    extent += stride * (length - 1);
  }
  return false;
}

}  // namespace

Handle* handleOf(void* handle) { return handles.find(handle); }
Tensor* tensorOf(void* handle) { return tensors.find(handle); }
Filter* filterOf(void* handle) { return filters.find(handle); }
Desc* descOf(void* handle) { return descs.find(handle); }

LIBRARY_API size_t cudnnGetVersion() { return versionOr("TORCHLET_STANDIN_CUDNN_VERSION", 90100); }
LIBRARY_API size_t cudnnGetCudartVersion() { return versionOr("TORCHLET_STANDIN_CUDNN_CUDA", 12040); }

LIBRARY_API const char* cudnnGetErrorString(int status) {
  switch (status) {
    case kSuccess: return "CUDNN_STATUS_SUCCESS";
    case kNotInitialized: return "CUDNN_STATUS_NOT_INITIALIZED";
    case kBadParameter: return "CUDNN_STATUS_BAD_PARAM";
    case kNotSupported: return "CUDNN_STATUS_NOT_SUPPORTED";
    case kExecutionFailed: return "CUDNN_STATUS_EXECUTION_FAILED";
    default: return "CUDNN_UNKNOWN_STATUS";
  }
}

LIBRARY_API int cudnnCreate(void** handle) {
  ENTER("cudnnCreate");
  if (!library::hasContext()) return refuse(kNotInitialized, "no context is current");
  return create(handles, handle);
}

LIBRARY_API int cudnnDestroy(void* handle) {
  ENTER("cudnnDestroy");
  return destroy(handles, handle);
}

LIBRARY_API int cudnnSetStream(void* handle, void* stream) {
  ENTER("cudnnSetStream");
  Handle* object = handleOf(handle);
  if (object == nullptr) return refuse(kBadParameter, "the handle is not there");
  *object = {stream, true};
  return kSuccess;
}

LIBRARY_API int cudnnCreateTensorDescriptor(void** desc) {
  ENTER("cudnnCreateTensorDescriptor");
  return create(tensors, desc);
}

LIBRARY_API int cudnnDestroyTensorDescriptor(void* desc) {
  ENTER("cudnnDestroyTensorDescriptor");
  return destroy(tensors, desc);
}

LIBRARY_API int cudnnSetTensorNdDescriptor(void* handle, int type, int dims, const int* lengths, const int* strides) {
  ENTER("cudnnSetTensorNdDescriptor");
  Tensor* tensor = tensorOf(handle);
  if (tensor == nullptr) return refuse(kBadParameter, "the tensor is not there");
  Tensor made{type, {}, {}};
  if (!isType(type)) return refuse(kBadParameter, "a type of elements that is not known");
  if (dims < 4 || dims > 5) return refuse(kNotSupported, "tensors of " + std::to_string(dims) + " dims");
  if (!read(made.lengths, dims, lengths, 1) || !read(made.strides, dims, strides, 1)) return refuse(kBadParameter, "lengths or strides below 1");
  if (overlaps(made)) return refuse(kBadParameter, "a tensor whose elements overlap");
  *tensor = made;
  return kSuccess;
}

LIBRARY_API int cudnnCreateFilterDescriptor(void** desc) {
  ENTER("cudnnCreateFilterDescriptor");
  return create(filters, desc);
}

LIBRARY_API int cudnnDestroyFilterDescriptor(void* desc) {
  ENTER("cudnnDestroyFilterDescriptor");
  return destroy(filters, desc);
}

LIBRARY_API int cudnnSetFilterNdDescriptor(void* handle, int type, int format, int dims, const int* lengths) {
  ENTER("cudnnSetFilterNdDescriptor");
  Filter* filter = filterOf(handle);
  if (filter == nullptr) return refuse(kBadParameter, "the filter is not there");
  Filter made{type, {}};
  if (!isType(type)) return refuse(kBadParameter, "a type of elements that is not known");
  if (format != 0 || dims < 4 || dims > 5) return refuse(kNotSupported, "a filter of this format");
  if (!read(made.lengths, dims, lengths, 1)) return refuse(kBadParameter, "lengths below 1");
  *filter = made;
  return kSuccess;
}

LIBRARY_API int cudnnCreateConvolutionDescriptor(void** desc) {
  ENTER("cudnnCreateConvolutionDescriptor");
  return create(descs, desc);
}

LIBRARY_API int cudnnDestroyConvolutionDescriptor(void* desc) {
  ENTER("cudnnDestroyConvolutionDescriptor");
  return destroy(descs, desc);
}

LIBRARY_API int cudnnSetConvolutionNdDescriptor(void* handle, int dims, const int* padding, const int* stride, const int* dilation, int mode, int computeType) {
  ENTER("cudnnSetConvolutionNdDescriptor");
  Desc* desc = descOf(handle);
  if (desc == nullptr) return refuse(kBadParameter, "the convolution is not there");
  Desc made;
  made.computeType = computeType;
  made.isTurned = mode == 0;
  if (dims < 2 || dims > 3 || mode < 0 || mode > 1) return refuse(kNotSupported, "a convolution of this rank or mode");
  if (computeType != kFloat && computeType != kDouble) return refuse(kNotSupported, "a type of sums that is not known");
  if (!read(made.padding, dims, padding, 0)) return refuse(kBadParameter, "a padding below 0");
  if (!read(made.stride, dims, stride, 1) || !read(made.dilation, dims, dilation, 1)) return refuse(kBadParameter, "a stride or a dilation below 1");
  *desc = made;
  return kSuccess;
}

LIBRARY_API int cudnnSetConvolutionMathType(void* handle, int mathType) {
  ENTER("cudnnSetConvolutionMathType");
  Desc* desc = descOf(handle);
  if (desc == nullptr) return refuse(kBadParameter, "the convolution is not there");
  if (mathType != kDefaultMath && mathType != kTensorOpMath && mathType != kFmaMath) return refuse(kBadParameter, "a type of math that is not known");
  desc->mathType = mathType;
  return kSuccess;
}

LIBRARY_API int cudnnSetConvolutionGroupCount(void* handle, int groups) {
  ENTER("cudnnSetConvolutionGroupCount");
  Desc* desc = descOf(handle);
  if (desc == nullptr) return refuse(kBadParameter, "the convolution is not there");
  if (groups < 1) return refuse(kBadParameter, "fewer than one group");
  desc->groups = groups;
  return kSuccess;
}

}  // namespace standin::cudnn
