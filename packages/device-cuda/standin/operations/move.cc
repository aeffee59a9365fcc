// Values that move unchanged: mov (whole, packed and unpacked), cvta, isspacep, arguments of calls.
#include <algorithm>

#include "../execute/memory.h"
#include "elementwise.h"

namespace standin {

namespace {

struct Same {
  template <class T> static T of(T a) { return a; }
};

void moveMask(Warp& warp, const Instruction& at, u32 mask) {
  u32& d = warp.predicate(at.d);
  d = (d & ~mask) | (warp.predicate(at.a) & mask);
}

/// The parts of a wide value, first the lowest.
template <class W, class N>
void unpack(Warp& warp, const Instruction& at, u32 mask) {
  const W* a = warp.lanes<W>(at.a);
  const i32* places = warp.listOf(at);
  W whole[kLanes];
  each(mask, [&](u32 lane) { whole[lane] = a[lane]; });
  for (u32 part = 0; part < sizeof(W) / sizeof(N); part++) {
    N* d = warp.lanes<N>(places[part]);
    each(mask, [&](u32 lane) { d[lane] = static_cast<N>(whole[lane] >> part * sizeof(N) * 8); });
  }
}

template <class W, class N>
void pack(Warp& warp, const Instruction& at, u32 mask) {
  const i32* places = warp.listOf(at);
  W whole[kLanes] = {};
  for (u32 part = 0; part < sizeof(W) / sizeof(N); part++) {
    const N* a = warp.lanes<N>(places[part]);
    each(mask, [&](u32 lane) { whole[lane] |= static_cast<W>(a[lane]) << part * sizeof(N) * 8; });
  }
  W* d = warp.lanes<W>(at.d);
  each(mask, [&](u32 lane) { d[lane] = whole[lane]; });
}

Type partType(Reading& r, Type whole, size_t parts) {
  const u32 bytes = bytesOf(whole);
  if (bytes == 4 && parts == 2) return Type::b16;
  if (bytes == 8 && parts == 2) return Type::b32;
  if (bytes == 8 && parts == 4) return Type::b16;
  r.fail("a value of this type has no such parts");
}

void decodeMovParts(Reading& r, Type type, bool packs) {
  const auto& parts = r.operand(packs ? 1 : 0).list;
  const Type part = partType(r, type, parts.size());
  std::vector<i32> places;
  for (const Operand& each : parts) places.push_back(packs ? r.source(each, part) : r.destination(each, part));
  r.made.list = r.list(places);
  if (packs) r.made.d = r.destination(0, type);
  else r.made.a = r.source(1, type);
  if (bytesOf(type) == 4) r.made.run = packs ? pack<u32, u16> : unpack<u32, u16>;
  else if (part == Type::b32) r.made.run = packs ? pack<u64, u32> : unpack<u64, u32>;
  else r.made.run = packs ? pack<u64, u16> : unpack<u64, u16>;
}

/** Clocks count instructions of the block, so they only go up. */
template <class T>
void clockOf(Warp& warp, const Instruction& at, u32 mask) {
  T* d = warp.lanes<T>(at.d);
  const u64 now = stepsOf(*warp.block);
  each(mask, [=](u32 lane) { d[lane] = static_cast<T>(now); });
}

void decodeMov(Reading& r) {
  const Type type = r.type();
  r.count(2);
  if (bytesOf(type) == 1) r.fail("this type is not known here");
  if (r.listLength(0) > 0 || r.listLength(1) > 0) return decodeMovParts(r, type, r.listLength(1) > 0);
  const std::string& from = r.operand(1).name;
  if (from == "%clock" || from == "%clock64" || from == "%globaltimer") {
    r.made.run = bytesOf(type) == 8 ? clockOf<u64> : clockOf<u32>;
    if ((bytesOf(type) == 8) != (from != "%clock")) r.fail(from + " has another size");
    r.made.d = r.destination(0, type);
    return;
  }
  r.made.run = moveOf(type == Type::pred ? 1 : bytesOf(type));
  r.made.d = r.destination(0, type);
  r.made.a = r.source(1, type);
}

Space spaceTaken(Reading& r) {
  const auto found = r.takeOneOf({"global", "const", "shared", "shared::cta", "local", "param"});
  if (!found) r.fail("a space is missing");
  constexpr Space spaces[] = {Space::global, Space::constant, Space::shared, Space::shared, Space::local, Space::param};
  return spaces[*found];
}

template <class T>
void shifted(Warp& warp, const Instruction& at, u32 mask) {
  T* d = warp.lanes<T>(at.d);
  const T* a = warp.lanes<T>(at.a);
  const T by = static_cast<T>(at.offset);
  each(mask, [=](u32 lane) { d[lane] = static_cast<T>(a[lane] + by); });
}

/** Windows of generic addresses lie so far apart that the way in and out is adding a number. */
void decodeCvta(Reading& r) {
  const bool away = r.take("to");
  const Space space = spaceTaken(r);
  const Type type = r.typeOf({Type::u64});
  r.count(2);
  r.made.run = shifted<u64>;
  r.made.offset = static_cast<i64>(away ? 0 - windowOf(space) : windowOf(space));
  r.made.d = r.destination(0, type);
  r.made.a = r.source(1, type);
}

void isspacep(Warp& warp, const Instruction& at, u32 mask) {
  const u64* a = warp.lanes<u64>(at.a);
  u32 made = 0;
  each(mask, [&](u32 lane) { made |= static_cast<u32>(spaceOfGeneric(a[lane]) == at.space) << lane; });
  u32& d = warp.predicate(at.d);
  d = (d & ~mask) | made;
}

void decodeIsspacep(Reading& r) {
  r.made.space = spaceTaken(r);
  r.count(2);
  r.made.run = isspacep;
  r.made.d = r.destination(0, Type::pred);
  r.made.a = r.source(1, Type::b64);
}

}  // namespace

Handler moveOf(u32 bytes) {
  switch (bytes) {
    case 1: return moveMask;
    case 2: return unary<Same, u16, u16>;
    case 4: return unary<Same, u32, u32>;
    default: return unary<Same, u64, u64>;
  }
}

void addMoveOpcodes(Opcodes& opcodes) {
  opcodes.add("mov", Family::any, decodeMov);
  opcodes.add("cvta", Family::any, decodeCvta);
  opcodes.add("isspacep", Family::any, decodeIsspacep);
}

}  // namespace standin
