//! Mathematical functions: our own where the interpreter has its own, otherwise those of CUDA.

use std::fmt::Write as _;

use mlgenn_ir::math::elementary::{
    exp_constants, log_constants, sin_cos_constants, tanh_constants,
};
use mlgenn_ir::{Type, math};
use mlgenn_lang::typed::MathFunction;

/// Name of the function in emitted text.
pub(super) fn name(function: MathFunction) -> String {
    match function {
        MathFunction::Min => "minimum".to_owned(),
        MathFunction::Max => "maximum".to_owned(),
        MathFunction::Abs => "magnitude".to_owned(),
        MathFunction::Clz => "leading_zeros".to_owned(),
        MathFunction::NearbyInt => "math_rint".to_owned(),
        MathFunction::Ldexp => "math_scalbn".to_owned(),
        _ => format!("math_{}", format!("{function:?}").to_lowercase()),
    }
}

/// How a function gets its value.
enum Form {
    /// A function of CUDA that gives the exact result, correctly rounded.
    Exact,
    /// A function of CUDA with an error of a few units in the last place.
    Rounded,
    /// An expression of `x` and `y`.
    Expression(&'static str),
    /// Defined elsewhere in the prelude.
    Own,
}

fn form(function: MathFunction, ty: Type) -> Form {
    use MathFunction as F;
    match function {
        F::Exp | F::Log | F::Tanh if ty == Type::F32 => Form::Own,
        F::Min | F::Max | F::Abs | F::Clz | F::NearbyInt | F::Ldexp => Form::Own,
        F::Fmin => Form::Expression("y != y ? x : minimum(x, y)"),
        F::Fmax => Form::Expression("y != y ? x : maximum(x, y)"),
        F::Sqrt
        | F::Ceil
        | F::Floor
        | F::Round
        | F::Rint
        | F::Trunc
        | F::Fabs
        | F::Fmod
        | F::NextAfter
        | F::Remainder
        | F::Fdim
        | F::Fma
        | F::Scalbn
        | F::Ilogb => Form::Exact,
        // The sign of a NaN counts as positive.
        F::CopySign if ty == Type::F32 => Form::Expression("copysignf(x, y != y ? 1.0f : y)"),
        F::CopySign => Form::Expression("copysign(x, y != y ? 1.0 : y)"),
        _ => Form::Rounded,
    }
}

/// Constants of the functions that are our own, see `prelude/elementary.cuh`.
fn constants() -> String {
    let mut text = String::new();
    let mut float = |name: &str, value: f32| {
        let _ = writeln!(text, "#define {name} {value:?}f");
    };
    float("EXP_HIGH", exp_constants::HIGH);
    float("EXP_LOW", exp_constants::LOW);
    float("EXP_LOG2_E", exp_constants::LOG2_E);
    float("EXP_MAGIC", exp_constants::MAGIC);
    float("EXP_LN2_HIGH", exp_constants::LN2_HIGH);
    float("EXP_LN2_LOW", exp_constants::LN2_LOW);
    float("LOG_MIN_NORMAL", log_constants::MIN_NORMAL);
    float("LOG_SUBNORMAL_SCALE", log_constants::SUBNORMAL_SCALE);
    float("LOG_LN2_HIGH", log_constants::LN2_HIGH);
    float("LOG_LN2_LOW", log_constants::LN2_LOW);
    float("TANH_SMALL", tanh_constants::SMALL);
    float("TURNS_QUARTER", sin_cos_constants::QUARTER);
    float("TURNS_MAGIC", sin_cos_constants::MAGIC);
    for (name, coefficients) in [
        ("EXP_C", &exp_constants::C[..]),
        ("LOG_C", &log_constants::C),
        ("TANH_C", &tanh_constants::C),
        ("SIN_S", &sin_cos_constants::S),
        ("COS_C", &sin_cos_constants::C),
    ] {
        for (i, &coefficient) in coefficients.iter().enumerate() {
            float(&format!("{name}{i}"), coefficient);
        }
    }
    let _ = writeln!(text, "#define LOG_SQRT_HALF_BITS {:#x}u", log_constants::SQRT_HALF_BITS);
    let _ = writeln!(text, "#define LOG_MANTISSA_BITS {:#x}u", log_constants::MANTISSA_BITS);
    text
}

/// Definitions of all functions, overloaded for both types.
///
/// On the host, where tests run emitted text, functions that are not exact ask
/// `mlgenn_mathematics` if there is one, so that results can be compared with the interpreter's to
/// the bit.
pub(super) fn definitions() -> String {
    let mut text = constants();
    for (index, function) in math::ALL.into_iter().enumerate() {
        for ty in [Type::F32, Type::F64] {
            let Some(signature) = math::signature(function, ty) else { continue };
            let c_name = format!("{function:?}").to_lowercase();
            let suffix = if ty == Type::F32 { "f" } else { "" };
            let names = &["x", "y", "z"][..signature.parameters.len()];
            let parameters: Vec<_> =
                names.iter().zip(signature.parameters).map(|(x, ty)| format!("{ty} {x}")).collect();
            let call = format!("{c_name}{suffix}({})", names.join(", "));
            let body = match form(function, ty) {
                Form::Own => continue,
                Form::Expression(expression) => format!("return {expression};"),
                Form::Exact => format!("return {call};"),
                Form::Rounded => {
                    let host = host_call(index, ty, names);
                    format!("\n#ifdef MLGENN_HOST\n{host}\n#endif\n    return {call};\n")
                }
            };
            let name = name(function);
            let _ = writeln!(
                text,
                "FUNCTION {} {name}({}) {{ {body} }}",
                signature.result,
                parameters.join(", ")
            );
        }
    }
    text
}

/// Ask the host for the value of a function, which has one or two arguments of type `ty`.
fn host_call(index: usize, ty: Type, names: &[&str]) -> String {
    let unsigned = if ty == Type::F32 { Type::U32 } else { Type::U64 };
    let bits = |i: usize| {
        names.get(i).map_or_else(|| "0".to_owned(), |name| format!("same_bits<{unsigned}>({name})"))
    };
    let wide = ty == Type::F64;
    let call = format!("mlgenn_mathematics({index}, {wide}, {}, {})", bits(0), bits(1));
    format!("    if (mlgenn_mathematics) return same_bits<{ty}>(({unsigned}){call});")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_defined() {
        let text = format!(
            "{}{}{}",
            definitions(),
            include_str!("../prelude/elementary.cuh"),
            include_str!("../prelude/arithmetic.cuh")
        );
        for function in math::ALL {
            assert!(text.contains(&format!(" {}(", name(function))), "{function:?}");
        }
    }
}
