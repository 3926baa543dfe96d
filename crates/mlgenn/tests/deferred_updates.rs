//! Custom updates that nobody waits for may wait for the next run, and nobody can tell: any sequence
//! of runs, updates, reads and writes leaves the same bits as if all updates ran at once.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use mlgenn::prelude::*;
use mlgenn::{ArrayView, BackendChoice, EngineError};

/// What each update does, by group.
const UPDATES: [(&str, &str); 6] = [
    ("Reset", "V = 0.1; U = 0.0;"),
    ("Chain", "U = V + (0.5 * U);"),
    ("Time", "W += t;"),
    ("Swap", "const scalar old = V; V = W; W = old;"),
    ("Sum", "Total = V;"),
    ("Use", "V += 0.01 * Total;"),
];

const SIZE: usize = 37;
const ARRAYS: [&str; 3] = ["neuron.A.vars.V", "neuron.A.vars.U", "neuron.A.vars.W"];

fn constant(value: f64) -> VarInit {
    VarInit::Constant { value }
}

fn population() -> Population {
    let vars = ["V", "U", "W"];
    Population {
        name: "A".into(),
        size: SIZE,
        model: NeuronModel {
            name: "Noisy".into(),
            vars: vars.map(Var::scalar).into(),
            sim_code: "V = (0.9 * V) + (0.3 * gennrand_uniform()) + (0.01 * W); U += V;".into(),
            threshold_condition_code: "V >= 1.0".into(),
            reset_code: "V = 0.0;".into(),
            ..NeuronModel::default()
        },
        vars: vars.map(|name| (name.into(), constant(0.25))).into(),
        ..Population::default()
    }
}

/// An update of the variables that its code mentions.
fn update((name, code): (&str, &str)) -> CustomUpdate {
    let vars = ["V", "U", "W"].into_iter().filter(|var| code.contains(var));
    let mut var_refs: Vec<(String, VarRef)> = vars
        .map(|var| (var.into(), VarRef::Neuron { population: "A".into(), var: var.into() }))
        .collect();
    let mut model = CustomUpdateModel {
        name: name.into(),
        update_code: code.into(),
        ..CustomUpdateModel::default()
    };
    let mut own = Vec::new();
    if name == "Sum" {
        // Over the batch, so that it cannot wait.
        let access = CustomUpdateVarAccess::ReduceBatchSum;
        model.vars =
            vec![CustomUpdateVar { name: "Total".into(), type_name: "scalar".into(), access }];
        own.push(("Total".into(), constant(0.0)));
    }
    if name == "Use" {
        let total = VarRef::CustomUpdate { custom_update: "Sum".into(), var: "Total".into() };
        var_refs.push(("Total".into(), total));
    }
    let access = |name: &str| match name {
        "Total" => VarAccessMode::ReadOnly,
        _ => VarAccessMode::ReadWrite,
    };
    model.var_refs = var_refs
        .iter()
        .map(|(name, _)| VarRefDeclaration {
            name: name.clone(),
            type_name: "scalar".into(),
            access: access(name),
        })
        .collect();
    CustomUpdate {
        name: name.into(),
        group: name.into(),
        model,
        var_refs: var_refs.into_iter().collect(),
        vars: own.into_iter().collect(),
        ..CustomUpdate::default()
    }
}

fn network(batch_size: usize) -> Network {
    Network {
        name: "deferred".into(),
        batch_size,
        seed: 5,
        populations: vec![population()],
        custom_updates: UPDATES.map(update).into(),
        ..Network::default()
    }
}

/// Random numbers that choose what happens.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) as usize % sides
    }
}

fn bytes(view: &ArrayView) -> Vec<u8> {
    view.buffer.to_bytes(0, view.buffer.len()).unwrap()
}

