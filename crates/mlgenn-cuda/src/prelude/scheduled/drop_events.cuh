// Drop the last events beyond a number. Slots: the events (one delay slot), the numbers.
extern "C" __global__ void drop_events(const Launch *launch) {
    const u32 member = global_index();
    if (member >= launch->members) return;
    const Slot &slot = launch->slots[0];
    const u32 count = ((const u32 *)launch->slots[1].data)[member];
    for (u32 which = 0; which < slot.slots; ++which) {
        // `type` says whether all delay slots are meant.
        if (!launch->type && which != *slot.current) continue;
        u32 *words = copy_of<u32>(slot, member) + which * slot.ring_stride;
        u32 left = count;
        for (u32 word = 0; word < launch->lanes; ++word) {
            while (count_bits(words[word]) > left) words[word] &= ~(1u << (31 - leading_zeros(words[word])));
            left -= count_bits(words[word]);
        }
    }
}
