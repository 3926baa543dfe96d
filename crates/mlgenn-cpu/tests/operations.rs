//! Every operation on every type, with special values, on every instruction set against the
//! interpreter.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{binding, difference, difference_with_flush_to_zero, variable};
use mlgenn_ir::evaluate::truncate;
use mlgenn_ir::launch::Pattern;
use mlgenn_ir::testing::Case;
use mlgenn_ir::{BinaryOp, CompareOp, KernelBuilder, Op, Type, UnaryOp, math, random};
use mlgenn_lang::typed::{MathFunction, RandomFunction};

/// Numbers where something special may happen, then some ordinary ones.
fn numbers(ty: Type) -> Vec<u64> {
    match ty {
        Type::Bool => vec![0, 1],
        Type::F32 => {
            let mut bits: Vec<u64> =
                special_f64().map(|x| u64::from((x as f32).to_bits())).collect();
            for edge in [0x0000_0001u32, 0x007f_ffff, 0x0080_0000, 0x7f7f_ffff, 0x4eff_ffff] {
                bits.extend([u64::from(edge), u64::from(edge | 0x8000_0000)]);
            }
            bits
        }
        Type::F64 => {
            let mut bits: Vec<u64> = special_f64().map(f64::to_bits).collect();
            bits.extend([1, 0x000f_ffff_ffff_ffff, 0x0010_0000_0000_0000, 0x7fef_ffff_ffff_ffff]);
            bits
        }
        _ => {
            let width = 8 * ty.bytes() as u32;
            let all = u64::MAX >> (64 - width);
            let small = [0, 1, 2, 3, 7, 8, 15, 31, 32, 33, 63, 64, 100];
            let edges = [all, all - 1, all >> 1, (all >> 1) + 1, 0x1234_5678_9abc_def0];
            small.into_iter().chain(edges).map(|bits| truncate(ty, bits)).collect()
        }
    }
}

fn special_f64() -> impl Iterator<Item = f64> {
    let positive = [
        0.0,
        0.25,
        0.5,
        0.625,
        1.0,
        1.5,
        2.5,
        3.0,
        10.25,
        87.5,
        89.0,
        104.0,
        127.0,
        128.0,
        255.5,
        32_768.0,
        65_535.9,
        8_388_607.5,
        8_388_609.0,
        2_147_483_520.0,
        2_147_483_648.0,
        4_294_967_040.0,
        4_294_967_296.0,
        9.3e18,
        1.9e19,
        1e30,
        1e-3,
        1e-20,
        1e-40,
        f64::INFINITY,
        f64::NAN,
    ];
    positive.into_iter().flat_map(|x| [x, -x])
}

/// Run an operation on columns of numbers: with all operands in place, with one of them shared by
/// all lanes, after other steps, and in a branch.
fn check(
    name: &str,
    types: &[Type],
    columns: &[Vec<u64>],
    result: Type,
    op: impl Fn(&[mlgenn_ir::Value]) -> Op,
) {
    let lanes = columns.first().map_or(1, Vec::len);
    for shared in 0..=types.len() {
        for packed in [false, true] {
            let mut builder = KernelBuilder::new(name);
            let mut slots = Vec::new();
            let mut values = Vec::new();
            for (i, (&ty, column)) in types.iter().zip(columns).enumerate() {
                let pattern = if i + 1 == shared { Pattern::Uniform } else { Pattern::Contiguous };
                let slot = builder.slot(&format!("x{i}"), ty, variable(false));
                values.push(builder.read(slot));
                slots.push(binding(pattern, ty, column.clone()));
            }
            let out = builder.slot("out", result, variable(true));
            slots.push(binding(Pattern::Contiguous, result, vec![0; lanes]));
            if packed {
                let third = builder.slot("third", Type::Bool, variable(false));
                let thirds = (0..lanes as u64).map(|lane| u64::from(lane % 3 == 0)).collect();
                slots.push(binding(Pattern::Contiguous, Type::Bool, thirds));
                let condition = builder.read(third);
                let made = builder.if_else(
                    condition,
                    |builder| {
                        let value = builder.op(op(&values), result);
                        builder.write(out, value);
                        Ok::<(), ()>(())
                    },
                    |_| Ok(()),
                );
                assert!(made.is_ok());
            } else {
                let value = builder.op(op(&values), result);
                builder.write(out, value);
            }
            let kernel = builder.finish();
            mlgenn_ir::verify(&kernel).unwrap();
            let case = Case { kernel, lanes, slots };
            let found = difference(&case).or_else(|| difference_with_flush_to_zero(&case));
            assert_eq!(found, None, "{}", case.kernel);
        }
    }
}

