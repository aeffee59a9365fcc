// Tensor cores: mma.sync on f16, bf16, tf32 and f64, and ldmatrix. How lanes hold a matrix is the PTX manual's "fragments":
// with group = lane / 4 and pair = lane % 4, a register of A holds row group (+8 for odd registers) from column
// pair * elements (+ half the depth for the later registers) on; B likewise, by its columns.
#include "../execute/memory.h"
#include "elementwise.h"
#include "halves.h"

namespace standin {
namespace {

enum class Elements : u8 { f16, bf16, tf32 };

float elementOf(Elements elements, u32 bits, u32 at) {
  switch (elements) {
    case Elements::f16: return F16::wide(static_cast<u16>(bits >> at * 16));
    case Elements::bf16: return BF16::wide(static_cast<u16>(bits >> at * 16));
    case Elements::tf32: return floatOf(bits & ~0x1FFFu);
  }
  return 0;
}

void whole(u32 mask) {
  if (mask != kFull) throw LaneFault{719, firstLane(mask), "needs all 32 lanes"};
}

/// 16x8 = 16xK times Kx8 plus 16x8. Lists hold the places of D, A, B and C.
template <Elements kElements, u32 kDepth, bool kHalfSums>
void multiply16(Warp& warp, const Instruction& at, u32 mask) {
  whole(mask);
  constexpr u32 per = kElements == Elements::tf32 ? 1 : 2;
  constexpr u32 registersB = kDepth / (per * 4), registersA = registersB * 2, registersC = kHalfSums ? 2 : 4;
  const i32* d = warp.listOf(at);
  const i32 *a = d + registersC, *b = a + registersA, *c = b + registersB;
  alignas(64) float A[16][kDepth], B[kDepth][8], C[16][8];
  for (u32 at = 0; at < registersA; at++) {
    const u32* from = warp.lanes<u32>(a[at]);
    for (u32 lane = 0; lane < kLanes; lane++) {
      for (u32 e = 0; e < per; e++) A[lane / 4 + at % 2 * 8][lane % 4 * per + at / 2 * (per * 4) + e] = elementOf(kElements, from[lane], e);
    }
  }
  for (u32 at = 0; at < registersB; at++) {
    const u32* from = warp.lanes<u32>(b[at]);
    for (u32 lane = 0; lane < kLanes; lane++) {
      for (u32 e = 0; e < per; e++) B[lane % 4 * per + at * (per * 4) + e][lane / 4] = elementOf(kElements, from[lane], e);
    }
  }
  for (u32 at = 0; at < registersC; at++) {
    for (u32 lane = 0; lane < kLanes; lane++) {
      if constexpr (kHalfSums) {
        for (u32 e = 0; e < 2; e++) C[lane / 4 + at * 8][lane % 4 * 2 + e] = elementOf(Elements::f16, warp.lanes<u32>(c[at])[lane], e);
      } else {
        C[lane / 4 + at / 2 * 8][lane % 4 * 2 + at % 2] = warp.lanes<float>(c[at])[lane];
      }
    }
  }
  for (u32 row = 0; row < 16; row++) {
    for (u32 k = 0; k < kDepth; k++) {
      for (u32 column = 0; column < 8; column++) C[row][column] = __builtin_fmaf(A[row][k], B[k][column], C[row][column]);
    }
  }
  for (u32 at = 0; at < registersC; at++) {
    for (u32 lane = 0; lane < kLanes; lane++) {
      if constexpr (kHalfSums) {
        const float *pair = &C[lane / 4 + at * 8][lane % 4 * 2];
        warp.lanes<u32>(d[at])[lane] = static_cast<u32>(F16::narrow(pair[1])) << 16 | F16::narrow(pair[0]);
      } else {
        warp.lanes<float>(d[at])[lane] = C[lane / 4 + at / 2 * 8][lane % 4 * 2 + at % 2];
      }
    }
  }
}

/// 8x8 = 8x4 times 4x8 plus 8x8 in f64.
void multiplyF64(Warp& warp, const Instruction& at, u32 mask) {
  whole(mask);
  const i32* places = warp.listOf(at);
  const double *a = warp.lanes<double>(places[2]), *b = warp.lanes<double>(places[3]);
  double made[2][kLanes];
  for (u32 e = 0; e < 2; e++) {
    const double* c = warp.lanes<double>(places[4 + e]);
    for (u32 lane = 0; lane < kLanes; lane++) {
      double sum = c[lane];
      for (u32 k = 0; k < 4; k++) sum = __builtin_fma(a[lane / 4 * 4 + k], b[(lane % 4 * 2 + e) * 4 + k], sum);
      made[e][lane] = sum;
    }
  }
  for (u32 e = 0; e < 2; e++) std::memcpy(warp.lanes<double>(places[e]), made[e], sizeof made[e]);
}

struct Shape {
  const char* name;
  Type elements;
  Type sums;
  u32 d, a, b;  // registers of each lane
  Handler run;
};

constexpr Shape shapes[] = {
    {"m16n8k4", Type::tf32, Type::f32, 4, 2, 1, multiply16<Elements::tf32, 4, false>},
    {"m16n8k8", Type::tf32, Type::f32, 4, 4, 2, multiply16<Elements::tf32, 8, false>},
    {"m16n8k8", Type::bf16, Type::f32, 4, 2, 1, multiply16<Elements::bf16, 8, false>},
    {"m16n8k16", Type::bf16, Type::f32, 4, 4, 2, multiply16<Elements::bf16, 16, false>},
    {"m16n8k8", Type::f16, Type::f32, 4, 2, 1, multiply16<Elements::f16, 8, false>},
    {"m16n8k16", Type::f16, Type::f32, 4, 4, 2, multiply16<Elements::f16, 16, false>},
    {"m16n8k8", Type::f16, Type::f16, 2, 2, 1, multiply16<Elements::f16, 8, true>},
    {"m16n8k16", Type::f16, Type::f16, 2, 4, 2, multiply16<Elements::f16, 16, true>},
    {"m8n8k4", Type::f64, Type::f64, 2, 1, 1, multiplyF64},
};

void allLanes(Reading& r) {
  r.made.flow = Flow::converge;
  r.made.e = r.constant(kFull, 4);
}

void places(Reading& r, size_t operand, u32 count, Type type, bool written, std::vector<i32>& into) {
  const Operand& found = r.operand(operand);
  const std::vector<Operand> one{found};
  const auto& list = found.kind == Operand::Kind::list ? found.list : one;
  if (list.size() != count) r.fail("operand " + std::to_string(operand + 1) + " has " + std::to_string(count) + " registers");
  for (const Operand& each : list) into.push_back(written ? r.destination(each, type) : r.source(each, type));
}

void decodeMma(Reading& r) {
  r.require("sync");
  r.require("aligned");
  const auto shape = r.takeOneOf({"m16n8k4", "m16n8k8", "m16n8k16", "m8n8k4"});
  constexpr const char* names[] = {"m16n8k4", "m16n8k8", "m16n8k16", "m8n8k4"};
  if (!shape) r.fail("this shape is not known");
  r.require("row");
  r.require("col");
  const Type d = r.type(), a = r.type(), b = r.type(), c = r.type();
  r.count(4);
  const Shape* chosen = nullptr;
  for (const Shape& row : shapes) {
    if (std::string_view(row.name) == names[*shape] && row.elements == a && row.sums == d) chosen = &row;
  }
  if (chosen == nullptr || a != b || c != d) r.fail("this shape is not known for these types");
  const Type factor = a == Type::f64 ? Type::f64 : Type::b32, sum = d == Type::f16 ? Type::b32 : d;
  std::vector<i32> all;
  places(r, 0, chosen->d, sum, true, all);
  places(r, 1, chosen->a, factor, false, all);
  places(r, 2, chosen->b, factor, false, all);
  places(r, 3, chosen->d, sum, false, all);
  r.made.run = chosen->run;
  r.made.list = r.list(all);
  allLanes(r);
}

/// Rows of 16 bytes whose addresses the first eight lanes give for the first matrix, the next for the second …
template <bool kTransposed>
void loadMatrix(Warp& warp, const Instruction& at, u32 mask) {
  whole(mask);
  Instruction from = at;
  from.e = at.d2;  // in this instruction e names the lanes that take part
  Located rows;
  const u32 lanes = at.count == 4 ? kFull : (1u << at.count * 8) - 1;
  locate(warp, from, lanes, 16, Access::read, rows);
  const i32* places = warp.listOf(at);
  for (u32 matrix = 0; matrix < at.count; matrix++) {
    const u64* row = rows.pointer + matrix * 8;
    u32* d = warp.lanes<u32>(places[matrix]);
    for (u32 lane = 0; lane < kLanes; lane++) {
      const u32 group = lane / 4, pair = lane % 4 * 2;
      const auto element = [&](u32 r, u32 c) -> u32 { return reinterpret_cast<const u16*>(row[r])[c]; };
      d[lane] = kTransposed ? element(pair + 1, group) << 16 | element(pair, group) : element(group, pair + 1) << 16 | element(group, pair);
    }
  }
}

void decodeLdmatrix(Reading& r) {
  r.require("sync");
  r.require("aligned");
  r.require("m8n8");
  const auto number = r.takeOneOf({"x1", "x2", "x4"});
  if (!number) r.fail("expected .x1, .x2 or .x4");
  const bool transposed = r.take("trans");
  if (!r.take("shared") && !r.take("shared::cta")) r.fail("matrices are loaded from .shared");
  r.typeOf({Type::b16});
  r.count(2);
  r.made.count = static_cast<u8>(1 << *number);
  r.made.run = transposed ? loadMatrix<true> : loadMatrix<false>;
  std::vector<i32> all;
  places(r, 0, r.made.count, Type::b32, true, all);
  r.made.list = r.list(all);
  r.made.d2 = r.address(1, Space::shared) ? 1 : 0;
  r.made.site = r.site();
  r.sharedAccess(16);
  allLanes(r);
}

}  // namespace

void addMatrixOpcodes(Opcodes& opcodes) {
  opcodes.add("mma", Family::any, decodeMma);
  opcodes.add("ldmatrix", Family::any, decodeLdmatrix);
}

}  // namespace standin
