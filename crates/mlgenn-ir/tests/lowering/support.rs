//! A harness for model code: a neuron model with variables and arrays, one lane per neuron.

use std::collections::HashMap;

use mlgenn_ir::launch::{Executor, Fault, Launch, Operand, Pattern, Ring, Watch};
use mlgenn_ir::lower::{Binding, LowerError, Lowering, RandomSource};
use mlgenn_ir::passes::optimise;
use mlgenn_ir::{
    Buffer, Domain, Interpreter, Kernel, KernelBuilder, Op, SlotId, SlotKind, Type, Value, verify,
};
use mlgenn_lang::{Checker, Environment, Precision, Source, Symbol, SymbolKind};

/// A neuron model and its state.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) precision: Precision,
    pub(crate) size: usize,
    pub(crate) sim_code: String,
    /// Empty for none.
    pub(crate) threshold: String,
    pub(crate) reset: String,
    pub(crate) refractory: bool,
    /// Constants: name, type as in code, value.
    pub(crate) params: Vec<(String, String, f64)>,
    pub(crate) vars: Vec<Data>,
    pub(crate) arrays: Vec<Data>,
}

/// A variable or an array.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    pub(crate) name: String,
    pub(crate) ty: String,
    pub(crate) values: Vec<f64>,
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Bits of all variables and arrays, and their types.
    pub(crate) data: HashMap<String, (Type, Vec<u64>)>,
    /// Timestep and neuron of each spike.
    pub(crate) spikes: Vec<(usize, usize)>,
    pub(crate) fault: Option<Fault>,
}

impl Model {
    /// A model that runs `sim_code` in single precision for `size` neurons.
    pub(crate) fn new(size: usize, sim_code: &str) -> Self {
        Self {
            precision: Precision::FLOAT,
            size,
            sim_code: sim_code.to_owned(),
            threshold: String::new(),
            reset: String::new(),
            refractory: false,
            params: Vec::new(),
            vars: Vec::new(),
            arrays: Vec::new(),
        }
    }

    pub(crate) fn var(mut self, name: &str, ty: &str, values: &[f64]) -> Self {
        let values = values.iter().cycle().take(self.size).copied().collect();
        self.vars.push(Data { name: name.to_owned(), ty: ty.to_owned(), values });
        self
    }

    pub(crate) fn array(mut self, name: &str, ty: &str, values: &[f64]) -> Self {
        let values = values.to_vec();
        self.arrays.push(Data { name: name.to_owned(), ty: ty.to_owned(), values });
        self
    }

