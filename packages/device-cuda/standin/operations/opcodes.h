// The table of opcodes: which function decodes a statement, by its opcode and the kind of its first type.
// Each operations/*.cc adds the rows of its family.
#pragma once
#include <map>

#include "../execute/warp.h"
#include "../ptx/reading.h"

namespace standin {

using Decode = void (*)(Reading&);

/// Kinds of first types that one opcode may mean different things for.
enum class Family : u8 { any, integer, real, half, predicate };

class Opcodes {
 public:
  void add(const char* opcode, Family family, Decode decode) { rows_[{opcode, family}] = decode; }
  Decode find(const std::string& opcode, Family family) const;
  bool knows(const std::string& opcode) const;

 private:
  std::map<std::pair<std::string, Family>, Decode> rows_;
};

/// @throws PtxError for an opcode, type, modifier or operand that is not known.
void decode(Reading& reading);

void addIntegerOpcodes(Opcodes& opcodes);
void addBitOpcodes(Opcodes& opcodes);
void addRealOpcodes(Opcodes& opcodes);
void addHalfOpcodes(Opcodes& opcodes);
void addCompareOpcodes(Opcodes& opcodes);
void addConvertOpcodes(Opcodes& opcodes);
void addMoveOpcodes(Opcodes& opcodes);
void addMemoryOpcodes(Opcodes& opcodes);
void addAtomicOpcodes(Opcodes& opcodes);
void addAsyncOpcodes(Opcodes& opcodes);
void addWarpOpcodes(Opcodes& opcodes);
void addMatrixOpcodes(Opcodes& opcodes);
void addWarpgroupOpcodes(Opcodes& opcodes);
void addControlOpcodes(Opcodes& opcodes);

/// Moves a register or predicate of so many bytes.
Handler moveOf(u32 bytes);
/// Copies `target` bytes of local memory from a to d.
void copyLocal(Warp& warp, const Instruction& at, u32 mask);

}  // namespace standin
