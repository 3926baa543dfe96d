//! What programs do to one neuron.

use super::{ELEMENTS, Expr, Num, Stmt, Target, Ty};

impl Num {
    fn truth(self) -> bool {
        match self {
            Self::Int(x) => x != 0,
            Self::UInt(x) => x != 0,
            Self::Float(x) => x != 0.0,
        }
    }

    fn float(self) -> f32 {
        match self {
            Self::Int(x) => x as f32,
            Self::UInt(x) => x as f32,
            Self::Float(x) => x,
        }
    }

    fn int(self) -> i32 {
        match self {
            Self::Int(x) => x,
            Self::UInt(x) => x as i32,
            Self::Float(x) => x as i32,
        }
    }

    fn uint(self) -> u32 {
        match self {
            Self::Int(x) => x as u32,
            Self::UInt(x) => x,
            Self::Float(x) => x as u32,
        }
    }

    /// Converted to a type, as it is when next used in arithmetic.
    fn to(self, ty: Ty) -> Self {
        match ty {
            Ty::Short => Self::Int(match self {
                Self::Float(x) => i32::from(x as i16),
                x => i32::from(x.int() as i16),
            }),
            Ty::Int => Self::Int(self.int()),
            Ty::UInt => Self::UInt(self.uint()),
            Ty::Float => Self::Float(self.float()),
        }
    }
}

fn arithmetic(op: &str, x: Num, y: Num) -> Num {
    if matches!(op, "<<" | ">>") {
        let count = y.uint();
        return match (op, x) {
            ("<<", Num::UInt(x)) => Num::UInt(x.wrapping_shl(count)),
            ("<<", x) => Num::Int(x.int().wrapping_shl(count)),
            (_, Num::UInt(x)) => Num::UInt(x.wrapping_shr(count)),
            (_, x) => Num::Int(x.int().wrapping_shr(count)),
        };
    }
    let truth = |x: bool| Num::Int(i32::from(x));
    match (x, y) {
        (Num::Float(_), _) | (_, Num::Float(_)) => {
            let (x, y) = (x.float(), y.float());
            match op {
                "+" => Num::Float(x + y),
                "-" => Num::Float(x - y),
                "*" => Num::Float(x * y),
                "/" => Num::Float(x / y),
                _ => truth(compare(op, &x, &y)),
            }
        }
        (Num::UInt(_), _) | (_, Num::UInt(_)) => {
            let (x, y) = (x.uint(), y.uint());
            match op {
                "+" => Num::UInt(x.wrapping_add(y)),
                "-" => Num::UInt(x.wrapping_sub(y)),
                "*" => Num::UInt(x.wrapping_mul(y)),
                "/" => Num::UInt(x.checked_div(y).unwrap_or(0)),
                _ => truth(compare(op, &x, &y)),
            }
        }
        (Num::Int(x), Num::Int(y)) => match op {
            "+" => Num::Int(x.wrapping_add(y)),
            "-" => Num::Int(x.wrapping_sub(y)),
            "*" => Num::Int(x.wrapping_mul(y)),
            "/" => Num::Int(if y == 0 { 0 } else { x.wrapping_div(y) }),
            "%" => Num::Int(if y == 0 { 0 } else { x.wrapping_rem(y) }),
            "&" => Num::Int(x & y),
            "|" => Num::Int(x | y),
            "^" => Num::Int(x ^ y),
            _ => truth(compare(op, &x, &y)),
        },
    }
}

fn compare<T: PartialOrd>(op: &str, x: &T, y: &T) -> bool {
    match op {
        "<" => x < y,
        "<=" => x <= y,
        ">" => x > y,
        ">=" => x >= y,
        "==" => x == y,
        _ => x != y,
    }
}

/// One lane.
pub(super) struct Machine<'a> {
    pub(super) types: &'a [(String, Ty)],
    pub(super) variables: Vec<Num>,
    pub(super) array: [f32; ELEMENTS],
}

#[derive(PartialEq)]
pub(super) enum Flow {
    Next,
    Break,
    Continue,
}

enum Place {
    Variable(usize),
    Element(usize),
}

