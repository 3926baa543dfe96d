//! Synapse dynamics in linear form do what the dynamics of every synapse in every timestep do,
//! whoever looks at them and whenever.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use mlgenn::CompiledModel;
use mlgenn::PlanOptions;
use mlgenn::prelude::*;

/// More than the synapses of the first group take to catch up.
const TIMESTEPS: usize = 700;

const LEAKY: &str = "const scalar e = z * psi; s = (s * 0.95) + e;
    sum += (s * error) + ((rate - 0.01) * e); addToPre(g * error);";
const ADAPTIVE: &str = "const scalar pz = psi * z; const scalar pbq = psi * 0.3 * q;
    const scalar e = pz - pbq; q = pz + ((0.99 * q) - pbq);
    s = (s * 0.95) + e; sum += (s * error) + ((rate - 0.01) * e * strength);";

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

fn population(name: &str, size: usize) -> Population {
    Population {
        name: name.into(),
        size,
        model: NeuronModel {
            name: "Noisy".into(),
            vars: vec![Var::scalar("V"), Var::scalar("E")],
            additional_input_vars: vec![AdditionalInput {
                name: "Feedback".into(),
                type_name: "scalar".into(),
                initial: 0.0,
            }],
            sim_code: "V = (0.9 * V) + Isyn + (gennrand_normal() * 0.1);
                E = Feedback + (0.2 * gennrand_uniform()) - 0.1;"
                .into(),
            threshold_condition_code: "V >= 0.5".into(),
            reset_code: "V = 0.0;".into(),
            ..NeuronModel::default()
        },
        vars: [("V".into(), uniform(0.0, 0.5)), ("E".into(), constant(0.0))].into(),
        ..Population::default()
    }
}

fn group(name: &str, ends: (&str, &str), dynamics: &str, delay: u32) -> SynapseGroup {
    let mut update = WeightUpdate::default();
    update.model.name = "Learning".into();
    update.model.pre_spike_syn_code = "addToPost(g);".into();
    update.model.synapse_dynamics_code = dynamics.into();
    update.model.params = vec![Param::scalar("strength")];
    update.params.insert("strength".into(), 0.5);
    update.dynamic_params.push("strength".into());
    update.model.vars =
        vec![Var::read_only("g"), Var::scalar("s"), Var::scalar("q"), Var::scalar("sum")];
    update.vars.insert("g".into(), uniform(-0.1, 0.1));
    for name in ["s", "q", "sum"] {
        update.vars.insert(name.into(), constant(0.0));
    }
    update.model.pre_vars = vec![Var::scalar("z")];
    update.pre_vars.insert("z".into(), constant(0.0));
    update.model.pre_dynamics_code = "z *= 0.95;".into();
    update.model.pre_spike_code = "z += 1.0;".into();
    update.model.post_vars = vec![Var::scalar("psi"), Var::scalar("rate")];
    update.post_vars.insert("psi".into(), constant(0.0));
    update.post_vars.insert("rate".into(), constant(0.0));
    update.model.post_dynamics_code = "psi = fmax(0.0, 1.0 - fabs(V_post)); rate *= 0.99;".into();
    update.model.post_spike_code = "rate += 0.01;".into();
    let reference = |name: &str| VarRefDeclaration {
        name: name.into(),
        type_name: "scalar".into(),
        access: VarAccessMode::ReadOnly,
    };
    update.model.post_neuron_var_refs = vec![reference("error"), reference("V_post")];
    update.post_neuron_var_refs.insert("error".into(), "E".into());
    update.post_neuron_var_refs.insert("V_post".into(), "V".into());
    SynapseGroup {
        name: name.into(),
        matrix_type: MatrixType::Dense,
        source: ends.0.into(),
        target: ends.1.into(),
        weight_update: update,
        postsynaptic: Postsynaptic {
            model: PostsynapticModel {
                name: "Delta".into(),
                sim_code: "injectCurrent(inSyn); inSyn = 0;".into(),
                ..PostsynapticModel::default()
            },
            ..Postsynaptic::default()
        },
        axonal_delay_steps: delay,
        pre_target_var: "Feedback".into(),
        ..SynapseGroup::default()
    }
}

