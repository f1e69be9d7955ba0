//! Whole numbers as bytes with 7 bits each (LEB128, as in protocol buffers): small numbers take few bytes. The first byte has the lowest 7
//! bits of the number, the second byte the next 7 bits, and so on. The highest bit of a byte is set if more bytes follow. For example,
//! 300 = 2 * 128 + 44 is written as two bytes: 0xac (44 with the highest bit set) and 0x02.

/// The largest length of a number of 64 bits, in bytes: 9 bytes of 7 bits have 63 bits, and one more byte has the last bit.
pub const MAX_BYTES: u64 = 10;

/// How many bytes `number` takes.
pub fn length(number: u64) -> u64 {
    // `max(1)`: the number 0 has no bit that is set, but takes one byte too.
    u64::from((u64::BITS - number.leading_zeros()).max(1).div_ceil(7))
}

/// Appends `number` to `bytes`.
pub fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number from the front of `bytes`. Returns `None` if the bytes end within the number, if the number has more than 64 bits, or if
/// it has more bytes than necessary. The bytes that were read are removed from `bytes`, even if the result is `None`.
pub fn read(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for index in 0..MAX_BYTES as u32 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        let is_last = byte & 0x80 == 0;
        // Nine bytes hold 63 of the 64 bits. So the tenth byte may add only one bit: its `bits` must be 0 or 1.
        let is_too_large = index == 9 && bits > 1;
        // A last byte of 0 adds nothing to the number, so the number could be written without this byte. Only the number 0 needs it: there
        // it is the only byte (`index` is 0).
        let is_unnecessary = is_last && byte == 0 && index > 0;
        if is_too_large || is_unnecessary {
            return None;
        }
        number |= bits << (7 * index);
        if is_last {
            return Some(number);
        }
    }
    // Even the tenth byte says that more bytes follow.
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_read_back_and_have_the_stated_length(number in any::<u64>(), shift in 0u32..64) {
            // The shift makes small numbers, with few bytes, as likely as large ones.
            let number = number >> shift;
            let mut bytes = vec![];
            write(&mut bytes, number);
            prop_assert_eq!(bytes.len() as u64, length(number));
            let mut rest = &bytes[..];
            prop_assert_eq!(read(&mut rest), Some(number));
            prop_assert!(rest.is_empty());
        }

        /// No two sequences of bytes are read as the same number: `read` accepts only the bytes that `write` makes.
        #[test]
        fn a_number_that_was_read_is_written_as_the_same_bytes(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut rest = &bytes[..];
            if let Some(number) = read(&mut rest) {
                let mut written = vec![];
                write(&mut written, number);
                prop_assert_eq!(&bytes[..bytes.len() - rest.len()], &written[..]);
            }
        }
    }

    #[test]
    fn numbers_that_end_too_early_or_are_too_large_or_too_long_are_refused() {
        let end_too_early: [&[u8]; 2] = [&[], &[0x80]];
        let too_large: [&[u8]; 2] = [&[0xff; 10], &[0xff; 12]];
        let too_long: [&[u8]; 1] = [&[0x80, 0]];
        let refused = end_too_early.into_iter().chain(too_large).chain(too_long);
        for bytes in refused {
            assert_eq!(read(&mut &bytes[..]), None, "{bytes:?}");
        }
        // 0xac has the lower 7 bits of 300 (44), 0x02 the other bits (2 * 128).
        assert_eq!(read(&mut &[0xac, 0x02][..]), Some(300));
    }
}
