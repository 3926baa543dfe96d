// up to 256 timesteps
//     run_trial: 1 x 1 blocks of 64, Schedule
//     finish_trial: 1 x 1 blocks of 32, Schedule
// custom update Z
//     kernel4_custom_update__m_: 1 x 1 blocks of 128, CustomUpdate
// custom update R
//     kernel5_custom_connectivity_update__rem__row_update_code: 1 x 1 blocks of 128, CustomUpdate
// custom update A
//     kernel7_custom_connectivity_update__add__row_update_code: 1 x 1 blocks of 128, CustomUpdate

// Custom update 'M'
extern "C" __global__ void kernel4_custom_update__m_(const Launch *launch) {
    const u32 place = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 member = blockIdx.y;
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // mom
    const f32 *const __restrict__ s1 = copy_of<f32>(launch->slots[1], member); // g
    if (place < launch->lanes) {
        const u32 pre = place / launch->stride;
        const u64 synapse = place;
        if (place % launch->stride < launch->row_length[pre]) {
            const u32 post = launch->targets[synapse];
            const f32 v0 = s0[synapse];
            const f32 v1 = s1[synapse];
            const f32 v2 = v0 + v1;
            s0[synapse] = v2;
        }
    }
}

// Custom connectivity update 'Rem' row update code
extern "C" __global__ void kernel5_custom_connectivity_update__rem__row_update_code(const Launch *launch) {
    const u32 lane = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 member = blockIdx.y;
    u32 *const s1 = copy_of<u32>(launch->slots[1], 0); // row_length
    u32 *const s2 = copy_of<u32>(launch->slots[2], 0); // nrem
    u32 *const s3 = copy_of<u32>(launch->slots[3], 0); // targets
    i32 *const s4 = copy_of<i32>(launch->slots[4], 0); // tag
    f32 *const s5 = copy_of<f32>(launch->slots[5], 0); // g
    const f32 *const __restrict__ s6 = copy_of<f32>(launch->slots[6], 0); // k
    f32 *const s7 = copy_of<f32>(launch->slots[7], 0); // syn_S_vars_h
    f32 *const s8 = copy_of<f32>(launch->slots[8], 0); // ccu_Add_vars_age
    f32 *const s9 = copy_of<f32>(launch->slots[9], 0); // cu_M_vars_mom
    if (lane < launch->lanes) {
        const u32 v0 = 5u;
        const f32 v1 = 12.0f;
        const u32 v2 = lane;
        const u32 v3 = 0u;
        const u32 v4 = multiply(v2, v0);
        const u32 v5 = s1[lane];
        const bool v6 = false;
        const bool v7 = true;
        const u32 v8 = 1u;
        u32 v13 = v5;
        u32 v14 = v4;
        bool v15 = v6;
        u32 v16 = v3;
        while (!should_stop(launch)) {
            const u32 v17 = add(v4, v13);
            const bool v18 = v14 < v17;
            if (!v18) break;
            const u32 v19 = v13;
            const u32 v20 = v14;
            const bool v21 = v15;
            const u32 v22 = v16;
            const i64 v23 = (i64)v20;
            const f32 v24 = load_element(launch, s5, 5, v23, launch->slots[5].length);
            const u32 v25 = load_element(launch, s3, 3, v23, launch->slots[3].length);
            const i64 v26 = (i64)v25;
            const f32 v27 = load_element(launch, s6, 6, v26, launch->slots[6].length);
            const f32 v28 = v24 * v27;
            const bool v29 = v28 > v1;
            u32 v30;
            bool v31;
            u32 v32;
            if (v29) {
                const u32 v33 = add(v4, v19);
                const bool v34 = v20 < v33;
                u32 v35;
                bool v36;
                if (v34) {
                    const u32 v37 = subtract(v33, v8);
                    const i64 v38 = (i64)v37;
                    const f32 v39 = load_element(launch, s5, 5, v38, launch->slots[5].length);
                    store_element(launch, s5, 5, v23, launch->slots[5].length, (f32)v39);
                    const f32 v40 = load_element(launch, s7, 7, v38, launch->slots[7].length);
                    store_element(launch, s7, 7, v23, launch->slots[7].length, (f32)v40);
                    const i32 v41 = load_element(launch, s4, 4, v38, launch->slots[4].length);
                    store_element(launch, s4, 4, v23, launch->slots[4].length, (i32)v41);
                    const f32 v42 = load_element(launch, s8, 8, v38, launch->slots[8].length);
                    store_element(launch, s8, 8, v23, launch->slots[8].length, (f32)v42);
                    const f32 v43 = load_element(launch, s9, 9, v38, launch->slots[9].length);
                    store_element(launch, s9, 9, v23, launch->slots[9].length, (f32)v43);
                    const u32 v44 = load_element(launch, s3, 3, v38, launch->slots[3].length);
                    store_element(launch, s3, 3, v23, launch->slots[3].length, (u32)v44);
                    const u32 v45 = subtract(v19, v8);
                    v35 = v45;
                    v36 = v7;
                } else {
                    v35 = v19;
                    v36 = v6;
                }
                const u32 v46 = add(v22, v8);
                v30 = v35;
                v31 = v36;
                v32 = v46;
            } else {
                const f32 v47 = load_element(launch, s5, 5, v23, launch->slots[5].length);
                const f32 v48 = negate(v47);
                store_element(launch, s5, 5, v23, launch->slots[5].length, (f32)v48);
                const u32 v49 = load_element(launch, s3, 3, v23, launch->slots[3].length);
                const i32 v50 = (i32)v49;
                store_element(launch, s4, 4, v23, launch->slots[4].length, (i32)v50);
                v30 = v19;
                v31 = v6;
                v32 = v22;
            }
            const u32 v51 = add(v20, v8);
            const u32 v52 = v31 ? v20 : v51;
            v13 = v30;
            v14 = v52;
            v15 = v31;
            v16 = v32;
        }
        const u32 v9 = v13;
        const u32 v10 = v14;
        const bool v11 = v15;
        const u32 v12 = v16;
        s2[lane] = v12;
        s1[lane] = v9;
    }
}

