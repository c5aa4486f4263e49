//! Frames of messages as words of a line of text, for peers that are told what to do on their standard input.

use std::fmt::Write as _;

/// `size` bytes in which any loss, repetition or shift shows.
pub fn pattern(size: usize) -> Vec<u8> {
    (0..size as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// The word for a frame.
pub fn encode(frame: &[u8]) -> String {
    if frame.is_empty() {
        return "-".to_owned();
    }
    if frame.iter().all(u8::is_ascii_graphic) {
        return format!("={}", String::from_utf8_lossy(frame));
    }
    if frame.len() > 64 && frame == pattern(frame.len()) {
        return format!("*{}", frame.len());
    }
    let mut word = String::from("#");
    for byte in frame {
        let _ = write!(word, "{byte:02x}");
    }
    word
}

/// The frame for a word.
///
/// # Errors
/// If it is none; the text says why.
pub fn decode(word: &str) -> Result<Vec<u8>, String> {
    let bad = || format!("not a frame: {word:?}");
    match word.as_bytes() {
        b"-" => Ok(Vec::new()),
        [b'=', text @ ..] => Ok(text.to_vec()),
        [b'*', ..] => Ok(pattern(word[1..].parse().map_err(|_| bad())?)),
        [b'#', digits @ ..] => digits
            .chunks(2)
            .map(|pair| {
                u8::from_str_radix(std::str::from_utf8(pair).map_err(|_| bad())?, 16).map_err(|_| bad())
            })
            .collect(),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_comes_back() {
        for frame in [&b""[..], b"text", b"two words", b"\0\xFF", &pattern(100_000), &pattern(65)] {
            assert_eq!(decode(&encode(frame)).unwrap(), frame);
        }
        assert_eq!(encode(&pattern(100_000)), "*100000");
        for word in ["", "text", "*", "*x", "#0g"] {
            assert!(decode(word).is_err(), "{word}");
        }
    }
}
