// cp.async: copies from global to shared memory that are there only after a wait. Until then their place is poison.
#include "../execute/block.h"
#include "elementwise.h"

namespace standin {
namespace {

void copyAsync(Warp& warp, const Instruction& at, u32 mask) {
  Block& block = *warp.block;
  const u32 bytes = at.count;
  Instruction from = at;
  from.space = Space::global;
  from.a = at.b;
  from.offset = static_cast<i64>(static_cast<i32>(at.list));
  from.e = 1;
  const u32* given = at.c == 0 ? nullptr : warp.lanes<u32>(at.c);
  u32 reading = mask;
  if (given != nullptr) {
    each(mask, [&](u32 lane) {
      if (given[lane] > bytes) throw LaneFault{719, lane, "copies more bytes than it has room for"};
      if (given[lane] == 0) reading &= ~(1u << lane);
    });
  }
  Located source;
  if (reading != 0) locate(warp, from, reading, bytes, Access::read, source);
  // The destination's address is checked without its stamps: those are the copy's, not an access's.
  Located target;
  const bool on = block.races.on;
  block.races.on = false;
  try {
    locate(warp, at, mask, bytes, Access::write, target);
  } catch (const LaneFault&) {
    block.races.on = on;
    throw;
  }
  block.races.on = on;
  each(mask, [&](u32 lane) {
    const u64 to = target.pointer[lane] - reinterpret_cast<u64>(block.shared.data());
    block.races.pending(warp, lane, to, bytes);
    std::memset(block.shared.data() + to, kPoison, bytes);
    warp.copies.push_back({lane, static_cast<u32>(to), source.pointer[lane], bytes, given == nullptr ? bytes : given[lane], warp.batches[lane]});
  });
}

void arrive(Warp& warp, u32 mask, bool all, u32 left) {
  Block& block = *warp.block;
  std::vector<AsyncCopy> waiting;
  for (const AsyncCopy& copy : warp.copies) {
    const u32 batches = warp.batches[copy.lane];
    if ((mask >> copy.lane & 1) == 0 || (!all && copy.batch + left >= batches)) {
      waiting.push_back(copy);
      continue;
    }
    u8* to = block.shared.data() + copy.to;
    if (copy.given > 0) std::memcpy(to, reinterpret_cast<const void*>(copy.from), copy.given);
    std::memset(to + copy.given, 0, copy.bytes - copy.given);
    block.races.arrived(warp, copy.lane, copy.to, copy.bytes);
  }
  warp.copies = std::move(waiting);
}

void commit(Warp& warp, const Instruction&, u32 mask) {
  each(mask, [&](u32 lane) { warp.batches[lane]++; });
}

void waitGroup(Warp& warp, const Instruction& at, u32 mask) { arrive(warp, mask, false, at.target); }
void waitAll(Warp& warp, const Instruction&, u32 mask) { arrive(warp, mask, true, 0); }

void decodeCopy(Reading& r) {
  const auto cache = r.takeOneOf({"ca", "cg"});
  if (!cache) r.fail("expected .ca or .cg");
  if (!r.take("shared") && !r.take("shared::cta")) r.fail("copies go to .shared");
  r.require("global");
  r.takeOneOf({"L2::64B", "L2::128B", "L2::256B"});
  r.count(3, 4);
  const u64 bytes = r.literal(2);
  if (bytes != 16 && (*cache == 1 || (bytes != 4 && bytes != 8))) r.fail("copies have 4, 8 or 16 bytes; with .cg 16");
  if (!r.address(1, Space::global)) r.fail("an address in global memory has 64 bits");
  r.made.b = r.made.a;
  if (r.made.offset != static_cast<i32>(r.made.offset)) r.fail("an offset is too large");
  const i64 offset = r.made.offset;
  r.made.e = r.address(0, Space::shared) ? 1 : 0;
  r.made.list = static_cast<u32>(static_cast<i32>(offset));
  if (r.operands() == 4) r.made.c = r.isPredicate(3) ? (r.fail("a predicate that ignores the source is not known"), 0) : r.source(3, Type::u32);
  r.made.count = static_cast<u8>(bytes);
  r.made.site = r.site();
  r.made.run = copyAsync;
  r.sharedAccess(static_cast<u32>(bytes));
}

void decodeAsync(Reading& r) {
  r.require("async");
  if (r.take("commit_group")) {
    r.count(0);
    r.made.run = commit;
  } else if (r.take("wait_all")) {
    r.count(0);
    r.made.run = waitAll;
  } else if (r.take("wait_group")) {
    r.count(1);
    r.made.target = static_cast<u32>(r.literal(0));
    r.made.run = waitGroup;
  } else {
    decodeCopy(r);
  }
}

}  // namespace

void addAsyncOpcodes(Opcodes& opcodes) { opcodes.add("cp", Family::any, decodeAsync); }

}  // namespace standin
