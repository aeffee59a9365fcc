#include "library-calls.h"

#include "arguments.h"

namespace {

// As TypeScript calls them; cuBLASLt is the other.
bool isCudnnAt(const Napi::CallbackInfo& info, size_t i) {
  const std::string name = info[i].As<Napi::String>();
  return name == "cuDNN";
}

}  // namespace

Napi::Value libraryState(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Napi::Array given = info[1].As<Napi::Array>();
  std::vector<std::string> files;
  for (uint32_t i = 0; i < given.Length(); i++) files.push_back(given.Get(i).As<Napi::String>());
  const bool named = info[2].As<Napi::Boolean>().Value();
  const LibraryState state = isCudnnAt(info, 0) ? openCudnn(files, named) : openCublasLt(files, named);
  const Napi::Object result = Napi::Object::New(env);
  result.Set("reason", state.reason.empty() ? env.Null() : Napi::String::New(env, state.reason));
  result.Set("file", Napi::String::New(env, state.file));
  result.Set("version", Napi::Number::New(env, static_cast<double>(state.version)));
  return result;
}

Napi::Value startLibrary(const Napi::CallbackInfo& info) {
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return info.Env().Undefined();
  Device& device = *open->device;
  return nothingOr(info.Env(), isCudnnAt(info, 1) ? device.startConvolutions() : device.libraries.products.start());
}

Napi::Value giveWorkspace(const Napi::CallbackInfo& info) {
  OpenDevice* open = deviceAt(info);
  if (open != nullptr) open->device->libraries.workIn(sizeAt(info, 1), sizeAt(info, 2));
  return info.Env().Undefined();
}

Napi::Value planProduct(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return env.Undefined();
  const Napi::Float64Array numbers = info[1].As<Napi::Float64Array>();
  if (numbers.ElementLength() != ProductShape::kNumbers) {
    Napi::Error::New(env, "the numbers are not those of a product").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  return Napi::Number::New(env, open->device->planProduct(numbers.Data()));
}

Napi::Value planConvolution(const Napi::CallbackInfo& info) {
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return info.Env().Undefined();
  const Napi::Float64Array numbers = info[1].As<Napi::Float64Array>();
  return Napi::Number::New(info.Env(), open->device->planConvolution(numbers.Data(), numbers.ElementLength()));
}

Napi::Value libraryCounts(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return env.Undefined();
  const Libraries& libraries = open->device->libraries;
  const PlanCounts& counts = isCudnnAt(info, 1) ? libraries.convolutions.counts() : libraries.products.counts();
  const Napi::Object report = Napi::Object::New(env);
  report.Set("asked", Napi::Number::New(env, static_cast<double>(counts.asked)));
  report.Set("reused", Napi::Number::New(env, static_cast<double>(counts.reused)));
  report.Set("refused", Napi::Number::New(env, static_cast<double>(counts.refused)));
  return report;
}
