// When warps of a block wait for each other, and what is told when they wait for ever; see block.h.
#include <algorithm>

#include "block.h"

namespace standin {

void Block::arrive(Warp& warp, const Instruction& at, Group& group, u32 active) {
  const u32 first = firstLane(active);
  const u32 id = warp.lanes<u32>(at.a)[first];
  if (id >= 16) throw LaneFault{719, first, "there is no barrier " + std::to_string(id)};
  const bool counted = at.b != 0;
  const u32 expected = counted ? warp.lanes<u32>(at.b)[first] : size_;
  if (counted && (expected == 0 || expected % kLanes != 0)) throw LaneFault{719, first, "a barrier's count is a multiple of 32"};
  // An aligned barrier is for the whole warp: parts of it wait for the others.
  if (at.count != 0 && active != warp.alive) {
    group.wait = Wait::converge;
    warp.groups.push_back(group);
    return;
  }
  Barrier& barrier = barriers_[id];
  if (barrier.expected == 0) {
    barrier.expected = expected;
    barrier.pc = group.pc;
  } else if (barrier.expected != expected) {
    throw LaneFault{719, first, "barrier " + std::to_string(id) + " is waited at for " + std::to_string(barrier.expected) + " threads"};
  } else if (!counted && barrier.pc != group.pc) {
    throw LaneFault{719, first, "divergent barrier: other warps wait at line " + std::to_string(kernel.code[barrier.pc].line)};
  }
  if ((barrier.warps >> warp.index & 1) != 0 && at.count != 0) {
    throw LaneFault{719, first, "comes to barrier " + std::to_string(id) + " twice before it is complete"};
  }
  const u32 whole = active == warp.exists && counted ? kLanes : static_cast<u32>(__builtin_popcount(active));
  barrier.arrived += whole;
  barrier.warps |= 1u << warp.index;
  if (static_cast<BarrierKind>(at.target) >= BarrierKind::popc) {
    const u32 predicate = warp.predicate(at.c);
    barrier.count += static_cast<u32>(__builtin_popcount((at.offset != 0 ? ~predicate : predicate) & active));
  }
  if (static_cast<BarrierKind>(at.target) == BarrierKind::arrive) {
    group.pc++;
  } else {
    group.wait = Wait::barrier;
    group.barrier = id;
  }
  warp.groups.push_back(group);
  if (barrier.arrived >= barrier.expected) complete(id);
}

void Block::complete(u32 id) {
  const Barrier barrier = barriers_[id];
  barriers_[id] = Barrier{};
  races.barrier(barrier.warps);
  for (Warp& warp : warps_) {
    for (Group& group : warp.groups) {
      if (group.wait != Wait::barrier || group.barrier != id) continue;
      const Instruction& at = kernel.code[group.pc];
      const auto kind = static_cast<BarrierKind>(at.target);
      if (kind == BarrierKind::popc) {
        u32* d = warp.lanes<u32>(at.d);
        each(group.mask, [&](u32 lane) { d[lane] = barrier.count; });
      } else if (kind == BarrierKind::land || kind == BarrierKind::lor) {
        const bool holds = kind == BarrierKind::lor ? barrier.count > 0 : barrier.count == barrier.arrived;
        u32& d = warp.predicate(at.d);
        d = (d & ~group.mask) | (holds ? group.mask : 0);
      }
      group.wait = Wait::none;
      group.pc++;
    }
  }
}

std::string Block::standing(const Warp& warp) const {
  std::string told;
  for (const Group& group : warp.groups) {
    told += std::string(told.empty() ? "" : ", ") + std::to_string(__builtin_popcount(group.mask)) + " threads of warp " +
            std::to_string(warp.index) + (group.wait == Wait::barrier ? " at a barrier" : " for other lanes") + " at line " +
            std::to_string(kernel.code[group.pc].line);
  }
  return told;
}

/** Nothing can go on: threads ended before a barrier that others wait at, or lanes wait for lanes that come elsewhere. */
void Block::stuck() const {
  u32 ended = 0;
  const Warp* waiting = nullptr;
  std::string told;
  for (const Warp& warp : warps_) {
    ended += static_cast<u32>(__builtin_popcount(warp.exists & ~warp.alive));
    if (warp.groups.empty()) continue;
    if (waiting == nullptr) waiting = &warp;
    if (told.size() < 200) told += (told.empty() ? "" : "; ") + standing(warp);
  }
  const std::string why = ended > 0 ? "abandoned barrier: " + std::to_string(ended) + " threads have ended" : "divergent barrier: threads wait in different places";
  report(*waiting, waiting->groups.front().pc, LaneFault{719, firstLane(waiting->groups.front().mask), why + "; waiting are " + told});
}

}  // namespace standin
