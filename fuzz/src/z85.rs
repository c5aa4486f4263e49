//! Z85: decoding and encoding are inverse, and only whole groups of the alphabet decode.

use ferrozmq_proto::z85;

pub(crate) fn target(data: &[u8]) {
    match z85::decode(data) {
        Ok(decoded) => {
            assert_eq!(decoded.len() * 5, data.len() * 4);
            assert_eq!(z85::encode(&decoded).as_deref().map(str::as_bytes), Ok(data));
        }
        Err(z85::Z85Error::Length(len)) => assert!(len == data.len() && (len == 0 || !len.is_multiple_of(5))),
        Err(z85::Z85Error::Character(at)) => {
            assert!(!data[at].is_ascii_graphic() || b"\"',;\\_`|~".contains(&data[at]), "{}", data[at]);
        }
        Err(z85::Z85Error::Overflow(at)) => assert!(at % 5 == 0 && b"%$#".contains(&data[at]), "at {at}"),
    }
    match z85::encode(data) {
        Ok(text) if data.is_empty() => assert!(text.is_empty()),
        Ok(text) => assert_eq!(z85::decode(text.as_bytes()).as_deref(), Ok(data)),
        Err(error) => {
            assert_eq!((error, !data.len().is_multiple_of(4)), (z85::Z85Error::Length(data.len()), true))
        }
    }
}
