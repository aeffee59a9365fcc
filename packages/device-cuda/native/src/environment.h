// What belongs to one JavaScript environment (the main thread's or a worker's): the devices that it opened, by number, and how the waiter's news get
// to it. Numbers, not pointers, cross the boundary, so that a call on a closed device is an error and not a crash.
#pragma once
#include <napi.h>

#include <map>
#include <memory>

#include "device.h"
#include "lifetimes.h"

class Environment;

struct OpenDevice {
  Environment* environment;
  uint32_t id;
  std::unique_ptr<Device> device;
  napi_threadsafe_function tell = nullptr;
  // Called with (sequence, code, description) for each outcome.
  Napi::FunctionReference onOutcome;
  Napi::ObjectReference ring;
  Lifetimes lifetimes;
};

class Environment {
 public:
  // Null where it could not be opened; the failure was thrown.
  static OpenDevice* open(Napi::Env env, int ordinal, bool caching, Napi::Function onOutcome);
  static Environment& of(Napi::Env env);
  OpenDevice* find(uint32_t id);
  void close(Napi::Env env, OpenDevice& open);

 private:
  static void tellOutcomes(napi_env env, napi_value callback, void* context, void* data);
  static void forget(napi_env env, void* data, void* context);
  static void endOfEnvironment(void* open);

  std::map<uint32_t, OpenDevice*> devices_;
  uint32_t next_ = 1;
};

// Throws a failure as an Error with `code`, `call`, `step`, `started` and, where the compiler said something, `log`.
void throwFailure(Napi::Env env, const Failure& failure);
