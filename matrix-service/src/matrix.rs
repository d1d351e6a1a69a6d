//! Matrices that are always good, and the product of two.

mod singles;
mod workspace;

use std::fmt;

use ndarray::Array2;
use ndarray::linalg::general_mat_mul;
use serde::Serialize;
use thiserror::Error;

pub use workspace::Workspace;

/// Rows and columns of the product that a reply shows at most.
const SHOWN: usize = 5;

/// Rows and columns; both at least 1. Prints as `2x3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
}

impl Shape {
    /// Values that a matrix of this shape holds, or the most that can be counted.
    #[must_use]
    pub fn values(self) -> usize {
        self.rows.saturating_mul(self.columns)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.rows, self.columns)
    }
}

/// Why rows of numbers are no matrix. Rows and columns count from 1.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum MatrixError {
    /// There are no rows.
    #[error("there are no rows")]
    NoRows,
    /// A row holds nothing.
    #[error("row {row} is empty")]
    EmptyRow {
        /// Which row.
        row: usize,
    },
    /// A row is longer or shorter than the first.
    #[error("row {row} has length {found}, row 1 has length {expected}")]
    Ragged {
        /// Which row.
        row: usize,
        /// Its length.
        found: usize,
        /// The length of the first row.
        expected: usize,
    },
    /// NaN or infinite.
    #[error("row {row}, column {column}: {value} is not a finite number")]
    NotFinite {
        /// Which row.
        row: usize,
        /// Which column.
        column: usize,
        /// The value.
        value: f64,
    },
}

/// At least one row, at least one column, all rows of one length, all values finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// `[rows, columns]`, row by row.
    values: Array2<f64>,
}

impl Matrix {
    /// Rows and columns.
    #[must_use]
    pub fn shape(&self) -> Shape {
        let (rows, columns) = self.values.dim();
        Shape { rows, columns }
    }

    /// The values row by row, in the vector that the matrix was built in.
    #[must_use]
    pub fn into_values(self) -> Vec<f64> {
        self.values.into_raw_vec_and_offset().0
    }
}

impl TryFrom<Vec<Vec<f64>>> for Matrix {
    type Error = MatrixError;

    fn try_from(rows: Vec<Vec<f64>>) -> Result<Self, MatrixError> {
        let mut builder = MatrixBuilder::default();
        for row in rows {
            for value in row {
                builder.push(value)?;
            }
            builder.end_row()?;
        }
        builder.finish()
    }
}

/// A matrix while it is being read, value by value: the only way to one.
#[derive(Debug, Default)]
pub struct MatrixBuilder {
    values: Vec<f64>,
    /// Index of the first value of the open row.
    row_start: usize,
    /// Rows that are complete.
    rows: usize,
    /// Length of the first row; 0 before it is complete.
    columns: usize,
}

impl MatrixBuilder {
    /// Builds in a vector that was used before; what it holds is dropped, its memory is kept.
    #[must_use]
    pub fn reusing(mut values: Vec<f64>) -> Self {
        values.clear();
        Self { values, row_start: 0, rows: 0, columns: 0 }
    }

    /// Adds a value to the open row.
    ///
    /// # Errors
    /// [`MatrixError::NotFinite`].
    #[inline]
    pub fn push(&mut self, value: f64) -> Result<(), MatrixError> {
        if !value.is_finite() {
            return Err(MatrixError::NotFinite { row: self.row(), column: self.column(), value });
        }
        self.values.push(value);
        Ok(())
    }

    /// Adds a whole number to the open row.
    #[inline]
    pub fn push_integer(&mut self, value: u32) {
        self.values.push(f64::from(value));
    }

    /// Completes the open row.
    ///
    /// # Errors
    /// [`MatrixError::EmptyRow`], [`MatrixError::Ragged`].
    pub fn end_row(&mut self) -> Result<(), MatrixError> {
        let (row, found) = (self.row(), self.values.len() - self.row_start);
        if found == 0 {
            return Err(MatrixError::EmptyRow { row });
        }
        if self.rows == 0 {
            self.columns = found;
        } else if found != self.columns {
            return Err(MatrixError::Ragged { row, found, expected: self.columns });
        }
        self.rows = row;
        self.row_start = self.values.len();
        Ok(())
    }

    /// Makes room, once the first row is complete, for as many rows as it has columns, `most` values at most.
    ///
    /// Most matrices are square, and a vector that grows step by step leaves holes in the memory. What is not written to
    /// costs nothing.
    pub fn expect_square(&mut self, most: usize) {
        if self.rows == 1 {
            self.values.reserve_exact((self.columns * (self.columns - 1)).min(most));
        }
    }

    /// The row that the next value belongs to, from 1.
    #[must_use]
    pub fn row(&self) -> usize {
        self.rows + 1
    }

