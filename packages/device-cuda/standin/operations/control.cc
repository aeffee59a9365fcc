// Where threads go and what they wait for: branches, ends, barriers, fences. The waiting itself is in execute/barriers.cc.
#include "../execute/block.h"
#include "elementwise.h"

namespace standin {

void decodeWarpBarrier(Reading& r);

namespace {

void decodeBranch(Reading& r) {
  r.take("uni");
  r.count(1);
  r.made.flow = Flow::branch;
  r.made.target = r.label(r.operand(0));
}

void decodeBranchTable(Reading& r) {
  r.require("idx");
  r.take("uni");
  r.count(2);
  std::vector<i32> targets;
  for (const std::string& name : r.table(r.operand(1).name)) {
    Operand label;
    label.name = name;
    targets.push_back(static_cast<i32>(r.label(label)));
  }
  if (targets.empty() || targets.size() > 255) r.fail("a table has 1 to 255 labels");
  r.made.flow = Flow::table;
  r.made.a = r.source(0, Type::u32);
  r.made.count = static_cast<u8>(targets.size());
  r.made.list = r.list(targets);
}

/** `ret` of a function that was called becomes a branch when it is linked. */
void decodeLeave(Reading& r) {
  r.take("uni");
  r.count(0);
  r.made.flow = Flow::leave;
}

void trap(Warp&, const Instruction&, u32 mask) { throw LaneFault{719, firstLane(mask), "traps"}; }

void decodeTrap(Reading& r) {
  r.count(0);
  r.made.run = trap;
}

void nothing(Warp&, const Instruction&, u32) {}

void fenceProxy(Warp& warp, const Instruction&, u32 mask) {
  if (mask == warp.alive) warp.block->races.fence(warp);
}

/**
 * Memory has one order here, so fences have nothing to do; shared memory's races are told by barriers alone. Only tensor cores that read by themselves see
 * what is behind a fence of their proxy, and that of a whole warp.
 */
void decodeFence(Reading& r) {
  if (r.take("proxy")) {
    r.requireWarpgroups();
    r.require("async");
    if (r.has("global")) r.fail("global memory is not read by another proxy here");
    r.takeOneOf({"shared::cta", "shared::cluster"});
    r.count(0);
    r.made.run = fenceProxy;
    return;
  }
  r.takeOneOf({"sc", "acq_rel"});
  if (!r.takeOneOf({"cta", "cluster", "gpu", "sys", "gl"})) r.fail("a scope is missing");
  r.count(0);
  r.made.run = nothing;
}

void decodeSleep(Reading& r) {
  r.typeOf({Type::u32});
  r.count(1);
  r.source(0, Type::u32);
  r.made.run = nothing;
}

void barrier(Reading& r, bool aligned) {
  r.take("cta");
  const auto kind = r.takeOneOf({"sync", "arrive", "red"});
  if (!kind) r.fail("expected .sync, .arrive or .red");
  const auto by = *kind == 2 ? r.takeOneOf({"popc", "and", "or"}) : std::nullopt;
  aligned = r.take("aligned") || aligned;
  r.made.flow = Flow::barrier;
  r.made.count = aligned ? 1 : 0;
  size_t at = 0;
  size_t last = r.operands();
  if (*kind == 2) {
    if (!by) r.fail("expected .popc, .and or .or");
    const Type type = *by == 0 ? r.typeOf({Type::u32}) : r.typeOf({Type::pred});
    r.count(3, 4);
    r.made.d = r.destination(at++, type);
    Operand predicate = r.operand(--last);
    r.made.offset = predicate.negated ? 1 : 0;
    predicate.negated = false;
    r.made.c = r.source(predicate, Type::pred);
  } else {
    r.count(*kind == 1 ? 2 : 1, 2);
  }
  r.made.target = *kind + (by ? *by : 0);
  r.made.a = r.source(at++, Type::u32);
  if (at < last) r.made.b = r.source(at, Type::u32);
}

void decodeBar(Reading& r) {
  if (r.take("warp")) return decodeWarpBarrier(r);
  barrier(r, true);
}

void decodeBarrier(Reading& r) { barrier(r, false); }

}  // namespace

void addControlOpcodes(Opcodes& opcodes) {
  opcodes.add("bra", Family::any, decodeBranch);
  opcodes.add("brx", Family::any, decodeBranchTable);
  opcodes.add("ret", Family::any, decodeLeave);
  opcodes.add("exit", Family::any, decodeLeave);
  opcodes.add("trap", Family::any, decodeTrap);
  opcodes.add("brkpt", Family::any, decodeTrap);
  opcodes.add("membar", Family::any, decodeFence);
  opcodes.add("fence", Family::any, decodeFence);
  opcodes.add("nanosleep", Family::any, decodeSleep);
  opcodes.add("bar", Family::any, decodeBar);
  opcodes.add("barrier", Family::any, decodeBarrier);
}

}  // namespace standin
