// f16, bf16 and tf32 as bits and as floats. Conversions round to nearest even unless they say otherwise.
#pragma once
#include <cmath>
#include <cstring>

#include "../ptx/type.h"

namespace standin {

inline float floatOf(u32 bits) {
  float made;
  std::memcpy(&made, &bits, 4);
  return made;
}
inline u32 bitsOfFloat(float value) {
  u32 made;
  std::memcpy(&made, &value, 4);
  return made;
}

struct F16 {
  static float wide(u16 bits) {
    _Float16 made;
    std::memcpy(&made, &bits, 2);
    return static_cast<float>(made);
  }
  template <class T>
  static u16 narrow(T value) {
    if (value != value) return 0x7FFF;
    const _Float16 made = static_cast<_Float16>(value);
    u16 bits;
    std::memcpy(&bits, &made, 2);
    return bits;
  }
  static constexpr u16 one = 0x3C00;
  static constexpr u16 infinity = 0x7C00;
};

struct BF16 {
  static float wide(u16 bits) { return floatOf(static_cast<u32>(bits) << 16); }
  static u16 narrow(float value) {
    if (value != value) return 0x7FFF;
    const u32 bits = bitsOfFloat(value);
    return static_cast<u16>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
  }
  static u16 narrow(double value) {
    if (value != value) return 0x7FFF;
    // Rounding twice would err where the first rounding makes a tie: round the first to odd.
    float near = static_cast<float>(value);
    if (static_cast<double>(near) != value && std::isfinite(near)) {
      if (std::fabs(static_cast<double>(near)) > std::fabs(value)) near = floatOf(bitsOfFloat(near) - 1);
      near = floatOf(bitsOfFloat(near) | 1);
    }
    return narrow(near);
  }
  static constexpr u16 one = 0x3F80;
  static constexpr u16 infinity = 0x7F80;
};

}  // namespace standin
