//! The outbound log in one thread: the bytes come out as they were published, however they are written, whatever is
//! rolled back and whenever the connection is lost, and every message is accounted for.

use std::{collections::VecDeque, io::IoSlice, sync::Arc};

use ferrozmq_base::{
    Kind, Msg,
    link::{Dropped, Link},
    log::{self, SLICES},
    promise::Promise,
    record,
};

use crate::source::Source;

#[derive(Clone, Debug)]
struct Record {
    bytes: Vec<u8>,
    more: bool,
}

#[derive(Debug, Default)]
struct Model {
    unpublished: Vec<Record>,
    published: VecDeque<Record>,
    /// Records published so far, and messages.
    records: usize,
    messages: u64,
    /// Of the first record: bytes that are written; and whether it continues a message of which some was written.
    offset: usize,
    inside: bool,
    /// Records before this one are to be dropped; as soon as the next look may be sure to do so.
    mark: Option<usize>,
    must_restart: bool,
}

impl Model {
    fn publish(&mut self) {
        self.records += self.unpublished.len();
        self.messages += self.unpublished.iter().filter(|record| !record.more).count() as u64;
        self.published.extend(self.unpublished.drain(..));
    }

    fn written(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let record = self.published.front().expect("more bytes than were published");
            assert_eq!(record.bytes[self.offset], *byte);
            self.offset += 1;
            if self.offset == record.bytes.len() {
                self.inside = record.more;
                self.offset = 0;
                self.published.pop_front();
            }
        }
    }

    fn at_message(&self) -> bool {
        self.offset == 0 && !self.inside
    }

    fn restarted(&mut self, applied: bool) {
        if applied {
            assert!(self.at_message(), "a restart within a message");
            let mark = self.mark.take().expect("a restart that nobody asked for");
            let passed = self.records - self.published.len();
            self.published.drain(..mark.saturating_sub(passed));
        }
        assert!(
            applied || !self.must_restart || self.mark.is_none(),
            "no restart after the connection was lost"
        );
        self.must_restart = false;
    }

    fn lose(&mut self) -> bool {
        let cut = !self.at_message();
        while !self.at_message() {
            self.offset = 0;
            self.inside = self.published.pop_front().expect("whole messages").more;
        }
        self.must_restart = true;
        cut
    }
}

pub(crate) fn target(data: &[u8]) {
    let mut source = Source::new(data);
    let hwm = u32::from(source.byte()) % 16;
    let (mut writer, mut reader) = log::log(Arc::new(Link::new(Promise::idle())), hwm);
    let mut model = Model::default();
    while !source.is_empty() {
        match source.below(16) {
            0..=3 => put(&mut writer, &mut model, &mut source),
            4 | 5 if model.unpublished.last().is_none_or(|record| !record.more) => {
                writer.publish();
                model.publish();
            }
            6 => {
                writer.rollback();
                model.unpublished.clear();
            }
            7 => {
                writer.restart();
                model.unpublished.clear();
                model.mark = Some(model.records);
            }
            8 | 9 => {
                let limit = source.word();
                write(&mut reader, &mut model, u64::from(limit));
            }
            10 | 11 if model.offset == 0 => consume(&mut reader, &mut model),
            12 => assert_eq!(reader.connection_lost().cut, model.lose()),
            13 => {
                let released = reader.release_idle();
                model.restarted(reader.restarted());
                assert!(!released || model.published.is_empty());
            }
            14 if source.flag() => {
                let whole = model.published.iter().filter(|record| !record.more).count() as u64;
                assert!(reader.discard() >= whole);
                model.published.clear();
                (model.offset, model.inside) = (0, false);
            }
            15 => {
                let hwm = u32::from(source.byte()) % 16;
                writer.set_hwm(hwm);
            }
            _ => {
                let whole = model.published.iter().filter(|record| !record.more).count();
                assert!(reader.queued() as usize >= whole);
                if !writer.room() {
                    assert_ne!(writer.link().head(), writer.link().published(), "drained, but no room");
                }
            }
        }
    }
    finish(writer, reader, model);
}

fn put(writer: &mut log::Writer, model: &mut Model, source: &mut Source<'_>) {
    let (body, more) = (source.body(), source.flag());
    let mut bytes = Vec::new();
    record::append(&mut bytes, Kind::Message, more, &body).expect("memory");
    let mut message = Msg::copy_from(&body).expect("memory");
    if source.flag() {
        writer.put_copy(&message, more).expect("memory");
        assert_eq!(message.as_slice(), body);
    } else {
        writer.put(&mut message, more).expect("memory");
        assert!(message.is_empty());
    }
    model.unpublished.push(Record { bytes, more });
}

fn write(reader: &mut log::Reader, model: &mut Model, limit: u64) {
    let pending = reader.pending();
    model.restarted(reader.restarted());
    assert_eq!(pending, !model.published.is_empty());
    let mut slices = [IoSlice::new(&[]); SLICES];
    let n = reader.slices(&mut slices, limit);
    let bytes: Vec<u8> = slices[..n].iter().flat_map(|slice| slice.iter().copied()).collect();
    assert!(bytes.len() as u64 <= limit);
    assert!(!pending || limit == 0 || !bytes.is_empty(), "pending, but nothing to write");
    reader.advance(bytes.len());
    model.written(&bytes);
    let rest = model.published.front().filter(|_| model.offset > 0);
    assert_eq!(
        reader.bytes_to_boundary(),
        rest.map_or(0, |record| (record.bytes.len() - model.offset) as u64)
    );
}

fn consume(reader: &mut log::Reader, model: &mut Model) {
    let found = reader.next_record().map(|record| {
        let mut bytes = Vec::new();
        ferrozmq_base::record::append(&mut bytes, record.kind, record.more, record.body).expect("memory");
        bytes
    });
    model.restarted(reader.restarted());
    assert_eq!(found.as_ref(), model.published.front().map(|record| &record.bytes));
    if let Some(bytes) = found {
        reader.consume();
        model.written(&bytes);
    }
}

fn finish(writer: log::Writer, mut reader: log::Reader, mut model: Model) {
    let link = Arc::clone(writer.link());
    drop(writer);
    model.unpublished.clear();
    // Twice: a mark may be seen only once everything before the last look is written.
    while reader.pending() || !model.published.is_empty() {
        write(&mut reader, &mut model, 5000);
    }
    assert!(reader.ended());
    let dropped: u64 = [Dropped::Cut, Dropped::PeerGone, Dropped::Restarted]
        .iter()
        .map(|why| link.sent.dropped(*why).count())
        .sum();
    assert_eq!(link.sent.messages.count() + dropped, model.messages, "messages without account");
}
