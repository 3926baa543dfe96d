// Arithmetic that is total: integers wrap, division by zero yields zero, shift counts are taken
// modulo the width, conversions from floating point truncate and saturate.

// The unsigned type in which the arithmetic of a type wraps.
template <typename T> struct Wrapping { typedef u32 type; };
template <> struct Wrapping<i64> { typedef u64 type; };
template <> struct Wrapping<u64> { typedef u64 type; };

template <typename T>
FUNCTION T add(T x, T y) {
    typedef typename Wrapping<T>::type U;
    return (T)((U)x + (U)y);
}
template <typename T>
FUNCTION T subtract(T x, T y) {
    typedef typename Wrapping<T>::type U;
    return (T)((U)x - (U)y);
}
template <typename T>
FUNCTION T multiply(T x, T y) {
    typedef typename Wrapping<T>::type U;
    return (T)((U)x * (U)y);
}
template <typename T>
FUNCTION T negate(T x) {
    return subtract((T)0, x);
}
template <typename T>
FUNCTION bool is_minus_one(T x) {
    return (T)-1 < (T)0 && x == (T)-1;
}
template <typename T>
FUNCTION T divide(T x, T y) {
    if (y == 0) return 0;
    return is_minus_one(y) ? negate(x) : (T)(x / y);
}
template <typename T>
FUNCTION T remainder_of(T x, T y) {
    return y == 0 || is_minus_one(y) ? (T)0 : (T)(x % y);
}

FUNCTION f32 add(f32 x, f32 y) { return x + y; }
FUNCTION f32 subtract(f32 x, f32 y) { return x - y; }
FUNCTION f32 multiply(f32 x, f32 y) { return x * y; }
FUNCTION f32 divide(f32 x, f32 y) { return x / y; }
FUNCTION f32 negate(f32 x) { return -x; }
FUNCTION f64 add(f64 x, f64 y) { return x + y; }
FUNCTION f64 subtract(f64 x, f64 y) { return x - y; }
FUNCTION f64 multiply(f64 x, f64 y) { return x * y; }
FUNCTION f64 divide(f64 x, f64 y) { return x / y; }
FUNCTION f64 negate(f64 x) { return -x; }

template <typename T>
FUNCTION T shift_left(T x, u32 count) {
    typedef typename Wrapping<T>::type U;
    return (T)((U)x << (count & (8 * sizeof(T) - 1)));
}
template <typename T>
FUNCTION T shift_right(T x, u32 count) {
    return (T)(x >> (count & (8 * sizeof(T) - 1)));
}

// A floating-point number as an integer.
template <typename To, typename From>
FUNCTION To saturate(From x) {
    const bool has_sign = (To)-1 < (To)0;
    const u64 top = 1ull << (8 * sizeof(To) - 1);
    const To lowest = has_sign ? (To)top : (To)0;
    const To highest = has_sign ? (To)(top - 1) : (To)(top - 1 + top);
    if (x != x) return 0;
    if (x <= (From)lowest) return lowest;
    // One more than the highest; a power of two, so that it is exact.
    if (x >= (has_sign ? (From)top : (From)2 * (From)top)) return highest;
    return (To)x;
}

template <typename T>
FUNCTION T minimum(T x, T y) {
    return x < y ? x : y;
}
template <typename T>
FUNCTION T maximum(T x, T y) {
    return x > y ? x : y;
}
template <typename T>
FUNCTION T magnitude(T x) {
    return x < 0 ? negate(x) : x;
}
FUNCTION f32 magnitude(f32 x) { return fabsf(x); }
FUNCTION f64 magnitude(f64 x) { return fabs(x); }
FUNCTION i32 leading_zeros(u32 x) { return __clz((int)x); }

// Pointers: a slot in the upper 16 bits, the index of an element below.
FUNCTION u64 pointer_plus(u64 pointer, i64 elements) {
    const u64 mask = (1ull << 48) - 1;
    return (pointer & ~mask) | ((pointer + (u64)elements) & mask);
}
FUNCTION i64 pointer_index(u64 pointer) { return (i64)(pointer << 16) >> 16; }
