//! Parsing kernels.

use std::collections::HashMap;
use std::str::FromStr;

use super::line::{Line, Result, Token, tokens};
use super::{BINARY, COMPARE, DOMAINS, RANDOM, UNARY, find, math_name};
use crate::evaluate::truncate;
use crate::kernel::{Instruction, Kernel, Region, Slot, SlotId, SlotKind, Value};
use crate::math;
use crate::op::Op;
use crate::types::Type;

/// Why a text is not a kernel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ParseError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

/// Regions nested deeper than this are refused.
const MAX_DEPTH: usize = 200;

impl FromStr for Kernel {
    type Err = ParseError;

    /// Parse the text form. Only the syntax is checked: see [`crate::verify::verify`].
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let lines = text.lines().enumerate();
        let lines = lines.map(|(number, line)| (number + 1, tokens(line)));
        let mut parser = Parser {
            lines: Vec::new(),
            next: 0,
            kernel: Kernel {
                name: String::new(),
                slots: Vec::new(),
                values: Vec::new(),
                body: Region::default(),
            },
            slots: HashMap::new(),
        };
        for (number, line) in lines {
            let line = line.map_err(|message| ParseError { line: number, message })?;
            if !line.is_empty() {
                parser.lines.push((number, line));
            }
        }
        parser.kernel()
    }
}

struct Parser {
    lines: Vec<(usize, Vec<Token>)>,
    next: usize,
    kernel: Kernel,
    slots: HashMap<String, SlotId>,
}

impl Parser {
    fn kernel(mut self) -> Result<Kernel, ParseError> {
        self.line(|parser, line| {
            line.keyword("kernel")?;
            parser.kernel.name = line.text()?;
            line.end()
        })?;
        while !self.line(Self::slot_or_begin)? {}
        let mut body = Region::default();
        let end = self.region(&mut body, 0)?;
        self.kernel.body = body;
        if end != RegionEnd::End {
            return Err(self.error("expected \"end\"".to_owned()));
        }
        self.next += 1;
        if self.next <= self.lines.len() {
            return Err(self.error("nothing may follow \"end\"".to_owned()));
        }
        Ok(self.kernel)
    }

    /// The error at the line that was read last.
    fn error(&self, message: String) -> ParseError {
        let index = self.next.saturating_sub(1).min(self.lines.len().saturating_sub(1));
        ParseError { line: self.lines.get(index).map_or(1, |line| line.0), message }
    }

    /// Read a line.
    fn line<T>(
        &mut self,
        read: impl FnOnce(&mut Self, &mut Line) -> Result<T>,
    ) -> Result<T, ParseError> {
        let Some((_, tokens)) = self.lines.get(self.next).cloned() else {
            return Err(self.error("the text ends too early".to_owned()));
        };
        self.next += 1;
        let mut line = Line { tokens: tokens.into_iter().peekable() };
        read(self, &mut line).map_err(|message| self.error(message))
    }

    /// Whether the line says `begin`.
    fn slot_or_begin(&mut self, line: &mut Line) -> Result<bool> {
        if line.accept(&Token::Word("begin".to_owned())) {
            line.end()?;
            return Ok(true);
        }
        line.keyword("slot")?;
        let name = line.word()?;
        line.mark(':')?;
        let ty = line.ty()?;
        let kind = line.word()?;
        let mut domain = || {
            let word = line.word()?;
            find(DOMAINS, &word).ok_or_else(|| format!("{word:?} is not a domain"))
        };
        let kind = match kind.as_str() {
            "variable" => SlotKind::Variable { domain: domain()?, writable: writable(line) },
            "accumulator" => SlotKind::Accumulator { domain: domain()? },
            "delayed_accumulator" => SlotKind::DelayedAccumulator { domain: domain()? },
            "history" => SlotKind::History { domain: domain()? },
            "events" => SlotKind::Events,
            "array" => SlotKind::Array { writable: writable(line) },
            other => return Err(format!("{other:?} is not a kind of slot")),
        };
        line.end()?;
        if self.slots.insert(name.clone(), SlotId(self.kernel.slots.len() as u32)).is_some() {
            return Err(format!("there are two slots {name}"));
        }
        self.kernel.slots.push(Slot { name, ty, kind });
        Ok(false)
    }

