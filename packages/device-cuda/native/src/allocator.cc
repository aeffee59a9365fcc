#include "allocator.h"

#include <algorithm>

namespace {

// Blocks start at multiples of this; the contract's alignment is 256.
constexpr size_t kGranule = 512;
// Requests up to this size share segments of their own, so that they do not break up the large ones.
constexpr size_t kSmallRequest = size_t{1} << 20;
constexpr size_t kSmallSegment = size_t{2} << 20;
constexpr size_t kLargeSegment = size_t{20} << 20;
constexpr size_t kSegmentGranule = size_t{2} << 20;
// A large request that is at least this much of a common segment gets one of its own size.
constexpr size_t kOwnSegment = size_t{10} << 20;

size_t rounded(size_t bytes, size_t granule) { return (bytes + granule - 1) / granule * granule; }

}  // namespace

Failure Allocator::allocate(size_t requested, CUdeviceptr* address) {
  const size_t bytes = rounded(requested == 0 ? 1 : requested, caching_ ? kGranule : 1);
  const bool isSmall = bytes <= kSmallRequest;
  FreeList& list = isSmall ? smallFree_ : largeFree_;
  auto found = list.lower_bound({bytes, 0});
  if (found == list.end()) {
    Failure failure = addSegment(segmentFor(bytes, kLargeSegment), isSmall);
    if (failure.code == kOutOfMemory) {
      if (Failure trimming = trim()) return trimming;
      // The second try asks for no more than is needed.
      failure = addSegment(segmentFor(bytes, kSegmentGranule), isSmall);
    }
    if (failure) return failure;
    found = list.lower_bound({bytes, 0});
  }
  *address = take(found, bytes);
  return {};
}

size_t Allocator::segmentFor(size_t bytes, size_t least) const {
  if (!caching_) return bytes;
  if (bytes <= kSmallRequest) return kSmallSegment;
  return bytes < kOwnSegment ? std::max(least, rounded(bytes, kSegmentGranule)) : rounded(bytes, kSegmentGranule);
}

bool Allocator::free(CUdeviceptr address) {
  auto block = blocks_.find(address);
  if (block == blocks_.end() || block->second.isFree) return false;
  block->second.isFree = true;
  auto next = std::next(block);
  if (next != blocks_.end()) join(block, next);
  if (block != blocks_.begin() && join(std::prev(block), block)) block = std::prev(blocks_.upper_bound(address));
  listOf(block->second).insert({block->second.bytes, block->first});
  // What the driver does not take now it is offered again by the next `trim`.
  if (!caching_) trim();
  return true;
}

Failure Allocator::trim() {
  for (auto segment = segments_.begin(); segment != segments_.end();) {
    auto block = blocks_.find(segment->first);
    if (!block->second.isFree || block->second.bytes != segment->second) {
      ++segment;
      continue;
    }
    if (CUresult code = insist(driver().cuMemFree, segment->first)) return Failure{code, "cuMemFree", {}, -1, false};
    listOf(block->second).erase({block->second.bytes, block->first});
    blocks_.erase(block);
    reserved_ -= segment->second;
    segment = segments_.erase(segment);
  }
  return {};
}

void Allocator::clear() {
  for (const auto& segment : segments_) insist(driver().cuMemFree, segment.first);
  segments_.clear();
  blocks_.clear();
  smallFree_.clear();
  largeFree_.clear();
  reserved_ = 0;
}

Failure Allocator::addSegment(size_t bytes, bool isSmall) {
  CUdeviceptr address = 0;
  TORCHLET_TRY(cuMemAlloc, &address, bytes);
  segments_[address] = bytes;
  blocks_[address] = Block{bytes, address, true, isSmall};
  (isSmall ? smallFree_ : largeFree_).insert({bytes, address});
  reserved_ += bytes;
  return {};
}

CUdeviceptr Allocator::take(FreeList::iterator found, size_t bytes) {
  const CUdeviceptr address = found->second;
  Block& block = blocks_[address];
  listOf(block).erase(found);
  block.isFree = false;
  if (block.bytes > bytes) {
    const Block rest{block.bytes - bytes, block.segment, true, block.isSmall};
    block.bytes = bytes;
    blocks_[address + bytes] = rest;
    listOf(rest).insert({rest.bytes, address + bytes});
  }
  return address;
}

// Joins two neighbours into the left one where both are free and of one segment. The result is in no list.
bool Allocator::join(Blocks::iterator left, Blocks::iterator right) {
  Block& a = left->second;
  Block& b = right->second;
  if (!a.isFree || !b.isFree || a.segment != b.segment) return false;
  listOf(a).erase({a.bytes, left->first});
  listOf(b).erase({b.bytes, right->first});
  a.bytes += b.bytes;
  blocks_.erase(right);
  return true;
}
