//! Messages as a C program uses them.
use crate::*;
use ferrozmq_base::Msg;
use libc::{EFAULT, EINVAL, ENOMEM, c_int, c_void};
use std::{
    ffi::CStr,
    mem::MaybeUninit,
    ptr,
    sync::atomic::{AtomicUsize, Ordering},
};

/// 64 bytes as a C program declares them: whatever was there before.
fn memory(byte: u8) -> MaybeUninit<Msg> {
    let mut memory = MaybeUninit::<Msg>::uninit();
    // SAFETY: any bytes may lie in uninitialised memory.
    unsafe { memory.as_mut_ptr().write_bytes(byte, 1) };
    memory
}

#[track_caller]
fn fails(result: c_int, errno: c_int) {
    // SAFETY: no arguments.
    assert_eq!((result, unsafe { zmq_errno() }), (-1, errno));
}

/// Counts its calls in the `AtomicUsize` that the hint points to.
unsafe extern "C" fn count(_data: *mut c_void, hint: *mut c_void) {
    // SAFETY: the tests pass a counter that outlives the message.
    unsafe { &*hint.cast::<AtomicUsize>() }.fetch_add(1, Ordering::SeqCst);
}

fn hint(counter: &AtomicUsize) -> *mut c_void {
    ptr::from_ref(counter).cast_mut().cast()
}

#[test]
fn a_message_is_64_bytes() {
    assert_eq!((size_of::<Msg>(), align_of::<Msg>()), (64, 8));
}

#[test]
fn sizes_and_data() {
    for size in [0usize, 1, 33, 34, 48, 49, 1000, 1 << 20] {
        let mut m = memory(0xff);
        // SAFETY: the message is initialised first, its body written within its size.
        unsafe {
            assert_eq!(zmq_msg_init_size(m.as_mut_ptr(), size), 0);
            assert_eq!(zmq_msg_size(m.as_ptr()), size);
            let data = zmq_msg_data(m.as_mut_ptr());
            assert!(!data.is_null());
            data.write_bytes(7, size);
            assert_eq!((zmq_msg_more(m.as_ptr()), zmq_msg_get(m.as_ptr(), 3)), (0, 0));
            assert_eq!(zmq_msg_close(m.as_mut_ptr()), 0);
            fails(zmq_msg_close(m.as_mut_ptr()), EFAULT);
        }
    }
    let mut m = memory(0);
    // SAFETY: nothing is allocated.
    unsafe { fails(zmq_msg_init_size(m.as_mut_ptr(), usize::MAX), ENOMEM) };
    // SAFETY: as above.
    unsafe { fails(zmq_msg_init_size(m.as_mut_ptr(), isize::MAX as usize), ENOMEM) };
}

#[test]
fn what_is_no_message_is_refused() {
    for byte in [0u8, 0xff, 0x55] {
        let (mut bad, mut good) = (memory(byte), memory(0));
        let (bad, good) = (bad.as_mut_ptr(), good.as_mut_ptr());
        // SAFETY: memory of the size of a message, and NULL.
        unsafe {
            zmq_msg_init(good);
            for bad in [bad, ptr::null_mut()] {
                fails(zmq_msg_close(bad), EFAULT);
                fails(zmq_msg_copy(good, bad), EFAULT);
                fails(zmq_msg_copy(bad, good), EFAULT);
                fails(zmq_msg_move(good, bad), EFAULT);
                fails(zmq_msg_move(bad, good), EFAULT);
                assert_eq!((zmq_msg_data(bad), zmq_errno()), (ptr::null_mut(), EFAULT));
                assert_eq!((zmq_msg_size(bad), zmq_errno()), (0, EFAULT));
                assert_eq!((zmq_msg_gets(bad, c"Identity".as_ptr()), zmq_errno()), (ptr::null(), EFAULT));
            }
            fails(zmq_msg_init(ptr::null_mut()), EFAULT);
            fails(zmq_msg_init_size(ptr::null_mut(), 3), EFAULT);
            assert_eq!(zmq_msg_close(good), 0);
        }
    }
}

#[test]
fn a_bad_source_leaves_the_destination_alone() {
    let (mut dest, mut bad) = (memory(0), memory(0));
    // SAFETY: initialised before use; `bad` is zeroed on purpose.
    unsafe {
        zmq_msg_init_buffer(dest.as_mut_ptr(), c"abc".as_ptr().cast(), 3);
        fails(zmq_msg_copy(dest.as_mut_ptr(), bad.as_mut_ptr()), EFAULT);
        fails(zmq_msg_move(dest.as_mut_ptr(), bad.as_mut_ptr()), EFAULT);
        assert_eq!(zmq_msg_size(dest.as_ptr()), 3);
        zmq_msg_close(dest.as_mut_ptr());
    }
}

#[test]
fn init_buffer_copies() {
    let mut m = memory(0);
    // SAFETY: the sizes are those of the buffers.
    unsafe {
        let mut body = *b"0123456789012345678901234567890123456789012345678901234567890";
        assert_eq!(zmq_msg_init_buffer(m.as_mut_ptr(), body.as_ptr().cast(), body.len()), 0);
        body.fill(0);
        assert_eq!(*zmq_msg_data(m.as_mut_ptr()).cast::<u8>().add(60), b'0');
        zmq_msg_close(m.as_mut_ptr());
        assert_eq!(zmq_msg_init_buffer(m.as_mut_ptr(), ptr::null(), 0), 0);
        zmq_msg_close(m.as_mut_ptr());
        fails(zmq_msg_init_buffer(m.as_mut_ptr(), ptr::null(), 1), EFAULT);
    }
}

