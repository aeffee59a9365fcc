// Finds who decodes a statement; see opcodes.h.
#include "opcodes.h"

namespace standin {
namespace {

Family familyOf(Type type) {
  switch (type) {
    case Type::pred: return Family::predicate;
    case Type::f16:
    case Type::bf16:
    case Type::f16x2:
    case Type::bf16x2: return Family::half;
    case Type::f32:
    case Type::f64:
    case Type::tf32: return Family::real;
    default: return Family::integer;
  }
}

const Opcodes& table() {
  static const Opcodes made = [] {
    Opcodes rows;
    addIntegerOpcodes(rows);
    addBitOpcodes(rows);
    addRealOpcodes(rows);
    addHalfOpcodes(rows);
    addCompareOpcodes(rows);
    addConvertOpcodes(rows);
    addMoveOpcodes(rows);
    addMemoryOpcodes(rows);
    addAtomicOpcodes(rows);
    addAsyncOpcodes(rows);
    addWarpOpcodes(rows);
    addMatrixOpcodes(rows);
    addWarpgroupOpcodes(rows);
    addControlOpcodes(rows);
    return rows;
  }();
  return made;
}

}  // namespace

Decode Opcodes::find(const std::string& opcode, Family family) const {
  auto found = rows_.find({opcode, family});
  if (found == rows_.end()) found = rows_.find({opcode, Family::any});
  return found == rows_.end() ? nullptr : found->second;
}

bool Opcodes::knows(const std::string& opcode) const {
  const auto found = rows_.lower_bound({opcode, Family::any});
  return found != rows_.end() && found->first.first == opcode;
}

void decode(Reading& reading) {
  const Statement& statement = reading.statement();
  Family family = Family::any;
  for (const auto& modifier : statement.modifiers) {
    const auto type = typeNamed(modifier);
    if (!type) continue;
    family = familyOf(*type);
    break;
  }
  const Decode found = table().find(statement.opcode, family);
  if (found == nullptr) {
    reading.fail(table().knows(statement.opcode) ? "this opcode is not known for this type" : "unknown opcode");
  }
  found(reading);
}

}  // namespace standin
