//! What reaches a neuron: synaptic input through the postsynaptic models, what synapses send back
//! with `addToPre`, and current sources. They add to `Isyn` and to the additional input variables.

use mlgenn_ir::{BinaryOp, Cell, Domain, KernelBuilder, Value};
use mlgenn_lang::NumericType;

use super::{NeuronUpdate, State};
use crate::error::ModelError;
use crate::plan::kernel::RingPosition;
use crate::plan::scope::Scope;

impl NeuronUpdate<'_> {
    /// `Isyn` and the additional inputs start afresh in every timestep.
    pub(super) fn start_inputs(&mut self) -> Result<(), ModelError> {
        let scalar = self.planner.precision.scalar;
        let zero = self.composer.builder.number(scalar.into(), 0.0);
        let cell = self.composer.builder.cell(zero);
        self.inputs.insert("Isyn".to_owned(), (scalar, cell));
        for input in &self.population.model.additional_input_vars {
            let ty = self.numeric(&input.type_name)?;
            let initial = self.composer.builder.number(ty.into(), input.initial);
            let cell = self.composer.builder.cell(initial);
            self.inputs.insert(input.name.clone(), (ty, cell));
        }
        Ok(())
    }

    fn input(&self, name: &str) -> (NumericType, Cell) {
        let name = if name.is_empty() { "Isyn" } else { name };
        // `validate` has checked that the input exists.
        self.inputs.get(name).copied().unwrap_or(self.inputs[0])
    }

    /// Let code call `injectCurrent`.
    fn inject_current(&self, scope: &mut Scope, target: &str) -> Result<(), ModelError> {
        let (ty, cell) = self.input(target);
        let effect = move |builder: &mut KernelBuilder, arguments: &[Value]| {
            let sum = builder.binary(BinaryOp::Add, builder.get(cell), arguments[0]);
            builder.set(cell, sum);
            Ok(None)
        };
        scope.function("injectCurrent", &[ty], Box::new(effect))
    }

    pub(super) fn postsynaptic_models(&mut self, neuron: &[State]) -> Result<(), ModelError> {
        for index in self.planner.incoming(self.index) {
            let group = self.planner.network.synapse_groups[index].clone();
            let prefix = format!("syn.{}", group.name);
            let scalar = self.planner.precision.scalar;
            let (out_post, den_delay) =
                (self.planner.groups[index].out_post, self.planner.groups[index].den_delay);
            let layout = &self.planner.layout;
            let slot = self.composer.array(
                layout,
                "in_syn",
                out_post,
                Domain::Neuron,
                RingPosition::Current,
            );
            let mut in_syn = self.composer.builder.read(slot);
            if let Some((array, _)) = den_delay {
                let at = RingPosition::Current;
                let due = self.composer.array(layout, "den_delay", array, Domain::Neuron, at);
                let builder = &mut self.composer.builder;
                let arrived = builder.read(due);
                in_syn = builder.binary(BinaryOp::Add, in_syn, arrived);
                let zero = builder.number(scalar.into(), 0.0);
                builder.write(due, zero);
            }
            let cell = self.composer.builder.cell(in_syn);
            let states = self.load_states(&prefix, "psm_vars", &group.postsynaptic.model.vars)?;

            let mut scope =
                self.scope(format!("Synapse group '{}' postsynaptic model", group.name))?;
            scope.cell("inSyn", scalar, cell)?;
            self.define_states(&mut scope, &states, true)?;
            self.define_refs(&mut scope, &group.postsynaptic.neuron_var_refs, neuron)?;
            self.planner.define_params(
                &mut scope,
                &mut self.composer,
                (&prefix, "psm_params"),
                (&group.postsynaptic.model.params, &group.postsynaptic.model.derived_params),
                &group.postsynaptic.params,
                &group.postsynaptic.dynamic_params,
            )?;
            self.egps(
                &mut scope,
                &prefix,
                "psm_egps",
                &group.postsynaptic.model.extra_global_params,
            )?;
            self.inject_current(&mut scope, &group.post_target_var)?;
            self.allow_random(&mut scope);
            let mut open = scope.open();
            open.code().statements(
                &mut self.composer.builder,
                "sim code",
                &group.postsynaptic.model.sim_code,
            )?;
            let in_syn = self.composer.builder.get(cell);
            self.composer.builder.write(slot, in_syn);
            let first = self.states.len();
            self.states.extend(states);
            self.psm_states.insert(index, first..self.states.len());
        }
        Ok(())
    }

    /// What synapses sent back with `addToPre`.
    pub(super) fn feedback(&mut self) -> Result<(), ModelError> {
        for index in self.planner.outgoing(self.index) {
            let Some(out_pre) = self.planner.groups[index].out_pre else { continue };
            let target = self.planner.network.synapse_groups[index].pre_target_var.clone();
            let (ty, cell) = self.input(&target);
            let at = RingPosition::Current;
            let layout = &self.planner.layout;
            let slot = self.composer.array(layout, "out_pre", out_pre, Domain::Neuron, at);
            let builder = &mut self.composer.builder;
            let sent = builder.read(slot);
            let sent = builder.convert(sent, ty.into());
            let sum = builder.binary(BinaryOp::Add, builder.get(cell), sent);
            builder.set(cell, sum);
            let zero = builder.number(layout.array(out_pre).ty, 0.0);
            builder.write(slot, zero);
        }
        Ok(())
    }

    pub(super) fn current_sources(&mut self, neuron: &[State]) -> Result<(), ModelError> {
        for source in self.planner.network.current_sources.clone() {
            if source.population != self.population.name {
                continue;
            }
            let prefix = format!("cs.{}", source.name);
            let states = self.load_states(&prefix, "vars", &source.model.vars)?;
            let mut scope = self.scope(format!("Current source '{}'", source.name))?;
            self.define_states(&mut scope, &states, true)?;
            self.define_refs(&mut scope, &source.neuron_var_refs, neuron)?;
            self.params(
                &mut scope,
                &prefix,
                (&source.model.params, &source.model.derived_params),
                &source.params,
                &source.dynamic_params,
            )?;
            self.egps(&mut scope, &prefix, "egps", &source.model.extra_global_params)?;
            self.inject_current(&mut scope, &source.target_var)?;
            self.allow_random(&mut scope);
            scope.open().code().statements(
                &mut self.composer.builder,
                "injection code",
                &source.model.injection_code,
            )?;
            self.states.extend(states);
        }
        Ok(())
    }
}
