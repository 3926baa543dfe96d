// up to 256 timesteps
//     run_trial: 1 x 1 blocks of 64, Schedule
//     finish_trial: 1 x 1 blocks of 32, Schedule
// custom update Opt
//     kernel4_custom_update__o_: 1 x 1 blocks of 128, CustomUpdate

// Custom update 'O'
extern "C" __global__ void kernel4_custom_update__o_(const Launch *launch) {
    const u32 lane = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 member = blockIdx.y;
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // m
    f32 *const s1 = copy_of<f32>(launch->slots[1], member); // v
    f32 *const s2 = copy_of<f32>(launch->slots[2], member); // grad
    f32 *const s3 = copy_of<f32>(launch->slots[3], member); // g
    const f32 *const __restrict__ s4 = copy_of<f32>(launch->slots[4], 0); // lr
    const f32 *const __restrict__ s5 = copy_of<f32>(launch->slots[5], 0); // c1
    const f32 *const __restrict__ s6 = copy_of<f32>(launch->slots[6], 0); // c2
    if (lane < launch->lanes) {
        const f32 v0 = s0[lane];
        const f32 v1 = s1[lane];
        const f32 v2 = s2[lane];
        const f32 v3 = s3[lane];
        const f32 v4 = 0.9f;
        const f32 v5 = 0.999f;
        const f32 v6 = 1e-8f;
        const f32 v7 = s4[0];
        const f32 v8 = s5[0];
        const f32 v9 = s6[0];
        const f32 v10 = v4 * v0;
        const f32 v11 = 0.100000024f;
        const f32 v12 = v11 * v2;
        const f32 v13 = v10 + v12;
        const f32 v14 = v5 * v1;
        const f32 v15 = 0.0009999871f;
        const f32 v16 = v15 * v2;
        const f32 v17 = v16 * v2;
        const f32 v18 = v14 + v17;
        const f32 v19 = v7 * v13;
        const f32 v20 = v19 * v8;
        const f32 v21 = v18 * v9;
        const f32 v22 = math_sqrt(v21);
        const f32 v23 = v22 + v6;
        const f32 v24 = v20 / v23;
        const f32 v25 = v3 - v24;
        const f32 v26 = 0.0f;
        s0[lane] = v13;
        s1[lane] = v18;
        s2[lane] = v26;
        s3[lane] = v25;
    }
}

// Synapse group 'S' synapse dynamics code
template <typename L>
FUNCTION void kernel0_synapse_group__s__synapse_dynamics_code(
    const L *launch, const u32 place, const u32 block, const u32 member) {
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // grad
    const f32 *const __restrict__ s1 = copy_of<f32>(launch->slots[1], member); // tr
    const f32 *const __restrict__ s2 = copy_of<f32>(launch->slots[2], member); // L
    if (place < launch->lanes) {
        const u32 pre = place / launch->stride;
        const u64 synapse = place;
        const u32 post = place % launch->stride;
        const f32 v0 = s0[synapse];
        const f32 v1 = s1[pre];
        const f32 v2 = s2[post];
        const f32 v3 = v1 * v2;
        const f32 v4 = v0 + v3;
        s0[synapse] = v4;
    }
}

