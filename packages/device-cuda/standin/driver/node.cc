// The library as a Node addon: `call(name, ...arguments)` and `text(name)`, for tests. Node's functions are found when Node
// loads this, so that other programs can load the library too.
#include <dlfcn.h>

#include <string>

#include "state.h"

namespace {

using standin::u64;
using Env = void*;
using Value = void*;
using Info = void*;

template <class F>
F node(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_DEFAULT, name));
}

constexpr int kNumber = 3, kString = 4, kBigint = 9;

u64 argument(Env env, Value value, std::string& text) {
  int type = 0;
  node<int (*)(Env, Value, int*)>("napi_typeof")(env, value, &type);
  u64 bits = 0;
  if (type == kNumber) {
    node<int (*)(Env, Value, u64*)>("napi_get_value_int64")(env, value, &bits);
  } else if (type == kBigint) {
    bool lossless;
    node<int (*)(Env, Value, u64*, bool*)>("napi_get_value_bigint_uint64")(env, value, &bits, &lossless);
  } else if (type == kString) {
    size_t length = 0;
    const auto get = node<int (*)(Env, Value, char*, size_t, size_t*)>("napi_get_value_string_utf8");
    get(env, value, nullptr, 0, &length);
    text.resize(length + 1);
    get(env, value, text.data(), length + 1, &length);
    bits = reinterpret_cast<u64>(text.data());
  } else {
    int kind;
    size_t length, offset;
    void* data = nullptr;
    Value buffer;
    node<int (*)(Env, Value, int*, size_t*, void**, Value*, size_t*)>("napi_get_typedarray_info")(env, value, &kind, &length, &data, &buffer, &offset);
    bits = reinterpret_cast<u64>(data);
  }
  return bits;
}

constexpr size_t kMost = 12;

void* named(Env env, Value value) {
  std::string name;
  argument(env, value, name);
  Dl_info self;
  dladdr(reinterpret_cast<void*>(&named), &self);
  void* found = dlsym(dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD), name.c_str());
  if (found == nullptr) node<int (*)(Env, const char*, const char*)>("napi_throw_error")(env, nullptr, ("the stand-in has no " + std::string(name.c_str())).c_str());
  return found;
}

Value call(Env env, Info info) {
  size_t count = kMost;
  Value values[kMost];
  node<int (*)(Env, Info, size_t*, Value*, Value*, void**)>("napi_get_cb_info")(env, info, &count, values, nullptr, nullptr);
  void* function = named(env, values[0]);
  if (function == nullptr) return nullptr;
  u64 a[kMost] = {};
  std::string texts[kMost];
  for (size_t at = 1; at < count && at < kMost; at++) a[at] = argument(env, values[at], texts[at]);
  const auto run = reinterpret_cast<int (*)(u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64)>(function);
  const int code = run(a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11]);
  Value result = nullptr;
  node<int (*)(Env, int, Value*)>("napi_create_int32")(env, code, &result);
  return result;
}

Value text(Env env, Info info) {
  size_t count = 1;
  Value name;
  node<int (*)(Env, Info, size_t*, Value*, Value*, void**)>("napi_get_cb_info")(env, info, &count, &name, nullptr, nullptr);
  void* function = named(env, name);
  if (function == nullptr) return nullptr;
  Value result = nullptr;
  node<int (*)(Env, const char*, size_t, Value*)>("napi_create_string_utf8")(env, reinterpret_cast<const char* (*)()>(function)(), SIZE_MAX, &result);
  return result;
}

/** Where a typed array's memory lies, so that arguments can point to it. */
Value addressOf(Env env, Info info) {
  size_t count = 1;
  Value array;
  node<int (*)(Env, Info, size_t*, Value*, Value*, void**)>("napi_get_cb_info")(env, info, &count, &array, nullptr, nullptr);
  std::string none;
  Value result = nullptr;
  node<int (*)(Env, u64, Value*)>("napi_create_bigint_uint64")(env, argument(env, array, none), &result);
  return result;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) Value napi_register_module_v1(Env env, Value exports) {
  const auto create = node<int (*)(Env, const char*, size_t, Value (*)(Env, Info), void*, Value*)>("napi_create_function");
  const auto set = node<int (*)(Env, Value, const char*, Value)>("napi_set_named_property");
  Value function;
  const auto add = [&](const char* name, Value (*run)(Env, Info)) {
    create(env, name, SIZE_MAX, run, nullptr, &function);
    set(env, exports, name, function);
  };
  add("call", call);
  add("text", text);
  add("addressOf", addressOf);
  return exports;
}
