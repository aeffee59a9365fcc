// Integer arithmetic: add, sub, mul, mad, mul24, mad24, sad, div, rem, min, max, abs, neg, the carry chain, dp4a, dp2a.
#include "elementwise.h"

namespace standin {
namespace {

template <class T>
constexpr int bitsOf = sizeof(T) * 8;

// The type that holds a product whole.
template <class T>
using Wide = std::conditional_t<
    sizeof(T) == 8, std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>,
    std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, i64, u64>, std::conditional_t<std::is_signed_v<T>, i32, u32>>>;

struct Add { template <class T> static T of(T a, T b) { return static_cast<T>(a + b); } };
struct Sub { template <class T> static T of(T a, T b) { return static_cast<T>(a - b); } };
struct MulLow { template <class T> static T of(T a, T b) { return static_cast<T>(static_cast<u64>(a) * static_cast<u64>(b)); } };
struct MulHigh { template <class T> static T of(T a, T b) { return static_cast<T>(static_cast<Wide<T>>(a) * b >> bitsOf<T>); } };
struct MulWide { template <class T> static Wide<T> of(T a, T b) { return static_cast<Wide<T>>(a) * b; } };
struct MadLow { template <class T> static T of(T a, T b, T c) { return static_cast<T>(MulLow::of(a, b) + c); } };
struct MadHigh { template <class T> static T of(T a, T b, T c) { return static_cast<T>(MulHigh::of(a, b) + c); } };
struct MadWide { template <class T> static Wide<T> of(T a, T b, Wide<T> c) { return MulWide::of(a, b) + c; } };
// Division by zero gives all ones, as the hardware does; its remainder is what was divided.
struct Div {
  template <class T> static T of(T a, T b) {
    if (b == 0) return static_cast<T>(-1);
    return b == static_cast<T>(-1) && std::is_signed_v<T> ? static_cast<T>(0 - a) : static_cast<T>(a / b);
  }
};
struct Rem {
  template <class T> static T of(T a, T b) {
    if (b == 0) return a;
    return b == static_cast<T>(-1) && std::is_signed_v<T> ? 0 : static_cast<T>(a % b);
  }
};
struct Min { template <class T> static T of(T a, T b) { return a < b ? a : b; } };
struct Max { template <class T> static T of(T a, T b) { return a > b ? a : b; } };
struct Abs { template <class T> static T of(T a) { return static_cast<T>(a < 0 ? 0 - a : a); } };
struct Neg { template <class T> static T of(T a) { return static_cast<T>(0 - a); } };
struct Sad { template <class T> static T of(T a, T b, T c) { return static_cast<T>(c + (a < b ? b - a : a - b)); } };

i32 saturated(i64 value) { return static_cast<i32>(value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : value); }
struct AddSat { static i32 of(i32 a, i32 b) { return saturated(static_cast<i64>(a) + b); } };
struct SubSat { static i32 of(i32 a, i32 b) { return saturated(static_cast<i64>(a) - b); } };
struct MadHighSat { static i32 of(i32 a, i32 b, i32 c) { return saturated(static_cast<i64>(MulHigh::of(a, b)) + c); } };

template <class T> Wide<T> product24(T a, T b) {
  const auto cut = [](T x) { return static_cast<T>(static_cast<T>(static_cast<u32>(x) << 8) >> 8); };
  return static_cast<Wide<T>>(cut(a)) * cut(b);
}
struct Mul24Low { template <class T> static T of(T a, T b) { return static_cast<T>(product24(a, b)); } };
struct Mul24High { template <class T> static T of(T a, T b) { return static_cast<T>(product24(a, b) >> 16); } };
struct Mad24Low { template <class T> static T of(T a, T b, T c) { return static_cast<T>(Mul24Low::of(a, b) + c); } };
struct Mad24High { template <class T> static T of(T a, T b, T c) { return static_cast<T>(Mul24High::of(a, b) + c); } };

/// Sum of products of the four bytes (or two halves and two bytes) of a and b.
template <class A, class B, class R, bool kTwo, bool kHigh>
struct Dot {
  static u32 of(u32 a, u32 b, u32 c) {
    u32 sum = c;
    for (int at = 0; at < (kTwo ? 2 : 4); at++) {
      const i32 left = kTwo ? static_cast<i32>(sizeof(A) == 1 && std::is_signed_v<A> ? static_cast<i16>(a >> at * 16) : static_cast<i32>(static_cast<u16>(a >> at * 16)))
                            : static_cast<A>(a >> at * 8);
      sum += static_cast<u32>(left * static_cast<i32>(static_cast<B>(b >> (at + (kHigh ? 2 : 0)) * 8)));
    }
    return sum;
  }
};

void decodeAdd(Reading& r) {
  if (r.take("sat")) return takeBinary(r, r.typeOf({Type::s32}), binary<AddSat, i32, i32>);
  const Type type = r.type();
  takeBinary(r, type, binaryInteger<Add>(type));
}

void decodeSub(Reading& r) {
  if (r.take("sat")) return takeBinary(r, r.typeOf({Type::s32}), binary<SubSat, i32, i32>);
  const Type type = r.type();
  takeBinary(r, type, binaryInteger<Sub>(type));
}

Type doubled(Reading& r, Type type) {
  switch (type) {
    case Type::u16: return Type::u32;
    case Type::s16: return Type::s32;
    case Type::u32: return Type::u64;
    case Type::s32: return Type::s64;
    default: r.fail(".wide is not known for this type");
  }
}

template <class Two, class Three>
Handler wide(Type type, bool three) {
  switch (type) {
    case Type::u16: return three ? ternary<Three, u32, u16, u16, u32> : binary<Two, u32, u16>;
    case Type::s16: return three ? ternary<Three, i32, i16, i16, i32> : binary<Two, i32, i16>;
    case Type::u32: return three ? ternary<Three, u64, u32, u32, u64> : binary<Two, u64, u32>;
    default: return three ? ternary<Three, i64, i32, i32, i64> : binary<Two, i64, i32>;
  }
}

void decodeMul(Reading& r) {
  const auto part = r.takeOneOf({"lo", "hi", "wide"});
  if (!part) r.fail("expected .lo, .hi or .wide");
  const Type type = r.type();
  if (*part < 2) return takeBinary(r, type, *part == 0 ? binaryInteger<MulLow>(type) : binaryInteger<MulHigh>(type));
  const Type result = doubled(r, type);
  r.count(3);
  r.made.run = wide<MulWide, MadWide>(type, false);
  r.made.d = r.destination(0, result);
  r.made.a = r.source(1, type);
  r.made.b = r.source(2, type);
}

// The carry is a mask of lanes, as predicates are.
template <class T, bool kSubtract>
void carried(Warp& warp, const Instruction& at, u32 mask) {
  T* d = warp.lanes<T>(at.d);
  const T *a = warp.lanes<T>(at.a), *b = warp.lanes<T>(at.b);
  u32& carry = warp.predicate(at.e);
  const bool reads = (at.target & 1) != 0, writes = (at.target & 2) != 0;
  u32 out = carry;
  each(mask, [&](u32 lane) {
    const unsigned __int128 in = reads ? carry >> lane & 1 : 0;
    const unsigned __int128 whole = kSubtract ? static_cast<unsigned __int128>(a[lane]) - b[lane] - in : static_cast<unsigned __int128>(a[lane]) + b[lane] + in;
    d[lane] = static_cast<T>(whole);
    const u32 bit = static_cast<u32>(whole >> bitsOf<T>) & 1;
    out = (out & ~(1u << lane)) | bit << lane;
  });
  if (writes) carry = out;
}

template <class T, bool kHigh>
void carriedMad(Warp& warp, const Instruction& at, u32 mask) {
  T* d = warp.lanes<T>(at.d);
  const T *a = warp.lanes<T>(at.a), *b = warp.lanes<T>(at.b), *c = warp.lanes<T>(at.c);
  u32& carry = warp.predicate(at.e);
  const bool reads = (at.target & 1) != 0, writes = (at.target & 2) != 0;
  u32 out = carry;
  each(mask, [&](u32 lane) {
    using U = std::make_unsigned_t<T>;
    const U product = static_cast<U>(kHigh ? MulHigh::of(a[lane], b[lane]) : MulLow::of(a[lane], b[lane]));
    const unsigned __int128 whole = static_cast<unsigned __int128>(product) + static_cast<U>(c[lane]) + (reads ? carry >> lane & 1 : 0);
    d[lane] = static_cast<T>(whole);
    out = (out & ~(1u << lane)) | (static_cast<u32>(whole >> bitsOf<T>) & 1) << lane;
  });
  if (writes) carry = out;
}

void takeCarry(Reading& r, bool reads) {
  const bool writes = r.take("cc");
  r.made.target = (reads ? 1u : 0u) | (writes ? 2u : 0u);
  r.made.e = r.carry();
}

template <bool kSubtract, bool kReads>
void decodeCarried(Reading& r) {
  takeCarry(r, kReads);
  const Type type = r.typeOf({Type::u32, Type::s32, Type::u64, Type::s64});
  takeBinary(r, type, bytesOf(type) == 4 ? carried<u32, kSubtract> : carried<u64, kSubtract>);
}

void takeCarriedMad(Reading& r, bool high) {
  const Type type = r.typeOf({Type::u32, Type::s32, Type::u64, Type::s64});
  Handler run = high ? carriedMad<u32, true> : carriedMad<u32, false>;
  if (type == Type::s32) run = high ? carriedMad<i32, true> : carriedMad<i32, false>;
  if (type == Type::u64) run = high ? carriedMad<u64, true> : carriedMad<u64, false>;
  if (type == Type::s64) run = high ? carriedMad<i64, true> : carriedMad<i64, false>;
  takeTernary(r, type, run);
}

void decodeMadc(Reading& r) {
  takeCarry(r, true);
  const auto part = r.takeOneOf({"lo", "hi"});
  if (!part) r.fail("expected .lo or .hi");
  takeCarriedMad(r, *part == 1);
}

void decodeMad(Reading& r) {
  const auto part = r.takeOneOf({"lo", "hi", "wide"});
  if (!part) r.fail("expected .lo, .hi or .wide");
  if (r.take("cc")) {
    if (*part == 2) r.fail(".wide has no carry");
    r.made.target = 2;
    r.made.e = r.carry();
    return takeCarriedMad(r, *part == 1);
  }
  const bool saturates = r.take("sat");
  const Type type = r.type();
  if (saturates && (*part != 1 || type != Type::s32)) r.fail(".sat is for .hi.s32");
  if (saturates) return takeTernary(r, type, ternary<MadHighSat, i32, i32>);
  if (*part < 2) return takeTernary(r, type, *part == 0 ? ternaryInteger<MadLow>(type) : ternaryInteger<MadHigh>(type));
  const Type result = doubled(r, type);
  r.count(4);
  r.made.run = wide<MulWide, MadWide>(type, true);
  r.made.d = r.destination(0, result);
  r.made.a = r.source(1, type);
  r.made.b = r.source(2, type);
  r.made.c = r.source(3, result);
}

void decodeAddOrCarry(Reading& r) { r.has("cc") ? decodeCarried<false, false>(r) : decodeAdd(r); }
void decodeSubOrCarry(Reading& r) { r.has("cc") ? decodeCarried<true, false>(r) : decodeSub(r); }

void decodeMul24(Reading& r) {
  const auto part = r.takeOneOf({"lo", "hi"});
  const Type type = r.typeOf({Type::u32, Type::s32});
  if (!part) r.fail("expected .lo or .hi");
  if (type == Type::u32) return takeBinary(r, type, *part == 0 ? binary<Mul24Low, u32, u32> : binary<Mul24High, u32, u32>);
  takeBinary(r, type, *part == 0 ? binary<Mul24Low, i32, i32> : binary<Mul24High, i32, i32>);
}

void decodeMad24(Reading& r) {
  const auto part = r.takeOneOf({"lo", "hi"});
  const Type type = r.typeOf({Type::u32, Type::s32});
  if (!part) r.fail("expected .lo or .hi");
  if (type == Type::u32) return takeTernary(r, type, *part == 0 ? ternary<Mad24Low, u32, u32> : ternary<Mad24High, u32, u32>);
  takeTernary(r, type, *part == 0 ? ternary<Mad24Low, i32, i32> : ternary<Mad24High, i32, i32>);
}

template <class Op>
void decodeBinary(Reading& r) {
  const Type type = r.type();
  takeBinary(r, type, binaryInteger<Op>(type));
}

template <class Op>
void decodeSigned(Reading& r) {
  const Type type = r.typeOf({Type::s16, Type::s32, Type::s64});
  takeUnary(r, type, unaryInteger<Op>(type));
}

void decodeSad(Reading& r) {
  const Type type = r.type();
  takeTernary(r, type, ternaryInteger<Sad>(type));
}

template <bool kTwo, bool kHigh>
Handler dot(bool signedA, bool signedB) {
  if (signedA) return signedB ? ternary<Dot<i8, i8, i32, kTwo, kHigh>, u32, u32> : ternary<Dot<i8, u8, i32, kTwo, kHigh>, u32, u32>;
  return signedB ? ternary<Dot<u8, i8, i32, kTwo, kHigh>, u32, u32> : ternary<Dot<u8, u8, u32, kTwo, kHigh>, u32, u32>;
}

template <bool kTwo>
void decodeDot(Reading& r) {
  const auto half = kTwo ? r.takeOneOf({"lo", "hi"}) : std::optional<u32>(0);
  if (!half) r.fail("expected .lo or .hi");
  const Type a = r.typeOf({Type::u32, Type::s32}), b = r.typeOf({Type::u32, Type::s32});
  const Type result = isSigned(a) || isSigned(b) ? Type::s32 : Type::u32;
  r.count(4);
  r.made.run = *half == 0 ? dot<kTwo, false>(isSigned(a), isSigned(b)) : dot<kTwo, true>(isSigned(a), isSigned(b));
  r.made.d = r.destination(0, result);
  r.made.a = r.source(1, Type::b32);
  r.made.b = r.source(2, Type::b32);
  r.made.c = r.source(3, result);
}

}  // namespace

void addIntegerOpcodes(Opcodes& opcodes) {
  opcodes.add("add", Family::integer, decodeAddOrCarry);
  opcodes.add("addc", Family::integer, decodeCarried<false, true>);
  opcodes.add("sub", Family::integer, decodeSubOrCarry);
  opcodes.add("subc", Family::integer, decodeCarried<true, true>);
  opcodes.add("mul", Family::integer, decodeMul);
  opcodes.add("mad", Family::integer, decodeMad);
  opcodes.add("madc", Family::integer, decodeMadc);
  opcodes.add("mul24", Family::integer, decodeMul24);
  opcodes.add("mad24", Family::integer, decodeMad24);
  opcodes.add("sad", Family::integer, decodeSad);
  opcodes.add("div", Family::integer, decodeBinary<Div>);
  opcodes.add("rem", Family::integer, decodeBinary<Rem>);
  opcodes.add("min", Family::integer, decodeBinary<Min>);
  opcodes.add("max", Family::integer, decodeBinary<Max>);
  opcodes.add("abs", Family::integer, decodeSigned<Abs>);
  opcodes.add("neg", Family::integer, decodeSigned<Neg>);
  opcodes.add("dp4a", Family::integer, decodeDot<false>);
  opcodes.add("dp2a", Family::integer, decodeDot<true>);
}

}  // namespace standin
