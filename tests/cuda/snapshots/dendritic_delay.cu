// up to 256 timesteps
//     run_trial: 1 x 1 blocks of 96, Schedule
//     finish_trial: 1 x 1 blocks of 32, Schedule

// Synapse group 'SD' pre spike synaptic code
template <typename L>
FUNCTION void kernel0_synapse_group__sd__pre_spike_synaptic_code(
    const L *launch, const u32 post, const u32 block, const u32 member, const EventList &list) {
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // den_delay
    const f32 *const __restrict__ s1 = copy_of<f32>(launch->slots[1], 0); // g
    const u8 *const __restrict__ s2 = copy_of<u8>(launch->slots[2], 0); // d
    const u32 *const events = list.bits;
    if (post < launch->lanes) {
        for (u32 i = 0; i < list.count; i += 32) {
            #pragma unroll
            for (u32 next = 0; next < 32; ++next) {
                if (i + next < list.count) {
                    const u32 pre = list.neurons[i + next];
                    const u64 synapse = (u64)pre * launch->stride + post;
                    const f32 v0 = s1[synapse];
                    const u8 v1 = s2[synapse];
                    const u32 v2 = (u32)v1;
                    s0[due(launch->slots[0], v2) + post] = add(s0[due(launch->slots[0], v2) + post], v0);
                }
            }
        }
    }
}

// Synapse group 'SS' pre spike synaptic code
template <typename L>
FUNCTION void kernel1_synapse_group__ss__pre_spike_synaptic_code(
    const L *launch, const u32 post, const u32 block, const u32 member, const EventList &list) {
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // den_delay
    const f32 *const __restrict__ s1 = copy_of<f32>(launch->slots[1], 0); // g
    const u8 *const __restrict__ s2 = copy_of<u8>(launch->slots[2], 0); // d
    const u32 *const events = list.bits;
    if (post < launch->lanes) {
        for (u32 i = launch->starts[post]; i < launch->starts[post + 1]; ++i) {
            const u32 pre = launch->sources[i];
            if (!has_event(events, pre)) continue;
            const u64 synapse = launch->synapses[i];
            const f32 v0 = s1[synapse];
            const u8 v1 = s2[synapse];
            const u32 v2 = (u32)v1;
            s0[due(launch->slots[0], v2) + post] = add(s0[due(launch->slots[0], v2) + post], v0);
        }
    }
}

