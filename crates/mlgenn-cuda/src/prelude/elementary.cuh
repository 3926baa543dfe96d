// exp, log, tanh, sine and cosine in f32: the steps that `mlgenn_ir::math::elementary` gives, for the same bits.

FUNCTION f32 math_exp(f32 x) {
    x = EXP_HIGH < x ? EXP_HIGH : x;
    x = EXP_LOW > x ? EXP_LOW : x;
    const f32 shifted = x * EXP_LOG2_E + EXP_MAGIC;
    const f32 n = shifted - EXP_MAGIC;
    f32 r = x - n * EXP_LN2_HIGH;
    r = r - n * EXP_LN2_LOW;
    f32 p = EXP_C4;
    p = p * r + EXP_C3;
    p = p * r + EXP_C2;
    p = p * r + EXP_C1;
    p = p * r + EXP_C0;
    const f32 y = (p * (r * r) + r) + 1.0f;
    const i32 whole = (i32)(same_bits<u32>(shifted) - same_bits<u32>((f32)EXP_MAGIC));
    const i32 half = whole >> 1;
    const f32 first = same_bits<f32>(((u32)half + 127u) << 23);
    const f32 second = same_bits<f32>(((u32)(whole - half) + 127u) << 23);
    return y * first * second;
}

FUNCTION f32 math_log(f32 x) {
    const bool tiny = x < LOG_MIN_NORMAL;
    const f32 scaled = tiny ? x * LOG_SUBNORMAL_SCALE : x;
    const f32 adjust = tiny ? 23.0f : 0.0f;
    const u32 bits = same_bits<u32>(scaled) - LOG_SQRT_HALF_BITS;
    const f32 e = (f32)((i32)bits >> 23) - adjust;
    const f32 m = same_bits<f32>((bits & LOG_MANTISSA_BITS) + LOG_SQRT_HALF_BITS);
    const f32 f = m - 1.0f;
    const f32 square = f * f;
    f32 p = LOG_C7;
    p = p * f + LOG_C6;
    p = p * f + LOG_C5;
    p = p * f + LOG_C4;
    p = p * f + LOG_C3;
    p = p * f + LOG_C2;
    p = p * f + LOG_C1;
    p = p * f + LOG_C0;
    f32 y = p * (square * f);
    y = y + e * LOG_LN2_LOW;
    y = y - 0.5f * square;
    y = (f + y) + e * LOG_LN2_HIGH;
    const f32 infinity = same_bits<f32>(0x7f800000u);
    y = x == infinity ? infinity : y;
    y = x == 0.0f ? -infinity : y;
    return x >= 0.0f ? y : same_bits<f32>(0x7fc00000u);
}

FUNCTION f32 math_tanh(f32 x) {
    const u32 sign = same_bits<u32>(x) & 0x80000000u;
    const f32 a = same_bits<f32>(same_bits<u32>(x) & 0x7fffffffu);
    const f32 z = a * a;
    f32 p = TANH_C4;
    p = p * z + TANH_C3;
    p = p * z + TANH_C2;
    p = p * z + TANH_C1;
    p = p * z + TANH_C0;
    const f32 small = (p * z) * a + a;
    const f32 large = 1.0f - 2.0f / (math_exp(a + a) + 1.0f);
    const f32 y = a < TANH_SMALL ? small : large;
    return same_bits<f32>(same_bits<u32>(y) | sign);
}

struct SineCosine {
    f32 sine, cosine;
};

// Of the angle whose part of a turn is the upper 24 bits.
FUNCTION SineCosine sin_cos_turns(u32 bits) {
    const f32 quarters = (f32)(bits >> 8) * TURNS_QUARTER;
    const f32 shifted = quarters + TURNS_MAGIC;
    const f32 r = quarters - (shifted - TURNS_MAGIC);
    const f32 z = r * r;
    f32 s = SIN_S3;
    s = s * z + SIN_S2;
    s = s * z + SIN_S1;
    s = s * z + SIN_S0;
    s = s * r;
    f32 c = COS_C2;
    c = c * z + COS_C1;
    c = c * z + COS_C0;
    c = c * z + 1.0f;
    const u32 quadrant = same_bits<u32>(shifted) & 3u;
    const f32 sine = (quadrant & 1u) == 0 ? s : c;
    const f32 cosine = (quadrant & 1u) == 0 ? c : s;
    return {
        same_bits<f32>(same_bits<u32>(sine) ^ (quadrant & 2u) << 30),
        same_bits<f32>(same_bits<u32>(cosine) ^ ((quadrant + 1u) & 2u) << 30)};
}
