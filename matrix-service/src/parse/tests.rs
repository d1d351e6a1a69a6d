//! Numbers, tolerance, memory.

use proptest::prelude::*;

use super::*;

fn parsed(body: &str) -> Result<Multiplication, BadRequest> {
    parse(body.as_bytes(), &mut Buffers::default())
}

/// A 1x1 matrix a of the number as written.
fn number(text: &str) -> f64 {
    let body = format!("{{\"matrix_a\": [[{text}]], \"matrix_b\": [[1]]}}");
    parsed(&body).unwrap_or_else(|error| panic!("{text}: {error}")).into_values().0[0]
}

#[test]
fn numbers_are_rounded_to_the_nearest_float() {
    let digits = "9".repeat(400);
    for (text, value) in [
        ("0", 0.0),
        ("-0", -0.0),
        ("1", 1.0),
        ("-3", -3.0),
        ("1E2", 100.0),
        ("0.1", 0.1),
        ("9007199254740993", 9_007_199_254_740_992.0),
        ("9007199254740993.0", 9_007_199_254_740_992.0),
        ("18446744073709551615", 18_446_744_073_709_551_616.0),
        ("18446744073709551616", 18_446_744_073_709_551_616.0),
        ("-9223372036854775809", -9_223_372_036_854_775_808.0),
        ("1.7976931348623157e308", f64::MAX),
        ("5e-324", 5e-324),
        ("2.47032822920623272088284396434110686182e-324", 0.0),
        ("2.47032822920623272088284396434110686183e-324", 5e-324),
        ("0.500000000000000166533453693773481063544750213623046875", 0.500_000_000_000_000_2),
        ("1e-400", 0.0),
        (&format!("0.{digits}"), 1.0),
        ("2.2250738585072011e-308", 2.225_073_858_507_201e-308),
    ] {
        assert_eq!(number(text).to_bits(), value.to_bits(), "{text}");
    }
}

