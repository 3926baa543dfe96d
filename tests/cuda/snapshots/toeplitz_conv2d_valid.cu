// timestep
//     kernel0_synapse_group__s__pre_spike_synaptic_code: 1 x 1 blocks of 128, PresynapticUpdate
//     advance_rings: 1 x 1 blocks of 128, Schedule
//     kernel1_neuron_group__in__update: 1 x 1 blocks of 128, NeuronUpdate
//     kernel2_neuron_group__x__update: 1 x 1 blocks of 128, NeuronUpdate
//     next_timestep: 1 x 1 blocks of 128, Schedule

// Synapse group 'S' pre spike synaptic code
extern "C" __global__ void kernel0_synapse_group__s__pre_spike_synaptic_code(const Launch *launch) {
    const u32 post = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 member = blockIdx.y;
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // out_post
    const f32 *const __restrict__ s1 = copy_of<f32>(launch->slots[1], member); // g
    const u32 *const events = current_of<u32>(launch->slots[2], member);
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
extern "C" __global__ void kernel1_neuron_group__in__update(const Launch *launch) {
    const u32 lane = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 member = blockIdx.y;
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
extern "C" __global__ void kernel2_neuron_group__x__update(const Launch *launch) {
    const u32 lane = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 member = blockIdx.y;
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