#include "convolution.h"

#include <cmath>
#include <cstring>

#include "../formats.h"

namespace standin::cudnn {
namespace {

u64 product(const std::vector<int>& lengths, size_t from = 0) {
  u64 all = 1;
  for (size_t i = from; i < lengths.size(); i++) all *= static_cast<u64>(lengths[i]);
  return all;
}

u64 extent(const Tensor& tensor) {
  u64 last = 0;
  for (size_t i = 0; i < tensor.lengths.size(); i++) last += static_cast<u64>(tensor.lengths[i] - 1) * static_cast<u64>(tensor.strides[i]);
  return last + 1;
}

/// Positions of `lengths` from `from` on, one after the other: the last moves first.
bool next(std::vector<int>& at, const std::vector<int>& lengths, size_t from = 0) {
  for (size_t i = lengths.size(); i-- > from;) {
    if (++at[i] < lengths[i]) return true;
    at[i] = 0;
  }
  return false;
}

/// Where the window at `place` reads the image, in elements from the first of its channel; -1 beyond its sides.
i64 readAt(const Convolution& c, const int* place, const int* within) {
  i64 offset = 0;
  for (size_t i = 0; i < c.padding.size(); i++) {
    const int step = c.isTurned ? c.filter[i + 2] - 1 - within[i] : within[i];
    const int position = place[i] * c.stride[i] + step * c.dilation[i] - c.padding[i];
    if (position < 0 || position >= c.image.lengths[i + 2]) return -1;
    offset += static_cast<i64>(position) * c.image.strides[i + 2];
  }
  return offset;
}

i64 offsetOf(const Tensor& tensor, const std::vector<int>& at) {
  i64 offset = 0;
  for (size_t i = 0; i < at.size(); i++) offset += static_cast<i64>(at[i]) * tensor.strides[i];
  return offset;
}

/// Terms of a sum, added in as many parts as an algorithm does.
template <class Sum>
class Summation {
 public:
  Summation(u64 terms, u64 parts) : part_((terms + parts - 1) / parts) {}
  void add(Sum x, Sum y) {
    terms_ = std::fma(x, y, terms_);
    if (++count_ % part_ != 0) return;
    sum_ += terms_;
    terms_ = 0;
  }
  void skip() { count_++; }
  Sum sum() const { return sum_ + terms_; }

 private:
  u64 part_, count_ = 0;
  Sum sum_ = 0, terms_ = 0;
};

template <class Format>
class Computation {
 public:
  using Element = typename Format::Element;
  using Sum = typename Format::Sum;
  explicit Computation(const Convolution& given)
      : c_(given),
        image_(reinterpret_cast<Element*>(given.imageAddress)),
        output_(reinterpret_cast<Element*>(given.outputAddress)),
        filter_(reinterpret_cast<Element*>(given.filterAddress)),
        perGroup_(given.filter[0] / given.groups) {}

  void run() {
    // The result is written when all of it is known, so that an operand that lies in it shows.
    std::vector<std::pair<Element*, Element>> result;
    const bool isFilter = c_.computes == Computes::filter, isImage = c_.computes == Computes::image;
    const std::vector<int>& lengths = isFilter ? c_.filter : isImage ? c_.image.lengths : c_.output.lengths;
    std::vector<int> at(lengths.size(), 0);
    u64 number = 0;
    do {
      Element* place = isFilter ? filter_ + number : isImage ? image_ + offsetOf(c_.image, at) : output_ + offsetOf(c_.output, at);
      Sum sum = static_cast<Sum>(c_.alpha) * (isFilter ? ofFilter(at) : isImage ? ofImage(at) : ofOutput(at));
      if (c_.beta != 0) sum += static_cast<Sum>(c_.beta) * Format::wide(*place);
      result.emplace_back(place, Format::narrow(sum));
      number++;
    } while (next(at, lengths));
    for (const auto& [place, value] : result) *place = value;
  }

