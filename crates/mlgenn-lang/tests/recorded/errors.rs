//! Small pieces of code that the reference accepts or refuses: 195 recorded verdicts.

use crate::names::{Names, neuron};
use mlgenn_lang::{Checker, Environment, NumericType, Precision, Source};
use serde_json::Value;

const P: Precision = Precision::FLOAT;

/// Where our verdict differs on purpose: name, whether we accept it, and why.
const DEVIATIONS: &[(&str, bool, &str)] = &[
    ("leading_point_literal", true, "literals may begin with a point"),
    ("dollar", false, "the Python layer rewrites the old spelling before the code gets here"),
    ("shift_right", true, "`>>` is supported"),
    ("shift_right_weird", false, "`><` is a mistake of the reference's scanner"),
    ("shift_right_assign", true, "`>>=` is supported"),
    ("div_assign", true, "`/=` is supported"),
    ("signed_char", true, "`signed char` is supported"),
    ("unsigned_long_long", true, "`unsigned long long` is supported"),
    ("nested_shadow", true, "nested scopes may shadow, as in C"),
    ("shadow_outer_in_for", true, "nested scopes may shadow, as in C"),
    ("assign_id", false, "`id` is const"),
    ("xor_assign_float", false, "`^=` is checked like `^`"),
    ("hypot_two_args", true, "`hypot` takes two arguments"),
];

/// Refusals that concern the model, not the language; the crate of network descriptions makes them.
const MODEL: &[&str] = &[
    "wum_event_no_handler",
    "wum_handler_no_event",
    "wum_addtopostdelay_no_max",
    "psm_ref_type",
    "psm_ref_missing",
    "psm_ref_unknown",
    "cu_two_reductions",
    "cu_no_refs",
    "cu_reduce_ref_not_shared",
    "bad_param_name",
    "missing_param",
    "extra_param",
    "missing_var",
    "int_param_too_large",
    "egp_nonpointer",
    "pop_name_dash",
];

