//! What a user sees of a message.
use std::{
    ffi::c_void,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::*;

/// Counts calls in the `AtomicUsize` that `hint` points to.
unsafe extern "C" fn count(_data: *mut c_void, hint: *mut c_void) {
    // SAFETY: every test here passes a counter that outlives the message.
    unsafe { (*hint.cast::<AtomicUsize>()).fetch_add(1, Ordering::SeqCst) };
}

fn counted(bytes: &mut [u8], calls: &AtomicUsize) -> Msg {
    let hint = ptr::from_ref(calls).cast_mut().cast();
    // SAFETY: the callers keep bytes and counter alive.
    unsafe { Msg::foreign(bytes.as_mut_ptr().cast(), bytes.len(), Some(count), hint) }.unwrap()
}

#[test]
fn copies_of_every_length_hold_the_bytes() {
    let bytes: Vec<u8> = (0..9000).map(|i| (i * 7) as u8).collect();
    for len in (0..200).chain([255, 256, 1000, 1024, 1025, 4096, 4097, 9000]) {
        let m = Msg::copy_from(&bytes[..len]).unwrap();
        assert_eq!(m.as_slice(), &bytes[..len]);
        assert_eq!((m.len(), m.is_empty(), m.more(), m.is_shared()), (len, len == 0, false, false));
        assert_eq!(m.share().into_vec().unwrap(), &bytes[..len]);
        assert_eq!(m.into_bytes(), &bytes[..len]);
        assert_eq!(Msg::from_vec(bytes[..len].to_vec()).as_slice(), &bytes[..len]);
        let shared = Bytes::copy_from_slice(&bytes[..len]);
        assert_eq!(Msg::from_bytes(shared).as_slice(), &bytes[..len]);
    }
}

#[test]
fn only_what_runs_code_of_others_when_it_goes_is_not_plain() {
    let calls = AtomicUsize::new(0);
    let mut bytes = [1; 60];
    let plain = [Msg::new(), Msg::copy_from(&[1; 48]).unwrap(), Msg::copy_from(&[1; 100]).unwrap()];
    assert!(plain.iter().all(Msg::is_plain));
    assert!(plain[2].share().is_plain() && Msg::from_static(&[1; 100]).is_plain());
    let owner = Bytes::from_owner(vec![1; 100]);
    let mut closed = Msg::new();
    closed.invalidate();
    for m in [counted(&mut bytes, &calls), Msg::from_bytes(owner), closed] {
        assert!(!m.is_plain(), "{m:?}");
    }
}

#[test]
fn assigning_replaces_everything() {
    let calls = AtomicUsize::new(0);
    let mut bytes = [1; 60];
    let mut m = counted(&mut bytes, &calls);
    m.set_more(true);
    m.set_routing_id(4);
    m.assign(b"new").unwrap();
    assert_eq!((m.as_slice(), m.more(), m.routing_id()), (&b"new"[..], false, 0));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    m.assign(&[2; 60]).unwrap();
    assert_eq!(m.as_slice(), [2; 60]);
}

#[test]
fn bodies_of_every_length_are_copied_into_whatever_room_there_is() {
    let bytes: Vec<u8> = (1..=60).collect();
    for len in 0..=60 {
        let m = Msg::copy_from(&bytes[..len]).unwrap();
        assert_eq!(m.as_slice(), &bytes[..len]);
        for room in 0..=60 {
            let mut copy = [0xee; 61];
            // SAFETY: there is so much room.
            unsafe { m.copy_body(copy.as_mut_ptr(), room) };
            let count = len.min(room);
            assert_eq!(copy[..count], bytes[..count]);
            assert!(copy[count..].iter().all(|&b| b == 0xee));
        }
    }
}

#[test]
fn sized_messages_are_zero_and_writable() {
    for len in [0, 1, 48, 49, 4096, 4097, 100_000] {
        drop(Msg::from_vec(vec![0xff; 64]));
        let mut m = Msg::with_size(len).unwrap();
        assert!(m.as_slice().iter().all(|&b| b == 0));
        m.as_mut_slice().unwrap().fill(9);
        assert_eq!(m.as_slice(), vec![9; len]);
    }
}

#[test]
fn absurd_sizes_are_out_of_memory() {
    for size in [usize::MAX, usize::MAX - 16, isize::MAX as usize, 1 << 62] {
        assert_eq!(Msg::with_size(size).unwrap_err(), OutOfMemory);
        // SAFETY: nothing is read.
        assert_eq!(unsafe { Msg::init_size_uninit(&mut Msg::new(), size) }.unwrap_err(), OutOfMemory);
    }
}

#[test]
fn an_empty_message_has_a_data_pointer() {
    assert!(!Msg::new().data_ptr().is_null());
    // SAFETY: no bytes.
    let mut m = unsafe { Msg::foreign(ptr::null_mut(), 0, None, ptr::null_mut()) }.unwrap();
    assert!(!m.data_ptr().is_null());
    assert!(m.is_empty());
}

#[test]
fn a_closed_message_is_seen() {
    for mut m in [Msg::new(), Msg::copy_from(b"x").unwrap(), Msg::with_size(100).unwrap()] {
        assert!(m.is_valid());
        m.set_more(true);
        m.invalidate();
        assert!(!m.is_valid());
        assert!(m.more(), "MORE can be read after close");
        // SAFETY: a byte of the header.
        assert_eq!(unsafe { *ptr::from_ref(&m).cast::<u8>() }, 0);
    }
}

#[test]
fn messages_may_be_relocated() {
    for m in [Msg::copy_from(b"inline").unwrap(), Msg::copy_from(&[1; 100]).unwrap()] {
        let expected = m.as_slice().to_vec();
        let mut bytes = [0u64; 8];
        let m = ManuallyDrop::new(m);
        // SAFETY: only the copy is used afterwards.
        unsafe {
            ptr::copy_nonoverlapping(ptr::from_ref(&*m).cast(), bytes.as_mut_ptr(), 8);
            let moved: Msg = ptr::read(bytes.as_ptr().cast());
            assert_eq!(moved.as_slice(), expected);
        }
    }
}

#[test]
fn foreign_memory_is_never_copied_and_freed_once() {
    for len in [0, 3, 48, 5000] {
        let calls = AtomicUsize::new(0);
        let mut bytes = vec![5; len];
        let at = bytes.as_mut_ptr();
        let mut m = counted(&mut bytes, &calls);
        assert_eq!(m.data_ptr(), at);
        assert!(!m.is_shared());
        let mut moved = m.take();
        assert!(m.is_empty() && m.is_valid());
        let mut copy = moved.share();
        assert_eq!(copy.data_ptr(), at);
        assert!(moved.is_shared() && copy.is_shared());
        moved.invalidate();
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        assert!(copy.is_shared(), "the flag stays");
        std::thread::scope(|s| s.spawn(move || drop(copy)).join()).unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}

/// A free function may use messages itself.
#[test]
fn the_free_function_may_make_and_drop_messages() {
    unsafe extern "C" fn free(data: *mut c_void, hint: *mut c_void) {
        drop(Msg::copy_from(&[1; 100]).unwrap().share());
        // SAFETY: the test passes a boxed message and a counter.
        unsafe {
            drop(Box::from_raw(data.cast::<Msg>()));
            count(data, hint);
        }
    }
    let calls = AtomicUsize::new(0);
    let hint = ptr::from_ref(&calls).cast_mut().cast();
    let inner = Box::into_raw(Box::new(Msg::copy_from(&[2; 100]).unwrap()));
    // SAFETY: a message is 64 readable bytes; the counter lives.
    let mut m = unsafe { Msg::foreign(inner.cast(), 0, Some(free), hint) }.unwrap();
    m.clear();
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn the_free_function_runs_for_null_data() {
    let calls = AtomicUsize::new(0);
    let hint = ptr::from_ref(&calls).cast_mut().cast();
    // SAFETY: no bytes; the counter lives.
    drop(unsafe { Msg::foreign(ptr::null_mut(), 0, Some(count), hint) }.unwrap());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn constant_memory_is_shared_from_the_start() {
    static BYTES: [u8; 3] = *b"abc";
    let mut m = Msg::from_static(&BYTES);
    assert_eq!(m.data_ptr().cast_const(), BYTES.as_ptr());
    assert!(m.is_shared());
    assert!(m.as_mut_slice().is_none());
    let data = BYTES.as_ptr().cast_mut().cast();
    // SAFETY: static bytes, never written.
    let mut m = unsafe { Msg::foreign(data, 3, None, ptr::null_mut()) }.unwrap();
    assert!(m.is_shared() && m.share().is_shared());
    assert!(m.as_mut_slice().is_none());
}

#[test]
fn a_copy_shares_large_bodies_and_duplicates_small_ones() {
    let mut m = Msg::copy_from(&[7; 100]).unwrap();
    let mut copy = m.share();
    assert_eq!(m.data_ptr(), copy.data_ptr());
    assert!(m.is_shared() && copy.is_shared());
    assert!(m.as_mut_slice().is_none());
    drop(copy);
    assert!(m.is_shared());
    m.as_mut_slice().unwrap()[0] = 1;

    let mut m = Msg::copy_from(b"small").unwrap();
    let mut copy = m.share();
    assert!(!m.is_shared() && !copy.is_shared());
    copy.as_mut_slice().unwrap()[0] = b'S';
    assert_eq!((m.as_slice(), copy.as_slice()), (&b"small"[..], &b"Small"[..]));
    m.clear();
    assert!(m.is_empty());
}

#[test]
fn a_copy_has_the_whole_header() {
    let mut m = Msg::command(Kind::Join, b"group").unwrap();
    m.set_more(true);
    m.set_routing_id(77);
    m.set_peer(Some(PeerRef { slot: 3, generation: 4 }));
    let copy = m.share();
    assert_eq!((copy.kind(), copy.more(), copy.routing_id()), (Kind::Join, true, 77));
    assert_eq!(copy.peer(), Some(PeerRef { slot: 3, generation: 4 }));
    m.set_kind(Kind::Message);
    assert_eq!((m.kind(), m.more()), (Kind::Message, true));
    m.clear();
    assert_eq!((m.more(), m.routing_id(), m.peer()), (false, 0, None));
}

#[test]
fn a_group_is_beside_the_body_and_the_peer() {
    for body in [&b""[..], b"small", &[7; 48], &[7; 500]] {
        let mut m = Msg::copy_from(body).unwrap();
        let at = m.data_ptr();
        let peer = Some(PeerRef { slot: 3, generation: 4 });
        m.set_peer(peer);
        assert_eq!((m.group(), m.group_text()), (&b""[..], c""));
        m.set_group(b"news");
        m.set_group(b"weather");
        assert_eq!((m.data_ptr(), m.as_slice(), m.peer()), (at, body, peer));
        let mut copy = m.share();
        copy.set_peer(None);
        assert_eq!((copy.group(), copy.peer()), (&b"weather"[..], None));
        assert_eq!((m.group_text(), m.peer()), (c"weather", peer));
        let mut moved = m.take();
        assert_eq!((m.group(), moved.group()), (&b""[..], &b"weather"[..]));
        moved.clear_group();
        assert_eq!((moved.group(), moved.peer(), moved.as_slice()), (&b""[..], peer, body));
        copy.invalidate();
    }
    let mut m = Msg::new();
    m.set_group(&[b'g'; 300]);
    assert_eq!(m.group(), [b'g'; 255]);
    m.assign(b"another").unwrap();
    assert_eq!(m.group(), b"");
}

#[test]
fn a_group_keeps_the_properties_that_were_looked_up() {
    let mut properties = Properties::new();
    properties.insert("User-Id", "alice").unwrap();
    let peer = PeerTable::register(properties);
    let mut m = Msg::new();
    m.set_peer(Some(peer));
    let text = std::ptr::from_ref(m.properties().and_then(|p| p.text("User-Id")).unwrap());
    m.set_group(b"a");
    m.set_group(b"b");
    let again = m.properties().and_then(|p| p.text("User-Id")).unwrap();
    assert!(std::ptr::eq(again, text));
}

#[test]
fn vectors_and_bytes_travel_without_a_copy() {
    let vec = vec![1; 100];
    let at = vec.as_ptr();
    let back = Msg::from_vec(vec).into_vec().unwrap();
    assert_eq!((back.as_ptr(), back.len()), (at, 100));

    let m = Msg::from_vec(back);
    let copy = m.share();
    let copied = m.into_vec().unwrap();
    assert_ne!(copied.as_ptr(), at, "somebody else holds it");
    let back = copy.into_vec().unwrap();
    assert_eq!(back.as_ptr(), at);

    let bytes = Bytes::from(vec![2; 100]);
    let mut m = Msg::from_bytes(bytes.clone());
    assert!(m.as_mut_slice().is_none(), "the caller still sees these bytes");
    assert_eq!(m.into_bytes().as_ptr(), bytes.as_ptr());

    let mut m = Msg::copy_from(&[3; 100]).unwrap();
    let at = m.data_ptr().cast_const();
    let bytes = m.into_bytes();
    assert_eq!((bytes.as_ptr(), &bytes[..]), (at, &[3; 100][..]));
}

#[test]
fn content_leaves_and_enters_messages() {
    let mut m = Msg::copy_from(&[4; 200]).unwrap();
    let content = m.take_content().unwrap();
    assert!(m.is_empty());
    let again = Msg::from_content(content);
    assert!(!again.is_shared());
    let shared = again.content().unwrap();
    assert!(again.is_shared());
    assert!(Msg::from_content(shared).is_shared());
    assert!(Msg::copy_from(b"inline").unwrap().take_content().is_none());
}

#[test]
fn counts_saturate_instead_of_overflowing() {
    let calls = AtomicUsize::new(0);
    let mut bytes = [0; 100];
    let m = counted(&mut bytes, &calls);
    // SAFETY: a live block; the count is put right again below.
    let block = unsafe { (*m.body.content).block() };
    // SAFETY: as above.
    let rc = unsafe { &(*block).rc };
    rc.store(u32::MAX, Ordering::Relaxed);
    for _ in 0..3 {
        drop(m.share());
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    rc.store(1, Ordering::Relaxed);
    drop(m);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn properties_live_as_long_as_the_message() {
    let mut p = Properties::new();
    p.insert("Socket-Type", "DEALER").unwrap();
    p.set_fd(5).unwrap();
    let peer = PeerTable::register(p);
    let mut m = Msg::copy_from(b"x").unwrap();
    assert!(m.properties().is_none());
    m.set_peer(Some(peer));
    let late = m.share();
    let text = m.properties().unwrap().text("Socket-Type").unwrap();
    assert_eq!(text, c"DEALER");
    PeerTable::release(peer);
    for _ in 0..=crate::peer::LINGERING {
        PeerTable::release(PeerTable::register(Properties::new()));
    }
    assert_eq!(text, c"DEALER");
    assert_eq!(m.peer(), Some(peer));
    assert!(late.properties().is_none(), "expired before it was asked for");
    let copy = m.share();
    drop(m);
    assert_eq!(copy.properties().unwrap().fd, Some(5));
    let mut moved = copy;
    moved.set_peer(None);
    assert!(moved.properties().is_none());
}

#[test]
fn debug_prints_size_and_a_preview() {
    let mut m = Msg::copy_from(b"hello\n").unwrap();
    m.set_more(true);
    assert_eq!(format!("{m:?}"), "Msg(6 bytes, \"hello\\n\", more)");
    let long = Msg::copy_from(&[b'a'; 100]).unwrap();
    assert_eq!(format!("{long:?}"), format!("Msg(100 bytes, \"{}\"…)", "a".repeat(32)));
    m.invalidate();
    assert_eq!(format!("{m:?}"), "Msg(closed)");
}
