// Marks on the stream, and the one thread that waits for them. A mark is an event behind the work that was submitted so far; marks have numbers that
// grow, and are reached in order. Owns the thread, the events and the way back to JavaScript; what a mark stands for the caller knows.
#pragma once
#include <node_api.h>
#include <uv.h>

#include <deque>
#include <vector>

#include "driver.h"

// What became of marks: all up to `sequence` were reached, or waiting for `sequence` failed.
struct Outcome {
  uint64_t sequence;
  Failure failure;
};

class Waiter {
 public:
  // `tell` is called on the JavaScript thread when there are outcomes.
  Failure start(napi_env env, CUcontext context, napi_threadsafe_function tell);
  // Marks what was submitted so far.
  Failure mark(CUstream stream, uint64_t* sequence);
  // Waits, which only back-pressure does. False where the card's answer was an error: then the work may still be under way.
  bool waitFor(uint64_t sequence);
  // The last mark that is known to be reached, and all before it.
  uint64_t reached();
  std::vector<Outcome> takeOutcomes();
  // Keeps the process alive while somebody waits for a promise.
  void hold(napi_env env, bool wanted);
  // Ends the thread. Where it waits for the driver longer than `patience` milliseconds it is left behind, and so must be what it uses. A negative
  // patience has no end. Gives whether the thread ended.
  bool stop(int patience);

 private:
  struct Mark {
    uint64_t sequence;
    CUevent event;
  };
  // What both threads see. Its end is the waiter's; a thread that was left behind keeps it.
  struct Shared {
    uv_mutex_t mutex;
    uv_cond_t changed;
    CUcontext context = nullptr;
    napi_threadsafe_function tell = nullptr;
    std::deque<Mark> marks;
    std::vector<CUevent> spare;
    std::vector<Outcome> outcomes;
    uint64_t last = 0;
    // The last one waited for, whatever came of it.
    uint64_t waited = 0;
    uint64_t reached = 0;
    bool stopping = false;
    bool ended = false;
    Shared();
    ~Shared();
  };

  static void run(void* argument);
  static Failure enter(Shared& shared);
  static Failure waitForEvent(Shared& shared, CUevent event);
  static void finish(Shared& shared, Failure failure);

  Shared* shared_ = nullptr;
  uv_thread_t thread_;
  bool isHeld_ = true;
};
