//! Runs the files in `filetests/` through the interpreter, as they are and optimised.

use mlgenn_ir::Interpreter;
use mlgenn_ir::passes::optimise;
use mlgenn_ir::testing::filetest::FileTest;

#[test]
fn files_give_what_they_expect() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("filetests");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut test = FileTest::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        test.run(&Interpreter).unwrap_or_else(|error| panic!("{name}: {error}"));
        optimise(&mut test.case.kernel);
        test.run(&Interpreter).unwrap_or_else(|error| panic!("{name}, optimised: {error}"));
        count += 1;
    }
    assert!(count >= 10, "found {count} files only");
}

#[test]
fn wrong_files_are_refused() {
    let kernel = "kernel \"k\"\nslot x: f32 variable neuron writable\nbegin\nend\n";
    for (rest, message) in [
        ("", "not bound"),
        ("bind x contiguous 1.0", "lanes is missing"),
        ("lanes 1\nbind y contiguous 1.0", "no such slot"),
        ("lanes 1\nbind x sideways 1.0", "expected uniform"),
        ("lanes 1\nbind x contiguous one", "not a number"),
        ("lanes 1\nbind x contiguous offset 1.5", "not a count"),
        ("lanes 1\nbind x gather indices 1", "not a count"),
        ("jump", "expected lanes"),
    ] {
        let error = FileTest::parse(&format!("{kernel}{rest}")).unwrap_err();
        assert!(error.contains(message), "{rest}: {error}");
    }
    let wrong = format!("{kernel}lanes 1\nbind x contiguous 1.0\nexpect x 2.0");
    let error = FileTest::parse(&wrong).unwrap().run(&Interpreter).unwrap_err();
    assert!(error.contains("expected"), "{error}");
    let wrong = format!("{kernel}lanes 1\nbind x contiguous 1.0\nexpect-fault any");
    assert!(FileTest::parse(&wrong).unwrap().run(&Interpreter).is_err());
}
