#include "convolutions.h"

#include <algorithm>

namespace {

// Algorithms that are asked for, best first: more than there are.
constexpr int kAdvised = 8;
// Between the addresses that a convolution is tried with.
constexpr CUdeviceptr kApart = 4096;

#define TRY_CUDNN(call)                            \
  do {                                             \
    if (cudnnStatus status_ = (call)) return status_; \
  } while (false)

Failure failed(const char* call, cudnnStatus status) {
  return status == 0 ? Failure{} : Failure{kConvolutionStatuses + status, call, {}, -1, false};
}

bool isKnown(int algo, bool computesFilter) {
  const auto among = [algo](const auto& list) { return std::find(std::begin(list), std::end(list), algo) != std::end(list); };
  return computesFilter ? among(cudnn::kFilterAlgorithms) : among(cudnn::kOutputAlgorithms);
}

}  // namespace

bool ConvolutionShape::read(const double* numbers, size_t count) {
  constexpr size_t kHead = 8;
  if (count < kHead) return false;
  type = static_cast<int>(numbers[0]);
  computeType = static_cast<int>(numbers[1]);
  mathType = static_cast<int>(numbers[2]);
  mode = static_cast<int>(numbers[3]);
  computesFilter = numbers[4] != 0;
  groups = static_cast<int>(numbers[5]);
  alpha = numbers[6];
  const auto dims = static_cast<size_t>(numbers[7]);
  if (count != kHead + 5 * (dims + 2) + 3 * dims) return false;
  const double* at = numbers + kHead;
  for (std::vector<int>* list : {&imageLengths, &imageStrides, &filterLengths, &outputLengths, &outputStrides, &padding, &stride, &dilation}) {
    const size_t length = list == &padding || list == &stride || list == &dilation ? dims : dims + 2;
    list->assign(at, at + length);
    at += length;
  }
  return true;
}

Convolutions::Plan::~Plan() {
  if (image != nullptr) insist(cudnnCalls().cudnnDestroyTensorDescriptor, image);
  if (output != nullptr) insist(cudnnCalls().cudnnDestroyTensorDescriptor, output);
  if (filter != nullptr) insist(cudnnCalls().cudnnDestroyFilterDescriptor, filter);
  if (desc != nullptr) insist(cudnnCalls().cudnnDestroyConvolutionDescriptor, desc);
}

Failure Convolutions::start(CUstream stream) {
  if (handle_ == nullptr) {
    const cudnnStatus status = cudnnCalls().cudnnCreate(&handle_);
    if (status != 0) handle_ = nullptr;
    if (status != 0) return failed("cudnnCreate", status);
  }
  return failed("cudnnSetStream", cudnnCalls().cudnnSetStream(handle_, stream));
}

void Convolutions::workIn(CUdeviceptr workspace, size_t bytes) {
  workspace_ = workspace;
  workspaceBytes_ = bytes;
}

int Convolutions::plan(const double* numbers, size_t count, CUstream stream) {
  return plans_.numberOf(std::vector<double>(numbers, numbers + count), [&]() -> std::unique_ptr<Plan> {
    auto made = std::make_unique<Plan>();
    std::vector<cudnnAlgoPerf> results;
    if (!made->shape.read(numbers, count) || describe(*made) != 0 || advise(*made, &results) != 0) return nullptr;
    for (const cudnnAlgoPerf& result : results) {
      if (result.status != 0 || result.determinism != cudnn::kDeterministic) continue;
      if (!isKnown(result.algo, made->shape.computesFilter)) continue;
      made->algo = result.algo;
      if (measure(*made) == 0 && made->workspaceBytes <= workspaceBytes_ && works(*made, stream)) return made;
    }
    return nullptr;
  });
}

Failure Convolutions::run(size_t plan, const CUdeviceptr* addresses) {
  Plan& known = plans_[plan];
  const char* call = known.shape.computesFilter ? "cudnnConvolutionBackwardFilter" : "cudnnConvolutionForward";
  return failed(call, submit(known, addresses));
}

void Convolutions::clear() {
  plans_.clear();
  if (handle_ != nullptr) insist(cudnnCalls().cudnnDestroy, handle_);
  handle_ = nullptr;
}