 private:
  Sum ofOutput(const std::vector<int>& at) const {
    Summation<Sum> sum(product(c_.filter, 1), c_.parts);
    const int group = at[1] / perGroup_;
    const Element* weights = filter_ + static_cast<u64>(at[1]) * product(c_.filter, 1);
    std::vector<int> within(c_.filter.size(), 0);
    do {
      const i64 read = readAt(c_, at.data() + 2, within.data() + 2);
      const Element weight = *weights++;
      if (read < 0) sum.skip();
      else sum.add(wide(image_[channel(at[0], group, within[1]) + read]), wide(weight));
    } while (next(within, c_.filter, 1));
    return sum.sum();
  }

  Sum ofFilter(const std::vector<int>& at) const {
    Summation<Sum> sum(product(c_.output.lengths) / static_cast<u64>(c_.output.lengths[1]), c_.parts);
    const int group = at[0] / perGroup_;
    std::vector<int> place(c_.output.lengths.size(), 0);
    for (int n = 0; n < c_.output.lengths[0]; n++) {
      place[0] = n;
      place[1] = at[0];
      do {
        const i64 read = readAt(c_, place.data() + 2, at.data() + 2);
        if (read < 0) sum.skip();
        else sum.add(wide(image_[channel(n, group, at[1]) + read]), wide(output_[offsetOf(c_.output, place)]));
      } while (next(place, c_.output.lengths, 2));
    }
    return sum.sum();
  }

  Sum ofImage(const std::vector<int>& at) const {
    Summation<Sum> sum(static_cast<u64>(perGroup_) * product(c_.filter, 2), c_.parts);
    const int group = at[1] / c_.filter[1];
    std::vector<int> place(c_.output.lengths.size(), 0), within(c_.filter.size(), 0);
    place[0] = at[0];
    within[1] = at[1] % c_.filter[1];
    for (int k = 0; k < perGroup_; k++) {
      place[1] = within[0] = group * perGroup_ + k;
      do {
        // Whoever meets this position through this element of the window, if one does.
        bool isMet = true;
        for (size_t i = 0; i < c_.padding.size(); i++) {
          const int from = at[i + 2] + c_.padding[i] - within[i + 2] * c_.dilation[i];
          place[i + 2] = from / c_.stride[i];
          isMet = isMet && from >= 0 && from % c_.stride[i] == 0 && place[i + 2] < c_.output.lengths[i + 2];
        }
        if (!isMet) sum.skip();
        else sum.add(wide(output_[offsetOf(c_.output, place)]), wide(filter_[flat(within)]));
      } while (next(within, c_.filter, 2));
    }
    return sum.sum();
  }

  u64 flat(const std::vector<int>& within) const {
    u64 number = 0;
    for (size_t i = 0; i < within.size(); i++) number = number * static_cast<u64>(c_.filter[i]) + static_cast<u64>(within[i]);
    return number;
  }
  i64 channel(int n, int group, int within) const {
    return static_cast<i64>(n) * c_.image.strides[0] + static_cast<i64>(group * c_.filter[1] + within) * c_.image.strides[1];
  }
  static Sum wide(Element value) { return Format::wide(value); }

