// The objects of the stand-in of cuBLASLt: what callers describe a product with. Handles are known by name; one that is not known, or was destroyed, is refused.
// Numbers are those of cublasLt.h. Read product.h next.
#pragma once
#include <string>

#include "../known.h"

namespace standin::cublaslt {

constexpr int kSuccess = 0, kNotInitialized = 1, kAllocFailed = 3, kInvalidValue = 7, kExecutionFailed = 13, kNotSupported = 15;

struct Handle {};

struct Desc {
  i32 computeType, scaleType;
  i32 transA = 0, transB = 0;
  u32 epilogue = 1;
  u64 bias = 0;
};

struct Layout {
  u32 type;
  u64 rows, columns;
  i64 leading;
  i32 batch = 1;
  i64 offset = 0;
};

struct Preference {
  u64 workspaceBytes = 0;
  u32 schemes = ~0u;
  u32 alignment[4] = {256, 256, 256, 256};
};

/// The object of a handle. @return null where it is none of this type
Handle* handleOf(void* handle);
Desc* descOf(void* handle);
Layout* layoutOf(void* handle);
Preference* preferenceOf(void* handle);

inline int refuse(int status, const std::string& why) { return library::refuse(status, why); }

}  // namespace standin::cublaslt
