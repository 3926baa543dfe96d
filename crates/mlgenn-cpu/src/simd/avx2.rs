//! AVX2: 8 lanes.

use std::arch::x86_64::*;

use super::{Simd, enable};

/// The vector unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2;
type Unit = Avx2;

#[inline(always)]
unsafe fn f(v: __m256i) -> __m256 {
    _mm256_castsi256_ps(v)
}

#[inline(always)]
unsafe fn i(v: __m256) -> __m256i {
    _mm256_castps_si256(v)
}

/// The first `count` lanes set.
#[inline(always)]
unsafe fn first(count: usize) -> __m256i {
    let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), lanes)
}

impl Simd for Avx2 {
    type V = __m256i;
    const LANES: usize = 8;

    enable!("avx2,bmi1,bmi2,popcnt,lzcnt");

    #[inline(always)]
    unsafe fn load(p: *const u32) -> __m256i {
        _mm256_loadu_si256(p.cast())
    }
    #[inline(always)]
    unsafe fn store(p: *mut u32, v: __m256i) {
        _mm256_storeu_si256(p.cast(), v)
    }
    #[inline(always)]
    unsafe fn load_partial(p: *const u32, count: usize) -> __m256i {
        _mm256_maskload_epi32(p.cast(), first(count))
    }
    #[inline(always)]
    unsafe fn store_partial(p: *mut u32, v: __m256i, count: usize) {
        _mm256_maskstore_epi32(p.cast(), first(count), v)
    }
    #[inline(always)]
    unsafe fn splat(bits: u32) -> __m256i {
        _mm256_set1_epi32(bits as i32)
    }
    #[inline(always)]
    unsafe fn gather(p: *const u32, index: __m256i) -> __m256i {
        // Indices are unsigned: widen them, as those of the instruction for 32 bits are signed.
        let low = _mm256_cvtepu32_epi64(_mm256_castsi256_si128(index));
        let high = _mm256_cvtepu32_epi64(_mm256_extracti128_si256::<1>(index));
        let low = _mm256_i64gather_epi32::<4>(p.cast(), low);
        let high = _mm256_i64gather_epi32::<4>(p.cast(), high);
        _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
    }
    #[inline(always)]
    unsafe fn movemask(v: __m256i) -> u32 {
        _mm256_movemask_ps(f(v)) as u32
    }

    #[inline(always)]
    unsafe fn add_f32(a: __m256i, b: __m256i) -> __m256i {
        i(_mm256_add_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn sub_f32(a: __m256i, b: __m256i) -> __m256i {
        i(_mm256_sub_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn mul_f32(a: __m256i, b: __m256i) -> __m256i {
        i(_mm256_mul_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn div_f32(a: __m256i, b: __m256i) -> __m256i {
        i(_mm256_div_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn sqrt_f32(a: __m256i) -> __m256i {
        i(_mm256_sqrt_ps(f(a)))
    }
    #[inline(always)]
    unsafe fn min_f32(a: __m256i, b: __m256i) -> __m256i {
        i(_mm256_min_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn max_f32(a: __m256i, b: __m256i) -> __m256i {
        i(_mm256_max_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn eq_f32(a: __m256i, b: __m256i) -> __m256i {
        i(_mm256_cmp_ps::<_CMP_EQ_OQ>(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn ne_f32(a: __m256i, b: __m256i) -> __m256i {
        i(_mm256_cmp_ps::<_CMP_NEQ_UQ>(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn lt_f32(a: __m256i, b: __m256i) -> __m256i {
        i(_mm256_cmp_ps::<_CMP_LT_OQ>(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn le_f32(a: __m256i, b: __m256i) -> __m256i {
        i(_mm256_cmp_ps::<_CMP_LE_OQ>(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn floor_f32(a: __m256i) -> __m256i {
        i(_mm256_round_ps::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(f(a)))
    }
    #[inline(always)]
    unsafe fn ceil_f32(a: __m256i) -> __m256i {
        i(_mm256_round_ps::<{ _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC }>(f(a)))
    }
    #[inline(always)]
    unsafe fn trunc_f32(a: __m256i) -> __m256i {
        i(_mm256_round_ps::<{ _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC }>(f(a)))
    }
    #[inline(always)]
    unsafe fn rint_f32(a: __m256i) -> __m256i {
        i(_mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(f(a)))
    }

    #[inline(always)]
    unsafe fn add_i32(a: __m256i, b: __m256i) -> __m256i {
        _mm256_add_epi32(a, b)
    }
    #[inline(always)]
    unsafe fn sub_i32(a: __m256i, b: __m256i) -> __m256i {
        _mm256_sub_epi32(a, b)
    }
    #[inline(always)]
    unsafe fn mul_i32(a: __m256i, b: __m256i) -> __m256i {
        _mm256_mullo_epi32(a, b)
    }
    #[inline(always)]
    unsafe fn mul_even_u32(a: __m256i, b: __m256i) -> __m256i {
        _mm256_mul_epu32(a, b)
    }
    #[inline(always)]
    unsafe fn odd_to_even(a: __m256i) -> __m256i {
        _mm256_srli_epi64::<32>(a)
    }
    #[inline(always)]
    unsafe fn even_to_odd(a: __m256i) -> __m256i {
        _mm256_slli_epi64::<32>(a)
    }
    #[inline(always)]
    unsafe fn eq_i32(a: __m256i, b: __m256i) -> __m256i {
        _mm256_cmpeq_epi32(a, b)
    }
    #[inline(always)]
    unsafe fn lt_i32(a: __m256i, b: __m256i) -> __m256i {
        _mm256_cmpgt_epi32(b, a)
    }
    #[inline(always)]
    unsafe fn and(a: __m256i, b: __m256i) -> __m256i {
        _mm256_and_si256(a, b)
    }
    #[inline(always)]
    unsafe fn or(a: __m256i, b: __m256i) -> __m256i {
        _mm256_or_si256(a, b)
    }
    #[inline(always)]
    unsafe fn xor(a: __m256i, b: __m256i) -> __m256i {
        _mm256_xor_si256(a, b)
    }
    #[inline(always)]
    unsafe fn shl(a: __m256i, count: __m256i) -> __m256i {
        _mm256_sllv_epi32(a, count)
    }
    #[inline(always)]
    unsafe fn shr(a: __m256i, count: __m256i) -> __m256i {
        _mm256_srlv_epi32(a, count)
    }
    #[inline(always)]
    unsafe fn sar(a: __m256i, count: __m256i) -> __m256i {
        _mm256_srav_epi32(a, count)
    }

    #[inline(always)]
    unsafe fn select(mask: __m256i, a: __m256i, b: __m256i) -> __m256i {
        i(_mm256_blendv_ps(f(b), f(a), f(mask)))
    }

    #[inline(always)]
    unsafe fn f32_from_i32(a: __m256i) -> __m256i {
        i(_mm256_cvtepi32_ps(a))
    }
    #[inline(always)]
    unsafe fn f32_from_u32(a: __m256i) -> __m256i {
        // Both halves are exact in `f32`; only their sum rounds.
        let high = _mm256_cvtepi32_ps(_mm256_srli_epi32::<16>(a));
        let low = _mm256_cvtepi32_ps(_mm256_and_si256(a, _mm256_set1_epi32(0xffff)));
        i(_mm256_add_ps(_mm256_mul_ps(high, _mm256_set1_ps(65536.0)), low))
    }
    #[inline(always)]
    unsafe fn i32_from_f32(a: __m256i) -> __m256i {
        _mm256_cvttps_epi32(f(a))
    }
}
