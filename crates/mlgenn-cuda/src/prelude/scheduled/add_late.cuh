// A sum over events that is taken after the timesteps.
struct LateSum {
    // Events: [words][longest][members].
    const u32 *events;
    // What is added: [longest][members][columns].
    const f32 *values;
    // What is added to: [blocks][rows][stride].
    f32 *sums;
    u64 copy_step;
    u32 rows;
    u32 columns;
    u32 stride;
    // Blocks of threads for a block of members.
    u32 tiles;
};

// All of a trial.
struct LateSums {
    const Trial *trial;
    const LateSum *sums;
    u32 longest;
    u32 members;
    u32 members_per_block;
    u32 unused;
};

// A block of threads takes the neurons of a word, each of its warps some of them, and 32 columns for
// each part that a thread has.
#define LATE_WARPS 4u
#define LATE_NEURONS (32u / LATE_WARPS)
#define LATE_PARTS 4u

// Add values to the synapses whose presynaptic neuron had an event, in the order of timesteps and
// members.
template <u32 Parts, u32 Ahead>
FUNCTION void add_late_tile(
    const LateSums *all, const LateSum *late, u32 word, u32 first_column, f32 *sums) {
    const u32 lane = threadIdx.x % 32;
    const u32 first_neuron = threadIdx.x / 32 * LATE_NEURONS;
    const u32 neurons = ((1u << LATE_NEURONS) - 1) << first_neuron;
    const u32 column = first_column + lane;
    const u32 columns = late->columns;
    const u32 stride = late->stride;
    const u32 members = all->members;
    const u32 timesteps = all->trial->timesteps;
    const u32 first_member = blockIdx.y * all->members_per_block;
    u32 end_member = first_member + all->members_per_block;
    if (end_member > members) end_member = members;
    const u32 *events = late->events + (u64)word * all->longest * members;
    const f32 *values = late->values + column;
    f32 *to = late->sums + blockIdx.y * late->copy_step + (u64)32 * word * stride + column;
    bool inside[Parts];
#pragma unroll
    for (u32 part = 0; part < Parts; ++part) inside[part] = column + 32 * part < columns;
#ifdef MLGENN_ONE_BY_ONE
    for (u32 step = 0; step < timesteps; ++step) {
        for (u32 member = first_member; member < end_member; ++member) {
            const u64 at = (u64)step * members + member;
            for (u32 left = events[at] & neurons; left; left &= left - 1) {
                for (u32 part = 0; part < Parts; ++part) {
                    if (!inside[part]) continue;
                    f32 *sum = to + (u64)lowest_bit(left) * stride + 32 * part;
                    *sum = add(*sum, values[at * columns + 32 * part]);
                }
            }
        }
    }
#else
    u32 end_neuron = late->rows - 32 * word;
    if (end_neuron > first_neuron + LATE_NEURONS) end_neuron = first_neuron + LATE_NEURONS;
    for (u32 i = first_neuron; i < end_neuron; ++i) {
#pragma unroll
        for (u32 part = 0; part < Parts; ++part) {
            const u32 at = (i * Parts + part) * 32 + lane;
            sums[at] = inside[part] ? to[(u64)i * stride + 32 * part] : 0;
        }
    }
    // Pairs of a timestep and a member in order, of which each thread of a warp has one.
    const u32 count = end_member - first_member;
    const u32 pairs = timesteps * count;
    u32 next = 0, next_row = 0;
    for (u32 first = 0; first < pairs + 32; first += 32) {
        const u32 bits = next, row = next_row;
        // The next pair is under way meanwhile.
        const u32 pair = first + lane;
        next_row = pair / count * members + first_member + pair % count;
        next = pair < pairs ? events[next_row] & neurons : 0;
        u32 any = __ballot_sync(0xffffffffu, bits != 0);
        while (any) {
            // Some values are under way at a time.
            u32 of[Ahead];
            f32 value[Ahead][Parts];
#pragma unroll
            for (u32 k = 0; k < Ahead; ++k) {
                of[k] = any ? lowest_bit(any) : 32;
                const u64 from = (u64)__shfl_sync(0xffffffffu, row, of[k]) * columns;
#pragma unroll
                for (u32 part = 0; part < Parts; ++part) {
                    value[k][part] = any && inside[part] ? values[from + 32 * part] : 0;
                }
                any &= any - 1;
            }
#pragma unroll
            for (u32 k = 0; k < Ahead; ++k) {
                if (of[k] == 32) break;
                for (u32 left = __shfl_sync(0xffffffffu, bits, of[k]); left; left &= left - 1) {
                    f32 *sum = sums + lowest_bit(left) * (Parts * 32) + lane;
#pragma unroll
                    for (u32 part = 0; part < Parts; ++part) sum[32 * part] += value[k][part];
                }
            }
        }
    }
    for (u32 i = first_neuron; i < end_neuron; ++i) {
#pragma unroll
        for (u32 part = 0; part < Parts; ++part) {
            const u32 at = (i * Parts + part) * 32 + lane;
            if (inside[part]) to[(u64)i * stride + 32 * part] = sums[at];
        }
    }
#endif
}

// Take all sums: a block of threads for each tile of a sum and block of members.
extern "C" __global__ void add_late(const LateSums *all) {
    __shared__ f32 sums[32 * LATE_PARTS * 32];
    const LateSum *late = all->sums;
    u32 tile = blockIdx.x;
    for (; tile >= late->tiles; ++late) tile -= late->tiles;
    const u32 across = (late->columns + 32 * LATE_PARTS - 1) / (32 * LATE_PARTS);
    const u32 word = tile / across;
    const u32 first_column = tile % across * (32 * LATE_PARTS);
    if (late->columns <= 32) {
        add_late_tile<1, 12>(all, late, word, first_column, sums);
    } else {
        add_late_tile<LATE_PARTS, 6>(all, late, word, first_column, sums);
    }
}
