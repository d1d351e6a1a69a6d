//! Products of small whole numbers, in single precision.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

/// Whole numbers up to here are exact as 32 bit floats.
const EXACT: f64 = 16_777_216.0;
/// Added to and taken from a number below [`EXACT`], leaves the nearest whole one.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// Values that are looked at between two looks at what was found: a matrix of other numbers is left early.
const STRETCH: usize = 256;
/// Values that are looked at side by side.
const LANES: usize = 8;

/// The memory of a multiplication in single precision, kept for the next.
#[derive(Debug, Default)]
pub(super) struct Singles {
    a: Vec<f32>,
    b: Vec<f32>,
    product: Vec<f32>,
}

impl Singles {
    /// The product in half the time, where it is the same to the last bit; `None` where it might not be.
    ///
    /// It is the same when all values are whole and `columns of a x largest of a x largest of b` is at most 2^24: each sum
    /// on the way is a whole number that a 32 bit float holds, so nothing is ever rounded, in whatever order it is added up.
    pub(super) fn product(&mut self, a: &Array2<f64>, b: &Array2<f64>) -> Option<&[f32]> {
        let largest_a = whole(a, &mut self.a)?;
        let terms = a.ncols() as f64;
        if terms * largest_a > EXACT {
            return None;
        }
        let largest_b = whole(b, &mut self.b)?;
        if terms * largest_a * largest_b > EXACT {
            return None;
        }
        let shape = (a.nrows(), b.ncols());
        self.product.resize(shape.0 * shape.1, 0.0);
        let a = ArrayView2::from_shape(a.dim(), &self.a).ok()?;
        let b = ArrayView2::from_shape(b.dim(), &self.b).ok()?;
        let mut product = ArrayViewMut2::from_shape(shape, &mut self.product).ok()?;
        general_mat_mul(1.0, &a, &b, 0.0, &mut product);
        Some(&self.product)
    }
}

/// Writes the values as singles and returns the largest magnitude, if all are whole and below [`EXACT`].
fn whole(values: &Array2<f64>, singles: &mut Vec<f32>) -> Option<f64> {
    let values = values.as_slice()?;
    singles.resize(values.len(), 0.0);
    let mut seen = Seen::default();
    for (values, singles) in values.chunks(STRETCH).zip(singles.chunks_mut(STRETCH)) {
        seen.convert(values, singles);
        if !seen.is_whole() {
            return None;
        }
    }
    let largest = seen.largest.into_iter().fold(0.0, f32::max);
    // What rounds to a single below it is that single.
    (f64::from(largest) < EXACT).then(|| largest.into())
}

/// What was seen of the values of a matrix, in lanes that the compiler takes together: one maximum of all has an order.
#[derive(Default)]
struct Seen {
    /// Largest magnitude as a single.
    largest: [f32; LANES],
    /// Largest distance to a whole number.
    fraction: [f64; LANES],
}

impl Seen {
    fn convert(&mut self, values: &[f64], singles: &mut [f32]) {
        let ((values, last), (singles, last_singles)) = (values.as_chunks(), singles.as_chunks_mut());
        for (values, singles) in values.iter().zip(singles) {
            self.convert_lanes(values, singles);
        }
        let (mut rest, mut converted) = ([0.0; LANES], [0.0; LANES]);
        rest[..last.len()].copy_from_slice(last);
        self.convert_lanes(&rest, &mut converted);
        last_singles.copy_from_slice(&converted[..last.len()]);
    }

    #[inline]
    fn convert_lanes(&mut self, values: &[f64; LANES], singles: &mut [f32; LANES]) {
        for lane in 0..LANES {
            let (value, single) = (values[lane], values[lane] as f32);
            let fraction = ((value + ROUND) - ROUND - value).abs();
            singles[lane] = single;
            // Not `max`, which minds numbers that are none: this is one instruction of the processor.
            self.largest[lane] = if single.abs() > self.largest[lane] { single.abs() } else { self.largest[lane] };
            self.fraction[lane] = if fraction > self.fraction[lane] { fraction } else { self.fraction[lane] };
        }
    }

    fn is_whole(&self) -> bool {
        self.fraction.iter().all(|fraction| *fraction == 0.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn in_doubles(a: &Array2<f64>, b: &Array2<f64>) -> Vec<f64> {
        a.dot(b).into_raw_vec_and_offset().0
    }

    fn square(size: usize, value: impl Fn(usize) -> f64) -> Array2<f64> {
        Array2::from_shape_vec((size, size), (0..size * size).map(value).collect()).unwrap()
    }

    #[test]
    fn only_what_is_exact_is_done_in_singles() {
        let mut singles = Singles::default();
        for (case, a, b, done) in [
            ("whole numbers below 100", square(350, |i| (i % 100) as f64), square(350, |i| (i % 100) as f64), true),
            ("negative ones", square(20, |i| i as f64 - 200.0), square(20, |i| -(i as f64)), true),
            ("the largest that are exact", square(4, |_| 2048.0), square(4, |_| -2048.0), true),
            ("one that no single is", square(1, |_| 16_777_217.0), square(1, |_| 1.0), false),
            ("a little larger", square(4, |_| 2048.0), square(4, |_| 2049.0), false),
            ("one half among many", square(100, |i| if i == 9_999 { 0.5 } else { 1.0 }), square(100, |_| 1.0), false),
            ("a half in the second", square(3, |_| 1.0), square(3, |_| 0.5), false),
            ("beyond all rounding", square(2, |_| 1e300), square(2, |_| 0.0), false),
            ("the smallest", square(2, |_| f64::MIN_POSITIVE), square(2, |_| 1.0), false),
        ] {
            let found = singles.product(&a, &b).map(|product| product.iter().copied().map(f64::from).collect());
            assert_eq!(found, done.then(|| in_doubles(&a, &b)), "{case}");
        }
    }

    proptest! {
        #[test]
        fn the_product_is_that_of_doubles_to_the_last_bit(
            shape in (1_usize..40, 1_usize..40, 1_usize..40), largest in 1_i32..2_000, seed in any::<u64>(),
        ) {
            let (rows, inner, columns) = shape;
            let value = |i: usize| {
                let mixed = (i as u64).wrapping_add(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
                ((mixed % (2 * largest as u64 + 1)) as i64 - i64::from(largest)) as f64
            };
            let a = Array2::from_shape_vec((rows, inner), (0..rows * inner).map(value).collect()).unwrap();
            let b = Array2::from_shape_vec((inner, columns), (0..inner * columns).map(|i| value(i + 7)).collect()).unwrap();
            let expected: Vec<u64> = in_doubles(&a, &b).into_iter().map(f64::to_bits).collect();
            let mut singles = Singles::default();
            match singles.product(&a, &b) {
                Some(product) => prop_assert_eq!(product.iter().map(|&v| f64::from(v).to_bits()).collect::<Vec<_>>(), expected),
                None => prop_assert!(inner as f64 * f64::from(largest).powi(2) > EXACT),
            }
        }
    }
}
