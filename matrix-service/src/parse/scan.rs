//! The body as nearly every client writes it, in one pass over its bytes.
//!
//! Parsing is most of what a request costs, so the plain document is read here: `{"matrix_a": [[..]], "matrix_b": [[..]]}`
//! in either order, numbers as JSON has them. Whatever else it is, good or bad, [`scan`] leaves it to the reader in
//! [`super`], which also finds the words for what is wrong.

mod word;

use super::{Buffers, Operand};
use crate::matrix::{Matrix, MatrixBuilder, Multiplication};

/// Digits that a 64 bit integer holds, whatever they are.
const SAFE_DIGITS: usize = 19;
/// Integers up to here are exact as floats.
const EXACT: u64 = 1 << 53;
/// Powers of ten that are exact as floats, so that one division rounds once (Clinger 1990).
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// The two matrices, or `None` where the body is not the plain document; the vectors go back to `buffers` then.
pub(super) fn scan(body: &[u8], buffers: &mut Buffers) -> Option<Multiplication> {
    let mut a = MatrixBuilder::reusing(std::mem::take(&mut buffers.a));
    let mut b = MatrixBuilder::reusing(std::mem::take(&mut buffers.b));
    if document(body, &mut a, &mut b).is_none() {
        (buffers.a, buffers.b) = (a.into_values(), b.into_values());
        return None;
    }
    finish(a, b, buffers)
}

/// Refused here is refused by the other reader as well, which has the vectors then: their memory is worth no second path.
fn finish(a: MatrixBuilder, b: MatrixBuilder, buffers: &mut Buffers) -> Option<Multiplication> {
    match (a.finish(), b.finish()) {
        (Ok(a), Ok(b)) if a.shape().columns == b.shape().rows => Multiplication::new(a, b).ok(),
        (a, b) => {
            let values = |matrix: Result<Matrix, _>| matrix.map(Matrix::into_values).unwrap_or_default();
            (buffers.a, buffers.b) = (values(a), values(b));
            None
        }
    }
}

fn document(body: &[u8], a: &mut MatrixBuilder, b: &mut MatrixBuilder) -> Option<()> {
    let rest = expect(body, b'{')?;
    let (first, rest) = key(rest)?;
    let (mut one, mut other) = (a, b);
    if first == Operand::B {
        std::mem::swap(&mut one, &mut other);
    }
    let rest = matrix(expect(rest, b':')?, one)?;
    let (second, rest) = key(expect(rest, b',')?)?;
    let rest = matrix(expect(rest, b':')?, other)?;
    let rest = expect(rest, b'}')?;
    (second != first && trimmed(rest).is_empty()).then_some(())
}

fn key(rest: &[u8]) -> Option<(Operand, &[u8])> {
    let rest = trimmed(rest);
    let keys = [(&b"\"matrix_a\""[..], Operand::A), (&b"\"matrix_b\""[..], Operand::B)];
    keys.into_iter().find_map(|(name, operand)| Some((operand, rest.strip_prefix(name)?)))
}

fn matrix<'b>(rest: &'b [u8], builder: &mut MatrixBuilder) -> Option<&'b [u8]> {
    let mut rest = expect(rest, b'[')?;
    loop {
        rest = row(expect(rest, b'[')?, builder)?;
        builder.end_row().ok()?;
        // A value and its comma take two bytes.
        builder.expect_square(rest.len() / 2);
        match next(rest)? {
            (b',', tail) => rest = tail,
            (b']', tail) => return Some(tail),
            _ => return None,
        }
    }
}

fn row<'b>(mut rest: &'b [u8], builder: &mut MatrixBuilder) -> Option<&'b [u8]> {
    loop {
        while let Some((value, tail)) = word::integer_and_comma(rest) {
            builder.push_integer(value);
            rest = tail;
        }
        let (value, tail) = number(trimmed(rest))?;
        builder.push(value).ok()?;
        match next(tail)? {
            (b',', tail) => rest = tail,
            (b']', tail) => return Some(tail),
            _ => return None,
        }
    }
}

/// A JSON number as the nearest 64 bit float, and what follows it.
///
/// Up to [`SAFE_DIGITS`] digits are gathered in an integer on the way. That is the number, or its significand where it has
/// few decimals; the rest is for `fast_float2`.
#[inline]
fn number(text: &[u8]) -> Option<(f64, &[u8])> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let signed = |value: f64| if negative { -value } else { value };
    let (whole, mut rest) = integer(digits, 0);
    let whole_digits = digits.len() - rest.len();
    if whole_digits == 0 || (whole_digits > 1 && digits[0] == b'0') {
        return None;
    }
    let (mut significand, mut decimals) = (whole, 0);
    if let Some(fraction) = rest.strip_prefix(b".") {
        (significand, rest) = integer(fraction, whole);
        decimals = fraction.len() - rest.len();
        if decimals == 0 {
            return None;
        }
    }
    let exponent = matches!(rest, [b'e' | b'E', ..]);
    if !exponent && whole_digits + decimals <= SAFE_DIGITS {
        if decimals == 0 {
            // Rounded to the nearest, ties to even, as a parser of decimals would.
            return Some((signed(significand as f64), rest));
        }
        if significand <= EXACT && decimals < POWERS.len() {
            return Some((signed(significand as f64 / POWERS[decimals]), rest));
        }
    }
    if exponent {
        rest = after_exponent(&rest[1..])?;
    }
    let value: f64 = fast_float2::parse(&text[..text.len() - rest.len()]).ok()?;
    Some((value, rest))
}

/// The digits ahead, behind those of `value`; beyond [`SAFE_DIGITS`] of them the value is of no use.
#[inline]
fn integer(mut text: &[u8], mut value: u64) -> (u64, &[u8]) {
    while let [digit @ b'0'..=b'9', tail @ ..] = text {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        text = tail;
    }
    (value, text)
}

/// What follows an exponent, whose `e` is gone.
fn after_exponent(text: &[u8]) -> Option<&[u8]> {
    let digits = text.strip_prefix(b"+").or_else(|| text.strip_prefix(b"-")).unwrap_or(text);
    let (_, rest) = integer(digits, 0);
    (rest.len() < digits.len()).then_some(rest)
}

fn expect(rest: &[u8], byte: u8) -> Option<&[u8]> {
    match next(rest)? {
        (found, tail) if found == byte => Some(tail),
        _ => None,
    }
}

/// The next byte that is not white space, and what follows it.
#[inline]
fn next(rest: &[u8]) -> Option<(u8, &[u8])> {
    let (byte, tail) = trimmed(rest).split_first()?;
    Some((*byte, tail))
}

/// Without JSON's white space ahead.
#[inline]
fn trimmed(mut rest: &[u8]) -> &[u8] {
    while let [b' ' | b'\n' | b'\r' | b'\t', tail @ ..] = rest {
        rest = tail;
    }
    rest
}
