//! Variables in the neuron update: read into cells when it begins, written when it ends.

use indexmap::IndexMap;
use mlgenn_ir::{Cell, Domain, SlotId, Value};
use mlgenn_lang::NumericType;

use super::NeuronUpdate;
use crate::description::{Var, VarAccess};
use crate::error::ModelError;
use crate::layout::ArrayId;
use crate::plan::kernel::RingPosition;
use crate::plan::scope::Scope;

/// A variable held in a cell while the kernel runs.
pub(super) struct State {
    /// Name under which code knows it.
    pub(super) name: String,
    pub(super) ty: NumericType,
    pub(super) writable: bool,
    pub(super) cell: Cell,
    /// Value at the start of the kernel.
    pub(super) initial: Value,
    pub(super) write: SlotId,
    /// Whether it must be written even if nothing changed it (delay slots).
    pub(super) always: bool,
}

impl NeuronUpdate<'_> {
    /// Read variables into cells.
    pub(super) fn load_states(
        &mut self,
        prefix: &str,
        role: &str,
        vars: &[Var],
    ) -> Result<Vec<State>, ModelError> {
        vars.iter()
            .map(|var| {
                let array = self.planner.array(&format!("{prefix}.{role}.{}", var.name))?;
                self.load_state(var, array)
            })
            .collect()
    }

    fn load_state(&mut self, var: &Var, array: ArrayId) -> Result<State, ModelError> {
        let ty = self.numeric(&var.type_name)?;
        let layout = &self.planner.layout;
        let domain = if var.access == VarAccess::ReadOnlySharedNeuron {
            Domain::Member
        } else {
            Domain::Neuron
        };
        let always = layout.array(array).ring.is_some();
        let (read, write) = if always {
            let read =
                self.composer.array(layout, &var.name, array, domain, RingPosition::Previous);
            let name = format!("{}_next", var.name);
            let write = self.composer.array(layout, &name, array, domain, RingPosition::Current);
            (read, write)
        } else {
            let slot = self.composer.array(layout, &var.name, array, domain, RingPosition::Current);
            (slot, slot)
        };
        let initial = self.composer.builder.read(read);
        let cell = self.composer.builder.cell(initial);
        let writable = var.access.is_writable();
        Ok(State { name: var.name.clone(), ty, writable, cell, initial, write, always })
    }

    /// Let code use variables: as they are, or as they were when the scope was made.
    pub(super) fn define_states(
        &self,
        scope: &mut Scope,
        states: &[State],
        writable: bool,
    ) -> Result<(), ModelError> {
        for state in states {
            if writable && state.writable {
                scope.cell(&state.name, state.ty, state.cell)?;
            } else {
                scope.view(&state.name, state.ty, state.cell)?;
            }
        }
        Ok(())
    }

    /// Let code read variables of another model under the names of its references.
    pub(super) fn define_refs(
        &self,
        scope: &mut Scope,
        refs: &IndexMap<String, String>,
        states: &[State],
    ) -> Result<(), ModelError> {
        for (alias, target) in refs {
            if let Some(state) = states.iter().find(|state| state.name == *target) {
                scope.view(alias, state.ty, state.cell)?;
            }
        }
        Ok(())
    }

    pub(super) fn store_states(&mut self) {
        let builder = &mut self.composer.builder;
        for state in &self.states {
            let value = builder.get(state.cell);
            if state.always || value != state.initial {
                builder.write(state.write, value);
            }
        }
    }

    pub(super) fn numeric(&self, type_name: &str) -> Result<NumericType, ModelError> {
        let context = format!("Neuron group '{}'", self.population.name);
        Scope::new(context, self.planner.precision).parse_number(type_name)
    }
}
