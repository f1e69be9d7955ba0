//! The fast parser of rows that are written as usual.

use super::{Action, SEVERAL_PEERS};
use crate::log::events::SURE_DIGITS;
use crate::machine::MachineIndex;

/// The first two cells of the row before, with their commas. Most rows start with the same cells.
#[derive(Default)]
pub(super) struct Start {
    /// The cells' bytes, as the lowest bytes of a number; and ones in these bytes. Both are 0 if the cells are longer.
    text: u64,
    mask: u64,
    length: usize,
    pub(super) machine: MachineIndex,
}

impl Start {
    /// Reads the first two cells of `bytes` and returns their length. `None` if the first is not the number of `run`.
    #[inline]
    pub(super) fn skip(&mut self, bytes: &[u8], run: u64) -> Option<usize> {
        let word = u64::from_le_bytes(*bytes.first_chunk::<8>()?);
        if self.mask != 0 && word & self.mask == self.text {
            return Some(self.length);
        }
        let mut cells = UsualCells { bytes, at: 0 };
        if cells.number(b',')? != run {
            return None;
        }
        self.machine = cells.machine()?;
        self.length = cells.at;
        self.mask = match self.length {
            length @ 1..=8 => u64::MAX >> (64 - 8 * length),
            _ => 0,
        };
        self.text = word & self.mask;
        Some(cells.at)
    }
}

/// The cells from `at` on of rows that are written as usual. A method returns `None` if a cell is not.
pub(super) struct UsualCells<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl UsualCells<'_> {
    #[inline(always)]
    pub(super) fn text(&mut self, text: &[u8]) -> Option<()> {
        let end = self.at + text.len();
        (self.bytes.get(self.at..end)? == text).then(|| self.at = end)
    }

    #[inline(always)]
    pub(super) fn action(&mut self) -> Option<Action> {
        match self.bytes.get(self.at)? {
            b'i' => self.text(b"internal,").map(|()| Action::Internal),
            b's' => self.text(b"send,").map(|()| Action::Send),
            b'r' => self.text(b"receive,").map(|()| Action::Receive),
            _ => None,
        }
    }

    #[inline(always)]
    pub(super) fn machine(&mut self) -> Option<MachineIndex> {
        let machine = MachineIndex::try_from(self.number(b',')?).ok()?;
        (machine < SEVERAL_PEERS).then_some(machine)
    }

    /// A number that ends with `end`.
    #[inline(always)]
    pub(super) fn number(&mut self, end: u8) -> Option<u64> {
        self.digits(0, 0, end)
    }

    /// A number with many digits, read eight at a time.
    #[inline(always)]
    pub(super) fn long_number(&mut self, end: u8) -> Option<u64> {
        let (mut value, mut count) = (0, 0);
        while count <= 8
            && let Some(eight) = self.eight_digits()
        {
            value = value * 100_000_000 + eight;
            count += 8;
        }
        self.digits(value, count, end)
    }

    /// Reads further digits of a number whose first `count` digits are `value`.
    #[inline(always)]
    pub(super) fn digits(&mut self, mut value: u64, mut count: usize, end: u8) -> Option<u64> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return (byte == end && count > 0).then_some(value);
            }
            count += 1;
            if count > SURE_DIGITS {
                return None;
            }
            value = value * 10 + u64::from(digit);
        }
    }

    /// The next eight bytes as a number, if all are digits. The digits are combined in pairs, then fours, then all eight, each step
    /// for all of them at once (Lemire 2018, "Quickly parsing eight digits").
    #[inline(always)]
    pub(super) fn eight_digits(&mut self) -> Option<u64> {
        let eight = self.bytes.get(self.at..self.at + 8)?.first_chunk::<8>()?;
        let word = u64::from_le_bytes(*eight);
        let digits = word.wrapping_sub(0x3030_3030_3030_3030);
        let above_nine = word.wrapping_add(0x4646_4646_4646_4646);
        if (digits | above_nine) & 0x8080_8080_8080_8080 != 0 {
            return None;
        }
        self.at += 8;
        let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
        let fours = |shift: u32, high: u64, low: u64| {
            ((pairs >> shift) & 0x0000_00ff_0000_00ff).wrapping_mul((high << 32) + low)
        };
        let value = fours(0, 1_000_000, 100).wrapping_add(fours(16, 10_000, 1));
        Some(value >> 32)
    }
}
