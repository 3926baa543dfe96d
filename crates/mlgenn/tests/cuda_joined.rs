//! Custom update groups in one call on a GPU: sums over the batch and what goes on from them are one
//! launch where the CPU would go over elements once, and the bits are those of one group after the
//! other.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod joined_networks;
mod pretended;

use std::sync::{Mutex, MutexGuard, PoisonError};

use joined_networks::{Between, GROUPS, network, synapse_var, update};
use mlgenn::prelude::*;
use mlgenn::{BackendChoice, PlanOptions, cuda_launches};
use mlgenn_cuda::testing::{Counted, PretendedGpu};

/// Timesteps before each call: enough for neurons to spike.
const TIMESTEPS: usize = 12;

/// The pretended GPU counts launches of all threads: one test at a time.
fn gpu() -> Option<(&'static PretendedGpu, MutexGuard<'static, ()>)> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    Some((pretended::gpu()?, turn))
}

fn load(network: &Network, options: &Options) -> Simulation {
    let compiled = compile(network.clone(), options).unwrap();
    Simulation::new(compiled, &Arrays::new(), None).unwrap()
}

fn interpreter() -> Options {
    // Sums over the batch in the order of devices.
    let plan = PlanOptions { many_blocks: true, ..PlanOptions::default() };
    Options { backend: BackendChoice::Interpreter, plan, ..Options::default() }
}

/// Contents of every array, by path.
fn contents(simulation: &Simulation) -> Vec<(String, Vec<u8>)> {
    let arrays = simulation.model().plan().layout.arrays();
    let bytes = |path: &String| {
        let buffer = simulation.array(path).unwrap().buffer;
        buffer.to_bytes(0, buffer.len()).unwrap()
    };
    let arrays = arrays.filter(|(_, array)| !array.path.contains("_invariant"));
    arrays.map(|(_, array)| (array.path.clone(), bytes(&array.path))).collect()
}

#[track_caller]
fn assert_same(expected: &[(String, Vec<u8>)], found: &[(String, Vec<u8>)]) {
    assert_eq!(expected.len(), found.len());
    for ((path, expected), (_, found)) in expected.iter().zip(found) {
        assert!(expected == found, "{path} differs");
    }
}

/// Launches of a call of groups.
fn launches(gpu: &PretendedGpu, simulation: &mut Simulation, groups: &[&str]) -> i64 {
    let before = gpu.count(Counted::Launches);
    simulation.custom_update_groups(groups).unwrap();
    gpu.count(Counted::Launches) - before
}

/// Launches of groups in one call, if there are timesteps before it and after each call before.
/// Contents are compared with those of groups one by one, there and by the interpreter.
#[track_caller]
fn check(gpu: &PretendedGpu, network: &Network, calls: &[&[&str]]) -> Vec<i64> {
    let mut together = load(network, &pretended::cuda(gpu));
    let mut alone = [load(network, &pretended::cuda(gpu)), load(network, &interpreter())];
    let mut counts = Vec::new();
    for groups in calls {
        together.run(&RunPlan::timesteps(TIMESTEPS)).unwrap();
        let gradient = together.array("syn.T.vars.Gradient").unwrap().buffer;
        assert!((0..gradient.len()).any(|i| gradient.load(i) != Some(0)), "nothing to sum");
        drop(gradient);
        counts.push(launches(gpu, &mut together, groups));
        for simulation in &mut alone {
            simulation.run(&RunPlan::timesteps(TIMESTEPS)).unwrap();
            groups.iter().for_each(|group| simulation.custom_update(group).unwrap());
        }
        let found = contents(&together);
        alone.iter().for_each(|simulation| assert_same(&contents(simulation), &found));
    }
    counts
}

