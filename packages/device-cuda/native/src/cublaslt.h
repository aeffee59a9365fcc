// cuBLASLt's calls that Torchlet uses, as one table, and the library they come from: opened at run time where it is found. Owns types, constants and versions;
// where it may lie is TypeScript's (`src/libraries/find-library.ts`), what is done with the calls is `products.h`. No CUDA header is needed.
#pragma once
#include <cstdint>

#include "driver.h"
#include "open-library.h"

using cublasStatus = int;
using cublasLtHandle = void*;
using cublasLtMatmulDesc = void*;
using cublasLtMatrixLayout = void*;
using cublasLtMatmulPreference = void*;

struct cublasLtMatmulAlgo {
  uint64_t data[8];
};

struct cublasLtMatmulHeuristicResult {
  cublasLtMatmulAlgo algo;
  size_t workspaceSize;
  cublasStatus state;
  float wavesCount;
  int reserved[4];
};

// Attributes, as cublasLt.h of CUDA 12 and 13 numbers them.
namespace cublaslt {
constexpr int kDescTransA = 3, kDescTransB = 4, kDescEpilogue = 7, kDescBiasPointer = 8;
constexpr int kLayoutBatchCount = 5, kLayoutBatchOffset = 6;
constexpr int kPreferenceWorkspaceBytes = 1, kPreferenceReductionSchemes = 3;
// Of A; those of B, C and D follow.
constexpr int kPreferenceAlignment = 5;
constexpr int32_t kOperationNone = 0, kOperationTranspose = 1;
constexpr uint32_t kEpilogueDefault = 1, kEpilogueBias = 4;
// Parts of a sum that was cut are added in the type that they were summed in, never as halves.
constexpr uint32_t kReduceInComputeType = 2;
constexpr int kReal64 = 1, kCompute64 = 70, kReal32 = 0;
}  // namespace cublaslt

// name, argument types.
#define TORCHLET_CUBLASLT_CALLS(X)                                                                                            \
  X(cublasLtCreate, (cublasLtHandle * handle))                                                                                \
  X(cublasLtDestroy, (cublasLtHandle handle))                                                                                 \
  X(cublasLtMatmulDescCreate, (cublasLtMatmulDesc * desc, int computeType, int scaleType))                                    \
  X(cublasLtMatmulDescDestroy, (cublasLtMatmulDesc desc))                                                                     \
  X(cublasLtMatmulDescSetAttribute, (cublasLtMatmulDesc desc, int attribute, const void* value, size_t bytes))                \
  X(cublasLtMatrixLayoutCreate, (cublasLtMatrixLayout * layout, int type, uint64_t rows, uint64_t columns, int64_t leading))  \
  X(cublasLtMatrixLayoutDestroy, (cublasLtMatrixLayout layout))                                                               \
  X(cublasLtMatrixLayoutSetAttribute, (cublasLtMatrixLayout layout, int attribute, const void* value, size_t bytes))          \
  X(cublasLtMatmulPreferenceCreate, (cublasLtMatmulPreference * preference))                                                  \
  X(cublasLtMatmulPreferenceDestroy, (cublasLtMatmulPreference preference))                                                   \
  X(cublasLtMatmulPreferenceSetAttribute, (cublasLtMatmulPreference preference, int attribute, const void* value, size_t bytes)) \
  X(cublasLtMatmulAlgoGetHeuristic,                                                                                           \
    (cublasLtHandle handle, cublasLtMatmulDesc desc, cublasLtMatrixLayout a, cublasLtMatrixLayout b, cublasLtMatrixLayout c,  \
     cublasLtMatrixLayout d, cublasLtMatmulPreference preference, int requested, cublasLtMatmulHeuristicResult * results,     \
     int* found))                                                                                                             \
  X(cublasLtMatmul,                                                                                                           \
    (cublasLtHandle handle, cublasLtMatmulDesc desc, const void* alpha, const void* a, cublasLtMatrixLayout aLayout,          \
     const void* b, cublasLtMatrixLayout bLayout, const void* beta, const void* c, cublasLtMatrixLayout cLayout, void* d,     \
     cublasLtMatrixLayout dLayout, const cublasLtMatmulAlgo* algo, void* workspace, size_t workspaceBytes, CUstream stream))

struct CublasLt {
#define X(name, arguments) cublasStatus(*name) arguments = nullptr;
  TORCHLET_CUBLASLT_CALLS(X)
#undef X
  size_t (*cublasLtGetVersion)() = nullptr;
};

LibraryState openCublasLt(const std::vector<std::string>& files, bool named);

// The library, once `openCublasLt` found one.
const CublasLt& cublasLt();

// The name of a status.
const char* cublasStatusName(cublasStatus status);
