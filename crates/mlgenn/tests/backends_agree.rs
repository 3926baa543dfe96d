//! Random networks give the same bits on the reference interpreter and on the CPU backend, for any
//! number of threads.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod matrix_types;

use matrix_types::Weights;
use mlgenn::prelude::*;
use mlgenn::{BackendChoice, PlanOptions};

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

fn random_network(seed: u64) -> Network {
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

/// Bytes of every array after some timesteps, and the spikes.
fn outcome(network: &Network, options: &Options) -> Vec<(String, Vec<u8>)> {
    let compiled = compile(network.clone(), options).unwrap();
    let mut simulation = Simulation::new(compiled.clone(), &Arrays::new(), Some(30)).unwrap();
    let has_reduce = network.custom_updates.iter().any(|update| update.group == "Reduce");
    let update = |group: &str, at| StepUpdate { group: group.into(), at };
    let plan = RunPlan {
        timesteps: 30,
        begin: if has_reduce { vec![update("Reduce", Some(17))] } else { Vec::new() },
        end: vec![update("Extremes", None)],
        record: vec!["cu.Extremes.vars.Sum".into(), "neuron.B.vars.V".into()],
    };
    let recorded = simulation.run(&plan).unwrap();
    let mut result: Vec<_> = compiled
        .plan()
        .layout
        .arrays()
        .map(|(_, array)| {
            let view = simulation.array(&array.path).unwrap();
            (array.path.clone(), view.buffer.to_bytes(0, view.buffer.len()).unwrap())
        })
        .collect();
    for path in &plan.record {
        let (buffer, _, _) = recorded.get(path).unwrap();
        result.push((format!("recorded {path}"), buffer.to_bytes(0, buffer.len()).unwrap()));
    }
    for name in ["A", "B"] {
        let spikes = simulation.spikes(&format!("neuron.{name}.spikes")).unwrap();
        let bytes = format!("{spikes:?}").into_bytes();
        result.push((format!("spikes of {name}"), bytes));
    }
    result
}

fn assert_same(seed: u64, what: &str, a: &[(String, Vec<u8>)], b: &[(String, Vec<u8>)]) {
    assert_eq!(a.len(), b.len());
    for ((path, left), (_, right)) in a.iter().zip(b) {
        if left != right {
            let first = left.iter().zip(right).position(|(x, y)| x != y);
            panic!("network {seed}: {path} differs between {what}, first at byte {first:?}");
        }
    }
}

#[test]
fn interpreter_and_threads_agree() {
    let (mut spikes, mut guarded) = (0, 0);
    for seed in 0..120 {
        let network = random_network(seed);
        let compiled = compile(network.clone(), &Options::default()).unwrap();
        guarded += usize::from(compiled.plan().populations[0].guard.is_some());
        let cpu = |threads| Options { threads: Some(threads), ..Options::default() };
        let one = outcome(&network, &cpu(1));
        spikes += one.last().unwrap().1.len();
        assert_same(seed, "one and two threads", &one, &outcome(&network, &cpu(2)));
        assert_same(seed, "one and four threads", &one, &outcome(&network, &cpu(4)));
        let interpreter = Options { backend: BackendChoice::Interpreter, ..Options::default() };
        let reference = outcome(&network, &interpreter);
        assert_same(seed, "cpu and interpreter", &one, &reference);
    }
    assert!(spikes > 100_000, "the networks hardly spike: {spikes}");
    assert!(guarded > 20, "hardly any population waits: {guarded}");
}

#[test]
fn sums_over_the_batch_do_not_depend_on_where_they_are_stored() {
    let mut compared = 0;
    for seed in 0..120 {
        let network = random_network(seed);
        let per_member =
            Options { plan: PlanOptions { accumulate_per_member: true }, ..Options::default() };
        let blocks = outcome(&network, &Options::default());
        let members = outcome(&network, &per_member);
        for ((path, left), (_, right)) in blocks.iter().zip(&members) {
            if !path.ends_with("vars.Reduced") {
                continue;
            }
            let values = |bytes: &[u8]| -> Vec<f32> {
                let chunks = bytes.chunks_exact(4);
                chunks.map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]])).collect()
            };
            for (x, y) in values(left).into_iter().zip(values(right)) {
                assert!(
                    (x - y).abs() <= 1e-4 * y.abs().max(1.0),
                    "network {seed}: {path}: {x} {y}"
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 1000);
}

#[test]
fn gradients_of_kernels_are_stored_once_per_block() {
    let mut found = 0;
    for seed in 0..60 {
        let network = random_network(seed);
        let compiled = compile(network.clone(), &Options::default()).unwrap();
        let layout = &compiled.plan().layout;
        for group in &network.synapse_groups {
            let kernel =
                matches!(group.matrix_type, MatrixType::ProceduralKernelg | MatrixType::Toeplitz);
            let gradient = layout.find(&format!("syn.{}.vars.Gradient", group.name));
            if let Some(gradient) = gradient.filter(|_| kernel) {
                let copies = format!("{:?}", layout.array(gradient).copies);
                assert_eq!(copies, "Block", "network {seed}");
                found += 1;
            }
        }
    }
    assert!(found > 5);
}
