// Lets a host compiler take text that is meant for NVRTC: a launch becomes a loop over its threads,
// one after another.
#define MLGENN_HOST 1

#include <cmath>
#include <cstdio>

#define __device__
#define __global__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static

struct Index {
    unsigned x, y;
};
static thread_local Index threadIdx, blockIdx, blockDim;

static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz((unsigned)x); }

template <typename T>
static inline T atomicAdd(T *to, T value) {
    const T old = *to;
    *to = old + value;
    return old;
}
static inline unsigned atomicOr(unsigned *to, unsigned bits) {
    const unsigned old = *to;
    *to = old | bits;
    return old;
}
static inline unsigned atomicCAS(unsigned *to, unsigned expected, unsigned value) {
    const unsigned old = *to;
    if (old == expected) *to = value;
    return old;
}

// Value of a mathematical function: its number, whether it is of f64, bits of its arguments.
typedef unsigned long long (*Mathematics)(
    unsigned function, bool wide, unsigned long long x, unsigned long long y);
extern "C" {
Mathematics mlgenn_mathematics = 0;

void mlgenn_launch(
    void (*function)(const void *), unsigned blocks, unsigned members, unsigned threads,
    const void *launch) {
    blockDim = {threads, 1};
    for (blockIdx.y = 0; blockIdx.y < members; ++blockIdx.y)
        for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x)
            for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x) function(launch);
}
}
