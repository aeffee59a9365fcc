// Instructions as they run: a handler and the places of its operands in a warp's frame. decode.cc makes them,
// operations/*.cc hold the handlers, block.cc runs them.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "../ptx/syntax.h"

namespace standin {

struct Warp;
struct Instruction;

constexpr u32 kLanes = 32;
constexpr u32 kFull = 0xFFFFFFFF;

/// Does one instruction for the lanes of the mask; all 32 registers of an operand lie side by side in the frame.
using Handler = void (*)(Warp&, const Instruction&, u32 mask);

/// What the scheduler does besides running the handler.
enum class Flow : u8 {
  next,      // nothing
  branch,    // jump to `target`
  table,     // jump to lists[list + value of a]
  leave,     // the thread ends
  converge,  // all lanes of the member mask come here before the handler runs
  barrier,   // wait for other warps
};

struct Instruction {
  Handler run = nullptr;
  // Where operands start, in bytes from the frame; constants lie before it. d2 is a second result (`d|p`).
  i32 d = 0, a = 0, b = 0, c = 0, e = 0, d2 = 0;
  i32 guard = 0;
  Flow flow = Flow::next;
  u8 guarded = 0;      // 1: @p, 2: @!p
  u8 touchesSums = 0;  // whether it is in Kernel::touched
  Space space = Space::generic;
  u8 count = 0;        // elements of a vector access; whatever else the handler counts
  u32 target = 0;      // of a branch; of a handler with modes, the mode
  u32 list = 0;        // first of its places in Kernel::lists
  u32 line = 0;
  u32 site = 0;        // of accesses to global memory: which remembered allocation
  i64 offset = 0;      // what is added to an address
  u32 control = 0;     // floating-point control word to run with, or 0
};

/// A value that stands before the frame and never changes: the bits of a literal.
struct Constant {
  i32 place;
  u8 bytes;
  u64 bits;
};

enum class Special : u8 {
  tidX, tidY, tidZ, ntidX, ntidY, ntidZ, ctaidX, ctaidY, ctaidZ, nctaidX, nctaidY, nctaidZ,
  laneid, warpid, nwarpid, smid, nsmid, gridid, lanemaskEq, lanemaskLe, lanemaskLt, lanemaskGe, lanemaskGt,
  dynamicSharedBytes, totalSharedBytes, none
};

struct SpecialPlace {
  i32 place;
  Special which;
  bool wide;
};

struct Parameter {
  u32 offset;
  u32 bytes;
};

struct Kernel {
  std::string name;
  const Syntax* syntax = nullptr;
  std::vector<Instruction> code;
  std::vector<i32> lists;  // operands of instructions that have many
  std::unordered_map<u32, std::vector<i32>> touched;  // sums of products by warpgroups, by instruction that reads or writes them
  std::vector<Constant> constants;
  std::vector<SpecialPlace> specials;
  std::vector<Parameter> parameters;
  u32 frameBytes = 0;      // registers
  u32 constantBytes = 0;   // what lies before them
  u32 localBytes = 0;
  u32 sharedBytes = 0;     // static
  u32 paramBytes = 0;
  u32 sites = 0;
  u32 smallestShared = 4;  // bytes of the smallest access to shared memory
  u32 maxThreads = 0;
  u32 requiredThreads[3] = {0, 0, 0};
};

}  // namespace standin
