// Capture of streams into graphs, and graphs that run. A graph keeps what was captured in its order, which is one of the
// orders that its branches allow.
#include <algorithm>

#include "calls.h"

namespace standin {

int prepareLaunch(void* handle, const u32* grid, const u32* block, u32 sharedBytes, void** params, void** extra, Launch& launch);

namespace {

struct KernelNodeParams {
  void* function;
  unsigned grid[3];
  unsigned block[3];
  unsigned sharedBytes;
  void** params;
  void** extra;
};

constexpr int kKernelNode = 0, kCopyNode = 1, kFillNode = 2, kHostNode = 3;

bool isGraph(void* handle) { return state().graphs.count(static_cast<Graph*>(handle)) != 0; }
bool isExec(void* handle) { return state().execs.count(static_cast<GraphExec*>(handle)) != 0; }

const Node* nodeOf(const void* handle) {
  for (const Graph* graph : state().graphs) {
    for (const auto& node : graph->nodes) {
      if (node.get() == handle) return node.get();
    }
  }
  return nullptr;
}

int typeOf(const Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::launch: return kKernelNode;
    case Operation::Kind::copy: return kCopyNode;
    case Operation::Kind::fill: return kFillNode;
    default: return kHostNode;
  }
}

void endCapture(Stream& stream) {
  stream.capture = Capture::none;
  stream.captureOrigin = nullptr;
  stream.graph = nullptr;
  stream.last = nullptr;
  stream.joined = true;
}

int instantiate(void** handle, void* graph) {
  if (!isGraph(graph)) return kInvalidHandle;
  auto* made = new GraphExec;
  auto operations = std::make_shared<std::vector<Operation>>();
  for (const auto& node : static_cast<Graph*>(graph)->nodes) {
    made->origins.push_back(node.get());
    operations->push_back(node->operation);
  }
  made->operations = operations;
  state().execs.insert(made);
  *handle = made;
  return kSuccess;
}

int launchGraph(void* handle, void* into) {
  Stream* stream = streamOf(into);
  if (!isExec(handle) || stream == nullptr) return kInvalidHandle;
  if (stream->capture != Capture::none) return kCaptureUnsupported;
  Operation operation;
  operation.kind = Operation::Kind::host;
  // What is launched is what the graph holds now, whatever is set in it before this runs.
  operation.call = [operations = static_cast<GraphExec*>(handle)->operations] {
    for (Operation each : *operations) perform(each);
  };
  return submit(stream, std::move(operation));
}

}  // namespace

DRIVER_API cuStreamBeginCapture_v2(void* handle, int mode) {
  return call("cuStreamBeginCapture_v2", Needs::context, [&] {
    Stream* stream = streamOf(handle);
    if (stream == nullptr) return kInvalidHandle;
    if (stream == &state().legacy) return kCaptureUnsupported;
    if (stream->capture != Capture::none || mode < 0 || mode > 2) return kInvalidValue;
    stream->capture = Capture::active;
    stream->captureMode = mode;
    stream->captureOrigin = stream;
    stream->captureId = ++state().captures;
    stream->graph = new Graph;
    return kSuccess;
  });
}

DRIVER_API cuStreamEndCapture(void* handle, void** graph) {
  return call("cuStreamEndCapture", Needs::context, [&] {
    Stream* stream = streamOf(handle);
    *graph = nullptr;
    if (stream == nullptr) return kInvalidHandle;
    if (stream->capture == Capture::none || stream->captureOrigin != stream) return kInvalidValue;
    Graph* made = stream->graph;
    bool valid = stream->capture == Capture::active, joined = true;
    for (Stream* other : state().streams) {
      if (other == stream || other->captureOrigin != stream) continue;
      joined = joined && other->joined;
      valid = valid && other->capture == Capture::active;
      endCapture(*other);
    }
    endCapture(*stream);
    if (!valid || !joined) {
      delete made;
      return valid ? kUnjoined : kCaptureInvalidated;
    }
    state().graphs.insert(made);
    *graph = made;
    return kSuccess;
  });
}

DRIVER_API cuStreamIsCapturing(void* handle, int* status) {
  return call("cuStreamIsCapturing", Needs::context, [&] {
    const Stream* stream = streamOf(handle);
    if (stream == nullptr) return kInvalidHandle;
    *status = static_cast<int>(stream->capture);
    return kSuccess;
  });
}

