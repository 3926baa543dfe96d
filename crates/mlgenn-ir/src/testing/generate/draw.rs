//! What is drawn: numbers, choices, types, and bits of a type.

use super::Generator;
use crate::evaluate::truncate;
use crate::philox::philox4x32;
use crate::types::Type;

pub(super) const NUMBERS: [Type; 10] = [
    Type::F32,
    Type::I8,
    Type::U8,
    Type::I16,
    Type::U16,
    Type::I32,
    Type::U32,
    Type::I64,
    Type::U64,
    Type::F64,
];

impl Generator {
    pub(super) fn bits(&mut self) -> u32 {
        self.drawn += 1;
        philox4x32([self.drawn, 0, 0, 0], [self.seed as u32, (self.seed >> 32) as u32])[0]
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        ((u64::from(self.bits()) * limit as u64) >> 32) as usize
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// So many of the numbers below a limit, in any order and none of them twice.
    pub(super) fn some_of(&mut self, limit: usize, count: usize) -> Vec<u32> {
        let mut all: Vec<u32> = (0..limit as u32).collect();
        for at in 0..count {
            let other = at + self.below(limit - at);
            all.swap(at, other);
        }
        all.truncate(count);
        all
    }

    pub(super) fn number_type(&mut self) -> Type {
        // Mostly what models use.
        if self.chance(60) {
            self.pick(&[Type::F32, Type::F32, Type::I32])
        } else {
            self.pick(&NUMBERS)
        }
    }

    /// Random bits of a type: mostly tame, sometimes extreme.
    pub(super) fn random_bits(&mut self, ty: Type) -> u64 {
        let wide = u64::from(self.bits()) << 32 | u64::from(self.bits());
        let small = self.below(21) as i64 - 10;
        match ty {
            Type::Bool => wide & 1,
            Type::Ptr => 0,
            Type::F32 | Type::F64 => {
                let value = match self.below(20) {
                    0 => self.pick(&[0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]),
                    1 => self.pick(&[1e30, -1e-40, 1e9, -3e-5, 88.0, -104.0]),
                    2..8 => small as f64,
                    _ => f64::from(self.bits() as i32) / 2f64.powi(29),
                };
                if ty == Type::F64 { value.to_bits() } else { u64::from((value as f32).to_bits()) }
            }
            _ if self.chance(15) => truncate(ty, wide),
            _ if ty.is_signed() => truncate(ty, small as u64),
            _ => truncate(ty, small.unsigned_abs()),
        }
    }
}
