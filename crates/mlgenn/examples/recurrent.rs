//! A sparse recurrent network of leaky integrate-and-fire neurons, run on all cores.
//!
//! A population of Poisson neurons drives 1000 neurons that are connected to each other with
//! probability 0.1 through exponential synapses. Eight independent copies run side by side; the
//! example prints their firing rates. Run it with
//! `cargo run --release -p mlgenn --example recurrent`.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::time::Instant;

use mlgenn::prelude::*;

const NEURONS: usize = 1000;
const COPIES: usize = 8;
const TIMESTEPS: usize = 1000;
const DT: f64 = 1.0;

fn poisson(rate_hz: f64) -> Population {
    Population {
        name: "Input".into(),
        size: NEURONS,
        model: NeuronModel {
            name: "Poisson".into(),
            params: vec![Param::scalar("p")],
            threshold_condition_code: "gennrand_uniform() <= p".into(),
            ..NeuronModel::default()
        },
        params: [("p".into(), 1.0 - (-rate_hz * DT / 1000.0).exp())].into(),
        ..Population::default()
    }
}

fn leaky_integrate_and_fire(tau_ms: f64) -> Population {
    Population {
        name: "Neurons".into(),
        size: NEURONS,
        model: NeuronModel {
            name: "LeakyIntegrateAndFire".into(),
            params: vec![Param::scalar("Alpha")],
            vars: vec![Var::scalar("V")],
            sim_code: "V = (Alpha * V) + Isyn;".into(),
            threshold_condition_code: "V >= 1.0".into(),
            reset_code: "V = 0.0;".into(),
            ..NeuronModel::default()
        },
        params: [("Alpha".into(), (-DT / tau_ms).exp())].into(),
        vars: [("V".into(), VarInit::Constant { value: 0.0 })].into(),
        record_spikes: true,
        ..Population::default()
    }
}

fn exponential(tau_ms: f64) -> Postsynaptic {
    Postsynaptic {
        model: PostsynapticModel {
            name: "Exponential".into(),
            params: vec![Param::scalar("Decay")],
            sim_code: "injectCurrent(inSyn); inSyn *= Decay;".into(),
            ..PostsynapticModel::default()
        },
        params: [("Decay".into(), (-DT / tau_ms).exp())].into(),
        ..Postsynaptic::default()
    }
}

fn static_pulse(weight: VarInit) -> WeightUpdate {
    WeightUpdate {
        model: WeightUpdateModel {
            name: "StaticPulse".into(),
            vars: vec![Var::read_only("g")],
            pre_spike_syn_code: "addToPost(g);".into(),
            ..WeightUpdateModel::default()
        },
        vars: [("g".into(), weight)].into(),
        ..WeightUpdate::default()
    }
}

fn normal(mean: f64, sd: f64) -> VarInit {
    VarInit::Snippet {
        snippet: InitSnippet {
            name: "Normal".into(),
            params: vec![Param::scalar("mean"), Param::scalar("sd")],
            code: "value = mean + (gennrand_normal() * sd);".into(),
            ..InitSnippet::default()
        },
        params: [("mean".into(), mean), ("sd".into(), sd)].into(),
    }
}

fn main() -> Result<(), Error> {
    let drive = SynapseGroup {
        name: "Drive".into(),
        matrix_type: MatrixType::Sparse,
        source: "Input".into(),
        target: "Neurons".into(),
        weight_update: static_pulse(VarInit::Constant { value: 0.3 }),
        postsynaptic: exponential(5.0),
        connectivity: Connectivity::Sparse {
            snippet: SparseSnippet {
                name: "OneToOne".into(),
                max_row_length: Some(1),
                ..SparseSnippet::default()
            },
            params: ParamValues::new(),
        },
        ..SynapseGroup::default()
    };
    let recurrent = SynapseGroup {
        name: "Recurrent".into(),
        matrix_type: MatrixType::Sparse,
        source: "Neurons".into(),
        target: "Neurons".into(),
        weight_update: static_pulse(normal(0.0, 0.02)),
        postsynaptic: exponential(5.0),
        connectivity: Connectivity::Sparse {
            snippet: SparseSnippet {
                name: "FixedProbabilityNoAutapse".into(),
                params: vec![Param::scalar("prob")],
                ..SparseSnippet::default()
            },
            params: [("prob".into(), 0.1)].into(),
        },
        ..SynapseGroup::default()
    };
    let network = Network {
        name: "recurrent".into(),
        dt: DT,
        batch_size: COPIES,
        seed: 1234,
        populations: vec![poisson(20.0), leaky_integrate_and_fire(20.0)],
        synapse_groups: vec![drive, recurrent],
        ..Network::default()
    };

    let start = Instant::now();
    let compiled = compile(network, &Options::default())?;
    let mut simulation = Simulation::new(compiled.clone(), &Arrays::new(), Some(TIMESTEPS))?;
    println!("compiled and loaded in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);

    let start = Instant::now();
    simulation.run(&RunPlan::timesteps(TIMESTEPS))?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{COPIES} copies of {TIMESTEPS} timesteps in {seconds:.3} s on {} threads ({})",
        compiled.threads(),
        compiled.executor_name()
    );
    let (sources, _) = simulation.indices("Recurrent")?;
    println!("{} recurrent synapses", sources.len());
    let duration_s = TIMESTEPS as f64 * DT / 1000.0;
    for (copy, spikes) in simulation.spikes("neuron.Neurons.spikes")?.iter().enumerate() {
        let rate = spikes.ids.len() as f64 / NEURONS as f64 / duration_s;
        println!("copy {copy}: {rate:.2} spikes per neuron and second");
    }
    Ok(())
}
