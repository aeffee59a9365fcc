#include "product.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "../formats.h"

namespace standin::cublaslt {
namespace {

constexpr u32 kReal32 = 0, kReal64 = 1, kReal16 = 2, kRealB16 = 14;
constexpr i32 kCompute32 = 68, kCompute64 = 70, kComputeTf32 = 77;
constexpr u32 kEpilogueDefault = 1, kEpilogueBias = 4;
constexpr const char* names[] = {"A", "B", "C", "D"};

bool isSupported(u32 type, i32 computeType, i32 scaleType) {
  if (type == kReal64) return computeType == kCompute64 && scaleType == static_cast<i32>(kReal64);
  if (scaleType != static_cast<i32>(kReal32)) return false;
  if (type == kReal32) return computeType == kCompute32 || computeType == kComputeTf32;
  return (type == kReal16 || type == kRealB16) && computeType == kCompute32;
}

u64 extent(const Matrix& matrix, i32 batch) {
  return static_cast<u64>(matrix.offset) * static_cast<u64>(batch - 1) + static_cast<u64>(matrix.leading) * (matrix.columns - 1) + matrix.rows;
}

/// What is described but would not make sense. @return the reason, or nothing
std::string problemOf(const Layout& layout, u64 rows, u64 columns, i32 batch, bool isWritten) {
  if (layout.rows != rows || layout.columns != columns)
    return "is " + std::to_string(layout.rows) + " by " + std::to_string(layout.columns) + ", the product has " + std::to_string(rows) + " by " + std::to_string(columns);
  if (layout.leading < static_cast<i64>(rows)) return "has columns of " + std::to_string(rows) + " every " + std::to_string(layout.leading);
  if (layout.batch != batch) return "has a batch of another size than A";
  if (layout.offset < 0) return "goes backwards along the batch";
  if (isWritten && batch > 1 && layout.offset < layout.leading * static_cast<i64>(columns - 1) + static_cast<i64>(rows)) return "has matrices that overlap";
  return {};
}

using library::Real16;
using library::Real32;
using library::Real64;
using library::RealTf32;

template <class Format>
void computeAs(const Product& p) {
  using Element = typename Format::Element;
  using Sum = typename Format::Sum;
  const auto at = [](const Matrix& matrix, i32 batch) {
    return reinterpret_cast<Element*>(matrix.address) + static_cast<i64>(batch) * matrix.offset;
  };
  const auto& [ma, mb, mc, md] = p.matrices;
  const u64 part = (p.k + p.parts - 1) / p.parts;
  // The result is written when all of it is known, so that an operand that lies in it shows.
  std::vector<Element> result(p.m * p.n);
  for (i32 batch = 0; batch < p.batch; batch++) {
    const Element *a = at(ma, batch), *b = at(mb, batch), *c = at(mc, batch);
    Element* d = at(md, batch);
    for (u64 j = 0; j < p.n; j++) {
      for (u64 i = 0; i < p.m; i++) {
        Sum sum = 0;
        for (u64 from = 0; from < p.k; from += part) {
          Sum terms = 0;
          for (u64 l = from; l < std::min(p.k, from + part); l++) {
            const Element x = p.transA ? a[i * ma.leading + l] : a[l * ma.leading + i];
            const Element y = p.transB ? b[l * mb.leading + j] : b[j * mb.leading + l];
            terms = std::fma(Format::wide(x), Format::wide(y), terms);
          }
          sum += terms;
        }
        sum *= static_cast<Sum>(p.alpha);
        if (p.beta != 0) sum += static_cast<Sum>(p.beta) * (p.type == kReal32 ? static_cast<Sum>(c[j * mc.leading + i]) : Format::wide(c[j * mc.leading + i]));
        if (p.hasBias) sum += static_cast<Sum>(reinterpret_cast<const Element*>(p.bias)[i]);
        result[j * p.m + i] = Format::narrow(sum);
      }
    }
    for (u64 j = 0; j < p.n; j++) std::memcpy(d + j * md.leading, result.data() + j * p.m, p.m * sizeof(Element));
  }
}

void checkMemory(const Product& p) {
  const u64 width = widthOf(p.type);
  struct Range {
    const char* name;
    u64 from, to;
  };
  std::vector<Range> read;
  const auto found = [&](const char* name, u64 address, u64 bytes) -> Range {
    if (!library::holds(address, bytes)) library::fault("cublasLtMatmul: " + std::string(name) + " reaches beyond its memory (" + std::to_string(bytes) + " bytes)");
    return {name, address, address + bytes};
  };
  for (int i = 0; i < 2; i++) read.push_back(found(names[i], p.matrices[i].address, extent(p.matrices[i], p.batch) * width));
  const Matrix &c = p.matrices[2], &d = p.matrices[3];
  if (p.beta != 0 && c.address != d.address) read.push_back(found("C", c.address, extent(c, p.batch) * width));
  if (p.hasBias) read.push_back(found("the bias", p.bias, p.m * width));
  if (p.workspaceBytes > 0) read.push_back(found("the workspace", p.workspace, p.workspaceBytes));
  const Range written = found("D", d.address, extent(d, p.batch) * width);
  for (const Range& each : read) {
    if (each.from < written.to && written.from < each.to) library::fault("cublasLtMatmul: D overlaps " + std::string(each.name));
  }
}

}  // namespace

u64 widthOf(u32 type) { return type == kReal64 ? 8 : type == kReal32 ? 4 : 2; }

int readProduct(void* handle, void* const handles[4], Product& product) {
  const Desc* desc = descOf(handle);
  if (desc == nullptr) return refuse(kInvalidValue, "the description is not there");
  const Layout* layouts[4];
  for (int i = 0; i < 4; i++) {
    layouts[i] = layoutOf(handles[i]);
    if (layouts[i] == nullptr) return refuse(kInvalidValue, std::string("the layout of ") + names[i] + " is not there");
  }
  if (desc->transA < 0 || desc->transA > 1 || desc->transB < 0 || desc->transB > 1) return refuse(kInvalidValue, "an operation that is not known");
  const auto& [a, b, c, d] = layouts;
  product.type = a->type;
  product.computeType = desc->computeType;
  product.transA = desc->transA == 1;
  product.transB = desc->transB == 1;
  product.m = product.transA ? a->columns : a->rows;
  product.k = product.transA ? a->rows : a->columns;
  product.n = product.transB ? b->rows : b->columns;
  product.batch = a->batch;
  product.hasBias = desc->epilogue == kEpilogueBias;
  product.bias = desc->bias;
  for (int i = 1; i < 4; i++) {
    if (layouts[i]->type != a->type) return refuse(kNotSupported, "matrices of different types");
  }
  if (!isSupported(product.type, desc->computeType, desc->scaleType)) return refuse(kNotSupported, "types that do not go together");
  if (desc->epilogue != kEpilogueDefault && desc->epilogue != kEpilogueBias) return refuse(kNotSupported, "an epilogue that is not known");
  if (product.hasBias && product.type == kReal64) return refuse(kNotSupported, "a bias of float64");
  if (product.hasBias && desc->bias == 0) return refuse(kInvalidValue, "no address of the bias");
  if (product.hasBias && desc->bias % 16 != 0) return refuse(kInvalidValue, "a bias that is not aligned to 16 bytes");
  if (product.m == 0 || product.n == 0 || product.k == 0 || product.batch < 1) return refuse(kInvalidValue, "nothing to compute");
  const u64 rows[4] = {a->rows, product.transB ? product.n : product.k, product.m, product.m};
  const u64 columns[4] = {a->columns, product.transB ? product.k : product.n, product.n, product.n};
  for (int i = 0; i < 4; i++) {
    const Layout& layout = *layouts[i];
    const std::string problem = problemOf(layout, rows[i], columns[i], a->batch, i == 3);
    if (!problem.empty()) return refuse(kInvalidValue, std::string(names[i]) + " " + problem);
    product.matrices[i] = {0, layout.rows, layout.columns, layout.leading, layout.offset};
  }
  return kSuccess;
}

u64 signatureOf(const Product& p) {
  u64 hash = 14695981039346656037ull;
  const auto add = [&](u64 value) { hash = (hash ^ value) * 1099511628211ull; };
  for (u64 value : {u64{p.type}, static_cast<u64>(p.computeType), u64{p.transA}, u64{p.transB}, p.m, p.n, p.k, static_cast<u64>(p.batch), u64{p.hasBias}}) add(value);
  for (const Matrix& matrix : p.matrices) {
    add(static_cast<u64>(matrix.leading));
    add(static_cast<u64>(matrix.offset));
  }
  return hash;
}

void compute(const Product& p) {
  checkMemory(p);
  // What was left in the workspace before is of no use to anybody.
  if (p.workspaceBytes > 0) std::memset(reinterpret_cast<void*>(p.workspace), 0xFF, p.workspaceBytes);
  if (p.type == kReal64) return computeAs<Real64>(p);
  if (p.type == kReal16) return computeAs<Real16<F16>>(p);
  if (p.type == kRealB16) return computeAs<Real16<BF16>>(p);
  return p.computeType == kComputeTf32 ? computeAs<RealTf32>(p) : computeAs<Real32>(p);
}

}  // namespace standin::cublaslt
