//! Whatever the code, checking it ends quickly, with a result or an error.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use mlgenn_lang::{
    Checker, Environment, NumericType, Precision, Source, Symbol, SymbolKind, Type, identifiers,
    is_empty, parse_type, scan,
};
use proptest::prelude::*;

fn check_all(code: &str) {
    let mut environment = Environment::default();
    environment.allows_random = true;
    environment.for_each_synapse = Some(Vec::new());
    for (name, ty, kind) in [
        ("x", Type::numeric(NumericType::Float), SymbolKind::Value),
        ("q", Type::numeric(NumericType::Float), SymbolKind::DelayableValue),
        ("p", Type::pointer(Type::numeric(NumericType::Int32)), SymbolKind::Value),
    ] {
        environment.add(Symbol { name: name.to_owned(), ty, kind }).unwrap();
    }
    let source = Source::new("code", code);
    let mut checker = Checker::new(&environment, Precision::FLOAT);
    if let Err(error) = checker.statements(&source) {
        assert!(!error.diagnostics().is_empty());
        assert!(error.to_string().starts_with("error: "));
    }
    if let Err(error) = checker.condition(&source) {
        assert!(!error.diagnostics().is_empty());
    }
    let _ = scan(&source);
    let _ = parse_type(code, Precision::FLOAT);
    is_empty(code);
    identifiers(code);
}

const TOKENS: &[&str] = &[
    "x",
    "q",
    "p",
    "k",
    "int",
    "scalar",
    "const",
    "unsigned",
    "for",
    "if",
    "else",
    "while",
    "do",
    "switch",
    "case",
    "default",
    "break",
    "continue",
    "for_each_synapse",
    "true",
    "sin",
    "min",
    "printf",
    "assert",
    "gennrand_uniform",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ";",
    ",",
    "=",
    "+=",
    ">>=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "&",
    "&&",
    "?",
    ":",
    "!",
    "~",
    "++",
    "--",
    "<",
    ">>",
    "==",
    "1",
    "0x1F",
    "2.5",
    "3u",
    "\"s\"",
    ".",
    "$",
    "// c\n",
    "\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(code in any::<String>()) {
        check_all(&code);
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check_all(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn token_soup(tokens in proptest::collection::vec(proptest::sample::select(TOKENS), 0..120)) {
        check_all(&tokens.join(" "));
    }
}

#[test]
fn deep_nesting_is_refused() {
    let deep = 50_000;
    for (before, inside, after) in [
        ("(", "1", ")"),
        ("{", "", "}"),
        ("-", "1", ""),
        ("!", "x", ""),
        ("*", "p", ""),
        ("++", "x", ""),
        ("(int)", "x", ""),
        ("x = ", "1", ""),
        ("x ? 1 : ", "1", ""),
        ("x ? ", "1", " : 1"),
        ("sin(", "1", ")"),
        ("p[", "0", "]"),
        ("", "1", " + 1"),
        ("", "x", ", x"),
        ("", "p", "[0]"),
        ("", "x", "++"),
        ("", "x", "(1)"),
        ("if(x) ", ";", ""),
        ("if(x) ; else ", ";", ""),
        ("while(x) ", ";", ""),
        ("do ", ";", " while(x);"),
        ("for(;;) ", ";", ""),
        ("for_each_synapse ", ";", ""),
        ("switch(1) { case 1: ", ";", "}"),
        ("case 1: ", ";", ""),
        ("int", "", " *"),
        ("$", "", ""),
        ("a", "", ""),
    ] {
        check_all(&format!("{}{inside}{};", before.repeat(deep), after.repeat(deep)));
    }
}

#[test]
fn nesting_within_the_limit_is_accepted() {
    let environment = Environment::default();
    let mut checker = Checker::new(&environment, Precision::FLOAT);
    let nested = format!("{}1{};", "(".repeat(50), ")".repeat(50));
    let sum = format!("1{};", " + 1".repeat(150));
    let blocks = format!("{}{}", "{".repeat(150), "}".repeat(150));
    let many = "1;\n".repeat(20_000);
    for code in [nested, sum, blocks, many] {
        assert!(checker.statements(&Source::new("code", code)).is_ok());
    }
}
