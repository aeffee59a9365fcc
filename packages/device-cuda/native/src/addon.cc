// What JavaScript sees of the addon. Every argument was checked there (`src/native/`, `src/runtime/`); here numbers become calls, and failures become
// errors. Read `device.h` next.
#include <cstring>

#include "arguments.h"
#include "cards.h"
#include "library-calls.h"
#include "lifetime-calls.h"

namespace {

// open(ordinal, caching, onOutcome): id
Napi::Value open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int ordinal = static_cast<int>(idAt(info, 0));
  OpenDevice* opened = Environment::open(env, ordinal, info[1].As<Napi::Boolean>().Value(), info[2].As<Napi::Function>());
  return opened == nullptr ? env.Undefined() : Napi::Number::New(env, opened->id);
}

// close(device)
Napi::Value close(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::of(info.Env());
  OpenDevice* opened = environment.find(idAt(info, 0));
  if (opened != nullptr) environment.close(info.Env(), *opened);
  return info.Env().Undefined();
}

// allocate(device, bytes): address
Napi::Value allocate(const Napi::CallbackInfo& info) {
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return info.Env().Undefined();
  CUdeviceptr address = 0;
  const Failure failure = open->device->allocator.allocate(sizeAt(info, 1), &address);
  return numberOr(info.Env(), failure, static_cast<double>(address));
}

// free(device, address): whether there was something to free. It does not fail: what the driver does not take back stays with the device.
Napi::Value release(const Napi::CallbackInfo& info) {
  OpenDevice* open = Environment::of(info.Env()).find(idAt(info, 0));
  if (open == nullptr) return Napi::Boolean::New(info.Env(), false);
  open->device->enter();
  return Napi::Boolean::New(info.Env(), open->device->allocator.free(sizeAt(info, 1)));
}

// trim(device)
Napi::Value trim(const Napi::CallbackInfo& info) {
  OpenDevice* open = deviceAt(info);
  return open == nullptr ? info.Env().Undefined() : nothingOr(info.Env(), open->device->allocator.trim());
}

// memory(device): { reserved, free, total }
Napi::Value memory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return env.Undefined();
  size_t free = 0;
  size_t total = 0;
  if (CUresult code = driver().cuMemGetInfo(&free, &total))
    return nothingOr(env, Failure{code, "cuMemGetInfo", {}, -1, false});
  const Napi::Object report = Napi::Object::New(env);
  report.Set("reserved", Napi::Number::New(env, static_cast<double>(open->device->allocator.reserved())));
  report.Set("free", Napi::Number::New(env, static_cast<double>(free)));
  report.Set("total", Napi::Number::New(env, static_cast<double>(total)));
  return report;
}

// reserved(device): bytes
Napi::Value reserved(const Napi::CallbackInfo& info) {
  OpenDevice* open = Environment::of(info.Env()).find(idAt(info, 0));
  const size_t bytes = open == nullptr ? 0 : open->device->allocator.reserved();
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

// zero(device, address, bytes)
Napi::Value zero(const Napi::CallbackInfo& info) {
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return info.Env().Undefined();
  return nothingOr(info.Env(), open->device->zero(sizeAt(info, 1), sizeAt(info, 2)));
}

// ring(device, bytes): the pinned memory, as an ArrayBuffer; the one before it is detached
Napi::Value ring(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return env.Undefined();
  if (Failure failure = open->device->growRing(sizeAt(info, 1))) return nothingOr(env, failure);
  if (!open->ring.IsEmpty()) napi_detach_arraybuffer(env, open->ring.Value());
  const Ring& made = open->device->ring;
  // The memory is the device's, and goes with it.
  const Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, made.memory(), made.bytes(), [](Napi::Env, void*) {});
  if (isMissing(buffer)) return env.Undefined();
  open->ring = Napi::Persistent(buffer.As<Napi::Object>());
  return buffer;
}

// stage(device, bytes): offset in the ring
Napi::Value stage(const Napi::CallbackInfo& info) {
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return info.Env().Undefined();
  size_t offset = 0;
  const Failure failure = open->device->stage(sizeAt(info, 1), &offset);
  return numberOr(info.Env(), failure, static_cast<double>(offset));
}

// upload(device, offset, address, bytes)
Napi::Value upload(const Napi::CallbackInfo& info) {
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return info.Env().Undefined();
  return nothingOr(info.Env(), open->device->upload(sizeAt(info, 1), sizeAt(info, 2), sizeAt(info, 3)));
}

// mark(device): sequence
Napi::Value mark(const Napi::CallbackInfo& info) {
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return info.Env().Undefined();
  uint64_t sequence = 0;
  const Failure failure = open->device->mark(&sequence);
  return numberOr(info.Env(), failure, static_cast<double>(sequence));
}

// hold(device, wanted)
Napi::Value hold(const Napi::CallbackInfo& info) {
  OpenDevice* open = Environment::of(info.Env()).find(idAt(info, 0));
  if (open != nullptr) open->device->waiter.hold(info.Env(), info[1].As<Napi::Boolean>().Value());
  return info.Env().Undefined();
}

// read(device, address, bytes): sequence
Napi::Value read(const Napi::CallbackInfo& info) {
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return info.Env().Undefined();
  uint64_t sequence = 0;
  const Failure failure = open->device->read(sizeAt(info, 1), sizeAt(info, 2), &sequence);
  return numberOr(info.Env(), failure, static_cast<double>(sequence));
}

