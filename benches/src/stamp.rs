//! What is in a message, so that a lost, repeated, reordered or damaged one is noticed: a word with the sender, the
//! number of the message and whether it is the sender's last, and a check byte at the very end.

use crate::subject::{Fault, Result};

const LAST: u64 = 1 << 63;
const SENDER_SHIFT: u32 = 48;
const NUMBER: u64 = (1 << SENDER_SHIFT) - 1;

/// What a sender writes into a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) sender: u8,
    pub(crate) number: u64,
    pub(crate) last: bool,
}

impl Stamp {
    /// Writes the stamp into a body of at least 9 bytes.
    #[inline]
    pub(crate) fn write(self, body: &mut [u8]) {
        let last = if self.last { LAST } else { 0 };
        let word = last | u64::from(self.sender & 0x7F) << SENDER_SHIFT | self.number;
        body[..8].copy_from_slice(&word.to_le_bytes());
        body[body.len() - 1] = check_byte(self.number);
    }
}

fn check_byte(number: u64) -> u8 {
    number.to_le_bytes()[0] ^ 0x5A
}

/// What a receiver expects next, and what was wrong so far.
pub(crate) struct Expected {
    size: usize,
    next: Vec<u64>,
    fault: Option<Fault>,
}

impl Expected {
    /// Messages of `size` bytes from that many senders.
    pub(crate) fn new(size: usize, senders: usize) -> Self {
        Self { size, next: vec![0; senders], fault: None }
    }

    /// Checks a message; true for its sender's last one, and for one that is wrong: then [`Expected::verdict`] says why.
    /// An answer of one bit, because a result that goes through memory costs as much as a small message.
    #[inline(always)]
    pub(crate) fn ends_with(&mut self, body: &[u8]) -> bool {
        self.take(body).unwrap_or_else(|| self.refuse(body))
    }

    /// Checks a message; whether it is its sender's last.
    #[inline(always)]
    pub(crate) fn check(&mut self, body: &[u8]) -> Result<bool> {
        if !self.ends_with(body) {
            return Ok(false);
        }
        self.verdict().map(|()| true)
    }

    /// Whether all was right so far.
    pub(crate) fn verdict(&mut self) -> Result<()> {
        self.fault.take().map_or(Ok(()), Err)
    }

    #[inline(always)]
    fn take(&mut self, body: &[u8]) -> Option<bool> {
        if body.len() != self.size {
            return None;
        }
        let (word, number, sender) = parts(body)?;
        let next = self.next.get_mut(sender)?;
        if *next != number || *body.last()? != check_byte(number) {
            return None;
        }
        *next += 1;
        Some(word & LAST != 0)
    }

    #[cold]
    #[inline(never)]
    fn refuse(&mut self, body: &[u8]) -> bool {
        let (size, length) = (self.size, body.len());
        let fault = match parts(body) {
            Some((_, number, sender)) if length == size => match self.next.get(sender) {
                Some(next) => format!("sender {sender}: message {number} instead of {next}, or damaged"),
                None => format!("a message of an unknown sender {sender}"),
            },
            _ => format!("a message of {length} bytes instead of {size}"),
        };
        self.fault = Some(Fault::new(fault));
        true
    }
}

/// The word of a body, the number and the sender in it.
#[inline(always)]
fn parts(body: &[u8]) -> Option<(u64, u64, usize)> {
    let word = u64::from_le_bytes(*body.first_chunk()?);
    Some((word, word & NUMBER, usize::from((word >> SENDER_SHIFT) as u8 & 0x7F)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(sender: u8, number: u64, last: bool) -> [u8; 10] {
        let mut body = [0; 10];
        Stamp { sender, number, last }.write(&mut body);
        body
    }

    #[test]
    fn messages_in_order_pass_and_the_last_is_known() {
        let mut expected = Expected::new(10, 2);
        assert!(!expected.check(&message(0, 0, false)).unwrap());
        assert!(!expected.check(&message(1, 0, false)).unwrap());
        assert!(expected.check(&message(1, 1, true)).unwrap());
        assert!(expected.check(&message(0, 1, true)).unwrap());
    }

    #[test]
    fn a_gap_a_wrong_size_a_damaged_end_and_a_stranger_are_noticed() {
        let mut damaged = message(0, 0, false);
        damaged[9] ^= 1;
        let bad = [&message(0, 1, false)[..], &[0; 9], &damaged, &message(1, 0, false)];
        for body in bad {
            assert!(Expected::new(10, 1).check(body).is_err(), "{body:?}");
        }
    }
}
