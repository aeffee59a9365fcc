// Gives warps their turns and runs their instructions; see block.h. Lanes of a warp that part go on as groups: the one
// furthest behind runs until it meets another, and then they go on together.
#include "block.h"

#include <xmmintrin.h>

#include <cstdlib>
#include <cstring>

namespace standin {
namespace {

constexpr u64 kTurn = 1 << 20;  // instructions a warp may run before the others have a turn

u32 rounded(u32 value, u32 to) { return (value + to - 1) / to * to; }

void broadcast(char* place, u32 bytes, u64 bits) {
  if (bytes <= 2) std::fill_n(reinterpret_cast<u16*>(place), kLanes, static_cast<u16>(bits));
  else if (bytes == 4) std::fill_n(reinterpret_cast<u32*>(place), kLanes, static_cast<u32>(bits));
  else std::fill_n(reinterpret_cast<u64*>(place), kLanes, bits);
}

std::string triple(const u32* of) {
  return "(" + std::to_string(of[0]) + ", " + std::to_string(of[1]) + ", " + std::to_string(of[2]) + ")";
}

}  // namespace

Block::Block(const Launch& launch, const Settings& settings)
    : kernel(*launch.kernel), params(launch.params), launch_(launch), settings_(settings) {
  size_ = launch.block[0] * launch.block[1] * launch.block[2];
  const u32 warps = (size_ + kLanes - 1) / kLanes;
  shared.resize(kernel.sharedBytes + launch.dynamicShared);
  ranges.resize(kernel.sites);
  races.on = settings.races;
  counts = settings.traffic;
  frameStride_ = rounded(kernel.constantBytes, 64) + kernel.frameBytes;
  const size_t bytes = std::max<size_t>(frameStride_ * warps, 64);
  frames_ = static_cast<char*>(std::aligned_alloc(64, bytes));
  if (frames_ == nullptr) throw Fault{2, "no memory for the registers of " + kernel.name};
  std::memset(frames_, kPoison, bytes);
  locals_.resize(static_cast<size_t>(kernel.localBytes) * kLanes * warps);
  warps_.resize(warps);
  for (u32 at = 0; at < warps; at++) {
    Warp& warp = warps_[at];
    warp.frame = frames_ + at * frameStride_ + rounded(kernel.constantBytes, 64);
    warp.block = this;
    warp.lists = kernel.lists.data();
    warp.local = locals_.data() + static_cast<size_t>(kernel.localBytes) * kLanes * at;
    warp.localStride = kernel.localBytes;
    warp.index = at;
    warp.exists = size_ - at * kLanes >= kLanes ? kFull : (1u << (size_ - at * kLanes)) - 1;
    warp.reversed = settings.reversed;
    for (const Constant& constant : kernel.constants) broadcast(warp.frame + constant.place, constant.bytes, constant.bits);
  }
}

Block::~Block() { std::free(frames_); }

void Block::specials(Warp& warp) {
  for (const SpecialPlace& special : kernel.specials) {
    for (u32 lane = 0; lane < kLanes; lane++) {
      const u32 thread = warp.thread(lane), row = thread / launch_.block[0], eq = 1u << lane;
      u64 value = 0;
      switch (special.which) {
        case Special::tidX: value = thread % launch_.block[0]; break;
        case Special::tidY: value = row % launch_.block[1]; break;
        case Special::tidZ: value = row / launch_.block[1]; break;
        case Special::ntidX: value = launch_.block[0]; break;
        case Special::ntidY: value = launch_.block[1]; break;
        case Special::ntidZ: value = launch_.block[2]; break;
        case Special::ctaidX: value = ctaid_[0]; break;
        case Special::ctaidY: value = ctaid_[1]; break;
        case Special::ctaidZ: value = ctaid_[2]; break;
        case Special::nctaidX: value = launch_.grid[0]; break;
        case Special::nctaidY: value = launch_.grid[1]; break;
        case Special::nctaidZ: value = launch_.grid[2]; break;
        case Special::laneid: value = lane; break;
        case Special::warpid: value = warp.index; break;
        case Special::nwarpid: value = warps_.size(); break;
        case Special::smid: value = 0; break;
        case Special::nsmid: value = 1; break;
        case Special::gridid: value = 1; break;
        case Special::lanemaskEq: value = eq; break;
        case Special::lanemaskLe: value = eq | (eq - 1); break;
        case Special::lanemaskLt: value = eq - 1; break;
        case Special::lanemaskGe: value = ~(eq - 1); break;
        case Special::lanemaskGt: value = ~(eq | (eq - 1)); break;
        case Special::dynamicSharedBytes: value = launch_.dynamicShared; break;
        case Special::totalSharedBytes: value = shared.size(); break;
        case Special::none: break;
      }
      if (special.wide) reinterpret_cast<u64*>(warp.frame + special.place)[lane] = value;
      else reinterpret_cast<u32*>(warp.frame + special.place)[lane] = static_cast<u32>(value);
    }
  }
}

void Block::start(u32 x, u32 y, u32 z) {
  ctaid_[0] = x;
  ctaid_[1] = y;
  ctaid_[2] = z;
  std::fill(shared.begin(), shared.end(), kPoison);
  std::fill(locals_.begin(), locals_.end(), kPoison);
  std::fill(std::begin(barriers_), std::end(barriers_), Barrier{});
  races.begin(shared.size(), kernel.smallestShared, static_cast<u32>(warps_.size()));
  groups.begin(size_);
  limit_ = steps + settings_.stepLimit;
  for (Warp& warp : warps_) {
    specials(warp);
    warp.alive = warp.exists;
    warp.groups.assign(1, Group{0, warp.exists});
    warp.copies.clear();
    std::fill(std::begin(warp.batches), std::end(warp.batches), 0);
  }
}

void Block::run(u32 x, u32 y, u32 z) {
  start(x, y, z);
  for (bool alive = true; alive;) {
    bool progress = false;
    alive = false;
    for (size_t turn = 0; turn < warps_.size(); turn++) {
      Warp& warp = warps_[settings_.reversed ? warps_.size() - 1 - turn : turn];
      if (warp.alive == 0) continue;
      progress = advance(warp) || progress;
      alive = alive || warp.alive != 0;
    }
    if (alive && !progress) stuck();
  }
  finishProducts();
}

void Block::finishProducts() const {
  for (const Warp& warp : warps_) {
    u32 pc = 0;
    const std::string problem = groups.unfinished(warp, pc);
    if (!problem.empty()) report(warp, pc, LaneFault{719, 0, problem});
  }
}

/** Runs a warp until all its groups wait or its turn is over. @return whether anything ran */
bool Block::advance(Warp& warp) {
  bool progress = false;
  for (const u64 until = steps + kTurn; steps < until;) {
    size_t chosen = warp.groups.size();
    for (size_t at = 0; at < warp.groups.size(); at++) {
      if (warp.groups[at].wait != Wait::none) continue;
      if (chosen == warp.groups.size() || warp.groups[at].pc < warp.groups[chosen].pc) chosen = at;
    }
    if (chosen == warp.groups.size()) return progress;
    Group group = warp.groups[chosen];
    warp.groups.erase(warp.groups.begin() + static_cast<i64>(chosen));
    u32 stop = ~0u;
    for (size_t at = 0; at < warp.groups.size();) {
      const Group& other = warp.groups[at];
      if (other.wait != Wait::barrier && other.pc == group.pc) {
        group.mask |= other.mask;
        warp.groups.erase(warp.groups.begin() + static_cast<i64>(at));
        continue;
      }
      if (other.wait != Wait::barrier && other.pc > group.pc) stop = std::min(stop, other.pc);
      at++;
    }
    progress = true;
    run(warp, group, stop);
    if (steps > limit_) {
      LaneFault hung{702, firstLane(group.mask), "has not ended after " + std::to_string(settings_.stepLimit) + " instructions"};
      report(warp, group.pc, hung);
    }
  }
  return progress;
}

/** Runs a group until it parts, waits, ends, or comes to where another group stands. */
void Block::run(Warp& warp, Group group, u32 stop) {
  const Instruction* const code = kernel.code.data();
  const u64 until = steps + kTurn;
  u32 pc = group.pc;
  const u32 mask = group.mask;
  warp.here = mask;
  const auto part = [&](u32 jumping, u32 target) {
    warp.groups.push_back({target, jumping});
    warp.groups.push_back({pc + 1, mask & ~jumping});
  };
  try {
    for (;;) {
      const Instruction& at = code[pc];
      u32 active = mask;
      if (at.guarded != 0) active &= at.guarded == 1 ? warp.predicate(at.guard) : ~warp.predicate(at.guard);
      steps++;
      threads += static_cast<u64>(__builtin_popcount(mask));
      if (at.touchesSums != 0 && active != 0) groups.touch(warp, kernel.touched.at(pc));
      if (at.flow == Flow::next) {
        if (active != 0) {
          if (at.control != 0) {
            const u32 before = _mm_getcsr();
            _mm_setcsr(at.control);
            at.run(warp, at, active);
            _mm_setcsr(before);
          } else {
            at.run(warp, at, active);
          }
        }
        pc++;
      } else if (active == 0) {
        pc++;
      } else if (at.flow == Flow::branch) {
        if (active != mask) return part(active, at.target);
        pc = at.target;
        if (steps > until) {
          warp.groups.push_back({pc, mask});
          return;
        }
      } else if (at.flow == Flow::table) {
        const u32* index = warp.lanes<u32>(at.a);
        for (u32 rest = active; rest != 0;) {
          const u32 chosen = index[firstLane(rest)];
          if (chosen >= at.count) throw LaneFault{719, firstLane(rest), "branches to entry " + std::to_string(chosen) + " of " + std::to_string(at.count)};
          u32 same = 0;
          each(rest, [&](u32 lane) { same |= static_cast<u32>(index[lane] == chosen) << lane; });
          warp.groups.push_back({static_cast<u32>(kernel.lists[at.list + chosen]), same});
          rest &= ~same;
        }
        if (active != mask) warp.groups.push_back({pc + 1, mask & ~active});
        return;
      } else if (at.flow == Flow::leave) {
        warp.alive &= ~active;
        if (active != mask) warp.groups.push_back({pc + 1, mask & ~active});
        return;
      } else if (at.flow == Flow::converge) {
        if (!converged(warp, at, active, group)) {
          warp.groups.push_back({pc, active, Wait::converge});
          if (active != mask) warp.groups.push_back({pc + 1, mask & ~active});
          return;
        }
        at.run(warp, at, active);
        pc++;
      } else {
        warp.at = &at;
        Group waiting{pc, active};
        if (active != mask) warp.groups.push_back({pc + 1, mask & ~active});
        return arrive(warp, at, waiting, active);
      }
      if (pc >= stop) {
        warp.groups.push_back({pc, mask});
        return;
      }
    }
  } catch (const LaneFault& fault) {
    _mm_setcsr(0x1F80);
    report(warp, pc, fault);
  }
}

/** Whether all lanes that the active ones name are here. */
bool Block::converged(Warp& warp, const Instruction& at, u32 active, const Group&) const {
  const u32* members = warp.lanes<u32>(at.e);
  for (u32 rest = active; rest != 0;) {
    const u32 lane = firstLane(rest), named = members[lane] & warp.exists;
    if ((named >> lane & 1) == 0) throw LaneFault{719, lane, "is not in its own member mask"};
    if ((named & ~warp.alive) != 0) {
      throw LaneFault{719, lane, "waits for lane " + std::to_string(firstLane(named & ~warp.alive)) + ", which has ended"};
    }
    if ((named & ~active) != 0) return false;
    u32 same = 0;
    each(active, [&](u32 other) { same |= static_cast<u32>(members[other] == members[lane]) << other; });
    rest &= ~same;
  }
  return true;
}

void Block::report(const Warp& warp, u32 pc, const LaneFault& fault) const {
  const u32 thread = warp.thread(fault.lane);
  const u32 place[3] = {thread % launch_.block[0], thread / launch_.block[0] % launch_.block[1], thread / launch_.block[0] / launch_.block[1]};
  const u32 line = kernel.code[pc].line;
  throw Fault{fault.code, "kernel " + kernel.name + ", block " + triple(ctaid_) + ", thread " + triple(place) + ", line " +
                              std::to_string(line) + " `" + lineOf(kernel.syntax->text, line) + "`: " + fault.what};
}

}  // namespace standin
