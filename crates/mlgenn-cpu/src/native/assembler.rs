//! Machine instructions to bytes, with jumps.

use iced_x86::{Code, Encoder, Instruction, OpKind, Register};

/// Something that an instruction works on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Argument {
    Register(Register),
    Memory(Address),
    /// 8 bits.
    Byte(u8),
    /// 8 bits, extended with their sign to the width of the instruction.
    Extended(i8),
    /// 16 bits.
    Word(u16),
    /// 32 bits.
    Double(u32),
}

/// `base + index * scale + offset`; an offset from the start of the code if the base is `RIP`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    pub(super) base: Register,
    pub(super) index: Register,
    pub(super) scale: u32,
    pub(super) offset: i64,
    /// Whether the instruction takes one element for all lanes.
    pub(super) broadcast: bool,
}

impl Address {
    pub(super) fn new(base: Register, offset: usize) -> Self {
        let offset = offset as i64;
        Self { base, index: Register::None, scale: 1, offset, broadcast: false }
    }
}

/// A position that jumps lead to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label(usize);

/// A jump whose target is not known yet.
#[derive(Debug)]
#[must_use]
pub(super) struct Jump {
    /// Where the jump ends.
    end: usize,
}

/// Code that is being written. The first error makes all of it fail.
pub(super) struct Assembler {
    encoder: Encoder,
    /// Where the next instruction goes.
    position: usize,
    failed: bool,
}

impl Assembler {
    pub(super) fn new() -> Self {
        Self { encoder: Encoder::new(64), position: 0, failed: false }
    }

    /// The code, unless there was a mistake in it.
    pub(super) fn finish(mut self) -> Option<Vec<u8>> {
        (!self.failed).then(|| self.encoder.take_buffer())
    }

    /// Give up: there is no code for what was wanted.
    pub(super) fn fail(&mut self) {
        self.failed = true;
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn here(&self) -> Label {
        Label(self.position)
    }

    /// Append a number.
    pub(super) fn data(&mut self, number: u32) {
        number.to_le_bytes().into_iter().for_each(|byte| self.byte(byte));
    }

    pub(super) fn align(&mut self, bytes: usize) {
        while !self.position.is_multiple_of(bytes) {
            self.byte(0);
        }
    }

    fn byte(&mut self, byte: u8) {
        self.encoder.write_u8(byte);
        self.position += 1;
    }

    fn encode(&mut self, instruction: &Instruction) {
        match self.encoder.encode(instruction, self.position as u64) {
            Ok(bytes) => self.position += bytes,
            Err(_) => self.failed = true,
        }
    }

    /// Append an instruction.
    pub(super) fn put(&mut self, code: Code, arguments: &[Argument]) {
        self.put_masked(code, arguments, Register::None, false);
    }

    /// Append an instruction for the lanes of a mask; the others keep what they have or, if
    /// `zeroing`, become 0.
    pub(super) fn put_masked(
        &mut self,
        code: Code,
        arguments: &[Argument],
        mask: Register,
        zeroing: bool,
    ) {
        let mut instruction = Instruction::new();
        instruction.set_code(code);
        instruction.set_op_mask(mask);
        instruction.set_zeroing_masking(zeroing);
        for (operand, argument) in (0..).zip(arguments) {
            let kind = match *argument {
                Argument::Register(register) => {
                    instruction.set_op_register(operand, register);
                    OpKind::Register
                }
                Argument::Memory(address) => {
                    instruction.set_memory_base(address.base);
                    instruction.set_memory_index(address.index);
                    instruction.set_memory_index_scale(address.scale);
                    instruction.set_memory_displacement64(address.offset as u64);
                    // As short as it can be.
                    instruction.set_memory_displ_size(u32::from(address.offset != 0));
                    instruction.set_is_broadcast(address.broadcast);
                    OpKind::Memory
                }
                Argument::Byte(value) => {
                    instruction.set_immediate8(value);
                    OpKind::Immediate8
                }
                Argument::Extended(value) => {
                    instruction.set_immediate8(value as u8);
                    OpKind::Immediate8to64
                }
                Argument::Word(value) => {
                    instruction.set_immediate16(value);
                    OpKind::Immediate16
                }
                Argument::Double(value) => {
                    instruction.set_immediate32(value);
                    OpKind::Immediate32
                }
            };
            if kind != OpKind::Register {
                instruction.set_op_kind(operand, kind);
            }
        }
        self.encode(&instruction);
    }

    /// Jump back.
    pub(super) fn jump_back(&mut self, code: Code, target: Label) {
        match Instruction::with_branch(code, target.0 as u64) {
            Ok(instruction) => self.encode(&instruction),
            Err(_) => self.failed = true,
        }
    }

    /// Jump to a place that comes later.
    pub(super) fn jump(&mut self, code: Code) -> Jump {
        self.jump_back(code, Label(self.position));
        Jump { end: self.position }
    }

    /// Let a jump lead here.
    pub(super) fn land(&mut self, jump: Jump) {
        let distance = (self.position - jump.end) as i32;
        let mut buffer = self.encoder.take_buffer();
        if let Some(bytes) = buffer.get_mut(jump.end - 4..jump.end) {
            bytes.copy_from_slice(&distance.to_le_bytes());
        }
        self.encoder.set_buffer(buffer);
    }
}
