//! The engine embeds in Rust programs: nothing of Python is in its dependency tree.

use std::process::Command;

#[test]
fn dependency_tree_has_no_python() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["tree", "--package", "mlgenn", "--edges", "normal,build", "--prefix", "none"])
        .arg("--offline")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(tree.contains("mlgenn-cpu"), "{tree}");
    for name in ["pyo3", "numpy", "python"] {
        assert!(!tree.contains(name), "{name} is in the dependency tree:\n{tree}");
    }
}
