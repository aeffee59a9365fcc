#include "waiter.h"

namespace {

// No timing, and a thread that waits for it sleeps.
constexpr unsigned kEventFlags = 0x1 | 0x2;
// Values are mostly read soon after they were computed: this long the thread asks before it sleeps.
constexpr uint64_t kAskNanoseconds = 20'000;
// Marks that may be waited for; the driver's own queue is about as long.
constexpr size_t kMostMarks = 1024;

class Lock {
 public:
  explicit Lock(uv_mutex_t* mutex) : mutex_(mutex) { uv_mutex_lock(mutex_); }
  ~Lock() { uv_mutex_unlock(mutex_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  uv_mutex_t* mutex_;
};

}  // namespace

Waiter::Shared::Shared() {
  uv_mutex_init(&mutex);
  uv_cond_init(&changed);
}

Waiter::Shared::~Shared() {
  uv_cond_destroy(&changed);
  uv_mutex_destroy(&mutex);
}

Failure Waiter::start(napi_env env, CUcontext context, napi_threadsafe_function tell) {
  shared_ = new Shared();
  shared_->context = context;
  shared_->tell = tell;
  hold(env, false);
  if (uv_thread_create(&thread_, run, shared_) == 0) return {};
  delete shared_;
  shared_ = nullptr;
  return Failure{kOutOfMemory, "uv_thread_create", {}, -1, false};
}

Failure Waiter::mark(CUstream stream, uint64_t* sequence) {
  Shared& shared = *shared_;
  CUevent event = nullptr;
  uint64_t oldest = 0;
  {
    Lock lock(&shared.mutex);
    if (shared.marks.size() >= kMostMarks) oldest = shared.marks.front().sequence;
    if (!shared.spare.empty()) {
      event = shared.spare.back();
      shared.spare.pop_back();
    }
  }
  if (oldest != 0) waitFor(oldest);
  if (event == nullptr) TORCHLET_TRY(cuEventCreate, &event, kEventFlags);
  const CUresult code = driver().cuEventRecord(event, stream);
  Lock lock(&shared.mutex);
  if (code != kSuccess) {
    shared.spare.push_back(event);
    return Failure{code, "cuEventRecord", {}, -1, false};
  }
  *sequence = ++shared.last;
  shared.marks.push_back({*sequence, event});
  uv_cond_broadcast(&shared.changed);
  return {};
}

bool Waiter::waitFor(uint64_t sequence) {
  Lock lock(&shared_->mutex);
  while (shared_->waited < sequence && !shared_->ended) uv_cond_wait(&shared_->changed, &shared_->mutex);
  return shared_->reached >= sequence;
}

uint64_t Waiter::reached() {
  Lock lock(&shared_->mutex);
  return shared_->reached;
}

std::vector<Outcome> Waiter::takeOutcomes() {
  std::vector<Outcome> outcomes;
  if (shared_ == nullptr) return outcomes;
  Lock lock(&shared_->mutex);
  outcomes.swap(shared_->outcomes);
  return outcomes;
}

void Waiter::hold(napi_env env, bool wanted) {
  if (wanted == isHeld_) return;
  isHeld_ = wanted;
  if (wanted)
    napi_ref_threadsafe_function(env, shared_->tell);
  else
    napi_unref_threadsafe_function(env, shared_->tell);
}

bool Waiter::stop(int patience) {
  if (shared_ == nullptr) return true;
  bool ended;
  {
    Lock lock(&shared_->mutex);
    shared_->stopping = true;
    uv_cond_broadcast(&shared_->changed);
    uint64_t left = static_cast<uint64_t>(patience < 0 ? 0 : patience) * 1'000'000;
    while (!shared_->ended) {
      if (patience < 0) {
        uv_cond_wait(&shared_->changed, &shared_->mutex);
        continue;
      }
      const uint64_t before = uv_hrtime();
      if (uv_cond_timedwait(&shared_->changed, &shared_->mutex, left) != 0) break;
      const uint64_t waited = uv_hrtime() - before;
      left = waited < left ? left - waited : 0;
    }
    ended = shared_->ended;
  }
  if (!ended) {
    shared_ = nullptr;
    return false;
  }
  uv_thread_join(&thread_);
  for (const Mark& mark : shared_->marks) insist(driver().cuEventDestroy, mark.event);
  for (CUevent event : shared_->spare) insist(driver().cuEventDestroy, event);
  delete shared_;
  shared_ = nullptr;
  return true;
}

void Waiter::run(void* argument) {
  Shared& shared = *static_cast<Shared*>(argument);
  Failure entering = enter(shared);
  for (;;) {
    CUevent event;
    {
      Lock lock(&shared.mutex);
      while (shared.marks.empty() && !shared.stopping) uv_cond_wait(&shared.changed, &shared.mutex);
      if (shared.stopping) {
        shared.ended = true;
        uv_cond_broadcast(&shared.changed);
        return;
      }
      event = shared.marks.front().event;
    }
    if (entering) entering = enter(shared);
    finish(shared, entering ? entering : waitForEvent(shared, event));
  }
}

Failure Waiter::enter(Shared& shared) {
  TORCHLET_TRY(cuCtxSetCurrent, shared.context);
  return {};
}

Failure Waiter::waitForEvent(Shared& shared, CUevent event) {
  const uint64_t start = uv_hrtime();
  CUresult code = driver().cuEventQuery(event);
  while (code == kNotReady && uv_hrtime() - start < kAskNanoseconds) code = driver().cuEventQuery(event);
  if (code != kNotReady) return Failure{code, "cuEventQuery", {}, -1, false};
  {
    Lock lock(&shared.mutex);
    if (shared.stopping) return Failure{kNotReady, "", {}, -1, false};
  }
  TORCHLET_TRY(cuEventSynchronize, event);
  return {};
}

void Waiter::finish(Shared& shared, Failure failure) {
  if (failure.code == kNotReady) return;
  Lock lock(&shared.mutex);
  const Mark mark = shared.marks.front();
  shared.marks.pop_front();
  shared.spare.push_back(mark.event);
  shared.waited = mark.sequence;
  if (!failure) shared.reached = mark.sequence;
  const bool isTold = !shared.outcomes.empty();
  // Marks that were reached one after the other are told as one.
  if (isTold && !failure && !shared.outcomes.back().failure)
    shared.outcomes.back().sequence = mark.sequence;
  else
    shared.outcomes.push_back({mark.sequence, std::move(failure)});
  uv_cond_broadcast(&shared.changed);
  // Under the lock, so that `stop` does not come between: after it the function may be gone.
  if (!isTold && !shared.stopping) napi_call_threadsafe_function(shared.tell, nullptr, napi_tsfn_nonblocking);
}
