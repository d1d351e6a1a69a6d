//! The body of `POST /multiply`, read in one pass straight into reused vectors.
//!
//! [`parse`] is all that the rest of the service knows of JSON. The plain document is scanned; what that does not
//! understand is read again by serde, which knows all of JSON and says what is wrong and where.

mod scan;

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

use crate::excerpt::excerpt;
use crate::matrix::{MatrixBuilder, MatrixError, Multiplication, ShapeMismatch};

/// The vectors that matrices are read into: kept from one request to the next, so that their memory is.
#[derive(Debug, Default)]
pub struct Buffers {
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Buffers {
    /// Takes the vectors of a multiplication that is done back.
    pub fn recycle(&mut self, multiplication: Multiplication) {
        (self.a, self.b) = multiplication.into_values();
    }

    /// Memory held, bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        (self.a.capacity() + self.b.capacity()) * size_of::<f64>()
    }
}

/// One of the two matrices of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// The left one.
    A,
    /// The right one.
    B,
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "matrix_a",
            Self::B => "matrix_b",
        })
    }
}

/// What the caller must change in the body. Rows and columns count from 1.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum BadRequest {
    /// No body.
    #[error("the body is empty, it must be {{\"matrix_a\": [[...]], \"matrix_b\": [[...]]}}")]
    Empty,
    /// Broken outside of the matrices, or not an object.
    #[error("the body is not a JSON object with matrix_a and matrix_b: {0}")]
    Json(String),
    /// A key that must be there.
    #[error("{0} is missing")]
    Missing(Operand),
    /// A key twice.
    #[error("{0} is given twice")]
    Twice(Operand),
    /// Not an array of arrays of numbers.
    #[error("{operand}, row {row}, column {column}: {reason}")]
    Value {
        /// In which matrix.
        operand: Operand,
        /// In which row.
        row: usize,
        /// In which column.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// Rows of numbers, but not a matrix.
    #[error("{operand}: {error}")]
    Matrix {
        /// Which.
        operand: Operand,
        /// What is wrong.
        error: MatrixError,
    },
    /// Two matrices that do not fit.
    #[error(transparent)]
    Shapes(#[from] ShapeMismatch),
}

/// Reads the two matrices of a body. Unknown keys are passed over.
///
/// Numbers are integers or floats as JSON allows, rounded to the nearest 64 bit float.
///
/// # Errors
/// [`BadRequest`] says what must be changed, and where.
pub fn parse(body: &[u8], buffers: &mut Buffers) -> Result<Multiplication, BadRequest> {
    match scan::scan(body, buffers) {
        Some(multiplication) => Ok(multiplication),
        None => parse_any(body, buffers),
    }
}

/// [`parse`], of any JSON: the slow way, and the measure of the other.
fn parse_any(body: &[u8], buffers: &mut Buffers) -> Result<Multiplication, BadRequest> {
    if body.trim_ascii().is_empty() {
        return Err(BadRequest::Empty);
    }
    let mut reading = Reading {
        a: Progress::new(std::mem::take(&mut buffers.a)),
        b: Progress::new(std::mem::take(&mut buffers.b)),
        current: None,
        refusal: None,
    };
    let mut json = serde_json::Deserializer::from_slice(body);
    match json.deserialize_map(BodyVisitor(&mut reading)).and_then(|()| json.end()) {
        Ok(()) => reading.finish(buffers),
        Err(error) => {
            let refusal = reading.refusal(&error);
            (buffers.a, buffers.b) = (reading.a.builder.into_values(), reading.b.builder.into_values());
            Err(refusal)
        }
    }
}

/// How far one matrix is.
struct Progress {
    builder: MatrixBuilder,
    seen: bool,
}

impl Progress {
    fn new(values: Vec<f64>) -> Self {
        Self { builder: MatrixBuilder::reusing(values), seen: false }
    }
}

/// How far the body is.
struct Reading {
    a: Progress,
    b: Progress,
    /// The matrix being read.
    current: Option<Operand>,
    /// Why reading was stopped by us; what serde says then is beside the point.
    refusal: Option<BadRequest>,
}

impl Reading {
    fn progress(&mut self, operand: Operand) -> &mut Progress {
        match operand {
            Operand::A => &mut self.a,
            Operand::B => &mut self.b,
        }
    }

    /// Stops reading for a reason of ours.
    fn refuse<E: de::Error>(&mut self, refusal: BadRequest) -> E {
        let error = E::custom(&refusal);
        self.refusal = Some(refusal);
        error
    }

    fn refusal(&mut self, error: &serde_json::Error) -> BadRequest {
        if let Some(refusal) = self.refusal.take() {
            return refusal;
        }
        let Some(operand) = self.current else { return BadRequest::Json(excerpt(&error.to_string())) };
        let builder = &self.progress(operand).builder;
        let text = error.to_string();
        // serde_json counts lines and columns of the text; here the place is a row and a column of the matrix.
        let place = format!(" at line {} column {}", error.line(), error.column());
        let reason = match text.strip_suffix(&place).unwrap_or(&text) {
            "expected value" => "expected a JSON number; NaN and Infinity are none".to_owned(),
            reason => excerpt(reason),
        };
        BadRequest::Value { operand, row: builder.row(), column: builder.column(), reason }
    }

    fn finish(self, buffers: &mut Buffers) -> Result<Multiplication, BadRequest> {
        let Self { a, b, current: _, refusal: _ } = self;
        if !(a.seen && b.seen) {
            let missing = if a.seen { Operand::B } else { Operand::A };
            (buffers.a, buffers.b) = (a.builder.into_values(), b.builder.into_values());
            return Err(BadRequest::Missing(missing));
        }
        let matrix = |operand, progress: Progress| {
            progress.builder.finish().map_err(|error| BadRequest::Matrix { operand, error })
        };
        Ok(Multiplication::new(matrix(Operand::A, a)?, matrix(Operand::B, b)?)?)
    }
}

/// The object around the matrices.
struct BodyVisitor<'r>(&'r mut Reading);

