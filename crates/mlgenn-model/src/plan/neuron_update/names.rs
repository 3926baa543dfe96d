//! What code of a population can name besides its variables: time, parameters, extra global
//! parameters, random numbers and times of spikes.

use mlgenn_ir::lower::RandomSource;
use mlgenn_ir::{Domain, SlotKind, Type};
use mlgenn_lang::NumericType;

use super::NeuronUpdate;
use crate::description::{Egp, Param, ParamValues};
use crate::error::ModelError;
use crate::layout::ArrayId;
use crate::plan::kernel::SlotBinding;
use crate::plan::scope::Scope;

impl NeuronUpdate<'_> {
    /// A scope with the names that every code of a population sees.
    pub(super) fn scope(&mut self, context: String) -> Result<Scope, ModelError> {
        let mut scope = Scope::new(context, self.planner.precision);
        let builder = &mut self.composer.builder;
        let time = self.planner.precision.time;
        scope.value("t", time, self.time)?;
        let dt = builder.number(time.into(), self.planner.network.dt);
        scope.value("dt", time, dt)?;
        scope.value("id", NumericType::UInt32, self.id)?;
        scope.value("batch", NumericType::UInt32, self.member)?;
        scope.count(builder, "num_neurons", self.population.size)?;
        scope.count(builder, "num_batch", self.planner.network.batch_size)?;
        Ok(scope)
    }

    pub(super) fn params(
        &mut self,
        scope: &mut Scope,
        prefix: &str,
        (params, derived): (&[Param], &[Param]),
        values: &ParamValues,
        dynamic: &[String],
    ) -> Result<(), ModelError> {
        self.planner.define_params(
            scope,
            &mut self.composer,
            (prefix, "params"),
            (params, derived),
            values,
            dynamic,
        )
    }

    pub(super) fn egps(
        &mut self,
        scope: &mut Scope,
        prefix: &str,
        role: &str,
        egps: &[Egp],
    ) -> Result<(), ModelError> {
        self.planner.define_egps(scope, &mut self.composer, (prefix, role), egps)
    }

    /// A time of the last spike or event, as known before this update.
    pub(super) fn spike_time_name(
        &mut self,
        scope: &mut Scope,
        name: &str,
        array: Option<ArrayId>,
    ) -> Result<(), ModelError> {
        let Some(array) = array else { return Ok(()) };
        let value = self.composer.previous_time(&self.planner.layout, name, array);
        scope.value(name, self.planner.precision.time, value)
    }

    pub(super) fn allow_random(&mut self, scope: &mut Scope) {
        let stream = self.planner.new_stream();
        let kind = SlotKind::Variable { domain: Domain::Member, writable: false };
        let binding = SlotBinding::RandomKey { stream };
        let slot = self.composer.slot("random_key", Type::U64, kind, binding);
        let builder = &mut self.composer.builder;
        let key = builder.read(slot);
        let element = builder.convert(self.id, Type::U64);
        let zero = builder.constant(Type::U32, 0);
        let draw = builder.cell(zero);
        scope.allow_random(RandomSource { key, element, timestep: self.steps_made, draw });
    }
}
