// Runs the blocks of a grid one after the other; see launch.h.
#include "launch.h"

#include "block.h"

namespace standin {

Work runKernel(const Launch& launch, const Settings& settings) {
  Block block(launch, settings);
  const u64 count = static_cast<u64>(launch.grid[0]) * launch.grid[1] * launch.grid[2];
  for (u64 turn = 0; turn < count; turn++) {
    const u64 at = settings.reversed ? count - 1 - turn : turn;
    const u64 row = at / launch.grid[0];
    block.run(static_cast<u32>(at % launch.grid[0]), static_cast<u32>(row % launch.grid[1]), static_cast<u32>(row / launch.grid[1]));
  }
  return {1, block.steps, block.threads, block.groups.products(), block.traffic};
}

}  // namespace standin
