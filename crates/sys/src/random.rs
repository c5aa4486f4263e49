//! Random bytes from the kernel.

use crate::syscall::{check_len, retry};
use ferrozmq_base::cancel::uncancelled;
use std::fs::File;
use std::io::{self, Read};

/// Fills `bytes` from the kernel's generator: `getrandom`, or `/dev/urandom` where that call is missing or forbidden.
pub fn fill(bytes: &mut [u8]) -> io::Result<()> {
    uncancelled(|| fill_all(bytes))
}

fn fill_all(bytes: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < bytes.len() {
        let rest = &mut bytes[filled..];
        // SAFETY: pointer and length describe `rest`, exclusively borrowed for the call.
        let got = retry(|| check_len(unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) }));
        match got {
            Ok(count) => filled += count,
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
                return File::open("/dev/urandom")?.read_exact(rest);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A random number, all bits equally likely.
pub fn number() -> io::Result<u64> {
    let mut bytes = [0; 8];
    fill(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    #[test]
    fn fills_every_byte_and_differs_between_calls() {
        let mut first = vec![0; 100_000];
        let mut second = first.clone();
        super::fill(&mut first).unwrap();
        super::fill(&mut second).unwrap();
        assert_ne!(first, second);
        // A run of 64 zeros by chance has probability 2^-512.
        assert!(first.chunks(64).all(|chunk| chunk.iter().any(|&byte| byte != 0)));
        assert_ne!(super::number().unwrap(), super::number().unwrap());
        super::fill(&mut []).unwrap();
    }
}
