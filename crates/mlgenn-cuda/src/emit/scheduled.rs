//! Functions that the schedule launches beside the kernels of the model.

use mlgenn_ir::Type;

use super::types::memory_type;

/// A function that the schedule launches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduled {
    /// Moves rings on.
    AdvanceRings,
    /// Moves time on.
    NextTimestep,
    /// Copies values to a row of a recording.
    Record,
    /// Counts recorded timesteps.
    CountUp,
    /// Gives all elements a value.
    Fill,
    /// Takes the largest value of the lanes, of some type.
    MaximumOfLanes(Type),
    /// Copies the current delay slot to the others.
    Broadcast,
    /// Writes a matrix to its transposed place.
    Transpose,
    /// Counts events of each batch member.
    CountEvents,
    /// Drops events beyond a number.
    DropEvents,
    /// Takes a sum over events after the timesteps of a trial.
    AddLate,
}

impl Scheduled {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let plain = [
            Self::AdvanceRings,
            Self::NextTimestep,
            Self::Record,
            Self::CountUp,
            Self::Fill,
            Self::Broadcast,
            Self::Transpose,
            Self::CountEvents,
            Self::DropEvents,
            Self::AddLate,
        ];
        plain.into_iter().chain(Type::ALL.map(Self::MaximumOfLanes))
    }

    /// Its name in the translation unit.
    pub fn name(self) -> String {
        let name = match self {
            Self::AdvanceRings => "advance_rings",
            Self::NextTimestep => "next_timestep",
            Self::Record => "record",
            Self::CountUp => "count_up",
            Self::Fill => "fill",
            Self::Broadcast => "broadcast",
            Self::Transpose => "transpose",
            Self::CountEvents => "count_events",
            Self::DropEvents => "drop_events",
            Self::AddLate => "add_late",
            Self::MaximumOfLanes(ty) => return format!("maximum_of_lanes_{}", ty.name()),
        };
        name.to_owned()
    }

    /// Its definition.
    pub(super) fn text(self) -> String {
        let text = match self {
            Self::AdvanceRings => include_str!("../prelude/scheduled/advance_rings.cuh"),
            Self::NextTimestep => include_str!("../prelude/scheduled/next_timestep.cuh"),
            Self::Record => include_str!("../prelude/scheduled/record.cuh"),
            Self::CountUp => include_str!("../prelude/scheduled/count_up.cuh"),
            Self::Fill => include_str!("../prelude/scheduled/fill.cuh"),
            Self::Broadcast => include_str!("../prelude/scheduled/broadcast.cuh"),
            Self::Transpose => include_str!("../prelude/scheduled/transpose.cuh"),
            Self::CountEvents => include_str!("../prelude/scheduled/count_events.cuh"),
            Self::DropEvents => include_str!("../prelude/scheduled/drop_events.cuh"),
            Self::AddLate => include_str!("../prelude/scheduled/add_late.cuh"),
            Self::MaximumOfLanes(ty) => {
                let text = include_str!("../prelude/scheduled/maximum_of_lanes.cuh");
                return text.replace("NAME", &self.name()).replace("TYPE", memory_type(ty));
            }
        };
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_have_their_names() {
        for function in Scheduled::all() {
            let head = format!("extern \"C\" __global__ void {}(", function.name());
            assert_eq!(function.text().matches("__global__").count(), 1);
            assert!(function.text().contains(&head), "{head}");
        }
    }
}
