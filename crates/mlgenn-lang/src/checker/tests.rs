//! Tests of checking: types, conversions, scopes, and what messages say.

use super::*;
use crate::environment::{Symbol, SymbolKind};
use crate::typed::{
    BinaryOp, CompareOp, ExprKind, Function, MathFunction, Place, Statement, StatementKind,
};
use crate::types::NumericType::{Bool, Double, Float, Int8, Int32, Int64, UInt32, UInt64};

fn environment() -> Environment {
    let mut environment = Environment::default();
    environment.allows_random = true;
    let float = Type::numeric(Float);
    let mut add = |name: &str, ty: Type, kind: SymbolKind| {
        environment.add(Symbol { name: name.to_owned(), ty, kind }).unwrap();
    };
    add("x", float.clone(), SymbolKind::Value);
    add("dt", Type { is_const: true, ..float.clone() }, SymbolKind::Value);
    add("q", float.clone(), SymbolKind::DelayableValue);
    add("s", float.clone(), SymbolKind::WriteOnly);
    add("tab", Type::pointer(float.clone()), SymbolKind::Value);
    add("i", Type::numeric(Int32), SymbolKind::Value);
    add("u", Type::numeric(UInt32), SymbolKind::Value);
    add("l", Type::numeric(Int64), SymbolKind::Value);
    add("b", Type::numeric(Int8), SymbolKind::Value);
    add("d", Type::numeric(Double), SymbolKind::Value);
    let kind = SymbolKind::Function {
        parameters: vec![float, Type::numeric(UInt32)],
        optional: 1,
        only_for_each_synapse: false,
    };
    add("addToPost", Type::void(), kind);
    environment
}

fn check(code: &str) -> Result<Block, String> {
    let environment = environment();
    let mut checker = Checker::new(&environment, Precision::FLOAT);
    checker.statements(&Source::new("test code", code)).map_err(|error| error.to_string())
}

/// The expression of code that is a single statement.
fn expression(code: &str) -> Expr {
    let block = check(&format!("{code};")).unwrap();
    match block.statements.into_iter().next() {
        Some(Statement { kind: StatementKind::Expression(expression), .. }) => expression,
        other => panic!("{other:?}"),
    }
}

fn message(code: &str) -> String {
    let environment = environment();
    let mut checker = Checker::new(&environment, Precision::FLOAT);
    let error = checker.statements(&Source::new("test code", code)).unwrap_err();
    error.diagnostics()[0].message.clone()
}

#[test]
fn types_of_expressions() {
    for (code, expected) in [
        ("x + 1", Float),
        ("x + d", Double),
        ("b + b", Int32),
        ("b << l", Int32),
        ("i + u", UInt32),
        ("u + l", Int64),
        ("l + (uint64_t)u", UInt64),
        ("x < d", Bool),
        ("!x", Bool),
        ("i && x", Bool),
        ("-(x < d)", Int32),
        ("+b", Int32),
        ("~u", UInt32),
        ("i ? b : d", Double),
        ("(x, b)", Int8),
        ("x = d", Float),
        ("b += d", Int8),
        ("b++", Int8),
        ("tab[i]", Float),
        ("*(2 + tab)", Float),
        ("tab + 2 - tab", Int32),
        ("0.5", Float),
        ("0.5d", Double),
        ("3u", UInt32),
        ("true", Bool),
        ("exp(i)", Float),
        ("exp(d)", Double),
        ("pow(x, d)", Double),
        ("ldexp(d, x)", Double),
        ("ilogb(x)", Int32),
        ("min(u, -1)", UInt32),
        ("max(b, x)", Float),
        ("abs(b)", Int32),
        ("abs(u)", UInt32),
        ("abs(-1.5)", Float),
        ("hypot(3.0, 4.0)", Float),
        ("clz(i)", Int32),
        ("gennrand()", UInt32),
        ("gennrand_gamma(2)", Float),
        ("gennrand_binomial(10, 0.5)", UInt32),
    ] {
        assert_eq!(expression(code).ty, Type::numeric(expected), "{code}");
    }
}

#[test]
fn operands_are_converted_to_the_common_type() {
    let ExprKind::Compare(CompareOp::Greater, left, right) = expression("u > -1").kind else {
        panic!("not a comparison")
    };
    assert_eq!(left.ty, Type::numeric(UInt32));
    assert_eq!(right.ty, Type::numeric(UInt32));
    assert!(matches!(right.kind, ExprKind::Convert(_)));
    let ExprKind::Call(Function::Math(function, ty), arguments) = expression("max(b, x)").kind
    else {
        panic!("not a call")
    };
    assert_eq!((function, ty), (MathFunction::Max, Float));
    assert_eq!(arguments[0].ty, Type::numeric(Float));
}

#[test]
fn operators_group_as_in_c() {
    for (code, grouped) in [
        ("i - i - 1", "(i - i) - 1"),
        ("1 << 2 + 1", "1 << (2 + 1)"),
        ("1 | 2 ^ 3 & 2", "1 | (2 ^ (3 & 2))"),
        ("i & 3 == 3", "i & (3 == 3)"),
        ("1 < 2 == 1", "(1 < 2) == 1"),
        ("-x * x", "(-x) * x"),
        ("i % 3 * 2", "(i % 3) * 2"),
    ] {
        let shape = |code: &str| {
            // Positions differ by the parentheses: compare the trees without them.
            let text = format!("{:?}", expression(code));
            text.split("Span {")
                .map(|part| part.split_once('}').map_or(part, |it| it.1))
                .collect::<String>()
        };
        assert_eq!(shape(code), shape(grouped), "{code}");
    }
}