    /// The kernel of one timestep, and the slots of variables and arrays, `t` and the events.
    pub(crate) fn lower(&self) -> Result<(Kernel, Slots), LowerError> {
        let mut b = KernelBuilder::new("model");
        let mut environment = Environment::default();
        environment.allows_random = true;
        let mut bindings = Vec::new();
        let parse = |ty: &str| mlgenn_lang::parse_type(ty, self.precision).unwrap();
        let number = |ty: &str| Type::from(parse(ty).as_numeric().unwrap());
        let mut add = |environment: &mut Environment, name: &str, ty: &str, constant, binding| {
            let mut ty = parse(ty);
            ty.is_const = constant;
            let kind = SymbolKind::Value;
            environment.add(Symbol { name: name.to_owned(), ty, kind }).unwrap();
            bindings.push(binding);
        };

        let variable = |domain, writable| SlotKind::Variable { domain, writable };
        let mut slots = Slots::default();
        let mut cells = Vec::new();
        for data in &self.vars {
            let slot = b.slot(&data.name, number(&data.ty), variable(Domain::Neuron, true));
            let value = b.read(slot);
            let cell = b.cell(value);
            cells.push((slot, cell));
            slots.data.push(slot);
            add(&mut environment, &data.name, &data.ty, false, Binding::Cell(cell));
        }
        for data in &self.arrays {
            let slot = b.slot(&data.name, number(&data.ty), SlotKind::Array { writable: true });
            slots.data.push(slot);
            let ty = format!("{}*", data.ty);
            add(&mut environment, &data.name, &ty, false, Binding::Array(slot));
        }
        for (name, ty, value) in &self.params {
            let value = b.number(number(ty), *value);
            add(&mut environment, name, ty, true, Binding::Value(value));
        }
        for (name, ty, domain) in [
            ("t", "timepoint", Domain::Launch),
            ("dt", "timepoint", Domain::Launch),
            ("id", "unsigned int", Domain::Neuron),
            ("num_neurons", "unsigned int", Domain::Launch),
        ] {
            let slot = b.slot(name, number(ty), variable(domain, false));
            let value = b.read(slot);
            slots.built_in.push(slot);
            add(&mut environment, name, ty, true, Binding::Value(value));
        }
        let id = slots.built_in[2];
        let random = random_source(&mut b, id);

        let mut lowering = Lowering::new(bindings, Some(random));
        let check = |text: &str| Source::new("code", text);
        let before = if self.refractory {
            let mut checker = Checker::new(&environment, self.precision);
            let condition = checker.condition(&check(&self.threshold)).unwrap();
            Some(lowering.condition(&mut b, &condition, checker.locals())?)
        } else {
            None
        };
        let mut checker = Checker::new(&environment, self.precision);
        let sim = checker.statements(&check(&self.sim_code)).unwrap_or_else(|e| panic!("{e}"));
        lowering.block(&mut b, &sim, checker.locals())?;
        if !self.threshold.is_empty() {
            let condition = checker.condition(&check(&self.threshold)).unwrap();
            let mut spike = lowering.condition(&mut b, &condition, checker.locals())?;
            if let Some(before) = before {
                let rising = b.not(before);
                spike = b.and(spike, rising);
            }
            let events = b.slot("spikes", Type::Bool, SlotKind::Events);
            b.effect(Op::Emit(events, spike));
            slots.events = Some(events);
            let reset = checker.statements(&check(&self.reset)).unwrap();
            b.if_else(spike, |b| lowering.block(b, &reset, checker.locals()), |_| Ok(()))?;
        }
        for (slot, cell) in cells {
            let value = b.get(cell);
            b.write(slot, value);
        }
        Ok((b.finish(), slots))
    }

    /// Lower, verify and run for some timesteps of length `dt`, as lowered and optimised, which
    /// must give the same.
    pub(crate) fn run(&self, steps: usize, dt: f64) -> Outcome {
        let (kernel, slots) = self.lower().unwrap();
        verify(&kernel).unwrap_or_else(|e| panic!("{e}\n{kernel}"));
        let outcome = self.run_kernel(&kernel, &slots, steps, dt);
        let mut optimised = kernel.clone();
        optimise(&mut optimised);
        let again = self.run_kernel(&optimised, &slots, steps, dt);
        for (name, (ty, bits)) in &outcome.data {
            let same = |(&a, &b): (&u64, &u64)| a == b || (is_nan(*ty, a) && is_nan(*ty, b));
            assert!(
                bits.iter().zip(&again.data[name].1).all(same),
                "{name} differs after optimising: {bits:x?}, {:x?}\n{kernel}\n{optimised}",
                again.data[name].1
            );
        }
        assert_eq!(outcome.spikes, again.spikes);
        outcome
    }

