//! A chunk is written again only when every range and message of it is gone, and after their last look.
use loom::thread;

use super::*;
use crate::Kind;

struct Seen(*mut Block);
// SAFETY: the models touch only the cell that loom watches.
unsafe impl Send for Seen {}

impl Seen {
    fn read(&self) {
        // SAFETY: the caller's message keeps the block alive.
        unsafe { (*self.0).used.with(|_| ()) };
    }

    fn write(&self) {
        // SAFETY: the caller's chunk keeps the block alive.
        unsafe { (*self.0).used.with_mut(|_| ()) };
    }
}

fn filled() -> (Chunk, usize) {
    let mut chunk = Chunk::with_capacity(256).unwrap();
    let mut bytes = Vec::new();
    record::append(&mut bytes, Kind::Message, false, &[1; 60]).unwrap();
    chunk.spare()[..bytes.len()].copy_from_slice(&bytes);
    chunk.fill(bytes.len());
    (chunk, bytes.len())
}

#[test]
fn a_rewind_waits_for_the_last_reference() {
    loom::model(|| {
        let (mut chunk, len) = filled();
        let mut range = chunk.hand_out(len);
        let seen = Seen(chunk.block);
        let reader = thread::spawn(move || {
            let seen = seen;
            let mut m = Msg::new();
            assert!(range.next(&mut m));
            drop(range);
            seen.read();
            drop(m);
        });
        let early = chunk.try_rewind();
        if early {
            Seen(chunk.block).write();
        }
        reader.join().unwrap();
        assert!(early || chunk.try_rewind());
    });
}

#[test]
fn whoever_is_last_frees_the_chunk() {
    loom::model(|| {
        let (mut chunk, len) = filled();
        let mut range = chunk.hand_out(len);
        let reader = thread::spawn(move || {
            let mut m = Msg::new();
            assert!(range.next(&mut m));
            drop(range);
            assert_eq!(m.as_slice(), [1; 60]);
        });
        drop(chunk);
        reader.join().unwrap();
    });
}
