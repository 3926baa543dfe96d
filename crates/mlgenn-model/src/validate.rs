//! Checks of a description that need no model code: names, sizes, references.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use crate::description::{
    CustomConnectivityUpdate, Egp, MatrixType, Network, NeuronModel, Param, ParamValues, VarInit,
};
use crate::error::ModelError;

/// The largest number of neurons, synapses of a row, or batch members.
const MAX_SIZE: usize = u32::MAX as usize;

/// Check a description.
pub(crate) fn validate(network: &Network) -> Result<(), ModelError> {
    if !(network.dt.is_finite() && network.dt > 0.0) {
        return Err(ModelError::invalid(
            "network",
            format!("dt is {}; it must be a positive number of ms", network.dt),
        ));
    }
    if network.batch_size == 0 || network.batch_size > MAX_SIZE {
        return Err(ModelError::invalid(
            "network",
            format!(
                "batch_size is {}; it must be at least 1 and at most {MAX_SIZE}",
                network.batch_size
            ),
        ));
    }
    let mut names = BTreeSet::new();
    for population in &network.populations {
        let context = format!("Neuron group '{}'", population.name);
        check_object_name("population", &population.name, &mut names)?;
        if population.size == 0 || population.size > MAX_SIZE {
            return Err(ModelError::invalid(
                context,
                format!(
                    "the population has {} neurons; it needs at least 1 and at most {MAX_SIZE}",
                    population.size
                ),
            ));
        }
        let model = &population.model;
        let mut members = Members::new(&context);
        members.params(&model.params, &model.derived_params, &population.params)?;
        members.vars(model.vars.iter().map(|var| var.name.as_str()), &population.vars)?;
        members.egps(&model.extra_global_params)?;
        members.names(model.additional_input_vars.iter().map(|input| input.name.as_str()))?;
        members.dynamic(&model.params, &population.dynamic_params)?;
    }
    for group in &network.synapse_groups {
        let context = format!("Synapse group '{}'", group.name);
        check_object_name("synapse group", &group.name, &mut names)?;
        let source = find_population(network, &context, "source population", &group.source)?;
        let target = find_population(network, &context, "target population", &group.target)?;
        check_input(&context, &target.model, &group.post_target_var)?;
        check_input(&context, &source.model, &group.pre_target_var)?;
        let update = &group.weight_update;
        let model = &update.model;
        let mut members = Members::new(&context);
        members.params(&model.params, &model.derived_params, &update.params)?;
        members.vars(model.vars.iter().map(|v| v.name.as_str()), &update.vars)?;
        members.vars(model.pre_vars.iter().map(|v| v.name.as_str()), &update.pre_vars)?;
        members.vars(model.post_vars.iter().map(|v| v.name.as_str()), &update.post_vars)?;
        members.egps(&model.extra_global_params)?;
        members.dynamic(&model.params, &update.dynamic_params)?;
        let neuron_vars =
            |model: &NeuronModel| model.vars.iter().map(|v| v.name.clone()).collect::<Vec<_>>();
        let psm_vars: Vec<_> =
            group.postsynaptic.model.vars.iter().map(|v| v.name.clone()).collect();
        let declared = |refs: &[crate::description::VarRefDeclaration]| {
            refs.iter().map(|reference| reference.name.clone()).collect::<Vec<_>>()
        };
        members.refs(
            &declared(&model.pre_neuron_var_refs),
            &update.pre_neuron_var_refs,
            &neuron_vars(&source.model),
        )?;
        members.refs(
            &declared(&model.post_neuron_var_refs),
            &update.post_neuron_var_refs,
            &neuron_vars(&target.model),
        )?;
        members.refs(&declared(&model.psm_var_refs), &update.psm_var_refs, &psm_vars)?;
        for (code, condition, side) in [
            (&model.pre_event_syn_code, &model.pre_event_threshold_condition_code, "presynaptic"),
            (
                &model.post_event_syn_code,
                &model.post_event_threshold_condition_code,
                "postsynaptic",
            ),
        ] {
            if code.trim().is_empty() != condition.trim().is_empty() {
                return Err(ModelError::invalid(
                    context,
                    format!("{side} event code and its threshold condition must be given together"),
                ));
            }
        }
        let postsynaptic = &group.postsynaptic;
        let model = &postsynaptic.model;
        let mut members = Members::new(&context);
        members.params(&model.params, &model.derived_params, &postsynaptic.params)?;
        members.vars(model.vars.iter().map(|v| v.name.as_str()), &postsynaptic.vars)?;
        members.egps(&model.extra_global_params)?;
        members.dynamic(&model.params, &postsynaptic.dynamic_params)?;
        members.refs(
            &declared(&model.neuron_var_refs),
            &postsynaptic.neuron_var_refs,
            &neuron_vars(&target.model),
        )?;
    }
    for source in &network.current_sources {
        let context = format!("Current source '{}'", source.name);
        check_object_name("current source", &source.name, &mut names)?;
        let population = find_population(network, &context, "population", &source.population)?;
        check_input(&context, &population.model, &source.target_var)?;
        let model = &source.model;
        let mut members = Members::new(&context);
        members.params(&model.params, &model.derived_params, &source.params)?;
        members.vars(model.vars.iter().map(|v| v.name.as_str()), &source.vars)?;
        members.egps(&model.extra_global_params)?;
        members.dynamic(&model.params, &source.dynamic_params)?;
        let declared: Vec<_> = model.neuron_var_refs.iter().map(|r| r.name.clone()).collect();
        let available: Vec<_> = population.model.vars.iter().map(|v| v.name.clone()).collect();
        members.refs(&declared, &source.neuron_var_refs, &available)?;
    }
    for update in &network.custom_updates {
        let context = format!("Custom update '{}'", update.name);
        check_object_name("custom update", &update.name, &mut names)?;
        check_identifier(&context, &update.group)?;
        let model = &update.model;
        let mut members = Members::new(&context);
        members.params(&model.params, &model.derived_params, &update.params)?;
        members.vars(model.vars.iter().map(|v| v.name.as_str()), &update.vars)?;
        members.egps(&model.extra_global_params)?;
        members.dynamic(&model.params, &update.dynamic_params)?;
        members.bound(
            "variable reference",
            model.var_refs.iter().map(|r| r.name.as_str()),
            &update.var_refs,
        )?;
        members.bound(
            "extra global parameter reference",
            model.extra_global_param_refs.iter().map(|r| r.name.as_str()),
            &update.egp_refs,
        )?;
    }
    for update in &network.custom_connectivity_updates {
        check_object_name("custom connectivity update", &update.name, &mut names)?;
        check_custom_connectivity_update(network, update)?;
    }
    Ok(())
}

