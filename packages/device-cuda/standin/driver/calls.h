// How each call of the driver enters: one at a time, counted, failed where a test asks for it, refused after an error that
// stays. Nothing here knows what a call does.
#pragma once
#include "state.h"

#define DRIVER_API extern "C" __attribute__((visibility("default"))) int

namespace standin {

/// What must be there before a call does its work.
enum class Needs : u8 { nothing, driver, context };

/// A failure that a test asked for, or 0. Counts the call.
int injected(const char* name);
void makeCurrent(bool current);
bool isCurrent();

/// Keeps a fault as the error that stays. @return its code
int keep(const Fault& fault);

template <class F>
int call(const char* name, Needs needs, F work) {
  State& known = state();
  const std::lock_guard<std::recursive_mutex> hold(known.lock);
  if (const int code = injected(name)) return code >= 700 && code < 720 ? keep({code, std::string(name) + " was made to fail"}) : code;
  if (needs != Needs::nothing && !known.initialised) return kNotInitialized;
  if (needs != Needs::nothing && known.sticky != 0) return known.sticky;
  if (needs == Needs::context && !isCurrent()) return kInvalidContext;
  try {
    return work();
  } catch (const Fault& fault) {
    return keep(fault);
  } catch (const std::bad_alloc&) {
    return kOutOfMemory;
  }
}

}  // namespace standin
