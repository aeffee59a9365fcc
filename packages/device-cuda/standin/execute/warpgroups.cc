// The rules of products by warpgroups; see warpgroups.h.
#include "warpgroups.h"

#include <algorithm>
#include <utility>

#include "block.h"

namespace standin {
namespace {

constexpr u32 kGroup = 4;  // warps
constexpr u32 kGroupThreads = kGroup * kLanes;

/** Calls f with the addresses of all chunks of a part, 32 at a time. */
template <class F>
void perChunks(const MatrixPart& part, F f) {
  u64 addresses[kLanes];
  u32 count = 0;
  for (u32 line = 0; line < part.lines(); line++) {
    for (u32 chunk = 0; chunk < part.chunks(); chunk++) {
      addresses[count++] = part.at(line, chunk);
      if (count == kLanes) f(std::exchange(count, 0u), addresses);
    }
  }
  if (count > 0) f(count, addresses);
}

template <class F>
void perParts(const Warp& warp, const GroupProduct& product, F f) {
  perChunks(leftPart(warp, product), f);
  perChunks(rightPart(product), f);
}

u32 maskOf(u32 count) { return count == kLanes ? kFull : (1u << count) - 1; }

}  // namespace

MatrixPart leftPart(const Warp& warp, const GroupProduct& product) {
  return {product.a, warp.index % kGroup * 16, 16, product.elementBytes};
}

MatrixPart rightPart(const GroupProduct& product) { return {product.b, 0, product.count * 2, product.elementBytes}; }

void Warpgroups::begin(u32 threads) {
  warps_.assign((threads + kLanes - 1) / kLanes, {});
  groups_.assign((threads + kGroupThreads - 1) / kGroupThreads, {});
  whole_ = threads % kGroupThreads == 0;
}

void Warpgroups::fence(Warp& warp) {
  of(warp).fenced = true;
  of(warp).touched.clear();
}

void Warpgroups::issue(Warp& warp, GroupProduct product) {
  if (!whole_) throw LaneFault{719, 0, "needs whole warpgroups of 128 threads"};
  OfWarp& own = of(warp);
  checkRegisters(own, product);
  agree(warp, product);
  Block& block = *warp.block;
  perParts(warp, product, [&](u32 count, const u64* addresses) {
    for (u32 at = 0; at < count; at++) {
      if (addresses[at] + kChunkBytes <= block.shared.size()) continue;
      throw LaneFault{700, 0, "describes a matrix that reaches byte " + std::to_string(addresses[at]) + " of " + std::to_string(block.shared.size()) + " of shared memory"};
    }
    block.races.hold(warp, maskOf(count), kChunkBytes, addresses);
  });
  products_++;
  product.batch = own.batches;
  own.flying.push_back(product);
}

void Warpgroups::checkRegisters(const OfWarp& own, const GroupProduct& product) const {
  if (!own.fenced) throw LaneFault{719, 0, "comes before any wgmma.fence"};
  for (u32 at = 0; at < product.count; at++) {
    if (own.touched.count(product.d[at]) != 0) throw LaneFault{719, 0, "takes a register that was read or written after the last wgmma.fence"};
  }
  for (const GroupProduct& other : own.flying) {
    if (other.count == product.count && std::equal(other.d, other.d + other.count, product.d)) continue;
    if (std::find_first_of(other.d, other.d + other.count, product.d, product.d + product.count) == other.d + other.count) continue;
    throw LaneFault{719, 0, "takes registers of a product of another shape that was not waited for"};
  }
}

/** The first of a group's warps says what the others have to ask for. */
void Warpgroups::agree(const Warp& warp, const GroupProduct& product) {
  OfGroup& group = groups_[warp.index / kGroup];
  OfWarp& own = of(warp);
  const u64 number = own.issued++ - group.first;
  if (number == group.asked.size()) {
    group.asked.push_back({product.pc, product.a, product.b, product.adds});
  } else {
    const Asked& asked = group.asked[number];
    if (asked.pc != product.pc || !(asked.a == product.a) || !(asked.b == product.b) || asked.adds != product.adds) {
      throw LaneFault{719, 0, "asks for something else than the warps beside it: a warpgroup goes the same way, with the same descriptors"};
    }
  }
  const OfWarp* first = &warps_[warp.index / kGroup * kGroup];
  const auto slowest = std::min_element(first, first + kGroup, [](const OfWarp& x, const OfWarp& y) { return x.issued < y.issued; });
  for (; group.first < slowest->issued; group.first++) group.asked.pop_front();
}

void Warpgroups::wait(Warp& warp, u32 left) {
  OfWarp& own = of(warp);
  const auto done = std::find_if(own.flying.begin(), own.flying.end(), [&](const GroupProduct& product) { return product.batch + left >= own.batches; });
  for (auto product = own.flying.begin(); product != done; ++product) {
    product->compute(warp, *product);
    perParts(warp, *product, [&](u32 count, u64* addresses) { warp.block->races.release(warp, maskOf(count), kChunkBytes, addresses); });
  }
  own.flying.erase(own.flying.begin(), done);
}

void Warpgroups::touch(Warp& warp, const std::vector<i32>& places) {
  OfWarp& own = of(warp);
  for (const i32 place : places) {
    for (const GroupProduct& product : own.flying) {
      if (std::find(product.d, product.d + product.count, place) == product.d + product.count) continue;
      throw LaneFault{719, 0, "touches a register of a wgmma that was not waited for"};
    }
    own.touched.insert(place);
  }
}

std::string Warpgroups::unfinished(const Warp& warp, u32& pc) const {
  const OfWarp& own = warps_[warp.index];
  if (!own.flying.empty()) {
    pc = own.flying.front().pc;
    return "is not waited for before the thread ends";
  }
  const OfGroup& group = groups_[warp.index / kGroup];
  if (own.issued - group.first == group.asked.size()) return "";
  pc = group.asked[own.issued - group.first].pc;
  return "is for the whole warpgroup, and this warp has not come to it";
}

}  // namespace standin
