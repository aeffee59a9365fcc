// Pinned host memory: a ring through which inputs and written values go to the device, and blocks that values are read back through. Owns the memory
// and who may use which part of it when; the copies are `device.cc`'s.
#pragma once
#include <deque>
#include <map>

#include "driver.h"
#include "waiter.h"

// Handed out in order, and free again in order: a piece is in use until the mark behind its copy was reached.
class Ring {
 public:
  // Waits until the old ring is read, then takes one of `bytes` bytes.
  Failure resize(size_t bytes, CUstream stream, Waiter& waiter);
  void clear();
  char* memory() const { return memory_; }
  size_t bytes() const { return bytes_; }
  // The offset of `bytes` bytes in one piece, waiting until the device has read what was there.
  Failure take(size_t bytes, CUstream stream, Waiter& waiter, size_t* offset);
  // Every piece that was handed out is read once this mark is reached.
  void marked(uint64_t sequence);

 private:
  struct Piece {
    size_t begin;
    size_t end;
    // 0 until marked.
    uint64_t sequence;
  };
  Failure freeOldest(CUstream stream, Waiter& waiter);
  // Where `bytes` fit between the newest and the oldest piece; false where they do not.
  bool fits(size_t bytes, size_t* begin) const;

  char* memory_ = nullptr;
  size_t bytes_ = 0;
  std::deque<Piece> pieces_;
};

struct ReadBlock {
  void* memory;
  size_t capacity;
  size_t bytes;
};

class ReadBlocks {
 public:
  Failure take(size_t bytes, ReadBlock* block);
  void giveBack(const ReadBlock& block);
  void clear();

 private:
  std::multimap<size_t, void*> free_;
  size_t freeBytes_ = 0;
};
