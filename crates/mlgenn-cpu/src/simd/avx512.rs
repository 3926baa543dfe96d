//! AVX-512 (F, BW, CD, DQ, VL): 16 lanes.

use std::arch::x86_64::*;

use super::{Simd, enable};

/// The vector unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512;
type Unit = Avx512;

#[inline(always)]
unsafe fn f(v: __m512i) -> __m512 {
    _mm512_castsi512_ps(v)
}

#[inline(always)]
unsafe fn i(v: __m512) -> __m512i {
    _mm512_castps_si512(v)
}

#[inline(always)]
unsafe fn first(count: usize) -> __mmask16 {
    ((1u32 << count) - 1) as __mmask16
}

#[inline(always)]
unsafe fn mask(k: __mmask16) -> __m512i {
    _mm512_movm_epi32(k)
}

impl Simd for Avx512 {
    type V = __m512i;
    const LANES: usize = 16;
    const COMPRESSES: bool = true;

    enable!("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,bmi1,bmi2,popcnt,lzcnt");

    #[inline(always)]
    unsafe fn load(p: *const u32) -> __m512i {
        _mm512_loadu_si512(p.cast())
    }
    #[inline(always)]
    unsafe fn store(p: *mut u32, v: __m512i) {
        _mm512_storeu_si512(p.cast(), v)
    }
    #[inline(always)]
    unsafe fn load_partial(p: *const u32, count: usize) -> __m512i {
        _mm512_maskz_loadu_epi32(first(count), p.cast())
    }
    #[inline(always)]
    unsafe fn store_partial(p: *mut u32, v: __m512i, count: usize) {
        _mm512_mask_storeu_epi32(p.cast(), first(count), v)
    }
    #[inline(always)]
    unsafe fn splat(bits: u32) -> __m512i {
        _mm512_set1_epi32(bits as i32)
    }
    #[inline(always)]
    unsafe fn gather(p: *const u32, index: __m512i) -> __m512i {
        // Indices are unsigned: widen them, as those of the instruction for 32 bits are signed.
        let low = _mm512_cvtepu32_epi64(_mm512_castsi512_si256(index));
        let high = _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64::<1>(index));
        let low = _mm512_i64gather_epi32::<4>(low, p.cast());
        let high = _mm512_i64gather_epi32::<4>(high, p.cast());
        _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
    }
    #[inline(always)]
    unsafe fn movemask(v: __m512i) -> u32 {
        u32::from(_mm512_movepi32_mask(v))
    }

    #[inline(always)]
    unsafe fn store_positions(p: *mut u32, first: u32, bits: u32) -> usize {
        let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        let positions = _mm512_add_epi32(lanes, _mm512_set1_epi32(first as i32));
        // Compressing to a register and storing it whole is much faster than to memory.
        let positions = _mm512_maskz_compress_epi32(bits as __mmask16, positions);
        _mm512_storeu_si512(p.cast(), positions);
        bits.count_ones() as usize
    }

    #[inline(always)]
    unsafe fn sum_f32(v: __m512i) -> f32 {
        let v = f(v);
        let v = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps::<1>(v));
        let v = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
        let v = _mm_add_ps(v, _mm_movehl_ps(v, v));
        _mm_cvtss_f32(_mm_add_ss(v, _mm_shuffle_ps::<1>(v, v)))
    }
    #[inline(always)]
    unsafe fn add_f32(a: __m512i, b: __m512i) -> __m512i {
        i(_mm512_add_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn sub_f32(a: __m512i, b: __m512i) -> __m512i {
        i(_mm512_sub_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn mul_f32(a: __m512i, b: __m512i) -> __m512i {
        i(_mm512_mul_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn div_f32(a: __m512i, b: __m512i) -> __m512i {
        i(_mm512_div_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn sqrt_f32(a: __m512i) -> __m512i {
        i(_mm512_sqrt_ps(f(a)))
    }
    #[inline(always)]
    unsafe fn min_f32(a: __m512i, b: __m512i) -> __m512i {
        i(_mm512_min_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn max_f32(a: __m512i, b: __m512i) -> __m512i {
        i(_mm512_max_ps(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn eq_f32(a: __m512i, b: __m512i) -> __m512i {
        mask(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn ne_f32(a: __m512i, b: __m512i) -> __m512i {
        mask(_mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn lt_f32(a: __m512i, b: __m512i) -> __m512i {
        mask(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn le_f32(a: __m512i, b: __m512i) -> __m512i {
        mask(_mm512_cmp_ps_mask::<_CMP_LE_OQ>(f(a), f(b)))
    }
    #[inline(always)]
    unsafe fn floor_f32(a: __m512i) -> __m512i {
        i(_mm512_roundscale_ps::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(f(a)))
    }
    #[inline(always)]
    unsafe fn ceil_f32(a: __m512i) -> __m512i {
        i(_mm512_roundscale_ps::<{ _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC }>(f(a)))
    }
    #[inline(always)]
    unsafe fn trunc_f32(a: __m512i) -> __m512i {
        i(_mm512_roundscale_ps::<{ _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC }>(f(a)))
    }
    #[inline(always)]
    unsafe fn rint_f32(a: __m512i) -> __m512i {
        i(_mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(f(a)))
    }

    #[inline(always)]
    unsafe fn add_i32(a: __m512i, b: __m512i) -> __m512i {
        _mm512_add_epi32(a, b)
    }
    #[inline(always)]
    unsafe fn sub_i32(a: __m512i, b: __m512i) -> __m512i {
        _mm512_sub_epi32(a, b)
    }
    #[inline(always)]
    unsafe fn mul_i32(a: __m512i, b: __m512i) -> __m512i {
        _mm512_mullo_epi32(a, b)
    }
    #[inline(always)]
    unsafe fn mul_even_u32(a: __m512i, b: __m512i) -> __m512i {
        _mm512_mul_epu32(a, b)
    }
    #[inline(always)]
    unsafe fn odd_to_even(a: __m512i) -> __m512i {
        _mm512_srli_epi64::<32>(a)
    }
    #[inline(always)]
    unsafe fn even_to_odd(a: __m512i) -> __m512i {
        _mm512_slli_epi64::<32>(a)
    }
    #[inline(always)]
    unsafe fn eq_i32(a: __m512i, b: __m512i) -> __m512i {
        mask(_mm512_cmpeq_epi32_mask(a, b))
    }
    #[inline(always)]
    unsafe fn lt_i32(a: __m512i, b: __m512i) -> __m512i {
        mask(_mm512_cmplt_epi32_mask(a, b))
    }
    #[inline(always)]
    unsafe fn and(a: __m512i, b: __m512i) -> __m512i {
        _mm512_and_si512(a, b)
    }
    #[inline(always)]
    unsafe fn or(a: __m512i, b: __m512i) -> __m512i {
        _mm512_or_si512(a, b)
    }
    #[inline(always)]
    unsafe fn xor(a: __m512i, b: __m512i) -> __m512i {
        _mm512_xor_si512(a, b)
    }
    #[inline(always)]
    unsafe fn shl(a: __m512i, count: __m512i) -> __m512i {
        _mm512_sllv_epi32(a, count)
    }
    #[inline(always)]
    unsafe fn shr(a: __m512i, count: __m512i) -> __m512i {
        _mm512_srlv_epi32(a, count)
    }
    #[inline(always)]
    unsafe fn sar(a: __m512i, count: __m512i) -> __m512i {
        _mm512_srav_epi32(a, count)
    }

    #[inline(always)]
    unsafe fn select(mask: __m512i, a: __m512i, b: __m512i) -> __m512i {
        _mm512_ternarylogic_epi32::<0xca>(mask, a, b)
    }

    #[inline(always)]
    unsafe fn f32_from_i32(a: __m512i) -> __m512i {
        i(_mm512_cvtepi32_ps(a))
    }
    #[inline(always)]
    unsafe fn f32_from_u32(a: __m512i) -> __m512i {
        i(_mm512_cvtepu32_ps(a))
    }
    #[inline(always)]
    unsafe fn i32_from_f32(a: __m512i) -> __m512i {
        _mm512_cvttps_epi32(f(a))
    }
}
