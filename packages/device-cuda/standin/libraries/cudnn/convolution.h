// A convolution as it was described to the stand-in of cuDNN, once everything about it was checked: which output an image and a filter give, or which filter or
// image the gradient of an output. convolution.cc checks and computes; algorithms.cc is the library's calls around it.
#pragma once
#include "objects.h"

namespace standin::cudnn {

enum class Computes { output, filter, image };

struct Convolution {
  int type = 0, computeType = 0, mathType = 0, groups = 1;
  Computes computes = Computes::output;
  bool isTurned = false;
  Tensor image, output;
  std::vector<int> filter;
  std::vector<int> padding, stride, dilation;
  u64 imageAddress = 0, outputAddress = 0, filterAddress = 0;
  double alpha = 1, beta = 0;
  u64 parts = 1;  // in which the sums are cut
  u64 workspace = 0, workspaceBytes = 0;
};

/// Reads a convolution from its objects. @return a status: what does not fit is refused with the reason
int readConvolution(void* image, void* filter, void* desc, void* output, Convolution& convolution);
u64 widthOf(int type);
/// Computes it, once all of it was found in memory. @throws Fault as a kernel does
void compute(const Convolution& convolution);

}  // namespace standin::cudnn