/// Slots with their code, and the names that they share.
type Slots = (Environment, Vec<(&'static str, String)>);

/// The slots of an entry with their environments; slots of one list share their locals.
fn slots(entry: &Value) -> Result<Vec<Slots>, String> {
    let code = |slot: &'static str| {
        entry[slot].as_str().map(|code| (slot, code.to_owned())).into_iter().collect::<Vec<_>>()
    };
    let mut slots = Vec::new();
    let context = entry["context"].as_str().unwrap();
    match context {
        "neuron" => {
            let default = serde_json::json!([["x", "scalar"]]);
            let vars = if entry["vars"].is_null() { &default } else { &entry["vars"] };
            let names = neuron(P)
                .params(&entry["params"])?
                .declared(vars, false)?
                .declared(&entry["extra_global_params"], false)?;
            let both = [code("sim_code"), code("threshold_condition_code")].concat();
            slots.push((names.build(), both));
        }
        "psm" => {
            let names = Names::new(P)
                .random()
                .read_only("t dt", "timepoint")
                .read_only("id num_neurons batch num_batch", "unsigned int")
                .function("injectCurrent", &["scalar"], false)
                .declared(&serde_json::json!([["inSyn", "scalar"]]), false)?
                .declared(&entry["neuron_var_refs"], true)?;
            slots.push((names.build(), code("sim_code")));
        }
        "cu" => {
            let names = Names::new(P)
                .read_only("t dt", "timepoint")
                .read_only("id num_neurons batch num_batch", "unsigned int")
                .declared(&entry["vars"], false)?
                .declared(&entry["var_refs"], false)?;
            slots.push((names.build(), code("update_code")));
        }
        "ccu" => {
            let row = Names::new(P)
                .random()
                .read_only("t dt", "timepoint")
                .read_only("id_pre num_pre num_post row_length row_stride", "unsigned int")
                .function("add_synapse", &["unsigned int"], false)
                .function("remove_synapse", &[], true)
                .inside_loop("id_post", "unsigned int", true)
                .inside_loop("id_syn", "unsigned int", true);
            let row = entry["post_var_refs"].as_array().into_iter().flatten().fold(
                row,
                |row, reference| {
                    let name = reference[0].as_str().unwrap();
                    row.inside_loop(name, reference[1].as_str().unwrap(), true)
                },
            );
            slots.push((row.build(), code("row_update_code")));
            let host = Names::new(P)
                .random()
                .read_only("num_pre num_post row_stride", "unsigned int")
                .read_only("row_length", "const uint32_t*")
                .function("pullRowLengthFromDevice", &[], false);
            slots.push((host.build(), code("host_update_code")));
        }
        "var_init" => {
            let names = Names::new(P)
                .random()
                .read_only("dt", "timepoint")
                .read_only("id num_neurons num_batch", "unsigned int")
                .declared(&serde_json::json!([["value", "scalar"]]), false)?;
            slots.push((names.build(), code("code")));
        }
        "wum" => {
            let synaptic = |may_add_to_post: bool| {
                let mut names = Names::new(P)
                    .read_only("t dt", "timepoint")
                    .read_only("st_pre prev_st_pre set_pre prev_set_pre", "timepoint")
                    .read_only("st_post prev_st_post set_post prev_set_post", "timepoint")
                    .read_only("id_pre id_post id_syn num_pre num_post", "unsigned int")
                    .read_only("batch num_batch", "unsigned int")
                    .function("addToPre", &["scalar"], false)
                    .declared(&serde_json::json!([["g", "scalar"]]), false)?
                    .declared(&entry["pre_vars"], true)?;
                for var in entry["post_vars"].as_array().into_iter().flatten() {
                    names = names.delayable(var[0].as_str().unwrap(), NumericType::Float);
                }
                if may_add_to_post {
                    names = names.function("addToPost", &["scalar"], false);
                    names = names.function("addToPostDelay", &["scalar", "unsigned int"], false);
                }
                Ok::<_, String>(names.build())
            };
            let one_side = |time: &str, vars: &str| {
                let names = Names::new(P)
                    .random()
                    .read_only("t dt", "timepoint")
                    .read_only(time, "timepoint")
                    .read_only("id num_neurons batch num_batch", "unsigned int")
                    .declared(&entry[vars], false)?;
                Ok::<_, String>(names.build())
            };
            for (slot, add) in [
                ("pre_spike_syn_code", true),
                ("pre_event_syn_code", true),
                ("post_spike_syn_code", false),
                ("synapse_dynamics_code", true),
            ] {
                slots.push((synaptic(add)?, code(slot)));
            }
            for slot in ["pre_spike_code", "pre_dynamics_code"] {
                slots.push((one_side("st_pre", "pre_vars")?, code(slot)));
            }
        }
        other => panic!("no environment for {other}"),
    }
    Ok(slots)
}

/// Check all slots of an entry; the error is that of the first refused one.
fn verdict(entry: &Value) -> Result<(), String> {
    for (environment, codes) in slots(entry)? {
        let mut checker = Checker::new(&environment, P);
        for (slot, code) in codes {
            let source = Source::new(slot, code);
            let result = if slot.ends_with("condition_code") {
                checker.condition(&source).map(|_| ())
            } else {
                checker.statements(&source).map(|_| ())
            };
            result.map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

#[test]
fn verdicts_agree_with_the_reference() {
    let entries: Vec<Value> = serde_json::from_str(include_str!("../data/errors.json")).unwrap();
    assert_eq!(entries.len(), 195);
    let mut wrong = Vec::new();
    for entry in &entries {
        let name = entry["name"].as_str().unwrap();
        if MODEL.contains(&name) {
            continue;
        }
        let recorded = entry["result"]["accepted"].as_bool().unwrap();
        let deviation = DEVIATIONS.iter().find(|(deviating, _, _)| *deviating == name);
        let expected = deviation.map_or(recorded, |(_, accepted, _)| *accepted);
        assert!(deviation.is_none() || expected != recorded, "{name} does not deviate");
        let verdict = verdict(entry);
        if verdict.is_ok() != expected {
            wrong.push(format!("{name}: {verdict:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn tables_name_recorded_entries() {
    let entries: Vec<Value> = serde_json::from_str(include_str!("../data/errors.json")).unwrap();
    let names = DEVIATIONS.iter().map(|(name, _, _)| name).chain(MODEL);
    for name in names {
        assert!(entries.iter().any(|entry| entry["name"] == *name), "{name}");
    }
}
