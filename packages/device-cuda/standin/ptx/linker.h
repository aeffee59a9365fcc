// Makes a kernel that runs out of an entry: decodes its statements, puts functions where they are called, gives registers
// and literals their places. reading.h is one statement of this; block.cc runs what comes out.
#pragma once
#include <map>
#include <set>

#include "../execute/instruction.h"
#include "reading.h"

namespace standin {

using Addresses = std::map<std::string, u64>;

class Linker {
 public:
  Linker(const Syntax& syntax, const Addresses& addresses) : syntax_(syntax), addresses_(addresses) {}

  /** @throws PtxError where a statement is not known or its operands do not fit. */
  Kernel link(const Function& entry);

 private:
  friend class Reading;

  /** A function on its way into the kernel: where its registers and local variables begin. */
  struct Instance {
    const Function& function;
    u32 frame;
    u32 local;
    u32 shared;
    std::vector<u32> starts;  // instruction of each statement
    u32 depth;
  };

  void instance(const Function& function, u32 frame, u32 local, u32 depth);
  void call(Reading& reading);
  void argument(const Function& callee, const std::string& name, u32 frame, u32 local, Reading& reading,
                const Operand& actual, bool result);
  void resolve(size_t from);
  void emit(const Instruction& instruction);
  void finish();
  /** Whether the module may have products by warpgroups, whose sums must not be touched at any time. */
  bool hasWarpgroups() const { return syntax_.target == "sm_90a" && syntax_.version >= 80; }
  void markSums();

  const Register* registerNamed(const std::string& name, u32 scope) const;
  const Variable* variableNamed(const std::string& name, u32 scope) const;
  /** A place before the frame that holds the address. */
  i32 addressOf(const Variable& variable, u32 bytes);
  i32 constant(u64 bits, u32 bytes);
  i32 special(Special which, bool wide);
  i32 reserve(u32 bytes);

  const Syntax& syntax_;
  const Addresses& addresses_;
  Kernel kernel_;
  Instance* current_ = nullptr;
  std::map<std::pair<u64, u32>, i32> known_;
  std::map<std::pair<Special, bool>, i32> specials_;
  std::map<std::string, u64> moduleShared_;
  std::vector<size_t> dynamicShared_;  // constants that hold an address in dynamic shared memory
  u32 dynamicAlign_ = 16;
  std::set<i32> sums_;                               // registers that are sums of products by warpgroups
  std::map<u32, std::vector<i32>> touched_;  // registers that instructions name, by where those are
  i32 carry_ = 0;  // the condition code's place; 0 if nothing uses it
  i32 scratch_ = 0;
  u32 highestFrame_ = 0;
  u32 highestLocal_ = 0;
};

}  // namespace standin
