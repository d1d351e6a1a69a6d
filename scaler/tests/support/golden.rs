//! Files that say what must come out. `BLESS=1` writes them anew.

use std::fs;
use std::path::Path;

/// Fails when `written` is not what `tests/golden/<name>` holds.
pub fn assert_golden(name: &str, written: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, written).unwrap();
    }
    assert_eq!(written, fs::read_to_string(&path).unwrap(), "{}", path.display());
}
