//! The file tests of the IR.

use mlgenn_ir::passes::optimise;
use mlgenn_ir::testing::filetest::FileTest;

use crate::compare::{Ready, compile, patterns};

#[test]
fn files_give_what_they_expect() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../mlgenn-ir/filetests");
    let mut tests = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let test = FileTest::parse(&text).unwrap();
        // Lanes read what other lanes write: the result depends on how far those are.
        if test.case.kernel.name == "pointers" {
            continue;
        }
        let mut optimised = FileTest::parse(&text).unwrap();
        optimise(&mut optimised.case.kernel);
        tests.extend([test, optimised]);
    }
    assert!(tests.len() >= 20);
    let kernels = tests.iter().map(|test| (test.case.kernel.clone(), patterns(&test.case)));
    let Some(programs) = compile(kernels.collect()) else { return };
    for (test, program) in tests.iter().zip(programs.programs()) {
        let name = &test.case.kernel.name;
        test.run(&Ready::new(program)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
