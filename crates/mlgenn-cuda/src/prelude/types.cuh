// Types of the IR, and the bits of numbers.
typedef signed char i8;
typedef unsigned char u8;
typedef short i16;
typedef unsigned short u16;
typedef int i32;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;
typedef float f32;
typedef double f64;

#define FUNCTION static __device__ __forceinline__

// The same bits as another type of the same size.
template <typename To, typename From>
FUNCTION To same_bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "types of one size");
    union {
        From from;
        To to;
    } bits;
    bits.from = from;
    return bits.to;
}
