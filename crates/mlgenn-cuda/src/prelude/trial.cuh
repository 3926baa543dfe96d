// What takes a batch member through many timesteps: one block of threads.

struct Trial {
    Watch *watch;
    // State before the trial: rings, number of the timestep, time, number of timesteps made.
    u32 *rings;
    u32 *timestep;
    void *time;
    u64 *steps_made;
    // Addresses and lengths, in the order in which the text asks for them.
    const u64 *words;
    u32 timesteps;
    u32 unused;
};

// Neurons beyond the end of a list of events that may be read.
#define LIST_END 32u

// Events of a batch member: bits, and the neurons that have one, in ascending order, then zeros.
struct EventList {
    const u32 *bits;
    const u16 *neurons;
    u32 count;
};

#ifdef MLGENN_ONE_BY_ONE
// One thread does what a block does.
FUNCTION bool is_spare() { return threadIdx.x != 0; }
FUNCTION u32 first_lane(u32, u32) { return 0; }
FUNCTION u32 lane_step(u32) { return 1; }
FUNCTION bool is_warp(u32, u32) { return true; }
FUNCTION void meet() {}
FUNCTION void list_events(u16 *list, u32 *count, const u32 *bits, u32 neurons) {
    *count = 0;
    for (u32 neuron = 0; neuron < neurons; ++neuron) {
        if (has_event(bits, neuron)) list[(*count)++] = (u16)neuron;
    }
    for (u32 i = 0; i < LIST_END; ++i) list[*count + i] = 0;
}
#else
FUNCTION bool is_spare() { return false; }
// Lanes of a thread: the first one if lane 0 belongs to thread `offset`, and how far to the next.
FUNCTION u32 first_lane(u32 threads, u32 offset) {
    return threadIdx.x >= offset ? threadIdx.x - offset : threadIdx.x + threads - offset;
}
FUNCTION u32 lane_step(u32 threads) { return threads; }
// Whether a thread belongs to a warp, or to that which stands for it.
FUNCTION bool is_warp(u32 threads, u32 warp) { return threadIdx.x / 32 == warp % (threads / 32); }
// All threads of the block have done and can see what comes before.
FUNCTION void meet() { __syncthreads(); }
// List the neurons that have an event; all threads of a warp take part.
FUNCTION void list_events(u16 *list, u32 *count, const u32 *bits, u32 neurons) {
    const u32 lane = threadIdx.x % 32;
    u32 listed = 0;
    for (u32 first = 0; first < neurons; first += 32 * 32) {
        const u32 neuron = first + 32 * lane;
        u32 word = neuron < neurons ? bits[neuron / 32] : 0;
        const u32 own = (u32)__popc(word);
        // Those of this thread and of the threads before it.
        u32 upto = own;
        for (u32 by = 1; by < 32; by *= 2) {
            const u32 before = __shfl_up_sync(0xffffffffu, upto, by);
            if (lane >= by) upto += before;
        }
        for (u32 at = listed + upto - own; word; word &= word - 1) {
            list[at++] = (u16)(neuron + lowest_bit(word));
        }
        listed += __shfl_sync(0xffffffffu, upto, 31);
    }
    list[listed + lane] = 0;
    if (lane == 0) *count = listed;
}
#endif

FUNCTION u32 next_slot(u32 current, u32 slots) { return current + 1 == slots ? 0 : current + 1; }
FUNCTION u32 earlier_slot(u32 current, u32 back, u32 slots) {
    return current >= back ? current - back : current + slots - back;
}
