//! Custom connectivity updates on networks with batches: the same on every backend, for any number
//! of threads, and wherever sums over the batch are stored.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod pretended;

use mlgenn::description::CustomConnectivityUpdateModel;
use mlgenn::prelude::*;
use mlgenn::{BackendChoice, PlanOptions};

fn constant(value: f64) -> VarInit {
    VarInit::Constant { value }
}

fn noisy(name: &str, size: usize) -> Population {
    Population {
        name: name.into(),
        size,
        model: NeuronModel {
            name: "Noisy".into(),
            vars: vec![Var::scalar("V")],
            sim_code: "V = (0.9 * V) + (0.1 * Isyn) + (0.3 * gennrand_uniform());".into(),
            threshold_condition_code: "V >= 1.0".into(),
            reset_code: "V = 0.0;".into(),
            ..NeuronModel::default()
        },
        vars: [("V".into(), constant(0.5))].into(),
        record_spikes: true,
        ..Population::default()
    }
}

fn reference(name: &str) -> VarRefDeclaration {
    VarRefDeclaration {
        name: name.into(),
        type_name: "scalar".into(),
        access: VarAccessMode::ReadWrite,
    }
}

fn synapse_var(name: &str) -> VarRef {
    VarRef::Wu { synapse_group: "S".into(), var: name.into(), transpose: None }
}

/// Sparse synapses with a gradient that is summed over the batch, rewired between runs.
fn network() -> Network {
    let post_references = vec![reference("V")];
    let weight_update = WeightUpdate {
        model: WeightUpdateModel {
            name: "Learning".into(),
            vars: vec![Var::read_only("g"), Var::scalar("Gradient")],
            post_neuron_var_refs: post_references,
            pre_spike_syn_code: "addToPost(g); Gradient += V;".into(),
            post_spike_syn_code: "Gradient += 0.125;".into(),
            ..WeightUpdateModel::default()
        },
        vars: [("g".into(), constant(0.1)), ("Gradient".into(), constant(0.0))].into(),
        post_neuron_var_refs: [("V".into(), "V".into())].into(),
        ..WeightUpdate::default()
    };
    let group = SynapseGroup {
        name: "S".into(),
        matrix_type: MatrixType::Sparse,
        source: "A".into(),
        target: "B".into(),
        weight_update,
        postsynaptic: Postsynaptic {
            model: PostsynapticModel {
                name: "Delta".into(),
                sim_code: "injectCurrent(inSyn); inSyn = 0.0;".into(),
                ..PostsynapticModel::default()
            },
            ..Postsynaptic::default()
        },
        connectivity: Connectivity::Sparse {
            snippet: SparseSnippet {
                name: "FixedProbability".into(),
                params: vec![Param::scalar("prob")],
                ..SparseSnippet::default()
            },
            params: [("prob".into(), 0.25)].into(),
        },
        ..SynapseGroup::default()
    };
    let reduce = CustomUpdate {
        name: "Reduce".into(),
        group: "Reduce".into(),
        model: CustomUpdateModel {
            name: "Reduce".into(),
            vars: vec![CustomUpdateVar {
                name: "Sum".into(),
                type_name: "scalar".into(),
                access: CustomUpdateVarAccess::ReduceBatchSum,
            }],
            var_refs: vec![reference("Gradient")],
            update_code: "Sum = Gradient; Gradient = 0.0;".into(),
            ..CustomUpdateModel::default()
        },
        vars: [("Sum".into(), constant(0.0))].into(),
        var_refs: [("Gradient".into(), synapse_var("Gradient"))].into(),
        ..CustomUpdate::default()
    };
    let rewire = CustomConnectivityUpdate {
        name: "Rewire".into(),
        group: "Rewire".into(),
        synapse_group: "S".into(),
        model: CustomConnectivityUpdateModel {
            name: "Rewire".into(),
            vars: vec![Var { type_name: "int".into(), ..Var::scalar("age") }],
            var_refs: vec![reference("g")],
            row_update_code: "
                unsigned int removed = 0;
                for_each_synapse {
                    if(gennrand_uniform() < 0.25) { remove_synapse(); removed++; }
                    else { age++; g *= 0.9; }
                }
                for(unsigned int i = 0; i < removed; i++) {
                    add_synapse(gennrand() % num_post, -1, gennrand_uniform());
                }"
            .into(),
            ..CustomConnectivityUpdateModel::default()
        },
        vars: [("age".into(), constant(0.0))].into(),
        var_refs: [("g".into(), synapse_var("g"))].into(),
        ..CustomConnectivityUpdate::default()
    };
    Network {
        name: "rewired".into(),
        batch_size: 40,
        seed: 7,
        populations: vec![noisy("A", 300), noisy("B", 290)],
        synapse_groups: vec![group],
        custom_updates: vec![reduce],
        custom_connectivity_updates: vec![rewire],
        ..Network::default()
    }
}

