//! Eight bytes at a time.
//!
//! Numbers of one, two or three digits in no order are a branch that no processor foresees, if they are read digit by
//! digit. Here a number and its comma are taken from one 64 bit word by arithmetic alone.

/// `'0'` in each byte.
const ZEROS: u64 = 0x3030_3030_3030_3030;
/// The highest bit of each byte.
const HIGH: u64 = 0x8080_8080_8080_8080;
/// Lifts a byte above 9 over the highest bit, and none below.
const LIFT: u64 = 0x7676_7676_7676_7676;
/// The lower byte of each 32 bits.
const PAIRS: u64 = 0x0000_00FF_0000_00FF;

/// A whole number of one to six digits that a comma follows, and what follows that, without a space if one is there.
/// `None` for anything else, which may well be good.
#[inline]
pub(super) fn integer_and_comma(text: &[u8]) -> Option<(u32, &[u8])> {
    let word = u64::from_le_bytes(*text.first_chunk()?);
    let values = word ^ ZEROS;
    let others = (values.wrapping_add(LIFT) | values) & HIGH;
    let bits = others.trailing_zeros() & !7;
    let leading_zero = bits > 8 && word as u8 == b'0';
    if !(8..=48).contains(&bits) || leading_zero {
        return None;
    }
    let behind = word >> bits;
    if behind as u8 != b',' {
        return None;
    }
    let space = usize::from(behind >> 8 & 0xFF == u64::from(b' '));
    Some((value(values << (64 - bits)), text.get(bits as usize / 8 + 1 + space..)?))
}

/// The number of eight digits, the first in the lowest byte: neighbours become pairs, then fours, then eight, each by a
/// multiplication that adds both.
#[inline]
fn value(digits: u64) -> u32 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let upper = (pairs & PAIRS).wrapping_mul(100 + (1_000_000 << 32));
    let lower = ((pairs >> 16) & PAIRS).wrapping_mul(1 + (10_000 << 32));
    (upper.wrapping_add(lower) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_up_to_six_digits_is_read() {
        for number in 0..1_000_000_u32 {
            let text = format!("{number}, -12345,");
            assert_eq!(integer_and_comma(text.as_bytes()), Some((number, &b"-12345,"[..])));
        }
    }

    #[test]
    fn what_is_not_just_that_is_left() {
        for text in [
            "",
            "1, 2",
            "1234567,",
            "01, 2345",
            "-1, 2345",
            " 1, 2345",
            "1.5, 234",
            "12] ,345",
            ", 123456",
            "1e3, 456",
            "\u{ff}1, 2345",
        ] {
            assert_eq!(integer_and_comma(text.as_bytes()), None, "{text}");
        }
        assert_eq!(integer_and_comma(b"0,\n345678"), Some((0, &b"\n345678"[..])));
    }
}
