//! Small pieces of model code, and what they must do.

use std::collections::HashMap;

use mlgenn_ir::launch::Fault;
use mlgenn_ir::lower::{Binding, LowerError, Lowering};
use mlgenn_ir::{Domain, Kernel, KernelBuilder, Op, SlotKind, Type, verify};
use mlgenn_lang::{Checker, Environment, Precision, Source, Symbol, SymbolKind};

use crate::support::Model;

/// Run code for four neurons with an `int` variable `r`, and give its values.
fn ints(code: &str) -> Vec<f64> {
    let outcome = Model::new(4, code).var("r", "int", &[0.0]).run(1, 1.0);
    assert_eq!(outcome.fault, None);
    outcome.numbers("r")
}

#[test]
fn jumps_leave_the_right_loop() {
    let nested = "
        for(int i = 0; i < 5; i++) {
            for(int j = 0; ; j++) {
                if(j > i) break;
                if(j == (int)id) continue;
                r += 10;
            }
            if(i == 3) break;
            r++;
        }";
    let expected = |id: i32| {
        let inner: i32 = (0..=3).map(|i| (0..=i).filter(|&j| j != id).count() as i32).sum();
        f64::from(10 * inner + 3)
    };
    assert_eq!(ints(nested), (0..4).map(expected).collect::<Vec<_>>());

    let continue_in_switch = "
        int n = 0;
        while(n < 10) {
            n++;
            switch(n % 3) {
                case 0: continue;
                case 1: break;
                default: r += 100; if(n > 6) break; r += 1000;
            }
            r++;
        }";
    // n = 2 and 5 add 1100, 8 adds 100; all but multiples of 3 add 1.
    assert_eq!(ints(continue_in_switch), [2307.0; 4]);

    let do_with_continue = "
        int n = 0;
        do { n++; if(n == 2) continue; r += n; if(n == 7) break; } while(n < 5 + (int)id);";
    assert_eq!(ints(do_with_continue), [13.0, 19.0, 26.0, 26.0]);
}

#[test]
fn switch_falls_through_and_finds_its_default_anywhere() {
    let code = "switch((int)id) { default: r += 1; case 5: r += 10; break; case 1: r += 100;
        case 2: r += 1000; }";
    assert_eq!(ints(code), [11.0, 1100.0, 1000.0, 11.0]);
    assert_eq!(ints("r = 7; switch((int)id) { case 1: case 3: r = 8; }"), [7.0, 8.0, 7.0, 8.0]);
    assert_eq!(ints("switch((int)id) { }"), [0.0; 4]);
}

#[test]
fn right_operands_are_evaluated_only_if_needed() {
    let code = "
        int n = 0;
        bool both = id > 1 && n++ < 1;
        bool either = id > 1 || n++ < 1;
        int chosen = id == 3 ? (n += 10) : (n += 100);
        r = n + 1000 * both + 2000 * either + 10000 * (chosen == n);";
    assert_eq!(ints(code), [12101.0, 12101.0, 13101.0, 13011.0]);
    // The element is out of range where the left operand says so.
    let guarded = "r = id < 3 && tab[id] > 0.0 ? (int)tab[id] : -1;";
    let model =
        Model::new(4, guarded).var("r", "int", &[0.0]).array("tab", "scalar", &[5., 0., 7.]);
    let outcome = model.run(1, 1.0);
    assert_eq!(outcome.fault, None);
    assert_eq!(outcome.numbers("r"), [5.0, -1.0, 7.0, -1.0]);
}

#[test]
fn conditions_of_loops_may_have_effects() {
    assert_eq!(ints("int n = (int)id; while(n-- > 0) r += 10; r += n;"), [-1.0, 9.0, 19.0, 29.0]);
    assert_eq!(ints("int n = 0; do { r++; } while(n++ < 2 && r < 9); r += 10 * n;"), [33.0; 4]);
    assert_eq!(ints("int n = 0; for(int i = 0; n += i, i < 4; i++) { } r = n;"), [10.0; 4]);
}

#[test]
fn narrow_types_wrap_when_stored() {
    let code =
        "short s = 32767; s++; uint8_t c = 250; c += 10; bool f = 0.25; int8_t n = -128; n--;
        r = s + 100000 * c + 10000000 * f + n;";
    let expected = f64::from(-32768 + 400_000 + 10_000_000 + 127);
    assert_eq!(ints(code), [expected; 4]);
    assert_eq!(
        ints("bool f = false; f--; r = f; f--; r = 2 * r + f; f++; f++; r = 2 * r + f;"),
        [5.0; 4]
    );
}

