//! `printf`: C's formats applied to typed values, without C's traps.

use std::fmt::Write as _;

use crate::evaluate::{convert, sign_extend};
use crate::types::Type;

/// Print to the standard output.
#[expect(clippy::print_stdout, reason = "this is what `printf` in model code is for")]
pub fn print(format: &str, arguments: &[(Type, u64)]) {
    print!("{}", render(format, arguments));
}

/// The text that `printf` prints for arguments given by type and bits.
///
/// Arguments are converted to what their conversion wants, so nothing goes wrong if it names
/// another type; missing arguments print as 0, unknown conversions as they stand.
pub fn render(format: &str, arguments: &[(Type, u64)]) -> String {
    let mut out = String::new();
    let mut arguments = arguments.iter().copied();
    let mut rest = format;
    while let Some(start) = rest.find('%') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        match Spec::parse(rest, &mut || next_integer(&mut arguments)) {
            Some((spec, length)) => {
                let argument =
                    if spec.conversion == '%' { (Type::I32, 0) } else { next(&mut arguments) };
                spec.render(&mut out, argument);
                rest = &rest[length..];
            }
            None => {
                out.push('%');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn next(arguments: &mut impl Iterator<Item = (Type, u64)>) -> (Type, u64) {
    arguments.next().unwrap_or((Type::I32, 0))
}

fn next_integer(arguments: &mut impl Iterator<Item = (Type, u64)>) -> i64 {
    let (ty, bits) = next(arguments);
    convert(ty, Type::I64, bits) as i64
}

/// Widths and precisions beyond this are cut: nobody means them.
const MAX_WIDTH: usize = 1000;

/// A conversion specification.
#[derive(Default)]
struct Spec {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
    conversion: char,
}

impl Spec {
    /// Parse a specification at the start of `text`, and give its length in bytes. `star` gives
    /// the next argument.
    fn parse(text: &str, star: &mut dyn FnMut() -> i64) -> Option<(Self, usize)> {
        let mut spec = Self::default();
        let mut chars = text.char_indices().skip(1).peekable();
        while let Some(&(_, flag)) = chars.peek() {
            match flag {
                '-' => spec.left = true,
                '+' => spec.plus = true,
                ' ' => spec.space = true,
                '#' => spec.alternate = true,
                '0' => spec.zero = true,
                _ => break,
            }
            chars.next();
        }
        let mut number = |chars: &mut std::iter::Peekable<_>| -> Option<i64> {
            let chars: &mut std::iter::Peekable<std::iter::Skip<std::str::CharIndices<'_>>> = chars;
            if chars.next_if(|&(_, c)| c == '*').is_some() {
                return Some(star());
            }
            let mut value = None;
            while let Some((_, digit)) = chars.next_if(|&(_, c)| c.is_ascii_digit()) {
                let digit = i64::from(digit.to_digit(10)?);
                value = Some((value.unwrap_or(0i64) * 10 + digit).min(MAX_WIDTH as i64));
            }
            value
        };
        if let Some(width) = number(&mut chars) {
            spec.left |= width < 0;
            spec.width = (width.unsigned_abs() as usize).min(MAX_WIDTH);
        }
        if chars.next_if(|&(_, c)| c == '.').is_some() {
            // A negative precision counts as none.
            let precision = number(&mut chars).unwrap_or(0);
            spec.precision = usize::try_from(precision).ok().map(|p| p.min(MAX_WIDTH));
        }
        while chars.next_if(|&(_, c)| "hljztLq".contains(c)).is_some() {}
        let (index, conversion) = chars.next()?;
        spec.conversion = conversion;
        "diuxXocfFeEgGaAsp%".contains(conversion).then(|| (spec, index + conversion.len_utf8()))
    }

    fn render(&self, out: &mut String, (ty, bits): (Type, u64)) {
        match self.conversion {
            '%' => out.push('%'),
            'c' => {
                let code = convert(ty, Type::U8, bits) as u8;
                self.pad(out, "", &char::from(code).to_string(), false);
            }
            'd' | 'i' => {
                let value = self.integer(ty, bits);
                let value = if ty.is_signed() || ty.is_float() {
                    i128::from(value as i64)
                } else {
                    i128::from(value)
                };
                let digits = self.digits(value.unsigned_abs().to_string());
                self.pad(out, self.sign(value < 0), &digits, self.precision.is_none());
            }
            'u' | 'x' | 'X' | 'o' | 'p' => {
                let value = self.integer(ty, bits);
                // Negative numbers wrap at the width of their type, at least that of `int`.
                let value =
                    if ty.bytes() <= 4 && !ty.is_float() { value & 0xffff_ffff } else { value };
                let (prefix, digits) = match self.conversion {
                    'u' => ("", value.to_string()),
                    'x' => {
                        (if self.alternate && value != 0 { "0x" } else { "" }, format!("{value:x}"))
                    }
                    'X' => {
                        (if self.alternate && value != 0 { "0X" } else { "" }, format!("{value:X}"))
                    }
                    'p' => ("0x", format!("{value:x}")),
                    _ => {
                        (if self.alternate && value != 0 { "0" } else { "" }, format!("{value:o}"))
                    }
                };
                let digits = self.digits(digits);
                self.pad(out, prefix, &digits, self.precision.is_none());
            }
            's' if !ty.is_float() => {
                let value = self.integer(ty, bits);
                let text =
                    if ty.is_signed() { (value as i64).to_string() } else { value.to_string() };
                self.pad(out, "", &text, false);
            }
            _ => self.render_float(out, f64::from_bits(convert(ty, Type::F64, bits))),
        }
    }

    /// The argument as an integer of 64 bits.
    fn integer(&self, ty: Type, bits: u64) -> u64 {
        if ty.is_float() { convert(ty, Type::I64, bits) } else { sign_extend(ty, bits) as u64 }
    }

    /// At least as many digits as the precision says.
    fn digits(&self, digits: String) -> String {
        format!("{digits:0>precision$}", precision = self.precision.unwrap_or(0))
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    fn render_float(&self, out: &mut String, value: f64) {
        let sign = self.sign(value.is_sign_negative() && !value.is_nan());
        let magnitude = value.abs();
        let precision = self.precision.unwrap_or(6);
        let text = if value.is_nan() {
            "nan".to_owned()
        } else if magnitude.is_infinite() {
            "inf".to_owned()
        } else {
            match self.conversion.to_ascii_lowercase() {
                'e' => exponential(magnitude, precision),
                'f' => format!("{magnitude:.precision$}"),
                _ => self.general(magnitude, precision.max(1)),
            }
        };
        let text = if self.conversion.is_ascii_uppercase() { text.to_uppercase() } else { text };
        self.pad(out, sign, &text, value.is_finite());
    }

    /// `%g`: the shorter of the other two, without trailing zeros.
    fn general(&self, magnitude: f64, precision: usize) -> String {
        let scientific = exponential(magnitude, precision - 1);
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent_value: i32 = exponent.parse().unwrap_or(0);
        let trim = |text: &str| {
            if text.contains('.') && !self.alternate {
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            } else {
                text.to_owned()
            }
        };
        if exponent_value < -4 || exponent_value >= precision as i32 {
            format!("{}e{exponent}", trim(mantissa))
        } else {
            let decimals = (precision as i32 - 1 - exponent_value).max(0) as usize;
            trim(&format!("{magnitude:.decimals$}"))
        }
    }

    fn pad(&self, out: &mut String, prefix: &str, body: &str, zeros_allowed: bool) {
        let fill = self.width.saturating_sub(prefix.chars().count() + body.chars().count());
        let (before, zeros, after) = if self.left {
            (0, 0, fill)
        } else if self.zero && zeros_allowed {
            (0, fill, 0)
        } else {
            (fill, 0, 0)
        };
        // Writing to a string cannot fail.
        let _ = write!(out, "{:before$}{prefix}{:0<zeros$}{body}{:after$}", "", "", "");
    }
}

/// C's `%e`: an exponent with a sign and at least two digits.
fn exponential(magnitude: f64, precision: usize) -> String {
    let text = format!("{magnitude:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::types::Type;

    fn int(x: i32) -> (Type, u64) {
        (Type::I32, u64::from(x as u32))
    }

    fn double(x: f64) -> (Type, u64) {
        (Type::F64, x.to_bits())
    }

    #[test]
    fn integers_print_as_in_c() {
        assert_eq!(
            render("%d|%5d|%-5d|%05d|%+d", &[int(-7), int(42), int(42), int(-42), int(3)]),
            "-7|   42|42   |-0042|+3"
        );
        assert_eq!(
            render("%u %x %X %#x %o", &[int(-1), int(255), int(255), int(255), int(8)]),
            "4294967295 ff FF 0xff 10"
        );
        assert_eq!(
            render(
                "%ld %lu %lld %hhu",
                &[(Type::I64, u64::MAX), (Type::U64, u64::MAX), (Type::I64, 5), (Type::U8, 200)]
            ),
            "-1 18446744073709551615 5 200"
        );
        assert_eq!(render("%.3d %c %*d", &[int(5), int(65), int(4), int(9)]), "005 A    9");
    }

    #[test]
    fn floats_print_as_in_c() {
        assert_eq!(
            render("%f %.2f %e %E", &[double(1.5), double(-2.345), double(12345.678), double(0.0)]),
            "1.500000 -2.35 1.234568e+04 0.000000E+00"
        );
        assert_eq!(
            render("%g %g %g %g", &[double(0.0001), double(1e-5), double(123456.0), double(1e6)]),
            "0.0001 1e-05 123456 1e+06"
        );
        assert_eq!(
            render("%f %g %08.2f", &[double(f64::NAN), double(f64::NEG_INFINITY), double(-1.5)]),
            "nan -inf -0001.50"
        );
        assert_eq!(render("%f", &[(Type::F32, u64::from(0.25f32.to_bits()))]), "0.250000");
    }

    #[test]
    fn nothing_goes_wrong() {
        assert_eq!(render("100%% %", &[]), "100% %");
        assert_eq!(render("%d %y %s", &[double(2.9)]), "2 %y 0");
        assert_eq!(render("%999999999999d", &[int(1)]).len(), 1000);
        assert_eq!(render("%f %d", &[int(3), (Type::Bool, 1)]), "3.000000 1");
        assert_eq!(render("é%", &[]), "é%");
    }
}
