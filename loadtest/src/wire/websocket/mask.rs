//! The mask of a client's payload (RFC 6455 §5.3). Entered by frames that are written and by the
//! reader; masking twice is no masking.

/// Masks `bytes`, the first of which stands at `offset` in its frame's payload.
pub(super) fn apply(bytes: &mut [u8], mask: [u8; 4], offset: usize) {
    let mut turned = mask;
    turned.rotate_left(offset % 4);
    // Eight bytes at a time: the compiler makes vectors of it, byte by byte it does not.
    let [a, b, c, d] = turned;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(turned.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_meets_its_own_quarter_of_the_mask() {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let plain: Vec<u8> = (0..=99).collect();
        let expected: Vec<u8> = (plain.iter().zip(mask.iter().cycle()))
            .map(|(byte, mask)| byte ^ mask)
            .collect();
        for split in 0..=plain.len() {
            let mut bytes = plain.clone();
            let (front, back) = bytes.split_at_mut(split);
            apply(front, mask, 0);
            apply(back, mask, split);
            assert_eq!(bytes, expected, "{split}");
        }
    }
}
