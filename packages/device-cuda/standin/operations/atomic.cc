// atom and red: a read, a change and a write that nothing comes between. Lanes take turns.
#include "../execute/memory.h"
#include "elementwise.h"
#include "halves.h"

namespace standin {
namespace {

struct Add { template <class T> static T of(T a, T b) { return static_cast<T>(a + b); } };
struct Min { template <class T> static T of(T a, T b) { return b < a ? b : a; } };
struct Max { template <class T> static T of(T a, T b) { return b > a ? b : a; } };
struct And { template <class T> static T of(T a, T b) { return a & b; } };
struct Or { template <class T> static T of(T a, T b) { return a | b; } };
struct Xor { template <class T> static T of(T a, T b) { return a ^ b; } };
struct Exchange { template <class T> static T of(T, T b) { return b; } };
struct Increment { static u32 of(u32 a, u32 b) { return a >= b ? 0 : a + 1; } };
struct Decrement { static u32 of(u32 a, u32 b) { return a == 0 || a > b ? b : a - 1; } };
template <class H>
struct AddHalf { static u16 of(u16 a, u16 b) { return H::narrow(static_cast<double>(H::wide(a)) + static_cast<double>(H::wide(b))); } };
template <class H>
struct AddHalves {
  static u32 of(u32 a, u32 b) {
    return static_cast<u32>(AddHalf<H>::of(static_cast<u16>(a >> 16), static_cast<u16>(b >> 16))) << 16 | AddHalf<H>::of(static_cast<u16>(a), static_cast<u16>(b));
  }
};

/// at.d is the destination of atom, and scratch for red.
template <class Op, class T>
void update(Warp& warp, const Instruction& at, u32 mask) {
  Located found;
  locate(warp, at, mask, sizeof(T), Access::atomic, found);
  T* d = warp.lanes<T>(at.d);
  const T* b = warp.lanes<T>(at.b);
  inOrder(warp, mask, [&](u32 lane) {
    T* p = reinterpret_cast<T*>(found.pointer[lane]);
    const T old = *p, value = b[lane];
    *p = Op::of(old, value);
    d[lane] = old;
  });
}

template <class T>
void compareAndSwap(Warp& warp, const Instruction& at, u32 mask) {
  Located found;
  locate(warp, at, mask, sizeof(T), Access::atomic, found);
  T* d = warp.lanes<T>(at.d);
  const T *b = warp.lanes<T>(at.b), *c = warp.lanes<T>(at.c);
  inOrder(warp, mask, [&](u32 lane) {
    T* p = reinterpret_cast<T*>(found.pointer[lane]);
    const T old = *p;
    if (old == b[lane]) *p = c[lane];
    d[lane] = old;
  });
}

template <class Op>
Handler bits(Type type) {
  if (type == Type::b32 || type == Type::u32 || type == Type::s32) return update<Op, u32>;
  if (type == Type::b64 || type == Type::u64 || type == Type::s64) return update<Op, u64>;
  return nullptr;
}

template <class Op>
Handler extreme(Type type) {
  switch (type) {
    case Type::u32: return update<Op, u32>;
    case Type::s32: return update<Op, i32>;
    case Type::u64: return update<Op, u64>;
    case Type::s64: return update<Op, i64>;
    default: return nullptr;
  }
}

Handler addition(Type type) {
  switch (type) {
    case Type::u32:
    case Type::s32: return update<Add, u32>;
    case Type::u64: return update<Add, u64>;
    case Type::f32: return update<Add, float>;
    case Type::f64: return update<Add, double>;
    case Type::f16: return update<AddHalf<F16>, u16>;
    case Type::bf16: return update<AddHalf<BF16>, u16>;
    case Type::f16x2: return update<AddHalves<F16>, u32>;
    case Type::bf16x2: return update<AddHalves<BF16>, u32>;
    default: return nullptr;
  }
}

Handler handlerFor(u32 operation, Type type) {
  switch (operation) {
    case 0: return addition(type);
    case 1: return extreme<Min>(type);
    case 2: return extreme<Max>(type);
    case 3: return bits<And>(type);
    case 4: return bits<Or>(type);
    case 5: return bits<Xor>(type);
    case 6: return type == Type::b32 ? update<Exchange, u32> : type == Type::b64 ? update<Exchange, u64> : nullptr;
    case 7: return type == Type::u32 ? update<Increment, u32> : nullptr;
    case 8: return type == Type::u32 ? update<Decrement, u32> : nullptr;
    default: return type == Type::b16 ? compareAndSwap<u16> : type == Type::b32 ? compareAndSwap<u32> : type == Type::b64 ? compareAndSwap<u64> : nullptr;
  }
}

void decodeUpdate(Reading& r, bool returns) {
  const auto shared = r.takeOneOf({"global", "shared", "shared::cta"});
  const Space space = !shared ? Space::generic : *shared == 0 ? Space::global : Space::shared;
  r.hints();
  const auto operation = r.takeOneOf({"add", "min", "max", "and", "or", "xor", "exch", "inc", "dec", "cas"});
  if (!operation || (!returns && (*operation == 6 || *operation == 9))) r.fail("expected an operation");
  r.take("noftz");
  const Type type = r.type();
  const bool swaps = *operation == 9;
  const size_t first = returns ? 1 : 0;
  r.count(first + (swaps ? 3 : 2));
  r.made.run = handlerFor(*operation, type);
  if (r.made.run == nullptr) r.fail("this operation is not known for this type");
  r.made.d = returns ? r.destination(0, type) : r.scratch();
  r.made.e = r.address(first, space) ? 1 : 0;
  r.made.b = r.source(first + 1, type);
  if (swaps) r.made.c = r.source(first + 2, type);
  r.made.site = r.site();
  if (space != Space::global) r.sharedAccess(bytesOf(type));
}

void decodeAtom(Reading& r) { decodeUpdate(r, true); }
void decodeRed(Reading& r) { decodeUpdate(r, false); }

}  // namespace

void addAtomicOpcodes(Opcodes& opcodes) {
  opcodes.add("atom", Family::any, decodeAtom);
  opcodes.add("red", Family::any, decodeRed);
}

}  // namespace standin
