//! Products of small whole numbers, in single precision.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

/// Whole numbers up to here are exact as 32 bit floats.
const EXACT: f64 = 16_777_216.0;
/// Added to and taken from a number below [`EXACT`], leaves the nearest whole one.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// Fewest terms of a product that is tried, those of 64x64: at 50x50 a microsecond would be saved, and all others would pay the look.
const LEAST_TERMS: usize = 1 << 18;
/// Values that are looked at between two looks at what was found: a matrix of other numbers is left early.
const STRETCH: usize = 1024;
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
    /// The product in less time, where it is the same to the last bit; `None` where it might not be, or is too small.
    ///
    /// It is the same when all values are whole and `columns of a x largest of a x largest of b` is at most 2^24: each sum
    /// on the way is a whole number that a 32 bit float holds, so nothing is ever rounded, in whatever order it is added up.
    pub(super) fn product(&mut self, a: &Array2<f64>, b: &Array2<f64>) -> Option<&[f32]> {
        if a.len().saturating_mul(b.ncols()) < LEAST_TERMS { None } else { self.exact(a, b) }
    }

    fn exact(&mut self, a: &Array2<f64>, b: &Array2<f64>) -> Option<&[f32]> {
        let most = EXACT / a.ncols() as f64;
        // A look at the second first: whoever sends large numbers mostly sends two matrices of them.
        let begin = b.as_slice()?;
        let hint = Seen::default().convert(&begin[..begin.len().min(STRETCH)], &mut [0.0; STRETCH], most)?;
        let largest_a = whole(a, &mut self.a, most / hint.max(1.0))?;
        whole(b, &mut self.b, most / largest_a.max(1.0))?;
        let shape = (a.nrows(), b.ncols());
        self.product.resize(shape.0 * shape.1, 0.0);
        let a = ArrayView2::from_shape(a.dim(), &self.a).ok()?;
        let b = ArrayView2::from_shape(b.dim(), &self.b).ok()?;
        let mut product = ArrayViewMut2::from_shape(shape, &mut self.product).ok()?;
        general_mat_mul(1.0, &a, &b, 0.0, &mut product);
        Some(&self.product)
    }
}

/// Writes the values as singles and returns the largest magnitude, if all are whole, at most `most`, and below [`EXACT`].
fn whole(values: &Array2<f64>, singles: &mut Vec<f32>, most: f64) -> Option<f64> {
    let values = values.as_slice()?;
    singles.resize(values.len(), 0.0);
    let (mut seen, mut largest) = (Seen::default(), 0.0);
    for (values, singles) in values.chunks(STRETCH).zip(singles.chunks_mut(STRETCH)) {
        largest = seen.convert(values, singles, most)?;
    }
    Some(largest)
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
    /// Converts more values and returns the largest magnitude so far; `None` when one is not whole, or too large.
    fn convert(&mut self, values: &[f64], singles: &mut [f32], most: f64) -> Option<f64> {
        let ((lanes, last), (lanes_out, last_out)) = (values.as_chunks(), singles[..values.len()].as_chunks_mut());
        self.convert_all(lanes, lanes_out);
        if !last.is_empty() {
            let (mut rest, mut converted) = ([0.0; LANES], [0.0; LANES]);
            rest[..last.len()].copy_from_slice(last);
            self.convert_all(&[rest], std::slice::from_mut(&mut converted));
            last_out.copy_from_slice(&converted[..last.len()]);
        }
        let largest = f64::from(self.largest.into_iter().fold(0.0, f32::max));
        let is_whole = self.fraction.iter().all(|fraction| *fraction == 0.0);
        // What rounds to a single below the bound is that single.
        (is_whole && largest <= most && largest < EXACT).then_some(largest)
    }

    /// A call of its own: within the caller, which looks at the lanes one by one, the compiler takes them one by one as well.
    #[inline(never)]
    fn convert_all(&mut self, values: &[[f64; LANES]], singles: &mut [[f32; LANES]]) {
        let Self { mut largest, mut fraction } = *self;
        for (values, singles) in values.iter().zip(singles) {
            for lane in 0..LANES {
                let (value, single) = (values[lane], values[lane] as f32);
                let distance = ((value + ROUND) - ROUND - value).abs();
                singles[lane] = single;
                // Not `max`, which minds numbers that are none: this is one instruction of the processor.
                largest[lane] = if single.abs() > largest[lane] { single.abs() } else { largest[lane] };
                fraction[lane] = if distance > fraction[lane] { distance } else { fraction[lane] };
            }
        }
        *self = Self { largest, fraction };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bits, as zeros of both signs are equal.
    fn in_doubles(a: &Array2<f64>, b: &Array2<f64>) -> Vec<u64> {
        a.dot(b).into_iter().map(f64::to_bits).collect()
    }

    fn bits(product: &[f32]) -> Vec<u64> {
        product.iter().map(|&value| f64::from(value).to_bits()).collect()
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
            ("zeros of both signs", square(3, |i| if i % 2 == 0 { -0.0 } else { 0.0 }), square(3, |i| i as f64), true),
            ("the largest that are exact", square(4, |_| 2048.0), square(4, |_| -2048.0), true),
            ("one that no single is", square(1, |_| 16_777_217.0), square(1, |_| 1.0), false),
            ("a little larger", square(4, |_| 2048.0), square(4, |_| 2049.0), false),
            ("one half among many", square(100, |i| if i == 9_999 { 0.5 } else { 1.0 }), square(100, |_| 1.0), false),
            ("a half in the second", square(3, |_| 1.0), square(3, |_| 0.5), false),
            ("beyond all rounding", square(2, |_| 1e300), square(2, |_| 0.0), false),
            ("the smallest", square(2, |_| f64::MIN_POSITIVE), square(2, |_| 1.0), false),
        ] {
            let found = singles.exact(&a, &b).map(bits);
            assert_eq!(found, done.then(|| in_doubles(&a, &b)), "{case}");
        }
    }

    #[test]
    fn what_is_too_small_to_be_worth_it_is_left() {
        let ones = |size| square(size, |_| 1.0);
        assert!(Singles::default().product(&ones(63), &ones(63)).is_none());
        assert!(Singles::default().product(&ones(64), &ones(64)).is_some());
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
            match Singles::default().exact(&a, &b) {
                Some(product) => prop_assert_eq!(bits(product), in_doubles(&a, &b)),
                None => prop_assert!(inner as f64 * f64::from(largest).powi(2) > EXACT),
            }
        }
    }
}
