//! Random networks on the CUDA backend, whose GPU is a pretended one that runs on the host, against
//! the reference interpreter: to the bit.
//!
//! Everything but the machine code is that of a real GPU: text, launches, tables, graphs, copies
//! between host and GPU.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod matrix_types;
mod pretended;
mod random_networks;

use mlgenn::prelude::*;
use mlgenn::{BackendChoice, EngineError, PlanOptions};
use mlgenn_cuda::testing::{Counted, PretendedGpu};
use pretended::cuda;
use random_networks::random_network;

const TIMESTEPS: usize = 30;

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
    arrays.map(|(_, array)| (array.path.clone(), bytes(&array.path))).collect()
}

fn load(network: &Network, options: &Options) -> Simulation {
    let compiled = compile(network.clone(), options).unwrap();
    Simulation::new(compiled, &Arrays::new(), Some(TIMESTEPS)).unwrap()
}

/// Two runs of a plan with custom updates, and what they leave: arrays, recordings, spikes.
fn outcome(network: &Network, options: &Options) -> Vec<(String, Vec<u8>)> {
    let mut simulation = load(network, options);
    let has_reduce = network.custom_updates.iter().any(|update| update.group == "Reduce");
    let update = |group: &str, at| StepUpdate { group: group.into(), at };
    let plan = RunPlan {
        timesteps: TIMESTEPS,
        begin: if has_reduce { vec![update("Reduce", Some(17))] } else { Vec::new() },
        end: vec![update("Extremes", None)],
        record: vec!["cu.Extremes.vars.Sum".into(), "neuron.B.vars.V".into()],
    };
    let recorded = simulation.run(&plan).unwrap();
    let mut result = Vec::new();
    for path in &plan.record {
        let (buffer, _, _) = recorded.get(path).unwrap();
        result.push((format!("recorded {path}"), buffer.to_bytes(0, buffer.len()).unwrap()));
    }
    for name in ["A", "B"] {
        let spikes = simulation.spikes(&format!("neuron.{name}.spikes")).unwrap();
        result.push((format!("spikes of {name}"), format!("{spikes:?}").into_bytes()));
    }
    simulation.step().unwrap();
    for update in &network.custom_updates {
        simulation.custom_update(&update.group).unwrap();
    }
    // More numbers of timesteps than have launches of their own
    for timesteps in 1..20 {
        simulation.start(&RunPlan::timesteps(timesteps)).unwrap();
        simulation.custom_update("Extremes").unwrap();
    }
    simulation.clear_events();
    simulation.run(&RunPlan::timesteps(3)).unwrap();
    result.extend(contents(&simulation));
    result
}

/// Whether synapses add to a shared weight, which they do in any order.
fn adds_in_any_order(network: &Network, gpu: &PretendedGpu) -> bool {
    let compiled = compile(network.clone(), &cuda(gpu)).unwrap();
    let text = compiled.on_device().unwrap().text();
    text.contains("    atomic_add(") || text.contains("    atomic_add_element(")
}

#[test]
fn random_networks_give_the_bits_of_the_interpreter() {
    let Some(gpu) = pretended::gpu() else { return };
    let (mut compared, mut spikes) = (0, 0);
    for seed in 0..30 {
        let network = random_network(seed);
        if adds_in_any_order(&network, gpu) {
            continue;
        }
        let expected = outcome(&network, &interpreter());
        let found = outcome(&network, &cuda(gpu));
        assert_eq!(expected.len(), found.len());
        for ((path, expected), (_, found)) in expected.iter().zip(&found) {
            // Where prologues leave values; the interpreter runs them only for events.
            if expected != found && !path.contains("_invariant") {
                let at = expected.iter().zip(found).position(|(x, y)| x != y);
                panic!("network {seed}: {path} differs, first at byte {at:?} of {}", found.len());
            }
            spikes += if path.starts_with("spikes") { found.len() } else { 0 };
        }
        compared += 1;
    }
    assert!(compared >= 12 && spikes > 10_000, "{compared} networks, {spikes} bytes of spikes");
    assert!(gpu.count(Counted::GraphLaunches) > gpu.count(Counted::Launches));
}

