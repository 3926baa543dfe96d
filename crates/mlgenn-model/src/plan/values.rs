//! Parameters and extra global parameters: their arrays, and their names in model code.

use mlgenn_ir::{Domain, SlotKind, Type};

use super::Planner;
use super::kernel::{Composer, RingPosition, SlotBinding};
use super::scope::Scope;
use crate::description::{Egp, Param, ParamValues};
use crate::error::ModelError;
use crate::layout::{Array, ArrayId, Copies, Length};

impl Planner {
    /// The array with that path.
    pub(super) fn array(&self, path: &str) -> Result<ArrayId, ModelError> {
        self.layout
            .find(path)
            .ok_or_else(|| ModelError::unknown("network", "array", path, std::iter::empty()))
    }

    /// Arrays of extra global parameters under `egps`.
    pub(super) fn add_egps(
        &mut self,
        context: &str,
        prefix: &str,
        egps: &[Egp],
    ) -> Result<(), ModelError> {
        self.add_egps_as(context, prefix, "egps", egps)
    }

    /// Arrays of extra global parameters.
    pub(super) fn add_egps_as(
        &mut self,
        context: &str,
        prefix: &str,
        role: &str,
        egps: &[Egp],
    ) -> Result<(), ModelError> {
        let scope = Scope::new(context.to_owned(), self.precision);
        for egp in egps {
            let ty = scope.parse_type(&egp.type_name)?;
            let Some(element) = ty.pointee().and_then(mlgenn_lang::Type::as_numeric) else {
                return Err(ModelError::invalid(
                    context,
                    format!(
                        "extra global parameter {:?} has type {:?}; a pointer to a number, such \
                         as \"scalar*\", is needed",
                        egp.name, egp.type_name
                    ),
                ));
            };
            let path = format!("{prefix}.{role}.{}", egp.name);
            let mut array = Array::new(path, element.into(), Copies::Shared, 0);
            array.length = Length::GivenAtLoad;
            self.layout.add(array)?;
        }
        Ok(())
    }

    /// Arrays of dynamic parameters under `params`.
    pub(super) fn add_dynamic_params(
        &mut self,
        context: &str,
        prefix: &str,
        declared: &[Param],
        values: &ParamValues,
        dynamic: &[String],
    ) -> Result<(), ModelError> {
        self.add_dynamic_params_as(context, (prefix, "params"), declared, values, dynamic)
    }

    /// Arrays of dynamic parameters.
    pub(super) fn add_dynamic_params_as(
        &mut self,
        context: &str,
        (prefix, role): (&str, &str),
        declared: &[Param],
        values: &ParamValues,
        dynamic: &[String],
    ) -> Result<(), ModelError> {
        let scope = Scope::new(context.to_owned(), self.precision);
        for name in dynamic {
            let Some(param) = declared.iter().find(|param| param.name == *name) else {
                let names = declared.iter().map(|param| param.name.as_str());
                return Err(ModelError::unknown(context, "parameter", name, names));
            };
            let ty: Type = scope.parse_number(&param.type_name)?.into();
            let path = format!("{prefix}.{role}.{name}");
            let mut array = Array::new(path, ty, Copies::Shared, 1);
            array.fill = number_bits(ty, values.get(name).copied().unwrap_or(0.0));
            self.layout.add(array)?;
        }
        Ok(())
    }

    /// Let code read parameters and derived parameters.
    pub(super) fn define_params(
        &self,
        scope: &mut Scope,
        composer: &mut Composer,
        (prefix, role): (&str, &str),
        (params, derived): (&[Param], &[Param]),
        values: &ParamValues,
        dynamic: &[String],
    ) -> Result<(), ModelError> {
        let (moving, fixed): (Vec<_>, Vec<_>) =
            params.iter().cloned().partition(|param| dynamic.contains(&param.name));
        scope.constants(&mut composer.builder, fixed, values)?;
        scope.constants(&mut composer.builder, derived.iter().cloned(), values)?;
        for param in moving {
            let array = self.array(&format!("{prefix}.{role}.{}", param.name))?;
            let at = RingPosition::Current;
            let slot = composer.array(&self.layout, &param.name, array, Domain::Launch, at);
            let ty = scope.parse_number(&param.type_name)?;
            let value = composer.builder.read(slot);
            scope.value(&param.name, ty, value)?;
        }
        Ok(())
    }

    /// Let code use extra global parameters.
    pub(super) fn define_egps(
        &self,
        scope: &mut Scope,
        composer: &mut Composer,
        (prefix, role): (&str, &str),
        egps: &[Egp],
    ) -> Result<(), ModelError> {
        for egp in egps {
            let array = self.array(&format!("{prefix}.{role}.{}", egp.name))?;
            self.define_egp(scope, composer, &egp.name, array)?;
        }
        Ok(())
    }

    /// Let code use one array under a name.
    pub(super) fn define_egp(
        &self,
        scope: &mut Scope,
        composer: &mut Composer,
        name: &str,
        array: ArrayId,
    ) -> Result<(), ModelError> {
        let element = self.layout.array(array).ty;
        let kind = SlotKind::Array { writable: true };
        let binding = SlotBinding::Array { array, at: RingPosition::Current };
        let slot = composer.slot(name, element, kind, binding);
        let element = mlgenn_lang::Type::numeric(super::synapse::numeric(element));
        let pointer = mlgenn_lang::Type { is_const: true, ..mlgenn_lang::Type::pointer(element) };
        scope.array(name, pointer, slot)
    }
}

/// Bits of a number in a type: fractions of integers are cut off.
pub(crate) fn number_bits(ty: Type, number: f64) -> u64 {
    mlgenn_ir::evaluate::convert(Type::F64, ty, number.to_bits())
}
