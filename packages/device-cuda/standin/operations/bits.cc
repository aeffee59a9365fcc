// Bits: and, or, xor, not, cnot, shifts, lop3, counts, fields and bytes; on predicates too.
#include "elementwise.h"

namespace standin {
namespace {

struct And { template <class T> static T of(T a, T b) { return static_cast<T>(a & b); } };
struct Or { template <class T> static T of(T a, T b) { return static_cast<T>(a | b); } };
struct Xor { template <class T> static T of(T a, T b) { return static_cast<T>(a ^ b); } };
struct Not { template <class T> static T of(T a) { return static_cast<T>(~a); } };
struct CNot { template <class T> static T of(T a) { return a == 0 ? 1 : 0; } };
// Shifts by the width or more clamp.
struct Shl { template <class T> static T of(T a, u32 b) { return b >= sizeof(T) * 8 ? 0 : static_cast<T>(a << b); } };
struct Shr {
  template <class T> static T of(T a, u32 b) {
    if (b >= sizeof(T) * 8) return std::is_signed_v<T> && a < 0 ? static_cast<T>(-1) : 0;
    return static_cast<T>(a >> b);
  }
};
struct Popc { template <class T> static u32 of(T a) { return static_cast<u32>(__builtin_popcountll(a)); } };
struct Clz {
  template <class T> static u32 of(T a) { return a == 0 ? sizeof(T) * 8 : static_cast<u32>(__builtin_clzll(a)) - (64 - sizeof(T) * 8); }
};
struct BFind {
  template <class T> static u32 of(T a) {
    const auto bits = static_cast<std::make_unsigned_t<T>>(a < 0 ? ~a : a);
    return bits == 0 ? 0xFFFFFFFF : 63 - static_cast<u32>(__builtin_clzll(bits));
  }
};
struct BFindShift {
  template <class T> static u32 of(T a) {
    const u32 found = BFind::of(a);
    return found == 0xFFFFFFFF ? found : sizeof(T) * 8 - 1 - found;
  }
};
struct BRev {
  template <class T> static T of(T a) {
    T made = 0;
    for (u32 bit = 0; bit < sizeof(T) * 8; bit++) made = static_cast<T>(made << 1 | (a >> bit & 1));
    return made;
  }
};
struct Bfe {
  template <class T> static T of(T a, u32 start, u32 length) {
    using U = std::make_unsigned_t<T>;
    constexpr u32 width = sizeof(T) * 8;
    start &= 255;
    length &= 255;
    if (length == 0) return 0;
    const bool negative = std::is_signed_v<T> && (a >> std::min(start + length - 1, width - 1) & 1) != 0;
    U made = start >= width ? 0 : static_cast<U>(a) >> start;
    const u32 kept = std::min(length, start >= width ? 0 : width - start);
    if (kept < width) made &= (static_cast<U>(1) << kept) - 1;
    if (negative && kept < width) made |= ~static_cast<U>(0) << kept;
    return static_cast<T>(made);
  }
};
struct Prmt {
  static u32 of(u32 a, u32 b, u32 c) {
    const u64 bytes = static_cast<u64>(b) << 32 | a;
    u32 made = 0;
    for (u32 at = 0; at < 4; at++) {
      const u32 chosen = c >> at * 4;
      const u32 byte = bytes >> (chosen & 7) * 8 & 255;
      made |= ((chosen & 8) != 0 ? (byte >= 128 ? 255u : 0u) : byte) << at * 8;
    }
    return made;
  }
};
template <bool kLeft, bool kClamp>
struct Shf {
  static u32 of(u32 a, u32 b, u32 c) {
    const u64 both = static_cast<u64>(b) << 32 | a;
    const u32 by = kClamp ? std::min(c, 32u) : c & 31;
    return static_cast<u32>(kLeft ? both << by >> 32 : both >> by);
  }
};
template <bool kClamp>
struct Bmsk {
  static u32 of(u32 a, u32 b) {
    if (!kClamp) { a &= 31; b &= 31; }
    if (a >= 32) return 0;
    return (b >= 32 ? ~0u : (1u << b) - 1) << a;
  }
};
template <class T, bool kClamp>
struct Szext {
  static T of(T a, u32 b) {
    const u32 n = kClamp ? std::min(b, 32u) : b & 31;
    if (n == 0) return 0;
    return n >= 32 ? a : static_cast<T>(static_cast<T>(static_cast<u32>(a) << (32 - n)) >> (32 - n));
  }
};

template <class Op>
void masks(Warp& warp, const Instruction& at, u32 mask) {
  u32& d = warp.predicate(at.d);
  d = (d & ~mask) | (Op::of(warp.predicate(at.a), warp.predicate(at.b)) & mask);
}

template <class Op>
Handler binaryBits(Type type) {
  switch (type) {
    case Type::pred: return masks<Op>;
    case Type::b16: return binary<Op, u16, u16>;
    case Type::b32: return binary<Op, u32, u32>;
    case Type::b64: return binary<Op, u64, u64>;
    default: return nullptr;
  }
}

template <class Op>
void decodeLogic(Reading& r) {
  const Type type = r.type();
  takeBinary(r, type, binaryBits<Op>(type));
}

void notMask(Warp& warp, const Instruction& at, u32 mask) {
  u32& d = warp.predicate(at.d);
  d = (d & ~mask) | (~warp.predicate(at.a) & mask);
}

void decodeNot(Reading& r) {
  const Type type = r.typeOf({Type::pred, Type::b16, Type::b32, Type::b64});
  takeUnary(r, type, type == Type::pred ? notMask : type == Type::b16 ? unary<Not, u16, u16> : type == Type::b32 ? unary<Not, u32, u32> : unary<Not, u64, u64>);
}

void decodeCNot(Reading& r) {
  const Type type = r.typeOf({Type::b16, Type::b32, Type::b64});
  takeUnary(r, type, type == Type::b16 ? unary<CNot, u16, u16> : type == Type::b32 ? unary<CNot, u32, u32> : unary<CNot, u64, u64>);
}

template <class Op>
Handler shift(Type type) {
  switch (type) {
    case Type::b16:
    case Type::u16: return binary<Op, u16, u16, u32>;
    case Type::s16: return binary<Op, i16, i16, u32>;
    case Type::b32:
    case Type::u32: return binary<Op, u32, u32, u32>;
    case Type::s32: return binary<Op, i32, i32, u32>;
    case Type::b64:
    case Type::u64: return binary<Op, u64, u64, u32>;
    case Type::s64: return binary<Op, i64, i64, u32>;
    default: return nullptr;
  }
}

void takeShift(Reading& r, Type type, Handler run) {
  if (run == nullptr) r.fail("this type is not known here");
  r.count(3);
  r.made.run = run;
  r.made.d = r.destination(0, type);
  r.made.a = r.source(1, type);
  r.made.b = r.source(2, Type::u32);
}

void decodeShl(Reading& r) {
  const Type type = r.typeOf({Type::b16, Type::b32, Type::b64});
  takeShift(r, type, shift<Shl>(type));
}

void decodeShr(Reading& r) {
  const Type type = r.type();
  takeShift(r, type, shift<Shr>(type));
}

void decodeShf(Reading& r) {
  const auto left = r.takeOneOf({"r", "l"});
  const auto clamp = r.takeOneOf({"wrap", "clamp"});
  if (!left || !clamp) r.fail("expected .l or .r and .wrap or .clamp");
  const Handler run = *left == 1 ? (*clamp == 1 ? ternary<Shf<true, true>, u32, u32> : ternary<Shf<true, false>, u32, u32>)
                                 : (*clamp == 1 ? ternary<Shf<false, true>, u32, u32> : ternary<Shf<false, false>, u32, u32>);
  takeTernary(r, r.typeOf({Type::b32}), run);
}

void lop3(Warp& warp, const Instruction& at, u32 mask) {
  u32* d = warp.lanes<u32>(at.d);
  const u32 *a = warp.lanes<u32>(at.a), *b = warp.lanes<u32>(at.b), *c = warp.lanes<u32>(at.c);
  u32 rows[8];
  for (u32 row = 0; row < 8; row++) rows[row] = (at.target >> row & 1) != 0 ? ~0u : 0;
  each(mask, [=](u32 lane) {
    const u32 x = a[lane], y = b[lane], z = c[lane];
    d[lane] = (rows[0] & ~x & ~y & ~z) | (rows[1] & ~x & ~y & z) | (rows[2] & ~x & y & ~z) | (rows[3] & ~x & y & z) |
              (rows[4] & x & ~y & ~z) | (rows[5] & x & ~y & z) | (rows[6] & x & y & ~z) | (rows[7] & x & y & z);
  });
}

void decodeLop3(Reading& r) {
  const Type type = r.typeOf({Type::b32});
  r.count(5);
  r.made.run = lop3;
  r.made.d = r.destination(0, type);
  r.made.a = r.source(1, type);
  r.made.b = r.source(2, type);
  r.made.c = r.source(3, type);
  r.made.target = static_cast<u32>(r.literal(4));
}

/** Counts have 32 bits whatever is counted in. */
void takeCount(Reading& r, Type type, Handler run) {
  r.count(2);
  r.made.run = run;
  r.made.d = r.destination(0, Type::u32);
  r.made.a = r.source(1, type);
}

template <class Op>
void decodeCount(Reading& r) {
  const Type type = r.typeOf({Type::b32, Type::b64});
  takeCount(r, type, type == Type::b32 ? unary<Op, u32, u32> : unary<Op, u32, u64>);
}

template <class Op>
Handler find(Type type) {
  return type == Type::u32 ? unary<Op, u32, u32> : type == Type::s32 ? unary<Op, u32, i32> : type == Type::u64 ? unary<Op, u32, u64> : unary<Op, u32, i64>;
}

void decodeBFind(Reading& r) {
  const bool amount = r.take("shiftamt");
  const Type type = r.typeOf({Type::u32, Type::s32, Type::u64, Type::s64});
  takeCount(r, type, amount ? find<BFindShift>(type) : find<BFind>(type));
}

void decodeBRev(Reading& r) {
  const Type type = r.typeOf({Type::b32, Type::b64});
  takeUnary(r, type, type == Type::b32 ? unary<BRev, u32, u32> : unary<BRev, u64, u64>);
}

template <class T>
Handler fieldOf() { return ternary<Bfe, T, T, u32, u32>; }

void decodeBfe(Reading& r) {
  const Type type = r.typeOf({Type::u32, Type::s32, Type::u64, Type::s64});
  r.count(4);
  r.made.run = type == Type::u32 ? fieldOf<u32>() : type == Type::s32 ? fieldOf<i32>() : type == Type::u64 ? fieldOf<u64>() : fieldOf<i64>();
  r.made.d = r.destination(0, type);
  r.made.a = r.source(1, type);
  r.made.b = r.source(2, Type::u32);
  r.made.c = r.source(3, Type::u32);
}

template <class T>
void bfi(Warp& warp, const Instruction& at, u32 mask) {
  T* d = warp.lanes<T>(at.d);
  const T *a = warp.lanes<T>(at.a), *b = warp.lanes<T>(at.b);
  const u32 *starts = warp.lanes<u32>(at.c), *lengths = warp.lanes<u32>(at.e);
  each(mask, [=](u32 lane) {
    constexpr u32 width = sizeof(T) * 8;
    const u32 start = starts[lane] & 255, length = lengths[lane] & 255;
    const T low = length >= width ? ~static_cast<T>(0) : static_cast<T>((static_cast<T>(1) << (length & (width - 1))) - 1);
    const T field = start >= width ? 0 : static_cast<T>(low << (start & (width - 1)));
    const T moved = start >= width ? 0 : static_cast<T>(a[lane] << (start & (width - 1)));
    d[lane] = static_cast<T>((b[lane] & ~field) | (moved & field));
  });
}

void decodeBfi(Reading& r) {
  const Type type = r.typeOf({Type::b32, Type::b64});
  r.count(5);
  r.made.run = type == Type::b32 ? bfi<u32> : bfi<u64>;
  r.made.d = r.destination(0, type);
  r.made.a = r.source(1, type);
  r.made.b = r.source(2, type);
  r.made.c = r.source(3, Type::u32);
  r.made.e = r.source(4, Type::u32);
}

void decodePrmt(Reading& r) { takeTernary(r, r.typeOf({Type::b32}), ternary<Prmt, u32, u32>); }

void decodeBmsk(Reading& r) {
  const auto clamp = r.takeOneOf({"wrap", "clamp"});
  if (!clamp) r.fail("expected .wrap or .clamp");
  takeBinary(r, r.typeOf({Type::b32}), *clamp == 1 ? binary<Bmsk<true>, u32, u32> : binary<Bmsk<false>, u32, u32>);
}

void decodeSzext(Reading& r) {
  const auto clamp = r.takeOneOf({"wrap", "clamp"});
  if (!clamp) r.fail("expected .wrap or .clamp");
  const Type type = r.typeOf({Type::u32, Type::s32});
  if (type == Type::u32) return takeShift(r, type, *clamp == 1 ? binary<Szext<u32, true>, u32, u32> : binary<Szext<u32, false>, u32, u32>);
  takeShift(r, type, *clamp == 1 ? binary<Szext<i32, true>, i32, i32, u32> : binary<Szext<i32, false>, i32, i32, u32>);
}

}  // namespace

void addBitOpcodes(Opcodes& opcodes) {
  opcodes.add("and", Family::any, decodeLogic<And>);
  opcodes.add("or", Family::any, decodeLogic<Or>);
  opcodes.add("xor", Family::any, decodeLogic<Xor>);
  opcodes.add("not", Family::any, decodeNot);
  opcodes.add("cnot", Family::any, decodeCNot);
  opcodes.add("shl", Family::any, decodeShl);
  opcodes.add("shr", Family::any, decodeShr);
  opcodes.add("shf", Family::any, decodeShf);
  opcodes.add("lop3", Family::any, decodeLop3);
  opcodes.add("popc", Family::any, decodeCount<Popc>);
  opcodes.add("clz", Family::any, decodeCount<Clz>);
  opcodes.add("bfind", Family::any, decodeBFind);
  opcodes.add("brev", Family::any, decodeBRev);
  opcodes.add("bfe", Family::any, decodeBfe);
  opcodes.add("bfi", Family::any, decodeBfi);
  opcodes.add("prmt", Family::any, decodePrmt);
  opcodes.add("bmsk", Family::any, decodeBmsk);
  opcodes.add("szext", Family::any, decodeSzext);
}

}  // namespace standin
