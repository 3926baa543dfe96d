//! Which types convert to which, as in C.

use crate::types::{NumericType, Type, TypeKind};

/// Integer promotion: `bool` and integers below 32 bits become `int`.
pub(crate) fn promote(ty: NumericType) -> NumericType {
    if ty.is_integer() && ty.bits() < 32 { NumericType::Int32 } else { ty }
}

/// The type in which an operator on two numbers is computed.
pub(crate) fn common_type(left: NumericType, right: NumericType) -> NumericType {
    for float in [NumericType::Double, NumericType::Float] {
        if left == float || right == float {
            return float;
        }
    }
    let (left, right) = (promote(left), promote(right));
    // The wider one wins, and among equally wide ones the unsigned one.
    match left.bits().cmp(&right.bits()) {
        std::cmp::Ordering::Less => right,
        std::cmp::Ordering::Greater => left,
        std::cmp::Ordering::Equal if left.is_signed() => right,
        std::cmp::Ordering::Equal => left,
    }
}

/// Whether a pointer converts to another pointer type: same final type, and no `const` lost.
pub(crate) fn pointer_converts(from: &Type, to: &Type) -> bool {
    match (&from.kind, &to.kind) {
        (TypeKind::Pointer(from), TypeKind::Pointer(to)) => {
            (to.is_const || !from.is_const)
                && match (&from.kind, &to.kind) {
                    (TypeKind::Numeric(from), TypeKind::Numeric(to)) => from == to,
                    _ => pointer_converts(from, to),
                }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use NumericType::{Bool, Double, Float, Int8, Int32, Int64, UInt8, UInt16, UInt32, UInt64};

    #[test]
    fn common_types() {
        for (left, right, expected) in [
            (Bool, Bool, Int32),
            (UInt8, Int8, Int32),
            (Int32, UInt32, UInt32),
            (UInt16, Int32, Int32),
            (UInt32, Int64, Int64),
            (Int64, UInt64, UInt64),
            (UInt64, Float, Float),
            (Float, Double, Double),
        ] {
            assert_eq!(common_type(left, right), expected, "{left} {right}");
            assert_eq!(common_type(right, left), expected, "{right} {left}");
        }
    }

    #[test]
    fn pointers_gain_but_never_lose_const() {
        let float = Type::numeric(Float);
        let constant = Type { is_const: true, ..float.clone() };
        let (mutable, read_only) = (Type::pointer(float), Type::pointer(constant));
        assert!(pointer_converts(&mutable, &read_only));
        assert!(!pointer_converts(&read_only, &mutable));
        assert!(!pointer_converts(&mutable, &Type::pointer(Type::numeric(Int32))));
        assert!(!pointer_converts(&mutable, &Type::pointer(mutable.clone())));
    }
}