/// Arrays after some timesteps with changes of connectivity in between.
struct Outcome {
    arrays: Vec<(String, Vec<u8>)>,
    spikes: String,
    sum: Vec<f32>,
    targets: Vec<u32>,
}

fn run(options: &Options) -> Outcome {
    let compiled = compile(network(), options).unwrap();
    let mut simulation = Simulation::new(compiled.clone(), &Arrays::new(), Some(12)).unwrap();
    let update = |group: &str, at| StepUpdate { group: group.into(), at: Some(at) };
    let plan = RunPlan {
        timesteps: 12,
        begin: vec![update("Rewire", 5), update("Rewire", 8)],
        end: vec![update("Reduce", 11)],
        record: Vec::new(),
    };
    simulation.run(&plan).unwrap();
    let bytes = |path: &str| {
        let view = simulation.array(path).unwrap();
        view.buffer.to_bytes(0, view.buffer.len()).unwrap()
    };
    let sums = bytes("cu.Reduce.vars.Sum");
    let sum = sums.chunks_exact(4).map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]])).collect();
    let paths = compiled.plan().layout.arrays().map(|(_, array)| array.path.clone());
    Outcome {
        arrays: paths.map(|path| (path.clone(), bytes(&path))).collect(),
        spikes: format!("{:?}", simulation.spikes("neuron.B.spikes").unwrap()),
        sum,
        targets: simulation.indices("S").unwrap().1,
    }
}

#[test]
fn backends_and_threads_agree() {
    let cpu = |threads| run(&Options { threads: Some(threads), ..Options::default() });
    let interpreter = |many_blocks| {
        let plan = PlanOptions { many_blocks, ..PlanOptions::default() };
        run(&Options { backend: BackendChoice::Interpreter, plan, ..Options::default() })
    };
    let one = cpu(1);
    let pairs = [cpu(2), cpu(4), interpreter(false)].into_iter().map(|other| (&one, other));
    // Devices take sums over the batch in another order.
    let by_member = interpreter(true);
    let cuda = pretended::gpu().map(|gpu| (&by_member, run(&pretended::cuda(gpu))));
    for (expected, found) in pairs.chain(cuda) {
        assert_eq!(expected.spikes, found.spikes);
        for ((path, left), (_, right)) in expected.arrays.iter().zip(&found.arrays) {
            // Where prologues leave values depends on the backend.
            assert!(left == right || path.contains("_invariant"), "{path} differs");
        }
    }
    let original = run_without_changes();
    assert_eq!(original.len(), one.targets.len());
    assert_ne!(original, one.targets);
}

fn run_without_changes() -> Vec<u32> {
    let compiled = compile(network(), &Options::default()).unwrap();
    Simulation::new(compiled, &Arrays::new(), Some(1)).unwrap().indices("S").unwrap().1
}

#[test]
fn sums_move_with_their_synapses_wherever_they_are_stored() {
    let plan = PlanOptions { accumulate_per_member: true, ..PlanOptions::default() };
    let members = run(&Options { plan, ..Options::default() });
    let blocks = run(&Options::default());
    let size = |outcome: &Outcome| {
        let array = outcome.arrays.iter().find(|(path, _)| path == "syn.S.vars.Gradient");
        array.unwrap().1.len()
    };
    assert!(size(&blocks) < size(&members), "the gradient is not stored per block");
    assert_eq!(blocks.targets, members.targets);
    assert!(blocks.sum.iter().any(|sum| sum.abs() > 1.0));
    for (x, y) in blocks.sum.iter().zip(&members.sum) {
        assert!((x - y).abs() <= 1e-4 * y.abs().max(1.0), "{x} {y}");
    }
}

