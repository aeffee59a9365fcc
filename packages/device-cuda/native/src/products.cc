#include "products.h"

namespace {

// Algorithms that are asked for, best first, should the best not work.
constexpr int kAdvised = 4;
// Between the addresses that a product is tried with.
constexpr CUdeviceptr kApart = 4096;
// Statuses by which the library says that it does not do a product.
constexpr cublasStatus kInvalidValueStatus = 7, kArchitectureMismatch = 8, kNotSupported = 15;

#define TRY_CUBLASLT(call)                       \
  do {                                           \
    if (cublasStatus status_ = (call)) return status_; \
  } while (false)

template <typename T>
cublasStatus setDesc(cublasLtMatmulDesc desc, int attribute, const T& value) {
  return cublasLt().cublasLtMatmulDescSetAttribute(desc, attribute, &value, sizeof value);
}

template <typename T>
cublasStatus setLayout(cublasLtMatrixLayout layout, int attribute, const T& value) {
  return cublasLt().cublasLtMatrixLayoutSetAttribute(layout, attribute, &value, sizeof value);
}

template <typename T>
cublasStatus setPreference(cublasLtMatmulPreference preference, int attribute, const T& value) {
  return cublasLt().cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value);
}

Failure failed(const char* call, cublasStatus status) {
  return status == 0 ? Failure{} : Failure{kLibraryStatuses + status, call, {}, -1, false};
}

}  // namespace

ProductShape::ProductShape(const double* numbers) {
  const double* at = numbers;
  type = static_cast<int>(*at++);
  computeType = static_cast<int>(*at++);
  m = static_cast<uint64_t>(*at++);
  n = static_cast<uint64_t>(*at++);
  k = static_cast<uint64_t>(*at++);
  transA = *at++ != 0;
  transB = *at++ != 0;
  for (int64_t& each : leading) each = static_cast<int64_t>(*at++);
  batch = static_cast<int32_t>(*at++);
  for (int64_t& each : batchOffset) each = static_cast<int64_t>(*at++);
  for (uint32_t& each : alignment) each = static_cast<uint32_t>(*at++);
  epilogue = static_cast<uint32_t>(*at++);
  alpha = *at++;
  beta = *at++;
}

Products::Plan::~Plan() {
  if (desc != nullptr) insist(cublasLt().cublasLtMatmulDescDestroy, desc);
  for (cublasLtMatrixLayout layout : layouts)
    if (layout != nullptr) insist(cublasLt().cublasLtMatrixLayoutDestroy, layout);
}

Failure Products::start() {
  const cublasStatus status = handle_ == nullptr ? cublasLt().cublasLtCreate(&handle_) : 0;
  if (status != 0) handle_ = nullptr;
  return failed("cublasLtCreate", status);
}

void Products::workIn(CUdeviceptr workspace, size_t bytes) {
  workspace_ = workspace;
  workspaceBytes_ = bytes;
}

int Products::plan(const double* numbers, CUstream stream) {
  return plans_.numberOf(std::vector<double>(numbers, numbers + ProductShape::kNumbers), [&]() -> std::unique_ptr<Plan> {
    auto made = std::make_unique<Plan>(ProductShape(numbers));
    std::vector<cublasLtMatmulHeuristicResult> results;
    if (describe(*made) != 0 || advise(*made, &results) != 0) return nullptr;
    for (const cublasLtMatmulHeuristicResult& result : results) {
      if (result.state != 0 || result.workspaceSize > workspaceBytes_) continue;
      made->algo = result.algo;
      if (works(*made, stream)) return made;
    }
    return nullptr;
  });
}

size_t Products::addressesOf(size_t plan) const { return plans_[plan].shape.hasBias() ? 5 : 4; }

Failure Products::run(size_t plan, const CUdeviceptr* addresses, CUstream stream) {
  return failed("cublasLtMatmul", submit(plans_[plan], addresses, stream));
}

void Products::clear() {
  plans_.clear();
  if (handle_ != nullptr) insist(cublasLt().cublasLtDestroy, handle_);
  handle_ = nullptr;
}

