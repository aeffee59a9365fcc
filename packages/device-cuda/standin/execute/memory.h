// Memory as kernels see it: allocations, windows of generic addresses, and the way from an instruction's addresses to
// checked pointers. Races in shared memory are races.h's.
#pragma once
#include <map>
#include <mutex>

#include "warp.h"

namespace standin {

// Addresses of global memory are the host's; the other spaces have windows where no host address can be.
constexpr u64 kSharedWindow = 1ull << 56;
constexpr u64 kLocalWindow = 2ull << 56;
constexpr u64 kParamWindow = 3ull << 56;

constexpr u64 windowOf(Space space) {
  return space == Space::shared ? kSharedWindow : space == Space::local ? kLocalWindow : space == Space::param ? kParamWindow : 0;
}

constexpr Space spaceOfGeneric(u64 address) {
  constexpr Space spaces[] = {Space::global, Space::shared, Space::local, Space::param};
  return address >> 58 == 0 ? spaces[address >> 56] : Space::global;
}

enum class Owner : u8 { device, host, module };

struct Allocation {
  u64 base;
  u64 bytes;
  Owner owner;
};

/// All memory that kernels and copies may touch. What is given back is poisoned and kept for a while, so that late
/// accesses meet no new owner.
class AddressSpace {
 public:
  /** Poisoned memory, or 0 if the card would have no room. */
  u64 allocate(u64 bytes, Owner owner);
  /** @return whether it was there */
  bool release(u64 base, Owner owner);
  const Allocation* find(u64 address) const;
  bool holds(u64 address, u64 bytes) const;
  bool isHost(u64 address) const;
  /** In words, for reports: what lies at or before an address. */
  std::string describe(u64 address) const;
  u64 used() const { return used_; }
  u64 count(Owner owner) const;
  u64 capacity = 0;

 private:
  std::map<u64, Allocation> known_;
  std::multimap<u64, u64> late_;  // kept after release: when, and where
  std::map<u64, u64> lateBytes_;
  u64 lateTotal_ = 0;
  u64 releases_ = 0;
  u64 used_ = 0;
};

AddressSpace& addressSpace();

/// Where an access site went last, so that most accesses are checked against one allocation.
struct Range {
  u64 base = 1ull << 63;
  u64 bytes = 0;
};

enum class Access : u8 { read, write, atomic };

/// Pointers of the lanes, after all checks but those that need values.
struct Located {
  alignas(64) u64 pointer[kLanes];
  u32 suspects = 0;      // lanes whose write races if it changes what is there
  bool overlap = false;  // lanes of this very instruction write the same place
};

/// @throws LaneFault for an access outside memory, misaligned, or racing.
void locate(Warp& warp, const Instruction& at, u32 mask, u32 bytes, Access access, Located& found);

/// Writes whose lanes are suspects race unless they change nothing; so do lanes of one instruction that write one place.
[[noreturn]] void reportSuspect(Warp& warp, u32 lane, u64 pointer, bool overlap);

u64 stepsOf(const Block& block);

constexpr u8 kPoison = 0xFF;  // all bits set is NaN in every floating-point type

}  // namespace standin
