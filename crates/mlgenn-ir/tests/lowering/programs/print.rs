//! Source text of programs.

use super::{ELEMENTS, Expr, Num, Stmt, Target, Ty};

pub(super) struct Printer<'a> {
    pub(super) variables: &'a [(String, Ty)],
}

pub(super) fn type_name(ty: Ty) -> &'static str {
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

    pub(super) fn stmts(&self, stmts: &[Stmt]) -> String {
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
