//! What to do in a stretch of timesteps, handed over whole.

/// A plan for a stretch of timesteps, usually one batch of examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunPlan {
    /// Number of timesteps.
    pub timesteps: usize,
    /// Custom updates to run before timesteps, in order.
    pub begin: Vec<StepUpdate>,
    /// Custom updates to run after timesteps, in order.
    pub end: Vec<StepUpdate>,
    /// Paths of arrays to record after every timestep.
    pub record: Vec<String>,
}

/// A custom update group in a [`RunPlan`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepUpdate {
    /// Name of the group.
    pub group: String,
    /// The only timestep, counted from the start of the plan, at which it runs; every one if
    /// absent.
    pub at: Option<usize>,
}

impl StepUpdate {
    /// Whether it runs at a timestep.
    pub fn runs_at(&self, timestep: usize) -> bool {
        self.at.is_none_or(|at| at == timestep)
    }
}

impl RunPlan {
    /// So many timesteps and nothing else.
    pub fn timesteps(timesteps: usize) -> Self {
        Self { timesteps, ..Self::default() }
    }
}
