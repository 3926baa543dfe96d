//! Keys of the streams of random numbers.

/// Key of a stream: a mixture of the seed, the number of the stream and the batch member.
///
/// The mixing function is that of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
pub(crate) fn random_key(seed: u64, stream: u32, member: usize) -> u64 {
    let mut key = mix(seed ^ 0x6D6C_6765_6E6E_5F72);
    key = mix(key ^ u64::from(stream));
    mix(key ^ (member as u64).wrapping_shl(32))
}

fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A seed from the operating system.
pub(crate) fn arbitrary_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let seed = std::hash::RandomState::new().build_hasher().finish();
    seed.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn keys_differ() {
        let mut keys = HashSet::new();
        for seed in 0..10 {
            for stream in 0..20 {
                for member in 0..20 {
                    assert!(keys.insert(random_key(seed, stream, member)));
                }
            }
        }
    }
}
