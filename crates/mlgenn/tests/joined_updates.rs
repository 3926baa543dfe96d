//! Custom update groups in one call give the bits of one call after the other: for dense and sparse
//! synapses and neurons, any number of threads, on every backend.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod pretended;

use mlgenn::BackendChoice;
use mlgenn::prelude::*;

/// Groups in the order in which they run.
const GROUPS: [&str; 3] = ["Reduce", "Learn", "After"];

fn constant(value: f64) -> VarInit {
    VarInit::Constant { value }
}

fn noisy(name: &str, size: usize) -> Population {
    Population {
        name: name.into(),
        size,
        model: NeuronModel {
            name: "Noisy".into(),
            vars: vec![Var::scalar("V"), Var::scalar("BiasGradient"), Var::read_only("Bias")],
            sim_code: "
                V = (0.9 * V) + (0.1 * Isyn) + (0.3 * gennrand_uniform()) + Bias;
                BiasGradient += V;"
                .into(),
            threshold_condition_code: "V >= 1.0".into(),
            reset_code: "V = 0.0;".into(),
            ..NeuronModel::default()
        },
        vars: [
            ("V".into(), constant(0.5)),
            ("BiasGradient".into(), constant(0.0)),
            ("Bias".into(), constant(0.01)),
        ]
        .into(),
        ..Population::default()
    }
}

fn synapses(name: &str, matrix_type: MatrixType) -> SynapseGroup {
    let connectivity = match matrix_type {
        MatrixType::Sparse => Connectivity::Sparse {
            snippet: SparseSnippet {
                name: "FixedProbability".into(),
                params: vec![Param::scalar("prob")],
                ..SparseSnippet::default()
            },
            params: [("prob".into(), 0.3)].into(),
        },
        _ => Connectivity::None,
    };
    SynapseGroup {
        name: name.into(),
        matrix_type,
        source: "A".into(),
        target: "B".into(),
        weight_update: WeightUpdate {
            model: WeightUpdateModel {
                name: "Learning".into(),
                vars: vec![Var::read_only("g"), Var::scalar("Gradient")],
                post_neuron_var_refs: vec![reference("V", VarAccessMode::ReadOnly)],
                pre_spike_syn_code: "addToPost(g); Gradient += V;".into(),
                ..WeightUpdateModel::default()
            },
            vars: [("g".into(), constant(0.1)), ("Gradient".into(), constant(0.0))].into(),
            post_neuron_var_refs: [("V".into(), "V".into())].into(),
            ..WeightUpdate::default()
        },
        postsynaptic: Postsynaptic {
            model: PostsynapticModel {
                name: "Delta".into(),
                sim_code: "injectCurrent(inSyn); inSyn = 0.0;".into(),
                ..PostsynapticModel::default()
            },
            ..Postsynaptic::default()
        },
        connectivity,
        ..SynapseGroup::default()
    }
}

fn reference(name: &str, access: VarAccessMode) -> VarRefDeclaration {
    VarRefDeclaration { name: name.into(), type_name: "scalar".into(), access }
}

fn synapse_var(group: &str, var: &str) -> VarRef {
    VarRef::Wu { synapse_group: group.into(), var: var.into(), transpose: None }
}

/// An update with references to variables, all of which it may write.
fn update(group: &str, name: &str, code: &str, references: &[(&str, VarRef)]) -> CustomUpdate {
    CustomUpdate {
        name: name.into(),
        group: group.into(),
        model: CustomUpdateModel {
            name: name.into(),
            var_refs: references
                .iter()
                .map(|(name, _)| reference(name, VarAccessMode::ReadWrite))
                .collect(),
            update_code: code.into(),
            ..CustomUpdateModel::default()
        },
        var_refs: references.iter().map(|(name, var)| ((*name).into(), var.clone())).collect(),
        ..CustomUpdate::default()
    }
}

/// The sum of a gradient over the batch, and an optimiser with a momentum.
fn learning(name: &str, gradient: VarRef, weight: VarRef) -> [CustomUpdate; 2] {
    let var = |name: &str, access| CustomUpdateVar {
        name: name.into(),
        type_name: "scalar".into(),
        access,
    };
    let reduce_name = format!("Reduce{name}");
    let code = "Sum = Gradient; Gradient = 0.0;";
    let mut reduce = update("Reduce", &reduce_name, code, &[("Gradient", gradient)]);
    reduce.model.vars = vec![var("Sum", CustomUpdateVarAccess::ReduceBatchSum)];
    reduce.vars.insert("Sum".into(), constant(0.0));
    if name == "T" {
        // Whatever needs the number of the batch member has a copy for each of them.
        reduce.model.vars.push(var("Max", CustomUpdateVarAccess::ReduceBatchMax));
        reduce.vars.insert("Max".into(), constant(0.0));
        reduce.model.update_code.insert_str(0, "Max = Gradient * (batch + 1); ");
    }
    let sum = VarRef::CustomUpdate { custom_update: reduce_name, var: "Sum".into() };
    let code = "M = (0.9 * M) + (0.1 * Sum); Weight -= 0.001 * M / (1.0 + fabs(M));";
    let mut learn =
        update("Learn", &format!("Learn{name}"), code, &[("Sum", sum), ("Weight", weight)]);
    learn.model.vars = vec![var("M", CustomUpdateVarAccess::ReadWrite)];
    learn.vars.insert("M".into(), constant(0.5));
    [reduce, learn]
}

