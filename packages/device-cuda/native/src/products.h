// Matrix products by cuBLASLt on one card: the library's handle, and a plan for each product that was asked for (its layouts and the algorithm that the
// library advised), made once and kept. Owns both; which products are asked for is TypeScript's. A plan is tried when it is made, so that a product that the
// library cannot do after all is known before a program relies on it.
#pragma once
#include "cublaslt.h"
#include "plans.h"

// A product as the library sees it, column by column: D = alpha * op(A) op(B) + beta * C, and the epilogue. Decoded from numbers in this order.
struct ProductShape {
  int type, computeType;
  uint64_t m, n, k;
  bool transA, transB;
  // Of A, B, C and D: elements from column to column, and from matrix to matrix of a batch, and what their addresses are multiples of.
  int64_t leading[4];
  int32_t batch;
  int64_t batchOffset[4];
  uint32_t alignment[4];
  uint32_t epilogue;
  double alpha, beta;

  static constexpr size_t kNumbers = 23;
  explicit ProductShape(const double* numbers);
  bool hasBias() const { return (epilogue & cublaslt::kEpilogueBias) != 0; }
};

class Products {
 public:
  Products() = default;
  Products(const Products&) = delete;
  Products& operator=(const Products&) = delete;
  Failure start();
  // Where the library works: memory that stays, as graphs keep its address.
  void workIn(CUdeviceptr workspace, size_t bytes);
  // The number of the plan for a product; -1 where the library has no algorithm that does it.
  int plan(const double* numbers, CUstream stream);
  size_t plans() const { return plans_.size(); }
  // Addresses a plan takes: A, B, C, D, and the bias of a plan that has one.
  size_t addressesOf(size_t plan) const;
  Failure run(size_t plan, const CUdeviceptr* addresses, CUstream stream);
  // Gives everything back. Failures are passed over: this is the end.
  void clear();

  const PlanCounts& counts() const { return plans_.counts; }

 private:
  struct Plan {
    explicit Plan(const ProductShape& given) : shape(given) {}
    ~Plan();
    ProductShape shape;
    cublasLtMatmulDesc desc = nullptr;
    cublasLtMatrixLayout layouts[4] = {};
    cublasLtMatmulAlgo algo{};
  };

  cublasStatus describe(Plan& plan);
  cublasStatus advise(Plan& plan, std::vector<cublasLtMatmulHeuristicResult>* results);
  cublasStatus submit(Plan& plan, const CUdeviceptr* addresses, CUstream stream);
  bool works(Plan& plan, CUstream stream);

  cublasLtHandle handle_ = nullptr;
  CUdeviceptr workspace_ = 0;
  size_t workspaceBytes_ = 0;
  Plans<Plan> plans_;
};
