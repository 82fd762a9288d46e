//! The key table as the reference page, `docs/configuration.md`. A test compares the two.

/// The reference page.
#[must_use]
pub fn reference() -> String {
    String::new()
}
