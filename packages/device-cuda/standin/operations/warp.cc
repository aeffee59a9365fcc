// What lanes of a warp do together: shfl, vote, match, redux, bar.warp, activemask. All named lanes come before it runs.
#include "../execute/block.h"
#include "elementwise.h"

namespace standin {
namespace {

/** Calls f(lanes) for each set of active lanes that name the same members. */
template <class F>
void perMembers(Warp& warp, const Instruction& at, u32 mask, F f) {
  const u32* members = warp.lanes<u32>(at.e);
  for (u32 rest = mask; rest != 0;) {
    const u32 named = members[firstLane(rest)];
    u32 same = 0;
    each(rest, [&](u32 lane) { same |= static_cast<u32>(members[lane] == named) << lane; });
    f(same);
    rest &= ~same;
  }
}

void members(Reading& r, size_t operand) {
  r.made.flow = Flow::converge;
  r.made.e = r.source(operand, Type::b32);
}

enum class Shuffle : u32 { up, down, bfly, idx };

void shuffle(Warp& warp, const Instruction& at, u32 mask) {
  u32* d = warp.lanes<u32>(at.d);
  const u32 *a = warp.lanes<u32>(at.a), *by = warp.lanes<u32>(at.b), *limits = warp.lanes<u32>(at.c);
  u32 value[kLanes], inside = 0, absent = 0;
  u32 source[kLanes];
  each(mask, [&](u32 lane) {
    const u32 segment = limits[lane] >> 8 & 31, clamp = limits[lane] & 31, b = by[lane] & 31;
    const i32 last = static_cast<i32>((lane & segment) | (clamp & ~segment)), first = static_cast<i32>(lane & segment);
    i32 from = static_cast<i32>(lane);
    bool within = false;
    switch (static_cast<Shuffle>(at.target)) {
      case Shuffle::up: from -= static_cast<i32>(b); within = from >= last; break;
      case Shuffle::down: from += static_cast<i32>(b); within = from <= last; break;
      case Shuffle::bfly: from ^= static_cast<i32>(b); within = from <= last; break;
      case Shuffle::idx: from = first | static_cast<i32>(b & ~segment); within = from <= last; break;
    }
    source[lane] = within ? static_cast<u32>(from) : lane;
    inside |= static_cast<u32>(within) << lane;
  });
  each(mask, [&](u32 lane) { absent |= static_cast<u32>((mask >> source[lane] & 1) == 0) << lane; });
  if (absent != 0) {
    const u32 lane = firstLane(absent);
    throw LaneFault{719, lane, "reads from lane " + std::to_string(source[lane]) + ", which is not taking part"};
  }
  each(mask, [&](u32 lane) { value[lane] = a[source[lane]]; });
  each(mask, [&](u32 lane) { d[lane] = value[lane]; });
  u32& p = warp.predicate(at.d2);
  p = (p & ~mask) | inside;
}

void decodeShfl(Reading& r) {
  r.require("sync");
  const auto mode = r.takeOneOf({"up", "down", "bfly", "idx"});
  if (!mode) r.fail("expected .up, .down, .bfly or .idx");
  r.typeOf({Type::b32});
  r.count(5);
  r.made.run = shuffle;
  r.made.target = *mode;
  r.destinations(0, Type::b32, Type::pred);
  r.made.a = r.source(1, Type::b32);
  r.made.b = r.source(2, Type::b32);
  r.made.c = r.source(3, Type::b32);
  members(r, 4);
}

enum class Vote : u32 { all, any, uni, ballot };

void vote(Warp& warp, const Instruction& at, u32 mask) {
  const u32 holds = at.count != 0 ? ~warp.predicate(at.a) : warp.predicate(at.a);
  perMembers(warp, at, mask, [&](u32 lanes) {
    const u32 yes = holds & lanes;
    const auto kind = static_cast<Vote>(at.target);
    if (kind == Vote::ballot) return each(lanes, [&](u32 lane) { warp.lanes<u32>(at.d)[lane] = yes; });
    const bool result = kind == Vote::all ? yes == lanes : kind == Vote::any ? yes != 0 : yes == lanes || yes == 0;
    u32& d = warp.predicate(at.d);
    d = (d & ~lanes) | (result ? lanes : 0);
  });
}

void decodeVote(Reading& r) {
  r.require("sync");
  const auto kind = r.takeOneOf({"all", "any", "uni", "ballot"});
  if (!kind) r.fail("expected .all, .any, .uni or .ballot");
  const bool ballot = static_cast<Vote>(*kind) == Vote::ballot;
  r.typeOf({ballot ? Type::b32 : Type::pred});
  r.count(3);
  Operand predicate = r.operand(1);
  r.made.count = predicate.negated ? 1 : 0;
  predicate.negated = false;
  r.made.run = vote;
  r.made.target = *kind;
  r.made.d = r.destination(0, ballot ? Type::b32 : Type::pred);
  r.made.a = r.source(predicate, Type::pred);
  members(r, 2);
}

template <class T, bool kAll>
void match(Warp& warp, const Instruction& at, u32 mask) {
  const T* a = warp.lanes<T>(at.a);
  u32* d = warp.lanes<u32>(at.d);
  perMembers(warp, at, mask, [&](u32 lanes) {
    u32 same[kLanes] = {};
    each(lanes, [&](u32 lane) {
      each(lanes, [&](u32 other) { same[lane] |= static_cast<u32>(a[other] == a[lane]) << other; });
    });
    const bool all = same[firstLane(lanes)] == lanes;
    each(lanes, [&](u32 lane) { d[lane] = kAll ? (all ? lanes : 0) : same[lane]; });
    if (!kAll) return;
    u32& p = warp.predicate(at.d2);
    p = (p & ~lanes) | (all ? lanes : 0);
  });
}

void decodeMatch(Reading& r) {
  const auto kind = r.takeOneOf({"any", "all"});
  r.require("sync");
  if (!kind) r.fail("expected .any or .all");
  const Type type = r.typeOf({Type::b32, Type::b64});
  r.count(3);
  if (type == Type::b32) r.made.run = *kind == 1 ? match<u32, true> : match<u32, false>;
  else r.made.run = *kind == 1 ? match<u64, true> : match<u64, false>;
  r.destinations(0, Type::b32, Type::pred);
  r.made.a = r.source(1, type);
  members(r, 2);
}

enum class Reduction : u32 { add, min, max, land, lor, lxor };

template <class T>
void redux(Warp& warp, const Instruction& at, u32 mask) {
  const T* a = warp.lanes<T>(at.a);
  perMembers(warp, at, mask, [&](u32 lanes) {
    T made = a[firstLane(lanes)];
    each(lanes & (lanes - 1), [&](u32 lane) {
      switch (static_cast<Reduction>(at.target)) {
        case Reduction::add: made = static_cast<T>(made + a[lane]); break;
        case Reduction::min: made = std::min(made, a[lane]); break;
        case Reduction::max: made = std::max(made, a[lane]); break;
        case Reduction::land: made &= a[lane]; break;
        case Reduction::lor: made |= a[lane]; break;
        case Reduction::lxor: made ^= a[lane]; break;
      }
    });
    each(lanes, [&](u32 lane) { warp.lanes<T>(at.d)[lane] = made; });
  });
}

void decodeRedux(Reading& r) {
  r.require("sync");
  const auto operation = r.takeOneOf({"add", "min", "max", "and", "or", "xor"});
  if (!operation) r.fail("expected an operation");
  const Type type = *operation < 3 ? r.typeOf({Type::u32, Type::s32}) : r.typeOf({Type::b32});
  r.count(3);
  r.made.run = type == Type::s32 ? redux<i32> : redux<u32>;
  r.made.target = *operation;
  r.made.d = r.destination(0, type);
  r.made.a = r.source(1, type);
  members(r, 2);
}

void activeMask(Warp& warp, const Instruction& at, u32 mask) {
  u32* d = warp.lanes<u32>(at.d);
  each(mask, [=](u32 lane) { d[lane] = mask; });
}

void decodeActiveMask(Reading& r) {
  r.typeOf({Type::b32});
  r.count(1);
  r.made.run = activeMask;
  r.made.d = r.destination(0, Type::b32);
}

void warpBarrier(Warp& warp, const Instruction&, u32) { warp.block->races.warpBarrier(warp); }

}  // namespace

/** `bar.warp.sync members`. */
void decodeWarpBarrier(Reading& r) {
  r.require("sync");
  r.count(1);
  r.made.run = warpBarrier;
  members(r, 0);
}

void addWarpOpcodes(Opcodes& opcodes) {
  opcodes.add("shfl", Family::any, decodeShfl);
  opcodes.add("vote", Family::any, decodeVote);
  opcodes.add("match", Family::any, decodeMatch);
  opcodes.add("redux", Family::any, decodeRedux);
  opcodes.add("activemask", Family::any, decodeActiveMask);
}

}  // namespace standin
