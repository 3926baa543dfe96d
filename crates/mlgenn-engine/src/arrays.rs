//! Arrays given at load, and the memory that a network needs.

use indexmap::IndexMap;
use mlgenn_ir::{Buffer, Type, evaluate};
use mlgenn_model::Plan;
use mlgenn_model::layout::{Array, ArrayId, Length};

use crate::error::{EngineError, size};
use crate::history::Histories;

/// Values for an array.
#[derive(Clone, Debug, PartialEq)]
pub enum ArrayData {
    /// Values of any numeric type.
    Values {
        /// Their type.
        ty: Type,
        /// The values in memory order, native byte order.
        bytes: Vec<u8>,
    },
    /// That many zeros.  An extra global parameter takes memory only where it is written to.
    Zeros(usize),
}

/// Arrays by path.
pub type Arrays = IndexMap<String, ArrayData>;

/// Size of one array of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryItem {
    /// Path of the array.
    pub path: String,
    /// Type of its elements.
    pub ty: Type,
    /// Copies, delay slots, elements.
    pub shape: [usize; 3],
    /// Bytes.
    pub bytes: u128,
}

/// What the arrays of a network need; extra global parameters, whose size is known at load only,
/// count as empty.
pub fn memory_plan(plan: &Plan) -> Vec<MemoryItem> {
    plan.layout
        .arrays()
        .map(|(id, array)| {
            let shape = [plan.copies(id), array.slots, array.elements()];
            let elements: u128 = shape.iter().map(|&n| n as u128).product();
            let bytes = elements * array.ty.bytes() as u128;
            MemoryItem { path: array.path.clone(), ty: array.ty, shape, bytes }
        })
        .collect()
}

impl ArrayData {
    /// Values from `f32` numbers.
    pub fn from_f32(values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
        Self::Values { ty: Type::F32, bytes }
    }

    /// Values from `u32` numbers.
    pub fn from_u32(values: &[u32]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
        Self::Values { ty: Type::U32, bytes }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::Values { ty, bytes } => bytes.len() / ty.bytes(),
            Self::Zeros(len) => *len,
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bits of each value, converted to a type.
    pub(crate) fn bits(&self, ty: Type) -> impl Iterator<Item = u64> + '_ {
        let (given, bytes, zeros): (Type, &[u8], usize) = match self {
            Self::Values { ty, bytes } => (*ty, bytes, 0),
            Self::Zeros(len) => (ty, &[], *len),
        };
        let values = bytes.chunks_exact(given.bytes()).map(move |chunk| {
            let mut raw = [0; 8];
            let width = chunk.len();
            if cfg!(target_endian = "big") {
                raw[8 - width..].copy_from_slice(chunk);
            } else {
                raw[..width].copy_from_slice(chunk);
            }
            let bits = u64::from_ne_bytes(raw);
            if given == ty { bits } else { evaluate::convert(given, ty, bits) }
        });
        values.chain(std::iter::repeat_n(0, zeros))
    }

    /// Copy into a buffer, from element `start` on; the caller has checked the size.
    pub(crate) fn copy_to(&self, buffer: &Buffer, start: usize) {
        match self {
            Self::Values { ty, bytes } if *ty == buffer.ty() => {
                buffer.copy_from_bytes(start, bytes);
            }
            _ => {
                for (index, bits) in self.bits(buffer.ty()).enumerate() {
                    buffer.store(start + index, bits);
                }
            }
        }
    }
}

/// Refuse a network whose arrays do not fit in memory, before anything is allocated.
pub(crate) fn check_memory(plan: &Plan) -> Result<(), EngineError> {
    let arrays: u128 = memory_plan(plan).iter().map(|item| item.bytes).sum();
    let total = arrays + Histories::bytes(plan);
    if available_memory().is_none_or(|available| total <= available) {
        return Ok(());
    }
    Err(out_of_memory(plan))
}

/// The arrays of a network do not fit in memory.
pub fn out_of_memory(plan: &Plan) -> EngineError {
    let mut items = memory_plan(plan);
    let total = items.iter().map(|item| item.bytes).sum();
    items.sort_by_key(|item| std::cmp::Reverse(item.bytes));
    let largest = items
        .iter()
        .take(3)
        .map(|item| format!("{} {:?} ({})", item.path, item.shape, size(item.bytes)))
        .collect();
    EngineError::OutOfMemory { bytes: total, largest }
}

/// Allocate every array of a network, filled with its fill value.
pub(crate) fn allocate(plan: &Plan, given: &Arrays) -> Result<Vec<Buffer>, EngineError> {
    plan.layout
        .arrays()
        .map(|(id, array)| {
            let length = length(plan, id, array, given)?;
            let buffer = Buffer::new(array.ty, length)?;
            if array.fill != 0 {
                buffer.fill(0, length, array.fill);
            }
            Ok(buffer)
        })
        .collect()
}

fn length(plan: &Plan, id: ArrayId, array: &Array, given: &Arrays) -> Result<usize, EngineError> {
    match array.length {
        Length::Fixed(elements) => plan
            .copies(id)
            .checked_mul(array.slots)
            .and_then(|copies| copies.checked_mul(elements))
            .ok_or_else(|| EngineError::OutOfMemory {
                bytes: u128::MAX,
                largest: vec![array.path.clone()],
            }),
        Length::GivenAtLoad => given
            .get(&array.path)
            .map(ArrayData::len)
            .ok_or_else(|| EngineError::MissingArray { path: array.path.clone() }),
    }
}

/// Memory that could be used without swapping, if the system tells.
fn available_memory() -> Option<u128> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    let kilobytes: u128 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
