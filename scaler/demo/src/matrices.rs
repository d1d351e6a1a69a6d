//! Request bodies: seeded random matrices as JSON.

use std::fmt::Write;

use actix_web::web::Bytes;
use agent::rng::Stream;

/// Bodies of `size` x `size` matrices; the same for the same seed.
///
/// Entries have one decimal, in [-9.9, 9.9]: what is sent stays small, since the service and not the wire is studied.
#[must_use]
pub fn bodies(size: usize, count: usize, seed: u64) -> Vec<Bytes> {
    let mut stream = Stream::new(seed, "matrices", 0);
    (0..count).map(|_| Bytes::from(body(size, &mut stream))).collect()
}

fn body(size: usize, stream: &mut Stream) -> String {
    let mut text = String::with_capacity(2 * size * size * 5 + 64);
    text.push_str("{\"matrix_a\": ");
    write_matrix(&mut text, size, stream);
    text.push_str(", \"matrix_b\": ");
    write_matrix(&mut text, size, stream);
    text.push('}');
    text
}

fn write_matrix(text: &mut String, size: usize, stream: &mut Stream) {
    for row in 0..size {
        text.push_str(if row == 0 { "[[" } else { "],[" });
        for column in 0..size {
            if column > 0 {
                text.push(',');
            }
            let tenths = i64::from(stream.integer(0, 198)) - 99;
            // Writing to a String cannot fail.
            let _ = write!(text, "{:.1}", tenths as f64 / 10.0);
        }
    }
    text.push_str("]]");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_the_matrices_that_the_service_reads() {
        let made = bodies(3, 2, 7);
        assert_eq!(made, bodies(3, 2, 7), "seeded");
        assert_ne!(made[0], made[1]);
        assert_ne!(made, bodies(3, 2, 8));
        let read: serde_json::Value = serde_json::from_slice(&made[0]).unwrap();
        let keys: Vec<&String> = read.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["matrix_a", "matrix_b"]);
        for matrix in read.as_object().unwrap().values() {
            let rows: Vec<Vec<f64>> = serde_json::from_value(matrix.clone()).unwrap();
            assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 3]);
            assert!(rows.concat().iter().all(|x| (-9.9..=9.9).contains(x)), "{rows:?}");
        }
    }
}
