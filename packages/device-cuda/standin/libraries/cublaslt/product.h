// A product as it was described to the stand-in of cuBLASLt, once everything about it was checked: D = alpha op(A) op(B) + beta C, and a bias for each row. Column
// by column, as BLAS counts. product.cc checks and computes; algorithms.cc is the library's calls around it.
#pragma once
#include "objects.h"

namespace standin::cublaslt {

struct Matrix {
  u64 address = 0;
  u64 rows, columns;
  i64 leading, offset;
};

struct Product {
  u32 type;
  i32 computeType;
  bool transA, transB;
  u64 m, n, k;
  i32 batch;
  bool hasBias;
  Matrix matrices[4];  // A, B, C and D
  u64 bias = 0;
  double alpha = 1, beta = 0;
  u64 parts = 1;       // in which the sums are cut
  u64 workspace = 0, workspaceBytes = 0;
};

/// Reads a product from its objects. @return a status: what does not fit is refused with the reason
int readProduct(void* desc, void* const layouts[4], Product& product);
u64 widthOf(u32 type);
/// A number that products have in common that an algorithm can serve in turn.
u64 signatureOf(const Product& product);
/// Computes it, once all of it was found in memory. @throws Fault as a kernel does
void compute(const Product& product);

}  // namespace standin::cublaslt
