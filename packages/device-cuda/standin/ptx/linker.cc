// Puts a kernel together; see linker.h.
#include "linker.h"

#include <algorithm>

#include "../operations/opcodes.h"

namespace standin {
namespace {

constexpr u32 kDeepestCall = 64;

u32 aligned(u64 value, u32 to) { return static_cast<u32>((value + to - 1) / to * to); }

}  // namespace

Kernel Linker::link(const Function& entry) {
  kernel_ = Kernel{};
  kernel_.name = entry.name;
  kernel_.syntax = &syntax_;
  kernel_.maxThreads = entry.maxThreads;
  std::copy_n(entry.requiredThreads, 3, kernel_.requiredThreads);
  kernel_.paramBytes = entry.paramBytes;
  for (const auto& name : entry.parameters) {
    const Variable& parameter = entry.scopes[0].variables.at(name);
    if (entry.entry) kernel_.parameters.push_back({static_cast<u32>(parameter.offset), static_cast<u32>(parameter.bytes)});
  }
  instance(entry, 0, 0, 0);
  // Falling off the end of an entry ends the thread; branches to a label at the end come here too.
  Instruction leave;
  leave.flow = Flow::leave;
  leave.line = entry.line;
  kernel_.code.push_back(leave);
  finish();
  return std::move(kernel_);
}

void Linker::instance(const Function& function, u32 frame, u32 local, u32 depth) {
  if (depth > kDeepestCall) throw PtxError(function.line, function.name + " calls itself, which is not known");
  auto shared = moduleShared_.find("." + function.name);
  if (shared == moduleShared_.end()) {
    const u32 at = aligned(kernel_.sharedBytes, 16);
    if (function.sharedBytes > 0) kernel_.sharedBytes = at + function.sharedBytes;
    shared = moduleShared_.emplace("." + function.name, at).first;
  }
  Instance here{function, frame, local, static_cast<u32>(shared->second), {}, depth};
  Instance* const caller = current_;
  current_ = &here;
  highestFrame_ = std::max(highestFrame_, frame + function.frameBytes);
  highestLocal_ = std::max(highestLocal_, local + function.localBytes);

  const size_t from = kernel_.code.size();
  for (const Statement& statement : function.statements) {
    here.starts.push_back(static_cast<u32>(kernel_.code.size()));
    Reading reading(*this, statement);
    if (statement.opcode == "call") {
      call(reading);
      continue;
    }
    decode(reading);
    reading.finish();
    // Returning from a function that was put in its caller's code is going on behind it.
    if (statement.opcode == "ret" && depth > 0) {
      reading.made.flow = Flow::branch;
      reading.made.target = static_cast<u32>(function.statements.size());
    }
    if (!reading.touched().empty()) touched_[static_cast<u32>(kernel_.code.size())] = reading.touched();
    emit(reading.made);
    for (const Instruction& next : reading.following()) emit(next);
  }
  here.starts.push_back(static_cast<u32>(kernel_.code.size()));
  resolve(from);
  current_ = caller;
}

/** Branches name statements until the function's code is complete. */
void Linker::resolve(size_t from) {
  for (size_t at = from; at < kernel_.code.size(); at++) {
    Instruction& instruction = kernel_.code[at];
    if (instruction.site == ~0u) continue;  // of a function that was put here: done already
    if (instruction.flow == Flow::branch) instruction.target = current_->starts.at(instruction.target);
    if (instruction.flow == Flow::table) {
      for (u32 entry = 0; entry < instruction.count; entry++) {
        i32& target = kernel_.lists[instruction.list + entry];
        target = static_cast<i32>(current_->starts.at(static_cast<size_t>(target)));
      }
    }
    if (instruction.flow == Flow::branch || instruction.flow == Flow::table) instruction.site = ~0u;
  }
}

void Linker::emit(const Instruction& instruction) { kernel_.code.push_back(instruction); }

/** `call (results), name, (arguments)`: arguments are moved, the function's code stands here, results are moved back. */
void Linker::call(Reading& reading) {
  reading.take("uni");
  reading.finish();
  const Statement& statement = reading.statement();
  const bool hasResults = !statement.operands.empty() && statement.operands[0].kind == Operand::Kind::list;
  const size_t nameAt = hasResults ? 1 : 0;
  const std::string& name = reading.operand(nameAt).name;
  const auto found = syntax_.functions.find(name);
  if (found == syntax_.functions.end() || !found->second->defined) reading.fail("function '" + name + "' is not defined");
  const Function& callee = *found->second;
  const std::vector<Operand> none;
  const auto& results = hasResults ? statement.operands[0].list : none;
  const auto& arguments = statement.operands.size() > nameAt + 1 ? statement.operands[nameAt + 1].list : none;
  if (results.size() != callee.results.size() || arguments.size() != callee.parameters.size()) {
    reading.fail(name + " has " + std::to_string(callee.parameters.size()) + " parameters and " +
                 std::to_string(callee.results.size()) + " results");
  }
  const u32 frame = aligned(current_->frame + current_->function.frameBytes, 64);
  const u32 local = aligned(current_->local + current_->function.localBytes, 16);
  const u32 depth = current_->depth + 1;

  const size_t skip = kernel_.code.size();
  if (reading.made.guarded != 0) {
    Instruction jump = reading.made;
    jump.guarded = jump.guarded == 1 ? 2 : 1;
    jump.flow = Flow::branch;
    jump.site = ~0u;
    emit(jump);
  }
  for (size_t at = 0; at < arguments.size(); at++) argument(callee, callee.parameters[at], frame, local, reading, arguments[at], false);
  instance(callee, frame, local, depth);
  for (size_t at = 0; at < results.size(); at++) argument(callee, callee.results[at], frame, local, reading, results[at], true);
  if (reading.made.guarded != 0) kernel_.code[skip].target = static_cast<u32>(kernel_.code.size());
}

void Linker::argument(const Function& callee, const std::string& name, u32 frame, u32 local, Reading& reading,
                      const Operand& actual, bool result) {
  const Variable& formal = callee.scopes[0].variables.at(name);
  const Variable* variable = variableNamed(actual.name, reading.statement().scope);
  Instruction move;
  move.line = reading.statement().line;
  if (formal.stacked) {
    if (variable == nullptr || !variable->stacked || variable->bytes != formal.bytes) reading.fail("argument " + name + " does not fit");
    const i32 theirs = static_cast<i32>(formal.offset + local), ours = static_cast<i32>(variable->offset + current_->local);
    move.run = copyLocal;
    move.d = result ? ours : theirs;
    move.a = result ? theirs : ours;
    move.target = static_cast<u32>(formal.bytes);
  } else {
    const bool framed = variable != nullptr && variable->framed;
    if (framed && bytesOf(variable->type) != bytesOf(formal.type)) reading.fail("argument " + name + " does not fit");
    const i32 theirs = static_cast<i32>(formal.offset + frame);
    const i32 ours = framed   ? static_cast<i32>(variable->offset + current_->frame)
                     : result ? reading.destination(actual, formal.type)
                              : reading.source(actual, formal.type);
    move.run = moveOf(bytesOf(formal.type));
    move.d = result ? ours : theirs;
    move.a = result ? theirs : ours;
  }
  emit(move);
}

const Register* Linker::registerNamed(const std::string& name, u32 scope) const {
  const auto& scopes = current_->function.scopes;
  for (i32 at = static_cast<i32>(scope); at >= 0; at = scopes[at].parent) {
    const auto found = scopes[at].registers.find(name);
    if (found != scopes[at].registers.end()) return &found->second;
  }
  return nullptr;
}

const Variable* Linker::variableNamed(const std::string& name, u32 scope) const {
  const auto& scopes = current_->function.scopes;
  for (i32 at = static_cast<i32>(scope); at >= 0; at = scopes[at].parent) {
    const auto found = scopes[at].variables.find(name);
    if (found != scopes[at].variables.end()) return &found->second;
  }
  const auto found = syntax_.variables.find(name);
  return found == syntax_.variables.end() ? nullptr : &found->second;
}

i32 Linker::addressOf(const Variable& variable, u32 bytes) {
  const PtxError unknown(current_->function.line, "the address of " + variable.name + " is not known");
  if (bytes < 4 || variable.framed) throw unknown;
  if (variable.stacked || variable.space == Space::local) return constant(variable.offset + current_->local, bytes);
  if (variable.space == Space::param) return constant(variable.offset, bytes);
  const bool ofModule = syntax_.variables.count(variable.name) != 0 && &syntax_.variables.at(variable.name) == &variable;
  if (variable.space == Space::shared && !ofModule) return constant(variable.offset + current_->shared, bytes);
  if (variable.space != Space::shared) {
    const auto found = addresses_.find(variable.name);
    if (found == addresses_.end() || bytes != 8) throw unknown;
    return constant(found->second, 8);
  }
  if (variable.external && variable.bytes == 0) {
    // Dynamic shared memory starts behind the static, whose size is known at the end.
    const i32 place = reserve(kLanes * bytes);
    dynamicShared_.push_back(kernel_.constants.size());
    dynamicAlign_ = std::max(dynamicAlign_, variable.align);
    kernel_.constants.push_back({place, static_cast<u8>(bytes), 0});
    return place;
  }
  auto known = moduleShared_.find(variable.name);
  if (known == moduleShared_.end()) {
    const u32 at = aligned(kernel_.sharedBytes, std::max<u32>(variable.align, 16));
    kernel_.sharedBytes = at + static_cast<u32>(variable.bytes);
    known = moduleShared_.emplace(variable.name, at).first;
  }
  return constant(known->second, bytes);
}

i32 Linker::reserve(u32 bytes) {
  kernel_.constantBytes += aligned(bytes, 64);
  return -static_cast<i32>(kernel_.constantBytes);
}

i32 Linker::constant(u64 bits, u32 bytes) {
  if (bytes < 8) bits &= (1ull << bytes * 8) - 1;
  const auto known = known_.find({bits, bytes});
  if (known != known_.end()) return known->second;
  const i32 place = reserve(kLanes * std::max<u32>(bytes, 2));
  kernel_.constants.push_back({place, static_cast<u8>(bytes), bits});
  known_[{bits, bytes}] = place;
  return place;
}

i32 Linker::special(Special which, bool wide) {
  const auto known = specials_.find({which, wide});
  if (known != specials_.end()) return known->second;
  const i32 place = reserve(kLanes * (wide ? 8 : 4));
  kernel_.specials.push_back({place, which, wide});
  specials_[{which, wide}] = place;
  return place;
}

/** Instructions that touch sums, other than the products themselves, say so. */
void Linker::markSums() {
  for (auto& [at, places] : touched_) {
    Instruction& instruction = kernel_.code[at];
    places.erase(std::remove_if(places.begin(), places.end(), [&](i32 place) { return sums_.count(place) == 0; }), places.end());
    if (places.empty() || instruction.flow == Flow::converge) continue;
    instruction.touchesSums = 1;
    kernel_.touched[at] = places;
  }
}

void Linker::finish() {
  markSums();
  const u32 staticBytes = aligned(kernel_.sharedBytes, dynamicAlign_);
  if (!dynamicShared_.empty()) kernel_.sharedBytes = staticBytes;
  for (const size_t at : dynamicShared_) kernel_.constants[at].bits = staticBytes;
  kernel_.frameBytes = aligned(highestFrame_, 64);
  kernel_.localBytes = aligned(highestLocal_, 16);
}

}  // namespace standin
