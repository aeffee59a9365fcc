// Tensor cores of compute capability 9.0: wgmma.mma_async on f16, bf16 and tf32 with both matrices in shared memory and sums
// of f32, its fence, commit_group and wait_group. What may be done when is execute/warpgroups.h's.
#include "../execute/block.h"
#include "halves.h"
#include "opcodes.h"

namespace standin {
namespace {

enum class Elements : u8 { f16, bf16, tf32 };

constexpr u32 bytesOf(Elements elements) { return elements == Elements::tf32 ? 4 : 2; }

template <Elements kElements>
float elementAt(const u8* from) {
  u32 bits = 0;
  std::memcpy(&bits, from, bytesOf(kElements));
  if (kElements == Elements::f16) return F16::wide(static_cast<u16>(bits));
  if (kElements == Elements::bf16) return BF16::wide(static_cast<u16>(bits));
  return floatOf(bits & ~0x1FFFu);
}

/** The elements of a part: of a position and a term at `position * perSide + term * perTerm`. */
template <Elements kElements>
void gather(const u8* shared, const MatrixPart& part, float* into, u32 perSide, u32 perTerm) {
  constexpr u32 per = kChunkBytes / bytesOf(kElements);
  const auto [line, further] = part.place.alongK ? std::pair(perSide, perTerm) : std::pair(perTerm, perSide);
  for (u32 row = 0; row < part.lines(); row++) {
    for (u32 chunk = 0; chunk < part.chunks(); chunk++) {
      const u8* from = shared + part.at(row, chunk);
      for (u32 e = 0; e < per; e++) into[row * line + (chunk * per + e) * further] = elementAt<kElements>(from + e * bytesOf(kElements));
    }
  }
}

/** A warp's 16 rows. Lane l holds of each 8 columns 2 (l mod 4) and the next, in rows l / 4 and 8 further. */
template <Elements kElements>
void multiply(Warp& warp, const GroupProduct& product) {
  constexpr u32 depth = 32 / bytesOf(kElements), mostColumns = 256;
  alignas(64) float a[16 * depth], b[depth * mostColumns], sums[mostColumns];
  const u8* shared = warp.block->shared.data();
  const u32 columns = product.count * 2;
  gather<kElements>(shared, leftPart(warp, product), a, depth, 1);
  gather<kElements>(shared, rightPart(product), b, 1, columns);
  for (u32 row = 0; row < 16; row++) {
    const auto registerOf = [&](u32 column) -> float& {
      const u32 at = column / 8 * 4 + row / 8 * 2 + column % 2;
      return warp.lanes<float>(product.d[at])[row % 8 * 4 + column % 8 / 2];
    };
    for (u32 column = 0; column < columns; column++) sums[column] = product.adds ? registerOf(column) : 0;
    for (u32 k = 0; k < depth; k++) {
      const float left = product.sign * a[row * depth + k];
      for (u32 column = 0; column < columns; column++) sums[column] = __builtin_fmaf(left, b[k * columns + column], sums[column]);
    }
    for (u32 column = 0; column < columns; column++) registerOf(column) = sums[column];
  }
}

struct Form {
  Type elements;
  const char* depth;
  u32 bytes;
  void (*compute)(Warp&, const GroupProduct&);
};

constexpr Form forms[] = {
    {Type::f16, "k16", 2, multiply<Elements::f16>},
    {Type::bf16, "k16", 2, multiply<Elements::bf16>},
    {Type::tf32, "k8", 4, multiply<Elements::tf32>},
};

// How an instruction says what it is in `target`.
constexpr u32 kLeftTurned = 1, kRightTurned = 2, kNegative = 4, kFormShift = 3;

u64 descriptor(const Warp& warp, i32 place) {
  const u64* lanes = warp.lanes<u64>(place);
  for (u32 lane = 1; lane < kLanes; lane++) {
    if (lanes[lane] != lanes[0]) throw LaneFault{719, lane, "has another matrix descriptor than the lanes beside it"};
  }
  return lanes[0];
}

void whole(u32 mask) {
  if (mask != kFull) throw LaneFault{719, firstLane(mask), "needs all 32 lanes"};
}

MatrixPlace placeOf(u64 descriptor, bool turned) {
  const auto found = MatrixPlace::of(descriptor, !turned);
  if (!found) throw LaneFault{719, 0, "has a matrix descriptor of a form that is not known, or of an address inside an atom"};
  return *found;
}

void multiplyAsync(Warp& warp, const Instruction& at, u32 mask) {
  whole(mask);
  const u32 adds = warp.predicate(at.c);
  if (adds != 0 && adds != kFull) throw LaneFault{719, firstLane(~adds), "has another scale-d than the lanes beside it"};
  const Form& form = forms[at.target >> kFormShift];
  GroupProduct product{};
  product.pc = static_cast<u32>(&at - warp.block->kernel.code.data());
  product.d = warp.listOf(at);
  product.count = at.count;
  product.elementBytes = form.bytes;
  product.a = placeOf(descriptor(warp, at.a), (at.target & kLeftTurned) != 0);
  product.b = placeOf(descriptor(warp, at.b), (at.target & kRightTurned) != 0);
  product.adds = adds != 0;
  product.compute = form.compute;
  product.sign = (at.target & kNegative) != 0 ? -1.0f : 1.0f;
  warp.block->groups.issue(warp, product);
}

void fence(Warp& warp, const Instruction&, u32 mask) {
  whole(mask);
  warp.block->groups.fence(warp);
}

void commit(Warp& warp, const Instruction&, u32 mask) {
  whole(mask);
  warp.block->groups.commit(warp);
}

void wait(Warp& warp, const Instruction& at, u32 mask) {
  whole(mask);
  warp.block->groups.wait(warp, at.target);
}

/** 1 or -1. */
bool isNegative(Reading& r, size_t operand) {
  const i64 sign = static_cast<i64>(r.literal(operand));
  if (sign != 1 && sign != -1) r.fail("a scale is 1 or -1");
  return sign < 0;
}

void decodeMultiply(Reading& r) {
  const auto& modifiers = r.statement().modifiers;
  const std::string shape = modifiers.size() > 3 ? modifiers[3] : "";
  const size_t depthAt = shape.find('k');
  const u32 columns = shape.rfind("m64n", 0) == 0 && depthAt != std::string::npos ? static_cast<u32>(std::atoi(shape.c_str() + 4)) : 0;
  if (columns < 8 || columns > 256 || columns % 8 != 0 || shape != "m64n" + std::to_string(columns) + shape.substr(depthAt)) r.fail("this shape is not known");
  r.require(shape);
  const Type sum = r.type(), a = r.type(), b = r.type();
  u32 form = 0;
  while (form < std::size(forms) && forms[form].elements != a) form++;
  if (form == std::size(forms) || a != b || sum != Type::f32 || shape.substr(depthAt) != forms[form].depth) r.fail("this shape is not known for these types");
  const bool turns = a != Type::tf32;
  r.count(turns ? 8 : 6);
  if (r.listLength(1) != 0) r.fail("a left matrix in registers is not known");
  std::vector<i32> places;
  if (r.listLength(0) != columns / 2) r.fail("D has " + std::to_string(columns / 2) + " registers");
  for (const Operand& each : r.operand(0).list) places.push_back(r.destination(each, Type::f32));
  r.sums(places);
  r.made.count = static_cast<u8>(columns / 2);
  r.made.list = r.list(places);
  r.made.a = r.source(1, Type::b64);
  r.made.b = r.source(2, Type::b64);
  r.made.c = r.source(3, Type::pred);
  r.made.target = form << kFormShift | (isNegative(r, 4) != isNegative(r, 5) ? kNegative : 0);
  for (const auto& [operand, flag] : {std::pair(6, kLeftTurned), std::pair(7, kRightTurned)}) {
    if (!turns) continue;
    const u64 turned = r.literal(static_cast<size_t>(operand));
    if (turned > 1) r.fail("whether a matrix is transposed is 0 or 1");
    if (turned == 1) r.made.target |= flag;
  }
  r.made.run = multiplyAsync;
  r.sharedAccess(kChunkBytes);
}

void decodeWarpgroup(Reading& r) {
  r.requireWarpgroups();
  const auto kind = r.takeOneOf({"fence", "mma_async", "commit_group", "wait_group"});
  if (!kind) r.fail("this is not known");
  r.require("sync");
  r.require("aligned");
  r.made.flow = Flow::converge;
  r.made.e = r.constant(kFull, 4);
  if (*kind == 1) return decodeMultiply(r);
  constexpr Handler handlers[] = {fence, nullptr, commit, wait};
  r.made.run = handlers[*kind];
  r.count(*kind == 3 ? 1 : 0);
  if (*kind == 3) r.made.target = static_cast<u32>(r.literal(0));
}

}  // namespace

void addWarpgroupOpcodes(Opcodes& opcodes) { opcodes.add("wgmma", Family::any, decodeWarpgroup); }

}  // namespace standin