/// Zeroes the sums of a group once they were added up over the batch.
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
                name: "sum".into(),
                type_name: "scalar".into(),
                access: VarAccessMode::ReadWrite,
            }],
            update_code: "Reduced = sum; sum = 0.0;".into(),
            ..CustomUpdateModel::default()
        },
        vars: [("Reduced".into(), constant(0.0))].into(),
        var_refs: [(
            "sum".into(),
            VarRef::Wu { synapse_group: group.into(), var: "sum".into(), transpose: None },
        )]
        .into(),
        ..CustomUpdate::default()
    }
}

fn network(batch_size: usize) -> Network {
    let mut groups = vec![
        group("Leaky", ("A", "B"), LEAKY, 0),
        group("Adaptive", ("A", "B"), ADAPTIVE, 2),
        group("Output", ("B", "A"), "sum += z * error; addToPre(g * error);", 0),
    ];
    groups[0].weight_update.model.name = "LeakyLearning".into();
    Network {
        name: "linear".into(),
        batch_size,
        seed: 3,
        populations: vec![population("A", 5), population("B", 300)],
        custom_updates: groups.iter().map(|group| reduce(&group.name)).collect(),
        synapse_groups: groups,
        ..Network::default()
    }
}

fn options(threads: usize, dynamics_per_synapse: bool, accumulate_per_member: bool) -> Options {
    let plan =
        PlanOptions { dynamics_per_synapse, accumulate_per_member, ..PlanOptions::default() };
    Options { threads: Some(threads), plan, ..Options::default() }
}

fn values(simulation: &Simulation, path: &str) -> Vec<f32> {
    let view = simulation.array(path).unwrap();
    let bytes = view.buffer.to_bytes(0, view.buffer.len()).unwrap();
    bytes.chunks_exact(4).map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// All variables that learn, after two runs; a update in the middle of the first one.
fn outcome(
    model: &Arc<CompiledModel>,
    observe: impl Fn(&mut Simulation),
) -> Vec<(String, Vec<f32>)> {
    let mut simulation = Simulation::new(model.clone(), &Arrays::new(), None).unwrap();
    let update = StepUpdate { group: "Reduce".into(), at: Some(TIMESTEPS / 3) };
    let plan = RunPlan { begin: vec![update], ..RunPlan::timesteps(TIMESTEPS) };
    simulation.run(&plan).unwrap();
    observe(&mut simulation);
    for group in ["Leaky", "Adaptive", "Output"] {
        let path = format!("syn.{group}.params.strength");
        simulation.set_dynamic_param(&path, 0.25).unwrap();
    }
    for _ in 0..20 {
        simulation.step().unwrap();
        observe(&mut simulation);
    }
    let mut found = vec![("reduced".to_owned(), Vec::new())];
    for group in ["Leaky", "Adaptive", "Output"] {
        found[0].1.extend(values(&simulation, &format!("cu.Reduce{group}.vars.Reduced")));
        for var in ["sum", "s", "q"] {
            let path = format!("syn.{group}.vars.{var}");
            found.push((path.clone(), values(&simulation, &path)));
        }
    }
    for group in ["Leaky", "Adaptive", "Output"] {
        let path = format!("syn.{group}.pre_vars.z");
        found.push((path.clone(), values(&simulation, &path)));
    }
    for var in ["E", "V"] {
        found.push((var.to_owned(), values(&simulation, &format!("neuron.A.vars.{var}"))));
    }
    found
}

fn assert_close(what: &str, found: &[(String, Vec<f32>)], expected: &[(String, Vec<f32>)]) {
    for ((path, found), (_, expected)) in found.iter().zip(expected) {
        let largest = expected.iter().fold(0.0, |max: f32, x| max.max(x.abs()));
        assert!(largest > 0.0 || path.ends_with(".q") || path == "syn.Output.vars.s", "{path}");
        for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
            let error = (found - expected).abs();
            assert!(error <= 1e-5 * largest, "{what}: {path}[{at}] is {found}, not {expected}");
        }
    }
}