impl Machine<'_> {
    fn resolve(&mut self, target: &Target) -> Place {
        match target {
            Target::Variable(variable) => Place::Variable(*variable),
            Target::Element(index) => {
                Place::Element((self.expr(index).int() & (ELEMENTS as i32 - 1)) as usize)
            }
        }
    }

    fn load(&self, place: &Place) -> Num {
        match place {
            Place::Variable(variable) => self.variables[*variable],
            Place::Element(element) => Num::Float(self.array[*element]),
        }
    }

    fn store(&mut self, place: &Place, value: Num) -> Num {
        match place {
            Place::Variable(variable) => {
                self.variables[*variable] = value.to(self.types[*variable].1);
            }
            Place::Element(element) => self.array[*element] = value.float(),
        }
        self.load(place)
    }

    fn expr(&mut self, expr: &Expr) -> Num {
        match expr {
            Expr::Literal(x) => *x,
            Expr::Load(target) => {
                let place = self.resolve(target);
                self.load(&place)
            }
            Expr::Cast(ty, x) => self.expr(x).to(*ty),
            Expr::Negate(x) => match self.expr(x) {
                Num::Int(x) => Num::Int(x.wrapping_neg()),
                Num::UInt(x) => Num::UInt(x.wrapping_neg()),
                Num::Float(x) => Num::Float(-x),
            },
            Expr::Complement(x) => Num::Int(!self.expr(x).int()),
            Expr::Not(x) => Num::Int(i32::from(!self.expr(x).truth())),
            Expr::Binary(op, x, y) => {
                let x = self.expr(x);
                let y = self.expr(y);
                arithmetic(op, x, y)
            }
            Expr::Logical(true, x, y) => {
                Num::Int(i32::from(self.expr(x).truth() && self.expr(y).truth()))
            }
            Expr::Logical(false, x, y) => {
                Num::Int(i32::from(self.expr(x).truth() || self.expr(y).truth()))
            }
            Expr::Conditional(c, x, y) => {
                // Only one is evaluated, but both have a say in the type.
                let kinds = [self.kind(x), self.kind(y)];
                let value = if self.expr(c).truth() { self.expr(x) } else { self.expr(y) };
                if kinds.contains(&Ty::Float) {
                    value.to(Ty::Float)
                } else if kinds.contains(&Ty::UInt) {
                    value.to(Ty::UInt)
                } else {
                    value
                }
            }
            Expr::Comma(x, y) => {
                self.expr(x);
                self.expr(y)
            }
            Expr::Assign(target, x) => {
                let value = self.expr(x);
                let place = self.resolve(target);
                self.store(&place, value)
            }
            Expr::Compound(target, op, x) => {
                let value = self.expr(x);
                let place = self.resolve(target);
                let value = arithmetic(op, self.load(&place), value);
                self.store(&place, value)
            }
            Expr::Increment(target, up, prefix) => {
                let place = self.resolve(target);
                let before = self.load(&place);
                let op = if *up { "+" } else { "-" };
                let after = self.store(&place, arithmetic(op, before, Num::Int(1)));
                if *prefix { after } else { before }
            }
            Expr::Min(x, y) => {
                let x = self.expr(x).int();
                let y = self.expr(y).int();
                Num::Int(x.min(y))
            }
        }
    }

    /// Type of an expression after promotion.
    fn kind(&self, expr: &Expr) -> Ty {
        let promoted = |ty: Ty| if ty == Ty::Short { Ty::Int } else { ty };
        let target = |target: &Target| match target {
            Target::Variable(variable) => promoted(self.types[*variable].1),
            Target::Element(_) => Ty::Float,
        };
        let common = |x: Ty, y: Ty| {
            if x == Ty::Float || y == Ty::Float {
                Ty::Float
            } else if x == Ty::UInt || y == Ty::UInt {
                Ty::UInt
            } else {
                Ty::Int
            }
        };
        match expr {
            Expr::Literal(Num::Int(_)) => Ty::Int,
            Expr::Literal(Num::UInt(_)) => Ty::UInt,
            Expr::Literal(Num::Float(_)) => Ty::Float,
            Expr::Load(place)
            | Expr::Assign(place, _)
            | Expr::Compound(place, ..)
            | Expr::Increment(place, ..) => target(place),
            Expr::Cast(ty, _) => promoted(*ty),
            Expr::Negate(x) => self.kind(x),
            Expr::Binary("+" | "-" | "*" | "/", x, y) => common(self.kind(x), self.kind(y)),
            Expr::Conditional(_, x, y) => common(self.kind(x), self.kind(y)),
            Expr::Comma(_, y) => self.kind(y),
            Expr::Complement(_)
            | Expr::Not(_)
            | Expr::Binary(..)
            | Expr::Logical(..)
            | Expr::Min(..) => Ty::Int,
        }
    }

    pub(super) fn stmts(&mut self, stmts: &[Stmt]) -> Flow {
        for stmt in stmts {
            let flow = self.stmt(stmt);
            if flow != Flow::Next {
                return flow;
            }
        }
        Flow::Next
    }

    fn stmt(&mut self, stmt: &Stmt) -> Flow {
        match stmt {
            Stmt::Expr(x) => {
                self.expr(x);
                Flow::Next
            }
            Stmt::Declare(local, initial) => {
                let value = initial.as_ref().map_or(Num::Int(0), |x| self.expr(x));
                self.store(&Place::Variable(*local), value);
                Flow::Next
            }
            Stmt::Block(body) => self.stmts(body),
            Stmt::If(condition, then, otherwise) => {
                let branch = if self.expr(condition).truth() { then } else { otherwise };
                self.stmts(branch)
            }
            Stmt::While(counter, limit, condition, body) => {
                self.variables[*counter] = Num::Int(0);
                while self.counts(*counter, *limit) && self.expr(condition).truth() {
                    if self.stmts(body) == Flow::Break {
                        break;
                    }
                }
                Flow::Next
            }
            Stmt::Do(counter, limit, condition, body) => {
                self.variables[*counter] = Num::Int(0);
                loop {
                    if self.stmts(body) == Flow::Break {
                        break;
                    }
                    if !(self.counts(*counter, *limit) && self.expr(condition).truth()) {
                        break;
                    }
                }
                Flow::Next
            }
            Stmt::For(counter, limit, condition, body) => {
                for count in 0.. {
                    self.variables[*counter] = Num::Int(count);
                    if count >= *limit
                        || !condition.as_ref().is_none_or(|condition| self.expr(condition).truth())
                        || self.stmts(body) == Flow::Break
                    {
                        break;
                    }
                }
                Flow::Next
            }
            Stmt::Switch(value, arms) => {
                let value = self.expr(value).int();
                let find = |label| arms.iter().position(|(labels, _)| labels.contains(&label));
                let Some(start) = find(Some(value)).or_else(|| find(None)) else {
                    return Flow::Next;
                };
                for (_, body) in &arms[start..] {
                    match self.stmts(body) {
                        Flow::Next => {}
                        Flow::Break => break,
                        Flow::Continue => return Flow::Continue,
                    }
                }
                Flow::Next
            }
            Stmt::Break => Flow::Break,
            Stmt::Continue => Flow::Continue,
        }
    }

    fn counts(&mut self, counter: usize, limit: i32) -> bool {
        let count = self.variables[counter].int();
        self.variables[counter] = Num::Int(count + 1);
        count < limit
    }
}
