// Random numbers as pure functions of where they are drawn: what `mlgenn_ir::random` does.

struct Bits128 {
    u32 w0, w1, w2, w3;
};

// Philox4x32-10 of Salmon, Moraes, Dror and Shaw.
FUNCTION Bits128 philox4x32(u32 c0, u32 c1, u32 c2, u32 c3, u32 k0, u32 k1) {
    for (int round = 0; round < 10; ++round) {
        const u64 low = (u64)0xD2511F53u * c0;
        const u64 high = (u64)0xCD9E8D57u * c2;
        c0 = (u32)(high >> 32) ^ c1 ^ k0;
        c1 = (u32)high;
        c2 = (u32)(low >> 32) ^ c3 ^ k1;
        c3 = (u32)low;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {c0, c1, c2, c3};
}

// Where a random number is drawn.
struct Position {
    u64 key, element;
    u32 timestep, draw;
};

// One of the blocks that 64 elements share.
FUNCTION Bits128 shared_block(const Position &at) {
    const u64 block = at.element / 64 << 4 | (at.element & 15);
    return philox4x32(
        (u32)block, (u32)(block >> 32), at.timestep, at.draw << 8 | 0xff, (u32)at.key,
        (u32)(at.key >> 32));
}
// Which of its words an element has.
FUNCTION u32 shared_word(const Position &at) { return (u32)(at.element >> 4) & 3u; }

FUNCTION Bits128 random_block(const Position &at, u32 iteration) {
    const u32 last = at.draw << 8 | (iteration & 0xff);
    const u64 element = at.element, key = at.key;
    return philox4x32(
        (u32)element, (u32)(element >> 32), at.timestep, last, (u32)key, (u32)(key >> 32));
}

// In (0, 1].
FUNCTION f32 unit32(u32 bits) { return (f32)((bits >> 8) + 1) * (1.0f / 16777216.0f); }
FUNCTION f64 unit64(u32 high, u32 low) {
    const u64 bits = (u64)high << 32 | low;
    return (f64)((bits >> 11) + 1) * (1.0 / 9007199254740992.0);
}

FUNCTION u32 random_bits(const Position &at) {
    const Bits128 bits = shared_block(at);
    const u32 word = shared_word(at);
    return word < 2 ? (word == 0 ? bits.w0 : bits.w1) : (word == 2 ? bits.w2 : bits.w3);
}
FUNCTION f32 uniform32(const Position &at) { return unit32(random_bits(at)); }
FUNCTION f64 uniform64(const Position &at, u32 iteration) {
    const Bits128 bits = random_block(at, iteration);
    return unit64(bits.w0, bits.w1);
}

// Box and Muller.
FUNCTION f32 normal32(const Position &at) {
    const Bits128 bits = shared_block(at);
    const u32 word = shared_word(at);
    const f32 radius = math_sqrt(-2.0f * math_log(unit32(word < 2 ? bits.w0 : bits.w2)));
    const SineCosine angle = sin_cos_turns(word < 2 ? bits.w1 : bits.w3);
    return radius * ((word & 1u) == 0 ? angle.cosine : angle.sine);
}
FUNCTION f64 normal64(const Position &at, u32 iteration) {
    const Bits128 bits = random_block(at, iteration);
    const f64 radius = math_sqrt(-2.0 * math_log(unit64(bits.w0, bits.w1)));
    return radius * math_cos(6.2831853071795864769 * unit64(bits.w2, bits.w3));
}

#define MAX_ITERATIONS 64u

// Marsaglia and Tsang.
FUNCTION f64 gamma64(const Position &at, f64 shape) {
    const f64 infinity = same_bits<f64>(0x7ff0000000000000ull);
    if (shape == 0.0 || shape == infinity) return shape;
    if (!(shape > 0.0)) return same_bits<f64>(0x7ff8000000000000ull);
    const f64 boosted = shape < 1.0 ? shape + 1.0 : shape;
    const f64 d = boosted - 1.0 / 3.0;
    const f64 c = 1.0 / math_sqrt(9.0 * d);
    f64 result = d;
    for (u32 attempt = 0; attempt < MAX_ITERATIONS; ++attempt) {
        const f64 x = normal64(at, 2 * attempt);
        const f64 root = 1.0 + c * x;
        if (root <= 0.0) continue;
        const f64 v = root * root * root;
        const f64 u = uniform64(at, 2 * attempt + 1);
        if (math_log(u) < 0.5 * x * x + d - d * v + d * math_log(v)) {
            result = d * v;
            break;
        }
    }
    if (shape < 1.0) result = result * math_pow(uniform64(at, 2 * MAX_ITERATIONS), 1.0 / shape);
    return result;
}

// Inversion, for small means.
FUNCTION f64 invert_binomial(const Position &at, f64 n, f64 p) {
    const f64 odds = p / (1.0 - p);
    f64 probability = math_exp(n * math_log1p(-p));
    f64 left = 1.0 - uniform64(at, 0);
    f64 count = 0.0;
    const f64 most = n < 200.0 ? n : 200.0;
    while (left >= probability && count < most) {
        left -= probability;
        count += 1.0;
        probability *= odds * (n - count + 1.0) / count;
    }
    return count;
}

// Hörmann's BTRS, for large means.
FUNCTION f64 reject_binomial(const Position &at, f64 n, f64 p) {
    const f64 spread = math_sqrt(n * p * (1.0 - p));
    const f64 b = 1.15 + 2.53 * spread;
    const f64 a = -0.0873 + 0.0248 * b + 0.01 * p;
    const f64 centre = n * p + 0.5;
    const f64 squeeze = 0.92 - 4.2 / b;
    const f64 alpha = (2.83 + 5.1 / b) * spread;
    const f64 log_odds = math_log(p / (1.0 - p));
    const f64 mode = math_floor((n + 1.0) * p);
    const f64 factorials = math_lgamma(mode + 1.0) + math_lgamma(n - mode + 1.0);
    for (u32 attempt = 0; attempt < MAX_ITERATIONS; ++attempt) {
        const Bits128 bits = random_block(at, attempt);
        const f64 u = unit64(bits.w0, bits.w1) - 0.5;
        const f64 v = unit64(bits.w2, bits.w3);
        const f64 us = 0.5 - math_fabs(u);
        const f64 count = math_floor((2.0 * a / us + b) * u + centre);
        if (!(count >= 0.0 && count <= n)) continue;
        if (us >= 0.07 && v <= squeeze) return count;
        const f64 bound = factorials - math_lgamma(count + 1.0) - math_lgamma(n - count + 1.0)
            + (count - mode) * log_odds;
        if (math_log(v * alpha / (a / (us * us) + b)) <= bound) return count;
    }
    return mode;
}

FUNCTION u32 binomial(const Position &at, u32 trials, f64 probability) {
    if (!(probability > 0.0) || trials == 0) return 0;
    if (probability >= 1.0) return trials;
    const f64 p = probability < 1.0 - probability ? probability : 1.0 - probability;
    const f64 n = (f64)trials;
    const f64 drawn = n * p < 10.0 ? invert_binomial(at, n, p) : reject_binomial(at, n, p);
    const u32 successes = minimum(saturate<u32>(drawn), trials);
    return probability > 0.5 ? trials - successes : successes;
}

// The functions of model code; `T` is the type of floating-point arguments and results.
template <typename T> struct Random;
template <> struct Random<f32> {
    FUNCTION f32 uniform(const Position &at) { return uniform32(at); }
    FUNCTION f32 normal(const Position &at) { return normal32(at); }
    FUNCTION f32 exponential(const Position &at) { return -math_log(uniform32(at)); }
    FUNCTION f32 log_normal(const Position &at, f32 mean, f32 deviation) {
        return math_exp(mean + deviation * normal32(at));
    }
    FUNCTION f32 gamma(const Position &at, f32 shape) { return (f32)gamma64(at, (f64)shape); }
    FUNCTION u32 binomial(const Position &at, u32 trials, f32 probability) {
        return ::binomial(at, trials, (f64)probability);
    }
};
template <> struct Random<f64> {
    FUNCTION f64 uniform(const Position &at) { return uniform64(at, 0); }
    FUNCTION f64 normal(const Position &at) { return normal64(at, 0); }
    FUNCTION f64 exponential(const Position &at) { return -math_log(uniform64(at, 0)); }
    FUNCTION f64 log_normal(const Position &at, f64 mean, f64 deviation) {
        return math_exp(mean + deviation * normal64(at, 0));
    }
    FUNCTION f64 gamma(const Position &at, f64 shape) { return gamma64(at, shape); }
    FUNCTION u32 binomial(const Position &at, u32 trials, f64 probability) {
        return ::binomial(at, trials, probability);
    }
};
