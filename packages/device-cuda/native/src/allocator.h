// Device memory for callers: cuMemAlloc is slow and waits, so memory is taken in segments and handed out in blocks, which are split and joined. All
// work of a device is on one stream, so a block that was freed can be used again at once. Owns addresses and sizes; budgets and names are TypeScript's.
#pragma once
#include <map>
#include <set>
#include <utility>

#include "driver.h"

class Allocator {
 public:
  // Without caching each block is an allocation of the driver's, of the size that was asked for, and goes back when it is freed: tools that watch over memory
  // then see its bounds.
  explicit Allocator(bool caching) : caching_(caching) {}
  // Memory of at least `bytes`, with content that is not defined. Where the driver has none left, segments that nobody uses are given back first.
  Failure allocate(size_t bytes, CUdeviceptr* address);
  // False where no block of a caller starts at `address`.
  bool free(CUdeviceptr address);
  // Gives segments that nobody uses back to the driver.
  Failure trim();
  // Gives everything back. Failures are passed over: this is the end.
  void clear();
  size_t reserved() const { return reserved_; }

 private:
  struct Block {
    size_t bytes;
    CUdeviceptr segment;
    bool isFree;
    bool isSmall;
  };
  using Blocks = std::map<CUdeviceptr, Block>;
  using FreeList = std::set<std::pair<size_t, CUdeviceptr>>;

  FreeList& listOf(const Block& block) { return block.isSmall ? smallFree_ : largeFree_; }
  // Bytes of a new segment for a request. `least` is what a large one has at least.
  size_t segmentFor(size_t bytes, size_t least) const;
  Failure addSegment(size_t bytes, bool isSmall);
  CUdeviceptr take(FreeList::iterator found, size_t bytes);
  bool join(Blocks::iterator left, Blocks::iterator right);

  const bool caching_;
  Blocks blocks_;
  // By size, so that the first that is large enough is the best fit.
  FreeList smallFree_;
  FreeList largeFree_;
  std::map<CUdeviceptr, size_t> segments_;
  size_t reserved_ = 0;
};
