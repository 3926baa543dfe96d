//! The text of what brings arrays of a batch member to shared memory and back: see [`super::resident`].

use std::collections::BTreeSet;

use mlgenn_model::layout::ArrayId;
use mlgenn_model::plan::RingPosition;

use super::entry::comment;
use super::placement::Placement;
use super::resident::Resident;
use super::trial::Word;
use super::trial_text::Writer;
use super::types::memory_type;

/// An array in shared memory: an expression.
fn resident_array(array: ArrayId) -> String {
    format!("resident.array{}", array.0)
}

impl Writer<'_> {
    /// Write the type of what stays in shared memory: arrays by number, those that have to start at
    /// a multiple of the largest number first. They are together, so that a thread finds its
    /// element of all of them from one address.
    pub(super) fn resident_type(&mut self) {
        if self.layout.resident.is_empty() {
            return;
        }
        self.line("// What a batch member has in shared memory during a launch");
        self.line("struct Resident {");
        let mut arrays = self.layout.resident.clone();
        arrays.sort_by_key(|resident| std::cmp::Reverse(resident.ty.bytes()));
        for Resident { array, ty, elements, .. } in arrays {
            let path = comment(&self.plan.layout.array(array).path);
            self.line(&format!("{} array{}[{elements}]; // {path}", memory_type(ty), array.0));
        }
        self.line("};");
        self.line("");
    }

    /// Bring the arrays that stay in shared memory there.
    pub(super) fn load_resident(&mut self) {
        self.copy_resident(|_| true, |here, there| format!("{here} = {there};"));
    }

    /// Bring back those that may have changed.
    pub(super) fn store_resident(&mut self) {
        self.copy_resident(|r| r.written, |here, there| format!("{there} = {here};"));
    }

    /// Copy elements between shared memory and that of the GPU: arrays of the same length together.
    fn copy_resident(
        &mut self,
        wanted: impl Fn(&Resident) -> bool,
        copy: impl Fn(&str, &str) -> String,
    ) {
        let threads = self.layout.threads;
        let arrays: Vec<_> = self.layout.resident.iter().copied().filter(wanted).collect();
        let lengths: BTreeSet<_> = arrays.iter().map(|resident| resident.elements).collect();
        for length in lengths {
            self.line("#pragma unroll 1");
            self.line(&format!(
                "for (u32 at = first_lane({threads}u, 0u); at < {length}u; at += \
                 lane_step({threads}u)) {{"
            ));
            for Resident { array, .. } in arrays.iter().filter(|r| r.elements == length) {
                let there = self.in_memory(*array);
                let here = resident_array(*array);
                self.line(&copy(&format!("{here}[at]"), &format!("({there})[at]")));
            }
            self.line("}");
        }
        self.line("meet();");
    }

    /// The copy of an array of the current member in the memory of the GPU: an expression.
    pub(super) fn in_memory(&mut self, array: ArrayId) -> String {
        let data = self.word(Word::Address(array));
        let ty = memory_type(self.plan.layout.array(array).ty);
        let step = Placement::new(self.plan, array, RingPosition::Current).copy_step;
        format!("({ty} *){data} + (u64)member * {step}")
    }

    /// The copy of an array in shared memory, if it is there: an expression.
    pub(super) fn in_shared_memory(&self, array: ArrayId) -> Option<String> {
        let is_there = self.layout.resident.iter().any(|resident| resident.array == array);
        is_there.then(|| resident_array(array))
    }
}