/// What stands between the sums and the optimisers.
#[derive(Clone, Copy, Debug)]
enum Between {
    Nothing,
    /// An update of the same synapses that the optimiser has to come after.
    SamePieces,
    /// One that goes over them in another way.
    OtherPieces,
    /// One of the neurons.
    Neurons,
}

fn network(form: MatrixType, sizes: [usize; 2], batch_size: usize, between: Between) -> Network {
    let bias = |var: &str| VarRef::Neuron { population: "B".into(), var: var.into() };
    let pairs = [
        learning("S", synapse_var("S", "Gradient"), synapse_var("S", "g")),
        learning("T", synapse_var("T", "Gradient"), synapse_var("T", "g")),
        learning("Bias", bias("BiasGradient"), bias("Bias")),
    ];
    let (mut custom_updates, learn): (Vec<_>, Vec<_>) =
        pairs.into_iter().map(|[reduce, learn]| (reduce, learn)).unzip();
    let weight = [("W", synapse_var("S", "g"))];
    match between {
        Between::Nothing => {}
        Between::SamePieces => {
            custom_updates.push(update("Reduce", "Between", "W = (0.9 * W) + 0.01;", &weight));
        }
        Between::OtherPieces => {
            let code = "W += 0.001 * (id_pre + 2 * id_post);";
            custom_updates.push(update("Reduce", "Between", code, &weight));
        }
        Between::Neurons => {
            let references = [("B", bias("Bias"))];
            custom_updates.push(update("Reduce", "Between", "B *= 0.5;", &references));
        }
    }
    custom_updates.extend(learn);
    let after = [("W", synapse_var("S", "g"))];
    custom_updates.push(update("After", "Clip", "W = fmin(0.12, W);", &after));
    Network {
        name: "joined".into(),
        batch_size,
        seed: 5,
        populations: vec![noisy("A", sizes[0]), noisy("B", sizes[1])],
        synapse_groups: vec![synapses("S", form), synapses("T", MatrixType::Dense)],
        custom_updates,
        ..Network::default()
    }
}

/// Bytes of every array after timesteps and updates.
fn run(network: &Network, options: &Options, joined: bool) -> Vec<(String, Vec<u8>)> {
    let compiled = compile(network.clone(), options).unwrap();
    let mut simulation = Simulation::new(compiled.clone(), &Arrays::new(), None).unwrap();
    for _ in 0..2 {
        simulation.run(&RunPlan::timesteps(6)).unwrap();
        if joined {
            simulation.custom_update_groups(&GROUPS).unwrap();
        } else {
            GROUPS.iter().for_each(|group| simulation.custom_update(group).unwrap());
        }
    }
    let paths = compiled.plan().layout.arrays().map(|(_, array)| array.path.clone());
    paths
        .map(|path| {
            let view = simulation.array(&path).unwrap();
            (path, view.buffer.to_bytes(0, view.buffer.len()).unwrap())
        })
        .collect()
}

fn cases() -> impl Iterator<Item = Network> {
    use Between::{Neurons, Nothing, OtherPieces, SamePieces};
    let forms = [MatrixType::Dense, MatrixType::Sparse];
    let sizes = [([3, 5], 1), ([70, 33], 5), ([150, 290], 40)];
    forms.into_iter().flat_map(move |form| {
        sizes.into_iter().flat_map(move |(sizes, batch_size)| {
            [Nothing, SamePieces, OtherPieces, Neurons]
                .map(|between| network(form, sizes, batch_size, between))
        })
    })
}

#[test]
fn joined_calls_equal_separate_ones() {
    for (number, network) in cases().enumerate() {
        let cpu = |threads| Options { threads: Some(threads), ..Options::default() };
        let interpreter = Options { backend: BackendChoice::Interpreter, ..Options::default() };
        let expected = run(&network, &cpu(1), false);
        let moved = |var: &str, bytes: &[u8]| {
            let (_, after) = expected.iter().find(|(path, _)| path == var).unwrap();
            after.chunks(bytes.len()).any(|chunk| chunk != bytes)
        };
        assert!(moved("syn.S.vars.g", &0.1f32.to_ne_bytes()), "nothing was learned");
        for threads in [1, 2, 4] {
            assert_same(number, &expected, &run(&network, &cpu(threads), true));
        }
        if network.batch_size < 40 {
            assert_same(number, &expected, &run(&network, &interpreter, true));
        }
        if let Some(gpu) = pretended::gpu() {
            let separate = run(&network, &pretended::cuda(gpu), false);
            assert_same(number, &separate, &run(&network, &pretended::cuda(gpu), true));
        }
    }
}

fn assert_same(number: usize, expected: &[(String, Vec<u8>)], found: &[(String, Vec<u8>)]) {
    for ((path, left), (_, right)) in expected.iter().zip(found) {
        assert!(left == right || path.contains("_invariant"), "case {number}: {path} differs");
    }
}

#[test]
fn an_unknown_group_is_found_before_anything_runs() {
    let network = network(MatrixType::Dense, [3, 5], 2, Between::Nothing);
    let compiled = compile(network, &Options::default()).unwrap();
    let mut simulation = Simulation::new(compiled, &Arrays::new(), None).unwrap();
    let weights = |simulation: &Simulation| {
        let view = simulation.array("syn.S.vars.g").unwrap();
        view.buffer.to_bytes(0, view.buffer.len()).unwrap()
    };
    let before = weights(&simulation);
    let error = simulation.custom_update_groups(&["Learn", "Nothing"]).unwrap_err();
    assert!(error.to_string().contains("Nothing"));
    assert_eq!(before, weights(&simulation));
}
