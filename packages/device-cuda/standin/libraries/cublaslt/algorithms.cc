// The calls that choose an algorithm and run it. An algorithm carries the signature of the product it was advised for, and serves no other.
#include <cstring>

#include "product.h"

namespace standin::cublaslt {
namespace {

constexpr u64 kMagic = 0x746f7263686c6574;
/// Sums of this many terms are cut in parts by the first algorithm, which needs room for them.
constexpr u64 kLongSum = 256;
constexpr u64 kParts = 4;
constexpr u32 kInComputeType = 2;

struct Algorithm {
  u64 magic, signature, workspaceBytes, parts;
  u32 alignment[4];
  u64 unused[2];
};
static_assert(sizeof(Algorithm) == 64);

struct Result {
  Algorithm algorithm;
  size_t workspaceSize;
  int state;
  float waves;
  int reserved[4];
};
static_assert(sizeof(Result) == 96);

double scaleOf(const void* value, u32 type) {
  double wide;
  float narrow;
  std::memcpy(type == 1 ? static_cast<void*>(&wide) : &narrow, value, type == 1 ? 8 : 4);
  return type == 1 ? wide : static_cast<double>(narrow);
}

bool isPower(u32 value) { return value != 0 && (value & (value - 1)) == 0; }

}  // namespace

LIBRARY_API int cublasLtMatmulAlgoGetHeuristic(void* handle, void* desc, void* a, void* b, void* c, void* d, void* given, int requested, void* results, int* found) {
  if (const int asked = library::enter("cublasLtMatmulAlgoGetHeuristic")) return asked;
  const Preference* preference = preferenceOf(given);
  if (handleOf(handle) == nullptr) return refuse(kNotInitialized, "the handle is not there");
  if (preference == nullptr || results == nullptr || found == nullptr || requested < 1) return refuse(kInvalidValue, "arguments of the heuristic");
  *found = 0;
  Product product;
  void* const layouts[4] = {a, b, c, d};
  if (const int status = readProduct(desc, layouts, product)) return status;
  for (u32 alignment : preference->alignment) {
    if (!isPower(alignment) || alignment < widthOf(product.type)) return refuse(kInvalidValue, "an alignment that elements do not have");
  }
  auto* all = static_cast<Result*>(results);
  const u64 room = kParts * product.m * product.n * static_cast<u64>(product.batch) * 4;
  const bool cuts = product.k >= kLongSum && room <= preference->workspaceBytes && (preference->schemes & kInComputeType) != 0;
  for (const bool cut : {true, false}) {
    if ((cut && !cuts) || *found == requested) continue;
    Result result{};
    result.algorithm = {kMagic, signatureOf(product), cut ? room : 0, cut ? kParts : 1, {}, {}};
    std::memcpy(result.algorithm.alignment, preference->alignment, sizeof preference->alignment);
    result.workspaceSize = result.algorithm.workspaceBytes;
    result.waves = 1;
    all[(*found)++] = result;
  }
  return kSuccess;
}

LIBRARY_API int cublasLtMatmul(void* handle, void* desc, const void* alpha, const void* a, void* layoutA, const void* b, void* layoutB, const void* beta, const void* c, void* layoutC,
                              void* d, void* layoutD, const void* algo, void* workspace, size_t workspaceBytes, void* stream) {
  if (const int asked = library::enter("cublasLtMatmul")) return asked;
  if (handleOf(handle) == nullptr) return refuse(kNotInitialized, "the handle is not there");
  if (alpha == nullptr || beta == nullptr || algo == nullptr) return refuse(kInvalidValue, "no alpha, beta or algorithm");
  Product product;
  void* const layouts[4] = {layoutA, layoutB, layoutC, layoutD};
  if (const int status = readProduct(desc, layouts, product)) return status;
  Algorithm algorithm;
  std::memcpy(&algorithm, algo, sizeof algorithm);
  if (algorithm.magic != kMagic || algorithm.signature != signatureOf(product)) return refuse(kInvalidValue, "an algorithm for another product");
  if (workspaceBytes < algorithm.workspaceBytes) return refuse(kInvalidValue, "a workspace that is too small");
  product.workspace = reinterpret_cast<u64>(workspace);
  product.workspaceBytes = algorithm.workspaceBytes;
  product.parts = algorithm.parts;
  if (product.workspaceBytes > 0 && (product.workspace == 0 || product.workspace % 256 != 0)) return refuse(kInvalidValue, "a workspace that is not aligned");
  const void* const addresses[4] = {a, b, c, d};
  for (int i = 0; i < 4; i++) {
    const u64 address = reinterpret_cast<u64>(addresses[i]);
    if (address == 0 || address % algorithm.alignment[i] != 0) return refuse(kInvalidValue, "an address that is not aligned as was said");
    product.matrices[i].address = address;
  }
  product.alpha = scaleOf(alpha, product.type);
  product.beta = scaleOf(beta, product.type);
  const Matrix &inC = product.matrices[2], &inD = product.matrices[3];
  if (product.beta != 0 && c == d && (inC.leading != inD.leading || inC.offset != inD.offset)) return refuse(kInvalidValue, "C in place of D, but laid out otherwise");
  const int code = library::submit(stream, [product] { compute(product); });
  return code == 0 ? kSuccess : refuse(kExecutionFailed, "the driver did not take it: " + std::to_string(code));
}

}  // namespace standin::cublaslt