#[test]
fn places() {
    let ExprKind::Assign(Place::Element { index, .. }, _) = expression("tab[b] = 1").kind else {
        panic!("not an assignment")
    };
    assert_eq!(index.ty, Type::numeric(Int64));
    let ExprKind::Load(Place::Delayed(_, delay)) = expression("q[b]").kind else {
        panic!("not delayed")
    };
    assert_eq!(delay.ty, Type::numeric(Int32));
    let ExprKind::CompoundAssign { op, ty, value, .. } = expression("i >>= b").kind else {
        panic!("not an assignment")
    };
    assert_eq!((op, ty), (BinaryOp::ShiftRight, Type::numeric(Int32)));
    assert_eq!(value.ty, Type::numeric(Int32));
}

#[test]
fn mistakes_are_named() {
    for (code, expected) in [
        ("x = foo;", "unknown name `foo`"),
        ("dt = 1.0;", "this is read-only"),
        ("s += x;", "this name may only be assigned to, not read"),
        ("x = s;", "this name may only be assigned to"),
        ("x = q[1] + q;", "`q` is used both with and without delay"),
        ("x ^= 2;", "this operator needs integers, not `float` and `int`"),
        ("x = sin;", "`sin` is a function, not a value"),
        ("int sin = 1; x = sin(x);", "what is called here is not a function"),
        ("x = x(1);", "`x` is not a function"),
        ("x = addToPost(1.0);", "`void` does not convert to `float`"),
        ("addToPost();", "`addToPost` does not take 0 arguments"),
        ("scalar dt = dt;", "`dt` is used in its own initialiser"),
        ("const int k;", "`k` is const and needs a value"),
        ("int k; int k;", "`k` is declared twice in the same scope"),
        ("switch(i) { case 1: case 1: ; }", "this value has a `case` already"),
        ("switch(i) { default: ; default: ; }", "a `switch` has at most one `default`"),
        ("switch(i) { x = 1; case 1: ; }", "this stands before the first label of the `switch`"),
        ("switch(i) { case 1: }", "expected a statement"),
        ("switch(i) { case 1: int k; }", "a declaration may not follow a label"),
        ("if(i) int k;", "a declaration may not stand here on its own"),
        ("if(addToPost(x)) ;", "`void` is not a condition"),
        ("x = 4294967296;", "`4294967296` is too large"),
        ("x = \"a\";", "`const string` does not convert to `float`"),
    ] {
        assert_eq!(message(code), expected, "{code}");
    }
}

#[test]
fn several_mistakes_are_told_at_once() {
    let error = check("x = ; int y = (2; i = 3;\nx = 1 +; foo = 1;").unwrap_err();
    assert_eq!(error.matches("error: ").count(), 3, "{error}");
    let error = check("x = foo; { i = bar; } if(baz) i = 1.5 % 2;").unwrap_err();
    assert_eq!(error.matches("error: ").count(), 4, "{error}");
}

#[test]
fn messages_show_the_source() {
    let expected = "error: unknown name `addTopost`
 --> test code, line 2, column 3
  |
2 |   addTopost(x);
  |   ^^^^^^^^^
  = help: did you mean `addToPost`?";
    assert_eq!(check("x = 1;\n  addTopost(x);").unwrap_err(), expected);
    let expected = "error: unexpected character `$`
 --> test code, line 1, column 1
  |
1 | $(x) = 1;
  | ^
  = help: the old spelling `$(name)` is written as plain `name`";
    assert_eq!(check("$(x) = 1;").unwrap_err(), expected);
}

#[test]
fn scopes_follow_c() {
    for code in [
        "int k = 5; { int k = 7; x = k; } x = k;",
        "int k = 3; for(int k = 0; k < 2; k++) { int k = 1; x += k; }",
        "scalar dt = 2.0; dt += 1.0;",
        "{ int k = 1; } { int k = 2; }",
        "for(;;) { if(x > 1) break; else continue; }",
        "do x += 1; while(x < 3);",
        "switch(b) { case 1: case 2: x = 1; break; default: { x = 2; } }",
        ";;",
        "",
    ] {
        assert_eq!(check(code).map(|_| ()), Ok(()), "{code}");
    }
}

#[test]
fn locals_outlive_their_slot_until_reset() {
    let environment = environment();
    let mut checker = Checker::new(&environment, Precision::FLOAT);
    checker.statements(&Source::new("sim code", "scalar gain = 2.0; { int k; }")).unwrap();
    let condition = checker.condition(&Source::new("condition", "gain > x")).unwrap();
    assert_eq!(condition.ty, Type::numeric(Bool));
    assert!(checker.condition(&Source::new("condition", "k > 1")).is_err());
    assert!(checker.condition(&Source::new("condition", "gain > x;")).is_err());
    assert!(checker.statements(&Source::new("reset code", "int gain = 1;")).is_err());
    checker.reset_scope();
    assert!(checker.condition(&Source::new("condition", "gain > x")).is_err());
    assert_eq!(checker.locals()[0].name, "gain");
}
