// Move rings on. Slots: rings, their numbers of delay slots, whether each moves.
extern "C" __global__ void advance_rings(const Launch *launch) {
    const u32 i = global_index();
    if (i >= launch->lanes) return;
    u32 *rings = (u32 *)launch->slots[0].data;
    const u32 *sizes = (const u32 *)launch->slots[1].data;
    const u32 *moves = (const u32 *)launch->slots[2].data;
    if (moves[i]) rings[i] = (rings[i] + 1) % sizes[i];
}
