// Plans of a library, made once and kept, by the numbers that they were asked for with. Owns the keeping and the counts, and how a plan is tried; what a plan is
// `products.h` and `convolutions.h` say.
#pragma once
#include <map>
#include <memory>
#include <vector>

#include "driver.h"

struct PlanCounts {
  // Questions for an algorithm, plans that were there already, and what the library would not do.
  uint64_t asked = 0;
  uint64_t reused = 0;
  uint64_t refused = 0;
};

template <class Plan>
class Plans {
 public:
  // The number of a plan; -1 where `make` gives none. It is called once for the same numbers.
  template <class Make>
  int numberOf(std::vector<double> key, Make make) {
    const auto known = known_.find(key);
    if (known != known_.end()) {
      counts.reused++;
      return known->second;
    }
    counts.asked++;
    std::unique_ptr<Plan> made = make();
    int number = -1;
    if (made == nullptr) {
      counts.refused++;
    } else {
      number = static_cast<int>(plans_.size());
      plans_.push_back(std::move(made));
    }
    known_[std::move(key)] = number;
    return number;
  }
  Plan& operator[](size_t number) { return *plans_[number]; }
  const Plan& operator[](size_t number) const { return *plans_[number]; }
  size_t size() const { return plans_.size(); }
  void clear() {
    plans_.clear();
    known_.clear();
  }

  PlanCounts counts;

 private:
  std::vector<std::unique_ptr<Plan>> plans_;
  std::map<std::vector<double>, int> known_;
};

// What a library says of work, told by a capture that is thrown away: nothing runs, and no address is followed. 0 where the driver did not begin one.
template <class Submit>
int saidOfWork(CUstream stream, Submit submit) {
  // Other calls of the driver do not disturb it: the library may load a kernel while it is tried.
  constexpr int kCaptureRelaxed = 2;
  if (driver().cuStreamBeginCapture(stream, kCaptureRelaxed) != kSuccess) return 0;
  const int status = submit();
  CUgraph graph = nullptr;
  insist(driver().cuStreamEndCapture, stream, &graph);
  if (graph != nullptr) insist(driver().cuGraphDestroy, graph);
  return status;
}
