// Sums over the lanes of a launch in the order of `mlgenn_ir::launch::LaneSum`: lane i belongs to
// partial sum i % 16, then the upper half is added to the lower half until one is left.

#define PARTIAL_SUMS 16u

template <typename T>
FUNCTION T partial_sum(const T *values, u32 lanes, u32 index) {
    T sum = 0;
    for (u32 lane = index; lane < lanes; lane += PARTIAL_SUMS) sum = add(sum, values[lane]);
    return sum;
}

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