// Neuron group 'In' update
template <typename L>
FUNCTION void kernel2_neuron_group__in__update(
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

// Neuron group 'D' update
template <typename L>
FUNCTION void kernel3_neuron_group__d__update(
    const L *launch, const u32 lane, const u32 block, const u32 member) {
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // x
    f32 *const s1 = copy_of<f32>(launch->slots[1], member); // in_syn
    f32 *const s2 = current_of<f32>(launch->slots[2], member); // den_delay
    u32 *const s3 = current_of<u32>(launch->slots[3], member); // spikes
    bool event3 = false;
    if (lane < launch->lanes) {
        const f32 v0 = 0.0f;
        const f32 v1 = s1[lane];
        const f32 v2 = s2[lane];
        const f32 v3 = v1 + v2;
        s2[lane] = v0;
        const f32 v4 = v0 + v3;
        s1[lane] = v0;
        const bool v5 = false;
        event3 = v5;
        s0[lane] = v4;
    }
    emit_events(s3, lane, launch->lanes, event3);
}

// Neuron group 'S' update
template <typename L>
FUNCTION void kernel4_neuron_group__s__update(
    const L *launch, const u32 lane, const u32 block, const u32 member) {
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // x
    f32 *const s1 = copy_of<f32>(launch->slots[1], member); // in_syn
    f32 *const s2 = current_of<f32>(launch->slots[2], member); // den_delay
    u32 *const s3 = current_of<u32>(launch->slots[3], member); // spikes
    bool event3 = false;
    if (lane < launch->lanes) {
        const f32 v0 = 0.0f;
        const f32 v1 = s1[lane];
        const f32 v2 = s2[lane];
        const f32 v3 = v1 + v2;
        s2[lane] = v0;
        const f32 v4 = 0.71653134f;
        const f32 v5 = 0.85040605f;
        const f32 v6 = v5 * v3;
        const f32 v7 = v0 + v6;
        const f32 v8 = v3 * v4;
        s1[lane] = v8;
        const bool v9 = false;
        event3 = v9;
        s0[lane] = v7;
    }
    emit_events(s3, lane, launch->lanes, event3);
}

// What a batch member has in shared memory during a launch
struct Resident {
    u32 array0[3]; // neuron.In.spike_queue
    u32 array1[1]; // neuron.D.spike_queue
    u32 array2[1]; // neuron.S.spike_queue
    f32 array3[4]; // syn.SD.out_post
    f32 array4[24]; // syn.SD.den_delay
    f32 array7[4]; // syn.SS.out_post
    f32 array8[24]; // syn.SS.den_delay
    u32 array13[3]; // neuron.In.vars.startSpike
    u32 array14[3]; // neuron.In.vars.endSpike
    f32 array16[4]; // neuron.D.vars.x
    f32 array17[4]; // neuron.S.vars.x
};

// All timesteps of a block of batch members
extern "C" __global__ void __launch_bounds__(96, 1) run_trial(const Trial *trial) {
    if (is_spare()) return;
    const u64 *const __restrict__ words = trial->words;
    Watch *const watch = trial->watch;
    const u32 block = blockIdx.x;
    __shared__ u16 neurons0[3 + LIST_END];
    __shared__ u16 neurons1[3 + LIST_END];
    __shared__ u32 counts[2];
    __shared__ Resident resident;
    const u32 first_member = block * 1u;
    for (u32 member = first_member; member < 1u
            && member < first_member + 1u; ++member) {
        #pragma unroll 1
        for (u32 at = first_lane(96u, 0u); at < 1u; at += lane_step(96u)) {
            resident.array1[at] = ((u32 *)words[0] + (u64)member * 1)[at];
            resident.array2[at] = ((u32 *)words[1] + (u64)member * 1)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(96u, 0u); at < 3u; at += lane_step(96u)) {
            resident.array0[at] = ((u32 *)words[2] + (u64)member * 3)[at];
            resident.array13[at] = ((u32 *)words[3] + (u64)member * 3)[at];
            resident.array14[at] = ((u32 *)words[4] + (u64)member * 3)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(96u, 0u); at < 4u; at += lane_step(96u)) {
            resident.array3[at] = ((f32 *)words[5] + (u64)member * 4)[at];
            resident.array7[at] = ((f32 *)words[6] + (u64)member * 4)[at];
            resident.array16[at] = ((f32 *)words[7] + (u64)member * 4)[at];
            resident.array17[at] = ((f32 *)words[8] + (u64)member * 4)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(96u, 0u); at < 24u; at += lane_step(96u)) {
            resident.array4[at] = ((f32 *)words[9] + (u64)member * 24)[at];
            resident.array8[at] = ((f32 *)words[10] + (u64)member * 24)[at];
        }
        meet();
        u32 rings[5] = {0};
        rings[0] = trial->rings[0];
        rings[3] = trial->rings[3];
        rings[4] = trial->rings[4];
        u32 timestep = *trial->timestep;
        f32 time = *(const f32 *)trial->time;
        u64 steps_made = *trial->steps_made;
        for (u32 step = 0; step < trial->timesteps; ++step) {
            rings[3] = next_slot(rings[3], 6u);
            rings[4] = next_slot(rings[4], 6u);
            const u32 *const bits0 = resident.array0 + 1 * earlier_slot(rings[0], 0u, 3u);
            if (is_warp(96u, 0u)) {
                list_events(neurons0, &counts[0], bits0, 3u);
            }
            const u32 *const bits1 = resident.array0 + 1 * earlier_slot(rings[0], 2u, 3u);
            if (is_warp(96u, 1u)) {
                list_events(neurons1, &counts[1], bits1, 3u);
            }
            meet();
            const EventList list0 = {bits0, neurons0, counts[0]};
            const EventList list1 = {bits1, neurons1, counts[1]};
            {
                LaunchOf<3> launch;
                launch.watch = watch;
                launch.lanes = 4u;
                launch.members = 1u;
                launch.kernel = 0u;
                launch.members_per_block = 1u;
                launch.rows = 3u;
                launch.columns = 4u;
                launch.stride = 4u;
                launch.slots[0] = {(void *)resident.array4, 0, (i64)4, 0, 4, &rings[3], 6u, 0u};
                launch.slots[1] = {(void *)words[11], 0, (i64)12, 0, 12, 0, 1u, 0u};
                launch.slots[2] = {(void *)words[12], 0, (i64)12, 0, 12, 0, 1u, 0u};
                for (u32 lane = first_lane(96u, 0u); lane < 32u; lane += lane_step(96u)) {
                    kernel0_synapse_group__sd__pre_spike_synaptic_code(&launch, lane, block, member, list0);
                }
            }
            {
                LaunchOf<3> launch;
                launch.watch = watch;
                launch.lanes = 4u;
                launch.members = 1u;
                launch.kernel = 1u;
                launch.members_per_block = 1u;
                launch.rows = 3u;
                launch.columns = 4u;
                launch.stride = 2u;
                launch.row_length = (const u32 *)words[13];
                launch.targets = (const u32 *)words[14];
                launch.entries = (const u32 *)words[15];
                launch.starts = (const u32 *)words[16];
                launch.sources = (const u32 *)words[17];
                launch.synapses = (const u32 *)words[18];
                launch.slots[0] = {(void *)resident.array8, 0, (i64)4, 0, 4, &rings[4], 6u, 0u};
                launch.slots[1] = {(void *)words[19], 0, (i64)6, 0, 6, 0, 1u, 0u};
                launch.slots[2] = {(void *)words[20], 0, (i64)6, 0, 6, 0, 1u, 0u};
                for (u32 lane = first_lane(96u, 32u); lane < 32u; lane += lane_step(96u)) {
                    kernel1_synapse_group__ss__pre_spike_synaptic_code(&launch, lane, block, member, list1);
                }
            }
            meet();
            rings[0] = next_slot(rings[0], 3u);
            {
                LaunchOf<5> launch;
                launch.watch = watch;
                launch.lanes = 3u;
                launch.members = 1u;
                launch.kernel = 2u;
                launch.members_per_block = 1u;
                launch.rows = 0u;
                launch.columns = 0u;
                launch.stride = 0u;
                launch.slots[0] = {&time, 0, 0, 0, 0, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array13, 0, (i64)3, 0, 3, 0, 1u, 0u};
                launch.slots[2] = {(void *)resident.array14, 0, (i64)3, 0, 3, 0, 1u, 0u};
                launch.slots[3] = {(void *)words[21], 0, (i64)words[22], 0, 0, 0, 1u, 0u};
                launch.slots[4] = {(void *)resident.array0, 0, (i64)1, 0, 1, &rings[0], 3u, 0u};
                for (u32 lane = first_lane(96u, 0u); lane < 32u; lane += lane_step(96u)) {
                    kernel2_neuron_group__in__update(&launch, lane, block, member);
                }
            }
            {
                LaunchOf<4> launch;
                launch.watch = watch;
                launch.lanes = 4u;
                launch.members = 1u;
                launch.kernel = 3u;
                launch.members_per_block = 1u;
                launch.rows = 0u;
                launch.columns = 0u;
                launch.stride = 0u;
                launch.slots[0] = {(void *)resident.array16, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array3, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[2] = {(void *)resident.array4, 0, (i64)4, 0, 4, &rings[3], 6u, 0u};
                launch.slots[3] = {(void *)resident.array1, 0, (i64)1, 0, 1, &rings[1], 1u, 0u};
                for (u32 lane = first_lane(96u, 32u); lane < 32u; lane += lane_step(96u)) {
                    kernel3_neuron_group__d__update(&launch, lane, block, member);
                }
            }
            {
                LaunchOf<4> launch;
                launch.watch = watch;
                launch.lanes = 4u;
                launch.members = 1u;
                launch.kernel = 4u;
                launch.members_per_block = 1u;
                launch.rows = 0u;
                launch.columns = 0u;
                launch.stride = 0u;
                launch.slots[0] = {(void *)resident.array17, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array7, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[2] = {(void *)resident.array8, 0, (i64)4, 0, 4, &rings[4], 6u, 0u};
                launch.slots[3] = {(void *)resident.array2, 0, (i64)1, 0, 1, &rings[2], 1u, 0u};
                for (u32 lane = first_lane(96u, 64u); lane < 32u; lane += lane_step(96u)) {
                    kernel4_neuron_group__s__update(&launch, lane, block, member);
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
            ((u32 *)words[1] + (u64)member * 1)[at] = resident.array2[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(96u, 0u); at < 3u; at += lane_step(96u)) {
            ((u32 *)words[2] + (u64)member * 3)[at] = resident.array0[at];
            ((u32 *)words[3] + (u64)member * 3)[at] = resident.array13[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(96u, 0u); at < 4u; at += lane_step(96u)) {
            ((f32 *)words[5] + (u64)member * 4)[at] = resident.array3[at];
            ((f32 *)words[6] + (u64)member * 4)[at] = resident.array7[at];
            ((f32 *)words[7] + (u64)member * 4)[at] = resident.array16[at];
            ((f32 *)words[8] + (u64)member * 4)[at] = resident.array17[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(96u, 0u); at < 24u; at += lane_step(96u)) {
            ((f32 *)words[9] + (u64)member * 24)[at] = resident.array4[at];
            ((f32 *)words[10] + (u64)member * 24)[at] = resident.array8[at];
        }
        meet();
    }
}

// What a trial leaves of time and rings
extern "C" __global__ void finish_trial(const Trial *trial) {
    if (threadIdx.x != 0) return;
    trial->rings[0] = (trial->rings[0] + trial->timesteps) % 3u;
    trial->rings[3] = (trial->rings[3] + trial->timesteps) % 6u;
    trial->rings[4] = (trial->rings[4] + trial->timesteps) % 6u;
    *trial->timestep += trial->timesteps;
    *trial->steps_made += trial->timesteps;
    *(f32 *)trial->time = (f32)*trial->timestep * 1.0f;
}
