#include "lifetimes.h"

namespace {

napi_ref weakly(napi_env env, napi_value target) {
  napi_ref reference = nullptr;
  napi_create_reference(env, target, 0, &reference);
  return reference;
}

napi_value targetOf(napi_env env, napi_ref reference) {
  napi_value target = nullptr;
  if (reference != nullptr) napi_get_reference_value(env, reference, &target);
  return target;
}

}  // namespace

uint32_t Lifetimes::watch(napi_env env, napi_value target) {
  const napi_ref reference = weakly(env, target);
  if (unused_.empty()) {
    watched_.push_back(reference);
    return static_cast<uint32_t>(watched_.size() - 1);
  }
  const uint32_t number = unused_.back();
  unused_.pop_back();
  watched_[number] = reference;
  return number;
}

napi_value Lifetimes::find(napi_env env, uint32_t number) const {
  return number < watched_.size() ? targetOf(env, watched_[number]) : nullptr;
}

std::vector<uint32_t> Lifetimes::ended(napi_env env) {
  std::vector<uint32_t> numbers;
  if (!hasCollected(env)) return numbers;
  for (uint32_t number = 0; number < watched_.size(); number++) {
    napi_ref& reference = watched_[number];
    if (reference == nullptr) continue;
    napi_handle_scope scope = nullptr;
    napi_open_handle_scope(env, &scope);
    const bool isGone = targetOf(env, reference) == nullptr;
    napi_close_handle_scope(env, scope);
    if (!isGone) continue;
    napi_delete_reference(env, reference);
    reference = nullptr;
    unused_.push_back(number);
    numbers.push_back(number);
  }
  return numbers;
}

void Lifetimes::clear(napi_env env) {
  for (const napi_ref reference : watched_)
    if (reference != nullptr) napi_delete_reference(env, reference);
  if (probe_ != nullptr) napi_delete_reference(env, probe_);
  watched_.clear();
  unused_.clear();
  probe_ = nullptr;
}

bool Lifetimes::hasCollected(napi_env env) {
  if (targetOf(env, probe_) != nullptr) return false;
  if (probe_ != nullptr) napi_delete_reference(env, probe_);
  napi_value object = nullptr;
  napi_create_object(env, &object);
  probe_ = weakly(env, object);
  return true;
}
