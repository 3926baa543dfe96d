//! Scalar meaning of the arithmetic operations, on bits: shared by the interpreter and by constant
//! folding.

use crate::op::{BinaryOp, CompareOp, UnaryOp};
use crate::types::Type;

/// Keep the bits of the type, clear the others.
pub fn truncate(ty: Type, bits: u64) -> u64 {
    match ty.bytes() {
        1 => bits & 0xff,
        2 => bits & 0xffff,
        4 => bits & 0xffff_ffff,
        _ => bits,
    }
}

/// The integer with those bits, if the type has a sign; otherwise the bits.
pub fn sign_extend(ty: Type, bits: u64) -> i64 {
    if ty.is_signed() {
        let unused = 64 - 8 * ty.bytes() as u32;
        ((bits << unused) as i64) >> unused
    } else {
        bits as i64
    }
}

/// Bits of the element index in a pointer.
const INDEX_MASK: u64 = (1 << Type::POINTER_SLOT_SHIFT) - 1;

/// The pointer to an element of a slot.
pub fn pointer(slot: u32, index: i64) -> u64 {
    u64::from(slot) << Type::POINTER_SLOT_SHIFT | index as u64 & INDEX_MASK
}

/// Slot and element index of a pointer.
pub fn split_pointer(bits: u64) -> (u32, i64) {
    let unused = 64 - Type::POINTER_SLOT_SHIFT;
    ((bits >> Type::POINTER_SLOT_SHIFT) as u32, ((bits << unused) as i64) >> unused)
}

/// `op x`; 0 for types that the operator does not take.
pub fn unary(op: UnaryOp, ty: Type, x: u64) -> u64 {
    match (op, ty) {
        (UnaryOp::Negate, Type::F32) => x ^ 0x8000_0000,
        (UnaryOp::Negate, Type::F64) => x ^ 0x8000_0000_0000_0000,
        (UnaryOp::Negate, _) => truncate(ty, x.wrapping_neg()),
        (UnaryOp::Not, Type::Bool) => x ^ 1,
        (UnaryOp::Not, _) => truncate(ty, !x),
    }
}

/// `x op y`, `ty` being the type of `x`; 0 for types that the operator does not take.
///
/// A pointer plus an `i64` wraps within the bits of its element index. The count of a shift is
/// taken modulo the width of `ty`.
pub fn binary(op: BinaryOp, ty: Type, x: u64, y: u64) -> u64 {
    match ty {
        Type::F32 => {
            let result = float_binary(op, f32::from_bits(x as u32), f32::from_bits(y as u32));
            u64::from(result.to_bits())
        }
        Type::F64 => float_binary(op, f64::from_bits(x), f64::from_bits(y)).to_bits(),
        Type::Ptr => x & !INDEX_MASK | x.wrapping_add(y) & INDEX_MASK,
        _ => truncate(ty, integer_binary(op, ty, x, y)),
    }
}

fn float_binary<T>(op: BinaryOp, x: T, y: T) -> T
where
    T: Default
        + std::ops::Add<Output = T>
        + std::ops::Sub<Output = T>
        + std::ops::Mul<Output = T>
        + std::ops::Div<Output = T>,
{
    match op {
        BinaryOp::Add => x + y,
        BinaryOp::Subtract => x - y,
        BinaryOp::Multiply => x * y,
        BinaryOp::Divide => x / y,
        _ => T::default(),
    }
}

fn integer_binary(op: BinaryOp, ty: Type, x: u64, y: u64) -> u64 {
    let signed = ty.is_signed();
    let (a, b) = (sign_extend(ty, x), sign_extend(ty, y));
    let count = (y as u32) & (8 * ty.bytes() as u32 - 1);
    match op {
        BinaryOp::Add => x.wrapping_add(y),
        BinaryOp::Subtract => x.wrapping_sub(y),
        BinaryOp::Multiply => x.wrapping_mul(y),
        BinaryOp::Divide | BinaryOp::Remainder if y == 0 => 0,
        BinaryOp::Divide if signed => a.wrapping_div(b) as u64,
        BinaryOp::Divide => x / y,
        BinaryOp::Remainder if signed => a.wrapping_rem(b) as u64,
        BinaryOp::Remainder => x % y,
        BinaryOp::And => x & y,
        BinaryOp::Or => x | y,
        BinaryOp::Xor => x ^ y,
        BinaryOp::ShiftLeft => x << count,
        BinaryOp::ShiftRight if signed => (a >> count) as u64,
        BinaryOp::ShiftRight => x >> count,
    }
}

/// Whether `x op y` holds for two values of type `ty`.
pub fn compare(op: CompareOp, ty: Type, x: u64, y: u64) -> bool {
    match ty {
        Type::F32 => ordered(op, &f32::from_bits(x as u32), &f32::from_bits(y as u32)),
        Type::F64 => ordered(op, &f64::from_bits(x), &f64::from_bits(y)),
        _ if ty.is_signed() => ordered(op, &sign_extend(ty, x), &sign_extend(ty, y)),
        _ => ordered(op, &x, &y),
    }
}

fn ordered<T: PartialOrd>(op: CompareOp, x: &T, y: &T) -> bool {
    match op {
        CompareOp::Equal => x == y,
        CompareOp::NotEqual => x != y,
        CompareOp::Less => x < y,
        CompareOp::LessEqual => x <= y,
        CompareOp::Greater => x > y,
        CompareOp::GreaterEqual => x >= y,
    }
}