/// All pairs of special numbers of two types, as columns.
fn pairs(a: Type, b: Type) -> Vec<Vec<u64>> {
    let (a, b) = (numbers(a), numbers(b));
    let all = || a.iter().flat_map(|&x| b.iter().map(move |&y| (x, y)));
    vec![all().map(|(x, _)| x).collect(), all().map(|(_, y)| y).collect()]
}

fn numeric() -> impl Iterator<Item = Type> {
    Type::ALL.into_iter().filter(|&ty| ty.is_float() || ty.is_integer())
}

#[test]
fn unary() {
    for ty in numeric() {
        let name = format!("negate {ty}");
        check(&name, &[ty], &[numbers(ty)], ty, |x| Op::Unary(UnaryOp::Negate, x[0]));
    }
    for ty in Type::ALL.into_iter().filter(|&ty| ty.is_integer() || ty == Type::Bool) {
        let name = format!("not {ty}");
        check(&name, &[ty], &[numbers(ty)], ty, |x| Op::Unary(UnaryOp::Not, x[0]));
    }
}

#[test]
fn binary() {
    use BinaryOp::*;
    for op in [Add, Subtract, Multiply, Divide] {
        for ty in numeric() {
            let name = format!("{op:?} {ty}");
            check(&name, &[ty, ty], &pairs(ty, ty), ty, |x| Op::Binary(op, x[0], x[1]));
        }
    }
    for op in [Remainder, And, Or, Xor] {
        for ty in Type::ALL {
            if ty.is_integer() || (ty == Type::Bool && op != Remainder) {
                let name = format!("{op:?} {ty}");
                check(&name, &[ty, ty], &pairs(ty, ty), ty, |x| Op::Binary(op, x[0], x[1]));
            }
        }
    }
    for op in [ShiftLeft, ShiftRight] {
        for ty in Type::ALL.into_iter().filter(|ty| ty.is_integer()) {
            for count in Type::ALL.into_iter().filter(|ty| ty.is_integer()) {
                let name = format!("{op:?} {ty} {count}");
                let columns = pairs(ty, count);
                check(&name, &[ty, count], &columns, ty, |x| Op::Binary(op, x[0], x[1]));
            }
        }
    }
}

#[test]
fn compare() {
    use CompareOp::*;
    for op in [Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual] {
        for ty in Type::ALL.into_iter().filter(|&ty| ty != Type::Ptr) {
            let name = format!("{op:?} {ty}");
            let columns = pairs(ty, ty);
            check(&name, &[ty, ty], &columns, Type::Bool, |x| Op::Compare(op, x[0], x[1]));
        }
    }
}

#[test]
fn select() {
    for ty in Type::ALL.into_iter().filter(|&ty| ty != Type::Ptr) {
        let mut columns = pairs(ty, ty);
        columns.insert(0, (0..columns[0].len() as u64).map(|lane| lane / 3 % 2).collect());
        let types = [Type::Bool, ty, ty];
        let name = format!("select {ty}");
        check(&name, &types, &columns, ty, |x| Op::Select(x[0], x[1], x[2]));
    }
}

#[test]
fn convert() {
    for from in Type::ALL.into_iter().filter(|&ty| ty != Type::Ptr) {
        for to in Type::ALL.into_iter().filter(|&ty| ty != Type::Ptr) {
            let name = format!("{from} to {to}");
            check(&name, &[from], &[numbers(from)], to, |x| Op::Convert(x[0]));
        }
    }
}

