// Products that warpgroups have asked the tensor cores for (`wgmma`): what each warp has in flight, whose registers and shared
// memory nobody may touch before they were waited for, and that the four warps of a group ask for the same. The card computes
// whenever it likes; here a warp's rows are computed when it waits. How matrices are described is matrix-place.h, decoding is
// operations/warpgroup.cc.
#pragma once
#include <deque>
#include <unordered_set>

#include "matrix-place.h"
#include "races.h"

namespace standin {

/// What one instruction of one warp asks for. Its rows of D are `d`, in registers; those are added to where `adds`.
struct GroupProduct {
  u32 pc;
  const i32* d;
  u32 count;  // registers
  u32 elementBytes;
  MatrixPlace a, b;
  bool adds;
  u64 batch;
  void (*compute)(Warp& warp, const GroupProduct& product);
  float sign;  // of the product
};

/// What a warp reads of either matrix: its 16 rows, and all columns.
MatrixPart leftPart(const Warp& warp, const GroupProduct& product);
MatrixPart rightPart(const GroupProduct& product);

class Warpgroups {
 public:
  void begin(u32 threads);
  /** `wgmma.fence`: products see what was done with registers before. */
  void fence(Warp& warp);
  void issue(Warp& warp, GroupProduct product);
  void commit(Warp& warp) { of(warp).batches++; }
  /** Computes all but the latest `left` batches. */
  void wait(Warp& warp, u32 left);
  /** An instruction reads or writes these registers, which are sums of products somewhere in the kernel. */
  void touch(Warp& warp, const std::vector<i32>& places);
  /** How many warps have asked for since the launch began. */
  u64 products() const { return products_; }
  /** What a warp left undone, or did not do as its group did; nothing if all is well. @param pc of the product that it is about */
  std::string unfinished(const Warp& warp, u32& pc) const;

 private:
  struct OfWarp {
    std::vector<GroupProduct> flying;
    std::unordered_set<i32> touched;  // sums, since the last fence
    bool fenced = false;
    u64 batches = 0;
    u64 issued = 0;
  };
  /// What a group's warps have asked for, from the first that not all of them have.
  struct Asked {
    u32 pc;
    MatrixPlace a, b;
    bool adds;
  };
  struct OfGroup {
    std::deque<Asked> asked;
    u64 first = 0;
  };

  OfWarp& of(const Warp& warp) { return warps_[warp.index]; }
  void checkRegisters(const OfWarp& own, const GroupProduct& product) const;
  void agree(const Warp& warp, const GroupProduct& product);

  std::vector<OfWarp> warps_;
  std::vector<OfGroup> groups_;
  u64 products_ = 0;
  bool whole_ = true;  // whether all warps are in groups of four
};

}  // namespace standin
