// Arithmetic of f16 and bf16, one or two in a register. Sums and products are exact in wider types, so each result is
// rounded once. Halves are in a register's low bits first.
#include "elementwise.h"
#include "halves.h"

namespace standin {
namespace {

struct Add { static double of(double a, double b) { return a + b; } };
struct Sub { static double of(double a, double b) { return a - b; } };
struct Mul { static double of(double a, double b) { return a * b; } };
struct Fma { static double of(double a, double b, double c) { return __builtin_fma(a, b, c); } };

template <class H, class Op>
struct Rounded {
  static u16 of(u16 a, u16 b) { return H::narrow(Op::of(H::wide(a), H::wide(b))); }
};
template <class H>
struct RoundedFma {
  static u16 of(u16 a, u16 b, u16 c) { return H::narrow(Fma::of(H::wide(a), H::wide(b), H::wide(c))); }
};
template <class H>
struct Relu {
  static u16 of(u16 a) { return H::wide(a) > 0 ? a : H::wide(a) != H::wide(a) ? 0x7FFF : 0; }
};
template <class H>
struct Saturate {
  static u16 of(u16 a) { return H::wide(a) >= 1 ? H::one : H::wide(a) > 0 ? a : 0; }
};
template <class H>
struct Flush {
  static u16 of(u16 a) { return (a & H::infinity) == 0 ? static_cast<u16>(a & 0x8000) : a; }
};
struct Abs { static u16 of(u16 a) { return a & 0x7FFF; } };
struct Neg { static u16 of(u16 a) { return a ^ 0x8000; } };

template <class H, bool kMax, bool kKeepNan>
struct Extreme {
  static u16 of(u16 a, u16 b) {
    const float x = H::wide(a), y = H::wide(b);
    if (x != x || y != y) return kKeepNan || (x != x && y != y) ? 0x7FFF : x != x ? b : a;
    if (x == y) return kMax ? a & b : a | b;
    return (x > y) == kMax ? a : b;
  }
};
struct Tanh { static double of(double a) { return std::tanh(a); } };
struct Ex2 { static double of(double a) { return std::exp2(a); } };
template <class H, class Op>
struct RoundedUnary {
  static u16 of(u16 a) { return H::narrow(Op::of(H::wide(a))); }
};

/// The same on both halves of a register.
template <class Op>
struct Both {
  static u32 of(u32 a) { return static_cast<u32>(Op::of(static_cast<u16>(a >> 16))) << 16 | Op::of(static_cast<u16>(a)); }
  static u32 of(u32 a, u32 b) {
    return static_cast<u32>(Op::of(static_cast<u16>(a >> 16), static_cast<u16>(b >> 16))) << 16 | Op::of(static_cast<u16>(a), static_cast<u16>(b));
  }
  static u32 of(u32 a, u32 b, u32 c) {
    return static_cast<u32>(Op::of(static_cast<u16>(a >> 16), static_cast<u16>(b >> 16), static_cast<u16>(c >> 16))) << 16 |
           Op::of(static_cast<u16>(a), static_cast<u16>(b), static_cast<u16>(c));
  }
};

bool packed(Type type) { return bytesOf(type) == 4; }
bool isF16(Type type) { return type == Type::f16 || type == Type::f16x2; }

template <class Op>
Handler unaryOf(Type type) { return packed(type) ? unary<Both<Op>, u32, u32> : unary<Op, u16, u16>; }
template <class Op>
Handler binaryOf(Type type) { return packed(type) ? binary<Both<Op>, u32, u32> : binary<Op, u16, u16>; }
template <class Op>
Handler ternaryOf(Type type) { return packed(type) ? ternary<Both<Op>, u32, u32> : ternary<Op, u16, u16>; }

struct Forms {
  bool saturate, relu;
};

/** `.rn` is all there is. */
Forms forms(Reading& r) {
  r.take("rn");
  return {r.take("sat"), r.take("relu")};
}

void finish(Reading& r, const Forms& forms, Type type) {
  const i32 d = r.made.d;
  if (forms.saturate) r.then(isF16(type) ? unaryOf<Saturate<F16>>(type) : unaryOf<Saturate<BF16>>(type), d, d);
  if (forms.relu) r.then(isF16(type) ? unaryOf<Relu<F16>>(type) : unaryOf<Relu<BF16>>(type), d, d);
}

template <class Op>
void decodeBinary(Reading& r) {
  const Forms has = forms(r);
  const Type type = r.type();
  takeBinary(r, type, isF16(type) ? binaryOf<Rounded<F16, Op>>(type) : binaryOf<Rounded<BF16, Op>>(type));
  finish(r, has, type);
}

void decodeFma(Reading& r) {
  if (!r.has("rn")) r.fail("a rounding mode is missing");
  const Forms has = forms(r);
  const Type type = r.type();
  takeTernary(r, type, isF16(type) ? ternaryOf<RoundedFma<F16>>(type) : ternaryOf<RoundedFma<BF16>>(type));
  finish(r, has, type);
}

template <class Op>
void decodeSign(Reading& r) {
  const Type type = r.type();
  takeUnary(r, type, unaryOf<Op>(type));
}

template <bool kMax>
void decodeExtreme(Reading& r) {
  const bool keep = r.take("NaN");
  const Type type = r.type();
  const Handler run = isF16(type) ? (keep ? binaryOf<Extreme<F16, kMax, true>>(type) : binaryOf<Extreme<F16, kMax, false>>(type))
                                  : (keep ? binaryOf<Extreme<BF16, kMax, true>>(type) : binaryOf<Extreme<BF16, kMax, false>>(type));
  takeBinary(r, type, run);
}

template <class Op>
void decodeApproximate(Reading& r) {
  r.require("approx");
  const bool flush = r.take("ftz");
  const Type type = r.type();
  if (flush == isF16(type)) r.fail("ftz is for bf16, and bf16 is always flushed");
  takeUnary(r, type, isF16(type) ? unaryOf<RoundedUnary<F16, Op>>(type) : unaryOf<RoundedUnary<BF16, Op>>(type));
  if (flush) r.then(unaryOf<Flush<BF16>>(type), r.made.d, r.made.d);
}

}  // namespace

void addHalfOpcodes(Opcodes& opcodes) {
  opcodes.add("add", Family::half, decodeBinary<Add>);
  opcodes.add("sub", Family::half, decodeBinary<Sub>);
  opcodes.add("mul", Family::half, decodeBinary<Mul>);
  opcodes.add("fma", Family::half, decodeFma);
  opcodes.add("abs", Family::half, decodeSign<Abs>);
  opcodes.add("neg", Family::half, decodeSign<Neg>);
  opcodes.add("min", Family::half, decodeExtreme<false>);
  opcodes.add("max", Family::half, decodeExtreme<true>);
  opcodes.add("tanh", Family::half, decodeApproximate<Tanh>);
  opcodes.add("ex2", Family::half, decodeApproximate<Ex2>);
}

}  // namespace standin