    /// Read instructions up to the line that ends the region, which is read too.
    fn region(&mut self, region: &mut Region, depth: usize) -> Result<RegionEnd, ParseError> {
        if depth > MAX_DEPTH {
            return Err(self.error("regions are nested too deeply".to_owned()));
        }
        loop {
            let read = self.line(|parser, line| parser.instruction(line))?;
            let (results, open) = match read {
                Read::Instruction(instruction) => {
                    region.instructions.push(instruction);
                    continue;
                }
                Read::Yield(values) => {
                    region.yields = values;
                    continue;
                }
                Read::End(end) => return Ok(end),
                Read::Open(results, open) => (results, open),
            };
            let op = match open {
                Open::If(condition) => {
                    let (mut then, mut otherwise) = (Region::default(), Region::default());
                    self.nested(&mut then, depth, &RegionEnd::Else)?;
                    self.nested(&mut otherwise, depth, &RegionEnd::Close)?;
                    Op::If { condition, then, otherwise }
                }
                Open::Loop(init, parameters) => {
                    let mut condition = Region { parameters, ..Region::default() };
                    let end = self.region(&mut condition, depth + 1)?;
                    let RegionEnd::Do(parameters) = end else {
                        return Err(self.error("expected \"} do ... {\"".to_owned()));
                    };
                    let mut body = Region { parameters, ..Region::default() };
                    self.nested(&mut body, depth, &RegionEnd::Close)?;
                    Op::Loop { init, condition, body }
                }
            };
            region.instructions.push(Instruction { results, op });
        }
    }

    fn nested(
        &mut self,
        region: &mut Region,
        depth: usize,
        expected: &RegionEnd,
    ) -> Result<(), ParseError> {
        let end = self.region(region, depth + 1)?;
        if end == *expected {
            return Ok(());
        }
        Err(self.error(format!("expected {}", expected.describe())))
    }

    fn instruction(&mut self, line: &mut Line) -> Result<Read> {
        if line.accept(&Token::Mark('}')) {
            let end = if line.accept(&Token::Word("else".to_owned())) {
                line.mark('{')?;
                RegionEnd::Else
            } else if line.accept(&Token::Word("do".to_owned())) {
                let parameters = self.definitions(line)?;
                line.mark('{')?;
                RegionEnd::Do(parameters)
            } else {
                RegionEnd::Close
            };
            line.end()?;
            return Ok(Read::End(end));
        }
        let results = self.definitions(line)?;
        if !results.is_empty() {
            line.mark('=')?;
        }
        let word = line.word()?;
        let read = match word.as_str() {
            "end" if results.is_empty() => Read::End(RegionEnd::End),
            "yield" if results.is_empty() => Read::Yield(line.values()?),
            "if" => {
                let condition = line.value()?;
                line.mark('{')?;
                Read::Open(results, Open::If(condition))
            }
            "loop" => {
                let init = line.values()?;
                line.keyword("while")?;
                let parameters = self.definitions(line)?;
                line.mark('{')?;
                Read::Open(results, Open::Loop(init, parameters))
            }
            name => {
                let op = self.op(name, line, &results)?;
                Read::Instruction(Instruction { results, op })
            }
        };
        line.end()?;
        Ok(read)
    }

    /// `%0: f32, %1: i32`, perhaps empty.
    fn definitions(&mut self, line: &mut Line) -> Result<Vec<Value>> {
        let mut values = Vec::new();
        while line.is_value() {
            let value = line.value()?;
            line.mark(':')?;
            let ty = line.ty()?;
            let index = value.0 as usize;
            if index >= self.kernel.values.len() {
                self.kernel.values.resize(index + 1, Type::Bool);
            }
            self.kernel.values[index] = ty;
            values.push(value);
            if !line.accept(&Token::Mark(',')) {
                break;
            }
        }
        Ok(values)
    }

    fn slot(&self, line: &mut Line) -> Result<SlotId> {
        let name = line.word()?;
        self.slots.get(&name).copied().ok_or_else(|| format!("there is no slot {name}"))
    }

    /// The arguments after a slot.
    fn slot_and_values<const N: usize>(&self, line: &mut Line) -> Result<(SlotId, [Value; N])> {
        let slot = self.slot(line)?;
        if N > 0 {
            line.mark(',')?;
        }
        Ok((slot, exactly(line)?))
    }

