//! Choices drawn from the bytes of an input. After their end every choice is 0.

use ferrozmq_base::SocketType;

/// The part of an input that is not used up.
#[derive(Clone, Debug)]
pub(crate) struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// At most `n` bytes.
    pub(crate) fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at_checked(n).unwrap_or((self.0, &[]));
        self.0 = rest;
        taken
    }

    /// A short string of bytes with its length in front.
    pub(crate) fn text(&mut self) -> &'a [u8] {
        let n = usize::from(self.byte());
        self.take(n)
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub(crate) fn socket_type(&mut self) -> SocketType {
        SocketType::ALL[self.below(SocketType::ALL.len())]
    }

    /// A body of up to 64 KiB made of one repeated byte, of a length near some limit of the code.
    pub(crate) fn body(&mut self) -> Vec<u8> {
        const LENGTHS: [usize; 16] =
            [0, 1, 2, 31, 47, 48, 49, 63, 64, 253, 255, 256, 4096, 4097, 16_000, 65_536];
        let choice = self.byte();
        let len = LENGTHS[usize::from(choice & 15)] + usize::from(choice >> 6);
        let fill = self.byte();
        (0..len).map(|at| fill.wrapping_add(at as u8)).collect()
    }
}

/// The ends of the portions into which `len` bytes are cut: all at once for 0, byte by byte for 1, and otherwise by a
/// sequence that follows from the seed.
pub(crate) fn cuts(len: usize, seed: u8) -> Vec<usize> {
    if seed == 0 {
        return vec![len];
    }
    let mut state = u32::from(seed);
    let mut ends = Vec::new();
    let mut at = 0;
    while at < len {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let wide = if state & 0x1_0000 == 0 { 4 } else { 300 };
        at += if seed == 1 { 1 } else { 1 + (state >> 17) as usize % wide };
        ends.push(at.min(len));
    }
    ends
}
