// Allocations and checked access; see memory.h.
#include "memory.h"

#include <cstdlib>
#include <cstring>

#include "block.h"

namespace standin {
namespace {

constexpr u64 kGranule = 256;
constexpr u64 kKept = 64ull << 20;  // bytes of released memory that are kept poisoned

std::string hex(u64 value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string accessName(Access access) { return access == Access::read ? "reads" : access == Access::write ? "writes" : "updates"; }

[[noreturn]] void misaligned(u32 lane, u64 address, u32 bytes, Access access) {
  throw LaneFault{716, lane, accessName(access) + " " + std::to_string(bytes) + " bytes at " + hex(address) + ", which is not a multiple of " + std::to_string(bytes)};
}

[[noreturn]] void outside(u32 lane, u64 address, u32 bytes, Access access, const std::string& where) {
  throw LaneFault{700, lane, accessName(access) + " " + std::to_string(bytes) + " bytes at " + hex(address) + ", " + where};
}

void global(Warp& warp, const Instruction& at, u32 mask, u32 bytes, Access access, Located& found) {
  u64* p = found.pointer;
  Range& range = warp.block->ranges[at.site];
  u64 bad = range.bytes < bytes;
  const u64 base = range.base, span = range.bytes - bytes, below = bytes - 1;
  each(mask, [&](u32 lane) { bad |= static_cast<u64>(p[lane] - base > span) | (p[lane] & below); });
  if (bad == 0) return;
  each(mask, [&](u32 lane) {
    const Allocation* allocation = addressSpace().find(p[lane]);
    if (allocation == nullptr || p[lane] - allocation->base + bytes > allocation->bytes) {
      outside(lane, p[lane], bytes, access, addressSpace().describe(p[lane]));
    }
    if ((p[lane] & below) != 0) misaligned(lane, p[lane], bytes, access);
    range = {allocation->base, allocation->bytes};
  });
}

void offsets(u32 mask, u32 bytes, u64 size, Access access, const char* space, const u64* p) {
  u64 bad = size < bytes;
  const u64 span = size - bytes, below = bytes - 1;
  each(mask, [&](u32 lane) { bad |= static_cast<u64>(p[lane] > span) | (p[lane] & below); });
  if (bad == 0) return;
  each(mask, [&](u32 lane) {
    if (p[lane] + bytes > size || p[lane] + bytes < p[lane]) {
      outside(lane, p[lane], bytes, access, std::string("outside the ") + std::to_string(size) + " bytes of " + space + " memory");
    }
    if ((p[lane] & below) != 0) misaligned(lane, p[lane], bytes, access);
  });
}

void locateIn(Space space, Warp& warp, const Instruction& at, u32 mask, u32 bytes, Access access, Located& found) {
  u64* p = found.pointer;
  Block& block = *warp.block;
  switch (space) {
    case Space::global:
    case Space::constant:
      global(warp, at, mask, bytes, access, found);
      if (block.counts) block.traffic.global(mask, bytes, p);
      return;
    case Space::shared: {
      offsets(mask, bytes, block.shared.size(), access, "shared", p);
      if (block.counts) block.traffic.shared(mask, bytes, p);
      block.races.access(warp, mask, bytes, access, found);
      const u64 base = reinterpret_cast<u64>(block.shared.data());
      return each(mask, [=](u32 lane) { p[lane] += base; });
    }
    case Space::local: {
      const u64 size = block.kernel.localBytes;
      offsets(mask, bytes, size, access, "local", p);
      const u64 base = reinterpret_cast<u64>(warp.local);
      return each(mask, [=](u32 lane) { p[lane] += base + lane * size; });
    }
    case Space::param: {
      offsets(mask, bytes, block.kernel.paramBytes, access, "parameter", p);
      if (access != Access::read) throw LaneFault{700, firstLane(mask), "writes to parameters"};
      const u64 base = reinterpret_cast<u64>(block.params.data());
      return each(mask, [=](u32 lane) { p[lane] += base; });
    }
    case Space::generic: break;
  }
  u32 of[4] = {};
  each(mask, [&](u32 lane) { of[p[lane] >> 58 == 0 ? p[lane] >> 56 : 0] |= 1u << lane; });
  for (u32 window = 0; window < 4; window++) {
    if (of[window] == 0) continue;
    const u64 base = static_cast<u64>(window) << 56;
    each(of[window], [=](u32 lane) { p[lane] -= base; });
    locateIn(spaceOfGeneric(base), warp, at, of[window], bytes, access, found);
  }
}

}  // namespace

void locate(Warp& warp, const Instruction& at, u32 mask, u32 bytes, Access access, Located& found) {
  u64* p = found.pointer;
  const u64 offset = static_cast<u64>(at.offset);
  if (at.e != 0) {
    const u64* base = warp.lanes<u64>(at.a);
    each(kFull, [=](u32 lane) { p[lane] = base[lane] + offset; });
  } else {
    const u32* base = warp.lanes<u32>(at.a);
    each(kFull, [=](u32 lane) { p[lane] = base[lane] + offset; });
  }
  locateIn(at.space, warp, at, mask, bytes, access, found);
}

void reportSuspect(Warp& warp, u32 lane, u64 pointer, bool overlap) {
  const u64 offset = pointer - reinterpret_cast<u64>(warp.block->shared.data());
  throw LaneFault{719, lane, "race in shared memory at byte " + std::to_string(offset) + ": writes what " +
                                 (overlap ? warp.block->races.describe(offset) : warp.block->races.suspect()) + " with no barrier between"};
}

AddressSpace& addressSpace() {
  // It outlives the process's end, at which a kernel may still run.
  static AddressSpace& made = *new AddressSpace;
  return made;
}

u64 AddressSpace::allocate(u64 bytes, Owner owner) {
  const u64 whole = (bytes + kGranule - 1) / kGranule * kGranule;
  if (owner == Owner::device && used_ + whole > capacity) return 0;
  void* memory = std::aligned_alloc(kGranule, whole);
  if (memory == nullptr) return 0;
  std::memset(memory, kPoison, whole);
  const u64 base = reinterpret_cast<u64>(memory);
  known_[base] = {base, bytes, owner};
  if (owner == Owner::device) used_ += whole;
  return base;
}

bool AddressSpace::release(u64 base, Owner owner) {
  const auto found = known_.find(base);
  if (found == known_.end() || found->second.owner != owner) return false;
  const u64 whole = (found->second.bytes + kGranule - 1) / kGranule * kGranule;
  if (owner == Owner::device) used_ -= whole;
  known_.erase(found);
  std::memset(reinterpret_cast<void*>(base), kPoison, whole);
  late_.emplace(releases_++, base);
  lateBytes_[base] = whole;
  for (lateTotal_ += whole; lateTotal_ > kKept && !late_.empty(); late_.erase(late_.begin())) {
    const u64 oldest = late_.begin()->second;
    lateTotal_ -= lateBytes_[oldest];
    lateBytes_.erase(oldest);
    std::free(reinterpret_cast<void*>(oldest));
  }
  return true;
}

const Allocation* AddressSpace::find(u64 address) const {
  auto after = known_.upper_bound(address);
  if (after == known_.begin()) return nullptr;
  --after;
  return address - after->second.base < after->second.bytes ? &after->second : nullptr;
}

bool AddressSpace::holds(u64 address, u64 bytes) const {
  const Allocation* found = find(address);
  return found != nullptr && address - found->base + bytes <= found->bytes;
}

bool AddressSpace::isHost(u64 address) const {
  const Allocation* found = find(address);
  return found != nullptr && found->owner == Owner::host;
}

std::string AddressSpace::describe(u64 address) const {
  const auto late = lateBytes_.upper_bound(address);
  if (late != lateBytes_.begin()) {
    const auto& [base, bytes] = *std::prev(late);
    if (address - base < bytes) return "in memory that was given back";
  }
  const auto after = known_.upper_bound(address);
  if (after == known_.begin()) return "where no memory is";
  const Allocation& before = std::prev(after)->second;
  if (address - before.base > before.bytes + (1ull << 20)) return "where no memory is";
  return std::to_string(address - before.base) + " bytes into an allocation of " + std::to_string(before.bytes);
}

u64 AddressSpace::count(Owner owner) const {
  u64 found = 0;
  for (const auto& [base, allocation] : known_) found += allocation.owner == owner ? 1 : 0;
  return found;
}

u64 stepsOf(const Block& block) { return block.steps; }

}  // namespace standin
