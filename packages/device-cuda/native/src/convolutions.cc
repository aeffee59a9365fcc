#include "convolutions.h"

#include <algorithm>

namespace {

using Computes = ConvolutionShape::Computes;

// Algorithms that are asked for, best first: all that there are, with tensor cores and without.
constexpr int kAdvised = 16;
// Between the addresses that a convolution is tried with.
constexpr CUdeviceptr kApart = 4096;

#define TRY_CUDNN(call)                            \
  do {                                             \
    if (cudnnStatus status_ = (call)) return status_; \
  } while (false)

Failure failed(const char* call, cudnnStatus status) {
  return status == 0 ? Failure{} : Failure{kConvolutionStatuses + status, call, {}, -1, false};
}

bool isKnown(int algo, Computes computes) {
  const auto among = [algo](const auto& list) { return std::find(std::begin(list), std::end(list), algo) != std::end(list); };
  switch (computes) {
    case Computes::output:
      return among(cudnn::kOutputAlgorithms);
    case Computes::filter:
      return among(cudnn::kFilterAlgorithms);
    case Computes::image:
      return among(cudnn::kImageAlgorithms);
  }
  return false;
}

}  // namespace

bool ConvolutionShape::read(const double* numbers, size_t count) {
  constexpr size_t kHead = 8;
  if (count < kHead) return false;
  type = static_cast<int>(numbers[0]);
  computeType = static_cast<int>(numbers[1]);
  mathType = static_cast<int>(numbers[2]);
  mode = static_cast<int>(numbers[3]);
  computes = static_cast<Computes>(static_cast<int>(numbers[4]));
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
  if (descs.image != nullptr) insist(cudnnCalls().cudnnDestroyTensorDescriptor, descs.image);
  if (descs.output != nullptr) insist(cudnnCalls().cudnnDestroyTensorDescriptor, descs.output);
  if (descs.filter != nullptr) insist(cudnnCalls().cudnnDestroyFilterDescriptor, descs.filter);
  if (descs.convolution != nullptr) insist(cudnnCalls().cudnnDestroyConvolutionDescriptor, descs.convolution);
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
      if (!isKnown(result.algo, made->shape.computes)) continue;
      made->algo = result.algo;
      if (measure(*made) == 0 && made->workspaceBytes <= workspaceBytes_ && works(*made, stream)) return made;
    }
    return nullptr;
  });
}

Failure Convolutions::run(size_t plan, const CUdeviceptr* addresses) {
  Plan& known = plans_[plan];
  constexpr const char* kCalls[] = {"cudnnConvolutionForward", "cudnnConvolutionBackwardFilter", "cudnnConvolutionBackwardData"};
  const char* call = kCalls[static_cast<int>(known.shape.computes)];
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
  auto& [image, output, filter, desc] = plan.descs;
  const int all = static_cast<int>(shape.imageLengths.size());
  const int dims = static_cast<int>(shape.padding.size());
  TRY_CUDNN(calls.cudnnCreateTensorDescriptor(&image));
  TRY_CUDNN(calls.cudnnSetTensorNdDescriptor(image, shape.type, all, shape.imageLengths.data(), shape.imageStrides.data()));
  TRY_CUDNN(calls.cudnnCreateTensorDescriptor(&output));
  TRY_CUDNN(calls.cudnnSetTensorNdDescriptor(output, shape.type, all, shape.outputLengths.data(), shape.outputStrides.data()));
  TRY_CUDNN(calls.cudnnCreateFilterDescriptor(&filter));
  TRY_CUDNN(calls.cudnnSetFilterNdDescriptor(filter, shape.type, cudnn::kRowByRow, all, shape.filterLengths.data()));
  TRY_CUDNN(calls.cudnnCreateConvolutionDescriptor(&desc));
  TRY_CUDNN(calls.cudnnSetConvolutionNdDescriptor(desc, dims, shape.padding.data(), shape.stride.data(), shape.dilation.data(),
                                                  shape.mode, shape.computeType));
  TRY_CUDNN(calls.cudnnSetConvolutionMathType(desc, shape.mathType));
  return calls.cudnnSetConvolutionGroupCount(desc, shape.groups);
}

cudnnStatus Convolutions::advise(Plan& plan, std::vector<cudnnAlgoPerf>* results) {
  const Cudnn& calls = cudnnCalls();
  results->resize(kAdvised);
  int found = 0;
  const auto ask = [&]() -> cudnnStatus {
    const auto& [image, output, filter, desc] = plan.descs;
    switch (plan.shape.computes) {
      case Computes::output:
        return calls.cudnnGetConvolutionForwardAlgorithm_v7(handle_, image, filter, desc, output, kAdvised, &found, results->data());
      case Computes::filter:
        return calls.cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle_, image, output, desc, filter, kAdvised, &found,
                                                                   results->data());
      case Computes::image:
        return calls.cudnnGetConvolutionBackwardDataAlgorithm_v7(handle_, filter, output, desc, image, kAdvised, &found,
                                                                 results->data());
    }
    return 0;
  };
  const cudnnStatus status = ask();
  results->resize(status == 0 ? static_cast<size_t>(found) : 0);
  return status;
}

cudnnStatus Convolutions::measure(Plan& plan) {
  const Cudnn& calls = cudnnCalls();
  const auto& [image, output, filter, desc] = plan.descs;
  switch (plan.shape.computes) {
    case Computes::output:
      return calls.cudnnGetConvolutionForwardWorkspaceSize(handle_, image, filter, desc, output, plan.algo, &plan.workspaceBytes);
    case Computes::filter:
      return calls.cudnnGetConvolutionBackwardFilterWorkspaceSize(handle_, image, output, desc, filter, plan.algo, &plan.workspaceBytes);
    case Computes::image:
      return calls.cudnnGetConvolutionBackwardDataWorkspaceSize(handle_, filter, output, desc, image, plan.algo, &plan.workspaceBytes);
  }
  return 0;
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
  const auto& [image, output, filter, desc] = plan.descs;
  switch (plan.shape.computes) {
    case Computes::output:
      return calls.cudnnConvolutionForward(handle_, alpha, image, at(0), filter, at(1), desc, plan.algo, workspace, plan.workspaceBytes,
                                           beta, output, at(2));
    case Computes::filter:
      return calls.cudnnConvolutionBackwardFilter(handle_, alpha, image, at(0), output, at(1), desc, plan.algo, workspace,
                                                  plan.workspaceBytes, beta, filter, at(2));
    case Computes::image:
      return calls.cudnnConvolutionBackwardData(handle_, alpha, filter, at(1), output, at(0), desc, plan.algo, workspace,
                                                plan.workspaceBytes, beta, image, at(2));
  }
  return 0;
}

// Whether the library takes the convolution. What fails for another reason tells nothing of it.
bool Convolutions::works(Plan& plan, CUstream stream) {
  CUdeviceptr addresses[kAddresses];
  for (CUdeviceptr& address : addresses) address = workspace_ + kApart * static_cast<CUdeviceptr>(&address - addresses);
  return !isCudnnRefusal(saidOfWork(stream, [&] { return submit(plan, addresses); }));
}
