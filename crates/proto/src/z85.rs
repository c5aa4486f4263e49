//! Z85, the text form of keys: four bytes to five printable characters (RFC 32).

use std::fmt;

const ALPHABET: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// Why something has no Z85 form or is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Z85Error {
    /// Data to encode is not a multiple of 4 bytes, or text to decode not a positive multiple of 5 characters.
    Length(usize),
    /// The character at this position is not one of the 85.
    Character(usize),
    /// The five characters from this position stand for more than 32 bits.
    Overflow(usize),
}

impl fmt::Display for Z85Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(len) => write!(f, "{len} is not a length for Z85: 4 bytes make 5 characters"),
            Self::Character(at) => write!(f, "the character at position {at} is not of Z85"),
            Self::Overflow(at) => {
                write!(f, "the five characters at position {at} stand for more than 32 bits")
            }
        }
    }
}

impl std::error::Error for Z85Error {}

/// The text of `data`, whose length is a multiple of 4; empty for none.
pub fn encode(data: &[u8]) -> Result<String, Z85Error> {
    let (groups, []) = data.as_chunks::<4>() else { return Err(Z85Error::Length(data.len())) };
    let mut text = String::with_capacity(groups.len().saturating_mul(5));
    for group in groups {
        let value = u32::from_be_bytes(*group);
        for power in [85_u32.pow(4), 85_u32.pow(3), 85_u32.pow(2), 85, 1] {
            let digit = value.checked_div(power).unwrap_or_default().checked_rem(85).unwrap_or_default();
            text.extend(
                usize::try_from(digit).ok().and_then(|digit| ALPHABET.get(digit)).map(|c| char::from(*c)),
            );
        }
    }
    Ok(text)
}

/// The data of `text`, whose length is a positive multiple of 5.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, Z85Error> {
    let (groups, []) = text.as_chunks::<5>() else { return Err(Z85Error::Length(text.len())) };
    if groups.is_empty() {
        return Err(Z85Error::Length(0));
    }
    let mut data = Vec::with_capacity(groups.len().saturating_mul(4));
    for (index, group) in groups.iter().enumerate() {
        let start = index.saturating_mul(5);
        let mut value = 0_u64;
        for (offset, c) in group.iter().enumerate() {
            let digit = ALPHABET.iter().position(|known| known == c);
            let digit = digit.ok_or_else(|| Z85Error::Character(start.saturating_add(offset)))?;
            value = value.saturating_mul(85).saturating_add(digit as u64);
        }
        let value = u32::try_from(value).map_err(|_| Z85Error::Overflow(start))?;
        data.extend_from_slice(&value.to_be_bytes());
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_rfc_32() {
        let data = [0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B];
        assert_eq!(encode(&data), Ok("HelloWorld".into()));
        assert_eq!(decode(b"HelloWorld"), Ok(data.to_vec()));
    }

    #[test]
    fn nothing_has_a_text_but_no_text_is_no_data() {
        assert_eq!(encode(b""), Ok(String::new()));
        assert_eq!(decode(b""), Err(Z85Error::Length(0)));
    }

    #[test]
    fn lengths_must_fit() {
        for len in [1, 2, 3, 5, 31, 33] {
            assert_eq!(encode(&vec![0; len]), Err(Z85Error::Length(len)));
        }
        for len in [1, 4, 6, 39, 41] {
            assert_eq!(decode(&vec![b'0'; len]), Err(Z85Error::Length(len)));
        }
    }

    #[test]
    fn characters_must_be_of_the_alphabet() {
        for c in [b' ', b'"', b'\'', b',', b';', b'\\', b'_', b'`', b'|', b'~', 0, 0x7F, 0x80, 0xFF] {
            assert_eq!(
                decode(&[b'0', b'0', b'0', b'0', b'0', b'0', c, b'0', b'0', b'0']),
                Err(Z85Error::Character(6))
            );
        }
    }

    #[test]
    fn values_must_fit_32_bits() {
        assert_eq!(decode(b"%nSc0"), Ok(vec![0xFF; 4]));
        assert_eq!(decode(b"%nSc1"), Err(Z85Error::Overflow(0)));
        assert_eq!(decode(b"00000#####"), Err(Z85Error::Overflow(5)));
    }

    proptest! {
        #[test]
        fn decoding_is_the_inverse_of_encoding(words in proptest::collection::vec(any::<[u8; 4]>(), 1..20)) {
            let data = words.concat();
            prop_assert_eq!(decode(encode(&data).unwrap().as_bytes()), Ok(data));
        }

        #[test]
        fn whatever_decodes_is_the_text_of_its_data(text in "[0-9a-zA-Z.:+=^!/*?&<>()@%$#{}-]{5}") {
            if let Ok(data) = decode(text.as_bytes()) {
                prop_assert_eq!(encode(&data), Ok(text));
            }
        }
    }
}
