// One launch of a kernel: its sizes, its arguments, and the running of all its blocks. block.h is what happens in a block.
#pragma once
#include <string>
#include <vector>

#include "instruction.h"
#include "traffic.h"

namespace standin {

struct Launch {
  const Kernel* kernel = nullptr;
  u32 grid[3] = {1, 1, 1};
  u32 block[3] = {1, 1, 1};
  u32 dynamicShared = 0;
  std::vector<u8> params;
};

/// How kernels are run; see control.h for who sets it.
struct Settings {
  bool reversed = false;  // blocks, warps and lanes take turns from the last to the first
  bool races = true;
  bool traffic = false;   // whether accesses are counted
  u64 stepLimit = 4'000'000'000;  // instructions of warps in a block, after which it counts as hung
};

/// What a kernel did wrong, as the driver reports it: a code, and in words where and what.
struct Fault {
  int code;
  std::string report;
};

struct Work {
  u64 launches = 0;
  u64 warpInstructions = 0;
  u64 threadInstructions = 0;
  u64 groupProducts = 0;  // of warpgroups (`wgmma`), as warps asked for them
  Traffic traffic;
};

/// Runs the kernel to its end. @throws Fault
Work runKernel(const Launch& launch, const Settings& settings);

}  // namespace standin
