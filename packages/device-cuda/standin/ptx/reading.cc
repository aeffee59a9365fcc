// How operands and modifiers of one statement are taken; see reading.h.
#include "reading.h"

#include <algorithm>
#include <cstring>

#include "linker.h"

namespace standin {
namespace {

constexpr u32 kPlainControl = 0x1F80;  // round to nearest, denormals kept, no traps

struct SpecialRegister {
  std::string_view name;
  Special which;
};

constexpr SpecialRegister specialRegisters[] = {
    {"%tid.x", Special::tidX}, {"%tid.y", Special::tidY}, {"%tid.z", Special::tidZ},
    {"%ntid.x", Special::ntidX}, {"%ntid.y", Special::ntidY}, {"%ntid.z", Special::ntidZ},
    {"%ctaid.x", Special::ctaidX}, {"%ctaid.y", Special::ctaidY}, {"%ctaid.z", Special::ctaidZ},
    {"%nctaid.x", Special::nctaidX}, {"%nctaid.y", Special::nctaidY}, {"%nctaid.z", Special::nctaidZ},
    {"%laneid", Special::laneid}, {"%warpid", Special::warpid}, {"%nwarpid", Special::nwarpid},
    {"%smid", Special::smid}, {"%nsmid", Special::nsmid}, {"%gridid", Special::gridid},
    {"%lanemask_eq", Special::lanemaskEq}, {"%lanemask_le", Special::lanemaskLe}, {"%lanemask_lt", Special::lanemaskLt},
    {"%lanemask_ge", Special::lanemaskGe}, {"%lanemask_gt", Special::lanemaskGt},
    {"%dynamic_smem_size", Special::dynamicSharedBytes}, {"%total_smem_size", Special::totalSharedBytes},
};

Special specialNamed(std::string_view name) {
  for (const auto& row : specialRegisters) {
    if (row.name == name) return row.which;
  }
  return Special::none;
}

/** Whether ptxas lets a register of one type stand where an instruction has another. */
bool compatible(Type have, Type want) {
  if ((have == Type::pred) != (want == Type::pred)) return false;
  const Class a = info(have).kind, b = info(want).kind;
  return a == Class::bits || b == Class::bits || a == b;
}

}  // namespace

Reading::Reading(Linker& linker, const Statement& statement) : linker_(linker), statement_(statement) {
  left_.assign(statement.modifiers.begin(), statement.modifiers.end());
  made.line = statement.line;
  if (statement.guard.empty()) return;
  const Register* guard = linker.registerNamed(statement.guard, statement.scope);
  if (guard == nullptr || guard->type != Type::pred) fail("'" + statement.guard + "' is not a predicate");
  made.guard = static_cast<i32>(guard->offset + linker.current_->frame);
  made.guarded = statement.guardNegated ? 2 : 1;
}

bool Reading::take(std::string_view name) {
  const auto found = std::find(left_.begin(), left_.end(), name);
  if (found == left_.end()) return false;
  left_.erase(found);
  return true;
}

bool Reading::has(std::string_view name) const { return std::find(left_.begin(), left_.end(), name) != left_.end(); }

std::optional<u32> Reading::takeOneOf(std::initializer_list<std::string_view> names) {
  u32 at = 0;
  for (const auto name : names) {
    if (take(name)) return at;
    at++;
  }
  return std::nullopt;
}

void Reading::require(std::string_view name) {
  if (!take(name)) fail("expected ." + std::string(name));
}

Type Reading::type() {
  for (auto at = left_.begin(); at != left_.end(); ++at) {
    if (const auto found = typeNamed(*at)) {
      left_.erase(at);
      return *found;
    }
  }
  fail("a type is missing");
}

Type Reading::typeOf(std::initializer_list<Type> allowed) {
  const Type found = type();
  if (std::find(allowed.begin(), allowed.end(), found) == allowed.end()) {
    fail("type ." + std::string(info(found).name) + " is not known here");
  }
  return found;
}

void Reading::flush() {
  if (take("ftz")) made.control = (made.control == 0 ? kPlainControl : made.control) | 0x8040;
}

bool Reading::rounding() {
  flush();
  const auto mode = takeOneOf({"rn", "rm", "rp", "rz"});
  if (mode && *mode > 0) made.control = (made.control == 0 ? kPlainControl : made.control) | *mode << 13;
  return mode.has_value();
}

void Reading::hints() {
  takeOneOf({"weak", "volatile", "relaxed", "acquire", "release", "acq_rel"});
  takeOneOf({"cta", "cluster", "gpu", "sys"});
  takeOneOf({"ca", "cg", "cs", "lu", "cv", "wb", "wt"});
  takeOneOf({"L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last", "L1::no_allocate"});
  takeOneOf({"L2::64B", "L2::128B", "L2::256B"});
}

void Reading::count(size_t least, size_t most) {
  if (operands() >= least && operands() <= most) return;
  fail("expected " + std::to_string(least) + (least == most ? "" : " to " + std::to_string(most)) + " operands, got " +
       std::to_string(operands()));
}

const Operand& Reading::operand(size_t at) const {
  if (at >= operands()) fail("operand " + std::to_string(at + 1) + " is missing");
  return statement_.operands[at];
}

size_t Reading::listLength(size_t at) const {
  return operand(at).kind == Operand::Kind::list ? operand(at).list.size() : 0;
}

Type Reading::registerType(const Operand& operand) const {
  const Register* found = linker_.registerNamed(operand.name, statement_.scope);
  if (operand.kind != Operand::Kind::name || found == nullptr) fail("'" + operand.name + "' is not a register");
  return found->type;
}

bool Reading::isPredicate(size_t at) const {
  const Register* found = linker_.registerNamed(operand(at).name, statement_.scope);
  return found != nullptr && found->type == Type::pred;
}

i32 Reading::destination(const Operand& operand, Type type) {
  if (operand.kind == Operand::Kind::discard) return scratch();
  const Type have = registerType(operand);
  if (bytesOf(have) != bytesOf(type) || !compatible(have, type)) {
    fail("register " + operand.name + " is ." + std::string(info(have).name) + ", the instruction writes ." + std::string(info(type).name));
  }
  return loose(operand, type, true);
}

i32 Reading::loose(const Operand& operand, Type type, bool written) {
  if (operand.kind == Operand::Kind::discard && written) return scratch();
  const Register* found = linker_.registerNamed(operand.name, statement_.scope);
  if (found == nullptr || operand.kind != Operand::Kind::name) {
    if (written) fail("'" + operand.name + "' is not a register");
    return source(operand, type);
  }
  if (bytesOf(found->type) < bytesOf(type) || (found->type == Type::pred) != (type == Type::pred)) {
    fail("register " + operand.name + " (." + std::string(info(found->type).name) + ") is too small for ." + std::string(info(type).name));
  }
  return registerPlace(*found);
}

i32 Reading::registerPlace(const Register& found) {
  const i32 place = static_cast<i32>(found.offset + linker_.current_->frame);
  if (linker_.hasWarpgroups()) touched_.push_back(place);
  return place;
}

i32 Reading::source(const Operand& operand, Type type) {
  const u32 bytes = bytesOf(type);
  if (operand.kind == Operand::Kind::number) {
    if (type == Type::pred) return linker_.constant(operand.number != 0 ? ~0ull : 0, 4);
    u64 bits = operand.number;
    if (operand.real && isReal(type) && bytes != operand.realBytes) {
      double wide;
      float narrow;
      std::memcpy(&wide, &bits, 8);
      std::memcpy(&narrow, &bits, 4);
      if (bytes == 4) {
        narrow = static_cast<float>(wide);
        bits = 0;
        std::memcpy(&bits, &narrow, 4);
      } else if (bytes == 8) {
        wide = narrow;
        std::memcpy(&bits, &wide, 8);
      } else {
        fail("a half-precision operand needs a register");
      }
    } else if (operand.real && !isReal(type) && (info(type).kind != Class::bits || bytes != operand.realBytes)) {
      fail("a floating-point literal where ." + std::string(info(type).name) + " is expected");
    } else if (!operand.real && isReal(type)) {
      fail("an integer literal where ." + std::string(info(type).name) + " is expected");
    }
    return linker_.constant(bits, bytes);
  }
  if (operand.kind != Operand::Kind::name || operand.negated) fail("an operand of this form is not known here");
  if (const Register* found = linker_.registerNamed(operand.name, statement_.scope)) {
    if (bytesOf(found->type) != bytes || !compatible(found->type, type)) {
      fail("register " + operand.name + " is ." + std::string(info(found->type).name) + ", the instruction reads ." + std::string(info(type).name));
    }
    return registerPlace(*found);
  }
  if (operand.name == "WARP_SZ") return linker_.constant(kLanes, bytes);
  if (const Special which = specialNamed(operand.name); which != Special::none) {
    if (bytes < 4) fail(operand.name + " has 32 bits");
    return linker_.special(which, bytes == 8);
  }
  if (const Variable* found = linker_.variableNamed(operand.name, statement_.scope)) return linker_.addressOf(*found, bytes);
  fail("'" + operand.name + "' is not declared");
}

void Reading::destinations(size_t at, Type type, Type second) {
  const Operand& both = operand(at);
  if (both.kind != Operand::Kind::list) {
    made.d = destination(both, type);
    made.d2 = scratch();
    return;
  }
  if (both.list.size() != 2) fail("a destination is d or d|p");
  made.d = destination(both.list[0], type);
  made.d2 = destination(both.list[1], second);
}

bool Reading::address(size_t at, Space space) {
  const Operand& found = operand(at);
  if (found.kind != Operand::Kind::address) fail("expected an address in brackets");
  made.space = space;
  made.offset = static_cast<i64>(found.number);
  if (found.name.empty()) {
    made.a = linker_.constant(0, 8);
    return true;
  }
  if (const Register* base = linker_.registerNamed(found.name, statement_.scope)) {
    if (bytesOf(base->type) < 4 || base->type == Type::pred || isReal(base->type)) fail("'" + found.name + "' cannot hold an address");
    made.a = static_cast<i32>(base->offset + linker_.current_->frame);
    return bytesOf(base->type) == 8;
  }
  const Variable* variable = linker_.variableNamed(found.name, statement_.scope);
  if (variable == nullptr) fail("'" + found.name + "' is not declared");
  if (variable->stacked) made.space = Space::local;
  if (space != variable->space && !(space == Space::generic && variable->space == Space::global)) {
    fail("'" + found.name + "' does not lie in the instruction's space");
  }
  made.a = linker_.addressOf(*variable, 8);
  return true;
}

const Variable* Reading::framed(size_t at) const {
  const Variable* found = linker_.variableNamed(operand(at).name, statement_.scope);
  return found != nullptr && found->framed ? found : nullptr;
}

i32 Reading::placeOf(const Variable& framed) const { return static_cast<i32>(framed.offset + linker_.current_->frame); }

i32 Reading::constant(u64 bits, u32 bytes) { return linker_.constant(bits, bytes); }

const std::vector<std::string>& Reading::table(const std::string& name) const {
  const auto& scopes = linker_.current_->function.scopes;
  for (i32 scope = static_cast<i32>(statement_.scope); scope >= 0; scope = scopes[scope].parent) {
    const auto found = scopes[scope].tables.find(name);
    if (found != scopes[scope].tables.end()) return found->second;
  }
  fail("table '" + name + "' is not there");
}

u64 Reading::literal(size_t at) const {
  if (operand(at).kind != Operand::Kind::number || operand(at).real) fail("operand " + std::to_string(at + 1) + " must be an integer literal");
  return operand(at).number;
}

i32 Reading::carry() {
  if (linker_.carry_ == 0) linker_.carry_ = linker_.reserve(64);
  return linker_.carry_;
}

i32 Reading::scratch() {
  if (linker_.scratch_ == 0) linker_.scratch_ = linker_.reserve(kLanes * 8);
  return linker_.scratch_;
}

u32 Reading::label(const Operand& operand) const {
  const auto& scopes = linker_.current_->function.scopes;
  for (i32 scope = static_cast<i32>(statement_.scope); scope >= 0; scope = scopes[scope].parent) {
    const auto found = scopes[scope].labels.find(operand.name);
    if (found != scopes[scope].labels.end()) return found->second;
  }
  fail("label '" + operand.name + "' is not there");
}

u32 Reading::list(const std::vector<i32>& places) {
  auto& lists = linker_.kernel_.lists;
  const u32 from = static_cast<u32>(lists.size());
  lists.insert(lists.end(), places.begin(), places.end());
  return from;
}

u32 Reading::site() { return linker_.kernel_.sites++; }

void Reading::sums(const std::vector<i32>& places) { linker_.sums_.insert(places.begin(), places.end()); }

void Reading::requireWarpgroups() const {
  if (!linker_.hasWarpgroups()) fail("needs .version 8.0 and .target sm_90a");
}

void Reading::sharedAccess(u32 bytes) {
  linker_.kernel_.smallestShared = std::min(linker_.kernel_.smallestShared, bytes);
}

Instruction& Reading::then(Handler run, i32 d, i32 a) {
  Instruction next;
  next.run = run;
  next.d = d;
  next.a = a;
  next.guard = made.guard;
  next.guarded = made.guarded;
  next.line = made.line;
  following_.push_back(next);
  return following_.back();
}

void Reading::finish() {
  if (!left_.empty()) fail("modifier ." + std::string(left_.front()) + " is not known here");
}

void Reading::fail(const std::string& what) const {
  std::string written = statement_.opcode;
  for (const auto& modifier : statement_.modifiers) written += "." + modifier;
  throw PtxError(statement_.line, written + ": " + what);
}

}  // namespace standin
