// What a launch is given: where its slots are, whether to stop, where to report faults. The layout
// is that of `abi.rs`.

struct Slot {
    // First element, of the first copy.
    void *data;
    // Elements of the lanes, if they are not in order.
    const u32 *indices;
    // Number of elements, for arrays.
    i64 length;
    // Elements from one copy (of a batch member) to the next, and from one delay slot to the next.
    i64 copy_step;
    i64 ring_stride;
    // The delay slot written last; null without a ring.
    const u32 *current;
    // Number of delay slots, and how many before the last one.
    u32 slots;
    u32 back;
};

struct Watch {
    // Set by the host to end loops.
    volatile u32 stop;
    // The first fault: 0 for none, see `abi.rs`.
    volatile u32 fault;
    u32 kernel;
    u32 slot;
    i64 index;
    i64 length;
};

struct LaunchHead {
    Watch *watch;
    // Values of lanes that are to be summed, one array for each sum.
    void **sums;
    u32 lanes;
    // Batch members, or copies.
    u32 members;
    // Number of the kernel, for faults.
    u32 kernel;
    u32 members_per_block;
    // For synapses: neurons that may have events, postsynaptic neurons, elements of a row.
    u32 rows;
    u32 columns;
    u32 stride;
    // For what the schedule launches itself: type of the elements, see `abi.rs`.
    u32 type;
    // For sparse connectivity: rows, and the synapses of each postsynaptic neuron.
    const u32 *row_length;
    const u32 *targets;
    const u32 *entries;
    const u32 *starts;
    const u32 *sources;
    const u32 *synapses;
};

struct Launch : LaunchHead {
    // Those of the kernel, then events.
    Slot slots[1];
};

// A launch whose number of slots is known.
template <u32 Slots>
struct LaunchOf : LaunchHead {
    Slot slots[Slots];
};

#define BAD_INDEX 1
#define BAD_POINTER 2
#define FAILED_ASSERTION 3

FUNCTION void raise(const LaunchHead *launch, u32 fault, u32 slot, i64 index, i64 length) {
    Watch *watch = launch->watch;
    if (atomicCAS((u32 *)&watch->fault, 0u, fault) == 0) {
        watch->kernel = launch->kernel;
        watch->slot = slot;
        watch->index = index;
        watch->length = length;
    }
}

FUNCTION bool should_stop(const LaunchHead *launch) {
    return launch->watch->stop || launch->watch->fault;
}

// First element of a slot for a copy of its memory; without a ring, or for a whole ring.
template <typename T>
FUNCTION T *copy_of(const Slot &slot, u32 copy) {
    return (T *)slot.data + copy * slot.copy_step;
}

// The same in the delay slot that the slot is bound to.
template <typename T>
FUNCTION T *current_of(const Slot &slot, u32 copy) {
    const u32 delay_slot = (*slot.current + slot.slots - slot.back) % slot.slots;
    return copy_of<T>(slot, copy) + delay_slot * slot.ring_stride;
}

// Where the delay slots of a ring start: that which is due so many timesteps later, that which was
// written so many timesteps before.
FUNCTION i64 due(const Slot &slot, u32 delay) {
    return (i64)(((u64)*slot.current + delay) % slot.slots) * slot.ring_stride;
}
FUNCTION i64 past(const Slot &slot, i32 delay) {
    const i64 steps = ((i64)*slot.current - (i64)delay) % (i64)slot.slots;
    return (steps < 0 ? steps + (i64)slot.slots : steps) * slot.ring_stride;
}

// Whether an index is inside an array; a fault otherwise.
FUNCTION bool inside(const LaunchHead *launch, u32 slot, i64 index, i64 length) {
    if (0 <= index && index < length) return true;
    raise(launch, BAD_INDEX, slot, index, length);
    return false;
}

