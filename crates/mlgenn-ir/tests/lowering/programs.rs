//! Random programs in source text, compared with an independent evaluation of their trees.

use crate::support::Model;
use proptest::prelude::*;

/// Types of variables; arithmetic happens in the last three.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ty {
    Short,
    Int,
    UInt,
    Float,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Num {
    Int(i32),
    UInt(u32),
    Float(f32),
}

#[derive(Clone, Debug)]
enum Target {
    /// Index into the variables.
    Variable(usize),
    /// Element of the neuron's own part of the array, modulo its length.
    Element(Box<Expr>),
}

#[derive(Clone, Debug)]
enum Expr {
    Literal(Num),
    Load(Target),
    Cast(Ty, Box<Expr>),
    Negate(Box<Expr>),
    Complement(Box<Expr>),
    Not(Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    Logical(bool, Box<Expr>, Box<Expr>),
    Conditional(Box<Expr>, Box<Expr>, Box<Expr>),
    Comma(Box<Expr>, Box<Expr>),
    Assign(Target, Box<Expr>),
    Compound(Target, &'static str, Box<Expr>),
    Increment(Target, bool, bool),
    Min(Box<Expr>, Box<Expr>),
}

#[derive(Clone, Debug)]
enum Stmt {
    Expr(Expr),
    Declare(usize, Option<Expr>),
    Block(Vec<Stmt>),
    If(Expr, Vec<Stmt>, Vec<Stmt>),
    /// Counter, how many passes at most, further condition, body.
    While(usize, i32, Expr, Vec<Stmt>),
    Do(usize, i32, Expr, Vec<Stmt>),
    For(usize, i32, Option<Expr>, Vec<Stmt>),
    /// Value, arms with their labels (`None` is `default`).
    Switch(Expr, Vec<(Vec<Option<i32>>, Vec<Stmt>)>),
    Break,
    Continue,
}

const LANES: usize = 9;
const ELEMENTS: usize = 4;
/// The variables of the model.
const GLOBALS: [(&str, Ty); 5] =
    [("a", Ty::Int), ("b", Ty::Int), ("u", Ty::UInt), ("x", Ty::Float), ("s", Ty::Short)];

// ---- generation

struct Generator {
    state: u64,
    /// Names and types of all variables, locals included.
    variables: Vec<(String, Ty)>,
    /// The variables in scope.
    scope: Vec<usize>,
    budget: usize,
    /// Counters may be read but not assigned.
    counters: Vec<usize>,
}

impl Generator {
    fn new(seed: u64) -> Self {
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

    fn stmt(&mut self, depth: usize, in_loop: bool, in_switch: bool, declares: bool) -> Stmt {
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

// ---- source text

struct Printer<'a> {
    variables: &'a [(String, Ty)],
}

fn type_name(ty: Ty) -> &'static str {
    match ty {
        Ty::Short => "short",
        Ty::Int => "int",
        Ty::UInt => "unsigned int",
        Ty::Float => "float",
    }
}

impl Printer<'_> {
    fn target(&self, target: &Target) -> String {
        match target {
            Target::Variable(variable) => self.variables[*variable].0.clone(),
            Target::Element(index) => {
                let index = self.expr(index);
                format!("array[(int)id * {ELEMENTS} + ((int)({index}) & {})]", ELEMENTS - 1)
            }
        }
    }

    fn expr(&self, expr: &Expr) -> String {
        let e = |expr: &Expr| self.expr(expr);
        match expr {
            Expr::Literal(Num::Int(x)) => format!("({x})"),
            Expr::Literal(Num::UInt(x)) => format!("{x}u"),
            Expr::Literal(Num::Float(x)) => format!("({x:.2}f)"),
            Expr::Load(target) => self.target(target),
            Expr::Cast(ty, x) => format!("(({})({}))", type_name(*ty), e(x)),
            Expr::Negate(x) => format!("(- {})", e(x)),
            Expr::Complement(x) => format!("(~{})", e(x)),
            Expr::Not(x) => format!("(!{})", e(x)),
            Expr::Binary(op, x, y) => format!("({} {op} {})", e(x), e(y)),
            Expr::Logical(true, x, y) => format!("({} && {})", e(x), e(y)),
            Expr::Logical(false, x, y) => format!("({} || {})", e(x), e(y)),
            Expr::Conditional(c, x, y) => format!("({} ? {} : {})", e(c), e(x), e(y)),
            Expr::Comma(x, y) => format!("({}, {})", e(x), e(y)),
            Expr::Assign(target, x) => format!("({} = {})", self.target(target), e(x)),
            Expr::Compound(target, op, x) => format!("({} {op}= {})", self.target(target), e(x)),
            Expr::Increment(target, up, prefix) => {
                let (target, op) = (self.target(target), if *up { "++" } else { "--" });
                if *prefix { format!("({op}{target})") } else { format!("({target}{op})") }
            }
            Expr::Min(x, y) => format!("min({}, {})", e(x), e(y)),
        }
    }

    fn stmts(&self, stmts: &[Stmt]) -> String {
        stmts.iter().map(|stmt| self.stmt(stmt)).collect::<Vec<_>>().join("\n")
    }

    fn stmt(&self, stmt: &Stmt) -> String {
        let name = |variable: &usize| &self.variables[*variable].0;
        match stmt {
            Stmt::Expr(x) => format!("{};", self.expr(x)),
            Stmt::Declare(local, initial) => {
                let ty = type_name(self.variables[*local].1);
                match initial {
                    Some(x) => format!("{ty} {} = {};", name(local), self.expr(x)),
                    None => format!("{ty} {};", name(local)),
                }
            }
            Stmt::Block(body) => format!("{{\n{}\n}}", self.stmts(body)),
            Stmt::If(condition, then, otherwise) => format!(
                "if({}) {{\n{}\n}} else {{\n{}\n}}",
                self.expr(condition),
                self.stmts(then),
                self.stmts(otherwise)
            ),
            Stmt::While(counter, limit, condition, body) => format!(
                "{{ int {0} = 0;\nwhile({0}++ < {limit} && {1}) {{\n{2}\n}} }}",
                name(counter),
                self.expr(condition),
                self.stmts(body)
            ),
            Stmt::Do(counter, limit, condition, body) => format!(
                "{{ int {0} = 0;\ndo {{\n{2}\n}} while({0}++ < {limit} && {1}); }}",
                name(counter),
                self.expr(condition),
                self.stmts(body)
            ),
            Stmt::For(counter, limit, condition, body) => {
                let further = match condition {
                    Some(condition) => format!(" && {}", self.expr(condition)),
                    None => String::new(),
                };
                format!(
                    "for(int {0} = 0; {0} < {limit}{further}; {0}++) {{\n{1}\n}}",
                    name(counter),
                    self.stmts(body)
                )
            }
            Stmt::Switch(value, arms) => {
                let mut text = format!("switch({}) {{\n", self.expr(value));
                for (labels, body) in arms {
                    for label in labels {
                        match label {
                            Some(case) => text += &format!("case ({case}): "),
                            None => text += "default: ",
                        }
                    }
                    text += &self.stmts(body);
                    text += "\n";
                }
                text + "}"
            }
            Stmt::Break => "break;".to_owned(),
            Stmt::Continue => "continue;".to_owned(),
        }
    }
}

// ---- evaluation

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
struct Machine<'a> {
    types: &'a [(String, Ty)],
    variables: Vec<Num>,
    array: [f32; ELEMENTS],
}

#[derive(PartialEq)]
enum Flow {
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

