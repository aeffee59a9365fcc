#include "graphs.h"

#include <algorithm>

namespace {

constexpr size_t kMostGraphs = 4;
// A set of addresses that is more kernels than this away from every graph gets a graph of its own, while there is room: results alternate between two
// sets of buffers, and only what is written to another place each time (a loss, in its page) should have to be changed.
constexpr int kNearKernels = 1;
// A graph that was not used for this many runs makes room for another. Sets that change more often than that are submitted step by step.
constexpr uint64_t kLongUnused = 64;
// After a refusal this many runs go by before the driver is asked again.
constexpr uint64_t kRefusedRuns = 64;
constexpr int kCaptureThisThread = 1;

}  // namespace

Graphs::Graph::~Graph() {
  if (exec != nullptr) insist(driver().cuGraphExecDestroy, exec);
  if (graph != nullptr) insist(driver().cuGraphDestroy, graph);
}

Graphs::Graphs(Program& program, size_t bases) : program_(program), bases_(bases), users_(bases) {
  const std::vector<Step>& steps = program.steps();
  for (size_t i = 0; i < steps.size(); i++) {
    for (const Address& address : steps[i].addresses) {
      std::vector<uint32_t>& users = users_[address.base];
      if (users.empty() || users.back() != i) users.push_back(static_cast<uint32_t>(i));
    }
  }
}

Failure Graphs::run(CUstream stream, const double* bases, GraphCounts& counts) {
  clock_++;
  Graph* graph = clock_ < refusedUntil_ ? nullptr : prepare(stream, bases, counts);
  if (graph == nullptr) {
    counts.direct++;
    return program_.launch(stream, bases, false, nullptr, 0);
  }
  graph->used = clock_;
  TORCHLET_TRY(cuGraphLaunch, graph->exec, stream);
  counts.replayed++;
  return {};
}

Graphs::Graph* Graphs::prepare(CUstream stream, const double* bases, GraphCounts& counts) {
  Graph* nearest = nullptr;
  int least = -1;
  for (const auto& graph : graphs_) {
    const int away = distance(*graph, bases);
    if (away < 0 || (nearest != nullptr && away >= least)) continue;
    nearest = graph.get();
    least = away;
  }
  if (least == 0) return nearest;
  const bool hasRoom = graphs_.size() < kMostGraphs || (nearest == nullptr && makeRoom());
  if (nearest == nullptr && !hasRoom) return nullptr;
  const bool isNew = nearest == nullptr || (hasRoom && least > kNearKernels);
  if (Failure failure = isNew ? capture(stream, bases) : update(*nearest, bases, counts)) {
    // Half of a graph that was to be changed has the new addresses.
    const auto isHalf = [&](const auto& graph) { return !isNew && graph.get() == nearest; };
    graphs_.erase(std::remove_if(graphs_.begin(), graphs_.end(), isHalf), graphs_.end());
    counts.refused++;
    counts.refusal = std::move(failure);
    refusedUntil_ = clock_ + kRefusedRuns;
    return nullptr;
  }
  if (isNew) counts.captured++;
  return isNew ? graphs_.back().get() : nearest;
}

// Takes away the graph that was not used for longest, where that is long.
bool Graphs::makeRoom() {
  const auto oldest = std::min_element(graphs_.begin(), graphs_.end(),
                                       [](const auto& a, const auto& b) { return a->used < b->used; });
  if (clock_ - (*oldest)->used <= kLongUnused) return false;
  graphs_.erase(oldest);
  return true;
}

int Graphs::distance(const Graph& graph, const double* bases) const {
  int changed = 0;
  for (size_t base = 0; base < bases_; base++) {
    if (graph.bases[base] == bases[base]) continue;
    if (users_[base].empty()) continue;
    if (graph.nodes.empty() || driver().cuGraphExecKernelNodeSetParams == nullptr) return -1;
    for (uint32_t step : users_[base])
      if (program_.steps()[step].kind != Step::Kind::launch) return -1;
    changed += static_cast<int>(users_[base].size());
  }
  return changed;
}

Failure Graphs::update(Graph& graph, const double* bases, GraphCounts& counts) {
  std::vector<uint32_t> changed;
  for (size_t base = 0; base < bases_; base++)
    if (graph.bases[base] != bases[base]) changed.insert(changed.end(), users_[base].begin(), users_[base].end());
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  for (uint32_t i : changed) {
    const Step& step = program_.steps()[i];
    KernelNodeParams params{};
    params.func = step.function;
    params.gridDimX = step.grid[0];
    params.gridDimY = step.grid[1];
    params.gridDimZ = step.grid[2];
    params.blockDimX = step.block[0];
    params.blockDimY = step.block[1];
    params.blockDimZ = step.block[2];
    params.sharedMemBytes = step.sharedBytes;
    params.kernelParams = program_.arguments().resolve(step, bases);
    if (CUresult code = driver().cuGraphExecKernelNodeSetParams(graph.exec, graph.nodes[i], &params))
      return Failure{code, "cuGraphExecKernelNodeSetParams", {}, static_cast<int>(i), false};
    counts.updatedNodes++;
  }
  graph.bases.assign(bases, bases + bases_);
  return {};
}

Failure Graphs::capture(CUstream stream, const double* bases) {
  auto made = std::make_unique<Graph>();
  made->bases.assign(bases, bases + bases_);
  TORCHLET_TRY(cuStreamBeginCapture, stream, kCaptureThisThread);
  Failure failure = captureSteps(stream, bases, *made);
  // Whatever happened: a stream must not stay in capture.
  const CUresult ending = insist(driver().cuStreamEndCapture, stream, &made->graph);
  if (failure) return failure;
  if (ending != kSuccess) return Failure{ending, "cuStreamEndCapture", {}, -1, false};
  TORCHLET_TRY(cuGraphInstantiate, &made->exec, made->graph, 0);
  graphs_.push_back(std::move(made));
  return {};
}

Failure Graphs::captureSteps(CUstream stream, const double* bases, Graph& graph) {
  const std::vector<Step>& steps = program_.steps();
  const bool tellsNodes = driver().cuStreamGetCaptureInfo != nullptr;
  for (size_t i = 0; i < steps.size(); i++) {
    if (Failure failure = program_.launchStep(steps[i], stream, bases)) {
      failure.step = static_cast<int>(i);
      return failure;
    }
    if (!tellsNodes) continue;
    int status = 0;
    const CUgraphNode* dependencies = nullptr;
    size_t count = 0;
    TORCHLET_TRY(cuStreamGetCaptureInfo, stream, &status, nullptr, nullptr, &dependencies, &count);
    // One stream: what comes next depends on what was captured last.
    graph.nodes.push_back(count == 1 ? dependencies[0] : nullptr);
  }
  if (std::find(graph.nodes.begin(), graph.nodes.end(), nullptr) != graph.nodes.end()) graph.nodes.clear();
  return {};
}
