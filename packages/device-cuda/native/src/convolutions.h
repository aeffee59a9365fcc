// Convolutions by cuDNN on one card: the library's handle, and a plan for each convolution that was asked for (its descriptions and an algorithm), made once and
// kept. Owns both; which convolutions are asked for is TypeScript's. A plan is tried when it is made, as products are.
#pragma once
#include "cudnn.h"
#include "plans.h"

// A convolution as the library sees it: an image, a filter that lies row by row, and an output. Decoded from numbers in this order.
struct ConvolutionShape {
  int type, computeType, mathType, mode;
  // Which of the three is computed from the other two.
  enum class Computes { output = 0, filter = 1, image = 2 };
  Computes computes;
  int groups;
  double alpha;
  std::vector<int> imageLengths, imageStrides, filterLengths, outputLengths, outputStrides;
  std::vector<int> padding, stride, dilation;

  // False where the numbers are not those of a convolution.
  bool read(const double* numbers, size_t count);
};

class Convolutions {
 public:
  Convolutions() = default;
  Convolutions(const Convolutions&) = delete;
  Convolutions& operator=(const Convolutions&) = delete;
  Failure start(CUstream stream);
  // Where the library works: memory that stays, as graphs keep its address.
  void workIn(CUdeviceptr workspace, size_t bytes);
  // The number of the plan for a convolution; -1 where the library has no algorithm that does it.
  int plan(const double* numbers, size_t count, CUstream stream);
  size_t plans() const { return plans_.size(); }
  // What a plan takes: the image (or the gradient of an output, where the image is computed), what it is convolved with, and the result.
  static constexpr size_t kAddresses = 3;
  Failure run(size_t plan, const CUdeviceptr* addresses);
  // Gives everything back. Failures are passed over: this is the end.
  void clear();

  const PlanCounts& counts() const { return plans_.counts; }

 private:
  struct Plan {
    ~Plan();
    ConvolutionShape shape;
    struct {
      cudnnTensorDesc image = nullptr;
      cudnnTensorDesc output = nullptr;
      cudnnFilterDesc filter = nullptr;
      cudnnConvolutionDesc convolution = nullptr;
    } descs;
    int algo = 0;
    size_t workspaceBytes = 0;
  };

  cudnnStatus describe(Plan& plan);
  cudnnStatus advise(Plan& plan, std::vector<cudnnAlgoPerf>* results);
  cudnnStatus measure(Plan& plan);
  cudnnStatus submit(Plan& plan, const CUdeviceptr* addresses);
  bool works(Plan& plan, CUstream stream);

  cudnnHandle handle_ = nullptr;
  CUdeviceptr workspace_ = 0;
  size_t workspaceBytes_ = 0;
  Plans<Plan> plans_;
};