    fn op(&self, name: &str, line: &mut Line, results: &[Value]) -> Result<Op> {
        if let Some(op) = find(UNARY, name) {
            return Ok(Op::Unary(op, line.value()?));
        }
        if let Some(op) = find(BINARY, name) {
            let [x, y] = exactly(line)?;
            return Ok(Op::Binary(op, x, y));
        }
        if let Some(op) = find(COMPARE, name) {
            let [x, y] = exactly(line)?;
            return Ok(Op::Compare(op, x, y));
        }
        Ok(match name {
            "const" => {
                let result = results.first().ok_or("a constant needs a result")?;
                let word = line.word()?;
                let ty = self.kernel.value_type(*result);
                let bits = parse_constant(ty, &word);
                Op::Const(bits.ok_or_else(|| format!("{word:?} is not a number of type {ty}"))?)
            }
            "select" => {
                let [condition, x, y] = exactly(line)?;
                Op::Select(condition, x, y)
            }
            "convert" => Op::Convert(line.value()?),
            "math" => {
                let name = line.word()?;
                let function = math::ALL.into_iter().find(|&function| math_name(function) == name);
                let function = function.ok_or_else(|| format!("there is no function {name}"))?;
                Op::Math(function, line.values()?)
            }
            "random" => {
                let name = line.word()?;
                let function = find(RANDOM, &name);
                let function = function.ok_or_else(|| format!("there is no function {name}"))?;
                match line.values()?.as_slice() {
                    &[key, element, timestep, draw, ref arguments @ ..] => {
                        let arguments = arguments.to_vec();
                        Op::Random { function, key, element, timestep, draw, arguments }
                    }
                    _ => return Err("random takes key, element, timestep and draw".to_owned()),
                }
            }
            "print" => {
                let format = line.text()?;
                let more = line.accept(&Token::Mark(','));
                Op::Print { format, arguments: if more { line.values()? } else { Vec::new() } }
            }
            "assert" => Op::Assert(line.value()?),
            "load_pointer" => Op::LoadPointer(line.value()?),
            "store_pointer" => {
                let [pointer, value] = exactly(line)?;
                Op::StorePointer(pointer, value)
            }
            "atomic_or" => {
                let [pointer, bits] = exactly(line)?;
                Op::AtomicOr(pointer, bits)
            }
            _ => return self.slot_op(name, line),
        })
    }

    fn slot_op(&self, name: &str, line: &mut Line) -> Result<Op> {
        Ok(match name {
            "read" => Op::Read(self.slot(line)?),
            "address_of" => Op::AddressOf(self.slot(line)?),
            "write" => {
                let (slot, [value]) = self.slot_and_values(line)?;
                Op::Write(slot, value)
            }
            "accumulate" => {
                let (slot, [value]) = self.slot_and_values(line)?;
                Op::Accumulate(slot, value)
            }
            "accumulate_delayed" => {
                let (slot, [value, delay]) = self.slot_and_values(line)?;
                Op::AccumulateDelayed { slot, value, delay }
            }
            "read_delayed" => {
                let (slot, [delay]) = self.slot_and_values(line)?;
                Op::ReadDelayed { slot, delay }
            }
            "emit" => {
                let (slot, [condition]) = self.slot_and_values(line)?;
                Op::Emit(slot, condition)
            }
            "load_element" => {
                let (slot, [index]) = self.slot_and_values(line)?;
                Op::LoadElement(slot, index)
            }
            "store_element" => {
                let (slot, [index, value]) = self.slot_and_values(line)?;
                Op::StoreElement(slot, index, value)
            }
            "accumulate_element" => {
                let (slot, [index, value]) = self.slot_and_values(line)?;
                Op::AccumulateElement(slot, index, value)
            }
            _ => return Err(format!("there is no operation {name:?}")),
        })
    }
}

/// What a line is.
enum Read {
    Instruction(Instruction),
    Yield(Vec<Value>),
    Open(Vec<Value>, Open),
    End(RegionEnd),
}

/// The beginning of an instruction with regions.
enum Open {
    If(Value),
    Loop(Vec<Value>, Vec<Value>),
}

/// How a region ends.
#[derive(PartialEq)]
enum RegionEnd {
    End,
    Close,
    Else,
    Do(Vec<Value>),
}

impl RegionEnd {
    fn describe(&self) -> &'static str {
        match self {
            Self::End => "\"end\"",
            Self::Close => "\"}\"",
            Self::Else => "\"} else {\"",
            Self::Do(_) => "\"} do ... {\"",
        }
    }
}

fn writable(line: &mut Line) -> bool {
    line.accept(&Token::Word("writable".to_owned()))
}

fn exactly<const N: usize>(line: &mut Line) -> Result<[Value; N]> {
    let values = line.values()?;
    let count = values.len();
    values.try_into().map_err(|_| format!("expected {N} values, not {count}"))
}

/// Bits of a constant in text form.
pub(crate) fn parse_constant(ty: Type, word: &str) -> Option<u64> {
    if let Some(digits) = word.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().filter(|&bits| truncate(ty, bits) == bits);
    }
    match ty {
        Type::Bool => word.parse().ok().map(|value: bool| u64::from(value)),
        Type::F32 => word.parse().ok().map(|value: f32| u64::from(value.to_bits())),
        Type::F64 => word.parse().ok().map(|value: f64| value.to_bits()),
        Type::Ptr => None,
        _ => {
            let value: i128 = word.parse().ok()?;
            let bits = truncate(ty, value as u64);
            let back = if ty.is_signed() {
                i128::from(crate::evaluate::sign_extend(ty, bits))
            } else {
                i128::from(bits)
            };
            (back == value).then_some(bits)
        }
    }
}
