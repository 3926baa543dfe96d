// up to 256 timesteps
//     run_trial: 1 x 1 blocks of 96, Schedule
//     finish_trial: 1 x 1 blocks of 32, Schedule

// Synapse group 'S' pre spike synaptic code
template <typename L>
FUNCTION void kernel0_synapse_group__s__pre_spike_synaptic_code(
    const L *launch, const u32 post, const u32 block, const u32 member, const EventList &list) {
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // out_post
    const f32 *const __restrict__ s1 = copy_of<f32>(launch->slots[1], member); // g
    const u32 *const events = list.bits;
    if (post < launch->lanes) {
        f32 held0 = s0[post];
        for (u32 i = launch->starts[post]; i < launch->starts[post + 1]; ++i) {
            const u32 pre = launch->sources[i];
            if (!has_event(events, pre)) continue;
            const u64 synapse = launch->synapses[i];
            const f32 v0 = s1[launch->entries[synapse]];
            held0 = add(held0, v0);
        }
        s0[post] = held0;
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
        const u32 v3 = 1u;
        const bool v4 = v1 != v2;
        bool v5;
        if (v4) {
            const i64 v6 = (i64)v1;
            const f32 v7 = load_element(launch, s3, 3, v6, launch->slots[3].length);
            const bool v8 = v0 >= v7;
            v5 = v8;
        } else {
            v5 = v4;
        }
        event4 = v5;
        const u32 v9 = add(v1, v3);
        const u32 v10 = v5 ? v9 : v1;
        s1[lane] = v10;
    }
    emit_events(s4, lane, launch->lanes, event4);
}

// Neuron group 'X' update
template <typename L>
FUNCTION void kernel2_neuron_group__x__update(
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
    u32 array0[2]; // neuron.In.spike_queue
    u32 array1[1]; // neuron.X.spike_queue
    f32 array2[32]; // syn.S.out_post
    f32 array6[24]; // syn.S.vars.g
    u32 array7[60]; // neuron.In.vars.startSpike
    u32 array8[60]; // neuron.In.vars.endSpike
    f32 array10[32]; // neuron.X.vars.x
};

