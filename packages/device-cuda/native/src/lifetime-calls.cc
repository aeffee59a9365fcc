#include "lifetime-calls.h"

#include <algorithm>

#include "arguments.h"

Napi::Value watchObject(const Napi::CallbackInfo& info) {
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), open->lifetimes.watch(info.Env(), info[1]));
}

Napi::Value watchedObject(const Napi::CallbackInfo& info) {
  OpenDevice* open = Environment::of(info.Env()).find(idAt(info, 0));
  const napi_value object = open == nullptr ? nullptr : open->lifetimes.find(info.Env(), idAt(info, 1));
  return object == nullptr ? info.Env().Undefined() : Napi::Value(info.Env(), object);
}

Napi::Value endedObjects(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  OpenDevice* open = Environment::of(env).find(idAt(info, 0));
  if (open == nullptr) return env.Undefined();
  const std::vector<uint32_t> numbers = open->lifetimes.ended(env);
  if (numbers.empty()) return env.Undefined();
  Napi::Uint32Array result = Napi::Uint32Array::New(env, numbers.size());
  if (isMissing(result)) return env.Undefined();
  std::copy(numbers.begin(), numbers.end(), result.Data());
  return result;
}
