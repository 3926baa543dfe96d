//! Custom connectivity updates: their arrays, and the kernel of their host code, which has one lane.

use std::collections::BTreeSet;

use mlgenn_ir::lower::RandomSource;
use mlgenn_ir::{Domain, SlotKind, Type, Value};
use mlgenn_lang::NumericType;

use super::init::InitOver;
use super::kernel::{Composer, PlannedKernel, RingPosition, Scalar, SlotBinding};
use super::scope::Scope;
use super::usage::{is_empty, uses};
use super::{ConnectivityPlan, Planner};
use crate::description::CustomConnectivityUpdate;
use crate::error::ModelError;
use crate::layout::{ArrayId, Copies};

/// A custom connectivity update of a plan.
#[derive(Clone, Debug)]
pub struct CustomConnectivityUpdatePlan {
    /// Name.
    pub name: String,
    /// Synapse group that it changes, by index.
    pub synapse_group: usize,
    /// What is done once before the row code; a kernel of one lane.
    pub host: Option<PlannedKernel>,
    /// What is done for each row; lanes are presynaptic neurons.
    pub rows: Option<PlannedKernel>,
    /// Whether synapses are added or removed, rather than their variables changed only.
    pub changes_connectivity: bool,
}

impl Planner {
    /// Lay out the variables of all custom connectivity updates; there is one copy for all batch
    /// members.
    pub(super) fn plan_custom_connectivity_update_arrays(&mut self) -> Result<(), ModelError> {
        for update in self.network.custom_connectivity_updates.clone() {
            let context = format!("Custom connectivity update '{}'", update.name);
            let prefix = format!("ccu.{}", update.name);
            let group = self.synapse_group_index(&update.synapse_group);
            let (num_pre, num_post) = self.group_sizes(group);
            let synapses = num_pre * self.row_strides[group];
            let model = &update.model;
            let over = InitOver::Synapses { group };
            for (role, vars, inits, size, over) in [
                ("vars", &model.vars, &update.vars, synapses, over),
                ("pre_vars", &model.pre_vars, &update.pre_vars, num_pre, InitOver::Elements),
                ("post_vars", &model.post_vars, &update.post_vars, num_post, InitOver::Elements),
            ] {
                for var in vars {
                    if !var.access.is_per_element() {
                        let problem = format!("variable {:?} cannot be shared", var.name);
                        return Err(ModelError::invalid(&context, problem));
                    }
                    let id = self.add_var(&context, &prefix, role, var, size)?;
                    let array = self.layout.array_mut(id);
                    array.copies = Copies::Shared;
                    if over != InitOver::Elements {
                        array.synapse_group = Some(group);
                    }
                    self.plan_init(&context, id, var, inits.get(&var.name), over)?;
                }
            }
            self.add_egps(&context, &prefix, &model.extra_global_params)?;
            self.add_dynamic_params(
                &context,
                &prefix,
                &model.params,
                &update.params,
                &update.dynamic_params,
            )?;
        }
        Ok(())
    }

    /// Arrays whose values custom connectivity updates set when they add synapses.
    pub(super) fn set_by_connectivity_updates(&self) -> Result<BTreeSet<ArrayId>, ModelError> {
        let updates = self.network.custom_connectivity_updates.iter();
        updates
            .flat_map(|update| update.var_refs.values().map(move |bound| (update, bound)))
            .map(|(update, bound)| {
                self.resolve(&format!("Custom connectivity update '{}'", update.name), bound)
            })
            .collect()
    }

    /// Kernels of all custom connectivity updates, with the names of their groups.
    pub(super) fn plan_custom_connectivity_updates(
        &mut self,
    ) -> Result<Vec<(String, CustomConnectivityUpdatePlan)>, ModelError> {
        let updates = self.network.custom_connectivity_updates.clone();
        updates
            .iter()
            .map(|update| {
                let synapse_group = self.synapse_group_index(&update.synapse_group);
                let model = &update.model;
                let host = if is_empty(&model.host_update_code) {
                    None
                } else {
                    Some(UpdateComposer::new(self, update, synapse_group, "host")?.compose_host()?)
                };
                let rows = if is_empty(&model.row_update_code) {
                    None
                } else {
                    Some(UpdateComposer::new(self, update, synapse_group, "row")?.compose_rows()?)
                };
                let code = [model.row_update_code.as_str()];
                let plan = CustomConnectivityUpdatePlan {
                    name: update.name.clone(),
                    synapse_group,
                    host,
                    rows,
                    changes_connectivity: uses(code, "add_synapse") || uses(code, "remove_synapse"),
                };
                Ok((update.group.clone(), plan))
            })
            .collect()
    }

    fn synapse_group_index(&self, name: &str) -> usize {
        // `validate` has checked that it exists.
        self.network.synapse_groups.iter().position(|group| group.name == name).unwrap_or_default()
    }
}

/// Composes one kernel of an update.
pub(super) struct UpdateComposer<'a> {
    pub(super) planner: &'a mut Planner,
    pub(super) update: &'a CustomConnectivityUpdate,
    /// The synapse group, by index.
    pub(super) group: usize,
    pub(super) context: String,
    /// Start of the paths of its arrays.
    pub(super) prefix: String,
    pub(super) composer: Composer,
    pub(super) scope: Scope,
}

