// PTX as it was written, after reading and before decoding: functions, variables, scopes, statements with their operands.
// parse.cc makes it, decode.cc turns a function of it into instructions that run.
#pragma once
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "type.h"

namespace standin {

/// Text that is not PTX, or PTX that the stand-in does not know: it is refused, never skipped.
struct PtxError : std::runtime_error {
  PtxError(u32 line, const std::string& what) : std::runtime_error("line " + std::to_string(line) + ": " + what) {}
};

enum class Space : u8 { generic, global, constant, shared, local, param };

struct Operand {
  enum class Kind : u8 { name, number, address, list, discard } kind = Kind::name;
  std::string name;             // of a register, variable, function or label; of an address's base
  u64 number = 0;               // the literal's bits; of an address, what is added to its base
  bool real = false;            // the literal was written in a floating-point form
  u8 realBytes = 0;             // 4 for 0f…, 8 for 0d… and decimal
  bool negated = false;         // !p
  std::vector<Operand> list;    // of a vector or an argument list; of `d|p` the two of them
};

struct Statement {
  std::string opcode;
  std::vector<std::string> modifiers;
  std::vector<Operand> operands;
  std::string guard;  // the predicate's name, or nothing
  bool guardNegated = false;
  u32 line = 0;
  u32 scope = 0;
};

struct Variable {
  std::string name;
  Space space = Space::global;
  Type type = Type::b8;
  u32 align = 1;
  u64 bytes = 0;
  bool array = false;
  bool external = false;
  std::vector<u8> initial;
  std::vector<std::pair<u32, std::string>> addresses;  // places in `initial` that hold another variable's address
  bool framed = false;   // a scalar .param of a function or call: lies in the frame, like a register
  bool stacked = false;  // an array .param of a function or call: lies in local memory
  u64 offset = 0;        // in its space, in the frame if framed, in local memory if stacked
};

struct Register {
  Type type;
  u32 offset;  // in the function's frame
};

struct Scope {
  i32 parent = -1;
  std::unordered_map<std::string, Register> registers;
  std::map<std::string, Variable> variables;
  std::map<std::string, u32> labels;                      // to the statement that follows
  std::map<std::string, std::vector<std::string>> tables;  // .branchtargets
};

struct Function {
  std::string name;
  bool entry = false;
  bool defined = false;
  std::vector<std::string> parameters, results;  // variables of scope 0
  std::vector<Scope> scopes;
  std::vector<Statement> statements;
  u32 frameBytes = 0;   // registers and scalar parameters, 32 lanes each
  u32 localBytes = 0;   // .local variables and array parameters, a thread
  u32 sharedBytes = 0;  // .shared variables of the body
  u32 paramBytes = 0;   // of an entry
  u32 maxThreads = 0;
  u32 requiredThreads[3] = {0, 0, 0};
  u32 line = 0;
};

struct Syntax {
  std::string text;
  u32 version = 0;  // 70 is 7.0
  std::string target;
  std::map<std::string, std::unique_ptr<Function>> functions;
  std::map<std::string, Variable> variables;  // of the module: .global, .const and .shared
};

/// Bytes that a register of this type takes in a frame: 32 lanes, a predicate as one mask, a byte as 16 bits.
u32 frameBytesOf(Type type);

/// @throws PtxError where the text is not what parse.cc knows.
std::unique_ptr<Syntax> parse(const std::string& text);

/// What a line of the text says, trimmed, for reports.
std::string lineOf(const std::string& text, u32 line);

}  // namespace standin
