// What accesses to memory cost a card: sectors of 32 bytes of global memory, and wavefronts of shared memory's 32 banks of
// 4 bytes. Lanes that read one word share it. Accesses of 8 bytes go by halves of a warp and those of 16 by quarters; a card
// may do better where halves read the same words, so wavefronts are an upper bound. Counted only where it is asked for.
#pragma once
#include "../ptx/type.h"

namespace standin {

struct Traffic {
  u64 globalRequests = 0;  // instructions of warps
  u64 globalSectors = 0;   // that they touched
  u64 globalLeast = 0;     // sectors that would hold the bytes they asked for
  u64 sharedRequests = 0;
  u64 sharedWavefronts = 0;
  u64 sharedLeast = 0;     // wavefronts if no banks conflicted

  void global(u32 mask, u32 bytes, const u64* addresses);
  void shared(u32 mask, u32 bytes, const u64* offsets);
  void add(const Traffic& other);
};

}  // namespace standin
