//! Mirrors on the host of arrays whose memory is on a device, and when they are copied.
//!
//! Whoever looks at an array gets its mirror and may write to it for as long as it is held. So a
//! mirror that was handed out is copied to the device before something runs there, and one that is
//! still held is copied back when that has ended. All others are copied back when they are asked
//! for. Nobody needs to know where an array is.

use std::sync::Arc;

use mlgenn_ir::Buffer;
use mlgenn_ir::launch::Watch;
use mlgenn_model::layout::ArrayId;

use crate::device::DeviceState;
use crate::error::EngineError;
use crate::progress::Progress;

/// What an array is looked at for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// It is only read, so the device need not be told.
    Read,
    /// It is read and written.
    #[default]
    ReadWrite,
    /// All of it is written, so what was there is not needed.
    Overwrite,
}

/// The state on a device, and which side knows what is new.
pub(crate) struct Mirrors {
    pub(crate) state: Box<dyn DeviceState>,
    /// Whether each mirror may have been written since it was copied.
    host_newer: Vec<bool>,
    /// Whether each array was written on the device since it was copied.
    device_newer: Vec<bool>,
    /// Whether something was started on the device that nobody has waited for.
    is_running: bool,
    /// Counters as the device has them.
    progress: Option<Progress>,
}

impl Mirrors {
    /// Both sides are the same.
    pub(crate) fn new(state: Box<dyn DeviceState>, arrays: usize) -> Self {
        let (host_newer, device_newer) = (vec![false; arrays], vec![false; arrays]);
        Self { state, host_newer, device_newer, is_running: false, progress: None }
    }

    /// A run begins: mirrors that somebody holds may have been written.
    pub(crate) fn begin(&mut self, mirrors: &[Arc<Buffer>]) {
        for (index, mirror) in mirrors.iter().enumerate() {
            self.host_newer[index] |= is_held(mirror);
        }
    }

    /// Bring the device up to date before something runs there.
    pub(crate) fn push(
        &mut self,
        mirrors: &[Arc<Buffer>],
        progress: Progress,
    ) -> Result<(), EngineError> {
        for (index, mirror) in mirrors.iter().enumerate() {
            // Who holds one now may write to it until the next run, and let go of it before.
            if std::mem::replace(&mut self.host_newer[index], is_held(mirror)) {
                self.state.push(ArrayId(index), mirror)?;
            }
        }
        if self.progress.as_ref() != Some(&progress) {
            self.state.set_progress(&progress)?;
            self.progress = Some(progress);
        }
        Ok(())
    }

    /// Something runs on the device, which will have got so far.
    pub(crate) fn has_run(&mut self, progress: Progress) {
        self.progress = Some(progress);
        self.is_running = true;
        for &array in self.state.written() {
            self.device_newer[array.0] = true;
        }
    }

    /// Wait for the device, if it may be running; faults are raised on the watch.
    pub(crate) fn wait(&mut self, watch: &Watch) -> Result<(), EngineError> {
        if std::mem::take(&mut self.is_running) {
            self.state.wait(watch)?;
        }
        Ok(())
    }

    /// Bring those mirrors up to date that somebody holds.
    pub(crate) fn pull_held(&mut self, mirrors: &[Arc<Buffer>]) -> Result<(), EngineError> {
        let mut held = mirrors.iter().enumerate().filter(|(_, mirror)| is_held(mirror));
        held.try_for_each(|(index, mirror)| self.pull(ArrayId(index), mirror))
    }

    /// Whether a mirror is out of date.
    pub(crate) fn is_behind(&self, array: ArrayId) -> bool {
        self.device_newer[array.0]
    }

    /// Whether somebody holds a mirror that is out of date.
    pub(crate) fn holds_any_behind(&self, mirrors: &[Arc<Buffer>]) -> bool {
        mirrors.iter().zip(&self.device_newer).any(|(mirror, &newer)| newer && is_held(mirror))
    }

    /// Bring a mirror up to date.
    pub(crate) fn pull(&mut self, array: ArrayId, mirror: &Buffer) -> Result<(), EngineError> {
        if std::mem::take(&mut self.device_newer[array.0]) {
            self.state.pull(array, mirror)?;
        }
        Ok(())
    }

    /// All of a mirror was written, whether it was up to date or not.
    pub(crate) fn replace(&mut self, array: ArrayId) {
        self.device_newer[array.0] = false;
        self.touch(array);
    }

    /// A mirror that is up to date was or may be written.
    pub(crate) fn touch(&mut self, array: ArrayId) {
        self.host_newer[array.0] = true;
    }
}

/// Whether somebody outside of the simulation holds a mirror.
fn is_held(mirror: &Arc<Buffer>) -> bool {
    Arc::strong_count(mirror) > 1
}
