// Lets a host compiler take text that is meant for NVRTC: a launch becomes a loop over its threads,
// one after another. With MLGENN_WARPS the threads of a block take turns instead, so
// that what they do together is run as on a GPU: from the first to the last if it is 1, from the last to
// the first if it is 2. What depends on that is a race.
#define MLGENN_HOST 1
#ifndef MLGENN_WARPS
#define MLGENN_ONE_BY_ONE 1
#endif

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

#ifdef MLGENN_WARPS
// Threads of a block that take turns: each runs until it waits for others.
#include <ucontext.h>
#include <vector>

namespace warps {
typedef void (*Function)(const void *);

struct Meeting {
    unsigned arrived = 0, generation = 0;
    unsigned long long values[2][32];
};
struct Thread {
    ucontext_t context;
    std::vector<char> stack;
    bool ended;
};
static std::vector<Thread> threads;
static std::vector<Meeting> meetings;
static ucontext_t scheduler;
static unsigned current, block_threads;
static Function function;
static const void *argument;

static void enter() {
    function(argument);
    threads[current].ended = true;
}
static void run_block(Function what, const void *launch, unsigned count) {
    function = what;
    argument = launch;
    block_threads = count;
    if (threads.size() < count) threads.resize(count);
    meetings.assign(count / 32 + 2, Meeting());
    for (unsigned i = 0; i < count; ++i) {
        Thread &thread = threads[i];
        thread.stack.resize(1 << 16);
        thread.ended = false;
        getcontext(&thread.context);
        thread.context.uc_stack.ss_sp = thread.stack.data();
        thread.context.uc_stack.ss_size = thread.stack.size();
        thread.context.uc_link = &scheduler;
        makecontext(&thread.context, enter, 0);
    }
    for (unsigned running = count; running > 0;) {
        running = 0;
        for (unsigned turn = 0; turn < count; ++turn) {
            current = MLGENN_WARPS == 2 ? count - 1 - turn : turn;
            if (threads[current].ended) continue;
            threadIdx.x = current;
            swapcontext(&scheduler, &threads[current].context);
            running += !threads[current].ended;
        }
    }
}
// Wait until `count` threads have come; gives the number of the meeting.
static unsigned meet(Meeting &meeting, unsigned count) {
    const unsigned generation = meeting.generation;
    if (++meeting.arrived == count) {
        meeting.arrived = 0;
        ++meeting.generation;
    }
    while (meeting.generation == generation) {
        const unsigned me = current;
        swapcontext(&threads[me].context, &scheduler);
    }
    return generation;
}
// The value that another thread of the warp has brought.
template <typename T>
static T exchange(T value, unsigned from) {
    Meeting &meeting = meetings[current / 32];
    unsigned long long bits = 0;
    __builtin_memcpy(&bits, &value, sizeof value);
    meeting.values[meeting.generation % 2][current % 32] = bits;
    const unsigned generation = meet(meeting, 32);
    T result;
    __builtin_memcpy(&result, &meeting.values[generation % 2][from], sizeof result);
    return result;
}
}

static inline void __syncthreads() { warps::meet(warps::meetings.back(), warps::block_threads); }
static inline unsigned __ballot_sync(unsigned, bool event) {
    warps::Meeting &meeting = warps::meetings[warps::current / 32];
    meeting.values[meeting.generation % 2][warps::current % 32] = event;
    const unsigned generation = warps::meet(meeting, 32);
    unsigned word = 0;
    for (unsigned i = 0; i < 32; ++i) word |= (unsigned)meeting.values[generation % 2][i] << i;
    return word;
}
template <typename T>
static inline T __shfl_sync(unsigned, T value, unsigned from) {
    return warps::exchange(value, from % 32);
}
template <typename T>
static inline T __shfl_up_sync(unsigned, T value, unsigned by) {
    const unsigned lane = warps::current % 32;
    return warps::exchange(value, lane >= by ? lane - by : lane);
}
template <typename T>
static inline T __shfl_down_sync(unsigned, T value, unsigned by, unsigned width) {
    const unsigned lane = warps::current % 32;
    return warps::exchange(value, lane % width + by < width ? lane + by : lane);
}
#endif

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
#ifdef MLGENN_WARPS
            warps::run_block(function, launch, threads);
#else
            for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x) function(launch);
#endif
}
}
