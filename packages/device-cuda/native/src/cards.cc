#include "cards.h"

#include "arguments.h"

namespace {

struct Attribute {
  const char* name;
  int number;
};

// Names as in `addon.ts`, numbers as in cuda.h.
constexpr Attribute kAttributes[] = {
    {"multiprocessors", 16},      {"major", 75},          {"minor", 76},
    {"sharedBytesPerBlock", 97},  {"threadsPerBlock", 1}, {"clockKilohertz", 13},
    {"memoryKilohertz", 36},      {"busWidthBits", 37},   {"l2Bytes", 38},
};

Failure describeCard(Napi::Env env, int ordinal, Napi::Object card) {
  CUdevice device = 0;
  char name[256] = "";
  size_t bytes = 0;
  TORCHLET_TRY(cuDeviceGet, &device, ordinal);
  TORCHLET_TRY(cuDeviceGetName, name, sizeof name, device);
  TORCHLET_TRY(cuDeviceTotalMem, &bytes, device);
  card.Set("name", Napi::String::New(env, name));
  card.Set("memoryBytes", Napi::Number::New(env, static_cast<double>(bytes)));
  for (const Attribute& attribute : kAttributes) {
    int value = 0;
    TORCHLET_TRY(cuDeviceGetAttribute, &value, attribute.number, device);
    card.Set(attribute.name, Napi::Number::New(env, value));
  }
  return {};
}

}  // namespace

Napi::Value cards(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Napi::Array all = Napi::Array::New(env);
  for (int ordinal = 0; ordinal < driver().devices; ordinal++) {
    const Napi::Object card = Napi::Object::New(env);
    if (Failure failure = describeCard(env, ordinal, card)) return nothingOr(env, failure);
    all.Set(static_cast<uint32_t>(ordinal), card);
  }
  return all;
}

Napi::Value driverState(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const DriverState found = openDriver(info[0].As<Napi::String>());
  const Napi::Object state = Napi::Object::New(env);
  state.Set("reason", found.reason.empty() ? env.Null() : Napi::String::New(env, found.reason));
  state.Set("file", Napi::String::New(env, found.file));
  state.Set("version", Napi::Number::New(env, found.version));
  state.Set("count", Napi::Number::New(env, found.devices));
  return state;
}
