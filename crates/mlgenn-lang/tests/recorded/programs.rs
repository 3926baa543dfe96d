//! The code of the recorded language cases is accepted.

use std::path::Path;

use crate::names::neuron;
use mlgenn_lang::{Checker, Precision, Source, is_empty};
use serde_json::Value;

fn joined(code: &Value) -> String {
    match code {
        Value::Array(lines) => {
            lines.iter().map(|line| line.as_str().unwrap()).collect::<Vec<_>>().join("\n")
        }
        _ => code.as_str().unwrap_or_default().to_owned(),
    }
}

#[test]
fn recorded_cases_are_accepted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/lang");
    let mut checked = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let case: Value = serde_json::from_str(&text).unwrap();
        let precision = match case["model"]["precision"].as_str() {
            Some("double") => Precision::DOUBLE,
            _ => Precision::FLOAT,
        };
        for neurons in case["model"]["neurons"].as_array().unwrap() {
            let model = &neurons["model"];
            let mut names = neuron(precision)
                .params(&model["params"])
                .and_then(|names| names.declared(&model["vars"], false))
                .and_then(|names| names.declared(&model["extra_global_params"], false))
                .unwrap();
            for derived in model["derived_params"].as_array().into_iter().flatten() {
                names.value(derived["name"].as_str().unwrap(), "scalar", true).unwrap();
            }
            let environment = names.build();
            let mut checker = Checker::new(&environment, precision);
            let code = joined(&model["sim_code"]);
            assert!(!is_empty(&code), "{}", case["name"]);
            if let Err(error) = checker.statements(&Source::new("sim code", code)) {
                panic!("{}: {error}", case["name"]);
            }
            checked += 1;
        }
    }
    assert!(checked >= 12, "only {checked} programs were found");
}