DRIVER_API cuStreamGetCaptureInfo_v2(void* handle, int* status, u64* id, void** graph, const void*** dependencies, size_t* count) {
  return call("cuStreamGetCaptureInfo_v2", Needs::context, [&] {
    Stream* stream = streamOf(handle);
    if (stream == nullptr) return kInvalidHandle;
    *status = static_cast<int>(stream->capture);
    const bool active = stream->capture == Capture::active;
    if (id != nullptr) *id = stream->captureId;
    if (graph != nullptr) *graph = active ? stream->graph : nullptr;
    if (dependencies != nullptr) *dependencies = reinterpret_cast<const void**>(&stream->last);
    if (count != nullptr) *count = active && stream->last != nullptr ? 1 : 0;
    return kSuccess;
  });
}

DRIVER_API cuGraphGetNodes(void* handle, const void** nodes, size_t* count) {
  return call("cuGraphGetNodes", Needs::driver, [&] {
    if (!isGraph(handle)) return kInvalidHandle;
    const auto& all = static_cast<Graph*>(handle)->nodes;
    if (nodes != nullptr) {
      for (size_t at = 0; at < *count; at++) nodes[at] = at < all.size() ? all[at].get() : nullptr;
    }
    *count = all.size();
    return kSuccess;
  });
}

DRIVER_API cuGraphNodeGetType(const void* handle, int* type) {
  return call("cuGraphNodeGetType", Needs::driver, [&] {
    const Node* node = nodeOf(handle);
    if (node == nullptr) return kInvalidHandle;
    *type = typeOf(node->operation);
    return kSuccess;
  });
}

DRIVER_API cuGraphInstantiateWithFlags(void** exec, void* graph, unsigned long long) {
  return call("cuGraphInstantiateWithFlags", Needs::context, [&] { return instantiate(exec, graph); });
}

DRIVER_API cuGraphUpload(void* exec, void*) {
  return call("cuGraphUpload", Needs::context, [&] { return isExec(exec) ? kSuccess : kInvalidHandle; });
}

DRIVER_API cuGraphLaunch(void* exec, void* stream) {
  return call("cuGraphLaunch", Needs::context, [&] { return launchGraph(exec, stream); });
}

DRIVER_API cuGraphExecKernelNodeSetParams_v2(void* handle, void* origin, const KernelNodeParams* params) {
  return call("cuGraphExecKernelNodeSetParams_v2", Needs::context, [&] {
    if (!isExec(handle)) return kInvalidHandle;
    auto& exec = *static_cast<GraphExec*>(handle);
    const auto found = std::find(exec.origins.begin(), exec.origins.end(), origin);
    if (found == exec.origins.end()) return kInvalidValue;
    const size_t at = static_cast<size_t>(found - exec.origins.begin());
    if ((*exec.operations)[at].kind != Operation::Kind::launch) return kInvalidValue;
    Launch launch;
    if (const int code = prepareLaunch(params->function, params->grid, params->block, params->sharedBytes, params->params, params->extra, launch)) return code;
    // A launch that waits keeps the operations it was launched with.
    auto changed = exec.operations.use_count() == 1 ? std::const_pointer_cast<std::vector<Operation>>(exec.operations)
                                                    : std::make_shared<std::vector<Operation>>(*exec.operations);
    (*changed)[at].launch = std::move(launch);
    exec.operations = changed;
    return kSuccess;
  });
}

DRIVER_API cuGraphExecUpdate_v2(void* handle, void* graph, void* result) {
  return call("cuGraphExecUpdate_v2", Needs::context, [&] {
    if (!isExec(handle) || !isGraph(graph)) return kInvalidHandle;
    auto& exec = *static_cast<GraphExec*>(handle);
    const auto& nodes = static_cast<Graph*>(graph)->nodes;
    bool same = nodes.size() == exec.operations->size();
    for (size_t at = 0; same && at < nodes.size(); at++) same = nodes[at]->operation.kind == (*exec.operations)[at].kind;
    constexpr int kUpdateFailure = 910, kTopologyChanged = 2;
    if (result != nullptr) *static_cast<int*>(result) = same ? 0 : kTopologyChanged;
    if (!same) return kUpdateFailure;
    auto operations = std::make_shared<std::vector<Operation>>();
    for (const auto& node : nodes) operations->push_back(node->operation);
    exec.operations = operations;
    return kSuccess;
  });
}

DRIVER_API cuGraphExecDestroy(void* exec) {
  return call("cuGraphExecDestroy", Needs::driver, [&] {
    if (!isExec(exec)) return kInvalidHandle;
    state().execs.erase(static_cast<GraphExec*>(exec));
    delete static_cast<GraphExec*>(exec);
    return kSuccess;
  });
}

DRIVER_API cuGraphDestroy(void* graph) {
  return call("cuGraphDestroy", Needs::driver, [&] {
    if (!isGraph(graph)) return kInvalidHandle;
    state().graphs.erase(static_cast<Graph*>(graph));
    delete static_cast<Graph*>(graph);
    return kSuccess;
  });
}

}  // namespace standin
