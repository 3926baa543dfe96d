//! The instructions of the vector units.

use iced_x86::{Code, Register};

use super::graph::{Binary, Compare, MaskBinary, Unary, Width};
use crate::simd::Level;

/// A vector unit with machine code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isa {
    /// 32 registers with 16 lanes, and mask registers.
    Avx512,
    /// 16 registers with 8 lanes.
    Avx2,
}

impl Isa {
    pub(super) fn of(level: Level) -> Option<Self> {
        match level {
            Level::Avx512 => Some(Self::Avx512),
            Level::Avx2 => Some(Self::Avx2),
            Level::Baseline | Level::Portable => None,
        }
    }

    pub(super) fn has_masks(self) -> bool {
        self == Self::Avx512
    }

    pub(super) fn lanes(self) -> usize {
        if self == Self::Avx512 { 16 } else { 8 }
    }

    /// Number of vector registers for values; without masks two more have to do with the tail.
    pub(super) fn registers(self) -> usize {
        if self == Self::Avx512 { 32 } else { 14 }
    }

    pub(super) fn register(self, number: usize) -> Register {
        let first = if self == Self::Avx512 { Register::ZMM0 } else { Register::YMM0 };
        first + number as u32
    }

    fn choose(self, avx512: Code, avx2: Code) -> Code {
        if self == Self::Avx512 { avx512 } else { avx2 }
    }

    pub(super) fn load(self, width: Width) -> Code {
        use Code::*;
        match width {
            Width::Bits32 => self.choose(EVEX_Vmovups_zmm_k1z_zmmm512, VEX_Vmovups_ymm_ymmm256),
            Width::Bits16 => self.choose(EVEX_Vpmovzxwd_zmm_k1z_ymmm256, VEX_Vpmovzxwd_ymm_xmmm128),
            Width::Bits8 => self.choose(EVEX_Vpmovzxbd_zmm_k1z_xmmm128, VEX_Vpmovzxbd_ymm_xmmm64),
        }
    }

    /// Only of 32 bits without AVX-512.
    pub(super) fn store(self, width: Width) -> Code {
        use Code::*;
        match width {
            Width::Bits32 => self.choose(EVEX_Vmovups_zmmm512_k1z_zmm, VEX_Vmovups_ymmm256_ymm),
            Width::Bits16 => EVEX_Vpmovdw_ymmm256_k1z_zmm,
            Width::Bits8 => EVEX_Vpmovdb_xmmm128_k1z_zmm,
        }
    }

    /// One number from memory to all lanes.
    pub(super) fn broadcast(self) -> Code {
        self.choose(Code::EVEX_Vbroadcastss_zmm_k1z_xmmm32, Code::VEX_Vbroadcastss_ymm_m32)
    }

    /// Lanes of the last operand where the mask is set; for AVX2 the mask comes after it.
    pub(super) fn select(self) -> Code {
        use Code::*;
        self.choose(EVEX_Vblendmps_zmm_k1z_zmm_zmmm512b32, VEX_Vblendvps_ymm_ymm_ymmm256_ymm)
    }

    /// Instruction and immediate.
    pub(super) fn unary(self, op: Unary) -> (Code, Option<u8>) {
        use Code::*;
        let round = self
            .choose(EVEX_Vrndscaleps_zmm_k1z_zmmm512b32_imm8_sae, VEX_Vroundps_ymm_ymmm256_imm8);
        match op {
            Unary::Sqrt => {
                (self.choose(EVEX_Vsqrtps_zmm_k1z_zmmm512b32_er, VEX_Vsqrtps_ymm_ymmm256), None)
            }
            // Without exceptions.
            Unary::Rint => (round, Some(8)),
            Unary::Floor => (round, Some(9)),
            Unary::Ceil => (round, Some(10)),
            Unary::Trunc => (round, Some(11)),
            Unary::F32FromI32 => {
                (self.choose(EVEX_Vcvtdq2ps_zmm_k1z_zmmm512b32_er, VEX_Vcvtdq2ps_ymm_ymmm256), None)
            }
            Unary::F32FromU32 => (EVEX_Vcvtudq2ps_zmm_k1z_zmmm512b32_er, None),
            Unary::I32FromF32 => (
                self.choose(EVEX_Vcvttps2dq_zmm_k1z_zmmm512b32_sae, VEX_Vcvttps2dq_ymm_ymmm256),
                None,
            ),
        }
    }

