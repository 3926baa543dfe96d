//! Compiled texts, kept in memory and on disk.
//!
//! A text is known by a hash of everything that what is made of it depends on: itself, the target,
//! the version of the compiler and its options.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use mlgenn_engine::stage;
use sha2::{Digest, Sha256};

use super::library::{Nvrtc, NvrtcError, Target};
use super::options::options;

/// Files that are kept on disk.
const MOST_FILES: usize = 512;

/// NVRTC with a memory.
#[derive(Debug)]
pub struct Compiler {
    nvrtc: Nvrtc,
    folder: Option<PathBuf>,
    kept: Mutex<HashMap<String, Arc<Vec<u8>>>>,
}

impl Compiler {
    /// Keep what is compiled in memory, and on disk if there is a folder.
    pub fn new(nvrtc: Nvrtc, folder: Option<PathBuf>) -> Self {
        Self { nvrtc, folder, kept: Mutex::default() }
    }

    /// The folder that compiled texts are kept in unless told otherwise: `MLGENN_CACHE_DIR`, or a
    /// folder of the user; none if `MLGENN_CACHE_DIR` is empty.
    pub fn default_folder() -> Option<PathBuf> {
        let variable = |name| std::env::var_os(name).map(PathBuf::from);
        let given = |path: &PathBuf| !path.as_os_str().is_empty();
        if let Some(folder) = variable("MLGENN_CACHE_DIR") {
            return Some(folder).filter(given);
        }
        let base = variable(if cfg!(windows) { "LOCALAPPDATA" } else { "XDG_CACHE_HOME" });
        let home = || variable("HOME").filter(given).map(|home| home.join(".cache"));
        Some(base.filter(given).or_else(home)?.join("mlgenn_rs").join("cuda"))
    }

    /// The library.
    pub fn nvrtc(&self) -> &Nvrtc {
        &self.nvrtc
    }

    /// Compile a text, or find what was made of it earlier. `fits` says whether the driver takes
    /// it; what was found on disk but does not fit is compiled again.
    ///
    /// # Errors
    ///
    /// If the compiler refuses the text, or what `fits` says of what was just made.
    pub fn compile<T, E: From<NvrtcError>>(
        &self,
        text: &str,
        target: Target,
        fits: impl Fn(&[u8]) -> Result<T, E>,
    ) -> Result<T, E> {
        let (key, found) = stage("cache", || {
            let key = self.key(text, target);
            let found = self.find(&key);
            (key, found)
        });
        if let Some(image) = found
            && let Ok(result) = fits(&image)
        {
            return Ok(result);
        }
        let image = stage("NVRTC", || match target {
            Target::Machine(architecture) => self.nvrtc.compile(text, architecture),
            Target::Ptx(architecture) => self.nvrtc.compile_ptx(text, architecture),
        })?
        .image;
        let result = fits(&image)?;
        stage("cache", || self.keep(key, image));
        Ok(result)
    }

    fn key(&self, text: &str, target: Target) -> String {
        let version = self.nvrtc.version();
        let mut hash = Sha256::new();
        hash.update(format!("{version:?} {target:?} {:?}\n", options(version)));
        hash.update(text);
        hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    fn find(&self, key: &str) -> Option<Arc<Vec<u8>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(image) = kept.get(key) {
            return Some(image.clone());
        }
        let image = Arc::new(std::fs::read(self.folder.as_ref()?.join(key)).ok()?);
        kept.insert(key.to_owned(), image.clone());
        Some(image)
    }

    fn keep(&self, key: String, image: Vec<u8>) {
        if let Some(folder) = &self.folder {
            // A folder that cannot be written to costs time, nothing else.
            let _ = write(folder, &key, &image);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(key, Arc::new(image));
    }
}

/// Write a file so that other processes see all of it or nothing; drop the oldest of many.
fn write(folder: &Path, key: &str, image: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, image)?;
    file.persist(folder.join(key))?;
    let mut files: Vec<_> = std::fs::read_dir(folder)?
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    if files.len() > MOST_FILES {
        files.sort();
        for (_, path) in &files[..files.len() - MOST_FILES] {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/cache");
        write(&path, "a", b"first").unwrap();
        write(&path, "a", b"second").unwrap();
        assert_eq!(std::fs::read(path.join("a")).unwrap(), b"second");
        for number in 0..MOST_FILES {
            std::fs::write(path.join(number.to_string()), b"").unwrap();
        }
        write(&path, "z", b"").unwrap();
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), MOST_FILES);
        assert!(path.join("z").exists());
    }
}