fn check_custom_connectivity_update(
    network: &Network,
    update: &CustomConnectivityUpdate,
) -> Result<(), ModelError> {
    let context = format!("Custom connectivity update '{}'", update.name);
    check_identifier(&context, &update.group)?;
    let mut groups = network.synapse_groups.iter();
    let Some(group) = groups.find(|group| group.name == update.synapse_group) else {
        let names = network.synapse_groups.iter().map(|group| group.name.as_str());
        return Err(ModelError::unknown(context, "synapse group", &update.synapse_group, names));
    };
    if group.matrix_type != MatrixType::Sparse {
        let problem =
            format!("only SPARSE connectivity can be changed, not that of {}", group.name);
        return Err(ModelError::invalid(context, problem));
    }
    let model = &update.model;
    let mut members = Members::new(&context);
    members.params(&model.params, &model.derived_params, &update.params)?;
    members.egps(&model.extra_global_params)?;
    members.dynamic(&model.params, &update.dynamic_params)?;
    for (vars, inits) in [
        (&model.vars, &update.vars),
        (&model.pre_vars, &update.pre_vars),
        (&model.post_vars, &update.post_vars),
    ] {
        members.vars(vars.iter().map(|var| var.name.as_str()), inits)?;
    }
    for (declared, bound) in [
        (&model.var_refs, &update.var_refs),
        (&model.pre_var_refs, &update.pre_var_refs),
        (&model.post_var_refs, &update.post_var_refs),
    ] {
        let names = || declared.iter().map(|reference| reference.name.as_str());
        members.names(names())?;
        members.bound("variable reference", names(), bound)?;
    }
    let names = || model.extra_global_param_refs.iter().map(|reference| reference.name.as_str());
    members.names(names())?;
    members.bound("extra global parameter reference", names(), &update.egp_refs)
}

fn find_population<'a>(
    network: &'a Network,
    context: &str,
    what: &'static str,
    name: &str,
) -> Result<&'a crate::description::Population, ModelError> {
    network.populations.iter().find(|population| population.name == name).ok_or_else(|| {
        let names = network.populations.iter().map(|population| population.name.as_str());
        ModelError::unknown(context, what, name, names)
    })
}

