// timestep
//     advance_rings: 1 x 1 blocks of 128, Schedule
//     kernel0_synapse_group__sd__pre_spike_synaptic_code: 1 x 1 blocks of 128, PresynapticUpdate
//     kernel1_synapse_group__ss__pre_spike_synaptic_code: 1 x 1 blocks of 128, PresynapticUpdate
//     advance_rings: 1 x 1 blocks of 128, Schedule
//     kernel2_neuron_group__in__update: 1 x 1 blocks of 128, NeuronUpdate
//     kernel3_neuron_group__d__update: 1 x 1 blocks of 128, NeuronUpdate
//     kernel4_neuron_group__s__update: 1 x 1 blocks of 128, NeuronUpdate
//     next_timestep: 1 x 1 blocks of 128, Schedule

// Synapse group 'SD' pre spike synaptic code
extern "C" __global__ void kernel0_synapse_group__sd__pre_spike_synaptic_code(const Launch *launch) {
    const u32 post = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 member = blockIdx.y;
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // den_delay
    const f32 *const __restrict__ s1 = copy_of<f32>(launch->slots[1], 0); // g
    const u8 *const __restrict__ s2 = copy_of<u8>(launch->slots[2], 0); // d
    const u32 *const events = current_of<u32>(launch->slots[3], member);
    if (post < launch->lanes) {
        for (u32 word = 0; 32 * word < launch->rows; ++word) {
            for (u32 left = events[word]; left; left &= left - 1) {
                const u32 pre = 32 * word + lowest_bit(left);
                const u64 synapse = (u64)pre * launch->stride + post;
                const f32 v0 = s1[synapse];
                const u8 v1 = s2[synapse];
                const u32 v2 = (u32)v1;
                s0[due(launch->slots[0], v2) + post] = add(s0[due(launch->slots[0], v2) + post], v0);
            }
        }
    }
}

// Synapse group 'SS' pre spike synaptic code
extern "C" __global__ void kernel1_synapse_group__ss__pre_spike_synaptic_code(const Launch *launch) {
    const u32 post = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 member = blockIdx.y;
    f32 *const s0 = copy_of<f32>(launch->slots[0], member); // den_delay
    const f32 *const __restrict__ s1 = copy_of<f32>(launch->slots[1], 0); // g
    const u8 *const __restrict__ s2 = copy_of<u8>(launch->slots[2], 0); // d
    const u32 *const events = current_of<u32>(launch->slots[3], member);
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
extern "C" __global__ void kernel2_neuron_group__in__update(const Launch *launch) {
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

// Neuron group 'D' update
extern "C" __global__ void kernel3_neuron_group__d__update(const Launch *launch) {
    const u32 lane = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 member = blockIdx.y;
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
extern "C" __global__ void kernel4_neuron_group__s__update(const Launch *launch) {
    const u32 lane = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 member = blockIdx.y;
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