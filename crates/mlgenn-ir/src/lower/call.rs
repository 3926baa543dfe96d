//! Calls of built-in functions and of those of the environment.

use mlgenn_lang::Span;
use mlgenn_lang::typed::{Expr, ExprKind, Function, MathFunction, RandomFunction};

use super::{Binding, LowerError, Lowering, RandomSource, ir_type, malformed, unsupported};
use crate::builder::KernelBuilder;
use crate::kernel::Value;
use crate::math;
use crate::op::{BinaryOp, Op};
use crate::types::Type;

impl Lowering {
    /// Lower a call; its result, if it has one.
    pub(super) fn call(
        &mut self,
        b: &mut KernelBuilder,
        function: &Function,
        arguments: &[Expr],
        call: &Expr,
    ) -> Result<Option<Value>, LowerError> {
        let span = call.span;
        if let Function::Printf = function {
            return self.print(b, arguments, span).map(Some);
        }
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.value(b, argument)?);
        }
        match function {
            Function::Symbol(symbol) => match self.binding(*symbol, span)? {
                Binding::Function(function) => {
                    function(b, &values).map_err(|error| error.or_at(span))
                }
                _ => malformed("a call of a name that is no function", span),
            },
            Function::Math(function, ty) => {
                math(b, *function, Type::from(*ty), values, span).map(Some)
            }
            Function::Random(function) => {
                let ty = ir_type(&call.ty, span)?;
                self.random(b, *function, ty, values, span).map(Some)
            }
            Function::Assert => match values[..] {
                [condition] => {
                    let condition = b.convert(condition, Type::Bool);
                    b.effect(Op::Assert(condition));
                    Ok(None)
                }
                _ => malformed("the arguments of assert", span),
            },
            Function::AtomicOr => match values[..] {
                [pointer, bits] => {
                    b.effect(Op::AtomicOr(pointer, bits));
                    Ok(None)
                }
                _ => malformed("the arguments of atomic_or", span),
            },
            Function::Printf => malformed("the arguments of printf", span),
        }
    }

    fn print(
        &mut self,
        b: &mut KernelBuilder,
        arguments: &[Expr],
        span: Span,
    ) -> Result<Value, LowerError> {
        let Some((first, rest)) = arguments.split_first() else {
            return malformed("a call of printf without a format", span);
        };
        let ExprKind::String(format) = &first.kind else {
            return unsupported("printf with a format that is no string literal", span);
        };
        let mut values = Vec::with_capacity(rest.len());
        for argument in rest {
            values.push(self.value(b, argument)?);
        }
        b.effect(Op::Print { format: format.clone(), arguments: values });
        // The number of characters printed, which nothing can make use of.
        Ok(b.constant(Type::I32, 0))
    }

    fn random(
        &mut self,
        b: &mut KernelBuilder,
        function: RandomFunction,
        ty: Type,
        arguments: Vec<Value>,
        span: Span,
    ) -> Result<Value, LowerError> {
        let Some(RandomSource { key, element, timestep, draw }) = self.random else {
            return unsupported("drawing random numbers", span);
        };
        let number = b.get(draw);
        let op = Op::Random { function, key, element, timestep, draw: number, arguments };
        let result = b.op(op, ty);
        let one = b.constant(Type::U32, 1);
        let next = b.binary(BinaryOp::Add, number, one);
        b.set(draw, next);
        Ok(result)
    }
}

fn math(
    b: &mut KernelBuilder,
    function: MathFunction,
    ty: Type,
    mut arguments: Vec<Value>,
    span: Span,
) -> Result<Value, LowerError> {
    let Some(signature) = math::signature(function, ty) else {
        return unsupported(format!("{function:?} of {ty}"), span);
    };
    if arguments.len() != signature.parameters.len() {
        return malformed(format!("the arguments of {function:?}"), span);
    }
    for (argument, &parameter) in arguments.iter_mut().zip(signature.parameters) {
        *argument = b.convert(*argument, parameter);
    }
    Ok(b.op(Op::Math(function, arguments), signature.result))
}
