//! The arrays of a network: what is stored, how often and in which order.

use indexmap::IndexMap;
use mlgenn_ir::Type;

use crate::error::ModelError;

/// An array of the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArrayId(pub usize);

/// A ring pointer that several arrays share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RingId(pub usize);

/// How many copies of an array there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Copies {
    /// One, for all batch members.
    Shared,
    /// One per batch member.
    Member,
    /// One per block of batch members: for sums over the batch, see [`crate::plan::Blocks`].
    Block,
}

/// How long an array is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// So many elements in each slot of each copy.
    Fixed(usize),
    /// As many as the array given at load has (extra global parameters).
    GivenAtLoad,
}

/// An array.
///
/// Memory order is `[copies][slots][elements]`. Synapse variables of sparse groups have rows of
/// equal stride; entries beyond the length of a row are padding.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Name under which it is read and written, see [`crate::description::path`].
    pub path: String,
    /// Type of the elements.
    pub ty: Type,
    /// Number of copies.
    pub copies: Copies,
    /// Ring of delay slots, if there is one.
    pub ring: Option<RingId>,
    /// Number of delay slots; 1 without ring.
    pub slots: usize,
    /// Number of elements.
    pub length: Length,
    /// For synapse variables: the synapse group by index.
    pub synapse_group: Option<usize>,
    /// Value before anything initialises it, as bits of the type.
    pub fill: u64,
}

impl Array {
    /// An array of one slot, filled with zeros.
    pub(crate) fn new(path: String, ty: Type, copies: Copies, elements: usize) -> Self {
        Self {
            path,
            ty,
            copies,
            ring: None,
            slots: 1,
            length: Length::Fixed(elements),
            synapse_group: None,
            fill: 0,
        }
    }

    /// Number of elements in one slot; 0 while it is unknown.
    #[inline]
    pub fn elements(&self) -> usize {
        match self.length {
            Length::Fixed(elements) => elements,
            Length::GivenAtLoad => 0,
        }
    }
}

/// All arrays and rings of a network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    arrays: IndexMap<String, Array>,
    rings: Vec<usize>,
}

impl Layout {
    /// Add an array; its path must be new.
    pub(crate) fn add(&mut self, array: Array) -> Result<ArrayId, ModelError> {
        let (index, previous) = self.arrays.insert_full(array.path.clone(), array);
        match previous {
            None => Ok(ArrayId(index)),
            Some(previous) => Err(ModelError::Name {
                context: "network".to_owned(),
                name: previous.path,
                problem: "is used twice".to_owned(),
            }),
        }
    }

    /// Add a ring with that many slots.
    pub(crate) fn add_ring(&mut self, slots: usize) -> RingId {
        self.rings.push(slots);
        RingId(self.rings.len() - 1)
    }

    /// Number of slots of each ring.
    pub fn rings(&self) -> &[usize] {
        &self.rings
    }

    /// The array with that id.
    #[inline]
    pub fn array(&self, id: ArrayId) -> &Array {
        &self.arrays[id.0]
    }

    pub(crate) fn array_mut(&mut self, id: ArrayId) -> &mut Array {
        &mut self.arrays[id.0]
    }

    /// All arrays in order of their ids.
    pub fn arrays(&self) -> impl Iterator<Item = (ArrayId, &Array)> {
        self.arrays.values().enumerate().map(|(index, array)| (ArrayId(index), array))
    }

    /// The array with that path.
    pub fn find(&self, path: &str) -> Option<ArrayId> {
        self.arrays.get_index_of(path).map(ArrayId)
    }
}
