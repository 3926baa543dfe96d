//! The names that a slot of model code sees, and running code in a kernel under construction.

use mlgenn_ir::lower::{
    Binding, EachSynapse, ElementBinding, LowerError, Lowering, RandomSource, SynapseRow,
};
use mlgenn_ir::{Cell, KernelBuilder, SlotId, Value};
use mlgenn_lang::{
    Checker, Environment, NumericType, Precision, Source, Symbol, SymbolKind, Type, parse_type,
};

use crate::description::{Param, ParamValues};
use crate::error::ModelError;

/// Effect of a function that code calls.
pub(crate) type Effect =
    Box<dyn Fn(&mut KernelBuilder, &[Value]) -> Result<Option<Value>, LowerError>>;

/// The names of one slot, or of several slots that share their names.
pub(crate) struct Scope {
    /// Which object, for messages, such as `Neuron group 'Hidden'`.
    pub(crate) context: String,
    precision: Precision,
    environment: Environment,
    bindings: Vec<Binding>,
    random: Option<RandomSource>,
    each_synapse: EachSynapse,
}

impl Scope {
    pub(crate) fn new(context: String, precision: Precision) -> Self {
        Self {
            context,
            precision,
            environment: Environment::default(),
            bindings: Vec::new(),
            random: None,
            each_synapse: EachSynapse::default(),
        }
    }

    /// Allow `gennrand…` functions.
    pub(crate) fn allow_random(&mut self, source: RandomSource) {
        self.environment.allows_random = true;
        self.random = Some(source);
    }

    /// Parse a type of a declaration.
    pub(crate) fn parse_type(&self, text: &str) -> Result<Type, ModelError> {
        parse_type(text, self.precision)
            .map_err(|error| ModelError::invalid(&self.context, format!("type {text:?}: {error}")))
    }

    /// Parse a numeric type of a declaration.
    pub(crate) fn parse_number(&self, text: &str) -> Result<NumericType, ModelError> {
        let ty = self.parse_type(text)?;
        ty.as_numeric().ok_or_else(|| {
            ModelError::invalid(&self.context, format!("type {text:?} is not a number"))
        })
    }

    fn define(
        &mut self,
        name: &str,
        ty: Type,
        kind: SymbolKind,
        binding: Binding,
    ) -> Result<(), ModelError> {
        let symbol = Symbol { name: name.to_owned(), ty, kind };
        self.environment.add(symbol).map_err(|_| ModelError::Name {
            context: self.context.clone(),
            name: name.to_owned(),
            problem: "is used for two things".to_owned(),
        })?;
        self.bindings.push(binding);
        Ok(())
    }

    /// A value that code may read.
    pub(crate) fn value(
        &mut self,
        name: &str,
        ty: NumericType,
        value: Value,
    ) -> Result<(), ModelError> {
        let ty = Type { is_const: true, ..Type::numeric(ty) };
        self.define(name, ty, SymbolKind::Value, Binding::Value(value))
    }

    /// A value that code may read and assign to.
    pub(crate) fn cell(
        &mut self,
        name: &str,
        ty: NumericType,
        cell: Cell,
    ) -> Result<(), ModelError> {
        self.define(name, Type::numeric(ty), SymbolKind::Value, Binding::Cell(cell))
    }

    /// A variable that code may read, as it is when the code runs.
    pub(crate) fn view(
        &mut self,
        name: &str,
        ty: NumericType,
        cell: Cell,
    ) -> Result<(), ModelError> {
        let ty = Type { is_const: true, ..Type::numeric(ty) };
        self.define(name, ty, SymbolKind::Value, Binding::Cell(cell))
    }

    /// An element of an array, which is looked for anew at each use.
    pub(crate) fn element(
        &mut self,
        name: &str,
        ty: NumericType,
        writable: bool,
        find: ElementBinding,
    ) -> Result<(), ModelError> {
        let ty = Type { is_const: !writable, ..Type::numeric(ty) };
        self.define(name, ty, SymbolKind::Value, Binding::Element(find))
    }

    /// A value that code may only assign to.
    pub(crate) fn write_only(
        &mut self,
        name: &str,
        ty: NumericType,
        cell: Cell,
    ) -> Result<(), ModelError> {
        self.define(name, Type::numeric(ty), SymbolKind::WriteOnly, Binding::Cell(cell))
    }

    /// A value that code reads as of some timesteps ago, `name[d]`.
    pub(crate) fn history(
        &mut self,
        name: &str,
        ty: NumericType,
        slot: SlotId,
    ) -> Result<(), ModelError> {
        let ty = Type { is_const: true, ..Type::numeric(ty) };
        self.define(name, ty, SymbolKind::DelayableValue, Binding::History(slot))
    }

    /// An array.
    pub(crate) fn array(&mut self, name: &str, ty: Type, slot: SlotId) -> Result<(), ModelError> {
        self.define(name, ty, SymbolKind::Value, Binding::Array(slot))
    }

    /// A function without result.
    pub(crate) fn function(
        &mut self,
        name: &str,
        parameters: &[NumericType],
        effect: Effect,
    ) -> Result<(), ModelError> {
        let kind = SymbolKind::Function {
            parameters: parameters.iter().map(|&ty| Type::numeric(ty)).collect(),
            optional: 0,
            only_for_each_synapse: false,
        };
        self.define(name, Type::void(), kind, Binding::Function(effect))
    }

