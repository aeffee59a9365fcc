// Programs as people write them, for what a compiler makes of them: the stand-in runs nvcc's PTX. Every kernel reads n
// numbers and writes n. What each one computes is said once more in ../standin-nvcc.test.ts.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_pipeline.h>

#define PROGRAM(name) extern "C" __global__ void name(const float* x, float* y, int n)
#define INDEX const int i = blockIdx.x * blockDim.x + threadIdx.x; if (i >= n) return

PROGRAM(transcendental) {
  INDEX;
  const float v = x[i];
  y[i] = expf(v) + logf(v + 9.0f) * sinf(v) - cosf(v) + tanhf(v) + erff(v) + powf(fabsf(v), 1.3f) + atan2f(v, 2.0f) + cbrtf(v);
}

PROGRAM(special) {
  INDEX;
  const float v = fabsf(x[i]) + 0.5f;
  y[i] = lgammaf(v) + erfcf(v) + rsqrtf(v) + hypotf(v, 3.0f) + fmodf(v, 0.7f) + expm1f(-v) + log1pf(v) + asinhf(v);
}

PROGRAM(large_angles) {
  INDEX;
  y[i] = sinf(x[i] * 1e6f) + cosf(x[i] * 1e8f);
}

PROGRAM(doubles) {
  INDEX;
  const double v = x[i];
  y[i] = static_cast<float>(exp(v) / (1.0 + exp(v)) + sqrt(fabs(v)) + sin(v * 100.0) + pow(fabs(v) + 0.1, 2.5) + tgamma(fabs(v) + 1.0));
}

PROGRAM(integers) {
  INDEX;
  const int a = static_cast<int>(x[i] * 1000.0f), b = i % 17 - 8;
  const unsigned u = static_cast<unsigned>(a) * 2654435761u;
  const long long wide = static_cast<long long>(a) * u;
  const unsigned long long w = static_cast<unsigned long long>(wide);
  int made = __popc(u) + __clz(u >> 3) + __ffs(u) + __brev(u) % 1000u + __byte_perm(u, a, 0x3175) % 1000u;
  made += __funnelshift_l(u, a, 5) % 1000u + __mulhi(a, static_cast<int>(u)) % 1000 + __dp4a(a, b, 7) + __sad(a, b, 3u);
  made += static_cast<int>(wide / (b == 0 ? 5 : b) % 1000) + static_cast<int>(w % 997u) + static_cast<int>(__umul64hi(w, w) % 991u);
  y[i] = static_cast<float>(made);
}

PROGRAM(chosen) {
  INDEX;
  const float v = x[i];
  float made;
  switch (i % 7) {
    case 0: made = v; break;
    case 1: made = v * v - 1.0f; break;
    case 2: made = floorf(v * 10.0f); break;
    case 3: made = rintf(v * 4.0f) + truncf(v * 3.0f); break;
    case 4: made = fmaxf(v, 0.0f) + ceilf(v); break;
    case 5: made = copysignf(2.0f, v) + fdimf(v, 0.25f); break;
    default: made = isnan(v) ? 1.0f : static_cast<float>(__float_as_int(v) >> 23); break;
  }
  for (int turn = 0; turn < i % 5; turn++) made = made * 0.5f + static_cast<float>(turn);
  y[i] = made;
}

// An array that is indexed by what is known only when it runs lies in local memory.
PROGRAM(sorted) {
  INDEX;
  float kept[8];
  for (int at = 0; at < 8; at++) kept[at] = x[(i + at * 5) % n];
  for (int at = 1; at < 8; at++) {
    const float moved = kept[at];
    int to = at;
    while (to > 0 && kept[to - 1] > moved) { kept[to] = kept[to - 1]; to--; }
    kept[to] = moved;
  }
  y[i] = kept[i % 8];
}

struct Pair {
  float at, sum;
};

__device__ __noinline__ Pair halved(Pair from) { return {from.at * 0.5f, from.sum + from.at}; }

