// Who read and wrote each piece of shared memory since when, and which accesses are ordered by a barrier. An access races
// with an earlier one by another thread, one of them a write, if no barrier lies between. Atomics do not race with each
// other, nor do writes that change nothing.
#pragma once
#include <vector>

#include "memory.h"

namespace standin {

class Races {
 public:
  /** A new block: everything before is over. @param smallest bytes of the smallest access */
  void begin(u64 bytes, u32 smallest, u32 warps);
  /** All checks of an access; of a write, suspects and overlap are left to who has the values. */
  void access(Warp& warp, u32 mask, u32 bytes, Access access, Located& found);
  /** A copy that will arrive later: until then any access races with it. */
  void pending(Warp& warp, u32 lane, u64 offset, u32 bytes);
  /** The copy arrived: it counts as a write of this lane now. */
  void arrived(Warp& warp, u32 lane, u64 offset, u32 bytes);
  /** These warps met at a barrier. */
  void barrier(u32 warps);
  /** `fence.proxy.async` of a whole warp: what it wrote before can be seen by the tensor cores, once a barrier lies between. */
  void fence(const Warp& warp);
  /** Tensor cores begin to read for a warp, in pieces of `bytes` at 32 places; until the release nobody writes there. */
  void hold(const Warp& warp, u32 mask, u32 bytes, const u64* p);
  /** They are done: it counts as a read by the warp now. */
  void release(Warp& warp, u32 mask, u32 bytes, const u64* p);
  /** Lanes of a warp met. */
  void warpBarrier(const Warp& warp);
  std::string describe(u64 offset) const;
  /** What the last write with suspects came over, before its own stamps. */
  const std::string& suspect() const { return suspect_; }
  bool on = true;

 private:
  void read(Warp& warp, u32 mask, u32 bytes, const u64* p);
  void write(Warp& warp, u32 mask, u32 bytes, Located& found);
  void atomic(Warp& warp, u32 mask, u32 bytes, const u64* p);
  bool orderedWriter(const Warp& warp, u32 thread, u32 stamp) const;
  bool orderedReader(const Warp& warp, u32 thread, u32 stamp) const;
  void tick();
  void refuseHeld(u32 lane, u64 at, u32 bytes) const;

  // A stamp: when in the upper 20 bits, then two flags, then the thread. Of a writer the flags say that many threads
  // were at it and that it was atomic, of a reader that threads of many warps and that many threads were.
  std::vector<u32> writers_, readers_;
  std::string suspect_;
  u32 shift_ = 2;
  u32 warps_ = 1;
  u32 now_ = 1;
  u32 since_[32][32] = {};  // [warp][other]: accesses of the other before this time are ordered before the warp
  u32 least_[32] = {};      // the least of a row, as a stamp
  u32 fences_[32] = {};     // when each warp fenced last
  u32 fenced_[32][32] = {}; // [warp][other]: the other's last fence that is ordered before the warp
  std::vector<u8> held_;    // by how many products
  u64 holds_ = 0;
};

}  // namespace standin