#[test]
fn mathematics() {
    for function in math::ALL {
        for ty in Type::ALL {
            let Some(signature) = math::signature(function, ty) else { continue };
            let columns = match *signature.parameters {
                [a] => vec![numbers(a)],
                [a, b] => pairs(a, b),
                [a, b, c] => {
                    let mut columns = pairs(a, b);
                    let third = numbers(c);
                    columns.push((0..columns[0].len()).map(|i| third[i % third.len()]).collect());
                    columns
                }
                _ => unreachable!(),
            };
            let name = format!("{function:?} {ty}");
            check(&name, signature.parameters, &columns, signature.result, |x| {
                Op::Math(function, x.to_vec())
            });
        }
    }
}

/// The vector forms of the elementary functions, densely.
#[test]
fn elementary_functions() {
    for function in [MathFunction::Exp, MathFunction::Log, MathFunction::Tanh] {
        let bits: Vec<u64> = (0..=u32::MAX).step_by(40_009).map(u64::from).collect();
        let near: Vec<u64> =
            (-60_000..60_000).map(|i| u64::from((i as f32 * 2e-3).to_bits())).collect();
        for column in [bits, near] {
            check(&format!("{function:?}"), &[Type::F32], &[column], Type::F32, |x| {
                Op::Math(function, x.to_vec())
            });
        }
    }
}

#[test]
fn random_numbers() {
    use RandomFunction::*;
    for function in [Bits, Uniform, Normal, Exponential, LogNormal, Gamma, Binomial] {
        for scalar in [Type::F32, Type::F64] {
            let signature = random::signature(function, scalar);
            let parameters: Vec<Type> = signature.parameters.into_iter().flatten().collect();
            let mut types = vec![Type::U64, Type::U64, Type::U32, Type::U32];
            types.extend(&parameters);
            let lanes = 300u64;
            let column = |ty: Type, i: u64| {
                (0..lanes).map(move |lane| match ty {
                    Type::F32 => u64::from((0.01 * lane as f32).to_bits()),
                    Type::F64 => (0.01 * lane as f64).to_bits(),
                    Type::U64 => (lane + i) << (lane % 50),
                    _ => lane * (i + 1),
                })
            };
            let columns: Vec<Vec<u64>> =
                types.iter().zip(0..).map(|(&ty, i)| column(ty, i).collect()).collect();
            let name = format!("{function:?} {scalar}");
            check(&name, &types, &columns, signature.result, |x| Op::Random {
                function,
                key: x[0],
                element: x[1],
                timestep: x[2],
                draw: x[3],
                arguments: x[4..].to_vec(),
            });
        }
    }
}

/// Elements in stretches, as those of neurons and of the synapses of a row are.
#[test]
fn random_numbers_of_stretches() {
    use RandomFunction::*;
    let long = |first: u64| (0..300).map(|lane| first.wrapping_add(lane)).collect::<Vec<_>>();
    let several = [(0, 40), (130, 70), (7, 3), (9, 1), (10, 100), (1 << 40, 17), (5, 69)]
        .into_iter()
        .flat_map(|(first, count)| (0..count).map(move |i| first + i))
        .collect();
    let firsts = [0, 1, 37, 63, 64, (1 << 34) - 20, u64::MAX - 100];
    let columns = firsts.into_iter().map(long).chain([several]);
    for elements in columns {
        for function in [Bits, Uniform, Normal, Exponential, LogNormal] {
            let mut builder = KernelBuilder::new("stretches");
            let mut slots = Vec::new();
            let mut read = |name: &str, ty: Type, pattern: Pattern, contents: Vec<u64>| {
                let slot = builder.slot(name, ty, variable(false));
                slots.push(binding(pattern, ty, contents));
                builder.read(slot)
            };
            let key = read("key", Type::U64, Pattern::Uniform, vec![0x1234_5678_9abc_def0]);
            let element = read("element", Type::U64, Pattern::Contiguous, elements.clone());
            let timestep = read("timestep", Type::U32, Pattern::Uniform, vec![77]);
            let draw = read("draw", Type::U32, Pattern::Uniform, vec![3]);
            let count = random::signature(function, Type::F32).parameters.iter().flatten().count();
            let argument = |i: usize| u64::from((0.5 + i as f32).to_bits());
            let arguments = (0..count)
                .map(|i| read("argument", Type::F32, Pattern::Uniform, vec![argument(i)]))
                .collect();
            let result = random::signature(function, Type::F32).result;
            let op = Op::Random { function, key, element, timestep, draw, arguments };
            let value = builder.op(op, result);
            let out = builder.slot("out", result, variable(true));
            builder.write(out, value);
            slots.push(binding(Pattern::Contiguous, result, vec![0; elements.len()]));
            let case = Case { kernel: builder.finish(), lanes: elements.len(), slots };
            assert_eq!(difference(&case), None, "{}", case.kernel);
        }
    }
}