#[test]
fn linear_form_does_what_every_timestep_does() {
    for (batch_size, per_member) in [(1, false), (12, false), (3, true)] {
        let network = network(batch_size);
        let plain = compile(network.clone(), &options(1, true, per_member)).unwrap();
        let linear = compile(network.clone(), &options(1, false, per_member)).unwrap();
        for (plain, linear) in plain.plan().synapse_groups.iter().zip(&linear.plan().synapse_groups)
        {
            assert!(plain.dynamics.as_ref().unwrap().linear.is_none());
            let traces = linear.dynamics.as_ref().unwrap().linear.as_ref().unwrap().traces.as_ref();
            assert_eq!(traces.unwrap().decay, 0.95);
            // Traces that others see late are those of the neurons.
            let jump = (linear.axonal_delay == 0).then_some(1.0);
            assert_eq!(traces.unwrap().spike, jump);
        }
        let chunk = linear.plan().synapse_groups[0].dynamics.as_ref().unwrap();
        let chunk = chunk.linear.as_ref().unwrap().traces.as_ref().unwrap().timesteps;
        assert!(chunk < TIMESTEPS / 2, "{chunk}");

        let expected = outcome(&plain, |_| {});
        let found = outcome(&linear, |_| {});
        assert_close("linear", &found, &expected);
        let two = compile(network, &options(2, false, per_member)).unwrap();
        assert!(outcome(&two, |_| {}) == found, "one and two threads");

        // What others look at is up to date.
        let looked = outcome(&linear, |simulation| {
            values(simulation, "syn.Adaptive.vars.q");
        });
        assert_close("looked at", &looked, &expected);
        let set = outcome(&linear, |simulation| simulation.set_timestep(simulation.timestep()));
        assert_close("time set", &set, &expected);
    }
}

#[test]
fn the_interpreter_runs_every_synapse() {
    let mut network = network(1);
    network.populations[1].size = 20;
    let interpreter = Options { backend: mlgenn::BackendChoice::Interpreter, ..Options::default() };
    let reference = compile(network.clone(), &interpreter).unwrap();
    let plain = compile(network, &options(1, true, false)).unwrap();
    assert!(outcome(&reference, |_| {}) == outcome(&plain, |_| {}));
}

#[test]
fn views_are_alive() {
    let linear = compile(network(2), &options(1, false, false)).unwrap();
    let mut simulation = Simulation::new(linear.clone(), &Arrays::new(), None).unwrap();
    simulation.run(&RunPlan::timesteps(20)).unwrap();
    let view = simulation.array("syn.Adaptive.vars.s").unwrap();
    let bytes = |view: &mlgenn::ArrayView| view.buffer.to_bytes(0, view.buffer.len()).unwrap();
    let before = bytes(&view);
    simulation.run(&RunPlan::timesteps(20)).unwrap();
    // Without asking for the array again.
    let after = bytes(&view);
    assert!(after != before);
    let again = simulation.array("syn.Adaptive.vars.s").unwrap();
    assert!(bytes(&again) == after);
    // What is written through the view counts from the next timestep on.
    again.buffer.fill(0, again.buffer.len(), 0);
    simulation.run(&RunPlan::timesteps(1)).unwrap();
    let norm = |bytes: &[u8]| -> f32 {
        bytes.chunks_exact(4).map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]]).abs()).sum()
    };
    assert!(norm(&bytes(&view)) < 0.5 * norm(&after));
}

#[test]
fn recorded_variables_are_up_to_date() {
    let run = |model: Arc<CompiledModel>| {
        let mut simulation = Simulation::new(model, &Arrays::new(), None).unwrap();
        let path = "syn.Leaky.vars.s".to_owned();
        let plan = RunPlan { record: vec![path.clone()], ..RunPlan::timesteps(30) };
        let recorded = simulation.run(&plan).unwrap();
        let (buffer, _, _) = recorded.get(&path).unwrap();
        let bytes = buffer.to_bytes(0, buffer.len()).unwrap();
        let floats = bytes.chunks_exact(4).map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]]));
        vec![(path, floats.collect::<Vec<_>>())]
    };
    let plain = run(compile(network(2), &options(1, true, false)).unwrap());
    let linear = run(compile(network(2), &options(1, false, false)).unwrap());
    assert_close("recorded", &linear, &plain);
}