#[test]
fn sums_and_what_goes_on_from_them_are_one_launch() {
    let Some((gpu, _turn)) = gpu() else { return };
    let calls: [&[&str]; 5] = [
        &GROUPS,
        // The first two updates of three, which have a function as well
        &["Reduce", "Learn"],
        // Nothing to start from
        &["Learn", "After"],
        // The other way round
        &["Learn", "Reduce"],
        &["Reduce", "After", "Learn"],
    ];
    for (form, sizes, batch_size) in [
        (MatrixType::Dense, [3, 5], 1),
        (MatrixType::Dense, [70, 33], 5),
        (MatrixType::Sparse, [70, 33], 8),
        (MatrixType::Sparse, [9, 31], 19),
    ] {
        let network = network(form, sizes, batch_size, Between::Nothing);
        // Synapses S and T, biases; in the last call, optimisers of S after what is no sum.
        assert_eq!(check(gpu, &network, &calls), [3, 3, 4, 6, 5], "{form:?} {sizes:?}");
    }
}

#[test]
fn what_comes_between_keeps_updates_apart() {
    let Some((gpu, _turn)) = gpu() else { return };
    for (between, expected) in
        [(Between::SamePieces, 6), (Between::OtherPieces, 6), (Between::Neurons, 5)]
    {
        let network = network(MatrixType::Dense, [20, 13], 5, between);
        assert_eq!(check(gpu, &network, &[&GROUPS, &GROUPS]), [expected; 2], "{between:?}");
    }
}

#[test]
fn an_optimiser_sees_what_was_done_to_the_sum() {
    let Some((gpu, _turn)) = gpu() else { return };
    let mut network = network(MatrixType::Dense, [20, 13], 5, Between::Nothing);
    let sum = VarRef::CustomUpdate { custom_update: "ReduceS".into(), var: "Sum".into() };
    let scale = update("Scale", "Scale", "Sum *= 0.5;", &[("Sum", sum)]);
    network.custom_updates.insert(3, scale);
    let calls: [&[&str]; 2] = [&["Reduce", "Scale", "Learn"], &["Reduce", "Learn"]];
    // The sum of S and its optimiser alone have no function, as what scales the sum comes first.
    assert_eq!(check(gpu, &network, &calls), [3, 4]);
}

#[test]
fn functions_and_launches_are_shown() {
    let Some((gpu, _turn)) = gpu() else { return };
    let network = network(MatrixType::Dense, [20, 13], 5, Between::Nothing);
    let compiled = compile(network, &pretended::cuda(gpu)).unwrap();
    let text = compiled.on_device().unwrap().text();
    for title in ["'ReduceS', 'LearnS'", "'ReduceS', 'LearnS', 'Clip'", "'ReduceT', 'LearnT'"] {
        assert!(text.contains(&format!("// Custom updates {title}\n")), "{title}");
    }
    // What was summed does not come from memory.
    assert!(text.contains("= reduced0_"), "{text}");
    let list = cuda_launches(&compiled).unwrap();
    let (_, together) = list.split_once("custom updates Reduce, Learn, After\n").unwrap();
    let lines: Vec<_> = together.lines().take_while(|line| line.starts_with(' ')).collect();
    assert_eq!(lines.len(), 3, "{list}");
    assert!(lines[0].contains("_custom_updates__reduces____learns____clip_: 3 x 1"), "{list}");
}

#[test]
fn updates_whose_times_are_measured_are_alone() {
    let Some((gpu, _turn)) = gpu() else { return };
    let mut network = network(MatrixType::Dense, [20, 13], 5, Between::Nothing);
    network.timing_enabled = true;
    assert_eq!(check(gpu, &network, &[&GROUPS]), [7]);
    let compiled = compile(network, &pretended::cuda(gpu)).unwrap();
    assert!(!compiled.on_device().unwrap().text().contains("// Custom updates "));
}

