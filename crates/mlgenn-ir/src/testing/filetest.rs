//! Tests in text files: a kernel in text form, what its slots are bound to, and what must be in
//! them afterwards.
//!
//! ```text
//! kernel "double"
//! slot x: f32 variable neuron writable
//! begin
//!   %0: f32 = read x
//!   %1: f32 = add %0, %0
//!   write x, %1
//! end
//! lanes 3
//! bind x contiguous 1.0 2.0 3.0
//! expect x 2.0 4.0 6.0
//! ```
//!
//! After the kernel: `lanes N`; for each slot `bind SLOT PATTERN [offset N] [length N] [indices N
//! ... end] [ring SLOTS CURRENT STRIDE] VALUES`; `expect SLOT VALUES` for what changes (other
//! slots must stay as they are); `expect-fault TEXT` with part of the message. Values are written
//! as constants are; floats are compared by their bits, `nan` with any NaN.

use super::{Binding, Case, Outcome, one_nan};
use crate::kernel::{Kernel, SlotKind};
use crate::launch::{Executor, Pattern, Ring};
use crate::text::constant_text;
use crate::text::parse_constant;
use crate::types::Type;
use crate::verify::verify;

/// A test read from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct FileTest {
    /// Kernel and inputs.
    pub case: Case,
    /// Contents expected of every slot.
    pub contents: Vec<Vec<u64>>,
    /// Part of the message of the expected fault.
    pub fault: Option<String>,
}

impl FileTest {
    /// Read a test; the error says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let end =
            text.lines().position(|line| line.trim() == "end").ok_or("there is no \"end\"")?;
        let kernel_text: Vec<_> = text.lines().take(end + 1).collect();
        let kernel: Kernel = kernel_text.join("\n").parse().map_err(|error| format!("{error}"))?;
        verify(&kernel).map_err(|error| error.to_string())?;
        let mut bindings: Vec<Option<Binding>> = vec![None; kernel.slots.len()];
        let mut expected = vec![None; kernel.slots.len()];
        let (mut lanes, mut fault) = (None, None);
        for (number, line) in text.lines().enumerate().skip(end + 1) {
            let error = |message: &str| format!("line {}: {message}", number + 1);
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let slot = |name: Option<&str>| {
                let found = kernel.slots.iter().position(|slot| Some(slot.name.as_str()) == name);
                found.ok_or_else(|| error("there is no such slot"))
            };
            match words.next() {
                None => {}
                Some("lanes") => {
                    lanes = words.next().and_then(|word| word.parse().ok());
                }
                Some("bind") => {
                    let index = slot(words.next())?;
                    let ty = memory_type(&kernel, index);
                    let binding = binding(ty, &mut words).map_err(|message| error(&message))?;
                    bindings[index] = Some(binding);
                }
                Some("expect") => {
                    let index = slot(words.next())?;
                    let values = values(memory_type(&kernel, index), &mut words);
                    expected[index] = Some(values.map_err(|message| error(&message))?);
                }
                Some("expect-fault") => fault = Some(words.collect::<Vec<_>>().join(" ")),
                Some(_) => return Err(error("expected lanes, bind, expect or expect-fault")),
            }
        }
        let slots: Option<Vec<_>> = bindings.into_iter().collect();
        let slots = slots.ok_or("a slot is not bound")?;
        let contents = expected.into_iter().zip(&slots);
        let contents = contents
            .map(|(expected, slot)| expected.unwrap_or_else(|| slot.contents.clone()))
            .collect();
        let lanes = lanes.ok_or("the number of lanes is missing")?;
        Ok(Self { case: Case { kernel, lanes, slots }, contents, fault })
    }

    /// Run the test; the error says what differs.
    pub fn run(&self, executor: &dyn Executor) -> Result<(), String> {
        let Outcome { contents, fault } =
            self.case.run(executor).map_err(|error| error.to_string())?;
        let message = fault.map(|fault| fault.to_string());
        let as_expected = match (&self.fault, &message) {
            (None, None) => true,
            (Some(part), Some(message)) => message.contains(part),
            _ => false,
        };
        if !as_expected {
            return Err(format!("the fault is {message:?}, expected {:?}", self.fault));
        }
        for (i, (found, expected)) in contents.iter().zip(&self.contents).enumerate() {
            let ty = self.case.slots[i].ty;
            let expected: Vec<_> = expected.iter().map(|&bits| one_nan(ty, bits)).collect();
            if *found != expected {
                let show = |bits: &[u64]| {
                    let texts = bits.iter().map(|&bits| constant_text(ty, bits));
                    texts.collect::<Vec<_>>().join(" ")
                };
                return Err(format!(
                    "{}: found\n  {}\nexpected\n  {}",
                    self.case.kernel.slots[i].name,
                    show(found),
                    show(&expected)
                ));
            }
        }
        Ok(())
    }
}

fn memory_type(kernel: &Kernel, slot: usize) -> Type {
    let slot = &kernel.slots[slot];
    if slot.kind == SlotKind::Events { Type::U32 } else { slot.ty }
}

fn values<'a>(ty: Type, words: &mut impl Iterator<Item = &'a str>) -> Result<Vec<u64>, String> {
    words
        .map(|word| {
            parse_constant(ty, word).ok_or_else(|| format!("{word:?} is not a number of type {ty}"))
        })
        .collect()
}

fn binding<'a>(ty: Type, words: &mut impl Iterator<Item = &'a str>) -> Result<Binding, String> {
    let pattern = match words.next() {
        Some("uniform") => Pattern::Uniform,
        Some("contiguous") => Pattern::Contiguous,
        Some("gather") => Pattern::Gather,
        Some("whole") => Pattern::Whole,
        _ => return Err("expected uniform, contiguous, gather or whole".to_owned()),
    };
    let ring = Ring { slots: 1, current: 0, stride: 0 };
    let mut binding = Binding {
        pattern,
        ty,
        contents: Vec::new(),
        offset: 0,
        indices: Vec::new(),
        length: 0,
        ring,
    };
    let mut length = None;
    let mut words = words.peekable();
    loop {
        let number = |words: &mut dyn Iterator<Item = &'a str>| -> Result<usize, String> {
            let word = words.next().unwrap_or_default();
            word.parse().map_err(|_| format!("{word:?} is not a count"))
        };
        if words.next_if_eq(&"offset").is_some() {
            binding.offset = number(&mut words)?;
        } else if words.next_if_eq(&"length").is_some() {
            length = Some(number(&mut words)?);
        } else if words.next_if_eq(&"ring").is_some() {
            binding.ring = Ring {
                slots: number(&mut words)? as u32,
                current: number(&mut words)? as u32,
                stride: number(&mut words)?,
            };
        } else if words.next_if_eq(&"indices").is_some() {
            while words.next_if_eq(&"end").is_none() {
                binding.indices.push(number(&mut words)? as u32);
            }
        } else {
            break;
        }
    }
    binding.contents = values(ty, &mut words)?;
    binding.length = length.unwrap_or(binding.contents.len().saturating_sub(binding.offset));
    Ok(binding)
}
