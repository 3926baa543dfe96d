// Slot: what is counted.
extern "C" __global__ void count_up(const Launch *launch) {
    if (global_index() == 0) *(u64 *)launch->slots[0].data += 1;
}
