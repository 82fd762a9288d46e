//! Text from peers, made harmless: what comes out is printable ASCII without a bare quote or
//! backslash, so that no byte of a request can end a value, a line or a colour, and none can look
//! like a line feed to a reader that knows Unicode.

use super::digits::hex;
use super::pen::Pen;

/// The most bytes that one byte becomes.
pub(super) const GROWTH: usize = 6;

/// Appends text as the inside of a JSON string. Bytes that are no UTF-8 become U+FFFD.
pub(super) fn push_json(pen: &mut Pen<'_>, text: &[u8]) {
    if !push_plain(pen, text) {
        push_json_slowly(pen, text);
    }
}

/// Appends text with every byte that is not plain as `\xhh`.
pub(super) fn push_text(pen: &mut Pen<'_>, text: &[u8]) {
    if !push_plain(pen, text) {
        push_text_slowly(pen, text);
    }
}

/// Appends text, or nothing and `false` if any of it needs escaping.
fn push_plain(pen: &mut Pen<'_>, text: &[u8]) -> bool {
    let Some(place) = pen.claim(text.len()) else {
        return false;
    };
    let all_plain = match text.len() {
        0..4 => copy_blocks::<1>(place, text),
        4..8 => copy_blocks::<4>(place, text),
        8..16 => copy_blocks::<8>(place, text),
        _ => copy_blocks::<16>(place, text),
    };
    if !all_plain {
        pen.unwrite(text.len());
    }
    all_plain
}

/// Copies text block by block, the last block over the end of the one before, and tells whether all
/// of it is plain. The text has at least `N` bytes, or none.
#[inline]
fn copy_blocks<const N: usize>(place: &mut [u8], text: &[u8]) -> bool {
    let mut odd = [0; N];
    for (place, block) in place.as_chunks_mut().0.iter_mut().zip(text.as_chunks().0) {
        copy_block(place, block, &mut odd);
    }
    if let (Some(place), Some(block)) = (place.last_chunk_mut(), text.last_chunk()) {
        copy_block(place, block, &mut odd);
    }
    odd == [0; N]
}

/// Copies a block and marks the places of its bytes that are not plain. Without a branch on a single
/// byte, so that the compiler looks at all of them at once.
#[inline]
fn copy_block<const N: usize>(place: &mut [u8; N], block: &[u8; N], odd: &mut [u8; N]) {
    for (odd, &byte) in odd.iter_mut().zip(block) {
        *odd |= u8::from(!is_plain(byte));
    }
    *place = *block;
}

#[cold]
fn push_json_slowly(pen: &mut Pen<'_>, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match u8::try_from(character) {
                Ok(byte) if is_plain(byte) => pen.byte(byte),
                Ok(byte @ (b'"' | b'\\')) => pen.block([b'\\', byte], 2),
                _ => push_units(pen, character),
            }
        }
        if !chunk.invalid().is_empty() {
            push_units(pen, char::REPLACEMENT_CHARACTER);
        }
    }
}

#[cold]
fn push_text_slowly(pen: &mut Pen<'_>, text: &[u8]) {
    for &byte in text {
        if is_plain(byte) {
            pen.byte(byte);
        } else {
            let [high, low] = hex(byte);
            pen.block([b'\\', b'x', high, low], 4);
        }
    }
}

/// Appends a character as `\uhhhh`, or two of them.
fn push_units(pen: &mut Pen<'_>, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        let [[a, b], [c, d]] = unit.to_be_bytes().map(hex);
        pen.block([b'\\', b'u', a, b, c, d], 6);
    }
}

fn is_plain(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte) & (byte != b'"') & (byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::super::pen::tests::written;
    use super::*;

    fn json(text: &[u8]) -> String {
        written(|pen| push_json(pen, text))
    }

    #[test]
    fn json_text_reads_back_as_it_was() {
        for text in [
            "",
            "plain",
            "\"\\\r\n\t\0\x1b[31m\x7f",
            "é\u{85}\u{2028}\u{202e}\u{9b}",
            "😀",
        ] {
            let line = json(text.as_bytes());
            assert!(
                line.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                "{line}"
            );
            assert_eq!(
                serde_json::from_str::<String>(&format!("\"{line}\"")).unwrap(),
                text
            );
        }
    }

    #[test]
    fn every_byte_at_every_place_is_seen() {
        // Around the sizes of blocks, where one is the last, and where two overlap.
        let lengths = [1, 3, 4, 7, 8, 15, 16, 17, 33].into_iter();
        let places = lengths.flat_map(|length| (0..length).map(move |at| (length, at)));
        for byte in 0..=u8::MAX {
            for (length, at) in places.clone() {
                let mut text = vec![b'a'; length];
                text[at] = byte;
                let read: String = serde_json::from_str(&format!("\"{}\"", json(&text))).unwrap();
                assert_eq!(read, String::from_utf8_lossy(&text));
                let escaped = written(|pen| push_text(pen, &text));
                assert_eq!(
                    escaped.len(),
                    if is_plain(byte) { length } else { length + 3 }
                );
            }
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(json(b"a\xffb\xc3"), "a\\ufffdb\\ufffd");
        assert_eq!(json(b"\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd");
    }

    #[test]
    fn nothing_grows_more_than_stated() {
        let bytes: Vec<u8> = (0..=u8::MAX).collect();
        for text in bytes.chunks(1).chain(["é", "€", "😀"].map(str::as_bytes)) {
            assert!(json(text).len() <= GROWTH * text.len(), "{text:?}");
        }
    }
}
