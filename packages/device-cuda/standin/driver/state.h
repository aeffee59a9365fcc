// What the stand-in driver knows: cards, streams with the work that waits in them, events, modules, graphs, and the error
// that stays. streams.cc runs the work; calls.h is how a call of the driver enters.
#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "../execute/launch.h"
#include "../execute/memory.h"

namespace standin {

struct Stream;
struct Event;

struct DriverFunction {
  Kernel kernel;
  u32 dynamicShared = 48 * 1024;  // static and dynamic shared memory that a launch may have
};

struct Module {
  std::unique_ptr<Syntax> syntax;
  std::map<std::string, std::unique_ptr<DriverFunction>> functions;
  std::map<std::string, u64> addresses;
};

/// One piece of work in a stream or a graph.
struct Operation {
  enum class Kind : u8 { launch, copy, fill, record, wait, host } kind = Kind::host;
  Launch launch;
  u64 to = 0, from = 0, bytes = 0;
  u32 pattern = 0, patternBytes = 1;
  Event* event = nullptr;
  u64 until = 0;               // of a wait: what has to be done in `stream` first
  Stream* stream = nullptr;
  std::function<void()> call;  // of a host function, or of a graph's launch
  std::vector<std::pair<Stream*, u64>> after;  // what the default stream waits for, and what waits for it
};

struct Node {
  Operation operation;
};

struct Graph {
  std::vector<std::unique_ptr<Node>> nodes;
};

struct GraphExec {
  std::vector<const Node*> origins;
  std::shared_ptr<const std::vector<Operation>> operations;
};

enum class Capture : int { none = 0, active = 1, invalid = 2 };

struct Stream {
  bool blocking = true;  // waits for the default stream, and it for this
  u64 submitted = 0, done = 0;
  std::deque<Operation> waiting;
  Capture capture = Capture::none;
  int captureMode = 0;
  u64 captureId = 0;
  Graph* graph = nullptr;
  Stream* captureOrigin = nullptr;
  bool joined = true;  // of a forked capture
  const Node* last = nullptr;
};

struct Event {
  bool timing = true;
  Stream* stream = nullptr;
  u64 recorded = 0;  // what must be done in the stream
  double milliseconds = -1;
  Stream* captured = nullptr;
};

struct State {
  std::recursive_mutex lock;
  bool initialised = false;
  int version = 13000;  // of CUDA, as drivers tell it
  int devices = 1;
  int multiprocessors = 4;  // what each of them is
  int capability = 80;
  int retained[16] = {};
  Settings settings;
  bool eager = false;
  std::atomic<u64> lag{0};  // microseconds that whoever waits for work loses
  int sticky = 0;
  std::string report;  // of the sticky error
  std::set<Stream*> streams;
  std::set<Event*> events;
  std::set<Module*> modules;
  std::set<DriverFunction*> functions;
  std::set<Graph*> graphs;
  std::set<GraphExec*> execs;
  Stream legacy;  // the default stream
  u64 captures = 0;
  std::map<std::string, Work> work;  // by kernel
};

State& state();

/// Bytes of shared memory that a block of the card may ask for.
u32 sharedLimit();

constexpr int kSuccess = 0, kInvalidValue = 1, kOutOfMemory = 2, kNotInitialized = 3, kNoDevice = 100, kInvalidDevice = 101,
              kInvalidContext = 201, kNoBinary = 209, kInvalidPtx = 218, kUnsupportedPtx = 222, kInvalidHandle = 400, kNotFound = 500,
              kNotReady = 600, kCaptureUnsupported = 900, kCaptureInvalidated = 901, kUnjoined = 904, kCaptureImplicit = 906,
              kCapturedEvent = 907, kWrongThread = 908;

/// Puts work into a stream, or into the graph that is being captured from it. 0 is the default stream.
int submit(Stream* stream, Operation operation);
/// Runs what waits in a stream, to its end or to a number.
void runUntil(Stream& stream, u64 until);
void runAll();
/// @return null for a handle that is not a stream's
Stream* streamOf(void* handle);
/// Whether a call must not happen because a stream is being captured; marks the capture invalid.
bool forbidsUnsafe();
/// Runs one operation now.
void perform(Operation& operation);

}  // namespace standin