#[test]
fn what_is_not_asked_for_is_tolerated() {
    for (case, body) in [
        ("the other order", r#"{"matrix_b": [[1]], "matrix_a": [[1]]}"#),
        ("unknown keys", r#"{"x": {"matrix_a": [[]]}, "matrix_a": [[1]], "y": [null, "z"], "matrix_b": [[1]]}"#),
        ("white space", " \r\n\t{ \"matrix_a\" :\n[ [ 1 ] ] , \"matrix_b\" : [ [ 1 ] ] } \n"),
        ("an escaped key", r#"{"matrix\u005fa": [[1]], "matrix_b": [[1]]}"#),
    ] {
        assert!(parsed(body).is_ok(), "{case}: {:?}", parsed(body));
    }
}

#[test]
fn a_deep_unknown_value_is_passed_over_without_deep_recursion() {
    let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
    assert!(parsed(&format!("{{\"x\": {deep}, \"matrix_a\": [[1]], \"matrix_b\": [[1]]}}")).is_ok());
}

#[test]
fn a_reason_quotes_no_more_than_fits_a_line() {
    let error = parsed(&format!("{{\"matrix_a\": [[\"{}\"]]}}", "\u{e9}".repeat(100_000))).unwrap_err();
    assert!(error.to_string().chars().count() < 250, "{error}");
}

#[test]
fn the_memory_of_a_request_serves_the_next_whatever_became_of_it() {
    let mut buffers = Buffers::default();
    let good = br#"{"matrix_a": [[1, 2], [3, 4]], "matrix_b": [[5], [6]]}"#;
    let multiplication = parse(good, &mut buffers).unwrap();
    buffers.recycle(multiplication);
    let bytes = buffers.bytes();
    assert!(bytes >= 6 * size_of::<f64>());
    for bad in [&br#"{"matrix_a": [[1, 2], [3, x"#[..], br#"{"matrix_a": [[1]]}"#] {
        parse(bad, &mut buffers).unwrap_err();
        assert_eq!(buffers.bytes(), bytes);
    }
    let multiplication = parse(good, &mut buffers).unwrap();
    assert_eq!(multiplication.into_values(), (vec![1.0, 2.0, 3.0, 4.0], vec![5.0, 6.0]));
}

fn finite() -> impl Strategy<Value = f64> {
    any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |value| value.is_finite())
}

proptest! {
    #[test]
    fn any_finite_matrix_comes_back_bit_for_bit(
        (columns, values) in (1..8_usize).prop_flat_map(|columns| {
            (Just(columns), prop::collection::vec(finite(), columns..=columns * 8))
        })
    ) {
        let rows: Vec<&[f64]> = values.chunks_exact(columns).collect();
        let ones = vec![[1.0]; columns];
        let body = serde_json::json!({"matrix_a": rows, "matrix_b": ones}).to_string();
        let (a, _) = parsed(&body).unwrap().into_values();
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&a), bits(&rows.concat()));
    }

    #[test]
    fn any_number_is_rounded_as_the_standard_library_does(
        text in r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?"
    ) {
        prop_assert_eq!(number(&text).to_bits(), text.parse::<f64>().unwrap().to_bits());
    }

    #[test]
    fn the_scanner_reads_what_serde_reads_or_leaves_it_to_it(
        numbers in prop::collection::vec(r"-?(0|[1-9][0-9]{0,22})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", 1..6),
        space in "[ \n\r\t]{0,2}",
        swapped in any::<bool>(),
    ) {
        let row = numbers.join(&format!("{space},{space}"));
        let ones = vec!["[1]"; numbers.len()].join(",");
        let (a, b) = (format!("{space}\"matrix_a\"{space}:[{space}[{space}{row}]{space}]"), format!("\"matrix_b\":{space}[{ones}]{space}"));
        let body = if swapped { format!("{{{b},{a}}}{space}") } else { format!("{space}{{{a},{b}}}") };
        let scanned = scan::scan(body.as_bytes(), &mut Buffers::default());
        let read = parse_any(body.as_bytes(), &mut Buffers::default());
        match (scanned, read) {
            (Some(scanned), Ok(read)) => {
                let bits = |m: Multiplication| m.into_values().0.into_iter().map(f64::to_bits).collect::<Vec<_>>();
                prop_assert_eq!(bits(scanned), bits(read));
            }
            // A number beyond the largest float.
            (None, Err(_)) => {}
            (scanned, read) => prop_assert!(false, "{}: {:?}, {:?}", body, scanned, read),
        }
    }

    #[test]
    fn what_the_scanner_takes_serde_takes_too(body in r#"[\[\]{},:"0-9.eE+\- ]{0,40}"#) {
        for body in [format!("{{\"matrix_a\": {body}, \"matrix_b\": [[1]]}}"), format!("{{\"matrix_a\": [[{body}]], \"matrix_b\": [[1]]}}")] {
            if let Some(scanned) = scan::scan(body.as_bytes(), &mut Buffers::default()) {
                prop_assert_eq!(Ok(scanned), parse_any(body.as_bytes(), &mut Buffers::default()), "{}", body);
            }
        }
    }

    #[test]
    fn a_damaged_body_is_judged_alike(at in 0_usize..200, with in any::<u8>()) {
        let mut body = br#"{"matrix_a": [[1.5, -2, 3e2], [4, 0.25, 6]], "matrix_b": [[7], [8], [-0.001]]}"#.to_vec();
        let at = at % body.len();
        body[at] = with;
        let (scanned, read) = (parse(&body, &mut Buffers::default()), parse_any(&body, &mut Buffers::default()));
        prop_assert_eq!(scanned, read, "{}", String::from_utf8_lossy(&body));
    }

    #[test]
    fn no_body_makes_it_panic(body in r#"[\[\]{},:"0-9.eE+\-a-z_ ]{0,40}"#) {
        let _ = parsed(&body);
        let _ = parsed(&format!("{{\"matrix_a\": {body}, \"matrix_b\": [[1]]}}"));
    }
}
