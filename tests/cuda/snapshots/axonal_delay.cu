// up to 256 timesteps
//     run_trial: 1 x 1 blocks of 160, Schedule
//     finish_trial: 1 x 1 blocks of 32, Schedule

// Synapse group 'S0' pre spike synaptic code
template <typename L>
FUNCTION void kernel0_synapse_group__s0__pre_spike_synaptic_code(
    const L *launch, const u32 post, const u32 block, const u32 member, const EventList &list) {
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // out_post
    const f32 *const __restrict__ s1 = copy_of<f32>(launch->slots[1], member); // g
    const u32 *const events = list.bits;
    if (post < launch->lanes) {
        f32 held0 = s0[post];
        u32 i = 0;
        for (; i + 16 <= list.count; i += 16) {
            #pragma unroll
            for (u32 next = 0; next < 16; ++next) {
                const u32 pre = list.neurons[i + next];
                const u64 synapse = (u64)pre * launch->stride + post;
                const f32 v0 = s1[synapse];
                held0 = add(held0, v0);
            }
        }
        if (i < list.count) {
            #pragma unroll
            for (u32 next = 0; next < 16; ++next) {
                const bool due = i + next < list.count;
                const u32 pre = list.neurons[i + next];
                const u64 synapse = (u64)pre * launch->stride + post;
                const f32 v0 = s1[synapse];
                held0 = add(held0, due ? v0 : nothing<f32>());
            }
        }
        s0[post] = held0;
    }
}

// Synapse group 'S1' pre spike synaptic code
template <typename L>
FUNCTION void kernel1_synapse_group__s1__pre_spike_synaptic_code(
    const L *launch, const u32 post, const u32 block, const u32 member, const EventList &list) {
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // out_post
    const f32 *const __restrict__ s1 = copy_of<f32>(launch->slots[1], member); // g
    const u32 *const events = list.bits;
    if (post < launch->lanes) {
        f32 held0 = s0[post];
        u32 i = 0;
        for (; i + 16 <= list.count; i += 16) {
            #pragma unroll
            for (u32 next = 0; next < 16; ++next) {
                const u32 pre = list.neurons[i + next];
                const u64 synapse = (u64)pre * launch->stride + post;
                const f32 v0 = s1[synapse];
                held0 = add(held0, v0);
            }
        }
        if (i < list.count) {
            #pragma unroll
            for (u32 next = 0; next < 16; ++next) {
                const bool due = i + next < list.count;
                const u32 pre = list.neurons[i + next];
                const u64 synapse = (u64)pre * launch->stride + post;
                const f32 v0 = s1[synapse];
                held0 = add(held0, due ? v0 : nothing<f32>());
            }
        }
        s0[post] = held0;
    }
}

// Synapse group 'S3' pre spike synaptic code
template <typename L>
FUNCTION void kernel2_synapse_group__s3__pre_spike_synaptic_code(
    const L *launch, const u32 post, const u32 block, const u32 member, const EventList &list) {
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // out_post
    const f32 *const __restrict__ s1 = copy_of<f32>(launch->slots[1], member); // g
    const u32 *const events = list.bits;
    if (post < launch->lanes) {
        f32 held0 = s0[post];
        u32 i = 0;
        for (; i + 16 <= list.count; i += 16) {
            #pragma unroll
            for (u32 next = 0; next < 16; ++next) {
                const u32 pre = list.neurons[i + next];
                const u64 synapse = (u64)pre * launch->stride + post;
                const f32 v0 = s1[synapse];
                held0 = add(held0, v0);
            }
        }
        if (i < list.count) {
            #pragma unroll
            for (u32 next = 0; next < 16; ++next) {
                const bool due = i + next < list.count;
                const u32 pre = list.neurons[i + next];
                const u64 synapse = (u64)pre * launch->stride + post;
                const f32 v0 = s1[synapse];
                held0 = add(held0, due ? v0 : nothing<f32>());
            }
        }
        s0[post] = held0;
    }
}

// Synapse group 'S7' pre spike synaptic code
template <typename L>
FUNCTION void kernel3_synapse_group__s7__pre_spike_synaptic_code(
    const L *launch, const u32 post, const u32 block, const u32 member, const EventList &list) {
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // out_post
    const f32 *const __restrict__ s1 = copy_of<f32>(launch->slots[1], member); // g
    const u32 *const events = list.bits;
    if (post < launch->lanes) {
        f32 held0 = s0[post];
        u32 i = 0;
        for (; i + 16 <= list.count; i += 16) {
            #pragma unroll
            for (u32 next = 0; next < 16; ++next) {
                const u32 pre = list.neurons[i + next];
                const u64 synapse = (u64)pre * launch->stride + post;
                const f32 v0 = s1[synapse];
                held0 = add(held0, v0);
            }
        }
        if (i < list.count) {
            #pragma unroll
            for (u32 next = 0; next < 16; ++next) {
                const bool due = i + next < list.count;
                const u32 pre = list.neurons[i + next];
                const u64 synapse = (u64)pre * launch->stride + post;
                const f32 v0 = s1[synapse];
                held0 = add(held0, due ? v0 : nothing<f32>());
            }
        }
        s0[post] = held0;
    }
}

