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

// What can be added to a number without changing it: negative zero, as zero makes negative zeros positive.
template <typename T>
FUNCTION T nothing() { return (T)-0.0f; }

FUNCTION u32 next_slot(u32 current, u32 slots) { return current + 1 == slots ? 0 : current + 1; }
FUNCTION u32 earlier_slot(u32 current, u32 back, u32 slots) {
    return current >= back ? current - back : current + slots - back;
}

// A sum over events that is taken after the timesteps.
struct LateSum {
    const Trial *trial;
    // Events: [words][longest][members].
    const u32 *events;
    // What is added: [longest][members][columns].
    const f32 *values;
    // What is added to: [blocks][rows][stride].
    f32 *sums;
    u64 copy_step;
    u32 longest;
    u32 members;
    u32 members_per_block;
    u32 rows;
    u32 columns;
    u32 stride;
};

#define LATE_COLUMNS 128u
#define LATE_AHEAD 12u

// Events of a timestep and a member of a block, by the number of the pair.
FUNCTION u32 pair_events(
    const u32 *events, u32 pair, u32 pairs, u32 count, u32 first_member, u32 members) {
    if (pair >= pairs) return 0;
    return events[(u64)(pair / count) * members + first_member + pair % count];
}

// Add values to the synapses whose presynaptic neuron had an event, in the order of timesteps and
// members: a block of threads for the 32 neurons of a word and some of the columns.
extern "C" __global__ void add_late(const LateSum *late) {
    const u32 tiles = (late->columns + LATE_COLUMNS - 1) / LATE_COLUMNS;
    const u32 word = blockIdx.x / tiles;
    const u32 thread = threadIdx.x;
    const u32 post = blockIdx.x % tiles * LATE_COLUMNS + thread;
    const u32 columns = late->columns;
    const u32 stride = late->stride;
    const u32 members = late->members;
    const u32 timesteps = late->trial->timesteps;
    const u32 first_member = blockIdx.y * late->members_per_block;
    u32 end_member = first_member + late->members_per_block;
    if (end_member > members) end_member = members;
    const u32 *events = late->events + (u64)word * late->longest * members;
    const f32 *values = late->values + post;
    f32 *to = late->sums + blockIdx.y * late->copy_step + (u64)32 * word * stride + post;
#ifdef MLGENN_ONE_BY_ONE
    if (post >= columns) return;
    for (u32 step = 0; step < timesteps; ++step) {
        for (u32 member = first_member; member < end_member; ++member) {
            const u64 at = (u64)step * members + member;
            for (u32 left = events[at]; left; left &= left - 1) {
                f32 *sum = to + (u64)lowest_bit(left) * stride;
                *sum = add(*sum, values[at * columns]);
            }
        }
    }
#else
    __shared__ f32 sums[32][LATE_COLUMNS];
    u32 neurons = late->rows - 32 * word;
    if (neurons > 32) neurons = 32;
    const bool inside = post < columns;
    for (u32 i = 0; i < neurons; ++i) sums[i][thread] = inside ? to[(u64)i * stride] : 0;
    // Pairs of a timestep and a member in order, of which each thread of a warp has one.
    const u32 count = end_member - first_member;
    const u32 pairs = timesteps * count;
    const u32 lane = thread % 32;
    u32 next = pair_events(events, lane, pairs, count, first_member, members);
    for (u32 first = 0; first < pairs; first += 32) {
        const u32 bits = next;
        next = pair_events(events, first + 32 + lane, pairs, count, first_member, members);
        u32 any = __ballot_sync(0xffffffffu, bits != 0);
        while (any) {
            // Some values are under way at a time.
            u32 pair[LATE_AHEAD];
            f32 value[LATE_AHEAD];
#pragma unroll
            for (u32 k = 0; k < LATE_AHEAD; ++k) {
                pair[k] = any ? lowest_bit(any) : 32;
                const u32 at = first + pair[k];
                const u64 row = (u64)(at / count) * members + first_member + at % count;
                value[k] = any && inside ? values[row * columns] : 0;
                any &= any - 1;
            }
#pragma unroll
            for (u32 k = 0; k < LATE_AHEAD; ++k) {
                if (pair[k] == 32) break;
                for (u32 left = __shfl_sync(0xffffffffu, bits, pair[k]); left; left &= left - 1) {
                    sums[lowest_bit(left)][thread] += value[k];
                }
            }
        }
    }
    for (u32 i = 0; inside && i < neurons; ++i) to[(u64)i * stride] = sums[i][thread];
#endif
}
