//! Types of the model-description language.

use std::fmt;

/// A numeric type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each variant is the type that it names")]
pub enum NumericType {
    Bool,
    Int8,
    UInt8,
    Int16,
    UInt16,
    Int32,
    UInt32,
    Int64,
    UInt64,
    Float,
    Double,
}

/// What the words `scalar` and `timepoint` stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Precision {
    /// Type of `scalar` and of floating-point literals without suffix.
    pub scalar: NumericType,
    /// Type of `timepoint`.
    pub time: NumericType,
}

impl Precision {
    /// Both 32 bits.
    pub const FLOAT: Self = Self { scalar: NumericType::Float, time: NumericType::Float };
    /// Both 64 bits.
    pub const DOUBLE: Self = Self { scalar: NumericType::Double, time: NumericType::Double };
}

/// A type: a number, or a pointer of any depth.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Type {
    /// What kind of value it is.
    pub kind: TypeKind,
    /// Whether a value of this type may not be assigned to.
    pub is_const: bool,
}

/// The kinds of [`Type`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TypeKind {
    /// No value: what `assert` returns.
    Void,
    /// A number.
    Numeric(NumericType),
    /// Address of values of another type.
    Pointer(Box<Type>),
    /// A string literal, only good as the format of `printf`.
    String,
}

impl NumericType {
    /// Whether the type is `float` or `double`.
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float | Self::Double)
    }

    /// Whether the type is an integer or `bool`.
    pub fn is_integer(self) -> bool {
        !self.is_float()
    }

    /// Whether the type holds negative numbers.
    pub fn is_signed(self) -> bool {
        matches!(self, Self::Int8 | Self::Int16 | Self::Int32 | Self::Int64) || self.is_float()
    }

    /// Width in bits.
    pub fn bits(self) -> u32 {
        match self {
            Self::Bool | Self::Int8 | Self::UInt8 => 8,
            Self::Int16 | Self::UInt16 => 16,
            Self::Int32 | Self::UInt32 | Self::Float => 32,
            Self::Int64 | Self::UInt64 | Self::Double => 64,
        }
    }

    /// The word by which code names the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int8 => "int8_t",
            Self::UInt8 => "uint8_t",
            Self::Int16 => "int16_t",
            Self::UInt16 => "uint16_t",
            Self::Int32 => "int",
            Self::UInt32 => "unsigned int",
            Self::Int64 => "int64_t",
            Self::UInt64 => "uint64_t",
            Self::Float => "float",
            Self::Double => "double",
        }
    }
}

impl Type {
    /// A number that may be assigned to.
    pub fn numeric(numeric: NumericType) -> Self {
        Self { kind: TypeKind::Numeric(numeric), is_const: false }
    }

    /// A pointer to values of another type.
    pub fn pointer(pointee: Type) -> Self {
        Self { kind: TypeKind::Pointer(Box::new(pointee)), is_const: false }
    }

    /// No value.
    pub fn void() -> Self {
        Self { kind: TypeKind::Void, is_const: false }
    }

    /// The numeric type, if it is one.
    pub fn as_numeric(&self) -> Option<NumericType> {
        match self.kind {
            TypeKind::Numeric(numeric) => Some(numeric),
            _ => None,
        }
    }

    /// The type pointed to, if this is a pointer.
    pub fn pointee(&self) -> Option<&Type> {
        match &self.kind {
            TypeKind::Pointer(pointee) => Some(pointee),
            _ => None,
        }
    }
}

impl fmt::Display for NumericType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            TypeKind::Pointer(pointee) => {
                write!(f, "{pointee}*")?;
                if self.is_const { f.write_str(" const") } else { Ok(()) }
            }
            kind => {
                if self.is_const {
                    f.write_str("const ")?;
                }
                match kind {
                    TypeKind::Void => f.write_str("void"),
                    TypeKind::Numeric(numeric) => numeric.fmt(f),
                    _ => f.write_str("string"),
                }
            }
        }
    }
}
