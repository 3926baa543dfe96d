//! From kernels to CUDA C.
//!
//! The text includes no header and is compiled by NVRTC alone. Every operation means what the
//! interpreter does: same arithmetic, same random numbers, sums in a fixed order where lanes share
//! an element. Compiled without contraction (`--fmad=false`) it gives the interpreter's bits, but
//! for mathematical functions that CUDA rounds differently.
//!
//! The one known difference in effects: a thread runs a lane from start to end, so that what a
//! lane reads of elements that other lanes write is not defined. Kernels do not rely on it, see
//! [`mlgenn_ir::launch`].

mod access;
mod additions;
mod body;
mod elements;
mod entry;
mod joined;
mod mathematics;
mod network;
mod placement;
mod planned;
mod print;
mod resident;
mod resident_text;
mod scheduled;
mod shape;
mod trial;
mod trial_text;
mod types;

use entry::COLUMN_PARTS;
pub use entry::{Entry, PARTIAL_SUMS, lanes_entry};
pub use joined::JoinedEntry;
pub use network::{EventSource, NetworkEntry, NetworkProgram, Sizes, Stage, SynapticStage};
pub use placement::Placement;
pub use scheduled::Scheduled;
pub use shape::{Connectivity, Members, Shape, Trigger};
pub use trial::{LateSum, Trial, Word};

/// What all translation units start with.
pub fn prelude() -> String {
    [
        include_str!("../prelude/types.cuh"),
        include_str!("../prelude/arithmetic.cuh"),
        &mathematics::definitions(),
        include_str!("../prelude/elementary.cuh"),
        include_str!("../prelude/random.cuh"),
        include_str!("../prelude/memory.cuh"),
        include_str!("../prelude/sums.cuh"),
    ]
    .join("\n")
}

/// A translation unit: prelude and entries.
pub fn translation_unit<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> String {
    let mut text = prelude();
    for entry in entries {
        text.push('\n');
        text.push_str(&entry.text);
    }
    text
}
