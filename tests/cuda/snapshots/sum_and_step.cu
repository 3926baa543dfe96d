// up to 256 timesteps
//     run_trial: 2 x 1 blocks of 256, Schedule
//     finish_trial: 1 x 1 blocks of 32, Schedule
// custom update Reduce
//     kernel3_custom_update__sum_: 4 x 1 blocks of 128, CustomUpdate
// custom update Learn
//     kernel4_custom_update__step_: 4 x 1 blocks of 128, CustomUpdate
// custom updates Reduce, Learn
//     kernel5_custom_updates__sum____step_: 4 x 1 blocks of 128, CustomUpdate

// Custom update 'Sum'
extern "C" __global__ void kernel3_custom_update__sum_(const Launch *launch) {
    const u32 place = blockIdx.x * blockDim.x + threadIdx.x;
    if (place >= launch->lanes) return;
    f32 *const s1 = copy_of<f32>(launch->slots[1], 0); // sum
    f32 held1 = 0.0f;
    const u32 pre = place / launch->stride;
    const u64 synapse = place;
    if (place % launch->stride < launch->row_length[pre]) {
        const u32 post = launch->targets[synapse];
        const u32 members = launch->members;
        for (u32 first = 0; first < members; first += AHEAD) {
            f32 ahead0[AHEAD];
            fetch_ahead(ahead0, launch->slots[0], place, first, members);
            #pragma unroll
            for (u32 next = 0; next < AHEAD; ++next) {
                const u32 member = first + next;
                if (member < members) {
                    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // grad
                    const f32 v0 = 0.0f;
                    const f32 v1 = ahead0[next];
                    s0[synapse] = v0;
                    held1 = add(held1, v1);
                }
            }
        }
    }
    s1[synapse] = held1;
}

// Custom update 'Step'
extern "C" __global__ void kernel4_custom_update__step_(const Launch *launch) {
    const u32 place = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 member = blockIdx.y;
    const f32 *const __restrict__ s0 = copy_of<f32>(launch->slots[0], 0); // sum
    f32 *const s1 = copy_of<f32>(launch->slots[1], 0); // g
    if (place < launch->lanes) {
        const u32 pre = place / launch->stride;
        const u64 synapse = place;
        if (place % launch->stride < launch->row_length[pre]) {
            const u32 post = launch->targets[synapse];
            const f32 v0 = s0[synapse];
            const f32 v1 = s1[synapse];
            const f32 v2 = 0.1f;
            const f32 v3 = v2 * v0;
            const f32 v4 = v1 - v3;
            s1[synapse] = v4;
        }
    }
}

// Custom updates 'Sum', 'Step'
extern "C" __global__ void kernel5_custom_updates__sum____step_(const Launch *const *launches) {
    const u32 place = blockIdx.x * blockDim.x + threadIdx.x;
    if (place >= launches[0]->lanes) return;
    f32 reduced0_1;
    {
        const Launch *const launch = launches[0];
        f32 *const s1 = copy_of<f32>(launch->slots[1], 0); // sum
        f32 held1 = 0.0f;
        const u32 pre = place / launch->stride;
        const u64 synapse = place;
        if (place % launch->stride < launch->row_length[pre]) {
            const u32 post = launch->targets[synapse];
            const u32 members = launch->members;
            for (u32 first = 0; first < members; first += AHEAD) {
                f32 ahead0[AHEAD];
                fetch_ahead(ahead0, launch->slots[0], place, first, members);
                #pragma unroll
                for (u32 next = 0; next < AHEAD; ++next) {
                    const u32 member = first + next;
                    if (member < members) {
                        f32 *const s0 = copy_of<f32>(launch->slots[0], member); // grad
                        const f32 v0 = 0.0f;
                        const f32 v1 = ahead0[next];
                        s0[synapse] = v0;
                        held1 = add(held1, v1);
                    }
                }
            }
        }
        s1[synapse] = held1;
        reduced0_1 = held1;
    }
    {
        const Launch *const launch = launches[1];
        const u32 pre = place / launch->stride;
        const u64 synapse = place;
        if (place % launch->stride < launch->row_length[pre]) {
            const u32 post = launch->targets[synapse];
            const u32 member = 0;
            f32 *const s1 = copy_of<f32>(launch->slots[1], 0); // g
            const f32 v0 = reduced0_1;
            const f32 v1 = s1[synapse];
            const f32 v2 = 0.1f;
            const f32 v3 = v2 * v0;
            const f32 v4 = v1 - v3;
            s1[synapse] = v4;
        }
    }
}

