// cvt between all number types, with its roundings and saturation. Registers of integers may be wider than their types.
#include <limits>

#include "elementwise.h"
#include "halves.h"

namespace standin {
namespace {

enum class Rounding : u32 { none, nearestInteger, towardZeroInteger, downInteger, upInteger, towardZero };
constexpr i64 kSaturate = 1, kFlush = 2, kRelu = 4;

i64 flags(bool saturates, bool flush, bool relu) { return (saturates ? kSaturate : 0) | (flush ? kFlush : 0) | (relu ? kRelu : 0); }

// A type as it lies in a register, and as what is computed with.
template <class T>
struct Plain {
  using Bits = T;
  using Value = T;
  static T wide(T bits) { return bits; }
};
template <class H>
struct Half {
  using Bits = u16;
  using Value = float;
  static float wide(u16 bits) { return H::wide(bits); }
};

template <class H>
u16 towardZero(float value) {
  const u16 near = H::narrow(value);
  return std::fabs(H::wide(near)) > std::fabs(value) ? static_cast<u16>(near - 1) : near;
}

template <class F>
F roundedToInteger(F value, Rounding rounding) {
  switch (rounding) {
    case Rounding::nearestInteger: return std::nearbyint(value);
    case Rounding::towardZeroInteger: return std::trunc(value);
    case Rounding::downInteger: return std::floor(value);
    case Rounding::upInteger: return std::ceil(value);
    default: return value;
  }
}

float flushed(float value) { return std::fabs(value) < 0x1p-126f ? std::copysign(0.0f, value) : value; }

/// Beyond its range an integer is its nearest bound, and NaN is 0.
template <class D, class F>
D integerOf(F value) {
  constexpr int bits = sizeof(D) * 8 - (std::is_signed_v<D> ? 1 : 0);
  const F above = std::ldexp(static_cast<F>(1), bits), least = std::is_signed_v<D> ? -above : 0;
  if (value != value) return 0;
  if (value >= above) return std::numeric_limits<D>::max();
  return value < least ? std::numeric_limits<D>::min() : static_cast<D>(value);
}

template <class D, class S>
D integerSaturated(S value) {
  using Wide = __int128;
  const Wide low = std::numeric_limits<D>::min(), high = std::numeric_limits<D>::max(), exact = value;
  return static_cast<D>(exact < low ? low : exact > high ? high : exact);
}

template <class D, class S>
typename D::Bits converted(typename S::Bits bits, Rounding rounding, i64 flags) {
  using From = typename S::Value;
  From value = S::wide(bits);
  if constexpr (std::is_integral_v<From>) {
    if constexpr (std::is_same_v<D, Plain<typename D::Bits>> && std::is_integral_v<typename D::Value>) {
      return (flags & kSaturate) != 0 ? integerSaturated<typename D::Value>(value) : static_cast<typename D::Value>(value);
    } else if constexpr (std::is_same_v<D, Half<F16>>) {
      return F16::narrow(static_cast<double>(value));
    } else if constexpr (std::is_same_v<D, Half<BF16>>) {
      return BF16::narrow(static_cast<double>(value));
    } else {
      const auto real = static_cast<typename D::Value>(value);
      return (flags & kSaturate) == 0 ? real : real >= 1 ? 1 : real > 0 ? real : 0;
    }
  } else {
    if constexpr (std::is_same_v<S, Plain<float>>) value = (flags & kFlush) != 0 ? flushed(value) : value;
    value = roundedToInteger(value, rounding);
    if constexpr (std::is_integral_v<typename D::Value>) {
      return integerOf<typename D::Value>(value);
    } else {
      if ((flags & kSaturate) != 0) value = value >= 1 ? 1 : value > 0 ? value : 0;
      if ((flags & kRelu) != 0) value = value > 0 || value != value ? value : 0;
      if constexpr (std::is_same_v<D, Half<F16>>) {
        return rounding == Rounding::towardZero ? towardZero<F16>(static_cast<float>(value)) : F16::narrow(value);
      } else if constexpr (std::is_same_v<D, Half<BF16>>) {
        return rounding == Rounding::towardZero ? towardZero<BF16>(static_cast<float>(value)) : BF16::narrow(value);
      } else {
        auto made = static_cast<typename D::Value>(value);
        if constexpr (std::is_same_v<D, Plain<float>>) made = (flags & kFlush) != 0 ? flushed(made) : made;
        return made;
      }
    }
  }
}

template <class T>
void fetch(const Warp& warp, i32 place, u32 bytes, T* into) {
  if (bytes == sizeof(T)) {
    std::memcpy(into, warp.lanes<T>(place), sizeof(T) * kLanes);
  } else if (bytes == 2) {
    for (u32 lane = 0; lane < kLanes; lane++) into[lane] = static_cast<T>(warp.lanes<u16>(place)[lane]);
  } else if (bytes == 4) {
    for (u32 lane = 0; lane < kLanes; lane++) into[lane] = static_cast<T>(warp.lanes<u32>(place)[lane]);
  } else {
    for (u32 lane = 0; lane < kLanes; lane++) into[lane] = static_cast<T>(warp.lanes<u64>(place)[lane]);
  }
}

/// Extends to the register's width as the type has it.
template <class T>
void put(const Warp& warp, i32 place, u32 bytes, u32 mask, const T* from) {
  using Signed = std::conditional_t<std::is_signed_v<T>, i64, u64>;
  if (bytes == sizeof(T)) {
    T* d = warp.lanes<T>(place);
    each(mask, [=](u32 lane) { d[lane] = from[lane]; });
  } else if constexpr (std::is_integral_v<T>) {
    if (bytes == 2) each(mask, [&](u32 lane) { warp.lanes<u16>(place)[lane] = static_cast<u16>(static_cast<Signed>(from[lane])); });
    else if (bytes == 4) each(mask, [&](u32 lane) { warp.lanes<u32>(place)[lane] = static_cast<u32>(static_cast<Signed>(from[lane])); });
    else each(mask, [&](u32 lane) { warp.lanes<u64>(place)[lane] = static_cast<u64>(static_cast<Signed>(from[lane])); });
  }
}

/// at.count holds the registers' bytes: of the source in the low half, of the destination in the high.
template <class D, class S>
void convert(Warp& warp, const Instruction& at, u32 mask) {
  alignas(64) typename S::Bits from[kLanes];
  alignas(64) typename D::Bits made[kLanes];
  fetch(warp, at.a, at.count & 15, from);
  const auto rounding = static_cast<Rounding>(at.target);
  const i64 flags = at.offset;
  if (rounding == Rounding::none && flags == 0) {
    each(mask, [&](u32 lane) { made[lane] = converted<D, S>(from[lane], Rounding::none, 0); });
  } else {
    each(mask, [&](u32 lane) { made[lane] = converted<D, S>(from[lane], rounding, flags); });
  }
  put(warp, at.d, at.count >> 4, mask, made);
}

template <class S>
Handler toType(Type type) {
  switch (type) {
    case Type::u8: return convert<Plain<u8>, S>;
    case Type::s8: return convert<Plain<i8>, S>;
    case Type::u16: return convert<Plain<u16>, S>;
    case Type::s16: return convert<Plain<i16>, S>;
    case Type::u32: return convert<Plain<u32>, S>;
    case Type::s32: return convert<Plain<i32>, S>;
    case Type::u64: return convert<Plain<u64>, S>;
    case Type::s64: return convert<Plain<i64>, S>;
    case Type::f16: return convert<Half<F16>, S>;
    case Type::bf16: return convert<Half<BF16>, S>;
    case Type::f32: return convert<Plain<float>, S>;
    case Type::f64: return convert<Plain<double>, S>;
    default: return nullptr;
  }
}

Handler handlerFor(Type to, Type from) {
  switch (from) {
    case Type::u8: return toType<Plain<u8>>(to);
    case Type::s8: return toType<Plain<i8>>(to);
    case Type::u16: return toType<Plain<u16>>(to);
    case Type::s16: return toType<Plain<i16>>(to);
    case Type::u32: return toType<Plain<u32>>(to);
    case Type::s32: return toType<Plain<i32>>(to);
    case Type::u64: return toType<Plain<u64>>(to);
    case Type::s64: return toType<Plain<i64>>(to);
    case Type::f16: return toType<Half<F16>>(to);
    case Type::bf16: return toType<Half<BF16>>(to);
    case Type::f32: return toType<Plain<float>>(to);
    case Type::f64: return toType<Plain<double>>(to);
    default: return nullptr;
  }
}

/// Two floats into one register, the first into its upper half.
template <class H>
void packed(Warp& warp, const Instruction& at, u32 mask) {
  u32* d = warp.lanes<u32>(at.d);
  const float *high = warp.lanes<float>(at.a), *low = warp.lanes<float>(at.b);
  const bool zero = static_cast<Rounding>(at.target) == Rounding::towardZero, relu = (at.offset & kRelu) != 0;
  const auto one = [=](float value) -> u32 {
    if (relu && value <= 0) value = 0;
    return zero ? towardZero<H>(value) : H::narrow(value);
  };
  each(mask, [=](u32 lane) { d[lane] = one(high[lane]) << 16 | one(low[lane]); });
}

/// tf32 keeps 10 bits of a float's mantissa: to nearest, ties away from zero (.rna) or to even (.rn), or cut off (.rz).
struct ToTf32 {
  static u32 of(u32 bits, u32 mode) {
    if ((bits & 0x7F800000) == 0x7F800000) return bits;
    if (mode == 0) bits += 0x1000;
    if (mode == 1) bits += 0xFFF + (bits >> 13 & 1);
    return bits & ~0x1FFFu;
  }
};

void tf32(Warp& warp, const Instruction& at, u32 mask) {
  u32* d = warp.lanes<u32>(at.d);
  const u32* a = warp.lanes<u32>(at.a);
  const u32 mode = at.target;
  each(mask, [=](u32 lane) { d[lane] = ToTf32::of(a[lane], mode); });
}

void decodeTf32(Reading& r) {
  const auto mode = r.takeOneOf({"rna", "rn", "rz"});
  if (!mode) r.fail("a rounding mode is missing");
  r.require("tf32");
  r.require("f32");
  r.count(2);
  r.made.run = tf32;
  r.made.target = *mode;
  r.made.d = r.destination(0, Type::b32);
  // ptxas takes a .b32 register here too.
  r.made.a = r.source(1, Type::f32);
}

void decodePacked(Reading& r, Type to, Rounding rounding, bool relu) {
  r.require("f32");
  r.count(3);
  r.made.run = to == Type::f16x2 ? packed<F16> : packed<BF16>;
  r.made.target = static_cast<u32>(rounding);
  r.made.offset = flags(false, false, relu);
  r.made.d = r.destination(0, Type::b32);
  r.made.a = r.source(1, Type::f32);
  r.made.b = r.source(2, Type::f32);
}

u32 registerBytes(Reading& r, size_t at, Type type) {
  const Operand& operand = r.operand(at);
  return operand.kind == Operand::Kind::name ? bytesOf(r.registerType(operand)) : std::max<u32>(2, bytesOf(type));
}

void decodeCvt(Reading& r) {
  if (r.has("tf32")) return decodeTf32(r);
  const bool flush = r.take("ftz"), saturates = r.take("sat"), relu = r.take("relu");
  const auto integer = r.takeOneOf({"rni", "rzi", "rmi", "rpi"});
  const auto real = r.takeOneOf({"rn", "rm", "rp", "rz"});
  Rounding rounding = integer ? static_cast<Rounding>(*integer + 1) : Rounding::none;
  const Type to = r.type();
  if (to == Type::f16x2 || to == Type::bf16x2) {
    if (!real || (*real != 0 && *real != 3) || saturates || flush) r.fail("expected .rn or .rz");
    return decodePacked(r, to, *real == 3 ? Rounding::towardZero : Rounding::none, relu);
  }
  const Type from = r.type();
  const bool narrows = isReal(to) && (!isReal(from) || bytesOf(from) > bytesOf(to) || (bytesOf(from) == 2 && bytesOf(to) == 2 && from != to));
  if (narrows != real.has_value()) r.fail(narrows ? "a rounding mode is missing" : "this conversion does not round");
  if (!isReal(to) && isReal(from) && !integer) r.fail("a rounding to integers is missing");
  if (integer && !isReal(from)) r.fail("integers need no rounding to integers");
  if (relu && bytesOf(to) != 2) r.fail(".relu is for halves");
  if (real && *real > 0) {
    if (bytesOf(to) == 2 && (*real != 3 || !isReal(from))) r.fail("halves are rounded by .rn, from floats by .rz too");
    if (bytesOf(to) == 2) rounding = Rounding::towardZero;
    else r.made.control = 0x1F80 | *real << 13;
  }
  r.count(2);
  r.made.run = handlerFor(to, from);
  if (r.made.run == nullptr) r.fail("this conversion is not known");
  r.made.target = static_cast<u32>(rounding);
  r.made.offset = flags(saturates, flush, relu);
  r.made.count = static_cast<u8>(registerBytes(r, 1, from) | registerBytes(r, 0, to) << 4);
  const bool exactTo = isReal(to), exactFrom = isReal(from);
  r.made.d = exactTo ? r.destination(0, to) : r.loose(r.operand(0), to, true);
  r.made.a = exactFrom ? r.source(1, from) : r.loose(r.operand(1), from, false);
}

}  // namespace

void addConvertOpcodes(Opcodes& opcodes) { opcodes.add("cvt", Family::any, decodeCvt); }

}  // namespace standin
