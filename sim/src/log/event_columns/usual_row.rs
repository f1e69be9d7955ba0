//! The fast parser of event rows in the usual form: each cell has what `sim` normally writes. For any other row, the functions return
//! `None`, and the general parser (`parse_rows_in`) reads the row.

use super::{Action, SEVERAL_PEERS};
use crate::log::events::SURE_DIGITS;
use crate::machine::MachineIndex;

/// Remembers the two cells at the start of a row (run and machine), with their commas. Most rows start with the same two cells as the row
/// before. In such a row, these cells need not be parsed again.
#[derive(Default)]
pub(super) struct Start {
    /// The bytes of the two cells and their commas, such as `7,2,`, as a number: the first byte is the lowest one. 0 if there are more than
    /// eight bytes, which do not fit into the number.
    text: u64,
    /// A mask for the first eight bytes of a row. Its bits are 1 in the bytes of the two cells and their commas, and 0 in the bytes after
    /// them. 0 if the two cells and their commas have more than eight bytes.
    mask: u64,
    /// The length of the two cells with their commas, in bytes.
    length: usize,
    /// The machine in the second cell.
    pub(super) machine: MachineIndex,
}

impl Start {
    /// Skips the first two cells of `bytes`: sets `machine`, and returns the length of the cells in bytes. `None` if the cells do not have
    /// the usual form, or if the first cell is not the number `run`. All calls must have the same `run`, because the remembered cells are
    /// not compared with `run` again.
    #[inline]
    pub(super) fn skip(&mut self, bytes: &[u8], run: u64) -> Option<usize> {
        // A row in the usual form has more than eight bytes.
        let word = u64::from_le_bytes(*bytes.first_chunk::<8>()?);
        // If the row starts with the same cells as the last row, `machine` and `length` are already right.
        if self.mask != 0 && word & self.mask == self.text {
            return Some(self.length);
        }
        let mut cells = UsualCells { bytes, position: 0 };
        if cells.number(b',')? != run {
            return None;
        }
        self.machine = cells.machine()?;
        self.length = cells.position;
        self.mask = match self.length {
            length @ 1..=8 => u64::MAX >> (64 - 8 * length),
            _ => 0,
        };
        self.text = word & self.mask;
        Some(cells.position)
    }
}

/// Reads rows in the usual form, cell by cell. A method returns `None` if the next cell does not have the usual form.
pub(super) struct UsualCells<'a> {
    pub(super) bytes: &'a [u8],
    /// The index in `bytes` of the next byte to read.
    pub(super) position: usize,
}

