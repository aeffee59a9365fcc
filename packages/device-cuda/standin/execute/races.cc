// Stamps of shared memory; see races.h.
#include "races.h"

#include <algorithm>

namespace standin {
namespace {

constexpr u32 kTimeShift = 12;
constexpr u32 kFlagUpper = 1u << 11;  // writer: many threads; reader: of many warps
constexpr u32 kFlagLower = 1u << 10;  // writer: atomic; reader: many threads
constexpr u32 kThread = kFlagLower - 1;
constexpr u32 kWho = (1u << kTimeShift) - 1;
constexpr u32 kPending = 0xFFFFF;     // a time that never comes

u32 timeOf(u32 stamp) { return stamp >> kTimeShift; }
u32 warpOf(u32 stamp) { return (stamp & kThread) / kLanes; }

}  // namespace

void Races::begin(u64 bytes, u32 smallest, u32 warps) {
  shift_ = smallest == 1 ? 0 : smallest == 2 ? 1 : 2;
  const size_t cells = (bytes >> shift_) + 1;
  if (writers_.size() < cells) {
    writers_.assign(cells, 0);
    readers_.assign(cells, 0);
  }
  warps_ = warps;
  if (holds_ > 0) std::fill(held_.begin(), held_.end(), 0);
  holds_ = 0;
  // Copies that never arrived leave stamps that no time is after.
  std::replace_if(writers_.begin(), writers_.end(), [](u32 stamp) { return timeOf(stamp) == kPending; }, 0u);
  barrier(~0u);
  std::fill_n(fences_, 32, now_);
  for (auto& row : fenced_) std::fill_n(row, 32, now_);
}

void Races::tick() {
  if (++now_ < kPending - 1) return;
  std::fill(writers_.begin(), writers_.end(), 0);
  std::fill(readers_.begin(), readers_.end(), 0);
  for (auto& row : since_) std::fill(row, row + 32, 1);
  for (auto& row : fenced_) std::fill(row, row + 32, 1);
  std::fill_n(fences_, 32, 1);
  now_ = 2;
}

void Races::barrier(u32 warps) {
  tick();
  u32 joined[32], fenced[32];
  for (u32 other = 0; other < warps_; other++) {
    joined[other] = fenced[other] = 0;
    for (u32 warp = 0; warp < warps_; warp++) {
      if ((warps >> warp & 1) == 0) continue;
      joined[other] = std::max(joined[other], since_[warp][other]);
      fenced[other] = std::max(fenced[other], fenced_[warp][other]);
    }
    if ((warps >> other & 1) == 0) continue;
    joined[other] = now_;
    fenced[other] = fences_[other];
  }
  for (u32 warp = 0; warp < warps_; warp++) {
    if ((warps >> warp & 1) == 0) continue;
    std::copy_n(joined, warps_, since_[warp]);
    std::copy_n(fenced, warps_, fenced_[warp]);
    least_[warp] = *std::min_element(joined, joined + warps_) << kTimeShift;
  }
}

void Races::warpBarrier(const Warp& warp) {
  tick();
  since_[warp.index][warp.index] = now_;
  least_[warp.index] = *std::min_element(since_[warp.index], since_[warp.index] + warps_) << kTimeShift;
}

void Races::fence(const Warp& warp) {
  tick();
  fences_[warp.index] = now_;
}

void Races::hold(const Warp& warp, u32 mask, u32 bytes, const u64* p) {
  if (!on) return;
  if (held_.size() < writers_.size()) held_.resize(writers_.size());
  each(mask, [&](u32 lane) {
    for (u32 cell = 0; cell < bytes >> shift_; cell++) {
      const u64 at = (p[lane] >> shift_) + cell;
      const u32 stamp = writers_[at];
      if (timeOf(stamp) == kPending || timeOf(stamp) >= since_[warp.index][warpOf(stamp)]) {
        throw LaneFault{719, 0, "race in shared memory at byte " + std::to_string(at << shift_) + ": reads what " + describe(at << shift_) + " with no barrier between"};
      }
      if (timeOf(stamp) >= fenced_[warp.index][warpOf(stamp)]) {
        throw LaneFault{719, 0, "may not see at byte " + std::to_string(at << shift_) + " what " + describe(at << shift_) + " with no fence.proxy.async before the barrier"};
      }
      held_[at]++;
    }
  });
  holds_++;
}

void Races::release(Warp& warp, u32 mask, u32 bytes, const u64* p) {
  if (!on) return;
  each(mask, [&](u32 lane) {
    for (u32 cell = 0; cell < bytes >> shift_; cell++) held_[(p[lane] >> shift_) + cell]--;
  });
  holds_--;
  read(warp, mask, bytes, p);
}

void Races::refuseHeld(u32 lane, u64 at, u32 bytes) const {
  for (u32 cell = 0; cell < std::max(1u, bytes >> shift_); cell++) {
    if (held_[(at >> shift_) + cell] == 0) continue;
    throw LaneFault{719, lane, "writes to byte " + std::to_string(at) + " of shared memory, which a wgmma that was not waited for reads"};
  }
}

bool Races::orderedWriter(const Warp& warp, u32 thread, u32 stamp) const {
  if (timeOf(stamp) == kPending) return false;
  if ((stamp & kThread) == thread && (stamp & kFlagUpper) == 0) return true;
  if ((stamp & kFlagUpper) != 0) return stamp < least_[warp.index];
  return timeOf(stamp) < since_[warp.index][warpOf(stamp)];
}

bool Races::orderedReader(const Warp& warp, u32 thread, u32 stamp) const {
  if ((stamp & kFlagUpper) != 0) return stamp < least_[warp.index];
  if ((stamp & kFlagLower) == 0 && (stamp & kThread) == thread) return true;
  return timeOf(stamp) < since_[warp.index][warpOf(stamp)];
}

void Races::access(Warp& warp, u32 mask, u32 bytes, Access access, Located& found) {
  if (!on) return;
  if (access == Access::read) return read(warp, mask, bytes, found.pointer);
  if (access == Access::write) return write(warp, mask, bytes, found);
  atomic(warp, mask, bytes, found.pointer);
}

void Races::read(Warp& warp, u32 mask, u32 bytes, const u64* p) {
  const u32 least = least_[warp.index], first = warp.index * kLanes, time = now_ << kTimeShift;
  const u32 *writers = writers_.data();
  u32* readers = readers_.data();
  for (u32 cell = 0; cell < bytes >> shift_; cell++) {
    u32 bad = 0;
    each(mask, [&](u32 lane) {
      const u32 stamp = writers[(p[lane] >> shift_) + cell];
      bad |= static_cast<u32>(stamp >= least) & static_cast<u32>((stamp & kWho) != first + lane);
    });
    if (bad != 0) {
      each(mask, [&](u32 lane) {
        const u64 at = (p[lane] >> shift_) + cell;
        if (orderedWriter(warp, first + lane, writers[at])) return;
        throw LaneFault{719, lane, "race in shared memory at byte " + std::to_string(at << shift_) + ": reads what " + describe(at << shift_) + " with no barrier between"};
      });
    }
    for (u32 rest = mask; rest != 0; rest &= rest - 1) {
      const u32 lane = firstLane(rest), thread = first + lane;
      u32& reader = readers[(p[lane] >> shift_) + cell];
      const u32 old = reader;
      u32 made = time | thread;
      if (old >= least && (old & kWho) != thread) {
        made |= kFlagLower | (old & (kFlagUpper | kFlagLower));
        if (warpOf(old) != warp.index) made |= kFlagUpper;
      }
      reader = made;
    }
  }
}

void Races::write(Warp& warp, u32 mask, u32 bytes, Located& found) {
  const u64* p = found.pointer;
  if (holds_ > 0) each(mask, [&](u32 lane) { refuseHeld(lane, p[lane], bytes); });
  const u32 least = least_[warp.index], first = warp.index * kLanes, time = now_ << kTimeShift;
  for (u32 cell = 0; cell < bytes >> shift_; cell++) {
    u32 bad = 0;
    each(mask, [&](u32 lane) {
      const u64 at = (p[lane] >> shift_) + cell;
      const u32 writer = writers_[at], reader = readers_[at];
      bad |= static_cast<u32>(writer >= least) & static_cast<u32>((writer & kWho) != first + lane);
      bad |= static_cast<u32>(reader >= least) & static_cast<u32>((reader & kWho) != first + lane);
    });
    if (bad == 0) continue;
    each(mask, [&](u32 lane) {
      const u64 at = (p[lane] >> shift_) + cell;
      if (orderedWriter(warp, first + lane, writers_[at]) && orderedReader(warp, first + lane, readers_[at])) return;
      if (found.suspects == 0) suspect_ = describe(at << shift_);
      found.suspects |= 1u << lane;
    });
  }
  for (u32 cell = 0; cell < bytes >> shift_; cell++) {
    each(mask, [&](u32 lane) { writers_[(p[lane] >> shift_) + cell] = time | (first + lane); });
    u32 other = 0;
    each(mask, [&](u32 lane) { other |= writers_[(p[lane] >> shift_) + cell] ^ (time | (first + lane)); });
    found.overlap = found.overlap || other != 0;
  }
}

void Races::atomic(Warp& warp, u32 mask, u32 bytes, const u64* p) {
  if (holds_ > 0) each(mask, [&](u32 lane) { refuseHeld(lane, p[lane], bytes); });
  const u32 first = warp.index * kLanes, time = now_ << kTimeShift;
  for (u32 cell = 0; cell < std::max(1u, bytes >> shift_); cell++) {
    each(mask, [&](u32 lane) {
      const u64 at = (p[lane] >> shift_) + cell;
      const u32 thread = first + lane, old = writers_[at];
      const bool both = (old & kFlagLower) != 0 && timeOf(old) != kPending;
      if ((!both && !orderedWriter(warp, thread, old)) || !orderedReader(warp, thread, readers_[at])) {
        throw LaneFault{719, lane, "race in shared memory at byte " + std::to_string(at << shift_) + ": updates what " + describe(at << shift_) + " with no barrier between"};
      }
      const bool many = both && old >= least_[warp.index] && ((old & kThread) != thread || (old & kFlagUpper) != 0);
      writers_[at] = time | kFlagLower | (many ? kFlagUpper : 0) | thread;
    });
  }
}

void Races::pending(Warp& warp, u32 lane, u64 offset, u32 bytes) {
  if (!on) return;
  Located found;
  found.pointer[lane] = offset;
  write(warp, 1u << lane, bytes, found);
  if (found.suspects != 0) {
    throw LaneFault{719, lane, "race in shared memory at byte " + std::to_string(offset) + ": copies over what " + suspect_ + " with no barrier between"};
  }
  for (u32 cell = 0; cell < bytes >> shift_; cell++) writers_[(offset >> shift_) + cell] = kPending << kTimeShift | kFlagUpper | warp.thread(lane);
}

void Races::arrived(Warp& warp, u32 lane, u64 offset, u32 bytes) {
  if (!on) return;
  for (u32 cell = 0; cell < bytes >> shift_; cell++) writers_[(offset >> shift_) + cell] = now_ << kTimeShift | warp.thread(lane);
}

std::string Races::describe(u64 offset) const {
  const u32 writer = writers_[offset >> shift_], reader = readers_[offset >> shift_];
  if (timeOf(writer) == kPending) return "thread " + std::to_string(writer & kThread) + " has not waited for (cp.async)";
  if (timeOf(reader) > timeOf(writer)) return "thread " + std::to_string(reader & kThread) + " read";
  return "thread " + std::to_string(writer & kThread) + " wrote";
}

}  // namespace standin