PROGRAM(calls) {
  INDEX;
  Pair pair = {x[i], 0.0f};
  for (int turn = i % 6; turn > 0; turn--) pair = halved(pair);
  y[i] = pair.at + 1.0f + pair.sum;
}

PROGRAM(halves) {
  INDEX;
  const __half2 h = __floats2half2_rn(x[i], 0.5f);
  const __half2 made = __hfma2(h, h, __float2half2_rn(1.0f));
  const __nv_bfloat16 b = __float2bfloat16(x[i]);
  y[i] = __low2float(made) + __high2float(made) + __bfloat162float(b) + __half2float(hexp(__low2half(h)));
}

// Sums of blocks by shuffles and shared memory; every thread gets its block's.
PROGRAM(block_sums) {
  __shared__ float parts[32];
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  float sum = i < n ? x[i] : 0.0f;
  for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_down_sync(0xffffffffu, sum, distance);
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = sum;
  __syncthreads();
  float whole = 0.0f;
  for (int warp = 0; warp < static_cast<int>(blockDim.x) / 32; warp++) whole += parts[warp];
  if (i < n) y[i] = whole;
}

// Each warp's lanes with equal signs, by votes; how many are before each.
PROGRAM(votes) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  const bool positive = i < n && x[i] > 0.0f;
  const unsigned lanes = __ballot_sync(0xffffffffu, positive);
  const unsigned same = __match_any_sync(0xffffffffu, positive ? 1 : 0);
  const int most = __reduce_max_sync(0xffffffffu, positive ? static_cast<int>(threadIdx.x % 32) : -1);
  const unsigned before = lanes & ((1u << threadIdx.x % 32) - 1u);
  if (i < n) y[i] = static_cast<float>(__popc(before) * 10000 + __popc(same) * 100 + most + (__all_sync(__activemask(), true) ? 1 : 0));
}

// Counts by atomics in shared memory, then in global; y must be 0 before.
PROGRAM(histogram) {
  __shared__ int counts[16];
  if (threadIdx.x < 16) counts[threadIdx.x] = 0;
  __syncthreads();
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) atomicAdd(&counts[static_cast<int>(fabsf(x[i]) * 100.0f) % 16], 1);
  __syncthreads();
  if (threadIdx.x < 16) atomicAdd(&y[threadIdx.x], static_cast<float>(counts[threadIdx.x]));
}

// The block's numbers in reverse, copied to shared memory past the registers; dynamic shared memory.
PROGRAM(reversed) {
  extern __shared__ float4 staged[];
  const int i = threadIdx.x;
  __pipeline_memcpy_async(&staged[i], reinterpret_cast<const float4*>(x) + blockIdx.x * blockDim.x + i, sizeof(float4));
  __pipeline_commit();
  __pipeline_wait_prior(0);
  __syncthreads();
  const float4 v = staged[blockDim.x - 1 - i];
  reinterpret_cast<float4*>(y)[blockIdx.x * blockDim.x + i] = make_float4(v.w, v.z, v.y, v.x);
}

// Products of 16 by 16 tiles through shared memory; a square matrix times itself, its side the root of n.
PROGRAM(squared) {
  __shared__ float a[16][17], b[16][17];
  const int side = static_cast<int>(rintf(sqrtf(static_cast<float>(n))));
  const int tiles = side / 16, row = blockIdx.x / tiles * 16 + threadIdx.x / 16, column = blockIdx.x % tiles * 16 + threadIdx.x % 16;
  float sum = 0.0f;
  for (int tile = 0; tile < tiles; tile++) {
    a[threadIdx.x / 16][threadIdx.x % 16] = x[row * side + tile * 16 + threadIdx.x % 16];
    b[threadIdx.x / 16][threadIdx.x % 16] = x[(tile * 16 + threadIdx.x / 16) * side + column];
    __syncthreads();
    for (int k = 0; k < 16; k++) sum += a[threadIdx.x / 16][k] * b[k][threadIdx.x % 16];
    __syncthreads();
  }
  y[row * side + column] = sum;
}
