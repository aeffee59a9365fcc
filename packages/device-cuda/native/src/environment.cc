#include "environment.h"

namespace {

// How long the end of a process or worker waits for the card, in milliseconds.
constexpr int kPatience = 500;

}  // namespace

void throwFailure(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, describe(failure));
  error.Set("code", Napi::Number::New(env, failure.code));
  error.Set("call", Napi::String::New(env, failure.call));
  error.Set("step", Napi::Number::New(env, failure.step));
  error.Set("started", Napi::Boolean::New(env, failure.started));
  if (!failure.log.empty()) error.Set("log", Napi::String::New(env, failure.log));
  error.ThrowAsJavaScriptException();
}

Environment& Environment::of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

OpenDevice* Environment::open(Napi::Env env, int ordinal, bool caching, Napi::Function onOutcome) {
  Environment& environment = of(env);
  auto* opened = new OpenDevice{&environment, environment.next_++, nullptr, nullptr, Napi::Persistent(onOutcome), {}, {}};
  const Napi::String name = Napi::String::New(env, "torchlet cuda");
  const napi_status status = napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, opened, forget, opened,
                                                             tellOutcomes, &opened->tell);
  if (status != napi_ok) {
    delete opened;
    Napi::Error::New(env, "the waiter of the device could not be made").ThrowAsJavaScriptException();
    return nullptr;
  }
  if (Failure failure = Device::open(ordinal, caching, env, opened->tell, &opened->device)) {
    napi_release_threadsafe_function(opened->tell, napi_tsfn_abort);
    throwFailure(env, failure);
    return nullptr;
  }
  // After the function was made: hooks run newest first, and the waiter must end before what it calls.
  napi_add_env_cleanup_hook(env, endOfEnvironment, opened);
  environment.devices_[opened->id] = opened;
  return opened;
}

OpenDevice* Environment::find(uint32_t id) {
  const auto found = devices_.find(id);
  return found == devices_.end() ? nullptr : found->second;
}

void Environment::close(Napi::Env env, OpenDevice& open) {
  napi_remove_env_cleanup_hook(env, endOfEnvironment, &open);
  if (!open.ring.IsEmpty()) napi_detach_arraybuffer(env, open.ring.Value());
  open.lifetimes.clear(env);
  open.device->close(-1);
  devices_.erase(open.id);
  napi_release_threadsafe_function(open.tell, napi_tsfn_abort);
}

// A worker that is being terminated still comes here, where JavaScript cannot be called any more: that exception goes nowhere (binding.gyp).
void Environment::tellOutcomes(napi_env rawEnv, napi_value, void* context, void*) {
  if (rawEnv == nullptr) return;
  auto& open = *static_cast<OpenDevice*>(context);
  const Napi::Env env(rawEnv);
  const Napi::HandleScope scope(env);
  for (const Outcome& outcome : open.device->waiter.takeOutcomes()) {
    const Failure& failure = outcome.failure;
    const Napi::Value text = failure ? Napi::String::New(env, describe(failure)) : env.Null();
    open.onOutcome.Call({Napi::Number::New(env, static_cast<double>(outcome.sequence)),
                         Napi::Number::New(env, failure.code), text});
    if (env.IsExceptionPending()) return;
  }
}

void Environment::forget(napi_env, void* data, void*) { delete static_cast<OpenDevice*>(data); }

void Environment::endOfEnvironment(void* data) {
  auto& open = *static_cast<OpenDevice*>(data);
  open.device->close(kPatience);
  open.environment->devices_.erase(open.id);
}
