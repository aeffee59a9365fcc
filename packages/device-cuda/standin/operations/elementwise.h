// Handlers of instructions that do the same to each lane, as templates over what is done. The compiler makes vectors of
// the full mask. Meaning of an operation is a struct with a static `of`.
#pragma once
#include <cmath>
#include <cstring>

#include "opcodes.h"

namespace standin {

template <class Op, class R, class A>
void unary(Warp& warp, const Instruction& at, u32 mask) {
  R* d = warp.lanes<R>(at.d);
  const A* a = warp.lanes<A>(at.a);
  each(mask, [=](u32 lane) { d[lane] = Op::of(a[lane]); });
}

template <class Op, class R, class A, class B = A>
void binary(Warp& warp, const Instruction& at, u32 mask) {
  R* d = warp.lanes<R>(at.d);
  const A* a = warp.lanes<A>(at.a);
  const B* b = warp.lanes<B>(at.b);
  each(mask, [=](u32 lane) { d[lane] = Op::of(a[lane], b[lane]); });
}

template <class Op, class R, class A, class B = A, class C = A>
void ternary(Warp& warp, const Instruction& at, u32 mask) {
  R* d = warp.lanes<R>(at.d);
  const A* a = warp.lanes<A>(at.a);
  const B* b = warp.lanes<B>(at.b);
  const C* c = warp.lanes<C>(at.c);
  each(mask, [=](u32 lane) { d[lane] = Op::of(a[lane], b[lane], c[lane]); });
}

/// A unary handler for each integer type that instructions have.
template <class Op>
Handler unaryInteger(Type type) {
  switch (type) {
    case Type::u16: return unary<Op, u16, u16>;
    case Type::s16: return unary<Op, i16, i16>;
    case Type::u32: return unary<Op, u32, u32>;
    case Type::s32: return unary<Op, i32, i32>;
    case Type::u64: return unary<Op, u64, u64>;
    case Type::s64: return unary<Op, i64, i64>;
    default: return nullptr;
  }
}

template <class Op>
Handler binaryInteger(Type type) {
  switch (type) {
    case Type::u16: return binary<Op, u16, u16>;
    case Type::s16: return binary<Op, i16, i16>;
    case Type::u32: return binary<Op, u32, u32>;
    case Type::s32: return binary<Op, i32, i32>;
    case Type::u64: return binary<Op, u64, u64>;
    case Type::s64: return binary<Op, i64, i64>;
    default: return nullptr;
  }
}

template <class Op>
Handler ternaryInteger(Type type) {
  switch (type) {
    case Type::u16: return ternary<Op, u16, u16>;
    case Type::s16: return ternary<Op, i16, i16>;
    case Type::u32: return ternary<Op, u32, u32>;
    case Type::s32: return ternary<Op, i32, i32>;
    case Type::u64: return ternary<Op, u64, u64>;
    case Type::s64: return ternary<Op, i64, i64>;
    default: return nullptr;
  }
}

/// Takes d, a of one type; the handler must be there.
inline void takeUnary(Reading& r, Type type, Handler run) {
  if (run == nullptr) r.fail("this type is not known here");
  r.count(2);
  r.made.run = run;
  r.made.d = r.destination(0, type);
  r.made.a = r.source(1, type);
}

inline void takeBinary(Reading& r, Type type, Handler run) {
  if (run == nullptr) r.fail("this type is not known here");
  r.count(3);
  r.made.run = run;
  r.made.d = r.destination(0, type);
  r.made.a = r.source(1, type);
  r.made.b = r.source(2, type);
}

inline void takeTernary(Reading& r, Type type, Handler run) {
  if (run == nullptr) r.fail("this type is not known here");
  r.count(4);
  r.made.run = run;
  r.made.d = r.destination(0, type);
  r.made.a = r.source(1, type);
  r.made.b = r.source(2, type);
  r.made.c = r.source(3, type);
}

}  // namespace standin
