// A program's module and its steps: launches, and products and convolutions by a library, decoded once from one array of numbers. A step names addresses as (base, offset);
// JavaScript keeps the bases in an array that both sides see. Owns how steps are launched one by one; graphs of them are `graphs.h`.
#pragma once
#include <vector>

#include "libraries.h"

struct Address {
  uint32_t base;
  uint64_t offset;
};

struct Step {
  enum class Kind { launch = 1, product = 2, convolution = 3 };
  Kind kind;
  CUfunction function = nullptr;
  unsigned grid[3] = {};
  unsigned block[3] = {};
  unsigned sharedBytes = 0;
  size_t plan = 0;
  // A launch's arguments, or what a library takes.
  std::vector<Address> addresses;
};

// A kernel that ran while a profile was taken.
struct Timing {
  uint32_t program;
  uint32_t step;
  CUevent start;
  CUevent end;
};

// The arguments of a launch, as the driver takes them.
class Arguments {
 public:
  void** resolve(const Step& step, const double* bases);
  // Those that were resolved last.
  const CUdeviceptr* values() const { return values_.data(); }

 private:
  std::vector<CUdeviceptr> values_;
  std::vector<void*> pointers_;
};

class Program {
 public:
  explicit Program(Libraries& libraries) : libraries_(libraries) {}
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  // Compiles the text, which is empty where nothing is launched.
  Failure load(const std::string& ptx, const std::vector<std::string>& entries);
  // False where the numbers are not steps of this program.
  bool decode(const double* words, size_t count, size_t bases);
  // More than the common 48 KB of dynamic shared memory must be asked for.
  Failure allowSharedMemory();
  // Submits every step. With `synchronous` each is waited for, so that a fault names it; `timings`, where given, gets an entry for each.
  Failure launch(CUstream stream, const double* bases, bool synchronous, std::vector<Timing>* timings, uint32_t id);
  Failure launchStep(const Step& step, CUstream stream, const double* bases);

  const std::vector<Step>& steps() const { return steps_; }
  Arguments& arguments() { return arguments_; }

 private:
  Libraries& libraries_;
  CUmodule module_ = nullptr;
  std::vector<CUfunction> functions_;
  std::vector<Step> steps_;
  Arguments arguments_;
};

inline CUdeviceptr addressOf(const Address& address, const double* bases) {
  return static_cast<CUdeviceptr>(bases[address.base]) + address.offset;
}
