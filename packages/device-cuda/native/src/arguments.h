// Arguments from JavaScript, which were checked there, and results to it: numbers, or a thrown failure. Owns nothing else.
#pragma once
#include "environment.h"

inline size_t sizeAt(const Napi::CallbackInfo& info, size_t i) {
  return static_cast<size_t>(info[i].As<Napi::Number>().DoubleValue());
}

inline uint32_t idAt(const Napi::CallbackInfo& info, size_t i) { return info[i].As<Napi::Number>().Uint32Value(); }

// The device that the first argument names, current on this thread; null where that failed, which was thrown.
inline OpenDevice* deviceAt(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  OpenDevice* open = Environment::of(env).find(idAt(info, 0));
  if (open == nullptr) {
    Napi::Error::New(env, "the device is closed").ThrowAsJavaScriptException();
    return nullptr;
  }
  if (Failure failure = open->device->enter()) {
    throwFailure(env, failure);
    return nullptr;
  }
  return open;
}

// Whether an object was not made: in a worker that is being terminated the engine makes none, and the exception for it goes nowhere.
inline bool isMissing(const Napi::Value& made) { return made.IsEmpty(); }

inline Napi::Value numberOr(Napi::Env env, const Failure& failure, double number) {
  if (!failure) return Napi::Number::New(env, number);
  throwFailure(env, failure);
  return env.Undefined();
}

inline Napi::Value nothingOr(Napi::Env env, const Failure& failure) {
  if (failure) throwFailure(env, failure);
  return env.Undefined();
}
