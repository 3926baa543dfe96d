//! Random networks with the launches of the CUDA backend, which run on the host here, against the
//! reference interpreter: to the bit.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod matrix_types;
mod random_networks;

use mlgenn::prelude::*;
use mlgenn::{BackendChoice, Network};
use mlgenn_cpu::with_flush_to_zero;
use mlgenn_cuda::emit::{network_entries, network_text};
use mlgenn_cuda::run::{DeviceNetwork, Memory};
use mlgenn_cuda::testing::{HostDevice, HostError, HostModule};
use mlgenn_engine::random_keys;
use random_networks::random_network;

const TIMESTEPS: usize = 30;

/// Whether the custom updates of a group run before or after a timestep.
fn runs(group: &str, step: usize) -> bool {
    group != "Reduce" || step == 17
}

fn load(network: &Network) -> Simulation {
    let options = Options { backend: BackendChoice::Interpreter, ..Options::default() };
    let compiled = compile(network.clone(), &options).unwrap();
    Simulation::new(compiled, &Arrays::new(), Some(TIMESTEPS)).unwrap()
}

/// Bytes of every array.
fn contents(simulation: &Simulation) -> Vec<(String, Vec<u8>)> {
    let arrays = simulation.model().plan().layout.arrays();
    let bytes = |path: &String| {
        let buffer = simulation.array(path).unwrap().buffer;
        buffer.to_bytes(0, buffer.len()).unwrap()
    };
    arrays.map(|(_, array)| (array.path.clone(), bytes(&array.path))).collect()
}

fn groups(network: &Network) -> Vec<String> {
    let mut groups: Vec<_> = network.custom_updates.iter().map(|u| u.group.clone()).collect();
    groups.sort();
    groups.dedup();
    groups
}

/// What the interpreter makes of a network.
fn expected(network: &Network) -> Vec<(String, Vec<u8>)> {
    let mut simulation = load(network);
    for step in 0..TIMESTEPS {
        simulation.step().unwrap();
        for group in groups(network).iter().filter(|group| runs(group, step)) {
            simulation.custom_update(group).unwrap();
        }
    }
    contents(&simulation)
}

/// What the launches make of it, in the arrays of a simulation that has just been initialised.
fn found(network: &Network, module: HostModule) -> Vec<(String, Vec<u8>)> {
    let simulation = load(network);
    let plan = simulation.model().plan();
    let buffers: Vec<_> = plan
        .layout
        .arrays()
        .map(|(_, array)| simulation.array(&array.path).unwrap().buffer)
        .collect();
    let keys = random_keys(plan, network.seed).unwrap();
    let memory = Memory {
        arrays: buffers.iter().map(|buffer| (buffer.as_ptr() as u64, buffer.len())).collect(),
        keys: keys.as_ptr() as u64,
    };
    let device = HostDevice::new(module);
    let launches = DeviceNetwork::new(plan, &network_entries(plan), &device, &memory).unwrap();
    with_flush_to_zero(|| {
        for step in 0..TIMESTEPS {
            launches.step(&device).unwrap();
            for group in groups(network).iter().filter(|group| runs(group, step)) {
                launches.custom_update(&device, group).unwrap();
            }
        }
    });
    assert_eq!(launches.fault(&device).unwrap(), None);
    contents(&simulation)
}

#[test]
fn launches_and_interpreter_agree() {
    let (mut compared, mut changed) = (0, 0);
    for seed in 0..40 {
        let network = random_network(seed);
        let simulation = load(&network);
        let text = network_text(&network_entries(simulation.model().plan()));
        // Synapses that add to a shared weight do so in any order.
        if text.contains("    atomic_add(") || text.contains("    atomic_add_element(") {
            continue;
        }
        let module = match HostModule::from_text(&text) {
            Err(HostError::NoCompiler(error)) if std::env::var_os("MLGENN_NO_CXX").is_some() => {
                println!("skipped: {error}");
                return;
            }
            module => module.unwrap(),
        };
        let before = contents(&simulation);
        let (expected, found) = (expected(&network), found(&network, module));
        for (((path, expected), (_, found)), (_, before)) in
            expected.iter().zip(&found).zip(&before)
        {
            // Where prologues leave values; the interpreter runs them only for events.
            if expected != found && !path.contains("_invariant") {
                let at = expected.iter().zip(found).position(|(x, y)| x != y).unwrap();
                panic!("network {seed}: {path} differs, first at byte {at} of {}", found.len());
            }
            changed += usize::from(expected != before);
        }
        compared += 1;
    }
    assert!(compared >= 15 && changed > 10 * compared, "{compared} networks, {changed} arrays");
}
