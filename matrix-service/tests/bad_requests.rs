//! Every bad request gets an answer that says what to change, and the service stays up.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod process;

use process::{Process, names, ones, parsed};

/// How a case reaches the service.
enum Send {
    /// A body, posted as JSON.
    Body(String),
    /// A body with one more header.
    Header(&'static str, String),
    /// Another method or path.
    Get(&'static str),
    Put,
    /// Bytes over a connection.
    Raw(String),
}

struct Case {
    name: &'static str,
    send: Send,
    status: u16,
    /// What the answer must say.
    says: &'static str,
}

fn body(name: &'static str, body: &str, says: &'static str) -> Case {
    Case { name, send: Send::Body(body.to_owned()), status: 400, says }
}

/// matrix_a as written, matrix_b 1x1.
fn a(name: &'static str, rows: &str, says: &'static str) -> Case {
    body(name, &format!("{{\"matrix_a\": {rows}, \"matrix_b\": [[1]]}}"), says)
}

fn other(name: &'static str, send: Send, status: u16, says: &'static str) -> Case {
    Case { name, send, status, says }
}

fn json_cases() -> Vec<Case> {
    let good = r#"{"matrix_a": [[1]], "matrix_b": [[1]]}"#;
    vec![
        body("no body", "", "the body is empty"),
        body("white space only", " \n ", "the body is empty"),
        body("not JSON", "matrix_a=1", "the body is not a JSON object with matrix_a and matrix_b: expected value"),
        body("XML", "<matrix/>", "the body is not a JSON object"),
        body("an array", "[[1]]", "invalid type: sequence, expected an object"),
        body("a number", "1", "invalid type: integer `1`, expected an object"),
        body("null", "null", "invalid type: null, expected an object"),
        body("a string", "\"matrix_a\"", "expected an object"),
        body("byte order mark", &format!("\u{feff}{good}"), "expected value at line 1 column 1"),
        body("trailing garbage", &format!("{good} x"), "trailing characters"),
        body("two documents", &format!("{good}{good}"), "trailing characters"),
        body("cut off", &good[..good.len() - 1], "EOF while parsing an object"),
        body("cut off in a row", r#"{"matrix_a": [[1, 2"#, "matrix_a, row 1, column 3: EOF while parsing a list"),
        body("key without quotes", "{matrix_a: [[1]]}", "key must be a string"),
        body("single quotes", "{'matrix_a': [[1]]}", "key must be a string"),
        body("comma at the end", r#"{"matrix_a": [[1]], "matrix_b": [[1]],}"#, "trailing comma"),
        body("empty object", "{}", "matrix_a is missing"),
        body("matrix_a missing", r#"{"matrix_b": [[1]]}"#, "matrix_a is missing"),
        body("matrix_b missing", r#"{"matrix_a": [[1]]}"#, "matrix_b is missing"),
        body("keys in capitals", r#"{"MATRIX_A": [[1]], "MATRIX_B": [[1]]}"#, "matrix_a is missing"),
        body(
            "matrix_a twice",
            r#"{"matrix_a": [[1]], "matrix_b": [[1]], "matrix_a": [[1]]}"#,
            "matrix_a is given twice",
        ),
        body("deep nesting", &"[".repeat(2000), "expected an object"),
        body("deep nesting of objects", &"{\"x\":".repeat(600), "EOF while parsing"),
    ]
}

fn matrix_cases() -> Vec<Case> {
    vec![
        a("matrix null", "null", "matrix_a, row 1, column 1: invalid type: null, expected an array of rows"),
        a("matrix a string", "\"[[1]]\"", "expected an array of rows"),
        a("matrix an object", "{\"0\": [1]}", "expected an array of rows"),
        a("matrix flat", "[1, 2]", "matrix_a, row 1, column 1: invalid type: integer `1`, expected a row"),
        a("no rows", "[]", "matrix_a: there are no rows"),
        a("an empty row", "[[]]", "matrix_a: row 1 is empty"),
        a("a later empty row", "[[1], []]", "matrix_a: row 2 is empty"),
        a("a row null", "[[1], null]", "matrix_a, row 2, column 1: invalid type: null, expected a row"),
        a("a short row", "[[1, 2], [3]]", "matrix_a: row 2 has length 1, row 1 has length 2"),
        a("a long row", "[[1], [2, 3]]", "matrix_a: row 2 has length 2, row 1 has length 1"),
        a("NaN", "[[1, NaN]]", "matrix_a, row 1, column 2: expected a JSON number; NaN and Infinity are none"),
        a("Infinity", "[[Infinity]]", "matrix_a, row 1, column 1: expected a JSON number"),
        a("-Infinity", "[[1], [-Infinity]]", "matrix_a, row 2, column 1: invalid number"),
        a("value null", "[[1, 2], [3, null]]", "matrix_a, row 2, column 2: invalid type: null, expected a number"),
        a("value a string", "[[1, \"2\"]]", "matrix_a, row 1, column 2: invalid type: string \"2\", expected a number"),
        a("value true", "[[true]]", "matrix_a, row 1, column 1: invalid type: boolean `true`, expected a number"),
        a("value an array", "[[1, [2]]]", "matrix_a, row 1, column 2: invalid type: sequence, expected a number"),
        a("value an object", "[[{}]]", "matrix_a, row 1, column 1: invalid type: map, expected a number"),
        a("1e400", "[[1], [1], [1e400]]", "matrix_a, row 3, column 1: number out of range"),
        a("400 digits", &format!("[[-{}]]", "9".repeat(400)), "matrix_a, row 1, column 1: number out of range"),
        a("leading zero", "[[01]]", "matrix_a, row 1, column 1: invalid number"),
        a("plus sign", "[[+1]]", "matrix_a, row 1, column 1: expected a JSON number"),
        a("no digit before the point", "[[.5]]", "matrix_a, row 1, column 1: expected a JSON number"),
        a("no digit behind the point", "[[1.]]", "matrix_a, row 1, column 1: invalid number"),
        a("hexadecimal", "[[0x10]]", "matrix_a, row 1, column 2: expected `,` or `]`"),
        a("no comma", "[[1 2]]", "matrix_a, row 1, column 2: expected `,` or `]`"),
        a("comma at the end of a row", "[[1,]]", "matrix_a, row 1, column 2: trailing comma"),
        a("comment", "[[1 /* one */]]", "matrix_a, row 1, column 2"),
        body("in matrix_b", r#"{"matrix_a": [[1]], "matrix_b": [[1], ["x"]]}"#, "matrix_b, row 2, column 1"),
        body(
            "shapes that do not fit",
            r#"{"matrix_a": [[1, 2, 3], [4, 5, 6]], "matrix_b": [[1, 2], [3, 4]]}"#,
            "matrix_a is 2x3 and matrix_b is 2x2: the columns of matrix_a (3) must equal the rows of matrix_b (2)",
        ),
        body(
            "a product that overflows",
            r#"{"matrix_a": [[1, 1], [1e308, 1e308]], "matrix_b": [[0, 1], [0, 1]]}"#,
            "the product overflows at row 2, column 2",
        ),
        body(
            "a product of inf - inf",
            r#"{"matrix_a": [[1e308, 1e308]], "matrix_b": [[10], [-10]]}"#,
            "the product overflows at row 1, column 1",
        ),
    ]
}

fn http_cases() -> Vec<Case> {
    let post = "POST /multiply HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    let column = format!("{{\"matrix_a\": {:?}, \"matrix_b\": [{:?}]}}", vec![[1]; 60], vec![1; 60]);
    let id = |id: &str| Send::Header("X-Request-ID", id.to_owned());
    vec![
        other("a body above the limit", Send::Body(" ".repeat(4097)), 413, "longer than 4096 bytes"),
        other(
            "a body above the limit in chunks",
            Send::Raw(format!(
                "{post}Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
                format!("400\r\n{}\r\n", " ".repeat(1024)).repeat(5)
            )),
            413,
            "longer than 4096 bytes",
        ),
        other(
            "a product above the limit",
            Send::Body(column),
            413,
            "the product would be 60x60, 3600 values; at most 2048",
        ),
        other(
            "a broken chunk",
            Send::Raw(format!("{post}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n")),
            400,
            "the body cannot be received",
        ),
        other(
            "a body shorter than its Content-Length",
            Send::Raw(format!("{post}Content-Length: 100\r\n\r\n{{\"matrix_a\"")),
            400,
            "the body cannot be received",
        ),
        other("compressed", Send::Header("Content-Encoding", "gzip".to_owned()), 415, "Content-Encoding \"gzip\""),
        other("XML by its type", Send::Header("Content-Type", "application/xml".to_owned()), 415, "application/xml"),
        other("a form", Send::Header("Content-Type", "multipart/form-data; boundary=x".to_owned()), 415, "multipart"),
        other("a request id with a space", id("a b"), 400, "X-Request-ID must be at most 128 visible ASCII"),
        other("a request id too long", id(&"x".repeat(129)), 400, "X-Request-ID must be"),
        other("GET", Send::Get("/multiply"), 405, "only POST is allowed here"),
        other("PUT", Send::Put, 405, "only POST is allowed here"),
        other("no such path", Send::Get("/multiply/"), 404, "there is no /multiply/"),
        other("the root", Send::Get("/"), 404, "there is no /"),
    ]
}

#[actix_web::test]
async fn every_bad_request_is_told_what_to_change_and_the_service_stays_up() {
    let service = Process::start(&["--max-body-bytes", "4096"]);
    let cases: Vec<Case> = json_cases().into_iter().chain(matrix_cases()).chain(http_cases()).collect();
    println!("{:<40} | status | answer", "case");
    for Case { name, send, status, says } in &cases {
        let json = |body: &str| service.post().header("Content-Type", "application/json").body(body.to_owned());
        let (found, answer) = match send {
            Send::Body(body) => process::answer(json(body)).await,
            Send::Header(header, value) => process::answer(service.post().header(*header, value).body(ones(2))).await,
            Send::Get(path) => service.get(path).await,
            Send::Put => process::answer(service.client.put(format!("{}/multiply", service.url)).body(ones(2))).await,
            Send::Raw(bytes) => parsed(&service.raw(bytes.as_bytes())),
        };
        println!("{name:<40} | {found:<6} | {answer}");
        assert_eq!(found, *status, "{name}: {answer}");
        let error = answer["error"].as_str().unwrap_or_else(|| panic!("{name}: {answer}"));
        assert!(error.contains(says), "{name}: {error:?} does not say {says:?}");
        assert_eq!(answer.as_object().unwrap().len(), 1, "{name}: {answer}");
    }
    println!("{} cases", cases.len());
    assert!(names(&service.incoming()).is_empty(), "none of them left a record");
    let (status, answer) = service.multiply(ones(3)).await;
    assert_eq!((status, &answer["Result"][2][2]), (200, &serde_json::json!(3.0)), "{answer}");
    assert_eq!(names(&service.incoming()).len(), 1);
    let metrics = service.metrics().await;
    for line in [r#"matrix_service_requests_total{status="200"} 1"#, "matrix_service_requests_in_flight 0"] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}
