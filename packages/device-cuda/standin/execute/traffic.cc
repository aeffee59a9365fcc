// Counts of accesses; see traffic.h.
#include "traffic.h"

#include <algorithm>

namespace standin {
namespace {

constexpr u32 kBanks = 32, kWordBytes = 4, kSectorBytes = 32;

/// Distinct numbers, few.
struct Distinct {
  u64 values[32 * 4];
  u32 count = 0;

  void add(u64 value) { values[count++] = value; }
  void unite() {
    std::sort(values, values + count);
    count = static_cast<u32>(std::unique(values, values + count) - values);
  }
};

}  // namespace

void Traffic::global(u32 mask, u32 bytes, const u64* addresses) {
  Distinct places, sectors;
  for (u32 rest = mask; rest != 0; rest &= rest - 1) {
    const u64 address = addresses[__builtin_ctz(rest)];
    places.add(address);
    sectors.add(address / kSectorBytes);
  }
  places.unite();
  sectors.unite();
  globalRequests++;
  globalSectors += sectors.count;
  globalLeast += (places.count * bytes + kSectorBytes - 1) / kSectorBytes;
}

void Traffic::shared(u32 mask, u32 bytes, const u64* offsets) {
  const u32 lanes = bytes <= kWordBytes ? 32 : 32 * kWordBytes / bytes;
  const u32 words = std::max(1u, bytes / kWordBytes);
  sharedRequests++;
  for (u32 first = 0; first < 32; first += lanes) {
    u32 rest = mask & (lanes == 32 ? ~0u : ((1u << lanes) - 1) << first);
    if (rest == 0) continue;
    Distinct found;
    for (; rest != 0; rest &= rest - 1) {
      for (u32 word = 0; word < words; word++) found.add(offsets[__builtin_ctz(rest)] / kWordBytes + word);
    }
    found.unite();
    u32 perBank[kBanks] = {};
    u32 most = 0;
    for (u32 at = 0; at < found.count; at++) most = std::max(most, ++perBank[found.values[at] % kBanks]);
    sharedWavefronts += most;
    sharedLeast++;
  }
}

void Traffic::add(const Traffic& other) {
  globalRequests += other.globalRequests;
  globalSectors += other.globalSectors;
  globalLeast += other.globalLeast;
  sharedRequests += other.sharedRequests;
  sharedWavefronts += other.sharedWavefronts;
  sharedLeast += other.sharedLeast;
}

}  // namespace standin
