// Which of some JavaScript objects were collected. The engine tells through weak references at once, while WeakRef and FinalizationRegistry wait for the end
// of a task: a loop that never ends its task would keep the memory of everything that it dropped. They belong to Node-API proper, unlike finalizers that run
// inside a collection, and need no promise about what a finalizer may call.
#pragma once
#include <node_api.h>

#include <cstdint>
#include <vector>

class Lifetimes {
 public:
  // A number for `target`, which lives no longer for it.
  uint32_t watch(napi_env env, napi_value target);
  // The object of a number, or null once it was collected.
  napi_value find(napi_env env, uint32_t number) const;
  // Numbers of those that were collected, each told once. Where no collection ran since the last call it asks for none of them.
  std::vector<uint32_t> ended(napi_env env);
  void clear(napi_env env);

 private:
  bool hasCollected(napi_env env);

  std::vector<napi_ref> watched_;
  std::vector<uint32_t> unused_;
  // An object that nobody has: when it is gone, a collection has run.
  napi_ref probe_ = nullptr;
};