#[test]
fn pointers_walk_arrays() {
    let code = "
        const int *p = tab + id;
        const int *end = tab + 8;
        r = *p++ + p[1] * 10;
        p = end - 1;
        r += 100 * *p + 1000 * (end - p);
        *(out + id) = *--p;
        int *q = out;
        q += id;
        *q += 1;
        q[0]++;
        (*q)--;";
    let tab = [1., 2., 3., 4., 5., 6., 7., 8.];
    let model = Model::new(4, code).var("r", "int", &[0.0]).array("tab", "int", &tab);
    let outcome = model.array("out", "int", &[0.0; 4]).run(1, 1.0);
    assert_eq!(outcome.fault, None);
    let expected: Vec<f64> = (0..4).map(|i| f64::from((i + 1) + (i + 3) * 10 + 1800)).collect();
    assert_eq!(outcome.numbers("r"), expected);
    assert_eq!(outcome.numbers("out"), [8.0; 4]);
}

#[test]
fn pointers_into_several_arrays_are_addresses() {
    let code = "
        const scalar *p = left;
        if(id % 2 == 1) { p = right + 1; }
        p += 1;
        r = (int)(p[0] * 10.0 + *(p - 1));";
    let model = Model::new(4, code).var("r", "int", &[0.0]);
    let model = model.array("left", "scalar", &[1.0, 2.0]).array("right", "scalar", &[3., 4., 5.]);
    let outcome = model.run(1, 1.0);
    assert_eq!(outcome.fault, None);
    assert_eq!(outcome.numbers("r"), [21.0, 54.0, 21.0, 54.0]);
}

#[test]
fn pointers_outside_of_arrays_are_faults() {
    for code in ["r = tab[id];", "const int *p; r = *p;", "const int *p; r = *p; p = tab;"] {
        let model = Model::new(4, code).var("r", "int", &[0.0]).array("tab", "int", &[1.0, 2.0]);
        let fault = model.run(1, 1.0).fault;
        let fits = matches!(fault, Some(Fault::IndexOutOfRange { .. } | Fault::BadPointer { .. }));
        assert!(fits, "{code}: {fault:?}");
    }
}

#[test]
fn calls_and_random_numbers() {
    let code = "r = max((int)id, 2) - min(3, (int)id) * abs(-2); assert(r > -100);";
    assert_eq!(ints(code), [2.0, 0.0, -2.0, -3.0]);
    let outcome = Model::new(4, "assert(id < 2);").run(1, 1.0);
    assert!(matches!(outcome.fault, Some(Fault::AssertionFailed { .. })));

    // Draws are numbered: equal only where the same draw is made.
    let code = "x = gennrand_uniform(); if(id > 1) { y = gennrand_uniform(); }
        for(int i = 0; i < 3; i++) z = gennrand_uniform(); w = gennrand_uniform();";
    let mut model = Model::new(4, code);
    for name in ["x", "y", "z", "w"] {
        model = model.var(name, "scalar", &[-1.0]);
    }
    let outcome = model.run(1, 1.0);
    let mut seen = Vec::new();
    for name in ["x", "y", "z", "w"] {
        for (i, x) in outcome.numbers(name).into_iter().enumerate() {
            if name == "y" && i < 2 {
                assert_eq!(x, -1.0);
                continue;
            }
            assert!(x > 0.0 && x <= 1.0 && !seen.contains(&x), "{name}[{i}] is {x}");
            seen.push(x);
        }
    }
}

#[test]
fn locals_live_on_in_later_slots() {
    let mut model =
        Model::new(3, "int n = (int)id * 2; const int *p = tab;").var("r", "int", &[0.0]);
    model = model.array("tab", "int", &[5.0, 6.0]).array("other", "int", &[7.0, 8.0]);
    model.threshold = "n > 1 && p[0] == 5".to_owned();
    model.reset = "p++; r = n + 10 * *p; p = other; r += 100 * p[1];".to_owned();
    let outcome = model.run(1, 1.0);
    assert_eq!(outcome.spikes, [(0, 1), (0, 2)]);
    assert_eq!(outcome.numbers("r"), [0.0, 862.0, 864.0]);
}

#[test]
fn locals_in_a_switch_are_shared_by_its_arms() {
    let code = "switch((int)id) { case 0: ; int n = 5; r = n; case 1: n = 7; r += n; break;
        default: r = 1; }";
    assert_eq!(ints(code), [12.0, 7.0, 1.0, 1.0]);
}

#[test]
fn pure_code_has_no_control_flow() {
    let model = Model::new(1, "r = r > 0 && id < 3 ? 4 : r > -5 || id == 7 ? 2 : 1;");
    let (kernel, _) = model.var("r", "int", &[0.0]).lower().unwrap();
    let mut count = 0;
    kernel.body.for_each_instruction(&mut |i| {
        count += usize::from(matches!(i.op, Op::If { .. } | Op::Loop { .. }));
    });
    assert_eq!(count, 0, "{kernel}");
}