#[test]
fn the_callers_memory_is_used_in_place_and_freed_once() {
    for size in [0usize, 3, 33, 34, 5000] {
        let freed = AtomicUsize::new(0);
        let mut body = vec![b'x'; size.max(1)];
        let (mut m, mut copy) = (memory(0), memory(0));
        let (m, copy) = (m.as_mut_ptr(), copy.as_mut_ptr());
        // SAFETY: the body outlives both messages.
        unsafe {
            assert_eq!(zmq_msg_init_data(m, body.as_mut_ptr().cast(), size, Some(count), hint(&freed)), 0);
            assert_eq!((zmq_msg_size(m), zmq_msg_data(m)), (size, body.as_mut_ptr().cast()));
            assert_eq!(zmq_msg_get(m, 3), 0, "not shared yet");
            zmq_msg_init(copy);
            assert_eq!(zmq_msg_copy(copy, m), 0);
            assert_eq!(
                (zmq_msg_data(copy), zmq_msg_get(m, 3), zmq_msg_get(copy, 3)),
                (zmq_msg_data(m), 1, 1)
            );
            zmq_msg_close(copy);
            assert_eq!((freed.load(Ordering::SeqCst), zmq_msg_get(m, 3)), (0, 1), "shared for good");
            zmq_msg_close(m);
            assert_eq!(freed.load(Ordering::SeqCst), 1);
            fails(zmq_msg_close(m), EFAULT);
            assert_eq!(freed.load(Ordering::SeqCst), 1);
        }
    }
}

#[test]
fn constant_memory_counts_as_shared() {
    let mut m = memory(0);
    // SAFETY: the text is static.
    unsafe {
        zmq_msg_init_data(m.as_mut_ptr(), c"abc".as_ptr().cast_mut().cast(), 3, None, ptr::null_mut());
        assert_eq!(zmq_msg_get(m.as_ptr(), 3), 1);
        assert_eq!(zmq_msg_close(m.as_mut_ptr()), 0);
        fails(zmq_msg_init_data(m.as_mut_ptr(), ptr::null_mut(), 3, None, ptr::null_mut()), EFAULT);
        let freed = AtomicUsize::new(0);
        zmq_msg_init_data(m.as_mut_ptr(), ptr::null_mut(), 0, Some(count), hint(&freed));
        zmq_msg_close(m.as_mut_ptr());
        assert_eq!(freed.load(Ordering::SeqCst), 1, "also without data");
    }
}

#[test]
fn moves_and_small_copies() {
    let freed = AtomicUsize::new(0);
    let (mut a, mut b) = (memory(0), memory(0));
    let (a, b) = (a.as_mut_ptr(), b.as_mut_ptr());
    // SAFETY: both are initialised.
    unsafe {
        zmq_msg_init_data(a, c"old".as_ptr().cast_mut().cast(), 3, Some(count), hint(&freed));
        zmq_msg_init_buffer(b, c"new!".as_ptr().cast(), 4);
        assert_eq!(zmq_msg_move(a, b), 0);
        assert_eq!((zmq_msg_size(a), zmq_msg_size(b), freed.load(Ordering::SeqCst)), (4, 0, 1));
        assert_eq!(zmq_msg_copy(b, a), 0);
        assert_ne!(zmq_msg_data(a), zmq_msg_data(b));
        assert_eq!(
            (zmq_msg_get(a, 3), zmq_msg_get(b, 3)),
            (0, 0),
            "duplicates of small bodies are not shared"
        );
        assert_eq!(zmq_msg_copy(a, a), 0);
        assert_eq!(zmq_msg_size(a), 4);
        assert_eq!(zmq_msg_move(a, a), 0);
        assert_eq!(zmq_msg_size(a), 0);
        zmq_msg_close(a);
        zmq_msg_close(b);
    }
}

#[test]
fn a_message_may_be_moved_by_memcpy() {
    let mut a = memory(0);
    // SAFETY: only one of the two copies is used afterwards.
    unsafe {
        zmq_msg_init_buffer(a.as_mut_ptr(), c"inline".as_ptr().cast(), 6);
        let mut b = memory(0);
        ptr::copy_nonoverlapping(a.as_ptr(), b.as_mut_ptr(), 1);
        let data = zmq_msg_data(b.as_mut_ptr()) as usize;
        assert_eq!(data - b.as_ptr() as usize, 8);
        assert_eq!(zmq_msg_close(b.as_mut_ptr()), 0);
    }
}

#[test]
fn properties() {
    let mut m = memory(0);
    let m = m.as_mut_ptr();
    // SAFETY: the message is initialised first.
    unsafe {
        zmq_msg_init(m);
        for property in [0, 2, 4, -1] {
            fails(zmq_msg_get(m, property), EINVAL);
        }
        fails(zmq_msg_set(m, 1, 1), EINVAL);
        for name in [c"Identity", c"Socket-Type", c"nothing", c""] {
            assert_eq!((zmq_msg_gets(m, name.as_ptr()), zmq_errno()), (ptr::null(), EINVAL));
        }
        assert_eq!((zmq_msg_gets(m, ptr::null()), zmq_errno()), (ptr::null(), EINVAL));
        fails(zmq_msg_set_routing_id(m, 0), EINVAL);
        assert_eq!((zmq_msg_routing_id(m), zmq_msg_set_routing_id(m, 9), zmq_msg_routing_id(m)), (0, 0, 9));
        assert_eq!(CStr::from_ptr(zmq_msg_group(m)), c"");
        zmq_msg_close(m);
        assert_eq!(zmq_msg_more(m), 0, "safe on a closed message");
    }
}
