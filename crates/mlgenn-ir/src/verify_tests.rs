//! Tests of the verifier: kernels in text form with one mistake each.

use super::verify;
use crate::kernel::Kernel;

const SLOTS: &str = "slot x: f32 variable neuron
slot y: f32 variable neuron writable
slot sum: f32 accumulator neuron
slot later: f32 delayed_accumulator neuron
slot past: f32 history neuron
slot spikes: bool events
slot fixed: f32 array
slot table: u32 array writable
";

const PRELUDE: &str = "%0: f32 = read x
%1: i32 = const 1
%2: bool = const true
%3: i64 = const 0
%4: u32 = const 0
%5: ptr = address_of table
%6: u64 = const 0
";

fn check(body: &str) -> Result<(), String> {
    let text = format!("kernel \"k\"\n{SLOTS}begin\n{PRELUDE}{body}\nend");
    let kernel: Kernel = text.parse().unwrap();
    verify(&kernel).map_err(|error| error.to_string())
}

#[test]
fn mistakes_are_found() {
    for (body, message) in [
        ("%9: f32 = negate %8", "not defined here"),
        ("%9: f32 = negate %9", "not defined here"),
        ("%0: f32 = negate %0", "defined twice"),
        ("%9: f32 = negate %900", "not defined here"),
        ("%9: bool = const 0x2", "bits of a bool"),
        ("%9: f32 = not %0", "no such operator"),
        ("%9: bool = negate %2", "no such operator"),
        ("%9: f32 = add %0, %1", "expected f32"),
        ("%9: i32 = add %0, %0", "results"),
        ("%9: f32 = remainder %0, %0", "no such operator"),
        ("%9: bool = add %2, %2", "no such operator"),
        ("%9: i32 = shift_left %1, %0", "expected i32"),
        ("%9: ptr = add %5, %1", "expected i64"),
        ("%9: ptr = subtract %5, %3", "no such operator"),
        ("%9: bool = less %5, %5", "no such operator"),
        ("%9: bool = less %0, %1", "expected f32"),
        ("%9: f32 = less %0, %0", "results"),
        ("%9: f32 = select %0, %0, %0", "expected bool"),
        ("%9: f32 = select %2, %0, %1", "expected f32"),
        ("%9: i64 = convert %5", "pointers"),
        ("%9: f32 = math exp", "no arguments"),
        ("%9: f32 = math exp %0, %0", "arguments"),
        ("%9: i32 = math exp %1", "no Exp"),
        ("%9: i32 = math clz %1", "no Clz"),
        ("%9: f32 = random uniform %6, %6, %4, %1", "expected u32"),
        ("%9: i32 = random uniform %6, %6, %4, %4", "no random number"),
        ("%9: u32 = random binomial %6, %6, %4, %4, %4, %4", "no random number"),
        ("%9: f32 = random gamma %6, %6, %4, %4", "arguments"),
        ("%9: f32 = random bits %6, %6, %4, %4", "results"),
        ("%9: f32 = read sum", "does not allow"),
        ("%9: f64 = read x", "results"),
        ("read x", "results"),
        ("write x, %0", "does not allow"),
        ("write y, %1", "expected f32"),
        ("accumulate y, %0", "does not allow"),
        ("accumulate_delayed later, %0, %1", "expected u32"),
        ("%9: f32 = read_delayed past, %4", "expected i32"),
        ("emit spikes, %0", "expected bool"),
        ("emit spikes, %2\nemit spikes, %2", "twice"),
        ("if %2 {\nemit spikes, %2\n} else {\n}", "outside control flow"),
        ("%9: ptr = address_of x", "does not allow"),
        ("%9: f32 = load_pointer %3", "expected ptr"),
        ("store_pointer %3, %0", "expected ptr"),
        ("%9: f32 = load_element fixed, %1", "expected i64"),
        ("%9: f32 = load_element table, %3", "results"),
        ("store_element fixed, %3, %0", "does not allow"),
        ("accumulate_element table, %3, %0", "expected u32"),
        ("atomic_or %5, %1", "expected u32"),
        ("assert %0", "expected bool"),
        ("if %0 {\n} else {\n}", "expected bool"),
        ("%9: f32 = if %2 {\nyield %0\n} else {\n}", "different types"),
        ("if %2 {\nyield %0\n} else {\nyield %0\n}", "results"),
        ("if %2 {\n%9: f32 = negate %0\n} else {\n}\nwrite y, %9", "not defined here"),
        (
            "%9: f32 = loop %0 while %10: f32 {\nyield %10\n} do %11: f32 {\nyield %11\n}",
            "one bool",
        ),
        (
            "%9: f32 = loop %0 while %10: f32 {\nyield %2\n} do %11: f32 {\nyield %10\n}",
            "not defined",
        ),
        ("%9: f32 = loop %0 while %10: f32 {\nyield %2\n} do %11: f32 {\n}", "parameters"),
        (
            "%9: f32 = loop %0 while %10: i32 {\nyield %2\n} do %11: f32 {\nyield %0\n}",
            "parameters",
        ),
        ("yield %0", "yields"),
    ] {
        let error = check(body).unwrap_err();
        assert!(error.contains(message), "{body}\ngave {error}");
    }
    check("%9: f32 = if %2 {\nyield %0\n} else {\nyield %0\n}\nwrite y, %9").unwrap();
}

#[test]
fn messages_show_the_instruction() {
    let error = check("if %2 {\n%9: f32 = add %0, %1\n} else {\n}").unwrap_err();
    assert!(error.ends_with("in: %9: f32 = add %0, %1"), "{error}");
}

#[test]
fn slots_are_checked() {
    for (slots, message) in [
        ("slot 1x: f32 events", "identifier"),
        ("slot x: f32 events", "cannot be of type"),
        ("slot x: bool accumulator post", "cannot be of type"),
    ] {
        let kernel: Kernel = format!("kernel \"k\"\n{slots}\nbegin\nend").parse().unwrap();
        let error = verify(&kernel).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let mut kernel: Kernel = format!("kernel \"k\"\n{SLOTS}begin\nend").parse().unwrap();
    kernel.slots[1].name = "x".to_owned();
    assert!(verify(&kernel).unwrap_err().message.contains("two slots"));
}
