//! What can go wrong with a GPU.

use cudarc::driver::DriverError;

/// Why CUDA cannot be used on this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("CUDA cannot be used: {reason}. {hint}")]
pub struct Unavailable {
    /// What was tried, and how it failed.
    pub reason: String,
    /// What to install or to change.
    pub hint: String,
}

/// A failure of a GPU.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed on the GPU: {reason}")]
pub struct DeviceError {
    /// What was tried.
    pub operation: String,
    /// What the driver says.
    pub reason: String,
}

impl DeviceError {
    pub(crate) fn new(operation: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { operation: operation.into(), reason: reason.into() }
    }
}

/// The name of an error of the driver and its explanation.
pub(super) fn explain(error: DriverError) -> String {
    let text = |text: Result<&std::ffi::CStr, DriverError>| {
        text.map_or_else(|_| "unknown".to_owned(), |text| text.to_string_lossy().into_owned())
    };
    format!("{} ({})", text(error.error_string()), text(error.error_name()))
}

/// Results of the driver as results of an operation.
pub(super) trait During<T> {
    /// Name the operation if it failed.
    fn during(self, operation: &str) -> Result<T, DeviceError>;
}

impl<T> During<T> for Result<T, DriverError> {
    fn during(self, operation: &str) -> Result<T, DeviceError> {
        self.map_err(|error| DeviceError::new(operation, explain(error)))
    }
}
