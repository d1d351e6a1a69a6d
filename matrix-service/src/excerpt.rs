//! What a client sent, quoted back to it.

/// Characters that are quoted at most: enough to recognize a value, however long it is.
const MAX_CHARS: usize = 160;

/// The text, or its beginning.
#[must_use]
pub fn excerpt(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_text_is_cut_and_between_characters() {
        for (text, expected) in [
            (String::new(), String::new()),
            ("\u{e9}".repeat(160), "\u{e9}".repeat(160)),
            ("\u{e9}".repeat(161), "\u{e9}".repeat(160) + "..."),
        ] {
            assert_eq!(excerpt(&text), expected);
        }
    }
}
