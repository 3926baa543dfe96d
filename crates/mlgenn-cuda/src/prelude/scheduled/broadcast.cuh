// Copy the current delay slot of each copy to its other slots. Slot: the array.
extern "C" __global__ void broadcast(const Launch *launch) {
    const u32 i = global_index();
    if (i >= launch->lanes) return;
    const Slot &slot = launch->slots[0];
    const u64 first = (u64)blockIdx.y * slot.copy_step + i;
    for (u32 other = 0; other < slot.slots; ++other) {
        if (other == *slot.current) continue;
        const u64 to = first + other * slot.ring_stride;
        const u64 from = first + *slot.current * slot.ring_stride;
        copy_element(slot.data, to, slot.data, from, launch->type);
    }
}