/// Everything that is seen on the way, and all arrays in the end.
fn play(network: &Network, options: &Options, seed: u64, waits: bool) -> Vec<Vec<u8>> {
    let compiled = compile(network.clone(), options).unwrap();
    let mut simulation = Simulation::new(compiled, &Arrays::new(), None).unwrap();
    let (mut dice, mut seen, mut held) = (Dice(seed), Vec::new(), None);
    for _ in 0..12 {
        let array = ARRAYS[dice.roll(ARRAYS.len())];
        match dice.roll(12) {
            0 => {
                let steps = dice.roll(4);
                simulation.run(&RunPlan::timesteps(steps)).unwrap();
            }
            1 => {
                let (group, _) = UPDATES[dice.roll(UPDATES.len())];
                let begin = vec![StepUpdate { group: group.into(), at: Some(0) }];
                let plan = RunPlan { begin, ..RunPlan::timesteps(3) };
                simulation.run(&plan).unwrap();
            }
            2 => seen.push(bytes(&simulation.array_for(array, mlgenn::Access::Read).unwrap())),
            3 => {
                let view = simulation.array_for(array, mlgenn::Access::Overwrite).unwrap();
                let bits = u64::from((0.01 * seen.len() as f32).to_bits());
                view.buffer.fill(0, view.buffer.len(), bits);
            }
            4 => held = Some(simulation.array(array).unwrap()),
            5 => held = None,
            6 => simulation.set_timestep(dice.roll(50) as u64),
            7 => {
                let progress = simulation.progress();
                simulation.resume(&progress).unwrap();
            }
            _ => {
                let (group, _) = UPDATES[dice.roll(UPDATES.len())];
                if waits {
                    simulation.custom_update(group).unwrap();
                } else {
                    simulation.start_custom_update_groups(&[group]).unwrap();
                }
            }
        }
        if let Some(view) = &held {
            seen.push(bytes(view));
        }
    }
    seen.extend(ARRAYS.map(|array| bytes(&simulation.array(array).unwrap())));
    seen
}

#[test]
fn nobody_can_tell_whether_updates_wait() {
    let options =
        |backend, threads| Options { backend, threads: Some(threads), ..Options::default() };
    for seed in 0..150 {
        let network = network([1, 2, 9][seed as usize % 3]);
        let expected = play(&network, &options(BackendChoice::Cpu, 1), seed, true);
        for threads in [1, 3] {
            let options = options(BackendChoice::Cpu, threads);
            assert!(play(&network, &options, seed, false) == expected, "seed {seed}");
        }
        let interpreter = options(BackendChoice::Interpreter, 1);
        let expected = play(&network, &interpreter, seed, true);
        assert!(play(&network, &interpreter, seed, false) == expected, "seed {seed}");
    }
}

/// More than may wait.
#[test]
fn a_thousand_updates_are_those_of_a_thousand_calls() {
    let compiled = compile(network(2), &Options::default()).unwrap();
    let [mut waiting, mut expected] =
        [(); 2].map(|()| Simulation::new(compiled.clone(), &Arrays::new(), None).unwrap());
    for _ in 0..1000 {
        waiting.start_custom_update_groups(&["Chain"]).unwrap();
        expected.custom_update("Chain").unwrap();
    }
    for array in ARRAYS {
        let [waiting, expected] =
            [&waiting, &expected].map(|simulation| bytes(&simulation.array(array).unwrap()));
        assert!(waiting == expected);
    }
}

/// A fault says when an update has run.
#[test]
fn they_run_when_timesteps_do_or_somebody_looks() {
    type Look = fn(&mut Simulation) -> Result<(), EngineError>;
    let looks: [Look; 4] = [
        |simulation| simulation.run(&RunPlan::timesteps(1)).map(drop),
        |simulation| simulation.run(&RunPlan::timesteps(0)).map(drop),
        |simulation| simulation.array("neuron.A.vars.V").map(drop),
        |simulation| simulation.custom_update("Swap"),
    ];
    let mut network = network(2);
    network.custom_updates.push(update(("Fault", "assert(V < 0.0);")));
    for look in looks {
        let compiled = compile(network.clone(), &Options::default()).unwrap();
        let mut simulation = Simulation::new(compiled, &Arrays::new(), None).unwrap();
        simulation.start_custom_update_groups(&["Fault"]).unwrap();
        simulation.array("neuron.A.vars.W").unwrap();
        let error = look(&mut simulation).unwrap_err();
        assert!(matches!(error, EngineError::Fault(_)), "{error}");
        look(&mut simulation).unwrap();
        assert!(simulation.custom_update("Fault").is_err());
    }
}