impl<'de> Visitor<'de> for BodyVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let Self(reading) = self;
        while let Some(key) = map.next_key_seed(KeySeed)? {
            let Some(operand) = key else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if std::mem::replace(&mut reading.progress(operand).seen, true) {
                return Err(reading.refuse(BadRequest::Twice(operand)));
            }
            reading.current = Some(operand);
            map.next_value_seed(Rows { reading, operand })?;
            reading.current = None;
        }
        Ok(())
    }
}

/// A key of the object: the matrix it names, `None` for a key that is not ours.
struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Option<Operand>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Option<Operand>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(match key {
            "matrix_a" => Some(Operand::A),
            "matrix_b" => Some(Operand::B),
            _ => None,
        })
    }
}

/// The rows of a matrix.
struct Rows<'r> {
    reading: &'r mut Reading,
    operand: Operand,
}

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut rows: S) -> Result<(), S::Error> {
        let Self { reading, operand } = self;
        while rows.next_element_seed(Row { builder: &mut reading.progress(operand).builder })?.is_some() {
            if let Err(error) = reading.progress(operand).builder.end_row() {
                return Err(reading.refuse(BadRequest::Matrix { operand, error }));
            }
        }
        Ok(())
    }
}

/// The values of a row.
struct Row<'r> {
    builder: &'r mut MatrixBuilder,
}

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row, an array of numbers")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut values: S) -> Result<(), S::Error> {
        while let Some(Number(value)) = values.next_element()? {
            self.builder.push(value).map_err(de::Error::custom)?;
        }
        Ok(())
    }
}

/// A JSON number as the nearest 64 bit float.
struct Number(f64);

impl<'de> de::Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_f64(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Number, E> {
        Ok(Number(value))
    }

    // `as` rounds to the nearest float, ties to even, as the parser does for floats.
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Number, E> {
        Ok(Number(value as f64))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Number, E> {
        Ok(Number(value as f64))
    }
}

#[cfg(test)]
mod tests;
