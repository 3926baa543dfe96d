//! Every operation on every type, with special values.

use mlgenn_lang::typed::RandomFunction;

use super::{Binding, Case};
use crate::builder::KernelBuilder;
use crate::evaluate::truncate;
use crate::kernel::{Domain, SlotKind, Value};
use crate::launch::{Pattern, Ring};
use crate::op::{BinaryOp, CompareOp, Op, UnaryOp};
use crate::types::Type;
use crate::{math, random};

/// Cases that run each operation without effect on columns of special numbers; operations on
/// operands of the same types share a kernel.
pub fn operation_cases() -> Vec<Case> {
    let mut cases: Vec<Case> = NUMBERS.into_iter().map(one_operand).collect();
    cases.extend(NUMBERS.into_iter().map(two_operands));
    for ty in NUMBERS.into_iter().filter(|ty| ty.is_integer()) {
        cases.extend(NUMBERS.into_iter().filter(|ty| ty.is_integer()).map(|count| {
            let mut case = Builder::new(&format!("shifts of {ty} by {count}"), &[ty, count]);
            for op in [BinaryOp::ShiftLeft, BinaryOp::ShiftRight] {
                case.add(ty, |x| Op::Binary(op, x[0], x[1]));
            }
            case.finish()
        }));
    }
    for ty in [Type::F32, Type::F64] {
        cases.push(scaling(ty));
        cases.push(random_numbers(ty));
    }
    cases.push(leading_zeros());
    cases
}

const NUMBERS: [Type; 11] = [
    Type::Bool,
    Type::I8,
    Type::U8,
    Type::I16,
    Type::U16,
    Type::I32,
    Type::U32,
    Type::I64,
    Type::U64,
    Type::F32,
    Type::F64,
];

fn one_operand(ty: Type) -> Case {
    let mut case = Builder::new(&format!("unary {ty}"), &[ty]);
    if ty != Type::Bool {
        case.add(ty, |x| Op::Unary(UnaryOp::Negate, x[0]));
    }
    if !ty.is_float() {
        case.add(ty, |x| Op::Unary(UnaryOp::Not, x[0]));
    }
    for to in NUMBERS {
        case.add(to, |x| Op::Convert(x[0]));
    }
    case.finish()
}

/// Operators, comparisons, selections and functions.
fn two_operands(ty: Type) -> Case {
    use BinaryOp::*;
    use CompareOp::*;
    let mut case = Builder::new(&format!("binary {ty}"), &[ty, ty]);
    for op in [Add, Subtract, Multiply, Divide, Remainder, And, Or, Xor] {
        let fits = match op {
            Remainder => ty.is_integer(),
            And | Or | Xor => !ty.is_float(),
            _ => ty != Type::Bool,
        };
        if fits {
            case.add(ty, |x| Op::Binary(op, x[0], x[1]));
        }
    }
    for op in [Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual] {
        let holds = case.add(Type::Bool, |x| Op::Compare(op, x[0], x[1]));
        case.add(ty, |x| Op::Select(holds, x[1], x[0]));
    }
    for function in math::ALL {
        let Some(signature) = math::signature(function, ty) else { continue };
        let arguments: &[usize] = &[0, 1, 0][..signature.parameters.len()];
        if signature.parameters.iter().all(|&parameter| parameter == ty) {
            case.add(signature.result, |x| {
                Op::Math(function, arguments.iter().map(|&i| x[i]).collect())
            });
        }
    }
    case.finish()
}

fn scaling(ty: Type) -> Case {
    use mlgenn_lang::typed::MathFunction::{Ldexp, Scalbn};
    let mut case = Builder::new(&format!("scaling {ty}"), &[ty, Type::I32]);
    for function in [Ldexp, Scalbn] {
        case.add(ty, |x| Op::Math(function, x.to_vec()));
    }
    case.finish()
}

fn leading_zeros() -> Case {
    let mut case = Builder::new("leading zeros", &[Type::U32]);
    case.add(Type::I32, |x| Op::Math(mlgenn_lang::typed::MathFunction::Clz, x.to_vec()));
    case.finish()
}