/// Sum and maximum over neurons of what an update before has summed over the batch, and a step
/// that all of them make.
fn with_sum_over_neurons(size: usize) -> Network {
    let mut network = network(MatrixType::Dense, [4, size], 5, Between::Nothing);
    network.custom_updates.retain(|update| update.name == "ReduceBias");
    let of = |update: &str, var: &str| VarRef::CustomUpdate {
        custom_update: update.into(),
        var: var.into(),
    };
    let mut total =
        update("Total", "Total", "All = Sum; Top = Sum;", &[("Sum", of("ReduceBias", "Sum"))]);
    total.model.var_refs[0].access = VarAccessMode::ReadOnly;
    use CustomUpdateVarAccess::{ReduceNeuronMax, ReduceNeuronSum};
    for (name, access) in [("All", ReduceNeuronSum), ("Top", ReduceNeuronMax)] {
        let type_name = "scalar".into();
        total.model.vars.push(CustomUpdateVar { name: name.into(), type_name, access });
        total.vars.insert(name.into(), VarInit::Constant { value: 0.0 });
    }
    let bias = VarRef::Neuron { population: "B".into(), var: "Bias".into() };
    let references = [("All", of("Total", "All")), ("Bias", bias)];
    let mut learn = update("Learn", "Learn", "Bias -= 0.001 * All;", &references);
    learn.model.var_refs[0].access = VarAccessMode::ReadOnly;
    network.custom_updates.extend([total, learn]);
    network
}

#[test]
fn sums_over_neurons_wait_for_all_of_them() {
    let Some((gpu, _turn)) = gpu() else { return };
    let groups: &[&str] = &["Reduce", "Total", "Learn"];
    // Sum and maximum start from something, and are taken after the values of neurons are known.
    assert_eq!(check(gpu, &with_sum_over_neurons(150), &[groups; 2]), [8, 8]);
    let of_one = with_sum_over_neurons(1);
    check(gpu, &of_one, &[groups; 2]);
    for options in [Options::default(), interpreter(), pretended::cuda(gpu)] {
        let mut simulation = load(&of_one, &options);
        simulation.run(&RunPlan::timesteps(TIMESTEPS)).unwrap();
        simulation.custom_update_groups(groups).unwrap();
        let [all, top] = ["All", "Top"].map(|var| {
            let buffer = simulation.array(&format!("cu.Total.vars.{var}")).unwrap().buffer;
            buffer.load(0)
        });
        assert_eq!(all, top);
    }
}

#[test]
fn calls_that_are_repeated_give_the_same() {
    let Some((gpu, _turn)) = gpu() else { return };
    let network = network(MatrixType::Dense, [5, 6], 3, Between::Nothing);
    let counts = check(gpu, &network, &[&GROUPS[..]; 10]);
    // They are a graph then.
    assert_eq!((counts[0], counts[9]), (3, 0));
}

#[test]
fn groups_around_timesteps_run_together() {
    let Some((gpu, _turn)) = gpu() else { return };
    let network = network(MatrixType::Sparse, [20, 13], 5, Between::Nothing);
    let at = |group: &&str| StepUpdate { group: (*group).into(), at: Some(9) };
    for record in [vec![], vec!["neuron.B.vars.V".to_owned()]] {
        let plan = RunPlan {
            timesteps: TIMESTEPS,
            begin: vec![at(&"Reduce"), at(&"Learn")],
            end: GROUPS.iter().map(at).collect(),
            record,
        };
        let found = [pretended::cuda(gpu), interpreter()].map(|options| {
            let mut simulation = load(&network, &options);
            (0..3).for_each(|_| drop(simulation.run(&plan).unwrap()));
            contents(&simulation)
        });
        assert_same(&found[1], &found[0]);
    }
}

/// A small generator of pseudo-random choices (xorshift64*), so that failures can be repeated.
struct Choices(u64);

impl Choices {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % count
    }

    fn of<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[self.below(things.len())]
    }
}

/// What a random update does: its code, and whether it takes a sum over the batch, reads an earlier
/// sum, writes it.
const CODES: [(&str, bool, bool, bool); 9] = [
    ("Sum = Gradient; Gradient = 0.0;", true, false, false),
    ("Sum = Gradient * g; Gradient *= 0.5;", true, false, false),
    ("Sum = Gradient + Before;", true, true, false),
    ("g -= 0.01 * Before;", false, true, false),
    ("M = (0.9 * M) + Before; g -= 0.01 * M;", false, true, false),
    ("Before *= 0.5;", false, true, true),
    ("g += 0.001 * Before; Before = 0.0;", false, true, true),
    ("g = (0.9 * g) + 0.01;", false, false, false),
    ("g += 0.001 * id_post;", false, false, false),
];