// Synapse group 'S' pre spike synaptic code
template <typename L>
FUNCTION void kernel0_synapse_group__s__pre_spike_synaptic_code(
    const L *launch, const u32 part, const u32 block, const u32 member, const EventList &list) {
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // out_post
    const f32 *const __restrict__ s1 = copy_of<f32>(launch->slots[1], 0); // g
    f32 *const s2 = copy_of<f32>(launch->slots[2], block); // grad
    const u32 *const events = list.bits;
    const u32 post = part / COLUMN_PARTS;
    if (post < launch->columns) {
        f32 held0 = s0[post];
        f32 added0 = nothing<f32>();
        const u32 start = launch->starts[post];
        const u32 end = launch->starts[post + 1];
        u32 next = source_at(launch, start + part % COLUMN_PARTS, end);
        for (u32 first = start; first < end; first += COLUMN_PARTS) {
            const u32 i = first + part % COLUMN_PARTS;
            const u32 pre = next;
            next = source_at(launch, i + COLUMN_PARTS, end);
            const bool due = i < end && has_event(events, pre);
            if (due) {
                const u64 synapse = launch->synapses[i];
                const f32 v0 = s1[synapse];
                added0 = v0;
                add_alone(&s2[synapse], v0);
            }
            held0 = add_in_order(held0, added0, due);
        }
        if (part % COLUMN_PARTS == 0) s0[post] = held0;
    }
}

// Neuron group 'In' update
template <typename L>
FUNCTION void kernel1_neuron_group__in__update(
    const L *launch, const u32 lane, const u32 block, const u32 member) {
    const f32 *const __restrict__ s0 = copy_of<f32>(launch->slots[0], 0); // t
    u32 *const s1 = copy_of<u32>(launch->slots[1], member); // startSpike
    const u32 *const __restrict__ s2 = copy_of<u32>(launch->slots[2], member); // endSpike
    const f32 *const __restrict__ s3 = copy_of<f32>(launch->slots[3], 0); // spikeTimes
    u32 *const s4 = current_of<u32>(launch->slots[4], member); // spikes
    bool event4 = false;
    if (lane < launch->lanes) {
        const f32 v0 = s0[0];
        const u32 v1 = s1[lane];
        const u32 v2 = s2[lane];
        const bool v3 = v1 != v2;
        bool v4;
        if (v3) {
            const i64 v5 = (i64)v1;
            const f32 v6 = load_element(launch, s3, 3, v5, launch->slots[3].length);
            const bool v7 = v0 >= v6;
            v4 = v7;
        } else {
            v4 = v3;
        }
        event4 = v4;
        const u32 v8 = 1u;
        const u32 v9 = add(v1, v8);
        const u32 v10 = v4 ? v9 : v1;
        s1[lane] = v10;
    }
    emit_events(s4, lane, launch->lanes, event4);
}

// Neuron group 'Out' update
template <typename L>
FUNCTION void kernel2_neuron_group__out__update(
    const L *launch, const u32 lane, const u32 block, const u32 member) {
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // x
    f32 *const s1 = copy_of<f32>(launch->slots[1], member); // in_syn
    u32 *const s2 = current_of<u32>(launch->slots[2], member); // spikes
    bool event2 = false;
    if (lane < launch->lanes) {
        const f32 v0 = 0.0f;
        const f32 v1 = s1[lane];
        const f32 v2 = v0 + v1;
        s1[lane] = v0;
        const bool v3 = false;
        event2 = v3;
        s0[lane] = v2;
    }
    emit_events(s2, lane, launch->lanes, event2);
}

// What a batch member has in shared memory during a launch
struct Resident {
    u32 array0[7]; // neuron.In.spike_queue
    u32 array1[1]; // neuron.Out.spike_queue
    f32 array2[2]; // syn.S.out_post
    u32 array7[200]; // neuron.In.vars.startSpike
    u32 array8[200]; // neuron.In.vars.endSpike
    f32 array10[2]; // neuron.Out.vars.x
};