fn check_input(context: &str, model: &NeuronModel, name: &str) -> Result<(), ModelError> {
    let known = name.is_empty()
        || name == "Isyn"
        || model.additional_input_vars.iter().any(|input| input.name == name);
    if known {
        return Ok(());
    }
    let inputs = model.additional_input_vars.iter().map(|input| input.name.as_str());
    Err(ModelError::unknown(context, "input variable", name, ["Isyn"].into_iter().chain(inputs)))
}

/// Names of populations and the like: letters, digits and `_`; unique.
fn check_object_name(
    what: &str,
    name: &str,
    names: &mut BTreeSet<String>,
) -> Result<(), ModelError> {
    let legal = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let problem = if !legal {
        "is not a name; letters, digits and _ are accepted"
    } else if !names.insert(format!("{what} {name}")) {
        "is used twice"
    } else {
        return Ok(());
    };
    Err(ModelError::Name {
        context: what.to_owned(),
        name: name.to_owned(),
        problem: problem.to_owned(),
    })
}

/// Names that code uses: as of C, without leading underscore.
fn check_identifier(context: &str, name: &str) -> Result<(), ModelError> {
    let mut characters = name.chars();
    let legal = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if legal {
        return Ok(());
    }
    Err(ModelError::Name {
        context: context.to_owned(),
        name: name.to_owned(),
        problem: "is not an identifier".to_owned(),
    })
}

/// Checks the names and values of one object.
struct Members<'a> {
    context: &'a str,
    names: BTreeSet<String>,
}

impl<'a> Members<'a> {
    fn new(context: &'a str) -> Self {
        Self { context, names: BTreeSet::new() }
    }

    fn names<'b>(&mut self, names: impl Iterator<Item = &'b str>) -> Result<(), ModelError> {
        for name in names {
            check_identifier(self.context, name)?;
            if !self.names.insert(name.to_owned()) {
                return Err(ModelError::Name {
                    context: self.context.to_owned(),
                    name: name.to_owned(),
                    problem: "is used for two things".to_owned(),
                });
            }
        }
        Ok(())
    }

    fn params(
        &mut self,
        params: &[Param],
        derived: &[Param],
        values: &ParamValues,
    ) -> Result<(), ModelError> {
        let declared = || params.iter().chain(derived).map(|param| param.name.as_str());
        self.names(declared())?;
        self.bound("parameter", declared(), values)
    }

    fn vars<'b>(
        &mut self,
        declared: impl Iterator<Item = &'b str> + Clone,
        inits: &IndexMap<String, VarInit>,
    ) -> Result<(), ModelError> {
        self.names(declared.clone())?;
        self.bound("variable", declared, inits)
    }

    fn egps(&mut self, egps: &[Egp]) -> Result<(), ModelError> {
        self.names(egps.iter().map(|egp| egp.name.as_str()))
    }

    fn dynamic(&self, params: &[Param], dynamic: &[String]) -> Result<(), ModelError> {
        for name in dynamic {
            if !params.iter().any(|param| param.name == *name) {
                let names = params.iter().map(|param| param.name.as_str());
                return Err(ModelError::unknown(self.context, "parameter", name, names));
            }
        }
        Ok(())
    }

    fn refs(
        &mut self,
        declared: &[String],
        bound: &IndexMap<String, String>,
        available: &[String],
    ) -> Result<(), ModelError> {
        self.names(declared.iter().map(String::as_str))?;
        self.bound("variable reference", declared.iter().map(String::as_str), bound)?;
        for target in bound.values() {
            if !available.contains(target) {
                let names = available.iter().map(String::as_str);
                return Err(ModelError::unknown(self.context, "variable", target, names));
            }
        }
        Ok(())
    }

    /// Every declared name has a value, and nothing else has.
    fn bound<'b, T>(
        &self,
        what: &'static str,
        declared: impl Iterator<Item = &'b str>,
        values: &IndexMap<String, T>,
    ) -> Result<(), ModelError> {
        let declared: Vec<_> = declared.collect();
        for name in &declared {
            if !values.contains_key(*name) {
                return Err(ModelError::invalid(
                    self.context,
                    format!("{what} {name:?} has no value"),
                ));
            }
        }
        for name in values.keys() {
            if !declared.contains(&name.as_str()) {
                return Err(ModelError::unknown(self.context, what, name, declared));
            }
        }
        Ok(())
    }
}