cudnnStatus Convolutions::describe(Plan& plan) {
  const Cudnn& calls = cudnnCalls();
  const ConvolutionShape& shape = plan.shape;
  const int all = static_cast<int>(shape.imageLengths.size());
  const int dims = static_cast<int>(shape.padding.size());
  TRY_CUDNN(calls.cudnnCreateTensorDescriptor(&plan.image));
  TRY_CUDNN(calls.cudnnSetTensorNdDescriptor(plan.image, shape.type, all, shape.imageLengths.data(), shape.imageStrides.data()));
  TRY_CUDNN(calls.cudnnCreateTensorDescriptor(&plan.output));
  TRY_CUDNN(calls.cudnnSetTensorNdDescriptor(plan.output, shape.type, all, shape.outputLengths.data(), shape.outputStrides.data()));
  TRY_CUDNN(calls.cudnnCreateFilterDescriptor(&plan.filter));
  TRY_CUDNN(calls.cudnnSetFilterNdDescriptor(plan.filter, shape.type, cudnn::kRowByRow, all, shape.filterLengths.data()));
  TRY_CUDNN(calls.cudnnCreateConvolutionDescriptor(&plan.desc));
  TRY_CUDNN(calls.cudnnSetConvolutionNdDescriptor(plan.desc, dims, shape.padding.data(), shape.stride.data(), shape.dilation.data(),
                                                  shape.mode, shape.computeType));
  TRY_CUDNN(calls.cudnnSetConvolutionMathType(plan.desc, shape.mathType));
  return calls.cudnnSetConvolutionGroupCount(plan.desc, shape.groups);
}

cudnnStatus Convolutions::advise(Plan& plan, std::vector<cudnnAlgoPerf>* results) {
  const Cudnn& calls = cudnnCalls();
  results->resize(kAdvised);
  int found = 0;
  const cudnnStatus status =
      plan.shape.computesFilter
          ? calls.cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle_, plan.image, plan.output, plan.desc, plan.filter, kAdvised,
                                                                &found, results->data())
          : calls.cudnnGetConvolutionForwardAlgorithm_v7(handle_, plan.image, plan.filter, plan.desc, plan.output, kAdvised, &found,
                                                         results->data());
  results->resize(status == 0 ? static_cast<size_t>(found) : 0);
  return status;
}

cudnnStatus Convolutions::measure(Plan& plan) {
  const Cudnn& calls = cudnnCalls();
  return plan.shape.computesFilter
             ? calls.cudnnGetConvolutionBackwardFilterWorkspaceSize(handle_, plan.image, plan.output, plan.desc, plan.filter, plan.algo,
                                                                    &plan.workspaceBytes)
             : calls.cudnnGetConvolutionForwardWorkspaceSize(handle_, plan.image, plan.filter, plan.desc, plan.output, plan.algo,
                                                             &plan.workspaceBytes);
}

cudnnStatus Convolutions::submit(Plan& plan, const CUdeviceptr* addresses) {
  const Cudnn& calls = cudnnCalls();
  const bool isDouble = plan.shape.computeType == cudnn::kDouble;
  const float floats[2] = {static_cast<float>(plan.shape.alpha), 0};
  const double doubles[2] = {plan.shape.alpha, 0};
  const void* alpha = isDouble ? static_cast<const void*>(&doubles[0]) : &floats[0];
  const void* beta = isDouble ? static_cast<const void*>(&doubles[1]) : &floats[1];
  const auto at = [&](int i) { return reinterpret_cast<void*>(addresses[i]); };
  void* const workspace = plan.workspaceBytes == 0 ? nullptr : reinterpret_cast<void*>(workspace_);
  return plan.shape.computesFilter
             ? calls.cudnnConvolutionBackwardFilter(handle_, alpha, plan.image, at(0), plan.output, at(1), plan.desc, plan.algo, workspace,
                                                    plan.workspaceBytes, beta, plan.filter, at(2))
             : calls.cudnnConvolutionForward(handle_, alpha, plan.image, at(0), plan.filter, at(1), plan.desc, plan.algo, workspace,
                                             plan.workspaceBytes, beta, plan.output, at(2));
}

// Whether the library takes the convolution. What fails for another reason tells nothing of it.
bool Convolutions::works(Plan& plan, CUstream stream) {
  CUdeviceptr addresses[kAddresses];
  for (CUdeviceptr& address : addresses) address = workspace_ + kApart * static_cast<CUdeviceptr>(&address - addresses);
  return !isCudnnRefusal(saidOfWork(stream, [&] { return submit(plan, addresses); }));
}
