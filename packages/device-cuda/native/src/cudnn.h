// cuDNN's calls that Torchlet uses, as one table, and the library they come from: opened at run time where it is found. Owns types, constants and versions; where it
// may lie is TypeScript's (`src/libraries/find-library.ts`), what is done with the calls is `convolutions.h`. No CUDA header is needed: these are the calls that
// cuDNN 8 and 9 have in common.
#pragma once
#include "driver.h"
#include "open-library.h"

using cudnnStatus = int;
using cudnnHandle = void*;
using cudnnTensorDesc = void*;
using cudnnFilterDesc = void*;
using cudnnConvolutionDesc = void*;

// What the library expects of an algorithm, whatever it computes.
struct cudnnAlgoPerf {
  int algo;
  cudnnStatus status;
  float time;
  size_t memory;
  int determinism;
  int mathType;
  int reserved[3];
};

// As cudnn.h of 8 and 9 numbers them.
namespace cudnn {
constexpr int kRowByRow = 0, kDeterministic = 1, kDouble = 1;
// Algorithms that are sums of products: those by Fourier transforms and Winograd's make NaN of more than what reads an infinity.
constexpr int kOutputAlgorithms[] = {0, 1, 2}, kFilterAlgorithms[] = {1}, kImageAlgorithms[] = {1};
}  // namespace cudnn

// name, argument types.
#define TORCHLET_CUDNN_CALLS(X)                                                                                               \
  X(cudnnCreate, (cudnnHandle * handle))                                                                                      \
  X(cudnnDestroy, (cudnnHandle handle))                                                                                       \
  X(cudnnSetStream, (cudnnHandle handle, CUstream stream))                                                                    \
  X(cudnnCreateTensorDescriptor, (cudnnTensorDesc * desc))                                                                    \
  X(cudnnSetTensorNdDescriptor, (cudnnTensorDesc desc, int type, int dims, const int* lengths, const int* strides))           \
  X(cudnnDestroyTensorDescriptor, (cudnnTensorDesc desc))                                                                     \
  X(cudnnCreateFilterDescriptor, (cudnnFilterDesc * desc))                                                                    \
  X(cudnnSetFilterNdDescriptor, (cudnnFilterDesc desc, int type, int format, int dims, const int* lengths))                   \
  X(cudnnDestroyFilterDescriptor, (cudnnFilterDesc desc))                                                                     \
  X(cudnnCreateConvolutionDescriptor, (cudnnConvolutionDesc * desc))                                                          \
  X(cudnnSetConvolutionNdDescriptor, (cudnnConvolutionDesc desc, int dims, const int* padding, const int* stride,             \
                                      const int* dilation, int mode, int computeType))                                        \
  X(cudnnSetConvolutionMathType, (cudnnConvolutionDesc desc, int mathType))                                                   \
  X(cudnnSetConvolutionGroupCount, (cudnnConvolutionDesc desc, int groups))                                                   \
  X(cudnnDestroyConvolutionDescriptor, (cudnnConvolutionDesc desc))                                                           \
  X(cudnnGetConvolutionForwardAlgorithm_v7,                                                                                   \
    (cudnnHandle handle, cudnnTensorDesc x, cudnnFilterDesc w, cudnnConvolutionDesc desc, cudnnTensorDesc y, int requested,   \
     int* found, cudnnAlgoPerf* results))                                                                                     \
  X(cudnnGetConvolutionForwardWorkspaceSize, (cudnnHandle handle, cudnnTensorDesc x, cudnnFilterDesc w,                       \
                                              cudnnConvolutionDesc desc, cudnnTensorDesc y, int algo, size_t* bytes))         \
  X(cudnnConvolutionForward,                                                                                                  \
    (cudnnHandle handle, const void* alpha, cudnnTensorDesc xDesc, const void* x, cudnnFilterDesc wDesc, const void* w,       \
     cudnnConvolutionDesc desc, int algo, void* workspace, size_t workspaceBytes, const void* beta, cudnnTensorDesc yDesc,    \
     void* y))                                                                                                                \
  X(cudnnGetConvolutionBackwardFilterAlgorithm_v7,                                                                            \
    (cudnnHandle handle, cudnnTensorDesc x, cudnnTensorDesc dy, cudnnConvolutionDesc desc, cudnnFilterDesc dw, int requested, \
     int* found, cudnnAlgoPerf* results))                                                                                     \
  X(cudnnGetConvolutionBackwardFilterWorkspaceSize, (cudnnHandle handle, cudnnTensorDesc x, cudnnTensorDesc dy,               \
                                                     cudnnConvolutionDesc desc, cudnnFilterDesc dw, int algo, size_t* bytes)) \
  X(cudnnConvolutionBackwardFilter,                                                                                           \
    (cudnnHandle handle, const void* alpha, cudnnTensorDesc xDesc, const void* x, cudnnTensorDesc dyDesc, const void* dy,     \
     cudnnConvolutionDesc desc, int algo, void* workspace, size_t workspaceBytes, const void* beta, cudnnFilterDesc dwDesc,   \
     void* dw))                                                                                                              \
  X(cudnnGetConvolutionBackwardDataAlgorithm_v7,                                                                              \
    (cudnnHandle handle, cudnnFilterDesc w, cudnnTensorDesc dy, cudnnConvolutionDesc desc, cudnnTensorDesc dx, int requested, \
     int* found, cudnnAlgoPerf* results))                                                                                     \
  X(cudnnGetConvolutionBackwardDataWorkspaceSize, (cudnnHandle handle, cudnnFilterDesc w, cudnnTensorDesc dy,                 \
                                                   cudnnConvolutionDesc desc, cudnnTensorDesc dx, int algo, size_t* bytes))   \
  X(cudnnConvolutionBackwardData,                                                                                             \
    (cudnnHandle handle, const void* alpha, cudnnFilterDesc wDesc, const void* w, cudnnTensorDesc dyDesc, const void* dy,     \
     cudnnConvolutionDesc desc, int algo, void* workspace, size_t workspaceBytes, const void* beta, cudnnTensorDesc dxDesc,   \
     void* dx))

struct Cudnn {
#define X(name, arguments) cudnnStatus(*name) arguments = nullptr;
  TORCHLET_CUDNN_CALLS(X)
#undef X
  size_t (*cudnnGetVersion)() = nullptr;
  // The version of CUDA that it was made with.
  size_t (*cudnnGetCudartVersion)() = nullptr;
  const char* (*cudnnGetErrorString)(cudnnStatus status) = nullptr;
};

LibraryState openCudnn(const std::vector<std::string>& files, bool named);

// The library, once `openCudnn` found one.
const Cudnn& cudnnCalls();

// The name of a status: 8 and 9 number them differently.
const char* cudnnStatusName(cudnnStatus status);

// Whether a status says that the library does not do what was asked of it.
bool isCudnnRefusal(cudnnStatus status);
