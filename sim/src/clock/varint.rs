//! Whole numbers as bytes of 7 bits (LEB128), as in protocol buffers: small numbers take few bytes. Each byte has the next 7 bits of the
//! number, from the lowest; its highest bit is set if more bytes follow.

/// The greatest length of a number of 64 bits.
pub const MOST_BYTES: u64 = 10;

/// How many bytes `number` takes.
pub fn length(number: u64) -> u64 {
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

/// Takes a number from the front of `bytes`. `None` if it ends too early, has more than 64 bits or is longer than necessary; then
/// `bytes` is left where the number ends or breaks off.
pub fn read(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for index in 0..MOST_BYTES as u32 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        let is_last = byte & 0x80 == 0;
        if index == 9 && bits > 1 || is_last && byte == 0 && index > 0 {
            return None;
        }
        number |= bits << (7 * index);
        if is_last {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_read_back_and_have_the_stated_length(number in any::<u64>(), shift in 0u32..64) {
            let number = number >> shift;
            let mut bytes = vec![];
            write(&mut bytes, number);
            prop_assert_eq!(bytes.len() as u64, length(number));
            let mut rest = &bytes[..];
            prop_assert_eq!(read(&mut rest), Some(number));
            prop_assert!(rest.is_empty());
        }

        /// Each number has one form only.
        #[test]
        fn what_is_read_is_written_in_the_same_way(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut rest = &bytes[..];
            if let Some(number) = read(&mut rest) {
                let mut written = vec![];
                write(&mut written, number);
                prop_assert_eq!(&bytes[..bytes.len() - rest.len()], &written[..]);
            }
        }
    }

    #[test]
    fn numbers_that_end_too_early_or_are_too_large_are_refused() {
        for bytes in [&[][..], &[0x80], &[0x80, 0], &[0xff; 10], &[0xff; 12]] {
            assert_eq!(read(&mut &bytes[..]), None, "{bytes:?}");
        }
        assert_eq!(read(&mut &[0xac, 0x02][..]), Some(300));
    }
}