/// One population with code of its own.
fn small(sim_code: &str) -> Network {
    let model = NeuronModel {
        name: "Small".into(),
        vars: vec![Var::scalar("V"), Var::scalar("W")],
        params: vec![Param::scalar("step")],
        extra_global_params: vec![Egp { name: "table".into(), type_name: "scalar*".into() }],
        sim_code: sim_code.into(),
        ..NeuronModel::default()
    };
    let population = Population {
        name: "P".into(),
        size: 3,
        model,
        params: [("step".into(), 1.0)].into(),
        dynamic_params: ["step".into()].into(),
        vars: ["V", "W"].map(|name| (name.into(), VarInit::Constant { value: 0.0 })).into(),
        ..Population::default()
    };
    let populations = vec![population];
    Network { populations, batch_size: 2, timing_enabled: true, ..Network::default() }
}

fn load_small(sim_code: &str, gpu: &PretendedGpu) -> Simulation {
    let table = ArrayData::from_f32(&[10.0, 20.0, 30.0]);
    let arrays: Arrays = [("neuron.P.egps.table".to_owned(), table)].into_iter().collect();
    let compiled = compile(small(sim_code), &cuda(gpu)).unwrap();
    Simulation::new(compiled, &arrays, None).unwrap()
}

fn values(simulation: &Simulation, path: &str) -> Vec<f32> {
    let buffer = simulation.array(path).unwrap().buffer;
    (0..buffer.len()).map(|i| f32::from_bits(buffer.load(i).unwrap() as u32)).collect()
}

#[test]
fn arrays_are_where_they_are_needed() {
    let Some(gpu) = pretended::gpu() else { return };
    let mut simulation = load_small("V += step + table[id]; W = V;", gpu);
    let held = simulation.array("neuron.P.vars.V").unwrap().buffer;
    let bits = |value: f32| u64::from(value.to_bits());
    simulation.run(&RunPlan::timesteps(2)).unwrap();
    // Somebody holds it, so that it is up to date.
    assert_eq!(held.load(1), Some(bits(42.0)));
    // What is written through it is seen, at any time.
    held.store(1, bits(100.0));
    simulation.step().unwrap();
    assert_eq!(held.load(1), Some(bits(121.0)));
    assert_eq!(values(&simulation, "neuron.P.vars.W"), [33.0, 121.0, 93.0, 33.0, 63.0, 93.0]);
    drop(held);
    simulation.array("neuron.P.egps.table").unwrap().buffer.store(0, bits(0.0));
    simulation.set_dynamic_param("neuron.P.params.step", 2.0).unwrap();
    simulation.run(&RunPlan::timesteps(20)).unwrap();
    assert_eq!(values(&simulation, "neuron.P.vars.V")[..2], [33.0 + 40.0, 121.0 + 440.0]);
    assert!(simulation.times()["neuron_update_time"] > 0.0);
}

#[test]
fn faults_are_reported_and_forgotten() {
    let Some(gpu) = pretended::gpu() else { return };
    let mut simulation = load_small("V = table[id + (int)step];", gpu);
    let error = simulation.run(&RunPlan::timesteps(3)).unwrap_err().to_string();
    assert!(error.contains("table") && error.contains('3'), "{error}");
    simulation.set_dynamic_param("neuron.P.params.step", 0.0).unwrap();
    simulation.run(&RunPlan::timesteps(3)).unwrap();
    assert_eq!(values(&simulation, "neuron.P.vars.V")[..3], [10.0, 20.0, 30.0]);
}

#[test]
fn runs_can_be_stopped() {
    let Some(gpu) = pretended::gpu() else { return };
    let mut simulation = load_small("V += 1.0;", gpu);
    simulation.watch().stop();
    let error = simulation.run(&RunPlan::timesteps(100_000)).unwrap_err();
    assert!(matches!(error, EngineError::Interrupted), "{error}");
    simulation.step().unwrap();
}

#[test]
fn memory_is_given_back() {
    let Some(gpu) = pretended::gpu() else { return };
    let network = random_network(3);
    let rounds = || {
        let mut simulation = load(&network, &cuda(gpu));
        let record = vec!["neuron.B.vars.V".into()];
        for timesteps in [3, 40, 5] {
            let plan = RunPlan { timesteps, record: record.clone(), ..RunPlan::default() };
            simulation.run(&plan).unwrap();
        }
    };
    // Other tests use the same GPU: some of several measurements are alone.
    let leaks = (0..20).map(|_| {
        let before = gpu.allocations();
        rounds();
        gpu.allocations() - before
    });
    assert!(leaks.min() <= Some(0));
}