#[test]
fn mistakes_are_errors() {
    let message = |change: &dyn Fn(&mut CustomConnectivityUpdate)| {
        let mut network = network();
        change(&mut network.custom_connectivity_updates[0]);
        compile(network, &Options::default()).unwrap_err().to_string()
    };
    let text = message(&|update| update.synapse_group = "T".into());
    assert!(text.contains("no synapse group named \"T\"") && text.contains('S'), "{text}");
    let text = message(&|update| update.vars.clear());
    assert!(text.contains("\"age\" has no value"), "{text}");
    let text = message(&|update| update.model.vars.push(Var::scalar("g")));
    assert!(text.contains("\"g\""), "{text}");
    let text = message(&|update| update.model.row_update_code = "remove_synapse();".into());
    assert!(text.contains("inside of `for_each_synapse`"), "{text}");
    let text = message(&|update| update.model.row_update_code = "add_synapse(0);".into());
    assert!(text.contains("does not take 1 argument"), "{text}");
    let text = message(&|update| {
        update.model.post_var_refs = vec![reference("V")];
        let bound = VarRef::Neuron { population: "B".into(), var: "V".into() };
        update.post_var_refs.insert("V".into(), bound);
    });
    assert!(text.contains("shared by all batch members"), "{text}");

    let mut dense = network();
    dense.synapse_groups[0].matrix_type = MatrixType::Dense;
    dense.synapse_groups[0].connectivity = Connectivity::None;
    let text = compile(dense, &Options::default()).unwrap_err().to_string();
    assert!(text.contains("only SPARSE connectivity"), "{text}");
}

#[test]
fn matrices_of_too_many_synapses_are_refused() {
    let mut network = network();
    network.populations[0].size = 1 << 17;
    network.populations[1].size = 1 << 16;
    network.custom_connectivity_updates.clear();
    network.synapse_groups[0].matrix_type = MatrixType::Dense;
    network.synapse_groups[0].connectivity = Connectivity::None;
    let text = compile(network, &Options::default()).unwrap_err().to_string();
    assert!(text.contains("at most 4294967295 synapses"), "{text}");
}

#[test]
fn only_dynamic_parameters_can_be_set() {
    let compiled = compile(network(), &Options::default()).unwrap();
    let mut simulation = Simulation::new(compiled, &Arrays::new(), Some(1)).unwrap();
    let text = simulation.set_dynamic_param("syn.S.vars.g", 1.0).unwrap_err().to_string();
    assert!(text.contains("no dynamic parameter"), "{text}");
}

#[test]
fn a_simulation_goes_on_where_another_one_was() {
    goes_on(&Options::default());
    if let Some(gpu) = pretended::gpu() {
        goes_on(&pretended::cuda(gpu));
    }
}

fn goes_on(options: &Options) {
    let network = || {
        let mut network = network();
        network.seed = 0; // another one in every simulation
        network.synapse_groups[0].axonal_delay_steps = 2;
        network
    };
    let load = || {
        let compiled = compile(network(), options).unwrap();
        Simulation::new(compiled, &Arrays::new(), Some(7)).unwrap()
    };
    let rewire = StepUpdate { group: "Rewire".into(), at: Some(3) };
    let plan = RunPlan { timesteps: 7, begin: vec![rewire], ..RunPlan::default() };
    let bytes = |simulation: &Simulation| -> Vec<(String, Vec<u8>)> {
        let layout = &simulation.model().plan().layout;
        let view = |path: &str| simulation.array(path).unwrap().buffer;
        let copy = |path: &str| view(path).to_bytes(0, view(path).len()).unwrap();
        layout.arrays().map(|(_, array)| (array.path.clone(), copy(&array.path))).collect()
    };

    let mut first = load();
    first.run(&plan).unwrap();
    first.set_timestep(2);
    let (saved, progress) = (bytes(&first), first.progress());
    first.run(&plan).unwrap();

    let mut second = load();
    for (path, bytes) in &saved {
        assert!(second.array(path).unwrap().buffer.copy_from_bytes(0, bytes));
    }
    second.resume(&progress).unwrap();
    assert_eq!(second.progress(), progress);
    second.run(&plan).unwrap();
    assert_ne!(bytes(&second), saved);
    for ((path, left), (_, right)) in bytes(&first).iter().zip(&bytes(&second)) {
        assert!(left == right, "{path} differs");
    }
    assert_eq!(first.spikes("neuron.B.spikes").unwrap(), second.spikes("neuron.B.spikes").unwrap());

    let other = mlgenn::Progress { rings: vec![99; progress.rings.len()], ..progress };
    let text = second.resume(&other).unwrap_err().to_string();
    assert!(text.contains("delay slots"), "{text}");
}
