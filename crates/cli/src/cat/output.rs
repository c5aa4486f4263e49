//! How messages are written to standard output.

use std::io::{self, BufWriter, Write};

use ferrozmq::{Message, RoutingId};

use crate::{
    args::{Cat, Format},
    cat::input::Framing,
    failure::Failure,
};

pub(crate) struct Output<W: Write = io::Stdout> {
    to: BufWriter<W>,
    format: Format,
    framing: Framing,
    separator: Vec<u8>,
}

impl Output {
    pub(crate) fn stdout(cat: &Cat) -> Self {
        let separator = cat.common.multipart.as_ref().map_or_else(|| b"\t".to_vec(), |s| s.0.clone());
        Self { to: BufWriter::new(io::stdout()), format: cat.format, framing: Framing::of(cat), separator }
    }
}

impl<W: Write> Output<W> {
    pub(crate) fn write(&mut self, parts: &[Message]) -> Result<(), Failure> {
        self.try_write(parts).map_err(|e| Failure::output(&e))
    }

    /// Everything written so far is there for the reader.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.to.flush().map_err(|e| Failure::output(&e))
    }

    fn try_write(&mut self, parts: &[Message]) -> io::Result<()> {
        if let ([only], Framing::Terminated(end), Format::Line) = (parts, self.framing, self.format) {
            self.to.write_all(only)?;
            return self.to.write_all(&[end]);
        }
        let text = match self.format {
            Format::Raw | Format::Line => parts.join(&self.separator[..]),
            Format::Hex => parts.iter().map(|part| hex(part)).collect::<Vec<_>>().join(" ").into_bytes(),
            Format::Json => json(parts).into_bytes(),
        };
        match self.framing {
            Framing::Length => {
                let length = u32::try_from(text.len())
                    .map_err(|_| io::Error::other("a message is too long for --length"))?;
                self.to.write_all(&length.to_be_bytes())?;
                self.to.write_all(&text)
            }
            Framing::Terminated(b'\n') if self.format == Format::Raw => self.to.write_all(&text),
            Framing::Terminated(end) => {
                self.to.write_all(&text)?;
                self.to.write_all(&[end])
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn json(parts: &[Message]) -> String {
    let values: Vec<_> = parts
        .iter()
        .map(|part| match part.as_str() {
            Ok(text) => quoted(text),
            Err(_) => format!("{{\"hex\":\"{}\"}}", hex(part)),
        })
        .collect();
    format!("[{}]", values.join(","))
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c < ' ' || c == '\x7f' => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A peer's name as text: `0x…` where it is not printable.
pub(crate) fn written_id(id: &Message) -> Message {
    // One that looks like digits is written in digits.
    if id.starts_with(b"0x") {
        format!("0x{}", hex(id)).into()
    } else {
        RoutingId::from(id).to_string().into()
    }
}

/// The name that [`written_id`] wrote.
pub(crate) fn read_id(text: &[u8]) -> Message {
    let digits = text.strip_prefix(b"0x").and_then(|digits| std::str::from_utf8(digits).ok());
    let bytes = digits
        .filter(|digits| !digits.is_empty() && digits.is_ascii() && digits.len().is_multiple_of(2))
        .and_then(|digits| {
            let pairs = (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16));
            pairs.collect::<Result<Vec<_>, _>>().ok()
        });
    bytes.map_or_else(|| text.into(), Message::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, framing: Framing, messages: &[&[&[u8]]]) -> Vec<u8> {
        let mut output = Output { to: BufWriter::new(Vec::new()), format, framing, separator: b"|".to_vec() };
        for message in messages {
            let parts: Vec<Message> = message.iter().map(|part| Message::from(*part)).collect();
            output.write(&parts).unwrap();
        }
        output.to.into_inner().unwrap()
    }

    #[test]
    fn every_format_with_every_framing() {
        let messages: &[&[&[u8]]] = &[&[b"a\"\n"], &[b"\xff", b"b"]];
        let newline = |format| written(format, Framing::Terminated(b'\n'), messages);
        assert_eq!(newline(Format::Raw), b"a\"\n\xff|b");
        assert_eq!(newline(Format::Line), b"a\"\n\n\xff|b\n");
        assert_eq!(newline(Format::Hex), b"61220a\nff 62\n");
        assert_eq!(newline(Format::Json), b"[\"a\\\"\\n\"]\n[{\"hex\":\"ff\"},\"b\"]\n");
        assert_eq!(written(Format::Raw, Framing::Terminated(0), messages), b"a\"\n\0\xff|b\0");
        assert_eq!(written(Format::Line, Framing::Length, messages), b"\0\0\0\x03a\"\n\0\0\0\x03\xff|b");
    }

    #[test]
    fn names_of_peers_survive_being_written() {
        for id in [&b"worker-1"[..], &[0, 1, 0xfe], b"0x", b"0xyz"] {
            let name = Message::from(id);
            assert_eq!(read_id(&written_id(&name)), name);
        }
    }
}
