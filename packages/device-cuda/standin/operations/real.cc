// Arithmetic of f32 and f64. Rounding modes and flushing are in the control word an instruction runs with, so handlers
// say only what is computed. Approximations are computed as exactly as the host's library can: what a card gives
// differs within the bounds that PTX states.
#include "elementwise.h"

namespace standin {
namespace {

struct Add { template <class T> static T of(T a, T b) { return a + b; } };
struct Sub { template <class T> static T of(T a, T b) { return a - b; } };
struct Mul { template <class T> static T of(T a, T b) { return a * b; } };
struct Div { template <class T> static T of(T a, T b) { return a / b; } };
struct Fma {
  static float of(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
  static double of(double a, double b, double c) { return __builtin_fma(a, b, c); }
};
struct Abs { template <class T> static T of(T a) { return std::fabs(a); } };
struct Neg { template <class T> static T of(T a) { return -a; } };

template <class T> struct BitsOf;
template <> struct BitsOf<float> { using type = u32; };
template <> struct BitsOf<double> { using type = u64; };
template <class T> typename BitsOf<T>::type bits(T a) {
  typename BitsOf<T>::type made;
  std::memcpy(&made, &a, sizeof a);
  return made;
}
template <class T> T real(typename BitsOf<T>::type a) {
  T made;
  std::memcpy(&made, &a, sizeof a);
  return made;
}

// Of a number and NaN the number; -0 is less than +0.
struct Min {
  template <class T> static T of(T a, T b) {
    const T less = a == b ? real<T>(bits(a) | bits(b)) : a < b ? a : b;
    return b != b ? a : a != a ? b : less;
  }
};
struct Max {
  template <class T> static T of(T a, T b) {
    const T more = a == b ? real<T>(bits(a) & bits(b)) : a > b ? a : b;
    return b != b ? a : a != a ? b : more;
  }
};
template <class Op>
struct KeepNan {
  static float of(float a, float b) { return a != a || b != b ? real<float>(0x7FFFFFFF) : Op::of(a, b); }
};
template <class Op>
struct XorSign {
  static float of(float a, float b) {
    return real<float>(bits(Op::of(std::fabs(a), std::fabs(b))) | ((bits(a) ^ bits(b)) & 0x80000000));
  }
};
struct CopySign { template <class T> static T of(T a, T b) { return std::copysign(b, a); } };

struct Rcp { template <class T> static T of(T a) { return 1 / a; } };
struct Sqrt {
  static float of(float a) { return __builtin_sqrtf(a); }
  static double of(double a) { return __builtin_sqrt(a); }
};
struct Rsqrt {
  static float of(float a) { return static_cast<float>(1 / __builtin_sqrt(static_cast<double>(a))); }
  static double of(double a) { return 1 / __builtin_sqrt(a); }
};
struct Sin { static float of(float a) { return std::sin(a); } };
struct Cos { static float of(float a) { return std::cos(a); } };
struct Lg2 { static float of(float a) { return std::log2(a); } };
struct Ex2 { static float of(float a) { return std::exp2(a); } };
struct Tanh { static float of(float a) { return static_cast<float>(std::tanh(static_cast<double>(a))); } };

struct Saturate { template <class T> static T of(T a) { return a >= 1 ? 1 : a > 0 ? a : 0; } };
struct Flush { static float of(float a) { return std::fabs(a) < 0x1p-126f ? std::copysign(0.0f, a) : a; } };

template <class Op>
Handler binaryReal(Type type) { return type == Type::f32 ? binary<Op, float, float> : binary<Op, double, double>; }
template <class Op>
Handler unaryReal(Type type) { return type == Type::f32 ? unary<Op, float, float> : unary<Op, double, double>; }

void saturated(Reading& r, bool saturates, Type type) {
  if (!saturates) return;
  if (type != Type::f32) r.fail(".sat is for f32");
  r.then(unary<Saturate, float, float>, r.made.d, r.made.d);
}

Type realType(Reading& r) {
  const Type type = r.typeOf({Type::f32, Type::f64});
  if (type == Type::f64 && (r.made.control & 0x8000) != 0) r.fail(".ftz is not for f64");
  return type;
}

template <class Op>
void decodeRounded(Reading& r) {
  r.rounding();
  const bool saturates = r.take("sat");
  const Type type = realType(r);
  takeBinary(r, type, binaryReal<Op>(type));
  saturated(r, saturates, type);
}

void decodeFma(Reading& r) {
  if (!r.rounding()) r.fail("a rounding mode is missing");
  const bool saturates = r.take("sat");
  const Type type = realType(r);
  takeTernary(r, type, type == Type::f32 ? ternary<Fma, float, float> : ternary<Fma, double, double>);
  saturated(r, saturates, type);
}

/** Division, roots and reciprocals are approximate or rounded, and say which. */
bool precision(Reading& r, std::initializer_list<std::string_view> approximations) {
  const bool approximate = r.takeOneOf(approximations).has_value();
  if (r.rounding() == approximate) r.fail("expected .approx or a rounding mode");
  return approximate;
}

void decodeDiv(Reading& r) {
  const bool approximate = precision(r, {"approx", "full"});
  const Type type = realType(r);
  if (approximate && type == Type::f64) r.fail("f64 divides with a rounding mode");
  takeBinary(r, type, binaryReal<Div>(type));
}

template <class Op>
void decodeRoot(Reading& r) {
  const bool approximate = precision(r, {"approx"});
  const Type type = r.typeOf({Type::f32, Type::f64});
  if (type == Type::f64 && approximate && std::is_same_v<Op, Sqrt>) r.fail("f64 roots have a rounding mode");
  takeUnary(r, type, unaryReal<Op>(type));
}

void decodeRsqrt(Reading& r) {
  r.require("approx");
  r.flush();
  const Type type = r.typeOf({Type::f32, Type::f64});
  takeUnary(r, type, unaryReal<Rsqrt>(type));
}

template <class Op>
void decodeApproximate(Reading& r) {
  r.require("approx");
  r.flush();
  takeUnary(r, r.typeOf({Type::f32}), unary<Op, float, float>);
}

/** No arithmetic happens, so flushing is a step of its own. */
void flushed(Reading& r) {
  if (r.made.control != 0) r.then(unary<Flush, float, float>, r.made.d, r.made.d);
}

template <class Op>
void decodeSign(Reading& r) {
  r.flush();
  const Type type = realType(r);
  takeUnary(r, type, unaryReal<Op>(type));
  flushed(r);
}

template <class Op>
void decodeExtreme(Reading& r) {
  r.flush();
  const bool keep = r.take("NaN");
  const bool sign = r.take("xorsign");
  if (sign) r.require("abs");
  const Type type = realType(r);
  if ((keep || sign) && type == Type::f64) r.fail("f64 has plain minimum and maximum alone");
  Handler run = binaryReal<Op>(type);
  if (keep) run = sign ? binary<XorSign<KeepNan<Op>>, float, float> : binary<KeepNan<Op>, float, float>;
  else if (sign) run = binary<XorSign<Op>, float, float>;
  takeBinary(r, type, run);
  flushed(r);
}

void decodeCopySign(Reading& r) {
  const Type type = realType(r);
  takeBinary(r, type, binaryReal<CopySign>(type));
}

enum class Test : u32 { finite, infinite, number, notanumber, normal, subnormal };

template <class T>
void testp(Warp& warp, const Instruction& at, u32 mask) {
  const T* a = warp.lanes<T>(at.a);
  u32 made = 0;
  each(mask, [&](u32 lane) {
    bool holds = false;
    const int kind = std::fpclassify(a[lane]);
    switch (static_cast<Test>(at.target)) {
      case Test::finite: holds = kind != FP_INFINITE && kind != FP_NAN; break;
      case Test::infinite: holds = kind == FP_INFINITE; break;
      case Test::number: holds = kind != FP_NAN; break;
      case Test::notanumber: holds = kind == FP_NAN; break;
      case Test::normal: holds = kind == FP_NORMAL; break;
      case Test::subnormal: holds = kind == FP_SUBNORMAL; break;
    }
    made |= static_cast<u32>(holds) << lane;
  });
  u32& d = warp.predicate(at.d);
  d = (d & ~mask) | made;
}

void decodeTestp(Reading& r) {
  const auto test = r.takeOneOf({"finite", "infinite", "number", "notanumber", "normal", "subnormal"});
  if (!test) r.fail("expected what is tested");
  const Type type = r.typeOf({Type::f32, Type::f64});
  r.count(2);
  r.made.target = *test;
  r.made.run = type == Type::f32 ? testp<float> : testp<double>;
  r.made.d = r.destination(0, Type::pred);
  r.made.a = r.source(1, type);
}

}  // namespace

void addRealOpcodes(Opcodes& opcodes) {
  opcodes.add("add", Family::real, decodeRounded<Add>);
  opcodes.add("sub", Family::real, decodeRounded<Sub>);
  opcodes.add("mul", Family::real, decodeRounded<Mul>);
  opcodes.add("fma", Family::real, decodeFma);
  opcodes.add("mad", Family::real, decodeFma);
  opcodes.add("div", Family::real, decodeDiv);
  opcodes.add("abs", Family::real, decodeSign<Abs>);
  opcodes.add("neg", Family::real, decodeSign<Neg>);
  opcodes.add("min", Family::real, decodeExtreme<Min>);
  opcodes.add("max", Family::real, decodeExtreme<Max>);
  opcodes.add("copysign", Family::real, decodeCopySign);
  opcodes.add("rcp", Family::real, decodeRoot<Rcp>);
  opcodes.add("sqrt", Family::real, decodeRoot<Sqrt>);
  opcodes.add("rsqrt", Family::real, decodeRsqrt);
  opcodes.add("sin", Family::real, decodeApproximate<Sin>);
  opcodes.add("cos", Family::real, decodeApproximate<Cos>);
  opcodes.add("lg2", Family::real, decodeApproximate<Lg2>);
  opcodes.add("ex2", Family::real, decodeApproximate<Ex2>);
  opcodes.add("tanh", Family::real, decodeApproximate<Tanh>);
  opcodes.add("testp", Family::real, decodeTestp);
}

}  // namespace standin