// Neuron group 'In' update
template <typename L>
FUNCTION void kernel4_neuron_group__in__update(
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

// Neuron group 'D0' update
template <typename L>
FUNCTION void kernel5_neuron_group__d0__update(
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

// Neuron group 'D1' update
template <typename L>
FUNCTION void kernel6_neuron_group__d1__update(
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

// Neuron group 'D3' update
template <typename L>
FUNCTION void kernel7_neuron_group__d3__update(
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

// Neuron group 'D7' update
template <typename L>
FUNCTION void kernel8_neuron_group__d7__update(
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
    u32 array0[8]; // neuron.In.spike_queue
    u32 array1[1]; // neuron.D0.spike_queue
    u32 array2[1]; // neuron.D1.spike_queue
    u32 array3[1]; // neuron.D3.spike_queue
    u32 array4[1]; // neuron.D7.spike_queue
    f32 array5[4]; // syn.S0.out_post
    f32 array6[16]; // syn.S0.vars.g
    f32 array7[4]; // syn.S1.out_post
    f32 array8[16]; // syn.S1.vars.g
    f32 array9[4]; // syn.S3.out_post
    f32 array10[16]; // syn.S3.vars.g
    f32 array11[4]; // syn.S7.out_post
    f32 array12[16]; // syn.S7.vars.g
    u32 array13[4]; // neuron.In.vars.startSpike
    u32 array14[4]; // neuron.In.vars.endSpike
    f32 array16[4]; // neuron.D0.vars.x
    f32 array17[4]; // neuron.D1.vars.x
    f32 array18[4]; // neuron.D3.vars.x
    f32 array19[4]; // neuron.D7.vars.x
};

// All timesteps of a block of batch members
extern "C" __global__ void __launch_bounds__(160, 1) run_trial(const Trial *trial) {
    if (is_spare()) return;
    const u64 *const __restrict__ words = trial->words;
    Watch *const watch = trial->watch;
    const u32 block = blockIdx.x;
    __shared__ u16 neurons0[4 + LIST_END];
    __shared__ u16 neurons1[4 + LIST_END];
    __shared__ u16 neurons2[4 + LIST_END];
    __shared__ u16 neurons3[4 + LIST_END];
    __shared__ u32 counts[4];
    __shared__ Resident resident;
    const u32 first_member = block * 1u;
    for (u32 member = first_member; member < 1u
            && member < first_member + 1u; ++member) {
        #pragma unroll 1
        for (u32 at = first_lane(160u, 0u); at < 1u; at += lane_step(160u)) {
            resident.array1[at] = ((u32 *)words[0] + (u64)member * 1)[at];
            resident.array2[at] = ((u32 *)words[1] + (u64)member * 1)[at];
            resident.array3[at] = ((u32 *)words[2] + (u64)member * 1)[at];
            resident.array4[at] = ((u32 *)words[3] + (u64)member * 1)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(160u, 0u); at < 4u; at += lane_step(160u)) {
            resident.array5[at] = ((f32 *)words[4] + (u64)member * 4)[at];
            resident.array7[at] = ((f32 *)words[5] + (u64)member * 4)[at];
            resident.array9[at] = ((f32 *)words[6] + (u64)member * 4)[at];
            resident.array11[at] = ((f32 *)words[7] + (u64)member * 4)[at];
            resident.array13[at] = ((u32 *)words[8] + (u64)member * 4)[at];
            resident.array14[at] = ((u32 *)words[9] + (u64)member * 4)[at];
            resident.array16[at] = ((f32 *)words[10] + (u64)member * 4)[at];
            resident.array17[at] = ((f32 *)words[11] + (u64)member * 4)[at];
            resident.array18[at] = ((f32 *)words[12] + (u64)member * 4)[at];
            resident.array19[at] = ((f32 *)words[13] + (u64)member * 4)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(160u, 0u); at < 8u; at += lane_step(160u)) {
            resident.array0[at] = ((u32 *)words[14] + (u64)member * 8)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(160u, 0u); at < 16u; at += lane_step(160u)) {
            resident.array6[at] = ((f32 *)words[15] + (u64)member * 16)[at];
            resident.array8[at] = ((f32 *)words[16] + (u64)member * 16)[at];
            resident.array10[at] = ((f32 *)words[17] + (u64)member * 16)[at];
            resident.array12[at] = ((f32 *)words[18] + (u64)member * 16)[at];
        }
        meet();
        u32 rings[5] = {0};
        rings[0] = trial->rings[0];
        u32 timestep = *trial->timestep;
        f32 time = *(const f32 *)trial->time;
        u64 steps_made = *trial->steps_made;
        for (u32 step = 0; step < trial->timesteps; ++step) {
            const u32 *const bits0 = resident.array0 + 1 * earlier_slot(rings[0], 0u, 8u);
            if (is_warp(160u, 0u)) {
                list_events(neurons0, &counts[0], bits0, 4u);
            }
            const u32 *const bits1 = resident.array0 + 1 * earlier_slot(rings[0], 1u, 8u);
            if (is_warp(160u, 1u)) {
                list_events(neurons1, &counts[1], bits1, 4u);
            }
            const u32 *const bits2 = resident.array0 + 1 * earlier_slot(rings[0], 3u, 8u);
            if (is_warp(160u, 2u)) {
                list_events(neurons2, &counts[2], bits2, 4u);
            }
            const u32 *const bits3 = resident.array0 + 1 * earlier_slot(rings[0], 7u, 8u);
            if (is_warp(160u, 3u)) {
                list_events(neurons3, &counts[3], bits3, 4u);
            }
            meet();
            const EventList list0 = {bits0, neurons0, counts[0]};
            const EventList list1 = {bits1, neurons1, counts[1]};
            const EventList list2 = {bits2, neurons2, counts[2]};
            const EventList list3 = {bits3, neurons3, counts[3]};
            {
                LaunchOf<2> launch;
                launch.watch = watch;
                launch.lanes = 4u;
                launch.members = 1u;
                launch.kernel = 0u;
                launch.members_per_block = 1u;
                launch.rows = 4u;
                launch.columns = 4u;
                launch.stride = 4u;
                launch.slots[0] = {(void *)resident.array5, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array6, 0, (i64)16, 0, 16, 0, 1u, 0u};
                for (u32 lane = first_lane(160u, 0u); lane < 32u; lane += lane_step(160u)) {
                    kernel0_synapse_group__s0__pre_spike_synaptic_code(&launch, lane, block, member, list0);
                }
            }
            {
                LaunchOf<2> launch;
                launch.watch = watch;
                launch.lanes = 4u;
                launch.members = 1u;
                launch.kernel = 1u;
                launch.members_per_block = 1u;
                launch.rows = 4u;
                launch.columns = 4u;
                launch.stride = 4u;
                launch.slots[0] = {(void *)resident.array7, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array8, 0, (i64)16, 0, 16, 0, 1u, 0u};
                for (u32 lane = first_lane(160u, 32u); lane < 32u; lane += lane_step(160u)) {
                    kernel1_synapse_group__s1__pre_spike_synaptic_code(&launch, lane, block, member, list1);
                }
            }
            {
                LaunchOf<2> launch;
                launch.watch = watch;
                launch.lanes = 4u;
                launch.members = 1u;
                launch.kernel = 2u;
                launch.members_per_block = 1u;
                launch.rows = 4u;
                launch.columns = 4u;
                launch.stride = 4u;
                launch.slots[0] = {(void *)resident.array9, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array10, 0, (i64)16, 0, 16, 0, 1u, 0u};
                for (u32 lane = first_lane(160u, 64u); lane < 32u; lane += lane_step(160u)) {
                    kernel2_synapse_group__s3__pre_spike_synaptic_code(&launch, lane, block, member, list2);
                }
            }
            {
                LaunchOf<2> launch;
                launch.watch = watch;
                launch.lanes = 4u;
                launch.members = 1u;
                launch.kernel = 3u;
                launch.members_per_block = 1u;
                launch.rows = 4u;
                launch.columns = 4u;
                launch.stride = 4u;
                launch.slots[0] = {(void *)resident.array11, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array12, 0, (i64)16, 0, 16, 0, 1u, 0u};
                for (u32 lane = first_lane(160u, 96u); lane < 32u; lane += lane_step(160u)) {
                    kernel3_synapse_group__s7__pre_spike_synaptic_code(&launch, lane, block, member, list3);
                }
            }
            meet();
            rings[0] = next_slot(rings[0], 8u);
            {
                LaunchOf<5> launch;
                launch.watch = watch;
                launch.lanes = 4u;
                launch.members = 1u;
                launch.kernel = 4u;
                launch.members_per_block = 1u;
                launch.rows = 0u;
                launch.columns = 0u;
                launch.stride = 0u;
                launch.slots[0] = {&time, 0, 0, 0, 0, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array13, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[2] = {(void *)resident.array14, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[3] = {(void *)words[19], 0, (i64)words[20], 0, 0, 0, 1u, 0u};
                launch.slots[4] = {(void *)resident.array0, 0, (i64)1, 0, 1, &rings[0], 8u, 0u};
                for (u32 lane = first_lane(160u, 0u); lane < 32u; lane += lane_step(160u)) {
                    kernel4_neuron_group__in__update(&launch, lane, block, member);
                }
            }
            {
                LaunchOf<3> launch;
                launch.watch = watch;
                launch.lanes = 4u;
                launch.members = 1u;
                launch.kernel = 5u;
                launch.members_per_block = 1u;
                launch.rows = 0u;
                launch.columns = 0u;
                launch.stride = 0u;
                launch.slots[0] = {(void *)resident.array16, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array5, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[2] = {(void *)resident.array1, 0, (i64)1, 0, 1, &rings[1], 1u, 0u};
                for (u32 lane = first_lane(160u, 32u); lane < 32u; lane += lane_step(160u)) {
                    kernel5_neuron_group__d0__update(&launch, lane, block, member);
                }
            }
            {
                LaunchOf<3> launch;
                launch.watch = watch;
                launch.lanes = 4u;
                launch.members = 1u;
                launch.kernel = 6u;
                launch.members_per_block = 1u;
                launch.rows = 0u;
                launch.columns = 0u;
                launch.stride = 0u;
                launch.slots[0] = {(void *)resident.array17, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array7, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[2] = {(void *)resident.array2, 0, (i64)1, 0, 1, &rings[2], 1u, 0u};
                for (u32 lane = first_lane(160u, 64u); lane < 32u; lane += lane_step(160u)) {
                    kernel6_neuron_group__d1__update(&launch, lane, block, member);
                }
            }
            {
                LaunchOf<3> launch;
                launch.watch = watch;
                launch.lanes = 4u;
                launch.members = 1u;
                launch.kernel = 7u;
                launch.members_per_block = 1u;
                launch.rows = 0u;
                launch.columns = 0u;
                launch.stride = 0u;
                launch.slots[0] = {(void *)resident.array18, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array9, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[2] = {(void *)resident.array3, 0, (i64)1, 0, 1, &rings[3], 1u, 0u};
                for (u32 lane = first_lane(160u, 96u); lane < 32u; lane += lane_step(160u)) {
                    kernel7_neuron_group__d3__update(&launch, lane, block, member);
                }
            }
            {
                LaunchOf<3> launch;
                launch.watch = watch;
                launch.lanes = 4u;
                launch.members = 1u;
                launch.kernel = 8u;
                launch.members_per_block = 1u;
                launch.rows = 0u;
                launch.columns = 0u;
                launch.stride = 0u;
                launch.slots[0] = {(void *)resident.array19, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array11, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[2] = {(void *)resident.array4, 0, (i64)1, 0, 1, &rings[4], 1u, 0u};
                for (u32 lane = first_lane(160u, 128u); lane < 32u; lane += lane_step(160u)) {
                    kernel8_neuron_group__d7__update(&launch, lane, block, member);
                }
            }
            meet();
            timestep += 1;
            steps_made += 1;
            time = (f32)timestep * 1.0f;
        }
        #pragma unroll 1
        for (u32 at = first_lane(160u, 0u); at < 1u; at += lane_step(160u)) {
            ((u32 *)words[0] + (u64)member * 1)[at] = resident.array1[at];
            ((u32 *)words[1] + (u64)member * 1)[at] = resident.array2[at];
            ((u32 *)words[2] + (u64)member * 1)[at] = resident.array3[at];
            ((u32 *)words[3] + (u64)member * 1)[at] = resident.array4[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(160u, 0u); at < 4u; at += lane_step(160u)) {
            ((f32 *)words[4] + (u64)member * 4)[at] = resident.array5[at];
            ((f32 *)words[5] + (u64)member * 4)[at] = resident.array7[at];
            ((f32 *)words[6] + (u64)member * 4)[at] = resident.array9[at];
            ((f32 *)words[7] + (u64)member * 4)[at] = resident.array11[at];
            ((u32 *)words[8] + (u64)member * 4)[at] = resident.array13[at];
            ((f32 *)words[10] + (u64)member * 4)[at] = resident.array16[at];
            ((f32 *)words[11] + (u64)member * 4)[at] = resident.array17[at];
            ((f32 *)words[12] + (u64)member * 4)[at] = resident.array18[at];
            ((f32 *)words[13] + (u64)member * 4)[at] = resident.array19[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(160u, 0u); at < 8u; at += lane_step(160u)) {
            ((u32 *)words[14] + (u64)member * 8)[at] = resident.array0[at];
        }
        meet();
    }
}

// What a trial leaves of time and rings
extern "C" __global__ void finish_trial(const Trial *trial) {
    if (threadIdx.x != 0) return;
    trial->rings[0] = (trial->rings[0] + trial->timesteps) % 8u;
    *trial->timestep += trial->timesteps;
    *trial->steps_made += trial->timesteps;
    *(f32 *)trial->time = (f32)*trial->timestep * 1.0f;
}
