//! Which kernels have lanes that are apart: kernels as text, bound to the arrays of a small network.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mlgenn_model::description::{Egp, NeuronModel, Population, Var, VarInit};
use mlgenn_model::plan::RingPosition;
use mlgenn_model::{Network, PlanOptions};

use super::*;
use LaneMap::{BlockOfNeurons, DenseRow, Neurons};

/// A population of 10 neurons, with a variable of each batch member, one that they share, and a
/// ring of numbers, and another population of 7.
fn plan(batch_size: usize) -> Plan {
    let constant = || VarInit::Constant { value: 0.0 };
    let population = |name: &str, size| Population {
        name: name.into(),
        size,
        model: NeuronModel {
            name: "Ring".into(),
            vars: vec![Var::scalar("V"), Var::read_only("R")],
            extra_global_params: vec![Egp { name: "ring".into(), type_name: "scalar*".into() }],
            sim_code: "V += R + ring[0];".into(),
            ..NeuronModel::default()
        },
        vars: [("V".into(), constant()), ("R".into(), constant())].into(),
        ..Population::default()
    };
    let populations = vec![population("A", 10), population("B", 7)];
    let network = Network { batch_size, populations, ..Network::default() };
    Plan::new(network, PlanOptions::default()).unwrap()
}

/// The array of a variable or extra global parameter of a population.
fn array(plan: &Plan, population: &str, name: &str) -> SlotBinding {
    let paths = ["vars", "egps"].map(|kind| format!("neuron.{population}.{kind}.{name}"));
    let (array, _) = plan.layout.arrays().find(|(_, array)| paths.contains(&array.path)).unwrap();
    SlotBinding::Array { array, at: RingPosition::Current }
}

/// A kernel with a variable, two arrays, the number of the neuron and that of the batch member.
fn planned(code: &str, bindings: [SlotBinding; 3]) -> PlannedKernel {
    let text = format!(
        "kernel \"k\"\nslot v: f32 variable neuron writable\nslot ring: f32 array writable\n\
         slot other: f32 array writable\nslot id: u32 variable neuron\n\
         slot batch: u32 variable member\nbegin\n%0: u32 = read id\n%1: u32 = read batch\n\
         %2: u32 = const 10\n%3: u32 = multiply %1, %2\n%4: u32 = add %3, %0\n\
         %5: i64 = convert %4\n%6: i64 = convert %0\n%7: f32 = const 1.0\n{code}\nend\n"
    );
    let indices = [SlotBinding::Index(Index::Neuron), SlotBinding::Index(Index::Member)];
    let bindings = bindings.into_iter().chain(indices).collect();
    PlannedKernel { kernel: text.parse().unwrap(), bindings }
}

/// Bound to the variable and the ring of the first population, and to the ring of the other one.
fn bound(plan: &Plan, code: &str) -> PlannedKernel {
    planned(code, [array(plan, "A", "V"), array(plan, "A", "ring"), array(plan, "B", "ring")])
}

const OWN: &str = "store_element ring, %5, %7";

#[test]
fn elements_of_neurons_and_members_are_apart() {
    let plan = plan(4);
    for map in [Neurons, BlockOfNeurons, LaneMap::ActiveNeurons] {
        assert!(is_apart(&plan, &bound(&plan, OWN), map), "{map:?}");
        assert!(is_apart(&plan, &bound(&plan, "write v, %7"), map), "{map:?}");
    }
    for map in [DenseRow, LaneMap::SparseRow, LaneMap::SparseColumn, LaneMap::Matrix] {
        assert!(!is_apart(&plan, &bound(&plan, OWN), map), "{map:?}");
    }
}

#[test]
fn members_meet_at_the_element_of_a_neuron() {
    let code = "store_element ring, %6, %7";
    for (batch_size, expected) in [(1, true), (4, false)] {
        let plan = plan(batch_size);
        assert_eq!(is_apart(&plan, &bound(&plan, code), BlockOfNeurons), expected);
        // What is only read may be read by all.
        let code = format!("{OWN}\n%8: f32 = load_element other, %6");
        assert!(is_apart(&plan, &bound(&plan, &code), BlockOfNeurons));
    }
}

#[test]
fn lanes_that_read_what_others_store_meet() {
    let plan = plan(4);
    let code = format!("{OWN}\n%8: f32 = load_element ring, %6");
    assert!(!is_apart(&plan, &bound(&plan, &code), Neurons));
    let next = "%8: u32 = const 1\n%9: u32 = add %4, %8\n%10: i64 = convert %9";
    let code = format!("{OWN}\n{next}\n%11: f32 = load_element ring, %10");
    assert!(!is_apart(&plan, &bound(&plan, &code), Neurons));
}

#[test]
fn arrays_behind_two_slots_meet_themselves() {
    let plan = plan(4);
    let (v, ring) = (array(&plan, "A", "V"), array(&plan, "A", "ring"));
    let SlotBinding::Array { array: id, .. } = ring else { panic!("an array") };
    let load = format!("{OWN}\n%8: f32 = load_element other, %6");
    for other in [ring, SlotBinding::AllCopies { array: id }, SlotBinding::Ring { array: id }] {
        assert!(!is_apart(&plan, &planned(&load, [v, ring, other]), Neurons));
        assert!(!is_apart(&plan, &planned(&load, [v, other, ring]), Neurons));
        assert!(!has_own_elements(&plan, &planned(&load, [v, ring, other]), 10));
        // Nothing is stored there.
        assert!(is_apart(&plan, &planned("write v, %7", [v, ring, other]), Neurons));
    }
    // A variable that is an array as well.
    assert!(!is_apart(&plan, &planned(OWN, [v, v, ring]), Neurons));
}

#[test]
fn members_meet_at_shared_variables() {
    for (batch_size, map, code, expected) in [
        (4, BlockOfNeurons, "write v, %7", false),
        (4, LaneMap::ActiveNeurons, "write v, %7", false),
        (4, BlockOfNeurons, "%8: f32 = read v", true),
        (4, Neurons, "write v, %7", true),
        (1, BlockOfNeurons, "write v, %7", true),
    ] {
        let plan = plan(batch_size);
        let [shared, a, b] = [("A", "R"), ("A", "ring"), ("B", "ring")]
            .map(|(population, name)| array(&plan, population, name));
        let kernel = planned(code, [shared, a, b]);
        assert_eq!(is_apart(&plan, &kernel, map), expected, "{batch_size} {map:?} {code}");
    }
}

/// The size of what lanes are is that of the variables.
#[test]
fn other_sizes_have_other_elements() {
    let plan = plan(4);
    let [v, a, b] =
        [("B", "V"), ("A", "ring"), ("B", "ring")].map(|(name, var)| array(&plan, name, var));
    // Members that are 10 elements apart, for populations of 7.
    assert!(!is_apart(&plan, &planned(OWN, [v, a, b]), BlockOfNeurons));
    assert!(is_apart(&plan, &planned("write v, %7", [v, a, b]), BlockOfNeurons));
    // Nothing says how many lanes there are.
    assert!(!is_apart(&plan, &planned(OWN, [SlotBinding::Sleep, a, b]), Neurons));
}
