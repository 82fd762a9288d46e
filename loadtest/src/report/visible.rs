//! Texts of others, made fit to be shown: whatever would not show, turn what follows around or speak
//! to a terminal is written out. Entered by the reports for people.

/// Longer texts are cut: nobody reads more of an error, and a URL must not fill a page.
pub(super) const TEXT_CHARS_MAX: usize = 2_000;

/// Whether a character is to be written out: controls, and Unicode's marks, embeddings and isolates of
/// direction.
pub(super) fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text for one line of a terminal.
pub(super) fn visible(text: &str) -> String {
    let mut chars = text.chars();
    let mut out = String::new();
    for char in chars.by_ref().take(TEXT_CHARS_MAX) {
        match is_hidden(char) {
            true => out.extend(char.escape_unicode()),
            false => out.push(char),
        }
    }
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_speaks_to_a_terminal_is_written_out() {
        let found = visible("a\u{1b}[2J\r\nb\u{202e}é");
        assert_eq!(found, "a\\u{1b}[2J\\u{d}\\u{a}b\\u{202e}é");
    }

    #[test]
    fn long_texts_are_cut() {
        let found = visible(&"é".repeat(TEXT_CHARS_MAX + 1));
        assert_eq!(found.chars().count(), TEXT_CHARS_MAX + 1);
        assert!(found.ends_with("é…"));
        assert_eq!(visible("whole"), "whole");
    }
}
