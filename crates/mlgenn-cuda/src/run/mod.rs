//! Running a network on a device: which functions are launched, in which order, on what memory.
//!
//! Everything that a launch needs lies in the memory of the device and stays the same from one
//! timestep to the next: ring pointers, time and timestep are advanced by launches too. So a
//! timestep is a fixed list of launches.

mod columns;
mod custom_update;
mod device;
mod memory;
mod network;
mod tables;

pub use device::{Device, DeviceError, Step};
pub use memory::Memory;
pub use network::DeviceNetwork;
