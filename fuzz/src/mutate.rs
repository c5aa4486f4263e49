//! Pseudo-random mutations of corpus entries: the same on every machine for the same seed.

/// Bytes that matter to some target.
const TOKENS: &[&[u8]] = &[
    b"\xFF\0\0\0\0\0\0\0\x01\x7F",
    b"\x03\x01NULL",
    b"\x05READY",
    b"\x04PING\0\0",
    b"\x09SUBSCRIBE",
    b"\x06CANCEL",
    b"\x0BSocket-Type\0\0\0\x04PULL",
    b"\x08Identity\0\0\0\x01a",
    b"\x02\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
    b"\x02\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
    b"\x02\0\0\0\0\0\0\x01\0",
    b"\x04\x00",
    b"\x01\x00",
    b"tcp://",
    b"ipc://",
    b"inproc://",
    b"[::1%eth0]:*;",
    b"127.0.0.1:65535",
    b"#####",
];

/// A small generator (xorshift64*).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator that gives the same numbers for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound.max(1) as u64) as usize
    }

    /// A mutation of one of the entries.
    pub fn mutation(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = corpus.get(self.below(corpus.len())).cloned().unwrap_or_default();
        for _ in 0..=self.below(6) {
            self.change(&mut bytes, corpus);
        }
        bytes.truncate(1 << 14);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let n = self.below(16).min(bytes.len() - at);
        match self.below(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 if at < bytes.len() => bytes[at] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF][self.below(6)],
            2 if at < bytes.len() => bytes[at] = self.number() as u8,
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(at..at + n)),
            5 => insert(bytes, at, TOKENS[self.below(TOKENS.len())]),
            6 => {
                let copy = bytes[at..at + n].to_vec();
                insert(bytes, at, &copy);
            }
            7 => {
                let random: Vec<u8> = (0..self.below(12)).map(|_| self.number() as u8).collect();
                insert(bytes, at, &random);
            }
            _ => {
                let other = &corpus[self.below(corpus.len())];
                let from = self.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    bytes.splice(at..at, new.iter().copied());
}
