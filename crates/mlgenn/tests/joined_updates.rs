//! Custom update groups in one call give the bits of one call after the other: for dense and sparse
//! synapses and neurons, any number of threads, on every backend.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod joined_networks;
mod pretended;

use joined_networks::{Between, GROUPS, network};
use mlgenn::BackendChoice;
use mlgenn::prelude::*;

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