/// Updates of the synapses S and T in random groups.
fn random_updates(choices: &mut Choices, groups: &[&str]) -> Vec<CustomUpdate> {
    let mut updates: Vec<CustomUpdate> = Vec::new();
    let mut sums: [Vec<String>; 2] = Default::default();
    for (number, group) in groups.iter().flat_map(|group| [group; 2]).enumerate() {
        let synapses = number % 2;
        let target = ["S", "T"][synapses];
        let has_sum = !sums[synapses].is_empty();
        let possible: Vec<_> = CODES.iter().filter(|code| !code.2 || has_sum).collect();
        let &&(code, is_sum, reads, writes) = choices.of(&possible);
        let name = format!("U{number}");
        let mut new = update(group, &name, code, &[]);
        let mut refer = |name: &str, access, reference| {
            let type_name = "scalar".into();
            new.model.var_refs.push(VarRefDeclaration { name: name.into(), type_name, access });
            new.var_refs.insert(name.into(), reference);
        };
        use VarAccessMode::{ReadOnly, ReadWrite};
        let weights = if is_sum { ReadOnly } else { ReadWrite };
        refer("g", weights, synapse_var(target, "g"));
        if is_sum {
            refer("Gradient", ReadWrite, synapse_var(target, "Gradient"));
        }
        if reads {
            let sum = choices.of(&sums[synapses]).clone();
            let reference = VarRef::CustomUpdate { custom_update: sum, var: "Sum".into() };
            refer("Before", if writes { ReadWrite } else { ReadOnly }, reference);
        }
        use CustomUpdateVarAccess::{ReadWrite as Own, ReduceBatchMax, ReduceBatchSum};
        let mut declare = |name: &str, access| {
            let type_name = "scalar".into();
            new.model.vars.push(CustomUpdateVar { name: name.into(), type_name, access });
            new.vars.insert(name.into(), VarInit::Constant { value: 0.25 });
        };
        if is_sum {
            let access = if choices.below(4) == 0 { ReduceBatchMax } else { ReduceBatchSum };
            declare("Sum", access);
            sums[synapses].push(name);
        } else if code.contains("M =") {
            declare("M", Own);
        }
        updates.push(new);
    }
    updates
}

#[test]
fn random_groups_give_the_bits_of_one_after_the_other() {
    let Some((gpu, _turn)) = gpu() else { return };
    const NAMES: [&str; 4] = ["G0", "G1", "G2", "G3"];
    let mut saved = 0;
    for seed in 1..=20 {
        let mut choices = Choices(seed);
        // The first numbers of small seeds are alike.
        (0..9).for_each(|_| _ = choices.below(2));
        let form = *choices.of(&[MatrixType::Dense, MatrixType::Sparse]);
        let sizes = *choices.of(&[[3, 5], [40, 33], [12, 11]]);
        let batch_size = *choices.of(&[1, 2, 5, 11]);
        let mut network = network(form, sizes, batch_size, Between::Nothing);
        network.custom_updates = random_updates(&mut choices, &NAMES);
        let calls: Vec<Vec<&str>> = (0..4)
            .map(|_| {
                let mut groups = NAMES.to_vec();
                groups.retain(|_| choices.below(4) != 0);
                if choices.below(3) == 0 {
                    groups.reverse();
                }
                groups
            })
            .collect();
        let calls: Vec<&[&str]> = calls.iter().map(Vec::as_slice).collect();
        let counts = check(gpu, &network, &calls);
        let alone = calls.iter().map(|groups| 2 * groups.len() as i64);
        saved += alone.zip(&counts).map(|(alone, count)| alone - count).sum::<i64>();
    }
    assert!(saved >= 20, "{saved} launches were saved");
}