  const Convolution& c_;
  Element *image_, *output_, *filter_;
  int perGroup_;
};

void checkMemory(const Convolution& c) {
  const u64 width = widthOf(c.type);
  constexpr const char* calls[] = {"cudnnConvolutionForward: ", "cudnnConvolutionBackwardFilter: ", "cudnnConvolutionBackwardData: "};
  const char* call = calls[static_cast<int>(c.computes)];
  struct Range {
    const char* name;
    u64 from, to;
  };
  const auto found = [&](const char* name, u64 address, u64 bytes) -> Range {
    if (!library::holds(address, bytes)) library::fault(call + std::string(name) + " reaches beyond its memory (" + std::to_string(bytes) + " bytes)");
    return {name, address, address + bytes};
  };
  const Range image = found("the image", c.imageAddress, extent(c.image) * width);
  const Range output = found("the output", c.outputAddress, extent(c.output) * width);
  const Range filter = found("the filter", c.filterAddress, product(c.filter) * width);
  const Range workspace = found("the workspace", c.workspace, c.workspaceBytes);
  const Range& written = c.computes == Computes::filter ? filter : c.computes == Computes::image ? image : output;
  for (const Range* each : {&image, &output, &filter, &workspace})
    if (each != &written && each->from < written.to && written.from < each->to) library::fault(call + std::string(written.name) + " overlaps " + each->name);
}

}  // namespace

u64 widthOf(int type) { return type == kDouble ? 8 : type == kFloat ? 4 : 2; }

int readConvolution(void* imageHandle, void* filterHandle, void* descHandle, void* outputHandle, Convolution& c) {
  const Tensor *image = tensorOf(imageHandle), *output = tensorOf(outputHandle);
  const Filter* filter = filterOf(filterHandle);
  const Desc* desc = descOf(descHandle);
  if (image == nullptr || output == nullptr || filter == nullptr || desc == nullptr) return refuse(kBadParameter, "a description that is not there");
  if (image->lengths.empty() || output->lengths.empty() || filter->lengths.empty() || desc->stride.empty()) return refuse(kBadParameter, "a description that was not set");
  if (image->type != output->type || image->type != filter->type) return refuse(kBadParameter, "elements of several types");
  if ((image->type == kDouble) != (desc->computeType == kDouble)) return refuse(kNotSupported, "sums of another type than these elements have");
  const bool isHalf = image->type == kHalf || image->type == kBfloat16;
  if (isHalf != (desc->mathType == kTensorOpMath)) return refuse(kNotSupported, "math that these elements do not have");
  const size_t all = desc->stride.size() + 2;
  if (image->lengths.size() != all || output->lengths.size() != all || filter->lengths.size() != all) return refuse(kBadParameter, "descriptions of several ranks");
  const auto &in = image->lengths, &out = output->lengths, &window = filter->lengths;
  if (in[0] != out[0]) return refuse(kBadParameter, "batches of two sizes");
  if (in[1] != window[1] * desc->groups) return refuse(kBadParameter, "channels that the filter does not have");
  if (out[1] != window[0] || window[0] % desc->groups != 0) return refuse(kBadParameter, "outputs that the filter does not have");
  for (size_t i = 2; i < all; i++) {
    const int reach = desc->dilation[i - 2] * (window[i] - 1) + 1;
    const int room = in[i] + 2 * desc->padding[i - 2] - reach;
    if (room < 0 || room / desc->stride[i - 2] + 1 != out[i])
      return refuse(kBadParameter, "dim " + std::to_string(i) + " has " + std::to_string(out[i]) + " outputs, which is not what its windows give");
  }
  c.type = image->type;
  c.computeType = desc->computeType;
  c.mathType = desc->mathType;
  c.groups = desc->groups;
  c.isTurned = desc->isTurned;
  c.image = *image;
  c.output = *output;
  c.filter = window;
  c.padding = desc->padding;
  c.stride = desc->stride;
  c.dilation = desc->dilation;
  return kSuccess;
}

void compute(const Convolution& c) {
  checkMemory(c);
  // What was left in the workspace before is of no use to anybody.
  if (c.workspaceBytes > 0) std::memset(reinterpret_cast<void*>(c.workspace), 0xFF, c.workspaceBytes);
  if (c.type == kDouble) return Computation<library::Real64>(c).run();
  if (c.type == kHalf) return Computation<library::Real16<F16>>(c).run();
  if (c.type == kBfloat16) return Computation<library::Real16<BF16>>(c).run();
  if (c.mathType == kFmaMath) return Computation<library::Real32>(c).run();
  Computation<library::RealTf32>(c).run();
}

}  // namespace standin::cudnn