// Custom connectivity update 'Add' row update code
extern "C" __global__ void kernel7_custom_connectivity_update__add__row_update_code(const Launch *launch) {
    const u32 lane = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 member = blockIdx.y;
    u32 *const s1 = copy_of<u32>(launch->slots[1], 0); // row_length
    u32 *const s2 = copy_of<u32>(launch->slots[2], 0); // n
    u32 *const s3 = copy_of<u32>(launch->slots[3], 0); // targets
    f32 *const s4 = copy_of<f32>(launch->slots[4], 0); // age
    f32 *const s5 = copy_of<f32>(launch->slots[5], 0); // h
    const f32 *const __restrict__ s6 = copy_of<f32>(launch->slots[6], 0); // pv
    f32 *const s7 = copy_of<f32>(launch->slots[7], 0); // syn_S_vars_g
    i32 *const s8 = copy_of<i32>(launch->slots[8], 0); // ccu_Rem_vars_tag
    f32 *const s9 = copy_of<f32>(launch->slots[9], 0); // cu_M_vars_mom
    if (lane < launch->lanes) {
        const u32 v0 = 5u;
        const u32 v1 = lane;
        const u32 v2 = 0u;
        const u32 v3 = multiply(v1, v0);
        const u32 v4 = s1[lane];
        const bool v5 = false;
        const bool v6 = v4 < v0;
        u32 v7;
        if (v6) {
            const u32 v8 = 1u;
            const u32 v9 = add(v1, v8);
            const u32 v10 = remainder_of(v9, v0);
            const f32 v11 = 7.5f;
            const f32 v12 = 0.125f;
            const bool v13 = v10 < v0;
            const bool v14 = (bool)(v6 & v13);
            if (!v14) raise(launch, FAILED_ASSERTION, 0, 0, 0);
            u32 v15;
            if (v14) {
                const u32 v16 = add(v3, v4);
                const i64 v17 = (i64)v16;
                store_element(launch, s3, 3, v17, launch->slots[3].length, (u32)v10);
                const f32 v18 = 0.0f;
                store_element(launch, s7, 7, v17, launch->slots[7].length, (f32)v18);
                store_element(launch, s5, 5, v17, launch->slots[5].length, (f32)v12);
                const i32 v19 = 0;
                store_element(launch, s8, 8, v17, launch->slots[8].length, (i32)v19);
                store_element(launch, s4, 4, v17, launch->slots[4].length, (f32)v11);
                store_element(launch, s9, 9, v17, launch->slots[9].length, (f32)v18);
                const u32 v20 = add(v4, v8);
                v15 = v20;
            } else {
                v15 = v4;
            }
            v7 = v15;
        } else {
            v7 = v4;
        }
        const u32 v21 = add(v3, v7);
        const u32 v22 = 1u;
        const f32 v23 = 0.001f;
        u32 v27 = v3;
        bool v28 = v5;
        u32 v29 = v2;
        while (!should_stop(launch)) {
            const bool v30 = v27 < v21;
            if (!v30) break;
            const u32 v31 = v27;
            const bool v32 = v28;
            const u32 v33 = v29;
            const u32 v34 = add(v33, v22);
            const i64 v35 = (i64)v31;
            const u32 v36 = load_element(launch, s3, 3, v35, launch->slots[3].length);
            const i64 v37 = (i64)v36;
            const f32 v38 = load_element(launch, s6, 6, v37, launch->slots[6].length);
            const f32 v39 = v38 * v23;
            const f32 v40 = load_element(launch, s5, 5, v35, launch->slots[5].length);
            const f32 v41 = v40 + v39;
            store_element(launch, s5, 5, v35, launch->slots[5].length, (f32)v41);
            const u32 v42 = add(v31, v22);
            v27 = v42;
            v28 = v5;
            v29 = v34;
        }
        const u32 v24 = v27;
        const bool v25 = v28;
        const u32 v26 = v29;
        const u32 v43 = 100u;
        const u32 v44 = multiply(v43, v26);
        const u32 v45 = add(v4, v44);
        s2[lane] = v45;
        s1[lane] = v7;
    }
}

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
            const f32 v0 = s1[synapse];
            held0 = add(held0, v0);
        }
        s0[post] = held0;
    }
}

