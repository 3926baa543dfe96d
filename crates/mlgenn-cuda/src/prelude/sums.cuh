// Sums over the lanes of a launch in the order of `mlgenn_ir::launch::LaneSum`: lane i belongs to
// partial sum i % 16, then the upper half is added to the lower half until one is left.

#define PARTIAL_SUMS 16u

template <typename T>
FUNCTION T partial_sum(const T *values, u32 lanes, u32 index) {
    T sum = 0;
    for (u32 lane = index; lane < lanes; lane += PARTIAL_SUMS) sum = add(sum, values[lane]);
    return sum;
}

#ifndef MLGENN_ONE_BY_ONE
// The value of a thread further on in the same row.
FUNCTION i32 shuffle_down(i32 x, u32 by) { return __shfl_down_sync(0xffffffffu, x, by, PARTIAL_SUMS); }
FUNCTION u32 shuffle_down(u32 x, u32 by) { return __shfl_down_sync(0xffffffffu, x, by, PARTIAL_SUMS); }
FUNCTION i64 shuffle_down(i64 x, u32 by) { return __shfl_down_sync(0xffffffffu, x, by, PARTIAL_SUMS); }
FUNCTION u64 shuffle_down(u64 x, u32 by) { return __shfl_down_sync(0xffffffffu, x, by, PARTIAL_SUMS); }
FUNCTION f32 shuffle_down(f32 x, u32 by) { return __shfl_down_sync(0xffffffffu, x, by, PARTIAL_SUMS); }
FUNCTION f64 shuffle_down(f64 x, u32 by) { return __shfl_down_sync(0xffffffffu, x, by, PARTIAL_SUMS); }
template <typename T>
FUNCTION T shuffle_down(T x, u32 by) { return (T)shuffle_down((i32)x, by); }
#endif

// Add a total to an element; a total of zero is not added, so that a negative zero stays.
template <typename T>
FUNCTION void add_total(T *to, const T *partial) {
    T sums[PARTIAL_SUMS];
    for (u32 i = 0; i < PARTIAL_SUMS; ++i) sums[i] = partial[i];
    for (u32 half = PARTIAL_SUMS / 2; half > 0; half /= 2) {
        for (u32 i = 0; i < half; ++i) sums[i] = add(sums[i], sums[i + half]);
    }
    if (sums[0] != 0) *to = add(*to, sums[0]);
}

// Add the sum of the parts of a row, which neighbouring threads have, to an element; all threads of a
// warp take part. A total of zero is not added. `parts` has room for those of each row from `first` on.
template <typename T>
FUNCTION void add_row_total(T *to, T sum, u32 part, void *parts, u64 first) {
#ifdef MLGENN_ONE_BY_ONE
    // Threads run one after another.
    T *row = (T *)parts + first + part - part % PARTIAL_SUMS;
    if (to) row[part % PARTIAL_SUMS] = sum;
    if (to && part % PARTIAL_SUMS == PARTIAL_SUMS - 1) add_total(to, row);
#else
    for (u32 half = PARTIAL_SUMS / 2; half > 0; half /= 2) sum = add(sum, shuffle_down(sum, half));
    if (to && part % PARTIAL_SUMS == 0 && sum != 0) *to = add(*to, sum);
#endif
}

// What can be added to a number without changing it: negative zero, as zero makes negative zeros positive.
template <typename T>
FUNCTION T nothing() { return (T)-0.0f; }

// Threads that share the synapses of a postsynaptic neuron: those of a warp.
#ifdef MLGENN_ONE_BY_ONE
#define COLUMN_PARTS 1u
#else
#define COLUMN_PARTS 32u
#endif

// The presynaptic neuron of a synapse in the lists by postsynaptic neuron; any beyond the end.
FUNCTION u32 source_at(const LaunchHead *launch, u32 i, u32 end) {
    return i < end ? launch->sources[i] : 0;
}

// Add what the threads of a warp have that are due, in their order, and leave nothing to be added.
template <typename T>
FUNCTION T add_in_order(T sum, T &added, bool due) {
#ifdef MLGENN_ONE_BY_ONE
    if (due) sum = add(sum, added);
#else
    for (u32 left = __ballot_sync(0xffffffffu, due); left; left &= left - 1) {
        sum = add(sum, __shfl_sync(0xffffffffu, added, lowest_bit(left)));
    }
#endif
    added = nothing<T>();
    return sum;
}
