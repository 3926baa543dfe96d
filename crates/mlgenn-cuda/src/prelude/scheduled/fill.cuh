// Give all elements a value. Slots: the array; its value.
extern "C" __global__ void fill(const Launch *launch) {
    const u32 i = global_index();
    if (i < launch->lanes) {
        copy_element(launch->slots[0].data, i, launch->slots[1].data, 0, launch->type);
    }
}