/// Pairs of operations that the executor may do in one step.
#[test]
fn fused() {
    use BinaryOp::*;
    let arithmetic = [Add, Subtract, Multiply];
    for outer in arithmetic {
        for inner in arithmetic {
            for left in [true, false] {
                fused_case(|builder, [a, b, c, _]| {
                    let x = builder.binary(inner, a, b);
                    if left { builder.binary(outer, x, c) } else { builder.binary(outer, c, x) }
                });
                fused_case(|builder, [a, b, c, d]| {
                    let condition = builder.compare(CompareOp::Less, c, d);
                    let x = builder.binary(inner, a, b);
                    if left {
                        builder.select(condition, x, c)
                    } else {
                        builder.select(condition, c, x)
                    }
                });
            }
            fused_case(|builder, [a, b, c, d]| {
                let x = builder.binary(inner, a, b);
                let y = builder.binary(inner, c, d);
                builder.binary(outer, x, y)
            });
        }
    }
    use CompareOp::*;
    let comparisons = [Less, LessEqual, Greater, GreaterEqual, Equal];
    for first in comparisons {
        for second in comparisons {
            fused_case(|builder, [a, b, c, d]| {
                let x = builder.compare(first, a, b);
                let y = builder.compare(second, c, d);
                let both = builder.and(x, y);
                builder.select(both, a, d)
            });
        }
        fused_case(|builder, [a, b, c, d]| {
            let x = builder.compare(first, a, b);
            builder.select(x, c, d)
        });
    }
}

fn fused_case(make: impl Fn(&mut KernelBuilder, [mlgenn_ir::Value; 4]) -> mlgenn_ir::Value) {
    let special = numbers(Type::F32);
    let lanes = special.len() * 7 + 5;
    // In registers, in place, and in place in the memory that the result goes to.
    for kind in 0..3 {
        let mut builder = KernelBuilder::new("fused");
        let mut slots = Vec::new();
        let mut values = [mlgenn_ir::Value(0); 4];
        let one = builder.number(Type::F32, 1.0);
        let mut first = None;
        for (i, value) in values.iter_mut().enumerate() {
            let slot = builder.slot(&format!("x{i}"), Type::F32, variable(i == 0));
            first.get_or_insert(slot);
            let read = builder.read(slot);
            *value = if kind == 0 { builder.binary(BinaryOp::Divide, read, one) } else { read };
            let step = [1, 3, 5, 7][i];
            let column = (0..lanes).map(|lane| special[lane * step % special.len()]).collect();
            slots.push(binding(Pattern::Contiguous, Type::F32, column));
        }
        let result = make(&mut builder, values);
        let out = builder.slot("out", Type::F32, variable(true));
        slots.push(binding(Pattern::Contiguous, Type::F32, vec![0; lanes]));
        builder.write(if kind == 2 { first.unwrap() } else { out }, result);
        if kind != 2 {
            builder.write(first.unwrap(), one);
        } else {
            builder.write(out, one);
        }
        let case = Case { kernel: builder.finish(), lanes, slots };
        assert_eq!(difference(&case), None, "{}", case.kernel);
    }
}
