//! Branches and loops of a random kernel.

use super::Generator;
use crate::kernel::{Instruction, Region, Value};
use crate::op::{BinaryOp, CompareOp, Op};
use crate::types::Type;

impl Generator {
    pub(super) fn branch(&mut self, size: usize, depth: usize) {
        let condition = self.value(Type::Bool);
        let types: Vec<_> = (0..self.below(3)).map(|_| self.number_type()).collect();
        let then_size = self.below(size + 2);
        let then = self.region(Vec::new(), then_size, depth, &types);
        let otherwise_size = self.below(size + 2);
        let otherwise = self.region(Vec::new(), otherwise_size, depth, &types);
        let results: Vec<_> = types.iter().map(|&ty| self.fresh(ty)).collect();
        self.emit(results.clone(), Op::If { condition, then, otherwise });
        self.visible.extend(results);
    }

    /// A loop of at most 4 passes; how many may differ between lanes.
    pub(super) fn counted_loop(&mut self, size: usize, depth: usize) {
        let any = self.value(Type::U32);
        let four = self.constant(Type::U32, 5);
        let limit = self.define(Type::U32, Op::Binary(BinaryOp::Remainder, any, four));
        let (zero, one) = (self.constant(Type::U32, 0), self.constant(Type::U32, 1));
        let types: Vec<_> = (0..self.below(3)).map(|_| self.number_type()).collect();
        let mut init = vec![zero];
        init.extend(types.iter().map(|&ty| self.value(ty)).collect::<Vec<_>>());
        let mut all = vec![Type::U32];
        all.extend(&types);
        let mut parameters = || all.iter().map(|&ty| self.fresh(ty)).collect::<Vec<_>>();
        let (tested, passed, results) = (parameters(), parameters(), parameters());
        let counter = tested[0];
        let condition_size = self.below(3);
        let mut condition = self.region(tested, condition_size, depth, &[]);
        let holds = self.fresh(Type::Bool);
        condition.instructions.push(Instruction {
            results: vec![holds],
            op: Op::Compare(CompareOp::Less, counter, limit),
        });
        condition.yields.push(holds);
        let counter = passed[0];
        let body_size = 1 + self.below(size + 2);
        let mut body = self.region(passed, body_size, depth, &types);
        let next = self.fresh(Type::U32);
        body.instructions
            .push(Instruction { results: vec![next], op: Op::Binary(BinaryOp::Add, counter, one) });
        body.yields.insert(0, next);
        self.emit(results.clone(), Op::Loop { init, condition, body });
        self.visible.extend(results);
    }

    /// Make a region: its instructions, and yields of the given types.
    fn region(
        &mut self,
        parameters: Vec<Value>,
        size: usize,
        depth: usize,
        yields: &[Type],
    ) -> Region {
        let (visible, pointers) = (self.visible.len(), self.pointers.len());
        self.visible.extend(&parameters);
        self.open.push(Vec::new());
        self.instructions(size, depth + 1);
        let yields = yields.iter().map(|&ty| self.value(ty)).collect();
        let instructions = self.open.pop().unwrap_or_default();
        self.visible.truncate(visible);
        self.pointers.truncate(pointers);
        Region { parameters, instructions, yields }
    }
}