    fn run_kernel(&self, kernel: &Kernel, slots: &Slots, steps: usize, dt: f64) -> Outcome {
        let n = self.size;
        let mut buffers: Vec<Buffer> = Vec::new();
        let mut patterns = Vec::new();
        for slot in &kernel.slots {
            let (pattern, ty, len) = match slot.kind {
                SlotKind::Events => (Pattern::Whole, Type::U32, n.div_ceil(32)),
                SlotKind::Array { .. } => {
                    let array = self.arrays.iter().find(|a| a.name == slot.name);
                    (Pattern::Whole, slot.ty, array.map_or(0, |a| a.values.len()))
                }
                kind if kind.domain() == Some(Domain::Launch) => (Pattern::Uniform, slot.ty, 1),
                _ => (Pattern::Contiguous, slot.ty, n),
            };
            patterns.push(pattern);
            buffers.push(Buffer::new(ty, len).unwrap());
        }
        for (slot, data) in slots.data.iter().zip(self.vars.iter().chain(&self.arrays)) {
            let buffer = &buffers[slot.0 as usize];
            for (i, &value) in data.values.iter().enumerate() {
                buffer.store(i, bits(buffer.ty(), value));
            }
        }
        let [t, dt_slot, id, num_neurons] = slots.built_in[..] else { panic!("four names") };
        let buffer = |slot: SlotId| &buffers[slot.0 as usize];
        (0..n).for_each(|i| assert!(buffer(id).store(i, i as u64)));
        buffer(num_neurons).store(0, n as u64);
        buffer(dt_slot).store(0, bits(buffer(dt_slot).ty(), dt));
        let watch = Watch::new();
        let ring = Ring { slots: 1, ..Ring::default() };
        let operands: Vec<_> = buffers
            .iter()
            .map(|buffer| Operand { buffer, offset: 0, indices: &[], length: buffer.len(), ring })
            .collect();
        let program = Interpreter.compile(kernel, &patterns);
        let mut spikes = Vec::new();
        for step in 0..steps {
            let ty = buffer(t).ty();
            let now = match ty {
                Type::F32 => f64::from(step as f32 * dt as f32),
                _ => step as f64 * dt,
            };
            buffer(t).store(0, bits(ty, now));
            program.launch(&Launch { lanes: n, operands: &operands, watch: &watch });
            if let Some(events) = slots.events {
                let word = |i: usize| buffer(events).load(i / 32).unwrap();
                spikes.extend((0..n).filter(|i| word(*i) >> (i % 32) & 1 == 1).map(|i| (step, i)));
            }
        }
        let data = slots.data.iter().zip(self.vars.iter().chain(&self.arrays));
        let data = data.map(|(&slot, data)| {
            let buffer = buffer(slot);
            let bits = (0..buffer.len()).map(|i| buffer.load(i).unwrap()).collect();
            (data.name.clone(), (buffer.ty(), bits))
        });
        Outcome { data: data.collect(), spikes, fault: watch.take_fault() }
    }
}

/// Slots of a kernel of a [`Model`].
#[derive(Debug, Default)]
pub(crate) struct Slots {
    data: Vec<SlotId>,
    built_in: Vec<SlotId>,
    events: Option<SlotId>,
}

impl Outcome {
    /// Values of a variable or an array as numbers.
    pub(crate) fn numbers(&self, name: &str) -> Vec<f64> {
        let (ty, bits) = &self.data[name];
        bits.iter().map(|&bits| number(*ty, bits)).collect()
    }
}

fn random_source(b: &mut KernelBuilder, id: SlotId) -> RandomSource {
    let lane: Value = b.read(id);
    let element = b.convert(lane, Type::U64);
    let zero = b.constant(Type::U32, 0);
    RandomSource { key: b.constant(Type::U64, 42), element, timestep: zero, draw: b.cell(zero) }
}

/// Bits of a number converted to a type.
pub(crate) fn bits(ty: Type, number: f64) -> u64 {
    match ty {
        Type::F32 => u64::from((number as f32).to_bits()),
        Type::F64 => number.to_bits(),
        Type::Bool => u64::from(number != 0.0),
        Type::U64 => number as u64,
        _ => mlgenn_ir::evaluate::truncate(ty, number as i64 as u64),
    }
}

/// Number of some bits.
pub(crate) fn number(ty: Type, bits: u64) -> f64 {
    match ty {
        Type::F32 => f64::from(f32::from_bits(bits as u32)),
        Type::F64 => f64::from_bits(bits),
        Type::U64 => bits as f64,
        _ if ty.is_signed() => mlgenn_ir::evaluate::sign_extend(ty, bits) as f64,
        _ => bits as f64,
    }
}

fn is_nan(ty: Type, bits: u64) -> bool {
    ty.is_float() && number(ty, bits).is_nan()
}
