//! Translation units compiled by the host's C++ compiler.
#![expect(unsafe_code, reason = "loads libraries and calls their functions")]

use std::ffi::c_void;
use std::process::Command;

use libloading::{Library, Symbol};
use mlgenn_ir::{Type, math};

use crate::emit::{Entry, translation_unit};

/// Why a translation unit cannot be run on the host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// There is no compiler.
    #[error("g++ cannot be run: {0}")]
    NoCompiler(std::io::Error),
    /// The compiler refused the text.
    #[error("g++ refuses emitted text: {0}")]
    Refused(String),
    /// A file could not be written.
    #[error("a file for g++ cannot be written: {0}")]
    Io(#[from] std::io::Error),
    /// The library or one of its functions could not be loaded.
    #[error("what g++ made cannot be loaded: {0}")]
    Load(#[from] libloading::Error),
}

/// A translation unit that runs on the host.
pub struct HostModule {
    library: Library,
}

/// Value of a mathematical function: its number, whether it is of `f64`, bits of its arguments.
pub(super) type Mathematics = extern "C" fn(u32, bool, u64, u64) -> u64;
type Function = unsafe extern "C" fn(*const c_void);
type LaunchFunction = unsafe extern "C" fn(Function, u32, u32, u32, *const c_void);

/// The interpreter's value of a function that the host's library rounds differently.
pub(super) extern "C" fn mathematics(function: u32, wide: bool, x: u64, y: u64) -> u64 {
    let ty = if wide { Type::F64 } else { Type::F32 };
    math::ALL.get(function as usize).map_or(0, |&function| math::evaluate(function, ty, &[x, y]))
}

impl HostModule {
    /// Compile entries with g++.
    ///
    /// # Errors
    ///
    /// [`HostError::NoCompiler`] if there is no g++; others if it refuses the text.
    pub fn new<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Self, HostError> {
        Self::from_text(&translation_unit(entries))
    }

    /// Compile a translation unit with g++.
    ///
    /// # Errors
    ///
    /// See [`HostModule::new`].
    pub fn from_text(text: &str) -> Result<Self, HostError> {
        let folder = tempfile::tempdir()?;
        let (source, library) = (folder.path().join("unit.cpp"), folder.path().join("unit.so"));
        let text = format!("{}\n{text}", include_str!("host.h"));
        std::fs::write(&source, text)?;
        let output = Command::new("g++")
            .args(["-std=c++17", "-O1", "-ffp-contract=off", "-fwrapv", "-fno-strict-aliasing"])
            .args(["-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(&source)
            .output()
            .map_err(HostError::NoCompiler)?;
        if !output.status.success() {
            return Err(HostError::Refused(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        // SAFETY: the library was just made of text that runs nothing when it is loaded.
        let library = unsafe { Library::new(&library)? };
        // SAFETY: `host.h` defines a variable of this name and type.
        unsafe {
            let place: Symbol<'_, *mut Mathematics> = library.get(c"mlgenn_mathematics")?;
            place.write(mathematics);
        }
        Ok(Self { library })
    }

    /// Run a function with `blocks` by `members` blocks of `threads` threads.
    ///
    /// # Errors
    ///
    /// If there is no such function.
    ///
    /// # Safety
    ///
    /// There must be words of [`crate::abi::launch_words`] at the address, for the kernel of this
    /// function, with addresses that are good for all of its lanes.
    pub unsafe fn launch_at(
        &self,
        name: &str,
        [blocks, members, threads]: [usize; 3],
        address: u64,
    ) -> Result<(), HostError> {
        // SAFETY: `host.h` defines the first with this type, emitted functions have the second.
        unsafe {
            let launch: Symbol<'_, LaunchFunction> = self.library.get(c"mlgenn_launch")?;
            let function: Symbol<'_, Function> = self.library.get(name)?;
            let table = address as *const c_void;
            launch(*function, blocks as u32, members as u32, threads as u32, table);
        }
        Ok(())
    }
}