/// All distributions, with many parameters.
fn random_numbers(scalar: Type) -> Case {
    use RandomFunction::*;
    let lanes = 300u64;
    let float = |x: f64| {
        if scalar == Type::F64 { x.to_bits() } else { u64::from((x as f32).to_bits()) }
    };
    let types = [Type::U64, Type::U64, Type::U32, Type::U32, Type::U32, scalar, scalar];
    let columns = vec![
        (0..lanes).map(|lane| lane << (lane % 50)).collect(),
        (0..lanes).map(|lane| (lane + 1) << (lane % 40)).collect(),
        (0..lanes).map(|lane| 2 * lane).collect(),
        (0..lanes).map(|lane| lane % 7).collect(),
        // Trials, probabilities and shapes.
        (0..lanes).map(|lane| lane * lane % 1000).collect(),
        (0..lanes).map(|lane| float(0.004 * lane as f64 - 0.02)).collect(),
        (0..lanes).map(|lane| float(0.02 * lane as f64)).collect(),
    ];
    let mut case = Builder::with_columns(&format!("random {scalar}"), &types, columns);
    for function in [Bits, Uniform, Normal, Exponential, LogNormal, Gamma, Binomial] {
        let signature = random::signature(function, scalar);
        case.add(signature.result, |x| Op::Random {
            function,
            key: x[0],
            element: x[1],
            timestep: x[2],
            draw: x[3],
            arguments: match function {
                Binomial => vec![x[4], x[5]],
                LogNormal => vec![x[5], x[6]],
                Gamma => vec![x[6]],
                _ => Vec::new(),
            },
        });
    }
    case.finish()
}

/// A kernel that reads columns and writes what operations make of them.
struct Builder {
    kernel: KernelBuilder,
    lanes: usize,
    slots: Vec<Binding>,
    operands: Vec<Value>,
}

impl Builder {
    /// Columns with all combinations of special numbers.
    fn new(name: &str, types: &[Type]) -> Self {
        let columns = match *types {
            [a] => vec![special(a)],
            _ => {
                let (a, b) = (special(types[0]), special(types[1]));
                let all = || a.iter().flat_map(|&x| b.iter().map(move |&y| (x, y)));
                vec![all().map(|(x, _)| x).collect(), all().map(|(_, y)| y).collect()]
            }
        };
        Self::with_columns(name, types, columns)
    }

    fn with_columns(name: &str, types: &[Type], columns: Vec<Vec<u64>>) -> Self {
        let lanes = columns.first().map_or(0, Vec::len);
        let kernel = KernelBuilder::new(name);
        let mut builder = Self { kernel, lanes, slots: Vec::new(), operands: Vec::new() };
        for (i, (&ty, column)) in types.iter().zip(columns).enumerate() {
            let slot = builder.slot(&format!("x{i}"), ty, false, column);
            let operand = builder.kernel.read(slot);
            builder.operands.push(operand);
        }
        builder
    }

    fn slot(
        &mut self,
        name: &str,
        ty: Type,
        writable: bool,
        contents: Vec<u64>,
    ) -> crate::kernel::SlotId {
        self.slots.push(Binding {
            pattern: Pattern::Contiguous,
            ty,
            contents,
            offset: 0,
            indices: Vec::new(),
            length: 0,
            ring: Ring { slots: 1, current: 0, stride: 0 },
        });
        let kind = SlotKind::Variable { domain: Domain::Neuron, writable };
        self.kernel.slot(name, ty, kind)
    }

    /// Add an operation with a result of type `ty`.
    fn add(&mut self, ty: Type, op: impl FnOnce(&[Value]) -> Op) -> Value {
        let value = self.kernel.op(op(&self.operands), ty);
        let name = format!("y{}", self.slots.len());
        let slot = self.slot(&name, ty, true, vec![0; self.lanes]);
        self.kernel.write(slot, value);
        value
    }

    fn finish(self) -> Case {
        Case { kernel: self.kernel.finish(), lanes: self.lanes, slots: self.slots }
    }
}

/// Numbers where something special may happen, then some ordinary ones.
fn special(ty: Type) -> Vec<u64> {
    let floats = || {
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
    };
    match ty {
        Type::Bool => vec![0, 1],
        Type::F32 => {
            let edges = [0x0000_0001u32, 0x007f_ffff, 0x0080_0000, 0x7f7f_ffff, 0x4eff_ffff];
            let edges = edges.into_iter().flat_map(|edge| [edge, edge | 0x8000_0000]);
            let floats = floats().map(|x| (x as f32).to_bits());
            floats.chain(edges).map(u64::from).collect()
        }
        Type::F64 => {
            let edges = [1, 0x000f_ffff_ffff_ffff, 0x0010_0000_0000_0000, 0x7fef_ffff_ffff_ffff];
            floats().map(f64::to_bits).chain(edges).collect()
        }
        _ => {
            let all = u64::MAX >> (64 - 8 * ty.bytes() as u32);
            let small = [0, 1, 2, 3, 7, 8, 15, 31, 32, 33, 63, 64, 100];
            let edges = [all, all - 1, all >> 1, (all >> 1) + 1, 0x1234_5678_9abc_def0];
            small.into_iter().chain(edges).map(|bits| truncate(ty, bits)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpret::Interpreter;
    use crate::verify::verify;

    #[test]
    fn cases_are_valid_and_run() {
        let cases = operation_cases();
        assert_eq!(cases.len(), 91);
        for case in cases {
            verify(&case.kernel).unwrap();
            assert_eq!(case.run(&Interpreter).unwrap().fault, None);
        }
    }
}
