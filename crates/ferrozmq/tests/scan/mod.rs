//! A look through the memory of this process for what should not be there.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
};

use zeroize::Zeroizing;

/// What a secret is combined with where a test has it, so that it is nowhere in the program itself.
pub(crate) const MASK: u8 = 0x5A;

/// How often these bytes, given under the mask, are in the memory of this process.
pub(crate) fn copies(wanted: &[u8]) -> usize {
    const PIECE: usize = 1 << 20;
    let (maps, memory) =
        (fs::read_to_string("/proc/self/maps").unwrap(), File::open("/proc/self/mem").unwrap());
    let mut piece = Zeroizing::new(vec![0; PIECE]);
    // What is read is not looked at itself.
    let own = piece.as_ptr() as u64..piece.as_ptr() as u64 + PIECE as u64;
    let mut found = 0;
    let mut look = |mut at: u64, end: u64| {
        while at < end {
            let length = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
            let Ok(n) = memory.read_at(&mut piece[..length], at) else { break };
            let begins = |window: &&[u8]| window[0] ^ MASK == wanted[0];
            let is_whole = |window: &&[u8]| window.iter().zip(wanted).all(|(a, b)| a ^ MASK == *b);
            found += piece[..n].windows(wanted.len()).filter(begins).filter(is_whole).count();
            // One over the end of a piece is found in the next.
            at += if at + (n as u64) < end { (n - wanted.len() + 1) as u64 } else { n as u64 };
        }
    };
    for line in maps.lines() {
        let mut words = line.split(' ');
        let (start, end) = words.next().and_then(|range| range.split_once('-')).unwrap();
        let [start, end] = [start, end].map(|number| u64::from_str_radix(number, 16).unwrap());
        if words.next().is_some_and(|rights| rights.starts_with("rw")) {
            look(start, end.min(own.start.max(start)));
            look(start.max(own.end.min(end)), end);
        }
    }
    found
}
