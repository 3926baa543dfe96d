//! Random programs that end and divide by anything.

use super::{Expr, GLOBALS, Num, Stmt, Target, Ty};

pub(super) struct Generator {
    state: u64,
    /// Names and types of all variables, locals included.
    pub(super) variables: Vec<(String, Ty)>,
    /// The variables in scope.
    scope: Vec<usize>,
    pub(super) budget: usize,
    /// Counters may be read but not assigned.
    counters: Vec<usize>,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        let variables: Vec<_> =
            GLOBALS.iter().map(|(name, ty)| ((*name).to_owned(), *ty)).collect();
        let scope = (0..variables.len()).collect();
        Self { state: seed, variables, scope, budget: 120, counters: Vec::new() }
    }

    fn below(&mut self, n: usize) -> usize {
        // SplitMix64.
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn local(&mut self, prefix: &str, ty: Ty) -> usize {
        self.variables.push((format!("{prefix}{}", self.variables.len()), ty));
        self.variables.len() - 1
    }

    fn ty(&mut self) -> Ty {
        [Ty::Short, Ty::Int, Ty::UInt, Ty::Float][self.below(4)]
    }

    /// A variable in scope.
    fn visible(&mut self) -> usize {
        let i = self.below(self.scope.len());
        self.scope[i]
    }

    fn target(&mut self, depth: usize, assigned: bool) -> Target {
        if self.chance(20) {
            return Target::Element(Box::new(self.expr(depth.saturating_sub(1))));
        }
        loop {
            let variable = self.visible();
            if !assigned || !self.counters.contains(&variable) {
                return Target::Variable(variable);
            }
        }
    }

    fn expr(&mut self, depth: usize) -> Expr {
        self.budget = self.budget.saturating_sub(1);
        if depth == 0 || self.budget == 0 || self.chance(15) {
            return match self.below(5) {
                0 => Expr::Literal(Num::Int(self.below(40) as i32 - 20)),
                1 => Expr::Literal(Num::UInt(self.below(20) as u32)),
                2 => Expr::Literal(Num::Float(self.below(64) as f32 * 0.25 - 4.0)),
                _ => Expr::Load(Target::Variable(self.visible())),
            };
        }
        let d = depth - 1;
        match self.below(17) {
            0 => Expr::Load(self.target(d, false)),
            1 => Expr::Cast(self.ty(), self.boxed(d)),
            2 => Expr::Negate(self.boxed(d)),
            3 => Expr::Complement(self.integer(d)),
            4 => Expr::Not(self.boxed(d)),
            5..=7 => {
                let op = ["+", "-", "*", "/"][self.below(4)];
                Expr::Binary(op, self.boxed(d), self.boxed(d))
            }
            8 => {
                let op = ["%", "&", "|", "^", "<<", ">>"][self.below(6)];
                Expr::Binary(op, self.integer(d), self.integer(d))
            }
            9 => {
                let op = ["<", "<=", ">", ">=", "==", "!="][self.below(6)];
                Expr::Binary(op, self.boxed(d), self.boxed(d))
            }
            10 => Expr::Logical(self.chance(50), self.boxed(d), self.boxed(d)),
            11 => Expr::Conditional(self.boxed(d), self.boxed(d), self.boxed(d)),
            12 => Expr::Comma(self.boxed(d), self.boxed(d)),
            13 => Expr::Assign(self.target(d, true), self.boxed(d)),
            14 => {
                let op = ["+", "-", "*", "/"][self.below(4)];
                Expr::Compound(self.target(d, true), op, self.boxed(d))
            }
            15 => Expr::Increment(self.target(d, true), self.chance(50), self.chance(50)),
            _ => Expr::Min(self.integer(d), self.integer(d)),
        }
    }

    fn boxed(&mut self, depth: usize) -> Box<Expr> {
        Box::new(self.expr(depth))
    }

    /// An `int`.
    fn integer(&mut self, depth: usize) -> Box<Expr> {
        Box::new(Expr::Cast(Ty::Int, self.boxed(depth)))
    }

    fn stmts(&mut self, depth: usize, in_loop: bool, in_switch: bool) -> Vec<Stmt> {
        let visible = self.scope.len();
        let count = 1 + self.below(4);
        let stmts = (0..count).map(|_| self.stmt(depth, in_loop, in_switch, true)).collect();
        self.scope.truncate(visible);
        stmts
    }

    pub(super) fn stmt(
        &mut self,
        depth: usize,
        in_loop: bool,
        in_switch: bool,
        declares: bool,
    ) -> Stmt {
        if depth == 0 || self.budget == 0 || self.chance(35) {
            if (in_loop || in_switch) && self.chance(20) {
                return Stmt::Break;
            }
            if in_loop && self.chance(15) {
                return Stmt::Continue;
            }
            return Stmt::Expr(self.expr(3));
        }
        let d = depth - 1;
        match self.below(9) {
            0 if declares => {
                let ty = self.ty();
                let initial = self.chance(70).then(|| self.expr(3));
                let local = self.local("l", ty);
                self.scope.push(local);
                Stmt::Declare(local, initial)
            }
            1 => Stmt::Block(self.stmts(d, in_loop, in_switch)),
            2..=4 => {
                let condition = self.expr(3);
                let then = self.stmts(d, in_loop, in_switch);
                let otherwise =
                    if self.chance(50) { self.stmts(d, in_loop, in_switch) } else { Vec::new() };
                Stmt::If(condition, then, otherwise)
            }
            kind @ 5..=7 => {
                let counter = self.local("k", Ty::Int);
                self.counters.push(counter);
                self.scope.push(counter);
                let limit = self.below(5) as i32;
                let condition = self.expr(2);
                let body = self.stmts(d, true, false);
                self.scope.pop();
                match kind {
                    5 => Stmt::While(counter, limit, condition, body),
                    6 => Stmt::Do(counter, limit, condition, body),
                    _ => {
                        let condition = self.chance(60).then_some(condition);
                        Stmt::For(counter, limit, condition, body)
                    }
                }
            }
            _ => {
                let value = Expr::Binary("%", self.integer(2), Box::new(int(5)));
                let mut arms = Vec::new();
                let mut next = -2;
                let default = self.below(5);
                for arm in 0..1 + self.below(4) {
                    let mut labels = Vec::new();
                    for _ in 0..1 + self.below(2) {
                        labels.push(Some(next));
                        next += 1;
                    }
                    if arm == default {
                        labels.push(None);
                    }
                    // Declarations would be jumped over.
                    let count = 1 + self.below(3);
                    let mut body: Vec<_> =
                        (0..count).map(|_| self.stmt(d, in_loop, true, false)).collect();
                    if self.chance(50) {
                        body.push(Stmt::Break);
                    }
                    arms.push((labels, body));
                }
                Stmt::Switch(value, arms)
            }
        }
    }
}

fn int(x: i32) -> Expr {
    Expr::Literal(Num::Int(x))
}