// Synapse group 'S' pre spike synaptic code
template <typename L>
FUNCTION void kernel1_synapse_group__s__pre_spike_synaptic_code(
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
FUNCTION void kernel2_neuron_group__in__update(
    const L *launch, const u32 lane, const u32 block, const u32 member) {
    const f32 *const __restrict__ s0 = copy_of<f32>(launch->slots[0], 0); // t
    u32 *const s1 = copy_of<u32>(launch->slots[1], member); // startSpike
    const u32 *const __restrict__ s2 = copy_of<u32>(launch->slots[2], member); // endSpike
    const f32 *const __restrict__ s3 = copy_of<f32>(launch->slots[3], 0); // spikeTimes
    f32 *const s4 = copy_of<f32>(launch->slots[4], member); // tr
    u32 *const s5 = current_of<u32>(launch->slots[5], member); // spikes
    bool event5 = false;
    if (lane < launch->lanes) {
        const f32 v0 = s0[0];
        const u32 v1 = s1[lane];
        const u32 v2 = s2[lane];
        const f32 v3 = 1.0f;
        const u32 v4 = 1u;
        const f32 v5 = s4[lane];
        const f32 v6 = 0.7f;
        const f32 v7 = v5 * v6;
        const bool v8 = v1 != v2;
        bool v9;
        if (v8) {
            const i64 v10 = (i64)v1;
            const f32 v11 = load_element(launch, s3, 3, v10, launch->slots[3].length);
            const bool v12 = v0 >= v11;
            v9 = v12;
        } else {
            v9 = v8;
        }
        event5 = v9;
        const f32 v13 = v7 + v3;
        const u32 v14 = add(v1, v4);
        const u32 v15 = v9 ? v14 : v1;
        const f32 v16 = v9 ? v13 : v7;
        s4[lane] = v16;
        s1[lane] = v15;
    }
    emit_events(s5, lane, launch->lanes, event5);
}

// Neuron group 'X' update
template <typename L>
FUNCTION void kernel3_neuron_group__x__update(
    const L *launch, const u32 lane, const u32 block, const u32 member) {
    f32 *const s1 = copy_of<f32>(launch->slots[1], member); // V
    f32 *const s2 = copy_of<f32>(launch->slots[2], member); // L
    f32 *const s3 = copy_of<f32>(launch->slots[3], member); // in_syn
    u32 *const s4 = current_of<u32>(launch->slots[4], member); // spikes
    bool event4 = false;
    if (lane < launch->lanes) {
        const u32 v0 = lane;
        const f32 v1 = s1[lane];
        const f32 v2 = s2[lane];
        const f32 v3 = 0.0f;
        const f32 v4 = s3[lane];
        const u32 v5 = 1u;
        const f32 v6 = v3 + v4;
        s3[lane] = v3;
        const f32 v7 = 0.9f;
        const f32 v8 = v7 * v1;
        const f32 v9 = v8 + v6;
        const f32 v10 = 0.8f;
        const f32 v11 = v10 * v2;
        const f32 v12 = v11 + v9;
        const f32 v13 = 0.5f;
        const u32 v14 = add(v0, v5);
        const f32 v15 = (f32)v14;
        const f32 v16 = v13 * v15;
        const f32 v17 = v12 - v16;
        const bool v18 = false;
        event4 = v18;
        s1[lane] = v9;
        s2[lane] = v17;
    }
    emit_events(s4, lane, launch->lanes, event4);
}

// What a batch member has in shared memory during a launch
struct Resident {
    u32 array0[1]; // neuron.In.spike_queue
    u32 array1[1]; // neuron.X.spike_queue
    f32 array2[2]; // syn.S.out_post
    f32 array3[6]; // syn.S.vars.g
    f32 array4[6]; // syn.S.vars.grad
    f32 array5[3]; // syn.S.pre_vars.tr
    u32 array6[3]; // neuron.In.vars.startSpike
    u32 array7[3]; // neuron.In.vars.endSpike
    f32 array9[2]; // neuron.X.vars.V
    f32 array10[2]; // neuron.X.vars.L
};

// All timesteps of a block of batch members
extern "C" __global__ void __launch_bounds__(64, 1) run_trial(const Trial *trial) {
    if (is_spare()) return;
    const u64 *const __restrict__ words = trial->words;
    Watch *const watch = trial->watch;
    const u32 block = blockIdx.x;
    __shared__ u16 neurons0[3 + LIST_END];
    __shared__ u32 counts[1];
    __shared__ Resident resident;
    const u32 first_member = block * 1u;
    for (u32 member = first_member; member < 1u
            && member < first_member + 1u; ++member) {
        #pragma unroll 1
        for (u32 at = first_lane(64u, 0u); at < 1u; at += lane_step(64u)) {
            resident.array0[at] = ((u32 *)words[0] + (u64)member * 1)[at];
            resident.array1[at] = ((u32 *)words[1] + (u64)member * 1)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(64u, 0u); at < 2u; at += lane_step(64u)) {
            resident.array2[at] = ((f32 *)words[2] + (u64)member * 2)[at];
            resident.array9[at] = ((f32 *)words[3] + (u64)member * 2)[at];
            resident.array10[at] = ((f32 *)words[4] + (u64)member * 2)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(64u, 0u); at < 3u; at += lane_step(64u)) {
            resident.array5[at] = ((f32 *)words[5] + (u64)member * 3)[at];
            resident.array6[at] = ((u32 *)words[6] + (u64)member * 3)[at];
            resident.array7[at] = ((u32 *)words[7] + (u64)member * 3)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(64u, 0u); at < 6u; at += lane_step(64u)) {
            resident.array3[at] = ((f32 *)words[8] + (u64)member * 6)[at];
            resident.array4[at] = ((f32 *)words[9] + (u64)member * 6)[at];
        }
        meet();
        u32 rings[2] = {0};
        u32 timestep = *trial->timestep;
        f32 time = *(const f32 *)trial->time;
        u64 steps_made = *trial->steps_made;
        for (u32 step = 0; step < trial->timesteps; ++step) {
            const u32 *const bits0 = resident.array0;
            if (is_warp(64u, 0u)) {
                list_events(neurons0, &counts[0], bits0, 3u);
            }
            {
                LaunchOf<3> launch;
                launch.watch = watch;
                launch.lanes = 6u;
                launch.members = 1u;
                launch.kernel = 0u;
                launch.members_per_block = 1u;
                launch.rows = 3u;
                launch.columns = 2u;
                launch.stride = 2u;
                launch.slots[0] = {(void *)resident.array4, 0, (i64)6, 0, 6, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array5, 0, (i64)3, 0, 3, 0, 1u, 0u};
                launch.slots[2] = {(void *)resident.array10, 0, (i64)2, 0, 2, 0, 1u, 0u};
                for (u32 lane = first_lane(64u, 0u); lane < 32u; lane += lane_step(64u)) {
                    kernel0_synapse_group__s__synapse_dynamics_code(&launch, lane, block, member);
                }
            }
            meet();
            const EventList list0 = {bits0, neurons0, counts[0]};
            {
                LaunchOf<2> launch;
                launch.watch = watch;
                launch.lanes = 2u;
                launch.members = 1u;
                launch.kernel = 1u;
                launch.members_per_block = 1u;
                launch.rows = 3u;
                launch.columns = 2u;
                launch.stride = 2u;
                launch.slots[0] = {(void *)resident.array2, 0, (i64)2, 0, 2, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array3, 0, (i64)6, 0, 6, 0, 1u, 0u};
                for (u32 lane = first_lane(64u, 0u); lane < 32u; lane += lane_step(64u)) {
                    kernel1_synapse_group__s__pre_spike_synaptic_code(&launch, lane, block, member, list0);
                }
            }
            meet();
            {
                LaunchOf<6> launch;
                launch.watch = watch;
                launch.lanes = 3u;
                launch.members = 1u;
                launch.kernel = 2u;
                launch.members_per_block = 1u;
                launch.rows = 0u;
                launch.columns = 0u;
                launch.stride = 0u;
                launch.slots[0] = {&time, 0, 0, 0, 0, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array6, 0, (i64)3, 0, 3, 0, 1u, 0u};
                launch.slots[2] = {(void *)resident.array7, 0, (i64)3, 0, 3, 0, 1u, 0u};
                launch.slots[3] = {(void *)words[10], 0, (i64)words[11], 0, 0, 0, 1u, 0u};
                launch.slots[4] = {(void *)resident.array5, 0, (i64)3, 0, 3, 0, 1u, 0u};
                launch.slots[5] = {(void *)resident.array0, 0, (i64)1, 0, 1, &rings[0], 1u, 0u};
                for (u32 lane = first_lane(64u, 0u); lane < 32u; lane += lane_step(64u)) {
                    kernel2_neuron_group__in__update(&launch, lane, block, member);
                }
            }
            {
                LaunchOf<5> launch;
                launch.watch = watch;
                launch.lanes = 2u;
                launch.members = 1u;
                launch.kernel = 3u;
                launch.members_per_block = 1u;
                launch.rows = 0u;
                launch.columns = 0u;
                launch.stride = 0u;
                launch.slots[1] = {(void *)resident.array9, 0, (i64)2, 0, 2, 0, 1u, 0u};
                launch.slots[2] = {(void *)resident.array10, 0, (i64)2, 0, 2, 0, 1u, 0u};
                launch.slots[3] = {(void *)resident.array2, 0, (i64)2, 0, 2, 0, 1u, 0u};
                launch.slots[4] = {(void *)resident.array1, 0, (i64)1, 0, 1, &rings[1], 1u, 0u};
                for (u32 lane = first_lane(64u, 32u); lane < 32u; lane += lane_step(64u)) {
                    kernel3_neuron_group__x__update(&launch, lane, block, member);
                }
            }
            meet();
            timestep += 1;
            steps_made += 1;
            time = (f32)timestep * 1.0f;
        }
        #pragma unroll 1
        for (u32 at = first_lane(64u, 0u); at < 1u; at += lane_step(64u)) {
            ((u32 *)words[0] + (u64)member * 1)[at] = resident.array0[at];
            ((u32 *)words[1] + (u64)member * 1)[at] = resident.array1[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(64u, 0u); at < 2u; at += lane_step(64u)) {
            ((f32 *)words[2] + (u64)member * 2)[at] = resident.array2[at];
            ((f32 *)words[3] + (u64)member * 2)[at] = resident.array9[at];
            ((f32 *)words[4] + (u64)member * 2)[at] = resident.array10[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(64u, 0u); at < 3u; at += lane_step(64u)) {
            ((f32 *)words[5] + (u64)member * 3)[at] = resident.array5[at];
            ((u32 *)words[6] + (u64)member * 3)[at] = resident.array6[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(64u, 0u); at < 6u; at += lane_step(64u)) {
            ((f32 *)words[9] + (u64)member * 6)[at] = resident.array4[at];
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
