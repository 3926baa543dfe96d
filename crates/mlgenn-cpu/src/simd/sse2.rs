//! SSE2, which every x86-64 machine has: 4 lanes.

use std::arch::x86_64::*;

use super::{Simd, enable};

/// The vector unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sse2;
type Unit = Sse2;

#[inline(always)]
unsafe fn f(v: __m128i) -> __m128 {
    _mm_castsi128_ps(v)
}

#[inline(always)]
unsafe fn i(v: __m128) -> __m128i {
    _mm_castps_si128(v)
}

/// Apply a scalar function to each lane.
#[inline(always)]
unsafe fn each(a: __m128i, function: impl Fn(u32) -> u32) -> __m128i {
    let lanes: [u32; 4] = std::mem::transmute(a);
    std::mem::transmute(lanes.map(function))
}

/// Apply a scalar function to each pair of lanes.
#[inline(always)]
unsafe fn each2(a: __m128i, b: __m128i, function: impl Fn(u32, u32) -> u32) -> __m128i {
    let a: [u32; 4] = std::mem::transmute(a);
    let b: [u32; 4] = std::mem::transmute(b);
    std::mem::transmute([
        function(a[0], b[0]),
        function(a[1], b[1]),
        function(a[2], b[2]),
        function(a[3], b[3]),
    ])
}

#[inline(always)]
unsafe fn each_f32(a: __m128i, function: impl Fn(f32) -> f32) -> __m128i {
    each(a, |bits| function(f32::from_bits(bits)).to_bits())
}

impl Simd for Sse2 {
    type V = __m128i;
    const LANES: usize = 4;

    enable!("sse2");

    #[inline(always)]
    unsafe fn load(p: *const u32) -> __m128i {
        _mm_loadu_si128(p.cast())
    }
    #[inline(always)]
    unsafe fn store(p: *mut u32, v: __m128i) {
        _mm_storeu_si128(p.cast(), v)
    }
    #[inline(always)]
    unsafe fn load_partial(p: *const u32, count: usize) -> __m128i {
        let single = |at: usize| _mm_cvtsi32_si128(*p.add(at) as i32);
        match count {
            0 => _mm_setzero_si128(),
            1 => single(0),
            2 => _mm_loadl_epi64(p.cast()),
            _ => _mm_unpacklo_epi64(_mm_loadl_epi64(p.cast()), single(2)),
        }
    }
    #[inline(always)]
    unsafe fn store_partial(p: *mut u32, v: __m128i, count: usize) {
        match count {
            0 => {}
            1 => *p = _mm_cvtsi128_si32(v) as u32,
            _ => {
                _mm_storel_epi64(p.cast(), v);
                if count > 2 {
                    *p.add(2) = _mm_cvtsi128_si32(_mm_unpackhi_epi64(v, v)) as u32;
                }
            }
        }
    }
    #[inline(always)]
    unsafe fn splat(bits: u32) -> __m128i {
        _mm_set1_epi32(bits as i32)
    }
    #[inline(always)]
    unsafe fn gather(p: *const u32, index: __m128i) -> __m128i {
        each(index, |index| *p.add(index as usize))
    }
    #[inline(always)]
    unsafe fn movemask(v: __m128i) -> u32 {
        _mm_movemask_ps(f(v)) as u32
    }

