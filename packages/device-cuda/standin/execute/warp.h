// 32 lanes that run together: their frame of registers, the groups they have parted into, and how handlers reach them.
// Memory is in memory.h, the order of warps and barriers in block.cc.
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

#include "instruction.h"

namespace standin {

struct Block;

/// What a thread did wrong; block.cc adds where.
struct LaneFault {
  int code;
  u32 lane;
  std::string what;
};

enum class Wait : u8 { none, converge, barrier };

/// Lanes that stand at the same instruction.
struct Group {
  u32 pc;
  u32 mask;
  Wait wait = Wait::none;
  u32 barrier = 0;  // which one it waits at
};

/// A copy to shared memory that was asked for and is not there yet.
struct AsyncCopy {
  u32 lane;
  u32 to;
  u64 from;
  u32 bytes;
  u32 given;  // bytes that are copied, the others become zero
  u32 batch;
};

struct Warp {
  char* frame = nullptr;
  Block* block = nullptr;
  const i32* lists = nullptr;
  u8* local = nullptr;  // local memory of lane 0
  size_t localStride = 0;
  u32 index = 0;
  u32 exists = 0;  // lanes that the block has
  u32 alive = 0;   // lanes that have not ended
  u32 here = 0;    // lanes of the running group, whatever the guard says
  bool reversed = false;  // lanes take turns from the last to the first
  std::vector<Group> groups;
  std::vector<AsyncCopy> copies;
  u32 batches[kLanes] = {};
  const Instruction* at = nullptr;

  template <class T>
  T* lanes(i32 place) const {
    return reinterpret_cast<T*>(frame + place);
  }
  const i32* listOf(const Instruction& at) const { return lists + at.list; }
  /// The mask of a predicate.
  u32& predicate(i32 place) const { return *reinterpret_cast<u32*>(frame + place); }
  u32 thread(u32 lane) const { return index * kLanes + lane; }
};

/// Calls f for each lane of the mask. The full mask is a loop that the compiler makes vectors of.
template <class F>
[[gnu::always_inline]] inline void each(u32 mask, F f) {
  if (mask == kFull) {
#pragma GCC ivdep
    for (u32 lane = 0; lane < kLanes; lane++) f(lane);
  } else {
    for (u32 rest = mask; rest != 0; rest &= rest - 1) f(static_cast<u32>(__builtin_ctz(rest)));
  }
}

/// Calls f for each lane of the mask, one after the other in the order that is being tried.
template <class F>
inline void inOrder(const Warp& warp, u32 mask, F f) {
  for (u32 at = 0; at < kLanes; at++) {
    const u32 lane = warp.reversed ? kLanes - 1 - at : at;
    if (mask >> lane & 1) f(lane);
  }
}

inline u32 firstLane(u32 mask) { return static_cast<u32>(__builtin_ctz(mask)); }

}  // namespace standin
