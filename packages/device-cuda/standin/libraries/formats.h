// Elements of memory, and the numbers that libraries sum them in: halves in float32, factors of TF32 rounded to it.
#pragma once
#include "../operations/halves.h"

namespace standin::library {

inline float tf32(float value) {
  u32 bits = bitsOfFloat(value);
  if ((bits & 0x7F800000) == 0x7F800000) return value;
  bits += 0xFFF + (bits >> 13 & 1);
  return floatOf(bits & ~0x1FFFu);
}

struct Real32 {
  using Element = float;
  using Sum = float;
  static Sum wide(Element value) { return value; }
  static Element narrow(Sum value) { return value; }
};
struct RealTf32 : Real32 {
  static Sum wide(Element value) { return tf32(value); }
};
struct Real64 {
  using Element = double;
  using Sum = double;
  static Sum wide(Element value) { return value; }
  static Element narrow(Sum value) { return value; }
};
template <class Half>
struct Real16 {
  using Element = u16;
  using Sum = float;
  static Sum wide(Element value) { return Half::wide(value); }
  static Element narrow(Sum value) { return Half::narrow(value); }
};

}  // namespace standin::library