    /// The column that the next value belongs to, from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.values.len() - self.row_start + 1
    }

    /// The vector, for the next use.
    #[must_use]
    pub fn into_values(self) -> Vec<f64> {
        self.values
    }

    /// The matrix; a row that was begun is completed.
    ///
    /// # Errors
    /// [`MatrixError::NoRows`]; [`MatrixError::Ragged`] for the open row.
    pub fn finish(mut self) -> Result<Matrix, MatrixError> {
        if self.row_start < self.values.len() {
            self.end_row()?;
        }
        if self.rows == 0 {
            return Err(MatrixError::NoRows);
        }
        #[expect(clippy::expect_used, reason = "end_row() let only rows of `columns` values pass")]
        let values = Array2::from_shape_vec((self.rows, self.columns), self.values).expect("rows * columns values");
        Ok(Matrix { values })
    }
}

/// The shapes of two matrices do not fit each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "matrix_a is {a} and matrix_b is {b}: the columns of matrix_a ({}) must equal the rows of matrix_b ({})",
    a.columns, b.rows
)]
pub struct ShapeMismatch {
    /// Shape of the left matrix.
    pub a: Shape,
    /// Shape of the right matrix.
    pub b: Shape,
}

/// A value of the product is too large for a 64 bit float. Rows and columns count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the product overflows at row {row}, column {column}")]
pub struct Overflow {
    /// Row of the first such value.
    pub row: usize,
    /// Its column.
    pub column: usize,
}

/// Two matrices that can be multiplied: `a` has as many columns as `b` has rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Multiplication {
    a: Matrix,
    b: Matrix,
}

impl Multiplication {
    /// Pairs two matrices.
    ///
    /// # Errors
    /// [`ShapeMismatch`] names both shapes.
    pub fn new(a: Matrix, b: Matrix) -> Result<Self, ShapeMismatch> {
        let (shape_a, shape_b) = (a.shape(), b.shape());
        if shape_a.columns == shape_b.rows { Ok(Self { a, b }) } else { Err(ShapeMismatch { a: shape_a, b: shape_b }) }
    }

    /// The left matrix.
    #[must_use]
    pub fn a(&self) -> &Matrix {
        &self.a
    }

    /// The right matrix.
    #[must_use]
    pub fn b(&self) -> &Matrix {
        &self.b
    }

    /// Shape of the product.
    #[must_use]
    pub fn product_shape(&self) -> Shape {
        Shape { rows: self.a.shape().rows, columns: self.b.shape().columns }
    }

    /// Products of two values that are summed up, or the most that can be counted.
    #[must_use]
    pub fn terms(&self) -> usize {
        self.product_shape().values().saturating_mul(self.a.shape().columns)
    }

    /// Multiplies all of it, in memory that is reused, and returns the corner that a reply shows.
    ///
    /// The product is that of 64 bit floats. Small whole numbers are multiplied as 32 bit floats where that is the same to
    /// the last bit, and faster.
    ///
    /// # Errors
    /// [`Overflow`] when a value of the product is not finite: JSON has no word for it.
    pub fn multiply_into(&self, workspace: &mut Workspace) -> Result<TopLeft, Overflow> {
        let Workspace { product: result, singles } = workspace;
        let shape = self.product_shape();
        let mut values = std::mem::take(result);
        values.resize(shape.values(), 0.0);
        #[expect(clippy::expect_used, reason = "the line above gave it this length")]
        let mut product = Array2::from_shape_vec((shape.rows, shape.columns), values).expect("rows * columns values");
        match singles.product(&self.a.values, &self.b.values) {
            Some(exact) => product.iter_mut().zip(exact).for_each(|(value, exact)| *value = f64::from(*exact)),
            None => general_mat_mul(1.0, &self.a.values, &self.b.values, 0.0, &mut product),
        }
        let corner = match overflow(&product) {
            Some(overflow) => Err(overflow),
            None => Ok(TopLeft::of(&product)),
        };
        *result = product.into_raw_vec_and_offset().0;
        corner
    }

    /// The vectors of both matrices, for the next use.
    #[must_use]
    pub fn into_values(self) -> (Vec<f64>, Vec<f64>) {
        (self.a.into_values(), self.b.into_values())
    }
}

/// The first value that is not finite.
fn overflow(product: &Array2<f64>) -> Option<Overflow> {
    // Without a branch per value, so that the compiler takes several at a time; the place is looked for when there is one.
    let finite = product.iter().fold(true, |finite, value| finite & value.is_finite());
    if finite {
        return None;
    }
    let ((row, column), _) = product.indexed_iter().find(|(_, value)| !value.is_finite())?;
    Some(Overflow { row: row + 1, column: column + 1 })
}

