//! The inbox in one thread: frames come out in the order in which they were published, and nothing else does.

use std::collections::VecDeque;

use ferrozmq_base::{Kind, Msg, chunk::Chunk, inbox, record};

use crate::source::Source;

type Frame = (Vec<u8>, bool);

pub(crate) fn target(data: &[u8]) {
    let mut source = Source::new(data);
    let hwm = u32::from(source.byte()) % 8;
    let (mut writer, mut reader) = inbox::inbox(hwm);
    let (mut unpublished, mut published): (Vec<Frame>, VecDeque<Frame>) = Default::default();
    // Whether the writer was refused since the reader last woke it.
    let mut waits = false;
    while !source.is_empty() {
        match source.below(8) {
            0 => {
                let frames: Vec<Frame> =
                    (0..=source.below(4)).map(|_| (source.body(), source.flag())).collect();
                let mut bytes = Vec::new();
                for (body, more) in &frames {
                    record::append(&mut bytes, Kind::Message, *more, body).expect("memory");
                }
                let mut chunk = Chunk::with_capacity(bytes.len()).expect("memory");
                chunk.spare()[..bytes.len()].copy_from_slice(&bytes);
                chunk.fill(bytes.len());
                writer.push_range(chunk.hand_out(bytes.len()), None).expect("memory");
                unpublished.extend(frames);
            }
            1 => {
                let (body, more) = (source.body(), source.flag());
                let mut message = Msg::copy_from(&body).expect("memory");
                message.set_more(more);
                writer.push_frame(&mut message, None).expect("memory");
                assert!(message.is_empty());
                unpublished.push((body, more));
            }
            2 | 3 => {
                let messages = unpublished.iter().filter(|frame| !frame.1).count();
                writer.publish(messages as u32);
                published.extend(unpublished.drain(..));
            }
            4 => {
                writer.rollback();
                unpublished.clear();
            }
            5 => {
                let room = writer.room();
                let whole = published.iter().filter(|frame| !frame.1).count() as u32;
                assert!(room || whole > 0 || waits || writer.messages_queued() >= writer.hwm());
                assert!(!room || writer.hwm() == 0 || whole < writer.hwm().max(hwm), "room above the mark");
                waits = !room;
            }
            6 => assert_eq!(reader.has(), !published.is_empty()),
            _ => {
                for _ in 0..source.below(8) {
                    let mut message = Msg::new();
                    let got = reader.get(&mut message);
                    assert_eq!(
                        got.frame.then(|| (message.as_slice().to_vec(), message.more())),
                        published.pop_front()
                    );
                    if got.wake {
                        // What was published after the refusal may still be in the way.
                        waits = !writer.room();
                    }
                }
            }
        }
        assert!(writer.messages_queued() as usize >= published.iter().filter(|frame| !frame.1).count());
    }
    // Whoever was refused is told at the latest when nothing is left; a word too many does no harm.
    let mut message = Msg::new();
    loop {
        let got = reader.get(&mut message);
        waits &= !got.wake;
        if !got.frame {
            break;
        }
        assert_eq!(Some((message.as_slice().to_vec(), message.more())), published.pop_front());
    }
    assert!(published.is_empty(), "{} frames are lost", published.len());
    assert!(!waits, "the writer waits for ever");
    drop(writer);
    assert!(reader.ended());
}
