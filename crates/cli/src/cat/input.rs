//! Where messages come from: the command line, a file or standard input, which are read as they become readable.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd},
};

use crate::{args::Cat, failure::Failure};

/// How a stream of bytes is cut into messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Each ends with this byte; the last one may lack it.
    Terminated(u8),
    /// The length is in front of each: 4 bytes, big-endian.
    Length,
}

impl Framing {
    pub(crate) fn of(cat: &Cat) -> Self {
        match (cat.common.null, cat.common.length) {
            (true, _) => Self::Terminated(0),
            (_, true) => Self::Length,
            _ => Self::Terminated(b'\n'),
        }
    }
}

/// How long a message may be whose end has to be found, so that an input without one does not take all memory.
const LONGEST: usize = 1 << 30;

pub(crate) enum Input {
    /// Those of the command line; `again` begins anew after the last.
    Given {
        messages: Vec<Vec<u8>>,
        next: usize,
        again: bool,
    },
    /// Those that are read.
    Read(Box<Reader>),
    None,
}

impl Input {
    /// What the command line says, `again` and again if these are messages.
    pub(crate) fn open(cat: &Cat, again: bool) -> Result<Self, Failure> {
        let given = &cat.input.message;
        if !given.is_empty() {
            let messages = given.iter().map(|text| text.clone().into_bytes()).collect();
            return Ok(Self::Given { messages, next: 0, again });
        }
        let (file, name) = match &cat.input.file {
            Some(path) => (File::open(path), path.display().to_string()),
            None => (io::stdin().as_fd().try_clone_to_owned().map(File::from), "standard input".to_owned()),
        };
        let file = file.map_err(|e| Failure::Run(format!("{name}: {e}")))?;
        Ok(Self::Read(Box::new(Reader {
            file,
            name,
            splitter: Splitter::new(Framing::of(cat), LONGEST),
            ended: false,
        })))
    }

    /// The next message, if it is there without reading.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Given { messages, next, again } => {
                let message = messages.get(*next)?.clone();
                *next += 1;
                if *again && *next == messages.len() {
                    *next = 0;
                }
                Some(message)
            }
            Self::Read(reader) => reader.splitter.next(reader.ended),
            Self::None => None,
        }
    }

    /// Once [`next`](Self::next) has nothing: whether it never will.
    pub(crate) fn is_at_end(&self) -> bool {
        match self {
            Self::Given { .. } | Self::None => true,
            Self::Read(reader) => reader.ended,
        }
    }

    /// What to wait for before [`fill`](Self::fill).
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Read(reader) if !reader.ended => Some(reader.file.as_fd()),
            _ => None,
        }
    }

    /// Reads once.
    pub(crate) fn fill(&mut self) -> Result<(), Failure> {
        match self {
            Self::Read(reader) => reader.fill(),
            _ => Ok(()),
        }
    }
}

pub(crate) struct Reader {
    file: File,
    name: String,
    splitter: Splitter,
    ended: bool,
}

