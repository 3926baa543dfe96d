//! Random networks: every way to store synapses, delays, events, learning, custom updates.

use mlgenn::prelude::*;

use crate::matrix_types::{self, Weights};

/// A small generator of pseudo-random choices (xorshift64*), so that failures can be repeated.
struct Choices(u64);

impl Choices {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() >> 33) as usize % count
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

fn constant(value: f64) -> VarInit {
    VarInit::Constant { value }
}

fn uniform(low: f64, high: f64) -> VarInit {
    VarInit::Snippet {
        snippet: InitSnippet {
            name: "Uniform".into(),
            params: vec![Param::scalar("low"), Param::scalar("high")],
            code: "value = low + (gennrand_uniform() * (high - low));".into(),
            ..InitSnippet::default()
        },
        params: [("low".into(), low), ("high".into(), high)].into(),
    }
}

fn noisy_population(choices: &mut Choices, name: &str) -> Population {
    let mut model = NeuronModel {
        name: "Noisy".into(),
        params: vec![Param::scalar("Alpha")],
        vars: vec![
            Var::scalar("V"),
            Var::scalar("L"),
            Var::read_only("Threshold"),
            Var { type_name: "uint8_t".into(), ..Var::scalar("Back") },
            Var { type_name: "int".into(), ..Var::scalar("Refractory") },
        ],
        additional_input_vars: vec![AdditionalInput {
            name: "Feedback".into(),
            type_name: "scalar".into(),
            initial: 0.0,
        }],
        sim_code: "
            const scalar noise = gennrand_normal() * 0.05;
            if(Refractory > 0) { Refractory--; }
            else { V = (Alpha * V) + Isyn + noise + 0.12; }
            L = (0.9 * L) + (0.01 * Feedback) + (0.1 * exp(-fabs(V)));
            Back = (gennrand_uniform() < 0.1);"
            .into(),
        threshold_condition_code: "V >= Threshold".into(),
        reset_code: "V = 0.0; Refractory = 2; for(int i = 0; i < 2; i++) { L += 0.01 * i; }".into(),
        ..NeuronModel::default()
    };
    if choices.coin() {
        model.auto_refractory_required = true;
    }
    Population {
        name: name.into(),
        size: [1, 3, 10, 33, 70, 300][choices.below(6)],
        model,
        params: [("Alpha".into(), 0.9)].into(),
        vars: [
            ("V".into(), uniform(0.0, 1.0)),
            ("L".into(), constant(0.5)),
            ("Threshold".into(), uniform(0.5, 1.0)),
            ("Back".into(), constant(0.0)),
            ("Refractory".into(), constant(0.0)),
        ]
        .into(),
        record_spikes: true,
        ..Population::default()
    }
}

/// Neurons that wait for their next spike and do nothing meanwhile.
fn waiting_population(choices: &mut Choices, name: &str) -> Population {
    let mut noisy = noisy_population(choices, name);
    noisy.model = NeuronModel {
        name: "Waiting".into(),
        params: vec![Param::scalar("Alpha")],
        vars: vec![
            Var::scalar("V"),
            Var::scalar("L"),
            Var::read_only("Threshold"),
            Var { type_name: "uint8_t".into(), ..Var::scalar("Back") },
            Var { type_name: "int".into(), ..Var::scalar("Refractory") },
        ],
        additional_input_vars: noisy.model.additional_input_vars,
        sim_code: "
            if(Back) { L += 0.125; Refractory++; }
            Back = (fabs(t - V - 3.0) < 0.5) ? 1 : 0;"
            .into(),
        threshold_condition_code: "t >= V".into(),
        reset_code: "
            V = t + 5.0 + (10.0 * Threshold) + (gennrand_uniform() * batch) + (0.01 * id);
            if(Refractory > 1) { L *= 0.5; }"
            .into(),
        ..NeuronModel::default()
    };
    noisy
}

fn exponential() -> Postsynaptic {
    Postsynaptic {
        model: PostsynapticModel {
            name: "Exponential".into(),
            sim_code: "injectCurrent(inSyn); inSyn *= 0.8;".into(),
            ..PostsynapticModel::default()
        },
        ..Postsynaptic::default()
    }
}

