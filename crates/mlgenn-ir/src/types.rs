//! Types of values in the IR.

use mlgenn_lang::NumericType;

/// The type of a value, and of the elements of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each variant is the type that it names")]
pub enum Type {
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    /// Address of an array element: slot and element index, see [`Type::POINTER_SLOT_SHIFT`].
    Ptr,
}

impl Type {
    /// A pointer is an `i64`: the slot in the bits from here up, the element index (a signed
    /// number that wraps at this width) below. Adding to a pointer adds to its element index.
    pub const POINTER_SLOT_SHIFT: u32 = 48;

    /// Every type, in the order of the enumeration.
    pub const ALL: [Self; 12] = [
        Self::Bool,
        Self::I8,
        Self::U8,
        Self::I16,
        Self::U16,
        Self::I32,
        Self::U32,
        Self::I64,
        Self::U64,
        Self::F32,
        Self::F64,
        Self::Ptr,
    ];

    /// Name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::I8 => "i8",
            Self::U8 => "u8",
            Self::I16 => "i16",
            Self::U16 => "u16",
            Self::I32 => "i32",
            Self::U32 => "u32",
            Self::I64 => "i64",
            Self::U64 => "u64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Ptr => "ptr",
        }
    }

    /// Bytes of one element in memory.
    pub fn bytes(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 | Self::Ptr => 8,
        }
    }

    /// Whether it is `f32` or `f64`.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    /// Whether it is an integer (not `bool`, not a pointer).
    pub fn is_integer(self) -> bool {
        !self.is_float() && !matches!(self, Self::Bool | Self::Ptr)
    }

    /// Whether it is an integer with a sign.
    pub fn is_signed(self) -> bool {
        matches!(self, Self::I8 | Self::I16 | Self::I32 | Self::I64)
    }
}

impl From<NumericType> for Type {
    fn from(numeric: NumericType) -> Self {
        match numeric {
            NumericType::Bool => Self::Bool,
            NumericType::Int8 => Self::I8,
            NumericType::UInt8 => Self::U8,
            NumericType::Int16 => Self::I16,
            NumericType::UInt16 => Self::U16,
            NumericType::Int32 => Self::I32,
            NumericType::UInt32 => Self::U32,
            NumericType::Int64 => Self::I64,
            NumericType::UInt64 => Self::U64,
            NumericType::Float => Self::F32,
            NumericType::Double => Self::F64,
        }
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