    /// A function without result that may only be called inside `for_each_synapse`.
    pub(crate) fn function_of_synapses(
        &mut self,
        name: &str,
        parameters: &[NumericType],
        effect: Effect,
    ) -> Result<(), ModelError> {
        let kind = SymbolKind::Function {
            parameters: parameters.iter().map(|&ty| Type::numeric(ty)).collect(),
            optional: 0,
            only_for_each_synapse: true,
        };
        self.define(name, Type::void(), kind, Binding::Function(effect))
    }

    /// Allow `for_each_synapse`, where each lane is one synapse; inside it code sees these names.
    pub(crate) fn one_synapse_per_lane(&mut self, inside: &[&str]) {
        let names = inside.iter().filter_map(|name| self.environment.find(name));
        self.environment.for_each_synapse = Some(names.collect());
        self.each_synapse = EachSynapse::Lane;
    }

    /// Allow `for_each_synapse`, where each lane is a row; inside it code sees these names.
    pub(crate) fn one_row_per_lane(&mut self, row: SynapseRow, inside: &[String]) {
        let names = inside.iter().filter_map(|name| self.environment.find(name));
        self.environment.for_each_synapse = Some(names.collect());
        self.each_synapse = EachSynapse::Row(row);
    }

    /// A whole number, such as `num_neurons`.
    pub(crate) fn count(
        &mut self,
        builder: &mut KernelBuilder,
        name: &str,
        count: usize,
    ) -> Result<(), ModelError> {
        let value = builder.number(mlgenn_ir::Type::U32, count as f64);
        self.value(name, NumericType::UInt32, value)
    }

    /// Parameters and derived parameters that are constants of the kernel.
    pub(crate) fn constants(
        &mut self,
        builder: &mut KernelBuilder,
        declared: impl IntoIterator<Item = Param>,
        values: &ParamValues,
    ) -> Result<(), ModelError> {
        for param in declared {
            let ty = self.parse_number(&param.type_name)?;
            let number = *values.get(&param.name).ok_or_else(|| {
                ModelError::invalid(
                    &self.context,
                    format!("parameter {:?} has no value", param.name),
                )
            })?;
            check_range(ty, number).map_err(|problem| {
                ModelError::invalid(&self.context, format!("parameter {:?} {problem}", param.name))
            })?;
            let value = builder.number(ty.into(), number);
            self.value(&param.name, ty, value)?;
        }
        Ok(())
    }

    /// Make the names usable by code.
    pub(crate) fn open(self) -> OpenScope {
        let mut lowering = Lowering::new(self.bindings, self.random);
        lowering.set_each_synapse(self.each_synapse);
        OpenScope {
            context: self.context,
            precision: self.precision,
            environment: self.environment,
            lowering,
        }
    }
}

/// A complete set of names.
pub(crate) struct OpenScope {
    context: String,
    precision: Precision,
    environment: Environment,
    lowering: Lowering,
}

impl OpenScope {
    /// Start running slots; locals of one are visible in those that follow.
    pub(crate) fn code(&mut self) -> Code<'_> {
        Code {
            context: &self.context,
            checker: Checker::new(&self.environment, self.precision),
            lowering: &mut self.lowering,
        }
    }
}

/// Slots of code that share their names and their outermost locals.
pub(crate) struct Code<'a> {
    context: &'a str,
    checker: Checker<'a>,
    lowering: &'a mut Lowering,
}

impl Code<'_> {
    /// Run statements.
    pub(crate) fn statements(
        &mut self,
        builder: &mut KernelBuilder,
        slot: &str,
        text: &str,
    ) -> Result<(), ModelError> {
        let source = self.source(slot, text);
        let block = self.checker.statements(&source)?;
        self.lowering
            .block(builder, &block, self.checker.locals())
            .map_err(|error| ModelError::Lower { context: source.name().to_owned(), source: error })
    }

    /// Evaluate a condition.
    pub(crate) fn condition(
        &mut self,
        builder: &mut KernelBuilder,
        slot: &str,
        text: &str,
    ) -> Result<Value, ModelError> {
        let source = self.source(slot, text);
        let expression = self.checker.condition(&source)?;
        self.lowering
            .condition(builder, &expression, self.checker.locals())
            .map_err(|error| ModelError::Lower { context: source.name().to_owned(), source: error })
    }

    fn source(&self, slot: &str, text: &str) -> Source {
        Source::new(format!("{} {slot}", self.context), text)
    }
}

/// Whether a number can be a value of a type, fractions being cut off.
fn check_range(ty: NumericType, number: f64) -> Result<(), String> {
    if number.is_nan() {
        return Err("is not a number (NaN)".to_owned());
    }
    let (low, high) = match ty {
        NumericType::Float | NumericType::Double => return Ok(()),
        NumericType::Bool => (0.0, 1.0),
        integer => {
            let bits = integer.bits() as i32;
            if integer.is_signed() {
                (-(2f64.powi(bits - 1)), 2f64.powi(bits - 1) - 1.0)
            } else {
                (0.0, 2f64.powi(bits) - 1.0)
            }
        }
    };
    if (low..=high).contains(&number.trunc()) {
        Ok(())
    } else {
        Err(format!("has the value {number}, which is outside of {ty} ({low} to {high})"))
    }
}
