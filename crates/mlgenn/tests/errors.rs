//! Mistakes in descriptions give errors that say what is wrong, never a panic.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use mlgenn::prelude::*;

fn population() -> Population {
    Population {
        name: "P".into(),
        size: 3,
        model: NeuronModel {
            vars: vec![Var::scalar("V")],
            sim_code: "V += Isyn;".into(),
            ..NeuronModel::default()
        },
        vars: [("V".into(), VarInit::Constant { value: 0.0 })].into(),
        ..Population::default()
    }
}

fn message(change: impl FnOnce(&mut Network)) -> String {
    let mut network = Network { populations: vec![population()], ..Network::default() };
    change(&mut network);
    compile(network, &Options::default()).unwrap_err().to_string()
}

#[test]
fn numbers_out_of_range() {
    assert!(message(|n| n.dt = f64::NAN).contains("dt is NaN"));
    assert!(message(|n| n.batch_size = 0).contains("batch_size is 0"));
    assert!(message(|n| n.populations[0].size = 0).contains("at least 1"));
    let nan = VarInit::Constant { value: f64::NAN };
    assert!(message(|n| n.populations[0].vars["V"] = nan).contains("not a number"));
}

#[test]
fn names() {
    assert!(message(|n| n.populations.push(population())).contains("used twice"));
    assert!(message(|n| n.populations[0].name = "a b".into()).contains("not a name"));
    let text = message(|n| n.populations[0].vars.clear());
    assert!(text.contains("variable \"V\" has no value"), "{text}");
    let text = message(|n| {
        n.populations[0].vars.insert("W".into(), VarInit::Uninitialised);
    });
    assert!(text.contains("no variable named \"W\"") && text.contains("V"), "{text}");
}

#[test]
fn code() {
    let text = message(|n| n.populations[0].model.sim_code = "V = Vm + 1.0;".into());
    assert!(text.contains("Neuron group 'P' sim code"), "{text}");
    assert!(text.contains("unknown name `Vm`") && text.contains('^'), "{text}");
}

#[test]
fn synapse_groups() {
    let group = |change: &dyn Fn(&mut SynapseGroup)| {
        let mut group = SynapseGroup {
            name: "S".into(),
            source: "P".into(),
            target: "P".into(),
            ..SynapseGroup::default()
        };
        change(&mut group);
        message(move |n| n.synapse_groups.push(group))
    };
    assert!(group(&|g| g.target = "Q".into()).contains("no target population named \"Q\""));
    let sparse = group(&|g| g.matrix_type = MatrixType::Sparse);
    assert!(sparse.contains("needs connectivity"), "{sparse}");
    let delayed = group(&|g| {
        g.weight_update.model.pre_spike_syn_code = "addToPostDelay(1.0, 2);".into();
    });
    assert!(delayed.contains("max_dendritic_delay_timesteps"), "{delayed}");
}

#[test]
fn json() {
    let text = mlgenn::from_json("{\"populationz\": []}").unwrap_err().to_string();
    assert!(text.contains("populationz") && text.contains("populations"), "{text}");
    assert!(mlgenn::from_json("{").is_err());
    let network = Network { populations: vec![population()], ..Network::default() };
    let json = serde_json::to_string(&network).unwrap();
    assert_eq!(mlgenn::from_json(&json).unwrap(), network);
}

#[test]
fn running() {
    let network = Network { populations: vec![population()], ..Network::default() };
    let compiled = compile(network, &Options::default()).unwrap();
    let mut simulation = Simulation::new(compiled.clone(), &Arrays::new(), None).unwrap();
    assert!(simulation.custom_update("Nothing").unwrap_err().to_string().contains("Nothing"));
    assert!(simulation.spikes("neuron.P.spikes").is_err());
    assert!(simulation.array("neuron.P.vars.W").is_err());
    let mut arrays = Arrays::new();
    arrays.insert("neuron.P.vars.V".into(), ArrayData::from_f32(&[1.0; 5]));
    let text = Simulation::new(compiled.clone(), &arrays, None).unwrap_err().to_string();
    assert!(text.contains("5 elements") && text.contains("3 are needed"), "{text}");
    let mut arrays = Arrays::new();
    arrays.insert("neuron.P.vars.U".into(), ArrayData::from_f32(&[1.0; 3]));
    assert!(Simulation::new(compiled, &arrays, None).is_err());
}

#[test]
fn out_of_memory_is_refused_with_numbers() {
    let huge = |n: &mut Network| {
        n.populations[0].size = 4_000_000_000;
        n.batch_size = 100_000;
    };
    let mut network = Network { populations: vec![population()], ..Network::default() };
    huge(&mut network);
    let result = compile(network, &Options::default());
    let text = match result {
        Ok(compiled) => Simulation::new(compiled, &Arrays::new(), None).unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    assert!(text.contains("memory") || text.contains("allocate"), "{text}");
}

#[test]
fn faults_name_the_array() {
    let mut network = Network { populations: vec![population()], ..Network::default() };
    let model = &mut network.populations[0].model;
    model.extra_global_params = vec![Egp { name: "table".into(), type_name: "scalar*".into() }];
    model.sim_code = "V = table[id + 10];".into();
    let compiled = compile(network, &Options::default()).unwrap();
    let missing = Simulation::new(compiled.clone(), &Arrays::new(), None).unwrap_err();
    assert!(missing.to_string().contains("neuron.P.egps.table"));
    let mut arrays = Arrays::new();
    arrays.insert("neuron.P.egps.table".into(), ArrayData::from_f32(&[1.0; 12]));
    let mut simulation = Simulation::new(compiled, &arrays, None).unwrap();
    let text = simulation.step().unwrap_err().to_string();
    assert!(text.contains("table") && text.contains("12"), "{text}");
    // The simulation is still usable.
    assert_eq!(simulation.timestep(), 1);
}