// take(device, sequence): what was read, in fresh memory
Napi::Value take(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return env.Undefined();
  Napi::Value result = env.Undefined();
  open->device->finishRead(sizeAt(info, 1), [&](const ReadBlock& block) {
    Napi::ArrayBuffer copy = Napi::ArrayBuffer::New(env, block.bytes);
    if (isMissing(copy)) return;
    memcpy(copy.Data(), block.memory, block.bytes);
    result = copy;
  });
  return result;
}

// program(device, ptx, entries, steps, bases): id
Napi::Value program(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return env.Undefined();
  const Napi::Array names = info[2].As<Napi::Array>();
  std::vector<std::string> entries;
  for (uint32_t i = 0; i < names.Length(); i++) entries.push_back(names.Get(i).As<Napi::String>());
  const Napi::Float64Array steps = info[3].As<Napi::Float64Array>();
  const Napi::Float64Array bases = info[4].As<Napi::Float64Array>();
  auto loaded = std::make_unique<Loaded>(open->device->libraries);
  if (Failure failure = loaded->program.load(info[1].As<Napi::String>(), entries)) return nothingOr(env, failure);
  if (!loaded->program.decode(steps.Data(), steps.ElementLength(), bases.ElementLength())) {
    Napi::Error::New(env, "the steps of the program do not decode").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  if (Failure failure = loaded->program.allowSharedMemory()) return nothingOr(env, failure);
  loaded->bases = bases.Data();
  loaded->graphs = std::make_unique<Graphs>(loaded->program, bases.ElementLength());
  return Napi::Number::New(env, open->device->add(std::move(loaded)));
}

// remove(device, program)
Napi::Value removeProgram(const Napi::CallbackInfo& info) {
  OpenDevice* open = deviceAt(info);
  return open == nullptr ? info.Env().Undefined() : nothingOr(info.Env(), open->device->remove(idAt(info, 1)));
}

// forget(device, program): its graphs, whose addresses are void
Napi::Value forget(const Napi::CallbackInfo& info) {
  OpenDevice* open = deviceAt(info);
  Loaded* loaded = open == nullptr ? nullptr : open->device->find(idAt(info, 1));
  if (loaded != nullptr) loaded->graphs->clear();
  return info.Env().Undefined();
}

// run(device, program, inputOffset, inputs, inputBytes, mode): sequence. Modes: 0 as graphs, 1 step by step, 2 each step waited for, 3 each step timed
Napi::Value run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return env.Undefined();
  const uint32_t id = idAt(info, 1);
  if (open->device->find(id) == nullptr) {
    Napi::Error::New(env, "there is no such program").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const uint32_t mode = idAt(info, 5);
  const RunOptions options{sizeAt(info, 2), sizeAt(info, 3), sizeAt(info, 4), mode == 2, mode == 3, mode == 0};
  uint64_t sequence = 0;
  const Failure failure = open->device->run(id, options, &sequence);
  return numberOr(env, failure, static_cast<double>(sequence));
}

// times(device): program, step, milliseconds, one after the other
Napi::Value times(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return env.Undefined();
  std::vector<double> all;
  if (Failure failure = open->device->takeTimes(&all)) return nothingOr(env, failure);
  Napi::Float64Array result = Napi::Float64Array::New(env, all.size());
  if (isMissing(result)) return env.Undefined();
  std::copy(all.begin(), all.end(), result.Data());
  return result;
}

// dropTimes(device): forgets what was measured
Napi::Value dropTimes(const Napi::CallbackInfo& info) {
  OpenDevice* open = Environment::of(info.Env()).find(idAt(info, 0));
  if (open != nullptr) open->device->dropTimes();
  return info.Env().Undefined();
}

// counts(device): { captured, replayed, updatedNodes, direct, refused, refusal }
Napi::Value counts(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  OpenDevice* open = deviceAt(info);
  if (open == nullptr) return env.Undefined();
  const GraphCounts& counted = open->device->counts;
  const Napi::Object report = Napi::Object::New(env);
  report.Set("captured", Napi::Number::New(env, static_cast<double>(counted.captured)));
  report.Set("replayed", Napi::Number::New(env, static_cast<double>(counted.replayed)));
  report.Set("updatedNodes", Napi::Number::New(env, static_cast<double>(counted.updatedNodes)));
  report.Set("direct", Napi::Number::New(env, static_cast<double>(counted.direct)));
  report.Set("refused", Napi::Number::New(env, static_cast<double>(counted.refused)));
  report.Set("refusal", counted.refusal ? Napi::String::New(env, describe(counted.refusal)) : env.Null());
  return report;
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Environment());
  const auto give = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  give("driver", driverState);
  give("cards", cards);
  give("open", open);
  give("close", close);
  give("allocate", allocate);
  give("free", release);
  give("trim", trim);
  give("memory", memory);
  give("reserved", reserved);
  give("zero", zero);
  give("ring", ring);
  give("stage", stage);
  give("upload", upload);
  give("mark", mark);
  give("hold", hold);
  give("read", read);
  give("take", take);
  give("program", program);
  give("remove", removeProgram);
  give("forget", forget);
  give("run", run);
  give("times", times);
  give("dropTimes", dropTimes);
  give("counts", counts);
  give("watch", watchObject);
  give("watched", watchedObject);
  give("ended", endedObjects);
  give("library", libraryState);
  give("startLibrary", startLibrary);
  give("giveWorkspace", giveWorkspace);
  give("planProduct", planProduct);
  give("planConvolution", planConvolution);
  give("libraryCounts", libraryCounts);
  return exports;
}

}  // namespace

NODE_API_MODULE(torchlet_cuda, initialize)