impl UsualCells<'_> {
    /// Skips `text`, if the next bytes are `text`.
    #[inline(always)]
    pub(super) fn skip_text(&mut self, text: &[u8]) -> Option<()> {
        let end = self.position + text.len();
        (self.bytes.get(self.position..end)? == text).then(|| self.position = end)
    }

    /// Reads the kind of an event (`internal`, `send` or `receive`) and the comma after it.
    #[inline(always)]
    pub(super) fn action(&mut self) -> Option<Action> {
        match self.bytes.get(self.position)? {
            b'i' => self.skip_text(b"internal,").map(|()| Action::Internal),
            b's' => self.skip_text(b"send,").map(|()| Action::Send),
            b'r' => self.skip_text(b"receive,").map(|()| Action::Receive),
            _ => None,
        }
    }

    /// Reads the index of a machine and the comma after it. `None` if the number is [`SEVERAL_PEERS`] or larger: these numbers do not stand
    /// for a single machine.
    #[inline(always)]
    pub(super) fn machine(&mut self) -> Option<MachineIndex> {
        let machine = MachineIndex::try_from(self.number(b',')?).ok()?;
        (machine < SEVERAL_PEERS).then_some(machine)
    }

    /// Reads a number and the byte `end` after it.
    #[inline(always)]
    pub(super) fn number(&mut self, end: u8) -> Option<u64> {
        self.digits(0, 0, end)
    }

    /// Reads a number with many digits, eight at a time, and the byte `end` after it.
    #[inline(always)]
    pub(super) fn long_number(&mut self, end: u8) -> Option<u64> {
        let (mut value, mut count) = (0, 0);
        // The loop runs at most twice, for 16 digits. `digits` reads the rest. A third time would make 24 digits, which may not fit into
        // 64 bits.
        while count <= 8
            && let Some(eight) = self.eight_digits()
        {
            value = value * 100_000_000 + eight;
            count += 8;
        }
        self.digits(value, count, end)
    }

    /// Reads the remaining digits of a number, and the byte `end` after them. The first `count` digits have been read already, and make
    /// the number `value`.
    #[inline(always)]
    pub(super) fn digits(&mut self, mut value: u64, mut count: usize, end: u8) -> Option<u64> {
        loop {
            let byte = *self.bytes.get(self.position)?;
            self.position += 1;
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return (byte == end && count > 0).then_some(value);
            }
            count += 1;
            // A number with more digits may not fit into 64 bits.
            if count > SURE_DIGITS {
                return None;
            }
            value = value * 10 + u64::from(digit);
        }
    }

    /// Reads the next eight bytes as a number, if all are digits. The digits are first combined to four pairs. Then each pair is multiplied
    /// by its weight (1000000, 10000, 100 or 1), two pairs in one multiplication (Lemire 2018, "Quickly parsing eight digits").
    #[inline(always)]
    pub(super) fn eight_digits(&mut self) -> Option<u64> {
        let eight = self
            .bytes
            .get(self.position..self.position + 8)?
            .first_chunk::<8>()?;
        let word = u64::from_le_bytes(*eight);
        // Each byte of `word` is changed in two ways, for `digits` and for `above_nine`. If the byte is a digit, both results are less than
        // 0x80. If it is no digit, at least one result is 0x80 or more, and the table shows one such result:
        //
        // byte                      in `digits` (minus 0x30)   in `above_nine` (plus 0x46)
        // 0x30 to 0x39 ('0'-'9')    0 to 9                     0x76 to 0x7f
        // 0x00 to 0x2f              0xd0 to 0xff               (not needed)
        // 0x3a to 0xb9              (not needed)               0x80 to 0xff
        // 0xba to 0xff              0x8a to 0xcf               (not needed)
        //
        // Digits never borrow from the next byte or carry into it. So the table is right up to the first byte that is no digit, and this
        // byte is found. For the bytes after it the table can be wrong, but they do not matter any more.
        let digits = word.wrapping_sub(0x3030_3030_3030_3030);
        let above_nine = word.wrapping_add(0x4646_4646_4646_4646);
        if (digits | above_nine) & 0x8080_8080_8080_8080 != 0 {
            return None;
        }
        self.position += 8;
        // Byte 0 of `pairs` is 10 * (first digit) + (second digit). In the same way, byte 2 has the third and the fourth digit, byte 4 the
        // next two, and byte 6 the last two. Bytes 1, 3, 5 and 7 are not used.
        let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
        // Takes two bytes a and b of `pairs`: bytes 0 and 4 if `shift` is 0, bytes 2 and 6 if `shift` is 16. Then calculates the product
        // (a + b * 2^32) * (second_weight + first_weight * 2^32). The upper 32 bits of the result are
        // a * first_weight + b * second_weight. Its lower 32 bits are not needed, and the term with 2^64 is dropped.
        let weighted_sum = |shift: u32, first_weight: u64, second_weight: u64| {
            ((pairs >> shift) & 0x0000_00ff_0000_00ff)
                .wrapping_mul((first_weight << 32) + second_weight)
        };
        let value = weighted_sum(0, 1_000_000, 100).wrapping_add(weighted_sum(16, 10_000, 1));
        Some(value >> 32)
    }
}
