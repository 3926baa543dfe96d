// The largest value of the lanes, for each copy. Slots: the values, where it goes.
extern "C" __global__ void NAME(const Launch *launch) {
    const u32 copy = global_index();
    if (copy >= launch->members) return;
    const TYPE *values = copy_of<TYPE>(launch->slots[0], copy);
    TYPE *target = copy_of<TYPE>(launch->slots[1], copy);
    for (u32 lane = 0; lane < launch->lanes; ++lane) {
        if (values[lane] > *target) *target = values[lane];
    }
}
