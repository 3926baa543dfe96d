//! The functions that every slot may call, besides those of its environment.

use crate::typed::{MathFunction, RandomFunction};

/// A built-in function and how its arguments are converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    /// So many arguments and a result of one floating-point type.
    Float(MathFunction, usize),
    /// `scalbn(x, n)`: a floating-point number and an `int`.
    FloatAndInt(MathFunction),
    /// `ilogb(x)`: `int` from a floating-point number.
    Ilogb,
    /// Two numbers of any one type, result alike.
    Extremum(MathFunction),
    /// Magnitude of a number of any type.
    Abs,
    /// Leading zeros of a `uint32_t`.
    Clz,
    Random(RandomFunction),
    Printf,
    Assert,
    AtomicOr,
}

/// Built-in functions by name.
const BUILTINS: &[(&str, Builtin)] = {
    use Builtin::{Extremum, Float, FloatAndInt, Random};
    use MathFunction as M;
    use RandomFunction as R;
    &[
        ("cos", Float(M::Cos, 1)),
        ("sin", Float(M::Sin, 1)),
        ("tan", Float(M::Tan, 1)),
        ("acos", Float(M::Acos, 1)),
        ("asin", Float(M::Asin, 1)),
        ("atan", Float(M::Atan, 1)),
        ("cosh", Float(M::Cosh, 1)),
        ("sinh", Float(M::Sinh, 1)),
        ("tanh", Float(M::Tanh, 1)),
        ("acosh", Float(M::Acosh, 1)),
        ("asinh", Float(M::Asinh, 1)),
        ("atanh", Float(M::Atanh, 1)),
        ("exp", Float(M::Exp, 1)),
        ("expm1", Float(M::Expm1, 1)),
        ("exp2", Float(M::Exp2, 1)),
        ("log", Float(M::Log, 1)),
        ("log1p", Float(M::Log1p, 1)),
        ("log2", Float(M::Log2, 1)),
        ("log10", Float(M::Log10, 1)),
        ("sqrt", Float(M::Sqrt, 1)),
        ("cbrt", Float(M::Cbrt, 1)),
        ("ceil", Float(M::Ceil, 1)),
        ("floor", Float(M::Floor, 1)),
        ("round", Float(M::Round, 1)),
        ("rint", Float(M::Rint, 1)),
        ("trunc", Float(M::Trunc, 1)),
        ("nearbyint", Float(M::NearbyInt, 1)),
        ("fabs", Float(M::Fabs, 1)),
        ("erf", Float(M::Erf, 1)),
        ("erfc", Float(M::Erfc, 1)),
        ("tgamma", Float(M::Tgamma, 1)),
        ("lgamma", Float(M::Lgamma, 1)),
        ("atan2", Float(M::Atan2, 2)),
        ("pow", Float(M::Pow, 2)),
        ("fmod", Float(M::Fmod, 2)),
        ("nextafter", Float(M::NextAfter, 2)),
        ("remainder", Float(M::Remainder, 2)),
        ("fdim", Float(M::Fdim, 2)),
        ("fmax", Float(M::Fmax, 2)),
        ("fmin", Float(M::Fmin, 2)),
        ("copysign", Float(M::CopySign, 2)),
        ("hypot", Float(M::Hypot, 2)),
        ("fma", Float(M::Fma, 3)),
        ("scalbn", FloatAndInt(M::Scalbn)),
        ("ldexp", FloatAndInt(M::Ldexp)),
        ("ilogb", Builtin::Ilogb),
        ("min", Extremum(M::Min)),
        ("max", Extremum(M::Max)),
        ("abs", Builtin::Abs),
        ("clz", Builtin::Clz),
        ("gennrand", Random(R::Bits)),
        ("gennrand_uniform", Random(R::Uniform)),
        ("gennrand_normal", Random(R::Normal)),
        ("gennrand_exponential", Random(R::Exponential)),
        ("gennrand_log_normal", Random(R::LogNormal)),
        ("gennrand_gamma", Random(R::Gamma)),
        ("gennrand_binomial", Random(R::Binomial)),
        ("printf", Builtin::Printf),
        ("assert", Builtin::Assert),
        ("atomic_or", Builtin::AtomicOr),
    ]
};

/// The built-in function of that name.
pub(crate) fn find(name: &str) -> Option<Builtin> {
    BUILTINS.iter().find(|(known, _)| *known == name).map(|(_, builtin)| *builtin)
}

/// The names of all functions; those of random numbers only if wanted.
pub(crate) fn names(with_random: bool) -> impl Iterator<Item = &'static str> {
    BUILTINS
        .iter()
        .filter(move |(_, builtin)| with_random || !matches!(builtin, Builtin::Random(_)))
        .map(|(name, _)| *name)
}

impl Builtin {
    /// How many arguments it takes; `printf` takes more as well.
    pub(crate) fn arity(self) -> usize {
        match self {
            Self::Float(_, arity) => arity,
            Self::FloatAndInt(_) | Self::Extremum(_) | Self::AtomicOr => 2,
            Self::Ilogb | Self::Abs | Self::Clz | Self::Printf | Self::Assert => 1,
            Self::Random(function) => match function {
                RandomFunction::LogNormal | RandomFunction::Binomial => 2,
                RandomFunction::Gamma => 1,
                _ => 0,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut all: Vec<_> = names(true).collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_eq!(names(false).count() + 7, count);
        assert_eq!(find("hypot"), Some(Builtin::Float(MathFunction::Hypot, 2)));
        assert_eq!(find("powf"), None);
    }
}
