//! What a device has to offer.

/// Memory and launches, in order: a launch sees what those before it have written.
pub trait Device {
    /// Allocate zeroed memory that lives as long as the device; gives its address.
    ///
    /// # Errors
    ///
    /// If there is not enough.
    fn allocate(&self, bytes: usize) -> Result<u64, DeviceError>;

    /// Copy bytes to allocated memory.
    ///
    /// # Errors
    ///
    /// If the device fails.
    fn write(&self, address: u64, bytes: &[u8]) -> Result<(), DeviceError>;

    /// Copy bytes from allocated memory.
    ///
    /// # Errors
    ///
    /// If the device fails.
    fn read(&self, address: u64, bytes: usize) -> Result<Vec<u8>, DeviceError>;

    /// Launch a function.
    ///
    /// # Errors
    ///
    /// If there is no such function, or the device fails.
    fn launch(&self, step: &Step) -> Result<(), DeviceError>;
}

/// One launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Name of the function.
    pub function: String,
    /// Number of blocks of threads; how often they are launched side by side; threads of a block.
    pub grid: [usize; 3],
    /// Address of the words of [`crate::abi::launch_words`].
    pub table: u64,
}

/// A failure of a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed on the device: {reason}")]
pub struct DeviceError {
    /// What was tried.
    pub operation: String,
    /// What the device says.
    pub reason: String,
}
