//! Types and constants in CUDA C.

use mlgenn_ir::Type;

/// Type of a value.
pub(super) fn value_type(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::Ptr => "u64",
        _ => ty.name(),
    }
}

/// Type of an element in memory.
pub(super) fn memory_type(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "u8",
        _ => value_type(ty),
    }
}

/// A constant given by its bits.
pub(super) fn constant(ty: Type, bits: u64) -> String {
    match ty {
        Type::Bool => (bits != 0).to_string(),
        Type::F32 => float(f64::from(f32::from_bits(bits as u32)), || {
            (format!("{:?}f", f32::from_bits(bits as u32)), format!("same_bits<f32>({bits:#x}u)"))
        }),
        Type::F64 => float(f64::from_bits(bits), || {
            (format!("{:?}", f64::from_bits(bits)), format!("same_bits<f64>({bits:#x}ull)"))
        }),
        Type::U64 | Type::Ptr => format!("{bits}ull"),
        // The smallest numbers have no literals.
        Type::I64 => format!("(i64){bits}ull"),
        Type::U32 => format!("{bits}u"),
        Type::I32 => match bits as i32 {
            i32::MIN => "(i32)0x80000000u".to_owned(),
            number => number.to_string(),
        },
        _ => format!("({}){}", ty.name(), mlgenn_ir::evaluate::sign_extend(ty, bits)),
    }
}

/// Decimal digits for finite numbers: the shortest that give the same bits. Bits for the others.
fn float(value: f64, texts: impl FnOnce() -> (String, String)) -> String {
    let (decimal, bits) = texts();
    if value.is_finite() { decimal } else { bits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_exact() {
        let f32_bits = |x: f32| u64::from(x.to_bits());
        assert_eq!(constant(Type::F32, f32_bits(0.1)), "0.1f");
        assert_eq!(constant(Type::F32, f32_bits(-1e-30)), "-1e-30f");
        assert_eq!(constant(Type::F32, f32_bits(f32::INFINITY)), "same_bits<f32>(0x7f800000u)");
        assert_eq!(constant(Type::F64, 2.0f64.to_bits()), "2.0");
        assert_eq!(constant(Type::I32, 0xffff_fffe), "-2");
        assert_eq!(constant(Type::I32, 0x8000_0000), "(i32)0x80000000u");
        assert_eq!(constant(Type::I64, u64::MAX), "(i64)18446744073709551615ull");
        assert_eq!(constant(Type::I8, 0xff), "(i8)-1");
        assert_eq!(constant(Type::Bool, 1), "true");
    }
}
