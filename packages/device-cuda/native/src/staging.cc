#include "staging.h"

#include <algorithm>

namespace {

// Pieces start at multiples of this, which every element's width divides.
constexpr size_t kPiece = 256;
constexpr size_t kLeastBlock = size_t{64} << 10;
// Free blocks of one size, and bytes of all of them.
constexpr size_t kSpareBlocks = 2;
constexpr size_t kFreeBytes = size_t{64} << 20;

size_t rounded(size_t bytes) { return (bytes + kPiece - 1) / kPiece * kPiece; }

}  // namespace

Failure Ring::resize(size_t bytes, CUstream stream, Waiter& waiter) {
  while (!pieces_.empty())
    if (Failure failure = freeOldest(stream, waiter)) return failure;
  void* memory = nullptr;
  TORCHLET_TRY(cuMemHostAlloc, &memory, rounded(bytes), 0);
  clear();
  memory_ = static_cast<char*>(memory);
  bytes_ = rounded(bytes);
  return {};
}

void Ring::clear() {
  if (memory_ != nullptr) insist(driver().cuMemFreeHost, memory_);
  memory_ = nullptr;
  bytes_ = 0;
  pieces_.clear();
}

Failure Ring::take(size_t requested, CUstream stream, Waiter& waiter, size_t* offset) {
  const size_t bytes = rounded(requested);
  if (bytes > bytes_) return Failure{kInvalidValue, "the staging ring", {}, -1, false};
  const uint64_t reached = waiter.reached();
  while (!pieces_.empty() && pieces_.front().sequence != 0 && pieces_.front().sequence <= reached) pieces_.pop_front();
  while (!fits(bytes, offset))
    if (Failure failure = freeOldest(stream, waiter)) return failure;
  pieces_.push_back({*offset, *offset + bytes, 0});
  return {};
}

void Ring::marked(uint64_t sequence) {
  for (auto piece = pieces_.rbegin(); piece != pieces_.rend() && piece->sequence == 0; ++piece) piece->sequence = sequence;
}

Failure Ring::freeOldest(CUstream stream, Waiter& waiter) {
  if (pieces_.front().sequence == 0) {
    uint64_t sequence = 0;
    if (Failure failure = waiter.mark(stream, &sequence)) return failure;
    marked(sequence);
  }
  if (!waiter.waitFor(pieces_.front().sequence)) TORCHLET_TRY(cuStreamSynchronize, stream);
  pieces_.pop_front();
  return {};
}

bool Ring::fits(size_t bytes, size_t* begin) const {
  const size_t tail = pieces_.empty() ? 0 : pieces_.front().begin;
  const size_t head = pieces_.empty() ? 0 : pieces_.back().end;
  if (pieces_.empty() || head > tail) {
    *begin = head;
    if (head + bytes <= bytes_) return true;
    *begin = 0;
    // Full and empty must not look the same.
    return pieces_.empty() || bytes < tail;
  }
  *begin = head;
  return head + bytes < tail;
}

Failure ReadBlocks::take(size_t bytes, ReadBlock* block) {
  size_t capacity = kLeastBlock;
  while (capacity < bytes) capacity *= 2;
  auto found = free_.find(capacity);
  if (found != free_.end()) {
    *block = {found->second, capacity, bytes};
    freeBytes_ -= capacity;
    free_.erase(found);
    return {};
  }
  void* memory = nullptr;
  TORCHLET_TRY(cuMemHostAlloc, &memory, capacity, 0);
  *block = {memory, capacity, bytes};
  return {};
}

void ReadBlocks::giveBack(const ReadBlock& block) {
  if (free_.count(block.capacity) >= kSpareBlocks || freeBytes_ + block.capacity > kFreeBytes) {
    insist(driver().cuMemFreeHost, block.memory);
    return;
  }
  freeBytes_ += block.capacity;
  free_.insert({block.capacity, block.memory});
}

void ReadBlocks::clear() {
  for (const auto& block : free_) insist(driver().cuMemFreeHost, block.second);
  free_.clear();
  freeBytes_ = 0;
}
