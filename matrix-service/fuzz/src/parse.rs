//! Any bytes as a body: the service reads what serde reads, to the bit, and refuses what serde refuses.

#![no_main]

use libfuzzer_sys::fuzz_target;
use matrix_service::parse::{Buffers, parse};
use serde::Deserialize;

/// The body as plainly as it can be read.
#[derive(Deserialize)]
struct Body {
    matrix_a: Vec<Vec<f64>>,
    matrix_b: Vec<Vec<f64>>,
}

/// The values of both matrices, where they can be multiplied.
fn expected(bytes: &[u8]) -> Option<[Vec<u64>; 2]> {
    let Body { matrix_a, matrix_b } = serde_json::from_slice(bytes).ok()?;
    let columns = |matrix: &[Vec<f64>]| {
        let columns = matrix.first()?.len();
        (columns > 0 && matrix.iter().all(|row| row.len() == columns)).then_some(columns)
    };
    columns(&matrix_b)?;
    (columns(&matrix_a)? == matrix_b.len()).then(|| [bits(&matrix_a.concat()), bits(&matrix_b.concat())])
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fuzz_target!(|bytes: &[u8]| {
    let read = parse(bytes, &mut Buffers::default()).ok().map(|multiplication| {
        let (a, b) = multiplication.into_values();
        [bits(&a), bits(&b)]
    });
    assert_eq!(read, expected(bytes));
});