/// All loops of a kernel, as the number of their parameters.
fn loop_parameters(kernel: &Kernel) -> Vec<usize> {
    let mut counts = Vec::new();
    kernel.body.for_each_instruction(&mut |i| {
        if let Op::Loop { init, .. } = &i.op {
            counts.push(init.len());
        }
    });
    counts
}

#[test]
fn loops_carry_only_what_changes() {
    let code = "int unchanged = (int)id; for(int i = 0; i < 3; i++) { int inner = i;
        while(inner > 0) { inner--; r += unchanged; } }";
    let (kernel, _) = Model::new(1, code).var("r", "int", &[0.0]).lower().unwrap();
    verify(&kernel).unwrap();
    // `i` and `r`; `inner` and `r`.
    assert_eq!(loop_parameters(&kernel), [2, 2], "{kernel}");
}

#[test]
fn what_the_checker_takes_is_not_too_deep() {
    let around = |open: &str, inner: &str, close: &str, n: usize| {
        format!("{}{inner}{}", open.repeat(n), close.repeat(n))
    };
    let sum = vec!["1"; 190].join(" + ");
    assert_eq!(ints(&format!("r = {sum};")), [190.0; 4]);
    let casts = around("(short)-(", "id", ")", 40);
    assert_eq!(ints(&format!("r = {casts};")), [0.0, 1.0, 2.0, 3.0]);
    let chosen = around("(r++ < 20 ? ", "5", " : 7)", 45);
    assert_eq!(ints(&format!("int n = {chosen}; r = 100 * r + n;")), [2107.0; 4]);
    let chain = "if(id == 9) r = 1; else ".repeat(60);
    assert_eq!(ints(&format!("{chain} r = 3;")), [3.0; 4]);
}

#[test]
fn too_many_jumps_in_a_row_are_an_error() {
    let breaks = "if(r > 5) break; r++;".repeat(500);
    let code = format!("for(;;) {{ {breaks} break; }}");
    let error = Model::new(1, &code).var("r", "int", &[0.0]).lower().unwrap_err();
    assert!(matches!(error, LowerError::TooDeep { .. }), "{error}");
}

#[test]
fn functions_of_the_environment_emit_what_they_are_bound_to() {
    let mut b = KernelBuilder::new("calls");
    let variable = SlotKind::Variable { domain: Domain::Post, writable: false };
    let input = b.slot("in", Type::F32, SlotKind::Accumulator { domain: Domain::Post });
    let trace = b.slot("trace", Type::F32, SlotKind::History { domain: Domain::Post });
    let weight = b.slot("g", Type::F32, variable);
    let weight = b.read(weight);
    let mut environment = Environment::default();
    let float = mlgenn_lang::parse_type("float", Precision::FLOAT).unwrap();
    let mut add = |name: &str, ty: &mlgenn_lang::Type, kind| {
        environment.add(Symbol { name: name.to_owned(), ty: ty.clone(), kind }).unwrap();
    };
    add("g", &float, SymbolKind::Value);
    let parameters = vec![float.clone()];
    let kind = SymbolKind::Function { parameters, optional: 0, only_for_each_synapse: false };
    add("addToPost", &mlgenn_lang::Type::void(), kind);
    add("trace", &float, SymbolKind::DelayableValue);
    let bindings = vec![
        Binding::Value(weight),
        Binding::Function(Box::new(move |b, arguments| match arguments {
            [x] => {
                b.accumulate(input, *x);
                Ok(None)
            }
            _ => Err(LowerError::Malformed { what: "arguments".into(), span: Default::default() }),
        })),
        Binding::History(trace),
    ];
    let mut checker = Checker::new(&environment, Precision::FLOAT);
    let code = Source::new("code", "addToPost(g * 2 + trace[3]);");
    let block = checker.statements(&code).unwrap();
    Lowering::new(bindings, None).block(&mut b, &block, checker.locals()).unwrap();
    let kernel = b.finish();
    verify(&kernel).unwrap();
    let mut names = HashMap::new();
    kernel.body.for_each_instruction(&mut |i| {
        let name = match &i.op {
            Op::Accumulate(..) => "accumulate",
            Op::ReadDelayed { .. } => "read_delayed",
            _ => return,
        };
        *names.entry(name).or_insert(0) += 1;
    });
    assert_eq!(names, HashMap::from([("accumulate", 1), ("read_delayed", 1)]), "{kernel}");
}
