//! Where the library may be.

use std::path::{Path, PathBuf};

/// Paths and names to try, in order: the environment variable `MLGENN_NVRTC`; packages
/// `nvidia-cuda-nvrtc` and `nvidia-cuda-nvrtc-cu12` in `folders` (those where Python looks for
/// packages); `CUDA_PATH` and `CUDA_HOME`; the names that the system's loader knows.
pub fn candidates(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if let Some(path) = std::env::var_os("MLGENN_NVRTC").filter(|path| !path.is_empty()) {
        found.push(PathBuf::from(path));
    }
    for folder in folders {
        for package in ["cu13", "cuda_nvrtc"] {
            for place in ["lib", "bin", "bin/x86_64"] {
                found.extend(libraries(&folder.join("nvidia").join(package).join(place)));
            }
        }
    }
    for variable in ["CUDA_PATH", "CUDA_HOME"] {
        if let Some(root) = std::env::var_os(variable) {
            for place in ["lib64", "lib", "bin", "bin/x64"] {
                found.extend(libraries(&Path::new(&root).join(place)));
            }
        }
    }
    let names: &[&str] = if cfg!(windows) {
        &["nvrtc64_130_0.dll", "nvrtc64_120_0.dll"]
    } else {
        &["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"]
    };
    found.extend(names.iter().map(PathBuf::from));
    found
}

/// The libraries in a folder, newest first. The `.alt` variants have fewer features.
fn libraries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let linux = name.starts_with("libnvrtc.so.");
        let windows = name.starts_with("nvrtc64_") && name.ends_with(".dll");
        (linux || windows) && !name.contains("alt")
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(fits).collect();
    paths.sort_by(|a, b| b.cmp(a));
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_come_before_the_system() {
        let folder = tempfile::tempdir().unwrap();
        let lib = folder.path().join("nvidia/cuda_nvrtc/lib");
        std::fs::create_dir_all(&lib).unwrap();
        for name in ["libnvrtc.so.12", "libnvrtc.alt.so.12", "libnvrtc-builtins.so.12.9"] {
            std::fs::write(lib.join(name), "").unwrap();
        }
        let found = candidates(&[folder.path().to_owned()]);
        let own = found.iter().position(|path| *path == lib.join("libnvrtc.so.12"));
        let system = found.iter().position(|path| path == Path::new("libnvrtc.so.12"));
        if cfg!(unix) {
            assert!(own.unwrap() < system.unwrap(), "{found:?}");
            assert!(!found.iter().any(|path| path.ends_with("libnvrtc.alt.so.12")));
        }
    }
}