fn weight_update(
    choices: &mut Choices,
    weights: Weights,
    initial: VarInit,
) -> (WeightUpdate, Option<u32>) {
    let mut update = WeightUpdate::default();
    update.model.name = "Random".into();
    let writes = choices.coin();
    if weights == Weights::Absent {
        update.model.params = vec![Param::scalar("g")];
        update.params.insert("g".into(), 0.02);
    } else {
        update.vars.insert("g".into(), initial);
        update.model.vars = vec![if writes { Var::scalar("g") } else { Var::read_only("g") }];
    }
    let mut slots = None;
    update.model.pre_spike_syn_code = match choices.below(3) {
        0 => "addToPost(g);".into(),
        1 => {
            slots = Some(5);
            "addToPostDelay(g, id_post % 5);".into()
        }
        _ => "if(id_post % 2 == 0) { addToPost(g * 0.5); } else { addToPost(g); }".into(),
    };
    if weights == Weights::Kernel && writes && choices.coin() {
        update.model.pre_spike_syn_code += "
            if(id_kernel_0 == 1) { atomic_add_g(0.001 * (id_kernel + 1)); }
            addToPost(g * 0.1);";
    }
    if choices.coin() {
        // The form that gradients have.
        let reference = |name: &str, ty: &str| VarRefDeclaration {
            name: name.into(),
            type_name: ty.into(),
            access: VarAccessMode::ReadOnly,
        };
        update.model.pre_neuron_var_refs = vec![reference("Back", "uint8_t")];
        update.model.post_neuron_var_refs =
            vec![reference("L", "scalar"), reference("V", "scalar")];
        update.pre_neuron_var_refs.insert("Back".into(), "Back".into());
        update.post_neuron_var_refs.insert("L".into(), "L".into());
        update.post_neuron_var_refs.insert("V".into(), "V".into());
        update.model.pre_event_threshold_condition_code = "Back".into();
        update.model.pre_event_syn_code = match weights {
            Weights::Individual => "Gradient -= (L * 5.0);".into(),
            Weights::Kernel => "atomic_add_Gradient(-L * 5.0);".into(),
            _ => String::new(),
        };
        if matches!(weights, Weights::Individual | Weights::Kernel) {
            update.model.vars.push(Var::scalar("Gradient"));
            update.vars.insert("Gradient".into(), constant(0.0));
        }
        update.model.pre_event_syn_code += " addToPre(g * (V - (L * 2.0)));";
    } else if weights == Weights::Individual && writes {
        update.model.pre_vars = vec![Var::scalar("trace")];
        update.pre_vars.insert("trace".into(), constant(0.0));
        update.model.pre_spike_code = "trace += 1.0;".into();
        update.model.pre_dynamics_code = "trace *= 0.9;".into();
        update.model.post_spike_syn_code = "g += 0.001 * trace * exp((st_pre - t) / 10.0);".into();
        if choices.coin() {
            update.model.synapse_dynamics_code = "g *= 0.9999;".into();
        }
    }
    (update, slots)
}

/// The random network of that seed.
pub(crate) fn random_network(seed: u64) -> Network {
    let mut choices = Choices(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let waits = choices.coin();
    let source = if waits { waiting_population } else { noisy_population };
    let populations = vec![source(&mut choices, "A"), noisy_population(&mut choices, "B")];
    let mut synapse_groups = Vec::new();
    let mut custom_updates = Vec::new();
    // Neurons with synaptic input are never idle.
    let groups = [("A", "B"), ("B", "B"), ("B", "A")].into_iter().take(if waits { 2 } else { 3 });
    for (index, (source, target)) in groups.enumerate() {
        let name = format!("S{index}");
        let (matrix_type, connectivity, weights) =
            matrix_types::form(choices.below(matrix_types::FORMS));
        let initial = matrix_types::weights(matrix_type, &connectivity);
        let (weight_update, slots) = weight_update(&mut choices, weights, initial);
        if weight_update.vars.contains_key("Gradient") {
            custom_updates.push(reduce(&name));
        }
        synapse_groups.push(SynapseGroup {
            name,
            matrix_type,
            source: source.into(),
            target: target.into(),
            weight_update,
            postsynaptic: exponential(),
            connectivity,
            axonal_delay_steps: choices.below(3) as u32,
            back_prop_delay_steps: choices.below(2) as u32,
            max_dendritic_delay_timesteps: slots,
            pre_target_var: "Feedback".into(),
            ..SynapseGroup::default()
        });
    }
    custom_updates.push(softmax_part());
    Network {
        name: format!("random {seed}"),
        batch_size: [1, 2, 5, 40][choices.below(4)],
        seed: seed + 1,
        populations,
        synapse_groups,
        custom_updates,
        ..Network::default()
    }
}

fn reduce(group: &str) -> CustomUpdate {
    CustomUpdate {
        name: format!("Reduce{group}"),
        group: "Reduce".into(),
        model: CustomUpdateModel {
            name: "Reduce".into(),
            vars: vec![CustomUpdateVar {
                name: "Reduced".into(),
                type_name: "scalar".into(),
                access: CustomUpdateVarAccess::ReduceBatchSum,
            }],
            var_refs: vec![VarRefDeclaration {
                name: "Gradient".into(),
                type_name: "scalar".into(),
                access: VarAccessMode::ReadWrite,
            }],
            update_code: "Reduced = Gradient; Gradient = 0.0;".into(),
            ..CustomUpdateModel::default()
        },
        vars: [("Reduced".into(), constant(0.0))].into(),
        var_refs: [(
            "Gradient".into(),
            VarRef::Wu { synapse_group: group.into(), var: "Gradient".into(), transpose: None },
        )]
        .into(),
        ..CustomUpdate::default()
    }
}

fn softmax_part() -> CustomUpdate {
    let var = |name: &str, access| CustomUpdateVar {
        name: name.into(),
        type_name: "scalar".into(),
        access,
    };
    CustomUpdate {
        name: "Extremes".into(),
        group: "Extremes".into(),
        model: CustomUpdateModel {
            name: "Extremes".into(),
            vars: vec![
                var("Max", CustomUpdateVarAccess::ReduceNeuronMax),
                var("Sum", CustomUpdateVarAccess::ReduceNeuronSum),
            ],
            var_refs: vec![VarRefDeclaration {
                name: "V".into(),
                type_name: "scalar".into(),
                access: VarAccessMode::ReadOnly,
            }],
            update_code: "Max = V; Sum = exp(V);".into(),
            ..CustomUpdateModel::default()
        },
        vars: [("Max".into(), constant(0.0)), ("Sum".into(), constant(0.0))].into(),
        var_refs: [("V".into(), VarRef::Neuron { population: "A".into(), var: "V".into() })].into(),
        ..CustomUpdate::default()
    }
}
