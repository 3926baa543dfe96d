//! Random programs in source text, compared with an independent evaluation of their trees.

mod evaluate;
mod generate;
mod print;

use proptest::prelude::*;

use crate::support::Model;
use evaluate::Machine;
use generate::Generator;
use print::{Printer, type_name};

/// Types of variables; arithmetic happens in the last three.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ty {
    Short,
    Int,
    UInt,
    Float,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Num {
    Int(i32),
    UInt(u32),
    Float(f32),
}

#[derive(Clone, Debug)]
enum Target {
    /// Index into the variables.
    Variable(usize),
    /// Element of the neuron's own part of the array, modulo its length.
    Element(Box<Expr>),
}

#[derive(Clone, Debug)]
enum Expr {
    Literal(Num),
    Load(Target),
    Cast(Ty, Box<Expr>),
    Negate(Box<Expr>),
    Complement(Box<Expr>),
    Not(Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    Logical(bool, Box<Expr>, Box<Expr>),
    Conditional(Box<Expr>, Box<Expr>, Box<Expr>),
    Comma(Box<Expr>, Box<Expr>),
    Assign(Target, Box<Expr>),
    Compound(Target, &'static str, Box<Expr>),
    Increment(Target, bool, bool),
    Min(Box<Expr>, Box<Expr>),
}

#[derive(Clone, Debug)]
enum Stmt {
    Expr(Expr),
    Declare(usize, Option<Expr>),
    Block(Vec<Stmt>),
    If(Expr, Vec<Stmt>, Vec<Stmt>),
    /// Counter, how many passes at most, further condition, body.
    While(usize, i32, Expr, Vec<Stmt>),
    Do(usize, i32, Expr, Vec<Stmt>),
    For(usize, i32, Option<Expr>, Vec<Stmt>),
    /// Value, arms with their labels (`None` is `default`).
    Switch(Expr, Vec<(Vec<Option<i32>>, Vec<Stmt>)>),
    Break,
    Continue,
}

const LANES: usize = 9;
const ELEMENTS: usize = 4;
/// The variables of the model.
const GLOBALS: [(&str, Ty); 5] =
    [("a", Ty::Int), ("b", Ty::Int), ("u", Ty::UInt), ("x", Ty::Float), ("s", Ty::Short)];

/// Initial value of a variable in a lane.
fn initial(variable: usize, lane: usize) -> f64 {
    let lane = lane as f64;
    match variable {
        0 => lane - 4.0,
        1 => 1000.0 * lane * lane - 7.0,
        2 => lane * 477_218_588.0,
        3 => (lane - 3.0) * 0.75,
        _ => lane * 8000.0 - 32000.0,
    }
}

fn element(lane: usize, index: usize) -> f64 {
    (lane * 3 + index) as f64 * 0.5 - 5.0
}

fn check(seed: u64) {
    let mut generator = Generator::new(seed);
    let mut program = Vec::new();
    while generator.budget > 0 && program.len() < 12 {
        program.push(generator.stmt(4, false, false, true));
    }
    let variables = &generator.variables;
    let source = Printer { variables }.stmts(&program);

    let mut model = Model::new(LANES, &source);
    for (variable, (name, ty)) in GLOBALS.iter().enumerate() {
        let values: Vec<_> = (0..LANES).map(|lane| initial(variable, lane)).collect();
        model = model.var(name, type_name(*ty), &values);
    }
    let elements: Vec<_> =
        (0..LANES * ELEMENTS).map(|i| element(i / ELEMENTS, i % ELEMENTS)).collect();
    let outcome = model.array("array", "float", &elements).run(1, 1.0);
    assert_eq!(outcome.fault, None, "{source}");

    for lane in 0..LANES {
        let mut machine = Machine {
            types: variables,
            variables: vec![Num::Int(0); variables.len()],
            array: std::array::from_fn(|i| element(lane, i) as f32),
        };
        for (variable, (_, ty)) in GLOBALS.iter().enumerate() {
            let value = initial(variable, lane);
            machine.variables[variable] = match ty {
                Ty::Float => Num::Float(value as f32),
                Ty::UInt => Num::UInt(value as u32),
                _ => Num::Int(value as i32),
            };
        }
        machine.stmts(&program);
        let same = |found: f64, expected: Num| {
            let expected = match expected {
                Num::Int(x) => f64::from(x),
                Num::UInt(x) => f64::from(x),
                Num::Float(x) => f64::from(x),
            };
            found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan())
        };
        for (variable, (name, _)) in GLOBALS.iter().enumerate() {
            let (found, expected) = (outcome.numbers(name)[lane], machine.variables[variable]);
            assert!(
                same(found, expected),
                "{name} of neuron {lane} is {found}, expected {expected:?}, after\n{source}"
            );
        }
        for (i, &expected) in machine.array.iter().enumerate() {
            let found = outcome.numbers("array")[lane * ELEMENTS + i];
            assert!(
                same(found, Num::Float(expected)),
                "array[{i}] of neuron {lane} is {found}, expected {expected}, after\n{source}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn programs_do_what_their_trees_say(seed: u64) {
        check(seed);
    }
}
