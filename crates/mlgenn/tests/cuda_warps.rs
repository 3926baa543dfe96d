//! Random networks on a pretended GPU whose threads take turns, so that they meet and exchange values
//! as those of a real one, in both directions: against the same GPU with its threads one after
//! another, to the bit. What depends on the direction is a race.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod matrix_types;
mod pretended;
mod random_networks;

use mlgenn::prelude::*;
use mlgenn_cuda::testing::{Counted, Turns};
use pretended::cuda;
use random_networks::random_network;

/// Contents of every array after some timesteps with custom updates.
fn outcome(network: &Network, options: &Options) -> Vec<(String, Vec<u8>)> {
    let compiled = compile(network.clone(), options).unwrap();
    let mut simulation = Simulation::new(compiled, &Arrays::new(), Some(9)).unwrap();
    simulation.run(&RunPlan::timesteps(7)).unwrap();
    for update in &network.custom_updates {
        simulation.custom_update(&update.group).unwrap();
    }
    simulation.run(&RunPlan::timesteps(2)).unwrap();
    let arrays = simulation.model().plan().layout.arrays();
    let bytes = |path: &String| {
        let buffer = simulation.array(path).unwrap().buffer;
        buffer.to_bytes(0, buffer.len()).unwrap()
    };
    arrays.map(|(_, array)| (array.path.clone(), bytes(&array.path))).collect()
}

#[test]
fn threads_that_take_turns_give_the_same_bits() {
    let Some(gpu) = pretended::gpu() else { return };
    let (mut sums, mut trials, mut late, mut columns) = (0, 0, 0, 0);
    for seed in 0..30 {
        let network = random_network(seed);
        let compiled = compile(network.clone(), &cuda(gpu)).unwrap();
        let text = compiled.on_device().unwrap().text();
        if text.contains("    atomic_add(") || text.contains("    atomic_add_element(") {
            // In any order.
            continue;
        }
        sums += usize::from(text.contains("add_row_total(inside"));
        trials += usize::from(text.contains("run_trial("));
        columns += usize::from(text.contains("add_in_order(held"));
        late += usize::from(text.contains("const f32 *const from"));
        let expected = outcome(&network, &cuda(gpu));
        for turns in [Turns::Forwards, Turns::Backwards] {
            gpu.take_turns(turns);
            let compiled = gpu.count(Counted::Compiled);
            let found = outcome(&network, &cuda(gpu));
            assert_eq!(gpu.count(Counted::Compiled), compiled + 1, "for these turns");
            gpu.take_turns(Turns::None);
            for ((path, expected), (_, found)) in expected.iter().zip(&found) {
                assert!(expected == found, "network {seed}: {path} differs, {turns:?}");
            }
        }
    }
    assert!(
        sums >= 2 && trials >= 4 && late >= 2 && columns >= 2,
        "{sums} networks with sums of rows, {trials} with trials, {late} with late sums, {columns} \
         with parts of columns"
    );
}
