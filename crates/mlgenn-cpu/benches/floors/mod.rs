//! What the widest vectors of this machine reach: reading an array, and changing it in place.
#![allow(unsafe_code, reason = "vector loads and stores inside slices")]

use std::hint::black_box;

use criterion::Criterion;

use super::throughput;

/// Bytes of arrays in the first-level cache, the second-level cache, the last one, and memory.
const SIZES: [(&str, usize); 4] =
    [("L1", 16 << 10), ("L2", 256 << 10), ("L3", 4 << 20), ("memory", 128 << 20)];

/// Loops over vectors of a width.
macro_rules! loops {
    ($features:literal, $lanes:literal, $load:ident, $add:ident, $store:ident, $zero:ident) => {
        use std::arch::x86_64::*;

        #[target_feature(enable = $features)]
        pub(super) fn read(array: &[f32]) -> f32 {
            let mut sums = [$zero(); 8];
            for part in array.chunks_exact(8 * $lanes) {
                for (i, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: a vector of the part.
                    *sum = $add(*sum, unsafe { $load(part.as_ptr().add(i * $lanes)) });
                }
            }
            let mut lanes = [0.0; $lanes];
            for sum in sums {
                // SAFETY: as many lanes as a vector has.
                unsafe { $store(lanes.as_mut_ptr(), $add(sum, $load(lanes.as_ptr()))) };
            }
            lanes[0]
        }

        #[target_feature(enable = $features)]
        pub(super) fn update(array: &mut [f32]) {
            for part in array.chunks_exact_mut(4 * $lanes) {
                for i in 0..4 {
                    // SAFETY: a vector of the part.
                    unsafe {
                        let vector = part.as_mut_ptr().add(i * $lanes);
                        $store(vector, $add($load(vector), $load(vector)));
                    }
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    loops!("avx512f", 16, _mm512_loadu_ps, _mm512_add_ps, _mm512_storeu_ps, _mm512_setzero_ps);
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    loops!("avx2", 8, _mm256_loadu_ps, _mm256_add_ps, _mm256_storeu_ps, _mm256_setzero_ps);
}

fn read(array: &[f32]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: the machine has the instructions.
        return unsafe { avx512::read(array) };
    } else if is_x86_feature_detected!("avx2") {
        // SAFETY: the machine has the instructions.
        return unsafe { avx2::read(array) };
    }
    array.chunks(16).map(|part| part.iter().sum::<f32>()).sum()
}

fn update(array: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: the machine has the instructions.
        return unsafe { avx512::update(array) };
    } else if is_x86_feature_detected!("avx2") {
        // SAFETY: the machine has the instructions.
        return unsafe { avx2::update(array) };
    }
    array.iter_mut().for_each(|x| *x += *x);
}

/// The rates that times are compared with.
pub(super) fn floors(criterion: &mut Criterion) {
    for (name, bytes) in SIZES {
        let mut array = vec![0.0; bytes / 4];
        let mut group = criterion.benchmark_group("floor");
        group.throughput(throughput(bytes / 4, bytes));
        group.bench_function(format!("read/{name}"), |bencher| {
            bencher.iter(|| read(black_box(&array)));
        });
        group.throughput(throughput(bytes / 4, 2 * bytes));
        group.bench_function(format!("update/{name}"), |bencher| {
            bencher.iter(|| update(black_box(&mut array)));
        });
        group.finish();
    }
}
