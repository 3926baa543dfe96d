// Write a matrix of rows by columns to its transposed place. Slots: from, to.
extern "C" __global__ void transpose(const Launch *launch) {
    const u32 i = global_index();
    if (i >= launch->lanes) return;
    const u64 first = (u64)blockIdx.y * launch->lanes;
    const u64 to = (u64)(i % launch->columns) * launch->rows + i / launch->columns;
    copy_element(
        launch->slots[1].data, first + to, launch->slots[0].data, first + i, launch->type);
}
