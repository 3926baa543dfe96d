//! Running a network on a GPU: which functions are launched, in which order, on what memory.
//!
//! Everything that a launch needs lies in the memory of the GPU and stays the same from one
//! timestep to the next: ring pointers, time and timestep are advanced by launches too. So a
//! timestep is a fixed list of launches, and many timesteps are a graph. Networks that suit it run many
//! timesteps with one launch instead, see `trial.rs`.

mod backend;
mod columns;
mod custom_update;
mod launch_list;
mod memory;
mod model;
mod network;
mod recording;
mod state;
mod tables;
mod trial;
mod update_groups;

pub use backend::{CudaBackend, CudaDevice, CudaError, CudaOptions};
pub use launch_list::launch_list;
pub use network::text;