/// The number with the bits `x` of type `from` as a number of type `to`.
pub fn convert(from: Type, to: Type, x: u64) -> u64 {
    match (from, to) {
        (_, Type::Bool) => u64::from(compare(CompareOp::NotEqual, from, x, 0)),
        (Type::F32, _) => from_float(f64::from(f32::from_bits(x as u32)), to),
        (Type::F64, _) => from_float(f64::from_bits(x), to),
        (_, Type::F32) if from.is_signed() => u64::from((sign_extend(from, x) as f32).to_bits()),
        (_, Type::F32) => u64::from((x as f32).to_bits()),
        (_, Type::F64) if from.is_signed() => (sign_extend(from, x) as f64).to_bits(),
        (_, Type::F64) => (x as f64).to_bits(),
        _ => truncate(to, sign_extend(from, x) as u64),
    }
}

/// Every `f32` is an `f64`, so both convert through it.
fn from_float(x: f64, to: Type) -> u64 {
    match to {
        Type::F32 => u64::from((x as f32).to_bits()),
        Type::F64 => x.to_bits(),
        Type::I8 => u64::from(x as i8 as u8),
        Type::U8 => u64::from(x as u8),
        Type::I16 => u64::from(x as i16 as u16),
        Type::U16 => u64::from(x as u16),
        Type::I32 => u64::from(x as i32 as u32),
        Type::U32 => u64::from(x as u32),
        Type::I64 => x as i64 as u64,
        Type::U64 => x as u64,
        Type::Bool | Type::Ptr => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn i32_bits(x: i32) -> u64 {
        u64::from(x as u32)
    }

    #[test]
    fn integers_wrap_and_divide_totally() {
        use BinaryOp::*;
        assert_eq!(binary(Add, Type::I32, i32_bits(i32::MAX), 1), i32_bits(i32::MIN));
        assert_eq!(binary(Subtract, Type::U8, 0, 1), 0xff);
        assert_eq!(binary(Multiply, Type::I16, 0x7fff, 2), 0xfffe);
        assert_eq!(binary(Divide, Type::I32, i32_bits(-7), 2), i32_bits(-3));
        assert_eq!(binary(Remainder, Type::I32, i32_bits(-7), 2), i32_bits(-1));
        for ty in [Type::I8, Type::U16, Type::I32, Type::U64] {
            assert_eq!(binary(Divide, ty, 5, 0), 0);
            assert_eq!(binary(Remainder, ty, 5, 0), 0);
        }
        assert_eq!(binary(Divide, Type::I8, 0x80, 0xff), 0x80);
        assert_eq!(binary(Divide, Type::I64, 1 << 63, u64::MAX), 1 << 63);
        assert_eq!(binary(Remainder, Type::I64, 1 << 63, u64::MAX), 0);
    }

    #[test]
    fn shift_counts_are_modulo_the_width() {
        use BinaryOp::*;
        assert_eq!(binary(ShiftLeft, Type::U8, 3, 9), 6);
        assert_eq!(binary(ShiftLeft, Type::U64, 3, 65), 6);
        assert_eq!(binary(ShiftRight, Type::I32, i32_bits(-8), 33), i32_bits(-4));
        assert_eq!(binary(ShiftRight, Type::U32, i32_bits(-8), 28), 15);
        assert_eq!(binary(ShiftLeft, Type::I32, 1, i32_bits(-1)), i32_bits(i32::MIN));
    }

    #[test]
    fn pointers_wrap_in_their_index() {
        let p = pointer(3, -1);
        assert_eq!(split_pointer(p), (3, -1));
        assert_eq!(split_pointer(binary(BinaryOp::Add, Type::Ptr, p, 3)), (3, 2));
        assert_eq!(split_pointer(binary(BinaryOp::Add, Type::Ptr, p, -2i64 as u64)), (3, -3));
    }

    #[test]
    fn conversions_truncate_and_saturate() {
        let float = |x: f32| u64::from(x.to_bits());
        assert_eq!(convert(Type::F32, Type::I32, float(-1.9)), i32_bits(-1));
        assert_eq!(convert(Type::F32, Type::I32, float(1e20)), i32_bits(i32::MAX));
        assert_eq!(convert(Type::F32, Type::U8, float(-3.0)), 0);
        assert_eq!(convert(Type::F32, Type::I8, float(f32::NAN)), 0);
        assert_eq!(convert(Type::F64, Type::Bool, f64::NAN.to_bits()), 1);
        assert_eq!(convert(Type::F64, Type::Bool, (-0.0f64).to_bits()), 0);
        assert_eq!(convert(Type::I8, Type::I64, 0xff), u64::MAX);
        assert_eq!(convert(Type::I8, Type::U16, 0xff), 0xffff);
        assert_eq!(convert(Type::U8, Type::I64, 0xff), 0xff);
        assert_eq!(convert(Type::I32, Type::F64, i32_bits(-2)), (-2f64).to_bits());
        assert_eq!(convert(Type::U64, Type::F32, u64::MAX), float(1.844_674_4e19));
        assert_eq!(convert(Type::I32, Type::U8, 0x1ff), 0xff);
    }

    #[test]
    fn comparisons_respect_sign_and_nan() {
        use CompareOp::*;
        assert!(compare(Less, Type::I32, i32_bits(-1), 1));
        assert!(!compare(Less, Type::U32, i32_bits(-1), 1));
        let nan = f64::NAN.to_bits();
        assert!(compare(NotEqual, Type::F64, nan, nan));
        assert!(!compare(LessEqual, Type::F64, nan, nan));
        assert!(compare(Equal, Type::F32, 0, 0x8000_0000));
    }
}
