//! How far a simulation has got: all of its state but for the arrays, so that a run can be
//! interrupted and resumed.

use crate::connectivity_index::ConnectivityIndex;
use crate::error::EngineError;
use crate::load::keys;
use crate::simulation::Simulation;

/// All state of a simulation that is not in its arrays.
///
/// With the contents of the arrays, a simulation of the same network goes on exactly as the one
/// that it was taken from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Seed of all random numbers; never 0.
    pub seed: u64,
    /// Number of timesteps made, or whatever it was set to.
    pub timestep: u64,
    /// Number of timesteps made since loading, which random numbers depend on.
    pub steps_made: u64,
    /// How often custom connectivity updates have run, which their random numbers depend on.
    pub connectivity_runs: u64,
    /// The slot written last of every ring of delay slots.
    pub rings: Vec<u32>,
}

impl Simulation {
    /// How far the simulation has got.
    pub fn progress(&self) -> Progress {
        Progress {
            seed: self.seed,
            timestep: self.timestep,
            steps_made: self.steps_made,
            connectivity_runs: self.connectivity_runs.load(0).unwrap_or(0),
            rings: self.rings.clone(),
        }
    }

    /// Go on from where another simulation of the same network was, whose arrays were copied into
    /// those of this one. Recordings are not part of the state.
    ///
    /// # Errors
    ///
    /// [`EngineError::ArraySize`] if the network has other delay slots.
    pub fn resume(&mut self, progress: &Progress) -> Result<(), EngineError> {
        let plan = &self.model.plan;
        let slots = plan.layout.rings();
        let fits = progress.rings.len() == slots.len()
            && progress.rings.iter().zip(slots).all(|(&ring, &slots)| (ring as usize) < slots);
        if !fits {
            return Err(EngineError::ArraySize {
                path: "rings".to_owned(),
                given: progress.rings.len(),
                expected: format!("the network has rings with {slots:?} delay slots"),
            });
        }
        self.settle()?;
        self.keys = keys(plan, progress.seed)?;
        self.seed = progress.seed;
        self.timestep = progress.timestep;
        self.steps_made = progress.steps_made;
        self.connectivity_runs.store(0, progress.connectivity_runs);
        self.rings.clone_from(&progress.rings);
        let groups = 0..plan.synapse_groups.len();
        let index = groups.map(|group| ConnectivityIndex::new(&self.model, group, &self.buffers));
        self.index = index.collect();
        if let Some(mut mirrors) = self.mirrors() {
            mirrors.state.set_keys(&self.keys)?;
        }
        (0..plan.synapse_groups.len()).try_for_each(|group| self.push_connectivity(group))
    }
}
