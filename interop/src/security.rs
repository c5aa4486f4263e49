//! Three ways to be known to a server, with the options that both sides set.

use conformance::zmq;

/// Options by their numbers.
pub type Options = Vec<(i32, Vec<u8>)>;

/// The secret key of the server: 32 times 5.
const SERVER_SECRET: [u8; 32] = [5; 32];
/// The public key that belongs to it.
const SERVER_PUBLIC: [u8; 32] = [
    0x50, 0xA6, 0x14, 0x09, 0xB1, 0xDD, 0xD0, 0x32, 0x5E, 0x9B, 0x16, 0xB7, 0x00, 0xE7, 0x19, 0xE9, 0x77,
    0x2C, 0x07, 0x00, 0x0B, 0x1B, 0xD7, 0x78, 0x6E, 0x90, 0x7C, 0x65, 0x3D, 0x20, 0x49, 0x5D,
];
/// The secret key of the client: 32 times 7.
const CLIENT_SECRET: [u8; 32] = [7; 32];
/// The public key that belongs to it.
pub const CLIENT_PUBLIC: [u8; 32] = [
    0x13, 0xBE, 0x4F, 0xEA, 0xEA, 0xF2, 0x04, 0xC7, 0xFD, 0x33, 0x58, 0xFC, 0x9C, 0x00, 0x72, 0x18, 0x81,
    0xD1, 0x74, 0x27, 0x81, 0x28, 0x22, 0x7E, 0xC6, 0x74, 0xF3, 0x7F, 0x7F, 0xE9, 0x7B, 0x6D,
];

/// A mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// NULL, with a domain at the server.
    Null,
    /// A name and a password.
    Plain,
    /// Keys.
    Curve,
}

impl Mechanism {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Null, Self::Plain, Self::Curve];

    /// What the server sets.
    pub fn server(self) -> Options {
        let on = 1_i32.to_ne_bytes().to_vec();
        match self {
            Self::Null => vec![(zmq::ZAP_DOMAIN, b"global".to_vec())],
            Self::Plain => vec![(zmq::PLAIN_SERVER, on)],
            Self::Curve => vec![(zmq::CURVE_SECRETKEY, SERVER_SECRET.to_vec()), (zmq::CURVE_SERVER, on)],
        }
    }

    /// What the client sets.
    pub fn client(self) -> Options {
        match self {
            Self::Null => vec![],
            Self::Plain => {
                vec![(zmq::PLAIN_USERNAME, b"admin".to_vec()), (zmq::PLAIN_PASSWORD, b"secret".to_vec())]
            }
            Self::Curve => vec![
                (zmq::CURVE_PUBLICKEY, CLIENT_PUBLIC.to_vec()),
                (zmq::CURVE_SECRETKEY, CLIENT_SECRET.to_vec()),
                (zmq::CURVE_SERVERKEY, SERVER_PUBLIC.to_vec()),
            ],
        }
    }
}
