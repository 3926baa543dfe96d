// Number of events of each batch member. Slots: the events, the numbers.
extern "C" __global__ void count_events(const Launch *launch) {
    const u32 member = global_index();
    if (member >= launch->members) return;
    const u32 *words = current_of<u32>(launch->slots[0], member);
    u32 count = 0;
    for (u32 word = 0; word < launch->lanes; ++word) count += count_bits(words[word]);
    ((u32 *)launch->slots[1].data)[member] = count;
}
