// A block of threads while it runs: warps, shared memory, barriers. block.cc gives warps their turns and runs their
// instructions; barriers.cc says when they wait for each other; launch.h starts blocks.
#pragma once
#include <vector>

#include "launch.h"
#include "races.h"
#include "warpgroups.h"

namespace standin {

enum class BarrierKind : u32 { sync, arrive, popc, land, lor };

/// One of the sixteen barriers.
struct Barrier {
  u32 arrived = 0;   // threads
  u32 expected = 0;  // 0: nobody has come
  u32 warps = 0;     // that came
  u32 pc = 0;        // where the first one came from
  u32 count = 0;     // threads whose predicate holds, for bar.red
};

class Block {
 public:
  Block(const Launch& launch, const Settings& settings);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  /** Runs the block at this place of the grid to its end. @throws Fault */
  void run(u32 x, u32 y, u32 z);

  const Kernel& kernel;
  const std::vector<u8>& params;
  std::vector<u8> shared;
  std::vector<Range> ranges;
  Races races;
  Warpgroups groups;
  u64 steps = 0;    // instructions of warps
  u64 threads = 0;  // instructions of threads
  Traffic traffic;
  bool counts = false;  // whether traffic is counted

 private:
  void start(u32 x, u32 y, u32 z);
  void specials(Warp& warp);
  bool advance(Warp& warp);
  void run(Warp& warp, Group group, u32 stop);
  bool converged(Warp& warp, const Instruction& at, u32 active, const Group& group) const;

  // barriers.cc
  void arrive(Warp& warp, const Instruction& at, Group& group, u32 active);
  void complete(u32 id);
  [[noreturn]] void stuck() const;
  void finishProducts() const;
  std::string standing(const Warp& warp) const;

  [[noreturn]] void report(const Warp& warp, u32 pc, const LaneFault& fault) const;

  const Launch& launch_;
  const Settings& settings_;
  std::vector<Warp> warps_;
  Barrier barriers_[16];
  u32 ctaid_[3] = {};
  u32 size_ = 0;  // threads
  char* frames_ = nullptr;
  size_t frameStride_ = 0;
  std::vector<u8> locals_;
  u64 limit_ = 0;
};

}  // namespace standin