    #[inline(always)]
    unsafe fn add_f32(a: __m128i, b: __m128i) -> __m128i {
        i(_mm_add_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn sub_f32(a: __m128i, b: __m128i) -> __m128i {
        i(_mm_sub_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn mul_f32(a: __m128i, b: __m128i) -> __m128i {
        i(_mm_mul_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn div_f32(a: __m128i, b: __m128i) -> __m128i {
        i(_mm_div_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn sqrt_f32(a: __m128i) -> __m128i {
        i(_mm_sqrt_ps(f(a)))
    }
    #[inline(always)]
    unsafe fn min_f32(a: __m128i, b: __m128i) -> __m128i {
        i(_mm_min_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn max_f32(a: __m128i, b: __m128i) -> __m128i {
        i(_mm_max_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn eq_f32(a: __m128i, b: __m128i) -> __m128i {
        i(_mm_cmpeq_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn ne_f32(a: __m128i, b: __m128i) -> __m128i {
        i(_mm_cmpneq_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn lt_f32(a: __m128i, b: __m128i) -> __m128i {
        i(_mm_cmplt_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn le_f32(a: __m128i, b: __m128i) -> __m128i {
        i(_mm_cmple_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn floor_f32(a: __m128i) -> __m128i {
        each_f32(a, f32::floor)
    }
    #[inline(always)]
    unsafe fn ceil_f32(a: __m128i) -> __m128i {
        each_f32(a, f32::ceil)
    }
    #[inline(always)]
    unsafe fn trunc_f32(a: __m128i) -> __m128i {
        each_f32(a, f32::trunc)
    }
    #[inline(always)]
    unsafe fn rint_f32(a: __m128i) -> __m128i {
        each_f32(a, f32::round_ties_even)
    }

    #[inline(always)]
    unsafe fn add_i32(a: __m128i, b: __m128i) -> __m128i {
        _mm_add_epi32(a, b)
    }
    #[inline(always)]
    unsafe fn sub_i32(a: __m128i, b: __m128i) -> __m128i {
        _mm_sub_epi32(a, b)
    }
    #[inline(always)]
    unsafe fn mul_i32(a: __m128i, b: __m128i) -> __m128i {
        let even = _mm_mul_epu32(a, b);
        let odd = _mm_mul_epu32(_mm_srli_epi64::<32>(a), _mm_srli_epi64::<32>(b));
        _mm_unpacklo_epi32(_mm_shuffle_epi32::<0b1000>(even), _mm_shuffle_epi32::<0b1000>(odd))
    }
    #[inline(always)]
    unsafe fn mul_even_u32(a: __m128i, b: __m128i) -> __m128i {
        _mm_mul_epu32(a, b)
    }
    #[inline(always)]
    unsafe fn odd_to_even(a: __m128i) -> __m128i {
        _mm_srli_epi64::<32>(a)
    }
    #[inline(always)]
    unsafe fn even_to_odd(a: __m128i) -> __m128i {
        _mm_slli_epi64::<32>(a)
    }
    #[inline(always)]
    unsafe fn eq_i32(a: __m128i, b: __m128i) -> __m128i {
        _mm_cmpeq_epi32(a, b)
    }
    #[inline(always)]
    unsafe fn lt_i32(a: __m128i, b: __m128i) -> __m128i {
        _mm_cmpgt_epi32(b, a)
    }
    #[inline(always)]
    unsafe fn and(a: __m128i, b: __m128i) -> __m128i {
        _mm_and_si128(a, b)
    }
    #[inline(always)]
    unsafe fn or(a: __m128i, b: __m128i) -> __m128i {
        _mm_or_si128(a, b)
    }
    #[inline(always)]
    unsafe fn xor(a: __m128i, b: __m128i) -> __m128i {
        _mm_xor_si128(a, b)
    }
    #[inline(always)]
    unsafe fn shl(a: __m128i, count: __m128i) -> __m128i {
        each2(a, count, |a, count| a << count)
    }
    #[inline(always)]
    unsafe fn shr(a: __m128i, count: __m128i) -> __m128i {
        each2(a, count, |a, count| a >> count)
    }
    #[inline(always)]
    unsafe fn sar(a: __m128i, count: __m128i) -> __m128i {
        each2(a, count, |a, count| (a as i32 >> count) as u32)
    }

    #[inline(always)]
    unsafe fn select(mask: __m128i, a: __m128i, b: __m128i) -> __m128i {
        _mm_or_si128(_mm_and_si128(mask, a), _mm_andnot_si128(mask, b))
    }

    #[inline(always)]
    unsafe fn f32_from_i32(a: __m128i) -> __m128i {
        i(_mm_cvtepi32_ps(a))
    }
    #[inline(always)]
    unsafe fn f32_from_u32(a: __m128i) -> __m128i {
        // Both halves are exact in `f32`; only their sum rounds.
        let high = _mm_cvtepi32_ps(_mm_srli_epi32::<16>(a));
        let low = _mm_cvtepi32_ps(_mm_and_si128(a, _mm_set1_epi32(0xffff)));
        i(_mm_add_ps(_mm_mul_ps(high, _mm_set1_ps(65536.0)), low))
    }
    #[inline(always)]
    unsafe fn i32_from_f32(a: __m128i) -> __m128i {
        _mm_cvttps_epi32(f(a))
    }
}
