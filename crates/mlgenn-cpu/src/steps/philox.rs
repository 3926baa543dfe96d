//! Philox4x32-10 in each lane of a vector: the bits of [`mlgenn_ir::philox`].

use mlgenn_ir::philox::{MULTIPLIERS, ROUNDS, WEYL};

use crate::simd::Simd;

/// 128 random bits for the counter and key of each lane.
#[inline(always)]
pub(crate) unsafe fn philox4x32<S: Simd>(counter: [S::V; 4], key: [S::V; 2]) -> [S::V; 4] {
    // Loops, not closures: those would not have the instruction set enabled.
    let (mut odd_counter, mut odd_key) = (counter, key);
    for word in odd_counter.iter_mut().chain(&mut odd_key) {
        *word = S::odd_to_even(*word);
    }
    let mut words = of_even_lanes::<S>(counter, key);
    let odd = of_even_lanes::<S>(odd_counter, odd_key);
    // The upper halves of the lanes of 64 bits hold leftovers.
    let low_half = S::odd_to_even(S::splat(u32::MAX));
    for (word, odd) in words.iter_mut().zip(odd) {
        *word = S::or(S::and(*word, low_half), S::even_to_odd(odd));
    }
    words
}

/// The even lanes only; anything in the odd ones. Products of 64 bits stay where they are made.
#[inline(always)]
unsafe fn of_even_lanes<S: Simd>(counter: [S::V; 4], key: [S::V; 2]) -> [S::V; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    let [mut k0, mut k1] = key;
    for _ in 0..ROUNDS {
        let low = S::mul_even_u32(c0, S::splat(MULTIPLIERS[0]));
        let high = S::mul_even_u32(c2, S::splat(MULTIPLIERS[1]));
        c0 = S::xor(S::xor(S::odd_to_even(high), c1), k0);
        c1 = high;
        c2 = S::xor(S::xor(S::odd_to_even(low), c3), k1);
        c3 = low;
        k0 = S::add_i32(k0, S::splat(WEYL[0]));
        k1 = S::add_i32(k1, S::splat(WEYL[1]));
    }
    [c0, c1, c2, c3]
}