impl Reader {
    fn fill(&mut self) -> Result<(), Failure> {
        const AT_ONCE: usize = 64 * 1024;
        let wrong = |what: &str| Failure::Run(format!("{}: {what}", self.name));
        self.splitter.check_length().map_err(|what| wrong(&what))?;
        let mut bytes = [0; AT_ONCE];
        match self.file.read(&mut bytes) {
            Ok(0) => {
                self.ended = true;
                self.splitter.check_end().map_err(wrong)
            }
            Ok(n) => {
                self.splitter.push(&bytes[..n]);
                Ok(())
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => Ok(()),
            Err(e) => Err(wrong(&e.to_string())),
        }
    }
}

/// Bytes in, messages out.
struct Splitter {
    framing: Framing,
    /// How many bytes a message may have that ends with a terminator.
    longest: usize,
    bytes: Vec<u8>,
    /// Where the next message begins.
    start: usize,
    /// Up to where there is no terminator.
    seen: usize,
}

impl Splitter {
    const fn new(framing: Framing, longest: usize) -> Self {
        Self { framing, longest, bytes: Vec::new(), start: 0, seen: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.seen -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    fn next(&mut self, ended: bool) -> Option<Vec<u8>> {
        match self.framing {
            Framing::Terminated(end) => {
                let found = self.bytes[self.seen..].iter().position(|byte| *byte == end);
                let stop = match found {
                    Some(i) => self.seen + i,
                    None => {
                        self.seen = self.bytes.len();
                        if !ended || self.start == self.seen {
                            return None;
                        }
                        self.seen
                    }
                };
                let message = self.bytes[self.start..stop].to_vec();
                self.start = (stop + 1).min(self.bytes.len());
                self.seen = self.start;
                Some(message)
            }
            Framing::Length => {
                let (length, rest) = self.bytes[self.start..].split_first_chunk::<4>()?;
                let length = u32::from_be_bytes(*length) as usize;
                let message = rest.get(..length)?.to_vec();
                self.start += 4 + length;
                self.seen = self.start;
                Some(message)
            }
        }
    }

    /// Once [`next`](Self::next) has nothing: whether the message that has begun may be longer.
    fn check_length(&self) -> Result<(), String> {
        let length = self.seen - self.start;
        match self.framing {
            Framing::Terminated(end) if length > self.longest => {
                let end = if end == b'\n' { "newline" } else { "zero byte" };
                Err(format!("no {end} in {length} bytes: longer messages can be sent with --length only"))
            }
            _ => Ok(()),
        }
    }

    /// Whether the input may end here.
    fn check_end(&self) -> Result<(), &'static str> {
        let mut at = self.start;
        if self.framing == Framing::Length {
            while let Some((length, rest)) = self.bytes[at..].split_first_chunk::<4>() {
                let length = u32::from_be_bytes(*length) as usize;
                if rest.len() < length {
                    break;
                }
                at += 4 + length;
            }
            if at != self.bytes.len() {
                return Err("ends in the middle of a message");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages, whatever the sizes of the reads.
    fn split(framing: Framing, bytes: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
        let mut results = Vec::new();
        for size in 1..=bytes.len().max(1) {
            let mut splitter = Splitter::new(framing, LONGEST);
            let mut messages = Vec::new();
            for chunk in bytes.chunks(size) {
                splitter.push(chunk);
                messages.extend(std::iter::from_fn(|| splitter.next(false)));
            }
            let end = splitter.check_end();
            messages.extend(std::iter::from_fn(|| splitter.next(true)));
            results.push(end.map(|()| messages));
        }
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "the sizes of the reads matter");
        results.remove(0)
    }

    #[test]
    fn lines() {
        let lines = |bytes| split(Framing::Terminated(b'\n'), bytes).unwrap();
        assert_eq!(lines(b""), Vec::<Vec<u8>>::new());
        assert_eq!(lines(b"a\n\nbc\n"), [&b"a"[..], b"", b"bc"]);
        assert_eq!(lines(b"a\nlast"), [&b"a"[..], b"last"]);
        assert_eq!(split(Framing::Terminated(0), b"x\ny\0z").unwrap(), [&b"x\ny"[..], b"z"]);
    }

    #[test]
    fn a_message_without_an_end_has_a_limit() {
        for end in [b'\n', 0] {
            let mut splitter = Splitter::new(Framing::Terminated(end), 4);
            splitter.push(&[b'a', end, b'b', b'b', b'b', b'b']);
            assert_eq!(splitter.next(false), Some(b"a".to_vec()));
            assert_eq!((splitter.next(false), splitter.check_length()), (None, Ok(())));
            splitter.push(b"b");
            assert_eq!(splitter.next(false), None);
            assert!(splitter.check_length().unwrap_err().contains("in 5 bytes"));
        }
        let mut splitter = Splitter::new(Framing::Length, 4);
        splitter.push(b"\0\0\0\x06abcde");
        assert_eq!((splitter.next(false), splitter.check_length()), (None, Ok(())));
    }

    #[test]
    fn lengths() {
        let messages = split(Framing::Length, b"\0\0\0\x02ab\0\0\0\0\0\0\0\x01\n");
        assert_eq!(messages.unwrap(), [&b"ab"[..], b"", b"\n"]);
        assert!(split(Framing::Length, b"\0\0\0\x02a").is_err());
        assert!(split(Framing::Length, b"\0\0").is_err());
    }
}
