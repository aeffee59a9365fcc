// One statement on its way to an instruction. The functions in operations/*.cc take modifiers and operands from it by name
// and type; what they leave over is an error, so that nothing written in PTX is ever passed over in silence.
#pragma once
#include <initializer_list>
#include <optional>

#include "../execute/instruction.h"

namespace standin {

class Linker;

class Reading {
 public:
  Reading(Linker& linker, const Statement& statement);

  Instruction made;

  // Modifiers
  bool take(std::string_view name);
  bool has(std::string_view name) const;
  /** Index of the one that is there. */
  std::optional<u32> takeOneOf(std::initializer_list<std::string_view> names);
  void require(std::string_view name);
  /** The next type among the modifiers that are left. */
  Type type();
  Type typeOf(std::initializer_list<Type> allowed);
  /** `.rn`, `.rz`, `.rm`, `.rp` and `.ftz` into the control word. @return whether a rounding was written */
  bool rounding();
  void flush();
  /** Modifiers that change when and where, never what: caching hints, scopes and memory orders. */
  void hints();

  // Operands
  size_t operands() const { return statement_.operands.size(); }
  void count(size_t least, size_t most);
  void count(size_t exact) { count(exact, exact); }
  const Operand& operand(size_t at) const;
  size_t listLength(size_t at) const;
  /** A register that is written; its type has the instruction's size and kind. */
  i32 destination(size_t at, Type type) { return destination(operand(at), type); }
  i32 destination(const Operand& operand, Type type);
  /** A register, literal, special register or variable's address that is read. */
  i32 source(size_t at, Type type) { return source(operand(at), type); }
  i32 source(const Operand& operand, Type type);
  /** As ld, st and cvt have it: the register may be wider than the type. @return its type */
  Type registerType(const Operand& operand) const;
  i32 loose(const Operand& operand, Type type, bool written);
  /** The destination `d` or `d|p`: made.d and made.d2. */
  void destinations(size_t at, Type type, Type second);
  /** `[base+offset]`: made.a, made.offset, made.space. @return whether the base has 64 bits */
  bool address(size_t at, Space space);
  /** The variable at `[name]` if it is a scalar parameter, which lies in the frame. */
  const Variable* framed(size_t at) const;
  i32 placeOf(const Variable& framed) const;
  i32 constant(u64 bits, u32 bytes);
  /** The condition code: one mask of carries for the kernel. */
  i32 carry();
  /** A place for results that nobody asks for. */
  i32 scratch();
  u32 label(const Operand& operand) const;
  const std::vector<std::string>& table(const std::string& name) const;
  u64 literal(size_t at) const;
  u32 list(const std::vector<i32>& places);
  u32 site();
  void sharedAccess(u32 bytes);
  /** These registers are the sums of products by warpgroups. */
  void sums(const std::vector<i32>& places);
  /** What only cards of compute capability 9.0 know, in a module that is for them. */
  void requireWarpgroups() const;
  bool isPredicate(size_t at) const;

  /** An instruction that follows under the same guard: `.sat` is a step of its own. */
  Instruction& then(Handler run, i32 d, i32 a);

  /** @throws PtxError if modifiers are left over. */
  void finish();
  const std::vector<Instruction>& following() const { return following_; }
  const Statement& statement() const { return statement_; }
  Linker& linker() { return linker_; }
  /** Registers that operands named. */
  const std::vector<i32>& touched() const { return touched_; }
  [[noreturn]] void fail(const std::string& what) const;

 private:
  i32 registerPlace(const Register& found);

  Linker& linker_;
  const Statement& statement_;
  std::vector<std::string_view> left_;
  std::vector<Instruction> following_;
  std::vector<i32> touched_;
};

}  // namespace standin
