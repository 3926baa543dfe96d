//! What a network would launch, for people and tests; needs no GPU.

use std::fmt::Write as _;

use mlgenn_model::Plan;

use super::network::NetworkLaunches;
use crate::driver::{DeviceError, Step};
use crate::emit::NetworkProgram;

/// The launches of a timestep and of each custom update group, alone and together with others, one a
/// line: function, blocks of threads, how often they run side by side, threads of a block, and what
/// they are part of.
///
/// # Errors
///
/// If the network is too large to be laid out.
pub fn launch_list(plan: &Plan) -> Result<String, DeviceError> {
    let (launches, arena) = NetworkLaunches::without_gpu(plan, &NetworkProgram::new(plan))?;
    let mut text = String::new();
    let mut list = |title: &str, steps: &[Step]| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{title}");
        for step in steps {
            let [blocks, beside, threads] = step.grid;
            let (name, part) = (&step.function, step.part);
            let _ = writeln!(text, "    {name}: {blocks} x {beside} blocks of {threads}, {part:?}");
        }
    };
    match &launches.trial {
        Some(trial) => {
            let steps = trial.steps(&arena, 1)?;
            list(&format!("up to {} timesteps", trial.longest), &steps);
        }
        None => list("timestep", &launches.timestep),
    }
    let updates = &launches.updates;
    for group in updates.names() {
        list(&format!("custom update {group}"), &updates.updates(group));
    }
    for groups in updates.joined_names() {
        list(&format!("custom updates {}", groups.join(", ")), &updates.together(&groups));
    }
    let transposes = updates.names().map(|group| (group, updates.transposes(group)));
    for (group, steps) in transposes.filter(|(_, steps)| !steps.is_empty()) {
        list(&format!("transposes of {group}"), &steps);
    }
    Ok(text)
}
