//! Names of types, in code and in the declarations of variables and parameters.

use crate::parser::parse_type_name;
use crate::source::Source;
use crate::types::{NumericType, Precision, Type};

/// What can be written as a type, for messages.
pub(crate) const ACCEPTED: &str = "types are bool, char, short, int, long (also `unsigned`), \
    int8_t … int64_t, uint8_t … uint64_t, size_t, float, double, scalar and timepoint";

/// A text that is not the name of a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TypeError(String);

/// The type that a text names, such as `unsigned int`, `scalar` or `const uint8_t*`.
pub fn parse_type(text: &str, precision: Precision) -> Result<Type, TypeError> {
    parse_type_name(&Source::new("type", text), precision).map_err(|error| {
        let message = error.diagnostics().first().map_or("", |diagnostic| &diagnostic.message);
        TypeError(format!("{message}; {ACCEPTED}, perhaps followed by `*`"))
    })
}

/// The type that a set of words names, in whatever order.
pub(crate) fn resolve(words: &[&str], precision: Precision) -> Option<NumericType> {
    let mut words = words.to_vec();
    words.sort_unstable();
    Some(match words.join(" ").as_str() {
        "bool" => NumericType::Bool,
        "char" | "char signed" | "int8_t" => NumericType::Int8,
        "char unsigned" | "uint8_t" => NumericType::UInt8,
        "short" | "int short" | "short signed" | "int short signed" | "int16_t" => {
            NumericType::Int16
        }
        "short unsigned" | "int short unsigned" | "uint16_t" => NumericType::UInt16,
        "int" | "signed" | "int signed" | "int32_t" => NumericType::Int32,
        "unsigned" | "int unsigned" | "uint32_t" => NumericType::UInt32,
        "long" | "int long" | "long signed" | "int long signed" => NumericType::Int64,
        "long long" | "int long long" | "long long signed" | "int long long signed" => {
            NumericType::Int64
        }
        "int64_t" => NumericType::Int64,
        "long unsigned" | "int long unsigned" => NumericType::UInt64,
        "long long unsigned" | "int long long unsigned" => NumericType::UInt64,
        "uint64_t" | "size_t" => NumericType::UInt64,
        "float" => NumericType::Float,
        "double" => NumericType::Double,
        "scalar" => precision.scalar,
        "timepoint" => precision.time,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match parse_type(text, Precision::FLOAT) {
            Ok(ty) => ty.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn words_in_any_order() {
        for (text, expected) in [
            ("unsigned int", "unsigned int"),
            ("int unsigned", "unsigned int"),
            ("long unsigned long", "uint64_t"),
            ("signed char", "int8_t"),
            ("scalar", "float"),
            ("const scalar *", "const float*"),
            ("scalar* const", "float* const"),
            ("uint8_t**", "uint8_t**"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        let double =
            parse_type("timepoint", Precision { time: NumericType::Double, ..Precision::FLOAT });
        assert_eq!(double, Ok(Type::numeric(NumericType::Double)));
    }

    #[test]
    fn refuses_what_is_no_type() {
        for text in
            ["", "quaternion", "unsigned float", "int int", "int x", "*", "void", "short long"]
        {
            assert!(parse_type(text, Precision::FLOAT).is_err(), "{text}");
        }
        assert!(
            shown("unsigned float").starts_with("there is no type `unsigned float`; types are")
        );
        assert!(parse_type(&"*".repeat(100_000), Precision::FLOAT).is_err());
        assert!(parse_type(&format!("int{}", "*".repeat(100_000)), Precision::FLOAT).is_err());
    }
}
