//! Neuron models in source text, run and compared with values computed with the original.

use crate::support::{Data, Model, number};
use mlgenn_lang::Precision;
use serde_json::Value as Json;

fn float(json: &Json) -> f64 {
    match json {
        Json::String(text) => text.parse().unwrap(),
        json => json.as_f64().unwrap(),
    }
}

/// The value as the type of the variable stores it; integers of 64 bits do not fit an `f64`.
fn bits(ty: mlgenn_ir::Type, json: &Json) -> u64 {
    if ty.is_float() {
        return crate::support::bits(ty, float(json));
    }
    let bits = json.as_i64().map(|x| x as u64).or(json.as_u64()).unwrap();
    mlgenn_ir::evaluate::truncate(ty, bits)
}

fn data(json: &Json) -> Vec<Data> {
    let items = json.as_array().unwrap().iter();
    items
        .map(|item| Data {
            name: item["name"].as_str().unwrap().to_owned(),
            ty: item["type"].as_str().unwrap().to_owned(),
            values: item["initial"].as_array().unwrap().iter().map(float).collect(),
        })
        .collect()
}

fn run(name: &str) {
    let path = format!("{}/tests/data/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let case: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let text = |key: &str| case[key].as_str().unwrap().to_owned();
    let double = text("precision") == "double";
    let params = case["params"].as_array().unwrap().iter();
    let model = Model {
        precision: if double { Precision::DOUBLE } else { Precision::FLOAT },
        size: case["size"].as_u64().unwrap() as usize,
        sim_code: text("sim_code"),
        threshold: text("threshold"),
        reset: text("reset"),
        refractory: case["refractory"].as_bool().unwrap(),
        params: params
            .map(|param| {
                let text = |key: &str| param[key].as_str().unwrap().to_owned();
                (text("name"), text("type"), float(&param["value"]))
            })
            .collect(),
        vars: data(&case["vars"]),
        arrays: data(&case["arrays"]),
    };
    let outcome = model.run(case["steps"].as_u64().unwrap() as usize, float(&case["dt"]));
    assert_eq!(outcome.fault, None);

    let (rtol, atol) = (float(&case["rtol"]), float(&case["atol"]));
    for expected in case["expected"].as_array().unwrap() {
        let name = expected["name"].as_str().unwrap();
        let (ty, found) = &outcome.data[name];
        let expected = expected["values"].as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{name}");
        for (i, (&found, expected)) in found.iter().zip(expected).enumerate() {
            let (x, y) = (number(*ty, found), number(*ty, bits(*ty, expected)));
            let same = found == bits(*ty, expected)
                || (x.is_nan() && y.is_nan())
                || (x - y).abs() <= atol + rtol * y.abs();
            assert!(same, "{name}[{i}] is {x}, expected {y}");
        }
    }
    if let Some(spikes) = case["spikes"].as_array() {
        let index = |json: &Json| json.as_u64().unwrap() as usize;
        let spikes: Vec<_> = spikes.iter().map(|s| (index(&s[0]), index(&s[1]))).collect();
        assert_eq!(outcome.spikes, spikes);
    }
}

macro_rules! cases {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*
    };
}

cases! {
    lang_arith
    lang_bitwise
    lang_compare_logic
    lang_control
    lang_egp_pointers
    lang_literals
    lang_math1_double
    lang_math1_float
    lang_math2_double
    lang_math2_float
    lang_params_time
    lang_types
    neuron_condition_only
    neuron_no_reset
    neuron_refractory
    neuron_reset
}