    pub(super) fn binary(self, op: Binary) -> Code {
        use Code::*;
        let (avx512, avx2) = match op {
            Binary::AddF32 => (EVEX_Vaddps_zmm_k1z_zmm_zmmm512b32_er, VEX_Vaddps_ymm_ymm_ymmm256),
            Binary::SubF32 => (EVEX_Vsubps_zmm_k1z_zmm_zmmm512b32_er, VEX_Vsubps_ymm_ymm_ymmm256),
            Binary::MulF32 => (EVEX_Vmulps_zmm_k1z_zmm_zmmm512b32_er, VEX_Vmulps_ymm_ymm_ymmm256),
            Binary::DivF32 => (EVEX_Vdivps_zmm_k1z_zmm_zmmm512b32_er, VEX_Vdivps_ymm_ymm_ymmm256),
            Binary::MinF32 => (EVEX_Vminps_zmm_k1z_zmm_zmmm512b32_sae, VEX_Vminps_ymm_ymm_ymmm256),
            Binary::MaxF32 => (EVEX_Vmaxps_zmm_k1z_zmm_zmmm512b32_sae, VEX_Vmaxps_ymm_ymm_ymmm256),
            Binary::AddI32 => (EVEX_Vpaddd_zmm_k1z_zmm_zmmm512b32, VEX_Vpaddd_ymm_ymm_ymmm256),
            Binary::SubI32 => (EVEX_Vpsubd_zmm_k1z_zmm_zmmm512b32, VEX_Vpsubd_ymm_ymm_ymmm256),
            Binary::MulI32 => (EVEX_Vpmulld_zmm_k1z_zmm_zmmm512b32, VEX_Vpmulld_ymm_ymm_ymmm256),
            Binary::And => (EVEX_Vpandd_zmm_k1z_zmm_zmmm512b32, VEX_Vpand_ymm_ymm_ymmm256),
            Binary::Or => (EVEX_Vpord_zmm_k1z_zmm_zmmm512b32, VEX_Vpor_ymm_ymm_ymmm256),
            Binary::Xor => (EVEX_Vpxord_zmm_k1z_zmm_zmmm512b32, VEX_Vpxor_ymm_ymm_ymmm256),
            Binary::ShiftLeft => (EVEX_Vpsllvd_zmm_k1z_zmm_zmmm512b32, VEX_Vpsllvd_ymm_ymm_ymmm256),
            Binary::ShiftRight => {
                (EVEX_Vpsrlvd_zmm_k1z_zmm_zmmm512b32, VEX_Vpsrlvd_ymm_ymm_ymmm256)
            }
            Binary::ShiftRightSigned => {
                (EVEX_Vpsravd_zmm_k1z_zmm_zmmm512b32, VEX_Vpsravd_ymm_ymm_ymmm256)
            }
        };
        self.choose(avx512, avx2)
    }

    /// Instruction, immediate, and whether the operands are swapped.
    pub(super) fn compare(self, op: Compare) -> (Code, Option<u8>, bool) {
        use Code::*;
        let floats =
            self.choose(EVEX_Vcmpps_kr_k1_zmm_zmmm512b32_imm8_sae, VEX_Vcmpps_ymm_ymm_ymmm256_imm8);
        let integers = |predicate, avx2, swapped| match self {
            Self::Avx512 => (EVEX_Vpcmpd_kr_k1_zmm_zmmm512b32_imm8, Some(predicate), false),
            Self::Avx2 => (avx2, None, swapped),
        };
        match op {
            // Not signalling; those that order numbers do signal.
            Compare::EqualF32 => (floats, Some(0x00), false),
            Compare::NotEqualF32 => (floats, Some(0x04), false),
            Compare::LessF32 => (floats, Some(0x11), false),
            Compare::LessEqualF32 => (floats, Some(0x12), false),
            Compare::EqualI32 => integers(0, VEX_Vpcmpeqd_ymm_ymm_ymmm256, false),
            Compare::LessI32 => integers(1, VEX_Vpcmpgtd_ymm_ymm_ymmm256, true),
            Compare::NotEqualI32 => integers(4, INVALID, false),
            Compare::GreaterEqualI32 => integers(5, INVALID, false),
            Compare::LessU32 => (EVEX_Vpcmpud_kr_k1_zmm_zmmm512b32_imm8, Some(1), false),
        }
    }
}

/// Operations on mask registers.
pub(super) fn mask_binary(op: MaskBinary) -> Code {
    match op {
        MaskBinary::And => Code::VEX_Kandw_kr_kr_kr,
        MaskBinary::Or => Code::VEX_Korw_kr_kr_kr,
        MaskBinary::Xor => Code::VEX_Kxorw_kr_kr_kr,
    }
}
