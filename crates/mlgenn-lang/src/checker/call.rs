//! Calls of built-in functions and of those of the environment.

use super::expression::{Named, number};
use super::{Checked, Checker, convert_number};
use crate::ast;
use crate::conversion::{common_type, promote};
use crate::environment::SymbolKind;
use crate::functions::Builtin;
use crate::span::Span;
use crate::typed::{Expr, ExprKind, Function, MathFunction, RandomFunction, SymbolId};
use crate::types::{NumericType, Type, TypeKind};

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        span: Span,
        callee: &ast::Expr,
        arguments: &[ast::Expr],
    ) -> Checked<Expr> {
        let not_a_function = "what is called here is not a function";
        let ast::ExprKind::Name(name) = &callee.kind else {
            return self.fail(callee.span, not_a_function, "functions are called by their names");
        };
        let named = self.resolve(callee.span, name);
        // All arguments are checked, so that all mistakes are told.
        let arguments: Vec<_> = arguments.iter().map(|it| self.expression(it)).collect();
        let arguments = arguments.into_iter().collect::<Checked<Vec<_>>>();
        match named? {
            Named::Builtin(builtin) => self.builtin(span, name, builtin, arguments?),
            Named::Symbol(id) => self.symbol_call(span, id, arguments?),
            Named::Local(_) => {
                let hint = format!("`{name}` is a local variable; rename it");
                self.fail(callee.span, not_a_function, &hint)
            }
        }
    }

    fn symbol_call(&mut self, span: Span, id: SymbolId, arguments: Vec<Expr>) -> Checked<Expr> {
        let environment = self.environment;
        let symbol = environment.symbol(id);
        let SymbolKind::Function { parameters, optional, .. } = &symbol.kind else {
            let message = format!("`{}` is not a function", symbol.name);
            return self.fail(span, message, "remove the parentheses");
        };
        let least = parameters.len().saturating_sub(*optional);
        if !(least..=parameters.len()).contains(&arguments.len()) {
            let types: Vec<String> = parameters.iter().map(ToString::to_string).collect();
            let hint = format!("it is called as `{}({})`", symbol.name, types.join(", "));
            return self.wrong_count(span, &symbol.name, arguments.len(), &hint);
        }
        let arguments = arguments
            .into_iter()
            .zip(parameters)
            .map(|(argument, ty)| self.convert(argument, ty))
            .collect::<Checked<Vec<_>>>()?;
        let ty = Type { is_const: false, ..symbol.ty.clone() };
        Ok(Expr { span, ty, kind: ExprKind::Call(Function::Symbol(id), arguments) })
    }

    fn wrong_count<T>(&mut self, span: Span, name: &str, given: usize, hint: &str) -> Checked<T> {
        let plural = if given == 1 { "" } else { "s" };
        self.fail(span, format!("`{name}` does not take {given} argument{plural}"), hint)
    }

    fn builtin(
        &mut self,
        span: Span,
        name: &str,
        builtin: Builtin,
        mut arguments: Vec<Expr>,
    ) -> Checked<Expr> {
        let arity = builtin.arity();
        let too_many = arguments.len() > arity && builtin != Builtin::Printf;
        if arguments.len() < arity || too_many {
            let at_least = if builtin == Builtin::Printf { "at least " } else { "" };
            let hint = format!("the number of arguments is {at_least}{arity}");
            return self.wrong_count(span, name, arguments.len(), &hint);
        }
        match builtin {
            Builtin::Printf => return self.printf(span, arguments),
            Builtin::Assert => {
                let condition = self.truth(arguments.remove(0))?;
                let kind = ExprKind::Call(Function::Assert, vec![condition]);
                return Ok(Expr { span, ty: Type::void(), kind });
            }
            Builtin::AtomicOr => {
                let word = Type::numeric(NumericType::UInt32);
                let value = self.convert(arguments.remove(1), &word)?;
                let target = self.convert(arguments.remove(0), &Type::pointer(word))?;
                let kind = ExprKind::Call(Function::AtomicOr, vec![target, value]);
                return Ok(Expr { span, ty: Type::void(), kind });
            }
            _ => {}
        }
        let types = self.numeric_types(name, &arguments)?;
        Ok(self.numeric_builtin(span, builtin, arguments, &types))
    }

    fn numeric_types(&mut self, name: &str, arguments: &[Expr]) -> Checked<Vec<NumericType>> {
        let mut types = Vec::new();
        for argument in arguments {
            let Some(ty) = argument.ty.as_numeric() else {
                let message = format!("`{name}` takes numbers, not `{}`", argument.ty);
                let hint = "read what a pointer points to with `*name` or `name[i]`";
                return self.fail(argument.span, message, hint);
            };
            types.push(ty);
        }
        Ok(types)
    }

    /// Floating-point type in which a function of numbers is computed: `double` if any argument is,
    /// else `float` if any argument is, else `scalar`.
    fn float_type(&self, types: &[NumericType]) -> NumericType {
        let floats = types.iter().copied().filter(|ty| ty.is_float());
        floats.reduce(common_type).unwrap_or(self.precision.scalar)
    }

    fn numeric_builtin(
        &self,
        span: Span,
        builtin: Builtin,
        mut arguments: Vec<Expr>,
        types: &[NumericType],
    ) -> Expr {
        let scalar = self.precision.scalar;
        let (function, parameters, result) = match builtin {
            Builtin::Float(math, arity) => {
                let ty = self.float_type(types);
                (Function::Math(math, ty), vec![ty; arity], ty)
            }
            Builtin::FloatAndInt(math) => {
                let ty = self.float_type(&types[..1]);
                (Function::Math(math, ty), vec![ty, NumericType::Int32], ty)
            }
            Builtin::Ilogb => {
                let ty = self.float_type(types);
                (Function::Math(MathFunction::Ilogb, ty), vec![ty], NumericType::Int32)
            }
            Builtin::Extremum(math) => {
                let ty = common_type(types[0], types[1]);
                (Function::Math(math, ty), vec![ty; 2], ty)
            }
            Builtin::Abs => {
                let ty = promote(types[0]);
                if !ty.is_signed() {
                    return Expr { span, ..arguments.remove(0) };
                }
                (Function::Math(MathFunction::Abs, ty), vec![ty], ty)
            }
            Builtin::Random(random) => {
                let (parameters, result) = match random {
                    RandomFunction::Bits => (vec![], NumericType::UInt32),
                    RandomFunction::Binomial => {
                        (vec![NumericType::UInt32, scalar], NumericType::UInt32)
                    }
                    _ => (vec![scalar; types.len()], scalar),
                };
                (Function::Random(random), parameters, result)
            }
            Builtin::Clz | Builtin::Printf | Builtin::Assert | Builtin::AtomicOr => {
                let word = NumericType::UInt32;
                (Function::Math(MathFunction::Clz, word), vec![word], NumericType::Int32)
            }
        };
        let arguments = arguments
            .into_iter()
            .zip(parameters)
            .map(|(argument, ty)| convert_number(argument, ty))
            .collect();
        number(span, result, ExprKind::Call(function, arguments))
    }

    fn printf(&mut self, span: Span, arguments: Vec<Expr>) -> Checked<Expr> {
        let mut converted = Vec::new();
        for (index, argument) in arguments.into_iter().enumerate() {
            let is_string = argument.ty.kind == TypeKind::String;
            converted.push(match argument.ty.as_numeric() {
                Some(ty) if index > 0 => convert_number(argument, promote(ty)),
                None if is_string => argument,
                _ => {
                    let message = format!("`printf` does not take `{}` here", argument.ty);
                    let hint = "first a format in quotes, then numbers";
                    return self.fail(argument.span, message, hint);
                }
            });
        }
        let kind = ExprKind::Call(Function::Printf, converted);
        Ok(number(span, NumericType::Int32, kind))
    }
}