// All timesteps of a block of batch members
extern "C" __global__ void __launch_bounds__(96, 1) run_trial(const Trial *trial) {
    if (is_spare()) return;
    const u64 *const __restrict__ words = trial->words;
    Watch *const watch = trial->watch;
    const u32 block = blockIdx.x;
    __shared__ u16 neurons0[60 + LIST_END];
    __shared__ u32 counts[1];
    __shared__ Resident resident;
    const u32 first_member = block * 1u;
    for (u32 member = first_member; member < 1u
            && member < first_member + 1u; ++member) {
        #pragma unroll 1
        for (u32 at = first_lane(96u, 0u); at < 1u; at += lane_step(96u)) {
            resident.array1[at] = ((u32 *)words[0] + (u64)member * 1)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(96u, 0u); at < 2u; at += lane_step(96u)) {
            resident.array0[at] = ((u32 *)words[1] + (u64)member * 2)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(96u, 0u); at < 24u; at += lane_step(96u)) {
            resident.array6[at] = ((f32 *)words[2] + (u64)member * 24)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(96u, 0u); at < 32u; at += lane_step(96u)) {
            resident.array2[at] = ((f32 *)words[3] + (u64)member * 32)[at];
            resident.array10[at] = ((f32 *)words[4] + (u64)member * 32)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(96u, 0u); at < 60u; at += lane_step(96u)) {
            resident.array7[at] = ((u32 *)words[5] + (u64)member * 60)[at];
            resident.array8[at] = ((u32 *)words[6] + (u64)member * 60)[at];
        }
        meet();
        u32 rings[2] = {0};
        u32 timestep = *trial->timestep;
        f32 time = *(const f32 *)trial->time;
        u64 steps_made = *trial->steps_made;
        for (u32 step = 0; step < trial->timesteps; ++step) {
            const u32 *const bits0 = resident.array0;
            if (is_warp(96u, 0u)) {
                list_events(neurons0, &counts[0], bits0, 60u);
            }
            meet();
            const EventList list0 = {bits0, neurons0, counts[0]};
            {
                LaunchOf<2> launch;
                launch.watch = watch;
                launch.lanes = 32u;
                launch.members = 1u;
                launch.kernel = 0u;
                launch.members_per_block = 1u;
                launch.rows = 60u;
                launch.columns = 32u;
                launch.stride = 12u;
                launch.row_length = (const u32 *)words[7];
                launch.targets = (const u32 *)words[8];
                launch.entries = (const u32 *)words[9];
                launch.starts = (const u32 *)words[10];
                launch.sources = (const u32 *)words[11];
                launch.synapses = (const u32 *)words[12];
                launch.slots[0] = {(void *)resident.array2, 0, (i64)32, 0, 32, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array6, 0, (i64)24, 0, 24, 0, 1u, 0u};
                for (u32 lane = first_lane(96u, 0u); lane < 32u; lane += lane_step(96u)) {
                    kernel0_synapse_group__s__pre_spike_synaptic_code(&launch, lane, block, member, list0);
                }
            }
            meet();
            {
                LaunchOf<5> launch;
                launch.watch = watch;
                launch.lanes = 60u;
                launch.members = 1u;
                launch.kernel = 1u;
                launch.members_per_block = 1u;
                launch.rows = 0u;
                launch.columns = 0u;
                launch.stride = 0u;
                launch.slots[0] = {&time, 0, 0, 0, 0, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array7, 0, (i64)60, 0, 60, 0, 1u, 0u};
                launch.slots[2] = {(void *)resident.array8, 0, (i64)60, 0, 60, 0, 1u, 0u};
                launch.slots[3] = {(void *)words[13], 0, (i64)words[14], 0, 0, 0, 1u, 0u};
                launch.slots[4] = {(void *)resident.array0, 0, (i64)2, 0, 2, &rings[0], 1u, 0u};
                for (u32 lane = first_lane(96u, 0u); lane < 64u; lane += lane_step(96u)) {
                    kernel1_neuron_group__in__update(&launch, lane, block, member);
                }
            }
            {
                LaunchOf<3> launch;
                launch.watch = watch;
                launch.lanes = 32u;
                launch.members = 1u;
                launch.kernel = 2u;
                launch.members_per_block = 1u;
                launch.rows = 0u;
                launch.columns = 0u;
                launch.stride = 0u;
                launch.slots[0] = {(void *)resident.array10, 0, (i64)32, 0, 32, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array2, 0, (i64)32, 0, 32, 0, 1u, 0u};
                launch.slots[2] = {(void *)resident.array1, 0, (i64)1, 0, 1, &rings[1], 1u, 0u};
                for (u32 lane = first_lane(96u, 64u); lane < 32u; lane += lane_step(96u)) {
                    kernel2_neuron_group__x__update(&launch, lane, block, member);
                }
            }
            meet();
            timestep += 1;
            steps_made += 1;
            time = (f32)timestep * 1.0f;
        }
        #pragma unroll 1
        for (u32 at = first_lane(96u, 0u); at < 1u; at += lane_step(96u)) {
            ((u32 *)words[0] + (u64)member * 1)[at] = resident.array1[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(96u, 0u); at < 2u; at += lane_step(96u)) {
            ((u32 *)words[1] + (u64)member * 2)[at] = resident.array0[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(96u, 0u); at < 32u; at += lane_step(96u)) {
            ((f32 *)words[3] + (u64)member * 32)[at] = resident.array2[at];
            ((f32 *)words[4] + (u64)member * 32)[at] = resident.array10[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(96u, 0u); at < 60u; at += lane_step(96u)) {
            ((u32 *)words[5] + (u64)member * 60)[at] = resident.array7[at];
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
