// The objects of the stand-in of cuDNN: what callers describe a convolution with. Handles are known by name; one that is not known, or was destroyed, is refused.
// Numbers are those of cudnn.h, statuses those of cuDNN 9. Read convolution.h next.
#pragma once
#include <string>
#include <vector>

#include "../known.h"

namespace standin::cudnn {

constexpr int kSuccess = 0, kNotInitialized = 1001, kBadParameter = 2000, kNotSupported = 3000, kExecutionFailed = 5000;
constexpr int kFloat = 0, kDouble = 1, kHalf = 2, kBfloat16 = 9;
constexpr int kDefaultMath = 0, kTensorOpMath = 1, kFmaMath = 3;

struct Handle {
  void* stream = nullptr;
  bool hasStream = false;
};

/// Of an image or an output. No lengths: not set yet.
struct Tensor {
  int type = 0;
  std::vector<int> lengths, strides;
};

struct Filter {
  int type = 0;
  std::vector<int> lengths;
};

struct Desc {
  std::vector<int> padding, stride, dilation;
  int computeType = 0;
  int mathType = kDefaultMath;
  int groups = 1;
  /// Whether windows meet the filter from its end on.
  bool isTurned = false;
};

/// The object of a handle. @return null where it is none of this type
Handle* handleOf(void* handle);
Tensor* tensorOf(void* handle);
Filter* filterOf(void* handle);
Desc* descOf(void* handle);

inline int refuse(int status, const std::string& why) { return library::refuse(status, why); }

#define ENTER(name)                                   \
  if (const int asked = library::enter(name)) return asked

}  // namespace standin::cudnn
