// Comparisons and choices: setp, set, selp, slct. A predicate is a mask of the lanes where it holds.
#include "elementwise.h"
#include "halves.h"

namespace standin {
namespace {

// Ordered comparisons are false where a side is NaN; the unordered ones (ltu …) and ne's counterpart neu are true.
enum class Relation : u32 { eq, ne, lt, le, gt, ge, equ, neu, ltu, leu, gtu, geu, num, nan };

template <Relation kRelation, class T>
bool holds(T a, T b) {
  const bool unordered = a != a || b != b;
  switch (kRelation) {
    case Relation::eq: return a == b;
    case Relation::ne: return a != b && !unordered;
    case Relation::lt: return a < b;
    case Relation::le: return a <= b;
    case Relation::gt: return a > b;
    case Relation::ge: return a >= b;
    case Relation::equ: return a == b || unordered;
    case Relation::neu: return a != b;
    case Relation::ltu: return a < b || unordered;
    case Relation::leu: return a <= b || unordered;
    case Relation::gtu: return a > b || unordered;
    case Relation::geu: return a >= b || unordered;
    case Relation::num: return !unordered;
    case Relation::nan: return unordered;
  }
  return false;
}

struct AsIs {
  template <class T> static T of(T a) { return a; }
};
template <class H>
struct Widened {
  static float of(u16 a) { return H::wide(a); }
};

/// The mask of lanes where the relation holds; all are asked, since asking the others does no harm.
template <Relation kRelation, class T, class Read>
u32 compared(Warp& warp, const Instruction& at) {
  const T *a = warp.lanes<T>(at.a), *b = warp.lanes<T>(at.b);
  u32 made = 0;
  for (u32 lane = 0; lane < kLanes; lane++) {
    made |= static_cast<u32>(holds<kRelation>(Read::of(a[lane]), Read::of(b[lane]))) << lane;
  }
  return made;
}

enum class Join : u32 { none, land, lor, lxor };

u32 joined(Warp& warp, const Instruction& at, u32 mask) {
  const u32 other = at.count != 0 ? ~warp.predicate(at.c) : warp.predicate(at.c);
  switch (static_cast<Join>(at.target)) {
    case Join::none: return mask;
    case Join::land: return mask & other;
    case Join::lor: return mask | other;
    case Join::lxor: return mask ^ other;
  }
  return mask;
}

// `d|q`: q is the same combination of the comparison's opposite.
template <Relation kRelation, class T, class Read>
void setp(Warp& warp, const Instruction& at, u32 mask) {
  const u32 found = compared<kRelation, T, Read>(warp, at);
  const u32 first = joined(warp, at, found), second = joined(warp, at, ~found);
  u32 &d = warp.predicate(at.d), &q = warp.predicate(at.d2);
  d = (d & ~mask) | (first & mask);
  q = (q & ~mask) | (second & mask);
}

template <class D>
void choose(Warp& warp, const Instruction& at, u32 mask, u32 found) {
  D* d = warp.lanes<D>(at.d);
  const D yes = static_cast<D>(at.offset);
  each(mask, [=](u32 lane) { d[lane] = (found >> lane & 1) != 0 ? yes : 0; });
}

// `list` says whether the result is a half.
template <Relation kRelation, class T, class Read>
void set(Warp& warp, const Instruction& at, u32 mask) {
  const u32 found = joined(warp, at, compared<kRelation, T, Read>(warp, at));
  at.list != 0 ? choose<u16>(warp, at, mask, found) : choose<u32>(warp, at, mask, found);
}

struct Handlers {
  Handler setp, set;
};

template <Relation kRelation>
Handlers handlersFor(Type type) {
  switch (type) {
#define ROW(name, T, Read) \
  case Type::name: return {setp<kRelation, T, Read>, set<kRelation, T, Read>};
    ROW(b16, u16, AsIs) ROW(u16, u16, AsIs) ROW(s16, i16, AsIs) ROW(b32, u32, AsIs) ROW(u32, u32, AsIs) ROW(s32, i32, AsIs)
    ROW(b64, u64, AsIs) ROW(u64, u64, AsIs) ROW(s64, i64, AsIs) ROW(f32, float, AsIs) ROW(f64, double, AsIs)
    ROW(f16, u16, Widened<F16>) ROW(bf16, u16, Widened<BF16>)
#undef ROW
    default: return {};
  }
}

Handlers handlersFor(Reading& r, Relation relation, Type type) {
  if (!isReal(type) && relation > Relation::ge) r.fail("this comparison is for floating-point types");
  if (info(type).kind == Class::bits && relation > Relation::ne) r.fail("bits are compared by eq and ne alone");
  switch (relation) {
#define ROW(name) \
  case Relation::name: return handlersFor<Relation::name>(type);
    ROW(eq) ROW(ne) ROW(lt) ROW(le) ROW(gt) ROW(ge) ROW(equ) ROW(neu) ROW(ltu) ROW(leu) ROW(gtu) ROW(geu) ROW(num) ROW(nan)
#undef ROW
  }
  return {};
}

/** `lo`, `ls`, `hi`, `hs` are lt, le, gt, ge of unsigned integers. */
Relation relation(Reading& r) {
  if (const auto found = r.takeOneOf({"eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"})) {
    return static_cast<Relation>(*found);
  }
  if (const auto found = r.takeOneOf({"lo", "ls", "hi", "hs"})) return static_cast<Relation>(*found + 2);
  r.fail("a comparison is missing");
}

/** The third source is a predicate that may be negated. */
void join(Reading& r) {
  const auto by = r.takeOneOf({"and", "or", "xor"});
  r.count(by ? 4 : 3);
  if (!by) return;
  r.made.target = *by + 1;
  Operand third = r.operand(3);
  r.made.count = third.negated ? 1 : 0;
  third.negated = false;
  r.made.c = r.source(third, Type::pred);
}

void decodeSetp(Reading& r) {
  r.flush();
  const Relation by = relation(r);
  join(r);
  const Type type = r.type();
  r.made.run = handlersFor(r, by, type).setp;
  if (r.made.run == nullptr) r.fail("this type is not known here");
  r.destinations(0, Type::pred, Type::pred);
  r.made.a = r.source(1, type);
  r.made.b = r.source(2, type);
}

void decodeSet(Reading& r) {
  r.flush();
  const Relation by = relation(r);
  join(r);
  const Type result = r.typeOf({Type::u32, Type::s32, Type::f32, Type::f16, Type::bf16});
  const Type type = r.type();
  r.made.run = handlersFor(r, by, type).set;
  if (r.made.run == nullptr) r.fail("this type is not known here");
  r.made.list = bytesOf(result) == 2 ? 1 : 0;
  r.made.offset = result == Type::f32 ? 0x3F800000 : result == Type::f16 ? 0x3C00 : result == Type::bf16 ? 0x3F80 : 0xFFFFFFFF;
  r.made.d = r.destination(0, result);
  r.made.a = r.source(1, type);
  r.made.b = r.source(2, type);
}

template <class T>
void selp(Warp& warp, const Instruction& at, u32 mask) {
  T* d = warp.lanes<T>(at.d);
  const T *a = warp.lanes<T>(at.a), *b = warp.lanes<T>(at.b);
  const u32 chosen = warp.predicate(at.c);
  each(mask, [=](u32 lane) { d[lane] = (chosen >> lane & 1) != 0 ? a[lane] : b[lane]; });
}

void decodeSelp(Reading& r) {
  const Type type = r.type();
  const u32 bytes = bytesOf(type);
  if (type == Type::pred || bytes == 1) r.fail("this type is not known here");
  r.count(4);
  r.made.run = bytes == 2 ? selp<u16> : bytes == 4 ? selp<u32> : selp<u64>;
  r.made.d = r.destination(0, type);
  r.made.a = r.source(1, type);
  r.made.b = r.source(2, type);
  r.made.c = r.source(3, Type::pred);
}

template <class T, class C>
struct Slct {
  static T of(T a, T b, C c) { return c >= 0 ? a : b; }
};

void decodeSlct(Reading& r) {
  r.flush();
  const Type type = r.type();
  const Type by = r.typeOf({Type::s32, Type::f32});
  const u32 bytes = bytesOf(type);
  r.count(4);
  const bool real = by == Type::f32;
  if (bytes == 2) r.made.run = real ? ternary<Slct<u16, float>, u16, u16, u16, float> : ternary<Slct<u16, i32>, u16, u16, u16, i32>;
  if (bytes == 4) r.made.run = real ? ternary<Slct<u32, float>, u32, u32, u32, float> : ternary<Slct<u32, i32>, u32, u32, u32, i32>;
  if (bytes == 8) r.made.run = real ? ternary<Slct<u64, float>, u64, u64, u64, float> : ternary<Slct<u64, i32>, u64, u64, u64, i32>;
  if (r.made.run == nullptr || type == Type::pred) r.fail("this type is not known here");
  r.made.d = r.destination(0, type);
  r.made.a = r.source(1, type);
  r.made.b = r.source(2, type);
  r.made.c = r.source(3, by);
}

}  // namespace

void addCompareOpcodes(Opcodes& opcodes) {
  opcodes.add("setp", Family::any, decodeSetp);
  opcodes.add("set", Family::any, decodeSet);
  opcodes.add("selp", Family::any, decodeSelp);
  opcodes.add("slct", Family::any, decodeSlct);
}

}  // namespace standin