template <typename T>
FUNCTION T load_element(const LaunchHead *launch, const T *array, u32 slot, i64 index, i64 length) {
    return inside(launch, slot, index, length) ? array[index] : (T)0;
}
template <typename T>
FUNCTION void store_element(
    const LaunchHead *launch, T *array, u32 slot, i64 index, i64 length, T value) {
    if (inside(launch, slot, index, length)) array[index] = value;
}

// Add to an element that other threads may add to as well.
template <typename T, int Bytes = sizeof(T)> struct AtomicAdd;
template <> struct AtomicAdd<f32, 4> {
    FUNCTION void run(f32 *to, f32 value) { atomicAdd(to, value); }
};
template <> struct AtomicAdd<f64, 8> {
    FUNCTION void run(f64 *to, f64 value) { atomicAdd(to, value); }
};
template <typename T> struct AtomicAdd<T, 4> {
    FUNCTION void run(T *to, T value) { atomicAdd((u32 *)to, (u32)value); }
};
template <typename T> struct AtomicAdd<T, 8> {
    FUNCTION void run(T *to, T value) { atomicAdd((u64 *)to, (u64)value); }
};
// Integers of one or two bytes: by way of the word around.
template <typename T, int Bytes> struct AtomicAdd {
    FUNCTION void run(T *to, T value) {
        const u64 address = (u64)to;
        u32 *word = (u32 *)(address & ~3ull);
        const u32 shift = 8 * (u32)(address & 3);
        const u32 mask = ((1u << (8 * Bytes)) - 1) << shift;
        u32 old = *word, expected;
        do {
            expected = old;
            const u32 sum = (u32)add((T)(expected >> shift), value) << shift;
            old = atomicCAS(word, expected, (expected & ~mask) | (sum & mask));
        } while (old != expected);
    }
};
template <typename T>
FUNCTION void atomic_add(T *to, T value) {
    AtomicAdd<T>::run(to, value);
}
// Add to an element that no other thread adds to. An atomic addition does not wait for the old value,
// which is near in the memory that a block shares.
template <typename T>
FUNCTION void add_alone(T *to, T value) {
#ifndef MLGENN_HOST
    if (!__isShared(to)) {
        AtomicAdd<T>::run(to, value);
        return;
    }
#endif
    *to = add(*to, value);
}
template <typename T>
FUNCTION void atomic_add_element(
    const LaunchHead *launch, T *array, u32 slot, i64 index, i64 length, T value) {
    if (inside(launch, slot, index, length)) atomic_add(array + index, value);
}
FUNCTION void atomic_or_element(
    const LaunchHead *launch, u32 *array, u32 slot, i64 index, i64 length, u32 bits) {
    if (inside(launch, slot, index, length)) atomicOr(array + index, bits);
}

// Batch members that a thread reads elements of before it needs them.
#define AHEAD 8u

// Read the element of a lane for the next members.
template <typename T>
FUNCTION void fetch_ahead(T *to, const Slot &slot, u32 lane, u32 first, u32 members) {
#pragma unroll
    for (u32 next = 0; next < AHEAD; ++next) {
        // Beyond the last member the values are not used.
        const u32 member = first + next < members ? first + next : members - 1;
        to[next] = copy_of<T>(slot, member)[lane];
    }
}

FUNCTION u32 lowest_bit(u32 word) { return (u32)__ffs((int)word) - 1; }
FUNCTION bool has_event(const u32 *events, u32 neuron) {
    return events[neuron / 32] >> neuron % 32 & 1;
}

// Set the bits of events of the 32 lanes of a warp; the bits of lanes that do not exist are 0.
FUNCTION void emit_events(u32 *words, u32 lane, u32 lanes, bool event) {
#ifdef MLGENN_ONE_BY_ONE
    if (lane < lanes) {
        const u32 others = lane % 32 == 0 ? 0 : words[lane / 32];
        words[lane / 32] = others | (u32)event << lane % 32;
    }
#else
    const u32 word = __ballot_sync(0xffffffffu, event);
    if (lane % 32 == 0 && lane < lanes) words[lane / 32] = word;
#endif
}