cublasStatus Products::describe(Plan& plan) {
  const ProductShape& shape = plan.shape;
  const int scaleType = shape.computeType == cublaslt::kCompute64 ? cublaslt::kReal64 : cublaslt::kReal32;
  TRY_CUBLASLT(cublasLt().cublasLtMatmulDescCreate(&plan.desc, shape.computeType, scaleType));
  TRY_CUBLASLT(setDesc(plan.desc, cublaslt::kDescTransA, shape.transA ? cublaslt::kOperationTranspose : cublaslt::kOperationNone));
  TRY_CUBLASLT(setDesc(plan.desc, cublaslt::kDescTransB, shape.transB ? cublaslt::kOperationTranspose : cublaslt::kOperationNone));
  TRY_CUBLASLT(setDesc(plan.desc, cublaslt::kDescEpilogue, shape.epilogue));
  // Some algorithms are left out where there is no bias yet.
  if (shape.hasBias()) TRY_CUBLASLT(setDesc(plan.desc, cublaslt::kDescBiasPointer, workspace_));
  const uint64_t rows[4] = {shape.transA ? shape.k : shape.m, shape.transB ? shape.n : shape.k, shape.m, shape.m};
  const uint64_t columns[4] = {shape.transA ? shape.m : shape.k, shape.transB ? shape.k : shape.n, shape.n, shape.n};
  for (int i = 0; i < 4; i++) {
    TRY_CUBLASLT(cublasLt().cublasLtMatrixLayoutCreate(&plan.layouts[i], shape.type, rows[i], columns[i], shape.leading[i]));
    if (shape.batch == 1) continue;
    TRY_CUBLASLT(setLayout(plan.layouts[i], cublaslt::kLayoutBatchCount, shape.batch));
    TRY_CUBLASLT(setLayout(plan.layouts[i], cublaslt::kLayoutBatchOffset, shape.batchOffset[i]));
  }
  return 0;
}

cublasStatus Products::advise(Plan& plan, std::vector<cublasLtMatmulHeuristicResult>* results) {
  cublasLtMatmulPreference preference = nullptr;
  TRY_CUBLASLT(cublasLt().cublasLtMatmulPreferenceCreate(&preference));
  const auto ask = [&]() -> cublasStatus {
    TRY_CUBLASLT(setPreference(preference, cublaslt::kPreferenceWorkspaceBytes, static_cast<uint64_t>(workspaceBytes_)));
    TRY_CUBLASLT(setPreference(preference, cublaslt::kPreferenceReductionSchemes, cublaslt::kReduceInComputeType));
    for (int i = 0; i < 4; i++)
      TRY_CUBLASLT(setPreference(preference, cublaslt::kPreferenceAlignment + i, plan.shape.alignment[i]));
    results->resize(kAdvised);
    int found = 0;
    const auto& [a, b, c, d] = plan.layouts;
    const cublasStatus status = cublasLt().cublasLtMatmulAlgoGetHeuristic(handle_, plan.desc, a, b, c, d, preference, kAdvised,
                                                                          results->data(), &found);
    results->resize(status == 0 ? static_cast<size_t>(found) : 0);
    return status;
  };
  const cublasStatus status = ask();
  insist(cublasLt().cublasLtMatmulPreferenceDestroy, preference);
  return status;
}

cublasStatus Products::submit(Plan& plan, const CUdeviceptr* addresses, CUstream stream) {
  const ProductShape& shape = plan.shape;
  const bool isDouble = shape.computeType == cublaslt::kCompute64;
  const float floats[2] = {static_cast<float>(shape.alpha), static_cast<float>(shape.beta)};
  const double doubles[2] = {shape.alpha, shape.beta};
  const void* alpha = isDouble ? static_cast<const void*>(&doubles[0]) : &floats[0];
  const void* beta = isDouble ? static_cast<const void*>(&doubles[1]) : &floats[1];
  if (shape.hasBias()) TRY_CUBLASLT(setDesc(plan.desc, cublaslt::kDescBiasPointer, addresses[4]));
  const auto at = [&](int i) { return reinterpret_cast<void*>(addresses[i]); };
  const auto& [a, b, c, d] = plan.layouts;
  return cublasLt().cublasLtMatmul(handle_, plan.desc, alpha, at(0), a, at(1), b, beta, at(2), c, at(3), d, &plan.algo,
                                   reinterpret_cast<void*>(workspace_), workspaceBytes_, stream);
}

// Whether the library takes the product. What fails for another reason than the product tells nothing of it.
bool Products::works(Plan& plan, CUstream stream) {
  CUdeviceptr addresses[5];
  for (CUdeviceptr& address : addresses) address = workspace_ + kApart * static_cast<CUdeviceptr>(&address - addresses);
  if (plan.shape.beta == 0) addresses[2] = addresses[3];
  const cublasStatus status = saidOfWork(stream, [&] { return submit(plan, addresses, stream); });
  return status != kInvalidValueStatus && status != kArchitectureMismatch && status != kNotSupported;
}
