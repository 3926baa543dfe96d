//! Row code of custom connectivity updates: going through the synapses of a row, adding and removing
//! them.
//!
//! Lanes are rows. Synapse variables are elements of whole arrays, so that the body of
//! `for_each_synapse` always finds those of the current synapse, also after another one has been
//! moved there.

use mlgenn_ir::lower::{LowerError, SynapseRow};
use mlgenn_ir::{
    BinaryOp, Cell, CompareOp, Domain, KernelBuilder, Op, SlotId, SlotKind, Type, Value,
};
use mlgenn_lang::NumericType;

use super::custom_connectivity_update::UpdateComposer;
use super::kernel::{Index, PlannedKernel, RingPosition, SlotBinding};
use super::synapse::numeric;
use crate::description::{Var, VarAccessMode, VarRef};
use crate::error::ModelError;
use crate::layout::{ArrayId, Copies};

/// An array with an element per synapse, moved along with the synapses.
#[derive(Clone, Copy)]
struct Attached {
    array: ArrayId,
    slot: SlotId,
    ty: Type,
    copies: usize,
    /// Elements of one copy.
    elements: usize,
}

impl UpdateComposer<'_> {
    /// The kernel of the row code.
    pub(super) fn compose_rows(mut self) -> Result<PlannedKernel, ModelError> {
        let (row_length, indices) = self.connectivity()?;
        let id = self.composer.index("id_pre", Index::Neuron);
        self.scope.value("id_pre", NumericType::UInt32, id)?;
        self.allow_random(id);
        let at = RingPosition::Current;
        let layout = &self.planner.layout;
        let length_slot = self.composer.array(layout, "row_length", row_length, Domain::Neuron, at);
        let builder = &mut self.composer.builder;
        let stride = builder.number(Type::U32, self.planner.row_strides[self.group] as f64);
        let first = builder.binary(BinaryOp::Multiply, id, stride);
        let initial = builder.read(length_slot);
        let kept = builder.boolean(false);
        let row = SynapseRow {
            first,
            length: builder.cell(initial),
            current: builder.cell(first),
            removed: builder.cell(kept),
        };
        self.scope.view("row_length", NumericType::UInt32, row.length)?;
        let stores = self.presynaptic_names()?;
        let mut inside = vec!["id_post".to_owned(), "id_syn".to_owned()];
        self.scope.view("id_syn", NumericType::UInt32, row.current)?;
        let targets = self.attached("targets", indices);
        self.define_attached("id_post", targets, row, false)?;
        let synapse = self.synapse_names(row, &mut inside)?;
        self.postsynaptic_names(row, targets.slot, &mut inside)?;
        self.define_add_synapse(row, targets, &synapse)?;
        self.define_remove_synapse(row, targets)?;
        self.scope.one_row_per_lane(row, &inside);

        let builder = &mut self.composer.builder;
        let code = &self.update.model.row_update_code;
        self.scope.open().code().statements(builder, "row update code", code)?;
        for (slot, cell) in stores {
            let value = builder.get(cell);
            builder.write(slot, value);
        }
        let length = builder.get(row.length);
        builder.write(length_slot, length);
        Ok(self.composer.finish())
    }

    /// Presynaptic variables and references; what is to be stored after the code.
    fn presynaptic_names(&mut self) -> Result<Vec<(SlotId, Cell)>, ModelError> {
        let (num_pre, _) = self.planner.group_sizes(self.group);
        let model = &self.update.model;
        let mut names = self.own_variables("pre_vars", &model.pre_vars)?;
        for declared in &model.pre_var_refs {
            let Some(bound) = self.update.pre_var_refs.get(&declared.name) else { continue };
            let array = self.referenced(&declared.name, &declared.type_name, bound, num_pre)?;
            let writable = declared.access != VarAccessMode::ReadOnly;
            names.push((declared.name.clone(), array, writable));
        }
        let mut stores = Vec::new();
        for (name, array, writable) in names {
            let layout = &self.planner.layout;
            let ty = numeric(layout.array(array).ty);
            let at = RingPosition::Current;
            let slot = self.composer.array(layout, &name, array, Domain::Neuron, at);
            let value = self.composer.builder.read(slot);
            if writable {
                let cell = self.composer.builder.cell(value);
                self.scope.cell(&name, ty, cell)?;
                stores.push((slot, cell));
            } else {
                self.scope.value(&name, ty, value)?;
            }
        }
        Ok(stores)
    }

    fn own_variables(
        &self,
        role: &str,
        vars: &[Var],
    ) -> Result<Vec<(String, ArrayId, bool)>, ModelError> {
        vars.iter()
            .map(|var| {
                let array = self.planner.array(&format!("{}.{role}.{}", self.prefix, var.name))?;
                Ok((var.name.clone(), array, var.access.is_writable()))
            })
            .collect()
    }

    /// The array that a reference to a variable of neurons is bound to.
    fn referenced(
        &self,
        name: &str,
        type_name: &str,
        bound: &VarRef,
        size: usize,
    ) -> Result<ArrayId, ModelError> {
        let id = self.planner.resolve(&self.context, bound)?;
        self.planner.check_reference_type(&self.scope, name, type_name, id)?;
        let array = self.planner.layout.array(id);
        let problem = if array.synapse_group.is_some() || array.elements() != size {
            format!("it must have one value for each of the {size} neurons")
        } else if array.copies != Copies::Shared && self.planner.network.batch_size > 1 {
            "it must be shared by all batch members".to_owned()
        } else {
            return Ok(id);
        };
        let problem = format!("reference {name:?} goes to {}; {problem}", array.path);
        Err(ModelError::invalid(&self.context, problem))
    }

    /// An array with an element per synapse, all copies of it.
    fn attached(&mut self, name: &str, id: ArrayId) -> Attached {
        let array = self.planner.layout.array(id);
        let batch_size = self.planner.network.batch_size;
        let copies = match array.copies {
            Copies::Shared => 1,
            Copies::Member => batch_size,
            Copies::Block => self.planner.blocks.count(),
        };
        let (ty, elements) = (array.ty, array.elements());
        let kind = SlotKind::Array { writable: true };
        let slot = self.composer.slot(name, ty, kind, SlotBinding::AllCopies { array: id });
        Attached { array: id, slot, ty, copies, elements }
    }

    /// Let code use the element of the current synapse.
    fn define_attached(
        &mut self,
        name: &str,
        attached: Attached,
        row: SynapseRow,
        writable: bool,
    ) -> Result<(), ModelError> {
        let find = move |builder: &mut KernelBuilder| {
            let current = builder.get(row.current);
            (attached.slot, builder.convert(current, Type::I64))
        };
        self.scope.element(name, numeric(attached.ty), writable, Box::new(find))
    }

    /// Synapse variables and references, in the order in which `add_synapse` takes them.
    fn synapse_names(
        &mut self,
        row: SynapseRow,
        inside: &mut Vec<String>,
    ) -> Result<Vec<Attached>, ModelError> {
        let model = &self.update.model;
        let mut arrays = Vec::new();
        for (name, array, writable) in self.own_variables("vars", &model.vars)? {
            let attached = self.attached(&name, array);
            self.define_attached(&name, attached, row, writable)?;
            inside.push(name);
            arrays.push(attached);
        }
        for declared in &model.var_refs {
            let Some(bound) = self.update.var_refs.get(&declared.name) else { continue };
            let name = &declared.name;
            let array = self.planner.resolve(&self.context, bound)?;
            self.planner.check_reference_type(&self.scope, name, &declared.type_name, array)?;
            let description = self.planner.layout.array(array);
            if description.synapse_group != Some(self.group) {
                return Err(ModelError::invalid(
                    &self.context,
                    format!(
                        "reference {name:?} goes to {}, which is no variable of the synapses of \
                         '{}'",
                        description.path, self.update.synapse_group
                    ),
                ));
            }
            let attached = self.attached(name, array);
            // Which copy code would see is not clear if there are several.
            if attached.copies == 1 {
                let writable = declared.access != VarAccessMode::ReadOnly;
                self.define_attached(name, attached, row, writable)?;
                inside.push(name.clone());
            }
            arrays.push(attached);
        }
        Ok(arrays)
    }

    /// Postsynaptic variables and references, of the target of the current synapse.
    fn postsynaptic_names(
        &mut self,
        row: SynapseRow,
        targets: SlotId,
        inside: &mut Vec<String>,
    ) -> Result<(), ModelError> {
        let (_, num_post) = self.planner.group_sizes(self.group);
        let model = &self.update.model;
        let mut names = self.own_variables("post_vars", &model.post_vars)?;
        for declared in &model.post_var_refs {
            let Some(bound) = self.update.post_var_refs.get(&declared.name) else { continue };
            let array = self.referenced(&declared.name, &declared.type_name, bound, num_post)?;
            names.push((declared.name.clone(), array, false));
        }
        for (name, array, _) in names {
            let ty = self.planner.layout.array(array).ty;
            let kind = SlotKind::Array { writable: true };
            let binding = SlotBinding::Array { array, at: RingPosition::Current };
            let slot = self.composer.slot(&name, ty, kind, binding);
            let find = move |builder: &mut KernelBuilder| {
                let current = builder.get(row.current);
                let current = builder.convert(current, Type::I64);
                let target = builder.load_element(targets, current);
                (slot, builder.convert(target, Type::I64))
            };
            self.scope.element(&name, numeric(ty), false, Box::new(find))?;
            inside.push(name);
        }
        Ok(())
    }

    /// All arrays with an element per synapse of the group but the targets.
    fn all_attached(&mut self, targets: Attached) -> Vec<Attached> {
        let kernel_entries = self.planner.kernels[self.group].as_ref().map(|kernel| kernel.indices);
        let arrays: Vec<_> = self
            .planner
            .layout
            .arrays()
            .filter(|(id, array)| {
                let is_variable =
                    array.synapse_group == Some(self.group) && array.elements() == targets.elements;
                is_variable || kernel_entries == Some(*id)
            })
            .map(|(id, array)| (id, array.path.replace('.', "_")))
            .collect();
        arrays.into_iter().map(|(id, name)| self.attached(&name, id)).collect()
    }

    /// `add_synapse(id_post, own variables…, referenced variables…)`: at the end of the row;
    /// everything else that belongs to the synapse starts from 0.
    fn define_add_synapse(
        &mut self,
        row: SynapseRow,
        targets: Attached,
        given: &[Attached],
    ) -> Result<(), ModelError> {
        let all = self.all_attached(targets);
        let (_, num_post) = self.planner.group_sizes(self.group);
        let stride = self.planner.row_strides[self.group];
        let mut parameters = vec![NumericType::UInt32];
        parameters.extend(given.iter().map(|attached| numeric(attached.ty)));
        let given: Vec<ArrayId> = given.iter().map(|attached| attached.array).collect();
        let effect = move |builder: &mut KernelBuilder, arguments: &[Value]| {
            let length = builder.get(row.length);
            let stride = builder.number(Type::U32, stride as f64);
            let has_room = builder.compare(CompareOp::Less, length, stride);
            let num_post = builder.number(Type::U32, num_post as f64);
            let exists = builder.compare(CompareOp::Less, arguments[0], num_post);
            let fits = builder.and(has_room, exists);
            builder.effect(Op::Assert(fits));
            builder.if_else::<LowerError>(
                fits,
                |builder| {
                    let new = builder.binary(BinaryOp::Add, row.first, length);
                    let new = builder.convert(new, Type::I64);
                    builder.effect(Op::StoreElement(targets.slot, new, arguments[0]));
                    for attached in &all {
                        let argument = given.iter().position(|array| *array == attached.array);
                        let value = match argument {
                            Some(index) => arguments[1 + index],
                            None => builder.constant(attached.ty, 0),
                        };
                        attached.for_each_copy(builder, |builder, start| {
                            let index = builder.binary(BinaryOp::Add, start, new);
                            builder.effect(Op::StoreElement(attached.slot, index, value));
                        })?;
                    }
                    let one = builder.number(Type::U32, 1.0);
                    let longer = builder.binary(BinaryOp::Add, length, one);
                    builder.set(row.length, longer);
                    Ok(())
                },
                |_| Ok(()),
            )?;
            Ok(None)
        };
        self.scope.function("add_synapse", &parameters, Box::new(effect))
    }

    /// `remove_synapse()`: the last synapse of the row takes the place of the current one.
    fn define_remove_synapse(
        &mut self,
        row: SynapseRow,
        targets: Attached,
    ) -> Result<(), ModelError> {
        let mut all = self.all_attached(targets);
        all.push(targets);
        let effect = move |builder: &mut KernelBuilder, _: &[Value]| {
            let (length, current) = (builder.get(row.length), builder.get(row.current));
            let end = builder.binary(BinaryOp::Add, row.first, length);
            // Code may go on after it has removed the last synapse, and remove again.
            let exists = builder.compare(CompareOp::Less, current, end);
            builder.if_else::<LowerError>(
                exists,
                |builder| {
                    let one = builder.number(Type::U32, 1.0);
                    let last = builder.binary(BinaryOp::Subtract, end, one);
                    let last = builder.convert(last, Type::I64);
                    let here = builder.convert(current, Type::I64);
                    for attached in &all {
                        attached.for_each_copy(builder, |builder, start| {
                            let from = builder.binary(BinaryOp::Add, start, last);
                            let to = builder.binary(BinaryOp::Add, start, here);
                            let value = builder.load_element(attached.slot, from);
                            builder.effect(Op::StoreElement(attached.slot, to, value));
                        })?;
                    }
                    let shorter = builder.binary(BinaryOp::Subtract, length, one);
                    builder.set(row.length, shorter);
                    let removed = builder.boolean(true);
                    builder.set(row.removed, removed);
                    Ok(())
                },
                |_| Ok(()),
            )?;
            Ok(None)
        };
        self.scope.function_of_synapses("remove_synapse", &[], Box::new(effect))
    }
}

impl Attached {
    /// Do something for each copy, given the index at which it starts.
    fn for_each_copy(
        &self,
        builder: &mut KernelBuilder,
        mut emit: impl FnMut(&mut KernelBuilder, Value),
    ) -> Result<(), LowerError> {
        let zero = builder.constant(Type::I64, 0);
        if self.copies == 1 {
            emit(builder, zero);
            return Ok(());
        }
        let start = builder.cell(zero);
        let (elements, all) = (self.elements as u64, (self.elements * self.copies) as u64);
        builder.loop_while::<LowerError>(
            |builder| {
                let all = builder.constant(Type::I64, all);
                let now = builder.get(start);
                Ok(builder.compare(CompareOp::Less, now, all))
            },
            |builder| {
                let now = builder.get(start);
                emit(builder, now);
                let elements = builder.constant(Type::I64, elements);
                let next = builder.binary(BinaryOp::Add, now, elements);
                builder.set(start, next);
                Ok(())
            },
        )
    }
}
