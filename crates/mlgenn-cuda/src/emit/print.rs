//! `printf`: the formats of model code, with arguments of the types that C's conversions want.

use mlgenn_ir::{Type, Value};

/// The call for a format and its arguments.
///
/// Arguments are converted as [`mlgenn_ir::print::render`] does; conversions without an argument
/// print 0, and what is not a conversion prints as it stands.
pub(super) fn call(format: &str, arguments: &[(Type, Value)]) -> String {
    let mut arguments = arguments.iter();
    let mut text = String::new();
    let mut passed = Vec::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        // Flags, width and precision as they are, length modifiers dropped.
        let mut spec = String::new();
        let mut stars = Vec::new();
        while let Some(c) = chars.next_if(|c| "-+ #0123456789.*".contains(*c)) {
            if c == '*' {
                stars.push(next(&mut arguments, "(int)"));
            }
            spec.push(c);
        }
        while chars.next_if(|c| "hljztLq".contains(*c)).is_some() {}
        match chars.next() {
            Some('%') => text.push_str("%%"),
            Some(c) if "diuxXocfFeEgGaAsp".contains(c) => {
                passed.append(&mut stars);
                let (cast, conversion) = match c {
                    'd' | 'i' => ("(i64)", "lld".to_owned()),
                    'u' | 'x' | 'X' | 'o' => ("(u64)", format!("ll{c}")),
                    'p' => ("(u64)", "#llx".to_owned()),
                    'c' => ("(int)", "c".to_owned()),
                    's' => ("(f64)", "g".to_owned()),
                    _ => ("(f64)", c.to_string()),
                };
                passed.push(next(&mut arguments, cast));
                text.push_str(&format!("%{spec}{conversion}"));
            }
            other => {
                text.push_str("%%");
                text.push_str(&spec);
                text.extend(other);
            }
        }
    }
    let passed: String = passed.iter().map(|argument| format!(", {argument}")).collect();
    format!("printf(\"{}\"{passed});", escape(&text))
}

/// The next argument with a cast; unsigned numbers of up to 32 bits keep their width.
fn next<'a>(arguments: &mut impl Iterator<Item = &'a (Type, Value)>, cast: &str) -> String {
    match arguments.next() {
        None => format!("{cast}0"),
        Some((ty, value)) if cast == "(u64)" && ty.is_signed() && ty.bytes() <= 4 => {
            format!("(u64)(u32)v{}", value.0)
        }
        Some((ty, value)) if ty.is_float() && cast != "(f64)" => {
            format!("{cast}saturate<i64>(v{})", value.0)
        }
        Some((_, value)) => format!("{cast}v{}", value.0),
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' | b'?' => {
                escaped.push('\\');
                escaped.push(char::from(byte));
            }
            b' '..=b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("\\{byte:03o}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_fit_their_arguments() {
        let arguments = [(Type::I32, Value(1)), (Type::F32, Value(2)), (Type::U8, Value(3))];
        assert_eq!(
            call("%5ld \"%f\" %x\n", &arguments),
            r#"printf("%5lld \"%f\" %llx\012", (i64)v1, (f64)v2, (u64)v3);"#
        );
        assert_eq!(call("%d%%", &arguments[1..]), r#"printf("%lld%%", (i64)saturate<i64>(v2));"#);
        assert_eq!(
            call("%*d %y %", &arguments[..1]),
            r#"printf("%*lld %%y %%", (int)v1, (i64)0);"#
        );
        assert_eq!(call("%x", &arguments), r#"printf("%llx", (u64)(u32)v1);"#);
    }
}
