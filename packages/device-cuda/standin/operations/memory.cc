// Loads and stores: ld, ldu, st, prefetch, in all spaces, one to four elements at once.
#include "elementwise.h"
#include "../execute/memory.h"

namespace standin {

void copyLocal(Warp& warp, const Instruction& at, u32 mask) {
  // Places and size were checked when the call was linked.
  const size_t stride = warp.localStride;
  each(mask, [&](u32 lane) { std::memmove(warp.local + lane * stride + at.d, warp.local + lane * stride + at.a, at.target); });
}

namespace {

/// T is what memory holds, D what a register does: registers may be wider.
template <class T, class D>
void load(Warp& warp, const Instruction& at, u32 mask) {
  Located found;
  locate(warp, at, mask, at.count * sizeof(T), Access::read, found);
  const u64* p = found.pointer;
  if (at.count == 1) {
    D* d = warp.lanes<D>(at.d);
    each(mask, [=](u32 lane) { d[lane] = static_cast<D>(*reinterpret_cast<const T*>(p[lane])); });
    return;
  }
  const i32* places = warp.listOf(at);
  for (u32 element = 0; element < at.count; element++) {
    D* d = warp.lanes<D>(places[element]);
    each(mask, [=](u32 lane) { d[lane] = static_cast<D>(reinterpret_cast<const T*>(p[lane])[element]); });
  }
}

template <class T, class D>
void store(Warp& warp, const Instruction& at, u32 mask) {
  Located found;
  locate(warp, at, mask, at.count * sizeof(T), Access::write, found);
  const u64* p = found.pointer;
  const i32* places = at.count == 1 ? &at.d : warp.listOf(at);
  const auto differs = [&](u32 lane) {
    for (u32 element = 0; element < at.count; element++) {
      if (reinterpret_cast<const T*>(p[lane])[element] != static_cast<T>(warp.lanes<D>(places[element])[lane])) return true;
    }
    return false;
  };
  if (found.suspects != 0) {
    each(found.suspects, [&](u32 lane) { if (differs(lane)) reportSuspect(warp, lane, p[lane], false); });
  }
  const auto write = [&](u32 lane) {
    for (u32 element = 0; element < at.count; element++) {
      reinterpret_cast<T*>(p[lane])[element] = static_cast<T>(warp.lanes<D>(places[element])[lane]);
    }
  };
  // Which lane of one instruction is last is not said: with both orders it shows.
  if (warp.reversed) {
    inOrder(warp, mask, write);
  } else {
    for (u32 element = 0; element < at.count; element++) {
      const D* a = warp.lanes<D>(places[element]);
      for (u32 rest = mask; rest != 0; rest &= rest - 1) {
        const u32 lane = firstLane(rest);
        reinterpret_cast<T*>(p[lane])[element] = static_cast<T>(a[lane]);
      }
    }
  }
  if (found.overlap) {
    each(mask, [&](u32 lane) { if (differs(lane)) reportSuspect(warp, lane, p[lane], true); });
  }
}

struct Handlers {
  Handler load, store;
};

template <class T>
Handlers handlersFor(u32 registerBytes) {
  if constexpr (sizeof(T) <= 2) {
    if (registerBytes <= 2) return {load<T, std::conditional_t<std::is_signed_v<T>, i16, u16>>, store<T, u16>};
  }
  if constexpr (sizeof(T) <= 4) {
    if (registerBytes == 4) return {load<T, std::conditional_t<std::is_signed_v<T>, i32, u32>>, store<T, u32>};
  }
  return {load<T, std::conditional_t<std::is_signed_v<T>, i64, u64>>, store<T, u64>};
}

Handlers handlersFor(Type type, u32 registerBytes) {
  switch (bytesOf(type)) {
    case 1: return isSigned(type) ? handlersFor<i8>(registerBytes) : handlersFor<u8>(registerBytes);
    case 2: return type == Type::s16 ? handlersFor<i16>(registerBytes) : handlersFor<u16>(registerBytes);
    case 4: return type == Type::s32 ? handlersFor<i32>(registerBytes) : handlersFor<u32>(registerBytes);
    default: return handlersFor<u64>(registerBytes);
  }
}

Space spaceTaken(Reading& r) {
  const auto found = r.takeOneOf({"global", "const", "shared", "shared::cta", "local", "param", "param::entry", "param::func"});
  if (!found) return Space::generic;
  constexpr Space spaces[] = {Space::global, Space::constant, Space::shared, Space::shared, Space::local, Space::param, Space::param, Space::param};
  return spaces[*found];
}

/** Scalar parameters of functions lie in the frame: ld and st are moves, if they take all of it from its start. */
void framed(Reading& r, const Variable& variable, const Operand& value, u64 offset, Type type, bool reads) {
  if (offset != 0 || bytesOf(variable.type) != bytesOf(type)) r.fail("a part of parameter " + variable.name + " is not known");
  const i32 place = r.placeOf(variable);
  const i32 other = r.loose(value, type, reads);
  const bool literal = value.kind == Operand::Kind::number;
  const u32 have = literal ? bytesOf(type) : bytesOf(r.registerType(value));
  if (have != bytesOf(type) && !(have == 2 && bytesOf(type) == 1)) r.fail("register " + value.name + " and parameter differ in size");
  r.made.run = moveOf(std::max<u32>(2, bytesOf(type)));
  r.made.d = reads ? other : place;
  r.made.a = reads ? place : other;
}

void decodeAccess(Reading& r, bool reads) {
  const Space space = spaceTaken(r);
  r.hints();
  const bool cached = reads && r.take("nc");
  r.hints();
  const auto vector = r.takeOneOf({"v2", "v4"});
  const Type type = r.type();
  if (type == Type::pred || type == Type::f16x2 || type == Type::bf16x2 || type == Type::tf32) r.fail("this type is not known here");
  if (cached && space != Space::global) r.fail(".nc is for .global");
  if (!reads && (space == Space::constant)) r.fail("constants cannot be written");
  r.count(2);
  const size_t valueAt = reads ? 0 : 1, addressAt = reads ? 1 : 0;
  if (const Variable* parameter = space == Space::param ? r.framed(addressAt) : nullptr) {
    if (vector) r.fail("a scalar parameter has no elements");
    return framed(r, *parameter, r.operand(valueAt), r.operand(addressAt).number, type, reads);
  }
  const u32 elements = vector ? (*vector == 0 ? 2 : 4) : 1;
  if (elements * bytesOf(type) > 16) r.fail("an access has 16 bytes at most");
  std::vector<Operand> values{r.operand(valueAt)};
  if (vector) values = values[0].list;
  if (values.size() != elements) r.fail("expected " + std::to_string(elements) + " elements in braces");
  std::vector<i32> places;
  u32 registerBytes = 0;
  for (const Operand& value : values) {
    const bool named = value.kind == Operand::Kind::name;
    const u32 bytes = named ? bytesOf(r.registerType(value)) : reads ? registerBytes : bytesOf(type);
    if (registerBytes != 0 && bytes != registerBytes && bytes != 0) r.fail("elements of different sizes");
    registerBytes = std::max(registerBytes, bytes);
    places.push_back(r.loose(value, type, reads));
    if (!named) continue;
    const Class have = info(r.registerType(value)).kind, want = info(type).kind;
    if (have != Class::bits && want != Class::bits && have != want) r.fail("register " + value.name + " has another kind than ." + std::string(info(type).name));
  }
  const Handlers handlers = handlersFor(type, std::max<u32>(registerBytes, bytesOf(type)));
  r.made.run = reads ? handlers.load : handlers.store;
  r.made.count = static_cast<u8>(elements);
  r.made.d = places[0];
  r.made.list = r.list(places);
  r.made.e = r.address(addressAt, space) ? 1 : 0;
  r.made.site = r.site();
  if (space == Space::shared || space == Space::generic) r.sharedAccess(bytesOf(type));
}

void decodeLoad(Reading& r) { decodeAccess(r, true); }
void decodeStore(Reading& r) { decodeAccess(r, false); }

/** Says what will be wanted; nothing has to happen, but the operand must be an address. */
void decodePrefetch(Reading& r) {
  const Space space = spaceTaken(r);
  r.takeOneOf({"L1", "L2", "L2::evict_last", "L2::evict_normal"});
  r.count(1);
  r.address(0, space);
  r.made.run = [](Warp&, const Instruction&, u32) {};
}

}  // namespace

void addMemoryOpcodes(Opcodes& opcodes) {
  opcodes.add("ld", Family::any, decodeLoad);
  opcodes.add("ldu", Family::any, decodeLoad);
  opcodes.add("st", Family::any, decodeStore);
  opcodes.add("prefetch", Family::any, decodePrefetch);
  opcodes.add("prefetchu", Family::any, decodePrefetch);
}

}  // namespace standin