impl<'a> UpdateComposer<'a> {
    fn new(
        planner: &'a mut Planner,
        update: &'a CustomConnectivityUpdate,
        group: usize,
        code: &str,
    ) -> Result<Self, ModelError> {
        let context = format!("Custom connectivity update '{}'", update.name);
        let composer = Composer::new(format!("{context} {code} update code"));
        let scope = Scope::new(context.clone(), planner.precision);
        let prefix = format!("ccu.{}", update.name);
        let mut this = Self { planner, update, group, context, prefix, composer, scope };
        this.common_names()?;
        Ok(this)
    }

    /// What both host and row code see.
    fn common_names(&mut self) -> Result<(), ModelError> {
        let time_type = self.planner.precision.time;
        let time = self.composer.scalar("t", time_type.into(), Scalar::Time);
        self.scope.value("t", time_type, time)?;
        let builder = &mut self.composer.builder;
        let dt = builder.number(time_type.into(), self.planner.network.dt);
        self.scope.value("dt", time_type, dt)?;
        let (num_pre, num_post) = self.planner.group_sizes(self.group);
        self.scope.count(builder, "num_pre", num_pre)?;
        self.scope.count(builder, "num_post", num_post)?;
        self.scope.count(builder, "row_stride", self.planner.row_strides[self.group])?;
        let model = &self.update.model;
        self.planner.define_params(
            &mut self.scope,
            &mut self.composer,
            (&self.prefix, "params"),
            (&model.params, &model.derived_params),
            &self.update.params,
            &self.update.dynamic_params,
        )?;
        self.planner.define_egps(
            &mut self.scope,
            &mut self.composer,
            (&self.prefix, "egps"),
            &model.extra_global_params,
        )?;
        for declared in &model.extra_global_param_refs {
            let Some(bound) = self.update.egp_refs.get(&declared.name) else { continue };
            let array = self.planner.resolve_egp(bound)?;
            let (scope, composer) = (&mut self.scope, &mut self.composer);
            self.planner.define_egp(scope, composer, &declared.name, array)?;
        }
        Ok(())
    }

    /// Let code draw random numbers for an element; each run draws others.
    pub(super) fn allow_random(&mut self, element: Value) {
        let stream = self.planner.new_stream();
        let kind = SlotKind::Variable { domain: Domain::Member, writable: false };
        let binding = SlotBinding::RandomKey { stream };
        let slot = self.composer.slot("random_key", Type::U64, kind, binding);
        let timestep = self.composer.scalar("run", Type::U32, Scalar::StepsMade);
        let builder = &mut self.composer.builder;
        let key = builder.read(slot);
        let element = builder.convert(element, Type::U64);
        let zero = builder.constant(Type::U32, 0);
        let draw = builder.cell(zero);
        self.scope.allow_random(RandomSource { key, element, timestep, draw });
    }

    /// Row lengths and targets of the synapse group.
    pub(super) fn connectivity(&self) -> Result<(ArrayId, ArrayId), ModelError> {
        match &self.planner.groups[self.group].connectivity {
            ConnectivityPlan::Sparse { row_length, indices, .. } => Ok((*row_length, *indices)),
            _ => Err(ModelError::invalid(&self.context, "only SPARSE connectivity can be changed")),
        }
    }

    /// The kernel of the host code.
    fn compose_host(mut self) -> Result<PlannedKernel, ModelError> {
        let (row_length, _) = self.connectivity()?;
        let zero = self.composer.builder.constant(Type::U32, 0);
        self.allow_random(zero);
        let model = &self.update.model;
        for (role, vars) in [("pre_vars", &model.pre_vars), ("post_vars", &model.post_vars)] {
            for var in vars {
                let array = self.planner.array(&format!("{}.{role}.{}", self.prefix, var.name))?;
                let (scope, composer) = (&mut self.scope, &mut self.composer);
                self.planner.define_egp(scope, composer, &var.name, array)?;
                self.copies_to_device(&var.name, &[])?;
            }
        }
        let egps = model.extra_global_params.iter().map(|egp| &egp.name);
        let refs = model.extra_global_param_refs.iter().map(|egp| &egp.name);
        for name in egps.chain(refs) {
            self.copies_to_device(name, &[NumericType::UInt32])?;
        }
        let unsigned = NumericType::UInt32;
        let kind = SlotKind::Array { writable: false };
        let binding = SlotBinding::Array { array: row_length, at: RingPosition::Current };
        let slot = self.composer.slot("row_length", Type::U32, kind, binding);
        let constant = mlgenn_lang::Type { is_const: true, ..mlgenn_lang::Type::numeric(unsigned) };
        let pointer = mlgenn_lang::Type { is_const: true, ..mlgenn_lang::Type::pointer(constant) };
        self.scope.array("row_length", pointer, slot)?;
        self.copies_to_device("RowLength", &[])?;
        let builder = &mut self.composer.builder;
        let code = &self.update.model.host_update_code;
        self.scope.open().code().statements(builder, "host update code", code)?;
        Ok(self.composer.finish())
    }

    /// `pushNameToDevice` and `pullNameFromDevice`: host and device share their memory, so that
    /// there is nothing to do.
    fn copies_to_device(
        &mut self,
        name: &str,
        parameters: &[NumericType],
    ) -> Result<(), ModelError> {
        for function in [format!("push{name}ToDevice"), format!("pull{name}FromDevice")] {
            self.scope.function(&function, parameters, Box::new(|_, _| Ok(None)))?;
        }
        Ok(())
    }
}
