#include "program.h"

namespace {

constexpr int kMaxDynamicSharedBytes = 8;
// The compiler's options: where it writes what is wrong, and how much of it.
constexpr int kErrorLog = 5;
constexpr int kErrorLogBytes = 6;
constexpr size_t kLogBytes = 8192;
constexpr unsigned kTimedEvent = 0;

// Reads numbers one after the other and remembers whether one was missing or out of range.
class Reader {
 public:
  Reader(const double* words, size_t count) : at_(words), end_(words + count) {}
  bool atEnd() const { return at_ == end_; }
  bool ok() const { return ok_; }
  uint64_t next(uint64_t below) {
    if (at_ == end_ || !(*at_ >= 0) || *at_ >= static_cast<double>(below)) {
      ok_ = false;
      return 0;
    }
    return static_cast<uint64_t>(*at_++);
  }

 private:
  const double* at_;
  const double* end_;
  bool ok_ = true;
};

constexpr uint64_t kAnyOffset = uint64_t{1} << 53;
constexpr uint64_t kAnyUnsigned = uint64_t{1} << 32;

Address readAddress(Reader& reader, size_t bases) {
  Address address{};
  address.base = static_cast<uint32_t>(reader.next(bases));
  address.offset = reader.next(kAnyOffset);
  return address;
}

}  // namespace

void** Arguments::resolve(const Step& step, const double* bases) {
  const size_t count = step.addresses.size();
  values_.resize(count);
  pointers_.resize(count);
  for (size_t i = 0; i < count; i++) {
    values_[i] = addressOf(step.addresses[i], bases);
    pointers_[i] = &values_[i];
  }
  return pointers_.data();
}

Program::~Program() {
  if (module_ != nullptr) insist(driver().cuModuleUnload, module_);
}

Failure Program::load(const std::string& ptx, const std::vector<std::string>& entries) {
  if (ptx.empty()) return {};
  std::vector<char> log(kLogBytes, '\0');
  int options[] = {kErrorLog, kErrorLogBytes};
  void* values[] = {log.data(), reinterpret_cast<void*>(static_cast<uintptr_t>(log.size()))};
  if (CUresult code = driver().cuModuleLoadDataEx(&module_, ptx.c_str(), 2, options, values)) {
    module_ = nullptr;
    log.back() = '\0';
    return Failure{code, "cuModuleLoadDataEx", log.data(), -1, false};
  }
  for (const std::string& entry : entries) {
    CUfunction function = nullptr;
    TORCHLET_TRY(cuModuleGetFunction, &function, module_, entry.c_str());
    functions_.push_back(function);
  }
  return {};
}

bool Program::decode(const double* words, size_t count, size_t bases) {
  Reader reader(words, count);
  while (reader.ok() && !reader.atEnd()) {
    Step step{};
    step.kind = static_cast<Step::Kind>(reader.next(4));
    switch (step.kind) {
      case Step::Kind::launch: {
        const uint64_t function = reader.next(functions_.size());
        for (unsigned& size : step.grid) size = static_cast<unsigned>(reader.next(kAnyUnsigned));
        for (unsigned& size : step.block) size = static_cast<unsigned>(reader.next(kAnyUnsigned));
        step.sharedBytes = static_cast<unsigned>(reader.next(kAnyUnsigned));
        const uint64_t arguments = reader.next(kAnyUnsigned);
        for (uint64_t i = 0; i < arguments && reader.ok(); i++) step.addresses.push_back(readAddress(reader, bases));
        if (reader.ok()) step.function = functions_[function];
        break;
      }
      case Step::Kind::product:
      case Step::Kind::convolution: {
        const bool isProduct = step.kind == Step::Kind::product;
        step.plan = reader.next(isProduct ? libraries_.products.plans() : libraries_.convolutions.plans());
        size_t addresses = isProduct ? 0 : Convolutions::kAddresses;
        if (isProduct && reader.ok()) addresses = libraries_.products.addressesOf(step.plan);
        for (size_t i = 0; i < addresses; i++) step.addresses.push_back(readAddress(reader, bases));
        break;
      }
      default:
        return false;
    }
    steps_.push_back(std::move(step));
  }
  return reader.ok();
}

Failure Program::allowSharedMemory() {
  for (const Step& step : steps_) {
    if (step.kind != Step::Kind::launch || step.sharedBytes == 0) continue;
    TORCHLET_TRY(cuFuncSetAttribute, step.function, kMaxDynamicSharedBytes, static_cast<int>(step.sharedBytes));
  }
  return {};
}

Failure Program::launchStep(const Step& step, CUstream stream, const double* bases) {
  switch (step.kind) {
    case Step::Kind::launch:
      TORCHLET_TRY(cuLaunchKernel, step.function, step.grid[0], step.grid[1], step.grid[2], step.block[0], step.block[1],
                   step.block[2], step.sharedBytes, stream, arguments_.resolve(step, bases), nullptr);
      return {};
    case Step::Kind::product:
      arguments_.resolve(step, bases);
      return libraries_.products.run(step.plan, arguments_.values(), stream);
    case Step::Kind::convolution:
      arguments_.resolve(step, bases);
      return libraries_.convolutions.run(step.plan, arguments_.values());
  }
  return {};
}

Failure Program::launch(CUstream stream, const double* bases, bool synchronous, std::vector<Timing>* timings, uint32_t id) {
  for (size_t i = 0; i < steps_.size(); i++) {
    const auto failing = [i](Failure failure) {
      failure.step = static_cast<int>(i);
      failure.started = i > 0;
      return failure;
    };
    if (timings != nullptr) {
      Timing timing{id, static_cast<uint32_t>(i), nullptr, nullptr};
      if (CUresult code = driver().cuEventCreate(&timing.start, kTimedEvent)) return failing({code, "cuEventCreate", {}, 0, false});
      timings->push_back(timing);
      if (CUresult code = driver().cuEventCreate(&timings->back().end, kTimedEvent))
        return failing({code, "cuEventCreate", {}, 0, false});
      if (CUresult code = driver().cuEventRecord(timing.start, stream)) return failing({code, "cuEventRecord", {}, 0, false});
    }
    if (Failure failure = launchStep(steps_[i], stream, bases)) return failing(std::move(failure));
    if (timings != nullptr)
      if (CUresult code = driver().cuEventRecord(timings->back().end, stream)) return failing({code, "cuEventRecord", {}, 0, false});
    if (!synchronous) continue;
    if (CUresult code = driver().cuStreamSynchronize(stream)) return failing({code, "cuStreamSynchronize", {}, 0, false});
  }
  return {};
}
