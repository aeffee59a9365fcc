// What stand-ins of NVIDIA's libraries have in common: the living objects of one type, by handle, so that a handle that is not known, or was destroyed, is refused.
#pragma once
#include <mutex>
#include <set>

#include "../driver/for-libraries.h"

#define LIBRARY_API extern "C" __attribute__((visibility("default")))

namespace standin::library {

template <class T>
class Known {
 public:
  /// @return whether there was somewhere to put the handle
  bool create(void** handle, T made = {}) {
    if (handle == nullptr) return false;
    const std::lock_guard<std::mutex> hold(lock_);
    auto* object = new T(made);
    known_.insert(object);
    count(1);
    *handle = object;
    return true;
  }
  T* find(void* handle) {
    const std::lock_guard<std::mutex> hold(lock_);
    return known_.count(static_cast<T*>(handle)) == 0 ? nullptr : static_cast<T*>(handle);
  }
  /// @return whether it was there
  bool destroy(void* handle) {
    const std::lock_guard<std::mutex> hold(lock_);
    if (known_.erase(static_cast<T*>(handle)) == 0) return false;
    delete static_cast<T*>(handle);
    count(-1);
    return true;
  }

 private:
  std::mutex lock_;
  std::set<T*> known_;
};

}  // namespace standin::library