// All timesteps of a block of batch members
extern "C" __global__ void __launch_bounds__(256, 1) run_trial(const Trial *trial) {
    if (is_spare()) return;
    const u64 *const __restrict__ words = trial->words;
    Watch *const watch = trial->watch;
    const u32 block = blockIdx.x;
    __shared__ u16 neurons0[200 + LIST_END];
    __shared__ u32 counts[1];
    __shared__ Resident resident;
    const u32 first_member = block * 1u;
    for (u32 member = first_member; member < 2u
            && member < first_member + 1u; ++member) {
        #pragma unroll 1
        for (u32 at = first_lane(256u, 0u); at < 1u; at += lane_step(256u)) {
            resident.array1[at] = ((u32 *)words[0] + (u64)member * 1)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(256u, 0u); at < 2u; at += lane_step(256u)) {
            resident.array2[at] = ((f32 *)words[1] + (u64)member * 2)[at];
            resident.array10[at] = ((f32 *)words[2] + (u64)member * 2)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(256u, 0u); at < 7u; at += lane_step(256u)) {
            resident.array0[at] = ((u32 *)words[3] + (u64)member * 7)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(256u, 0u); at < 200u; at += lane_step(256u)) {
            resident.array7[at] = ((u32 *)words[4] + (u64)member * 200)[at];
            resident.array8[at] = ((u32 *)words[5] + (u64)member * 200)[at];
        }
        meet();
        u32 rings[2] = {0};
        u32 timestep = *trial->timestep;
        f32 time = *(const f32 *)trial->time;
        u64 steps_made = *trial->steps_made;
        for (u32 step = 0; step < trial->timesteps; ++step) {
            const u32 *const bits0 = resident.array0;
            if (is_warp(256u, 0u)) {
                list_events(neurons0, &counts[0], bits0, 200u);
            }
            meet();
            const EventList list0 = {bits0, neurons0, counts[0]};
            {
                LaunchOf<3> launch;
                launch.watch = watch;
                launch.lanes = 64u;
                launch.members = 2u;
                launch.kernel = 0u;
                launch.members_per_block = 1u;
                launch.rows = 200u;
                launch.columns = 2u;
                launch.stride = 2u;
                launch.row_length = (const u32 *)words[6];
                launch.targets = (const u32 *)words[7];
                launch.entries = (const u32 *)words[8];
                launch.starts = (const u32 *)words[9];
                launch.sources = (const u32 *)words[10];
                launch.synapses = (const u32 *)words[11];
                launch.slots[0] = {(void *)resident.array2, 0, (i64)2, 0, 2, 0, 1u, 0u};
                launch.slots[1] = {(void *)words[12], 0, (i64)400, 0, 400, 0, 1u, 0u};
                launch.slots[2] = {(void *)words[13], 0, (i64)400, 400, 400, 0, 1u, 0u};
                for (u32 lane = first_lane(256u, 0u); lane < 64u; lane += lane_step(256u)) {
                    kernel0_synapse_group__s__pre_spike_synaptic_code(&launch, lane, block, member, list0);
                }
            }
            meet();
            {
                LaunchOf<5> launch;
                launch.watch = watch;
                launch.lanes = 200u;
                launch.members = 2u;
                launch.kernel = 1u;
                launch.members_per_block = 1u;
                launch.rows = 0u;
                launch.columns = 0u;
                launch.stride = 0u;
                launch.slots[0] = {&time, 0, 0, 0, 0, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array7, 0, (i64)200, 0, 200, 0, 1u, 0u};
                launch.slots[2] = {(void *)resident.array8, 0, (i64)200, 0, 200, 0, 1u, 0u};
                launch.slots[3] = {(void *)words[14], 0, (i64)words[15], 0, 0, 0, 1u, 0u};
                launch.slots[4] = {(void *)resident.array0, 0, (i64)7, 0, 7, &rings[0], 1u, 0u};
                for (u32 lane = first_lane(256u, 0u); lane < 224u; lane += lane_step(256u)) {
                    kernel1_neuron_group__in__update(&launch, lane, block, member);
                }
            }
            {
                LaunchOf<3> launch;
                launch.watch = watch;
                launch.lanes = 2u;
                launch.members = 2u;
                launch.kernel = 2u;
                launch.members_per_block = 1u;
                launch.rows = 0u;
                launch.columns = 0u;
                launch.stride = 0u;
                launch.slots[0] = {(void *)resident.array10, 0, (i64)2, 0, 2, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array2, 0, (i64)2, 0, 2, 0, 1u, 0u};
                launch.slots[2] = {(void *)resident.array1, 0, (i64)1, 0, 1, &rings[1], 1u, 0u};
                for (u32 lane = first_lane(256u, 224u); lane < 32u; lane += lane_step(256u)) {
                    kernel2_neuron_group__out__update(&launch, lane, block, member);
                }
            }
            meet();
            timestep += 1;
            steps_made += 1;
            time = (f32)timestep * 1.0f;
        }
        #pragma unroll 1
        for (u32 at = first_lane(256u, 0u); at < 1u; at += lane_step(256u)) {
            ((u32 *)words[0] + (u64)member * 1)[at] = resident.array1[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(256u, 0u); at < 2u; at += lane_step(256u)) {
            ((f32 *)words[1] + (u64)member * 2)[at] = resident.array2[at];
            ((f32 *)words[2] + (u64)member * 2)[at] = resident.array10[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(256u, 0u); at < 7u; at += lane_step(256u)) {
            ((u32 *)words[3] + (u64)member * 7)[at] = resident.array0[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(256u, 0u); at < 200u; at += lane_step(256u)) {
            ((u32 *)words[4] + (u64)member * 200)[at] = resident.array7[at];
        }
        meet();
    }
}

// What a trial leaves of time and rings
extern "C" __global__ void finish_trial(const Trial *trial) {
    if (threadIdx.x != 0) return;
    *trial->timestep += trial->timesteps;
    *trial->steps_made += trial->timesteps;
    *(f32 *)trial->time = (f32)*trial->timestep * 1.0f;
}
