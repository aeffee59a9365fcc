// Where a matrix in shared memory lies that a warpgroup multiplies: the PTX manual's "matrix descriptor" and "shared memory
// matrix layout". Rows of a swizzle's bytes hold 16-byte chunks along k or along the other side; 8 rows are an atom, and chunks
// of a row change places by the row's number, which is read off the address. CUTLASS writes the same down as formulas
// (mma_traits_sm90_gmma.hpp).
#pragma once
#include <optional>

#include "../ptx/type.h"

namespace standin {

constexpr u32 kChunkBytes = 16;

struct MatrixPlace {
  u32 start, leading, stride;  // bytes
  u32 row;                     // bytes of a row: 16, where nothing is swizzled, 32, 64 or 128
  bool alongK;

  /** @return nothing for one that starts in the middle of an atom, which the base offset would have to tell */
  static std::optional<MatrixPlace> of(u64 descriptor, bool alongK) {
    constexpr u32 rows[] = {16, 128, 64, 32};
    const auto bytes = [=](u32 bit) { return static_cast<u32>(descriptor >> bit & 0x3FFF) * kChunkBytes; };
    const MatrixPlace found{bytes(0), bytes(16), bytes(32), rows[descriptor >> 62], alongK};
    constexpr u64 known = 0xC000'3FFF'3FFF'3FFF;
    if ((descriptor & ~known) != 0 || (found.row > 16 && (found.start & (found.row * 8 - 1) & ~127u) != 0)) return std::nullopt;
    return found;
  }

  /** Address of a chunk: the line is a position of the side and the chunk one of k, or the other way about. */
  u32 at(u32 line, u32 chunk) const {
    const u32 chunks = row / kChunkBytes, within = line % 8, atom = line / 8;
    u32 address = start;
    if (chunks > 1) {
      address += chunk % chunks * kChunkBytes + within * row + atom * stride;
      if (!alongK) address += chunk / chunks * leading;
    } else if (alongK) {
      address += within * kChunkBytes + atom * stride + chunk * leading;
    } else {
      address += within * kChunkBytes + atom * leading + chunk * stride;
    }
    return address ^ ((address >> 7 & (chunks - 1)) << 4);
  }

  bool operator==(const MatrixPlace& other) const {
    return start == other.start && leading == other.leading && stride == other.stride && row == other.row && alongK == other.alongK;
  }
};

/// Lines and chunks of a part of a matrix: `side` positions from `first` on, by 32 bytes of k.
struct MatrixPart {
  const MatrixPlace& place;
  u32 first, side;
  u32 elementBytes;

  u32 lines() const { return place.alongK ? side : 2 * kChunkBytes / elementBytes; }
  u32 chunks() const { return place.alongK ? 2 : side * elementBytes / kChunkBytes; }
  u32 at(u32 line, u32 chunk) const {
    return place.alongK ? place.at(first + line, chunk) : place.at(line, first * elementBytes / kChunkBytes + chunk);
  }
};

}  // namespace standin