    fn stmts(&mut self, stmts: &[Stmt]) -> Flow {
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

// ---- the test

/// Initial value of a variable in a lane.
fn initial(variable: usize, lane: usize) -> f64 {
    let lane = lane as f64;
    match variable {
        0 => lane - 4.0,
        1 => 1000.0 * lane * lane - 7.0,
        2 => lane * 477_218_588.0,
        3 => (lane - 3.0) * 0.75,
        _ => lane * 8000.0 - 32000.0,
    }
}

fn element(lane: usize, index: usize) -> f64 {
    (lane * 3 + index) as f64 * 0.5 - 5.0
}

fn check(seed: u64) {
    let mut generator = Generator::new(seed);
    let mut program = Vec::new();
    while generator.budget > 0 && program.len() < 12 {
        program.push(generator.stmt(4, false, false, true));
    }
    let variables = &generator.variables;
    let source = Printer { variables }.stmts(&program);

    let mut model = Model::new(LANES, &source);
    for (variable, (name, ty)) in GLOBALS.iter().enumerate() {
        let values: Vec<_> = (0..LANES).map(|lane| initial(variable, lane)).collect();
        model = model.var(name, type_name(*ty), &values);
    }
    let elements: Vec<_> =
        (0..LANES * ELEMENTS).map(|i| element(i / ELEMENTS, i % ELEMENTS)).collect();
    let outcome = model.array("array", "float", &elements).run(1, 1.0);
    assert_eq!(outcome.fault, None, "{source}");

    for lane in 0..LANES {
        let mut machine = Machine {
            types: variables,
            variables: vec![Num::Int(0); variables.len()],
            array: std::array::from_fn(|i| element(lane, i) as f32),
        };
        for (variable, (_, ty)) in GLOBALS.iter().enumerate() {
            let value = initial(variable, lane);
            machine.variables[variable] = match ty {
                Ty::Float => Num::Float(value as f32),
                Ty::UInt => Num::UInt(value as u32),
                _ => Num::Int(value as i32),
            };
        }
        machine.stmts(&program);
        let same = |found: f64, expected: Num| {
            let expected = match expected {
                Num::Int(x) => f64::from(x),
                Num::UInt(x) => f64::from(x),
                Num::Float(x) => f64::from(x),
            };
            found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan())
        };
        for (variable, (name, _)) in GLOBALS.iter().enumerate() {
            let (found, expected) = (outcome.numbers(name)[lane], machine.variables[variable]);
            assert!(
                same(found, expected),
                "{name} of neuron {lane} is {found}, expected {expected:?}, after\n{source}"
            );
        }
        for (i, &expected) in machine.array.iter().enumerate() {
            let found = outcome.numbers("array")[lane * ELEMENTS + i];
            assert!(
                same(found, Num::Float(expected)),
                "array[{i}] of neuron {lane} is {found}, expected {expected}, after\n{source}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn programs_do_what_their_trees_say(seed: u64) {
        check(seed);
    }
}
