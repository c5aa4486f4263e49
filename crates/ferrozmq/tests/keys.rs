//! Nothing of a secret key stays in memory when nobody needs it any more.

mod scan;

use ferrozmq::{
    Context, Result, SocketType,
    security::{KeyPair, SecretKey},
};
use scan::MASK;
use zeroize::Zeroizing;

/// A secret key under the mask: as bytes, and as text.
const BYTES: [u8; 32] = [
    33, 226, 62, 238, 211, 245, 249, 61, 69, 228, 51, 74, 69, 206, 233, 211, 40, 168, 18, 76, 133, 234, 65,
    11, 63, 49, 101, 182, 215, 167, 82, 210,
];
const TEXT: [u8; 40] = [
    30, 96, 115, 11, 1, 19, 54, 27, 13, 123, 59, 50, 50, 25, 104, 59, 57, 96, 99, 112, 27, 39, 50, 96, 42,
    101, 114, 1, 110, 127, 45, 21, 14, 16, 127, 16, 8, 127, 57, 41,
];
const CURVE_SECRETKEY: i32 = 49;

fn unmasked(masked: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(masked.len()));
    bytes.extend(masked.iter().map(|byte| byte ^ MASK));
    bytes
}

/// How often the key is in memory, as bytes and as text.
fn copies() -> [usize; 2] {
    // The allocator writes over the first bytes of what is freed.
    [&BYTES[16..], &TEXT[16..]].map(scan::copies)
}

/// Runs it so deep in the stack that nothing is written over what it leaves there.
#[inline(never)]
fn deep<T>(body: impl FnOnce() -> T) -> T {
    let above = [0_u8; 200_000];
    std::hint::black_box(&above);
    body()
}

#[test]
fn no_secret_key_is_left_behind() -> Result<()> {
    assert_eq!(copies(), [0, 0], "the test has none");
    let (bytes, text) = (unmasked(&BYTES), unmasked(&TEXT));
    assert_eq!(copies(), [1, 1], "both are found");
    let key = deep(|| SecretKey::from_text(&text)).expect("a key");
    assert_eq!(copies(), [2, 1], "of the text");
    drop(key);
    let keys: KeyPair = deep(|| std::str::from_utf8(&text).expect("text").parse()).expect("a key");
    assert_eq!(copies(), [2, 1], "of the pair");
    drop(keys);
    let ctx = Context::new();
    let mut socket = ctx.socket(SocketType::Pull).build()?;
    for value in [&text, &bytes] {
        deep(|| socket.set_option(CURVE_SECRETKEY, value))?;
        assert_eq!(copies(), [2, 1], "of the socket");
    }
    drop(socket);
    drop((bytes, text));
    assert_eq!(copies(), [0, 0], "after all");
    ctx.terminate()
}
