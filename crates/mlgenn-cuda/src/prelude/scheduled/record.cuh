// Copy the current delay slot of each copy to a row of a recording. Slots: the array, the rows, the
// number of the row.
extern "C" __global__ void record(const Launch *launch) {
    const u32 i = global_index();
    if (i >= launch->lanes) return;
    const Slot &slot = launch->slots[0];
    const u64 current = slot.current ? *slot.current * slot.ring_stride : 0;
    const u64 row = *(const u64 *)launch->slots[2].data % launch->rows;
    const u64 to = (row * launch->members + blockIdx.y) * launch->lanes + i;
    const u64 from = (u64)blockIdx.y * slot.copy_step + current + i;
    copy_element(launch->slots[1].data, to, slot.data, from, launch->type);
}
