// What a schedule launches beside the kernels of the model. Elements are known by their type.

#define TYPE_F32 9
#define TYPE_F64 10

FUNCTION u32 global_index() { return blockIdx.x * blockDim.x + threadIdx.x; }

// Bytes of an element.
FUNCTION u32 bytes_of(u32 type) {
    // bool, i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, ptr
    return type < 3 ? 1 : type < 5 ? 2 : type < 7 || type == TYPE_F32 ? 4 : 8;
}

FUNCTION void copy_element(void *to, u64 to_index, const void *from, u64 from_index, u32 type) {
    switch (bytes_of(type)) {
        case 1: ((u8 *)to)[to_index] = ((const u8 *)from)[from_index]; break;
        case 2: ((u16 *)to)[to_index] = ((const u16 *)from)[from_index]; break;
        case 4: ((u32 *)to)[to_index] = ((const u32 *)from)[from_index]; break;
        default: ((u64 *)to)[to_index] = ((const u64 *)from)[from_index]; break;
    }
}

// Move rings on. Slots: rings, their numbers of delay slots, whether each moves.
extern "C" __global__ void advance_rings(const Launch *launch) {
    const u32 i = global_index();
    if (i >= launch->lanes) return;
    u32 *rings = (u32 *)launch->slots[0].data;
    const u32 *sizes = (const u32 *)launch->slots[1].data;
    const u32 *moves = (const u32 *)launch->slots[2].data;
    if (moves[i]) rings[i] = (rings[i] + 1) % sizes[i];
}

// The next timestep. Slots: timestep, time, length of a timestep, number of timesteps made.
extern "C" __global__ void next_timestep(const Launch *launch) {
    if (global_index() != 0) return;
    u32 *timestep = (u32 *)launch->slots[0].data;
    *timestep += 1;
    *(u64 *)launch->slots[3].data += 1;
    if (launch->type == TYPE_F64) {
        *(f64 *)launch->slots[1].data = (f64)*timestep * *(const f64 *)launch->slots[2].data;
    } else {
        *(f32 *)launch->slots[1].data = (f32)*timestep * *(const f32 *)launch->slots[2].data;
    }
}

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

// Slot: what is counted.
extern "C" __global__ void count_up(const Launch *launch) {
    if (global_index() == 0) *(u64 *)launch->slots[0].data += 1;
}

// Give all elements a value. Slots: the array; its value.
extern "C" __global__ void fill(const Launch *launch) {
    const u32 i = global_index();
    if (i < launch->lanes) {
        copy_element(launch->slots[0].data, i, launch->slots[1].data, 0, launch->type);
    }
}

// The largest value of the lanes, for each copy. Slots: the values, where it goes.
template <typename T>
FUNCTION void take_maximum(const Launch *launch, u32 copy) {
    const T *values = copy_of<T>(launch->slots[0], copy);
    T *target = copy_of<T>(launch->slots[1], copy);
    for (u32 lane = 0; lane < launch->lanes; ++lane) {
        if (values[lane] > *target) *target = values[lane];
    }
}
extern "C" __global__ void maximum_of_lanes(const Launch *launch) {
    const u32 copy = global_index();
    if (copy >= launch->members) return;
    switch (launch->type) {
        case 1: take_maximum<i8>(launch, copy); break;
        case 2: take_maximum<u8>(launch, copy); break;
        case 3: take_maximum<i16>(launch, copy); break;
        case 4: take_maximum<u16>(launch, copy); break;
        case 5: take_maximum<i32>(launch, copy); break;
        case 6: take_maximum<u32>(launch, copy); break;
        case 7: take_maximum<i64>(launch, copy); break;
        case 8: take_maximum<u64>(launch, copy); break;
        case TYPE_F32: take_maximum<f32>(launch, copy); break;
        case TYPE_F64: take_maximum<f64>(launch, copy); break;
    }
}

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

// Write a matrix of rows by columns to its transposed place. Slots: from, to.
extern "C" __global__ void transpose(const Launch *launch) {
    const u32 i = global_index();
    if (i >= launch->lanes) return;
    const u64 first = (u64)blockIdx.y * launch->lanes;
    const u64 to = (u64)(i % launch->columns) * launch->rows + i / launch->columns;
    copy_element(
        launch->slots[1].data, first + to, launch->slots[0].data, first + i, launch->type);
}

FUNCTION u32 count_bits(u32 word) { return (u32)__popc(word); }

// Number of events of each batch member. Slots: the events, the numbers.
extern "C" __global__ void count_events(const Launch *launch) {
    const u32 member = global_index();
    if (member >= launch->members) return;
    const u32 *words = current_of<u32>(launch->slots[0], member);
    u32 count = 0;
    for (u32 word = 0; word < launch->lanes; ++word) count += count_bits(words[word]);
    ((u32 *)launch->slots[1].data)[member] = count;
}

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