// Synapse group 'S' post spike synaptic code
template <typename L>
FUNCTION void kernel1_synapse_group__s__post_spike_synaptic_code(
    const L *launch, const u32 pre, const u32 block, const u32 member, const EventList &list) {
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // h
    const u32 *const events = list.bits;
    if (pre < launch->lanes) {
        for (u32 i = 0; i < launch->row_length[pre]; ++i) {
            const u64 synapse = (u64)pre * launch->stride + i;
            const u32 post = launch->targets[synapse];
            if (!has_event(events, post)) continue;
            const f32 v0 = 1.0f;
            add_alone(&s0[synapse], v0);
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

// Neuron group 'X' update
template <typename L>
FUNCTION void kernel3_neuron_group__x__update(
    const L *launch, const u32 lane, const u32 block, const u32 member) {
    const f32 *const __restrict__ s0 = copy_of<f32>(launch->slots[0], 0); // t
    f32 *const s2 = copy_of<f32>(launch->slots[2], member); // x
    f32 *const s3 = copy_of<f32>(launch->slots[3], member); // in_syn
    u32 *const s4 = current_of<u32>(launch->slots[4], member); // spikes
    bool event4 = false;
    if (lane < launch->lanes) {
        const f32 v0 = s0[0];
        const u32 v1 = lane;
        const f32 v2 = 0.0f;
        const f32 v3 = s3[lane];
        const f32 v4 = v2 + v3;
        s3[lane] = v2;
        const f32 v5 = math_round(v0);
        const i32 v6 = saturate<i32>(v5);
        const i32 v7 = (i32)v1;
        const i32 v8 = 6;
        const i32 v9 = add(v7, v8);
        const bool v10 = v6 == v9;
        event4 = v10;
        s2[lane] = v4;
    }
    emit_events(s4, lane, launch->lanes, event4);
}

// What a batch member has in shared memory during a launch
struct Resident {
    u32 array0[1]; // neuron.In.spike_queue
    u32 array1[1]; // neuron.X.spike_queue
    f32 array2[5]; // syn.S.out_post
    f32 array5[20]; // syn.S.vars.g
    f32 array6[20]; // syn.S.vars.h
    u32 array7[4]; // neuron.In.vars.startSpike
    u32 array8[4]; // neuron.In.vars.endSpike
    f32 array10[5]; // neuron.X.vars.x
};

// All timesteps of a block of batch members
extern "C" __global__ void __launch_bounds__(64, 1) run_trial(const Trial *trial) {
    if (is_spare()) return;
    const u64 *const __restrict__ words = trial->words;
    Watch *const watch = trial->watch;
    const u32 block = blockIdx.x;
    __shared__ u16 neurons0[4 + LIST_END];
    __shared__ u16 neurons1[5 + LIST_END];
    __shared__ u32 counts[2];
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
        for (u32 at = first_lane(64u, 0u); at < 4u; at += lane_step(64u)) {
            resident.array7[at] = ((u32 *)words[2] + (u64)member * 4)[at];
            resident.array8[at] = ((u32 *)words[3] + (u64)member * 4)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(64u, 0u); at < 5u; at += lane_step(64u)) {
            resident.array2[at] = ((f32 *)words[4] + (u64)member * 5)[at];
            resident.array10[at] = ((f32 *)words[5] + (u64)member * 5)[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(64u, 0u); at < 20u; at += lane_step(64u)) {
            resident.array5[at] = ((f32 *)words[6] + (u64)member * 20)[at];
            resident.array6[at] = ((f32 *)words[7] + (u64)member * 20)[at];
        }
        meet();
        u32 rings[2] = {0};
        u32 timestep = *trial->timestep;
        f32 time = *(const f32 *)trial->time;
        u64 steps_made = *trial->steps_made;
        for (u32 step = 0; step < trial->timesteps; ++step) {
            const u32 *const bits0 = resident.array0;
            if (is_warp(64u, 0u)) {
                list_events(neurons0, &counts[0], bits0, 4u);
            }
            const u32 *const bits1 = resident.array1;
            if (is_warp(64u, 1u)) {
                list_events(neurons1, &counts[1], bits1, 5u);
            }
            meet();
            const EventList list0 = {bits0, neurons0, counts[0]};
            const EventList list1 = {bits1, neurons1, counts[1]};
            {
                LaunchOf<2> launch;
                launch.watch = watch;
                launch.lanes = 5u;
                launch.members = 1u;
                launch.kernel = 0u;
                launch.members_per_block = 1u;
                launch.rows = 4u;
                launch.columns = 5u;
                launch.stride = 5u;
                launch.row_length = (const u32 *)words[8];
                launch.targets = (const u32 *)words[9];
                launch.entries = (const u32 *)words[10];
                launch.starts = (const u32 *)words[11];
                launch.sources = (const u32 *)words[12];
                launch.synapses = (const u32 *)words[13];
                launch.slots[0] = {(void *)resident.array2, 0, (i64)5, 0, 5, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array5, 0, (i64)20, 0, 20, 0, 1u, 0u};
                for (u32 lane = first_lane(64u, 0u); lane < 32u; lane += lane_step(64u)) {
                    kernel0_synapse_group__s__pre_spike_synaptic_code(&launch, lane, block, member, list0);
                }
            }
            {
                LaunchOf<1> launch;
                launch.watch = watch;
                launch.lanes = 4u;
                launch.members = 1u;
                launch.kernel = 1u;
                launch.members_per_block = 1u;
                launch.rows = 5u;
                launch.columns = 5u;
                launch.stride = 5u;
                launch.row_length = (const u32 *)words[14];
                launch.targets = (const u32 *)words[15];
                launch.entries = (const u32 *)words[16];
                launch.starts = (const u32 *)words[17];
                launch.sources = (const u32 *)words[18];
                launch.synapses = (const u32 *)words[19];
                launch.slots[0] = {(void *)resident.array6, 0, (i64)20, 0, 20, 0, 1u, 0u};
                for (u32 lane = first_lane(64u, 32u); lane < 32u; lane += lane_step(64u)) {
                    kernel1_synapse_group__s__post_spike_synaptic_code(&launch, lane, block, member, list1);
                }
            }
            meet();
            {
                LaunchOf<5> launch;
                launch.watch = watch;
                launch.lanes = 4u;
                launch.members = 1u;
                launch.kernel = 2u;
                launch.members_per_block = 1u;
                launch.rows = 0u;
                launch.columns = 0u;
                launch.stride = 0u;
                launch.slots[0] = {&time, 0, 0, 0, 0, 0, 1u, 0u};
                launch.slots[1] = {(void *)resident.array7, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[2] = {(void *)resident.array8, 0, (i64)4, 0, 4, 0, 1u, 0u};
                launch.slots[3] = {(void *)words[20], 0, (i64)words[21], 0, 0, 0, 1u, 0u};
                launch.slots[4] = {(void *)resident.array0, 0, (i64)1, 0, 1, &rings[0], 1u, 0u};
                for (u32 lane = first_lane(64u, 0u); lane < 32u; lane += lane_step(64u)) {
                    kernel2_neuron_group__in__update(&launch, lane, block, member);
                }
            }
            {
                LaunchOf<5> launch;
                launch.watch = watch;
                launch.lanes = 5u;
                launch.members = 1u;
                launch.kernel = 3u;
                launch.members_per_block = 1u;
                launch.rows = 0u;
                launch.columns = 0u;
                launch.stride = 0u;
                launch.slots[0] = {&time, 0, 0, 0, 0, 0, 1u, 0u};
                launch.slots[2] = {(void *)resident.array10, 0, (i64)5, 0, 5, 0, 1u, 0u};
                launch.slots[3] = {(void *)resident.array2, 0, (i64)5, 0, 5, 0, 1u, 0u};
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
        for (u32 at = first_lane(64u, 0u); at < 4u; at += lane_step(64u)) {
            ((u32 *)words[2] + (u64)member * 4)[at] = resident.array7[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(64u, 0u); at < 5u; at += lane_step(64u)) {
            ((f32 *)words[4] + (u64)member * 5)[at] = resident.array2[at];
            ((f32 *)words[5] + (u64)member * 5)[at] = resident.array10[at];
        }
        #pragma unroll 1
        for (u32 at = first_lane(64u, 0u); at < 20u; at += lane_step(64u)) {
            ((f32 *)words[7] + (u64)member * 20)[at] = resident.array6[at];
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