/// The top left 5x5 of a product, or all of it along a side that is shorter.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct TopLeft(Vec<Vec<f64>>);

impl TopLeft {
    fn of(product: &Array2<f64>) -> Self {
        Self(product.rows().into_iter().take(SHOWN).map(|row| row.iter().take(SHOWN).copied().collect()).collect())
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[Vec<f64>] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: &[&[f64]]) -> Matrix {
        Matrix::try_from(rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn rows_that_are_no_matrix_are_refused_with_their_place() {
        let nan = f64::NAN;
        for (case, rows, message) in [
            ("no rows", vec![], "there are no rows"),
            ("an empty row", vec![vec![]], "row 1 is empty"),
            ("a later empty row", vec![vec![1.0], vec![]], "row 2 is empty"),
            ("a short row", vec![vec![1.0, 2.0], vec![3.0]], "row 2 has length 1, row 1 has length 2"),
            ("a long row", vec![vec![1.0], vec![3.0, 4.0]], "row 2 has length 2, row 1 has length 1"),
            ("not a number", vec![vec![1.0], vec![nan]], "row 2, column 1: NaN is not a finite number"),
            ("infinite", vec![vec![1.0, -1.0 / 0.0]], "row 1, column 2: -inf is not a finite number"),
        ] {
            assert_eq!(Matrix::try_from(rows).unwrap_err().to_string(), message, "{case}");
        }
    }

    #[test]
    fn the_last_row_needs_no_end() {
        let mut builder = MatrixBuilder::default();
        builder.push(1.0).unwrap();
        builder.end_row().unwrap();
        builder.push(2.0).unwrap();
        assert_eq!(builder.finish().unwrap(), matrix(&[&[1.0], &[2.0]]));
    }

    #[test]
    fn shapes_that_do_not_fit_are_both_named() {
        let error = Multiplication::new(matrix(&[&[1.0, 2.0, 3.0]]), matrix(&[&[1.0], &[2.0]])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "matrix_a is 1x3 and matrix_b is 2x1: the columns of matrix_a (3) must equal the rows of matrix_b (2)"
        );
    }

    #[test]
    fn a_product_is_right_in_a_result_that_was_used_before() {
        let pair =
            Multiplication::new(matrix(&[&[1.0, 2.0], &[3.0, 4.0]]), matrix(&[&[5.0, 6.0], &[7.0, 8.0]])).unwrap();
        let halves = Multiplication::new(matrix(&[&[0.5, 1.0]]), matrix(&[&[2.0], &[0.25]])).unwrap();
        let mut workspace = Workspace { product: vec![f64::NAN; 100], ..Workspace::default() };
        for _ in 0..2 {
            let corner = pair.multiply_into(&mut workspace).unwrap();
            assert_eq!(corner.rows(), [[19.0, 22.0], [43.0, 50.0]]);
            assert_eq!(workspace.product(), [19.0, 22.0, 43.0, 50.0]);
            assert_eq!(halves.multiply_into(&mut workspace).unwrap().rows(), [[1.25]]);
            assert_eq!(workspace.product(), [1.25]);
        }
        assert!(workspace.product.capacity() >= 100, "the memory is kept");
    }

    #[test]
    fn a_reply_shows_at_most_five_rows_and_five_columns() {
        for (rows, columns, shown) in [(1, 1, (1, 1)), (5, 5, (5, 5)), (7, 3, (5, 3)), (2, 9, (2, 5)), (60, 60, (5, 5))]
        {
            let a = Matrix::try_from(vec![vec![2.0]; rows]).unwrap();
            let b = Matrix::try_from(vec![(0..columns).map(f64::from).collect::<Vec<_>>()]).unwrap();
            let corner = Multiplication::new(a, b).unwrap().multiply_into(&mut Workspace::default()).unwrap();
            assert_eq!((corner.rows().len(), corner.rows()[0].len()), shown, "{rows}x{columns}");
            assert_eq!(corner.rows()[shown.0 - 1][shown.1 - 1], 2.0 * (shown.1 - 1) as f64, "{rows}x{columns}");
        }
    }

    #[test]
    fn an_overflow_is_named_wherever_it_is() {
        let a = Matrix::try_from(vec![vec![1.0]; 7]).unwrap();
        let mut rows = vec![vec![1e308]; 7];
        rows[6][0] = f64::MAX;
        let big = Matrix::try_from(rows).unwrap();
        let two = matrix(&[&[1.5, 1.0]]);
        assert!(Multiplication::new(a, two.clone()).unwrap().multiply_into(&mut Workspace::default()).is_ok());
        let error = Multiplication::new(big, two).unwrap().multiply_into(&mut Workspace::default()).unwrap_err();
        assert_eq!(error, Overflow { row: 7, column: 1 });
    }
}
