//! Random networks give the same bits on the reference interpreter and on the CPU backend, for any
//! number of threads.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod matrix_types;
mod random_networks;

use mlgenn::prelude::*;
use mlgenn::{BackendChoice, PlanOptions};
use random_networks::random_network;

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
    let (mut spikes, mut guarded, mut sleeping) = (0, 0, 0);
    for seed in 0..120 {
        let network = random_network(seed);
        let compiled = compile(network.clone(), &Options::default()).unwrap();
        guarded += usize::from(compiled.plan().populations[0].guard.is_some());
        sleeping += usize::from(compiled.plan().populations[0].sleep.is_some());
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
    assert!(sleeping > 10, "hardly any population sleeps: {sleeping}");
}

#[test]
fn sums_over_the_batch_do_not_depend_on_where_they_are_stored() {
    let mut compared = 0;
    for seed in 0..120 {
        let network = random_network(seed);
        let per_member = Options {
            plan: PlanOptions { accumulate_per_member: true, ..PlanOptions::default() },
            ..Options::default()
        };
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
