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
