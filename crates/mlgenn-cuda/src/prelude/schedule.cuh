// What the functions in `scheduled` need, which a schedule launches beside the kernels of the model.
// Elements are known by their type.

#define TYPE_F32 9
#define TYPE_F64 10

FUNCTION u32 global_index() { return blockIdx.x * blockDim.x + threadIdx.x; }

// Bytes of an element.
FUNCTION u32 bytes_of(u32 type) {
    // bool, i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, ptr
    return type < 3 ? 1 : type < 5 ? 2 : type < 7 || type == TYPE_F32 ? 4 : 8;
}

FUNCTION void copy_element(void *to, u64 to_index, const void *from, u64 from_index, u32 type) {
    switch (bytes_of(type)) {
        case 1: ((u8 *)to)[to_index] = ((const u8 *)from)[from_index]; break;
        case 2: ((u16 *)to)[to_index] = ((const u16 *)from)[from_index]; break;
        case 4: ((u32 *)to)[to_index] = ((const u32 *)from)[from_index]; break;
        default: ((u64 *)to)[to_index] = ((const u64 *)from)[from_index]; break;
    }
}

FUNCTION u32 count_bits(u32 word) { return (u32)__popc(word); }
