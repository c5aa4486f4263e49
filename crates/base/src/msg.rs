//! A message frame: 64 bytes, the layout of `zmq_msg_t`.
//!
//! ```text
//!  0  the head: tag u8, flags u8, inline length u8, pad u8, routing id u32 (on a little-endian machine)
//!  8  the body, up to 48 bytes  |  Content: block, first byte, length (24 bytes)
//! 56  the peer: a weak PeerRef, or after a lookup a counted pointer to its properties; or the group, with the peer
//! ```
//!
//! The head is one word, and is written and read as one wherever a message is made or moved: a processor passes on what
//! was just written only to a read that is not wider, else the read waits until the bytes are in the cache, and before them
//! all that was written earlier. For the same reason short bodies are moved as two words, and contents as three.
//!
//! Invariants: no field points into the struct, so that it may be moved with `memcpy`. The tag is `INLINE` or
//! `CONTENT` in a live message; 0 marks a closed one (and zeroed memory), which owns nothing. Without the
//! SHARED flag nobody else reads or writes the bytes of the body, unless they are constant or a `Bytes`.
//!
//! With a group (RADIO, DISH; up to 255 bytes) the last word points to a counted record of group and peer: the body
//! stays where it is, so that a pointer to it outlives the setting of a group.
use std::{
    array,
    cell::Cell,
    ffi::c_void,
    fmt,
    mem::{self, ManuallyDrop, MaybeUninit},
    ptr, slice,
    sync::Arc,
};

use bytes::Bytes;

use crate::{
    OutOfMemory,
    content::{Content, FreeFn},
    peer::{PeerRef, PeerTable, Properties},
    record,
};

mod group;
pub(crate) mod packed;
use group::Grouped;

/// What a frame is. Anything but `Message` travels as a command, or by the old protocols as a prefixed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A frame of the application.
    Message = 0,
    /// Subscribe to the topic in the body.
    Subscribe = 1,
    /// Take back one subscription.
    Cancel = 2,
    /// Join the group in the body.
    Join = 3,
    /// Leave it.
    Leave = 4,
}

const INLINE: u8 = 101;
/// Differs from INLINE in this bit and another.
const CONTENT: u8 = 102;
const CONTENT_BIT: u8 = 2;
const _: () = assert!(INLINE & CONTENT_BIT == 0 && CONTENT & CONTENT_BIT != 0);

/// More frames of the message follow. The bit of a record's flags.
const MORE: u8 = record::MORE;
/// The body may be held by somebody else.
const SHARED: u8 = 1 << 1;
/// The peer is a counted pointer to its properties.
const META_STRONG: u8 = 1 << 2;
/// The peer is a counted pointer to a group and the peer. Never together with META_STRONG.
const GROUPED: u8 = 1 << 3;

/// A message frame.
#[repr(C, align(8))]
pub struct Msg {
    head: Cell<Head>,
    body: Body,
    peer: Cell<Peer>,
}

/// Tag, flags, inline length and routing id, from the low end.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Head(u64);

impl Head {
    /// Of an empty message.
    const EMPTY: Self = Self(INLINE as u64);
    /// Of a message with a content: as an inline length it is longer than any.
    const CONTENT: Self = Self(CONTENT as u64 | 0xff << 16);
    /// Any of these: the message owns something.
    const OWNS: u64 = CONTENT_BIT as u64 | ((META_STRONG | GROUPED) as u64) << 8;

    /// Of a message with an inline body.
    #[inline(always)]
    const fn inline(len: usize) -> Self {
        Self(INLINE as u64 | (len as u64) << 16)
    }

    #[inline(always)]
    const fn is_inline_up_to(self, len: u8) -> bool {
        self.inline_len() <= len as usize
    }

    #[inline(always)]
    const fn tag(self) -> u8 {
        self.0 as u8
    }

    #[inline(always)]
    const fn flags(self) -> u8 {
        (self.0 >> 8) as u8
    }

    #[inline(always)]
    const fn with_flags(self, flags: u8) -> Self {
        Self(self.0 & !0xff00 | (flags as u64) << 8)
    }

    #[inline(always)]
    const fn inline_len(self) -> usize {
        (self.0 >> 16) as u8 as usize
    }

    const fn routing_id(self) -> u32 {
        (self.0 >> 32) as u32
    }

    const fn with_routing_id(self, id: u32) -> Self {
        Self(self.0 as u32 as u64 | (id as u64) << 32)
    }
}

#[repr(C)]
union Body {
    inline: [MaybeUninit<u8>; Msg::INLINE_MAX],
    content: ManuallyDrop<Content>,
}

/// All zero: no peer, since no generation is 0.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
union Peer {
    weak: PeerRef,
    strong: *const Properties,
    grouped: *const Grouped,
}

impl Peer {
    const NONE: Self = Self { weak: PeerRef::NONE };
}

const _: () = assert!(size_of::<Msg>() == 64 && align_of::<Msg>() == 8);
const _: () = assert!(mem::offset_of!(Msg, body) == 8 && mem::offset_of!(Msg, peer) == 56);

// SAFETY: contents and properties may be released on any thread; the cells are this message's alone.
unsafe impl Send for Msg {}

/// Copies up to 48 bytes without a call.
///
/// # Safety
/// `len` bytes are readable at `from` and writable at `to`, apart from each other, and `len` is at most 48.
#[inline(always)]
pub(crate) unsafe fn copy_short(from: *const u8, to: *mut u8, len: usize) {
    // SAFETY: every move lies within the first `len` bytes; those of one length may overlap each other.
    unsafe {
        if len >= 16 {
            ptr::copy_nonoverlapping(from, to, 16);
            if len > 32 {
                ptr::copy_nonoverlapping(from.add(16), to.add(16), 16);
            }
            ptr::copy_nonoverlapping(from.add(len - 16), to.add(len - 16), 16);
        } else if len >= 8 {
            ptr::copy_nonoverlapping(from, to, 8);
            ptr::copy_nonoverlapping(from.add(len - 8), to.add(len - 8), 8);
        } else if len >= 4 {
            ptr::copy_nonoverlapping(from, to, 4);
            ptr::copy_nonoverlapping(from.add(len - 4), to.add(len - 4), 4);
        } else if len > 0 {
            *to = *from;
            *to.add(len / 2) = *from.add(len / 2);
            *to.add(len - 1) = *from.add(len - 1);
        }
    }
}

/// A word of a body, of which any byte may be uninitialised.
type Word = MaybeUninit<u64>;

/// Reads words one by one: the compiler would make wide reads of them.
///
/// # Safety
/// They are readable and aligned.
#[inline(always)]
unsafe fn read_words<const N: usize>(from: *const Word) -> [Word; N] {
    // SAFETY: by the contract.
    array::from_fn(|i| unsafe { from.add(i).read_volatile() })
}

/// Up to 16 bytes, filled up with zeros, as the two words that lie in memory so.
///
/// # Safety
/// `len` bytes are readable at `from`, and at most 16.
#[inline(always)]
unsafe fn short_words(from: *const u8, len: usize) -> [u64; 2] {
    // SAFETY: by the contract.
    let (low, high) = unsafe {
        if len >= 8 {
            // The second word by itself, not by a read that goes back into the first one.
            (u64::from_le(from.cast::<u64>().read_unaligned()), short_word(from.add(8), len - 8))
        } else {
            (short_word(from, len), 0)
        }
    };
    [low.to_le(), high.to_le()]
}

/// Up to 8 bytes as a number, the first one lowest.
///
/// # Safety
/// `len` bytes are readable at `from`, and at most 8.
#[inline(always)]
unsafe fn short_word(from: *const u8, len: usize) -> u64 {
    // SAFETY: every read lies within the first `len` bytes; those of one length may overlap.
    unsafe {
        if len >= 4 {
            let first = u64::from(u32::from_le(from.cast::<u32>().read_unaligned()));
            let last = u64::from(u32::from_le(from.add(len - 4).cast::<u32>().read_unaligned()));
            first | last << (8 * (len - 4))
        } else if len > 0 {
            let [first, middle, last] = [0, len / 2, len - 1].map(|at| u64::from(*from.add(at)) << (8 * at));
            first | middle | last
        } else {
            0
        }
    }
}

/// A small fixed allocation failed.
#[cold]
fn no_memory() -> ! {
    std::alloc::handle_alloc_error(std::alloc::Layout::new::<[u64; 8]>())
}

impl Msg {
    /// The longest body that lies in the message itself.
    pub const INLINE_MAX: usize = 48;

    /// An empty message.
    #[inline]
    pub const fn new() -> Self {
        let mut m = MaybeUninit::uninit();
        // SAFETY: the body of an empty message is never read, and its type may be uninitialised.
        unsafe {
            Self::init(m.as_mut_ptr());
            m.assume_init()
        }
    }

    /// Makes an empty message in place: its body stays as it is there.
    ///
    /// # Safety
    /// `place` is writable for a message; what is there is not dropped.
    #[inline(always)]
    pub const unsafe fn init(place: *mut Self) {
        // SAFETY: by the contract; nobody reads the body of an empty message.
        unsafe {
            (&raw mut (*place).head).write(Cell::new(Head::EMPTY));
            (&raw mut (*place).peer).write(Cell::new(Peer::NONE));
        }
    }

    /// Makes a message of this size in place, with whatever the memory held as its body.
    ///
    /// # Safety
    /// As [`Msg::init`], and every byte of the body is written before any is read.
    #[inline(always)]
    pub unsafe fn init_size_uninit(place: *mut Self, size: usize) -> Result<(), OutOfMemory> {
        if size > Self::INLINE_MAX {
            // SAFETY: by the contract.
            return unsafe { Self::init_content_uninit(place, size) };
        }
        // SAFETY: by the contract.
        unsafe {
            Self::init(place);
            (*place).head.set(Head::inline(size));
        }
        Ok(())
    }

    /// # Safety
    /// As [`Msg::init_size_uninit`].
    #[inline(never)]
    unsafe fn init_content_uninit(place: *mut Self, size: usize) -> Result<(), OutOfMemory> {
        // SAFETY: by the contract.
        unsafe { place.write(Self::from_content_unshared(Content::uninit(size)?)) };
        Ok(())
    }

    /// A copy of these bytes.
    #[inline(always)]
    pub fn copy_from(bytes: &[u8]) -> Result<Self, OutOfMemory> {
        let mut m = Self::new();
        m.assign(bytes)?;
        Ok(m)
    }

    /// Replaces the message by one with a copy of these bytes, in place: the fastest way to make one. On failure
    /// the message is empty.
    #[inline(always)]
    pub fn assign(&mut self, bytes: &[u8]) -> Result<(), OutOfMemory> {
        self.reset();
        if bytes.len() > Self::INLINE_MAX {
            self.body.content = ManuallyDrop::new(Content::copy_from(bytes)?);
            self.head.set(Head::CONTENT);
        } else {
            self.set_inline(bytes);
        }
        Ok(())
    }

    /// Zeroed body of this size.
    #[inline(always)]
    pub fn with_size(size: usize) -> Result<Self, OutOfMemory> {
        let mut m = Self::new();
        m.assign_zeros(size)?;
        Ok(m)
    }

    /// Replaces the message by one with a zeroed body of this size, in place. On failure the message is empty.
    #[inline(always)]
    pub fn assign_zeros(&mut self, size: usize) -> Result<(), OutOfMemory> {
        self.reset();
        if size > Self::INLINE_MAX {
            self.body.content = ManuallyDrop::new(Content::zeroed(size)?);
            self.head.set(Head::CONTENT);
            return Ok(());
        }
        self.head.set(Head::inline(size));
        let body = (&raw mut self.body).cast::<[u64; 6]>();
        // SAFETY: the inline body is 48 bytes, aligned for words. Of a short one the rest is never read.
        unsafe {
            if size <= 16 {
                body.cast::<[u64; 2]>().write([0; 2]);
            } else {
                body.write([0; 6]);
            }
        }
        Ok(())
    }

    /// A body in memory of the caller, never copied, however small. `free` is called exactly once, with `data` and
    /// `hint`, when the last reference dies; without one the memory is constant. On failure the data stays the
    /// caller's.
    ///
    /// # Safety
    /// As [`Content::foreign`].
    pub unsafe fn foreign(
        data: *mut c_void,
        size: usize,
        free: Option<FreeFn>,
        hint: *mut c_void,
    ) -> Result<Self, OutOfMemory> {
        // SAFETY: by the contract.
        let content = unsafe { Content::foreign(data, size, free, hint) }?;
        let m = Self::from_content_unshared(content);
        m.set_flags(if free.is_none() { SHARED } else { 0 });
        Ok(m)
    }

    /// A message with this body, however small. It counts as shared unless it is surely the only reference.
    pub fn from_content(content: Content) -> Self {
        let flags = if content.is_unique() { 0 } else { SHARED };
        let m = Self::from_content_unshared(content);
        m.set_flags(flags);
        m
    }

    #[inline]
    fn from_content_unshared(content: Content) -> Self {
        let mut m = Self::new();
        m.head.set(Head::CONTENT);
        m.body.content = ManuallyDrop::new(content);
        m
    }

    /// A constant body.
    pub fn from_static(bytes: &'static [u8]) -> Self {
        Self::from_content(Content::from_static(bytes))
    }

    /// The vector itself, not a copy, unless it is small.
    pub fn from_vec(bytes: Vec<u8>) -> Self {
        if bytes.len() > Self::INLINE_MAX {
            return Self::from_content_unshared(Content::from_vec(bytes).unwrap_or_else(|_| no_memory()));
        }
        let mut m = Self::new();
        m.set_inline(&bytes);
        m
    }

    /// The same bytes, not a copy, unless they are few.
    pub fn from_bytes(bytes: Bytes) -> Self {
        if bytes.len() > Self::INLINE_MAX {
            return Self::from_content(Content::from_bytes(bytes).unwrap_or_else(|_| no_memory()));
        }
        let mut m = Self::new();
        m.set_inline(&bytes);
        m
    }

    /// A frame that travels as a command.
    pub fn command(kind: Kind, body: &[u8]) -> Result<Self, OutOfMemory> {
        let mut m = Self::copy_from(body)?;
        m.set_kind(kind);
        Ok(m)
    }

    /// Gives an empty message up to 48 bytes as its body.
    #[inline(always)]
    fn set_inline(&mut self, bytes: &[u8]) {
        debug_assert!(self.tag() == INLINE && bytes.len() <= Self::INLINE_MAX);
        let len = bytes.len().min(Self::INLINE_MAX);
        self.head.set(Head::inline(len));
        let (from, to) = (bytes.as_ptr(), (&raw mut self.body).cast::<u8>());
        // SAFETY: `len` is at most 48, the size of the inline body, which is aligned for words.
        unsafe {
            if len <= 16 {
                to.cast::<[u64; 2]>().write(short_words(from, len));
            } else {
                copy_short(from, to, len);
            }
        }
    }

    /// Copies an inline body with moves of fixed sizes, and says how long it is; what lies behind its end is undefined.
    /// None, and nothing copied, if the body does not lie in the message.
    ///
    /// # Safety
    /// 48 bytes are writable at `to`, apart from the message.
    #[inline(always)]
    pub(crate) unsafe fn copy_inline(&self, to: *mut u8) -> Option<usize> {
        let head = self.head.get();
        // SAFETY: 48 bytes on both sides, whether or not they are initialised.
        unsafe {
            let (from, to) = ((&raw const self.body).cast::<[Word; 6]>(), to.cast::<[Word; 6]>());
            if head.is_inline_up_to(16) {
                to.cast::<[Word; 2]>().write_unaligned(read_words::<2>(from.cast()));
            } else if head.tag() == INLINE {
                to.write_unaligned(*from);
            } else {
                return None;
            }
        }
        Some(head.inline_len())
    }

    /// Replaces the message by one with a copy of at most 48 bytes, from this peer, with these flags of a record.
    #[inline(always)]
    pub(crate) fn fill(&mut self, bytes: &[u8], flags: u8, peer: PeerRef) {
        self.reset();
        self.set_inline(bytes);
        self.set_flags(flags);
        self.peer.set(Peer { weak: peer });
    }

    /// As [`Msg::fill`], with fixed moves of 16 and 32 bytes instead of a length.
    ///
    /// # Safety
    /// 48 bytes are readable at `from`, and nobody writes any of them; `len` is at most 48.
    #[inline(always)]
    pub(crate) unsafe fn fill_wide(&mut self, from: *const u8, len: usize, flags: u8, peer: PeerRef) {
        self.reset();
        self.head.set(Head::inline(len).with_flags(flags));
        self.peer.set(Peer { weak: peer });
        let to: *mut u8 = (&raw mut self.body).cast();
        // SAFETY: 48 bytes on both sides.
        unsafe {
            ptr::copy_nonoverlapping(from, to, 16);
            ptr::copy_nonoverlapping(from.add(16), to.add(16), 32);
        }
    }

    /// Replaces the message by one with this body, of which it is the only holder; else as [`Msg::fill`].
    #[inline(always)]
    pub(crate) fn fill_content(&mut self, content: Content, flags: u8, peer: PeerRef) {
        self.reset();
        self.head.set(Head::CONTENT.with_flags(flags));
        self.peer.set(Peer { weak: peer });
        self.body.content = ManuallyDrop::new(content);
    }

    /// The flags of the record that this frame makes, without LONG.
    #[inline(always)]
    pub fn record_flags(&self) -> u8 {
        self.flags() & (record::MORE | record::KIND_MASK)
    }

    /// Releases what the message holds and makes it empty.
    #[inline(always)]
    fn reset(&mut self) {
        if self.owns() {
            self.release();
        }
        self.head.set(Head::EMPTY);
        self.peer.set(Peer::NONE);
    }

    /// Releases what the message holds: then it is empty. One that holds its body itself may stay as it is.
    #[inline(always)]
    pub(crate) fn let_go(&mut self) {
        if self.owns() {
            self.reset();
        }
    }

    #[inline(always)]
    fn owns(&self) -> bool {
        self.head.get().0 & Head::OWNS != 0
    }

    #[inline(always)]
    fn tag(&self) -> u8 {
        self.head.get().tag()
    }

    #[inline(always)]
    fn flags(&self) -> u8 {
        self.head.get().flags()
    }

    #[inline(always)]
    fn set_flags(&self, flags: u8) {
        self.head.set(self.head.get().with_flags(flags));
    }

    /// Gives up body and properties. The message owns nothing afterwards and is empty.
    #[inline(never)]
    fn release(&mut self) {
        if self.flags() & (META_STRONG | GROUPED) != 0 {
            self.release_properties();
        }
        if self.tag() == CONTENT {
            self.head.set(Head::EMPTY.with_flags(self.flags()).with_routing_id(self.routing_id()));
            // SAFETY: the tag said that the body is a content; it says so no more.
            drop(unsafe { ManuallyDrop::take(&mut self.body.content) });
        }
    }

    #[inline(never)]
    fn release_properties(&mut self) {
        let flags = self.flags();
        let peer = self.peer.replace(Peer::NONE);
        if flags & META_STRONG != 0 {
            self.set_flags(flags & !META_STRONG);
            // SAFETY: the flag said that this is a counted pointer from `Arc::into_raw`; it says so no more.
            drop(unsafe { Arc::from_raw(peer.strong) });
        } else if flags & GROUPED != 0 {
            self.set_flags(flags & !GROUPED);
            // SAFETY: as above, for the group.
            drop(unsafe { Arc::from_raw(peer.grouped) });
        }
    }

    #[inline(always)]
    fn body(&self) -> Option<&Content> {
        // SAFETY: the tag says which it is.
        (self.tag() == CONTENT).then(|| unsafe { &*self.body.content })
    }

    /// Bytes of the body.
    #[inline]
    pub fn len(&self) -> usize {
        self.body().map_or_else(|| self.head.get().inline_len(), Content::len)
    }

    /// Whether a free function tells the owner of the body that it is no longer needed.
    #[inline]
    pub(crate) fn is_foreign(&self) -> bool {
        self.body().is_some_and(Content::is_foreign)
    }

    /// Whether the body has no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The body.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        match self.body() {
            Some(content) => content.as_slice(),
            // SAFETY: the first `inline_len` bytes of an inline body are initialised.
            None => unsafe {
                slice::from_raw_parts((&raw const self.body).cast(), self.head.get().inline_len())
            },
        }
    }

    /// None while the body is shared or constant.
    #[inline]
    pub fn as_mut_slice(&mut self) -> Option<&mut [u8]> {
        let shared = self.is_shared();
        if let Some(content) = self.body()
            && (content.is_lent() || shared && !content.is_unique())
        {
            return None;
        }
        let (ptr, len) = (self.data_ptr(), self.len());
        // SAFETY: inline bytes are ours; those of a content are, unless they are lent or shared.
        Some(unsafe { slice::from_raw_parts_mut(ptr, len) })
    }

    /// The first byte of the body, also when it is empty: never null. Inline, it moves with the message. The bytes
    /// of a shared or constant body may only be read.
    #[inline]
    pub fn data_ptr(&mut self) -> *mut u8 {
        match self.body() {
            Some(content) => content.as_mut_ptr(),
            None => (&raw mut self.body).cast(),
        }
    }

    /// Copies the body, or as much of it as there is room for, and says how much.
    #[inline(always)]
    pub fn copy_to(&self, buffer: &mut [u8]) -> usize {
        // SAFETY: the whole of the buffer is writable, and exclusively borrowed.
        unsafe { self.copy_body(buffer.as_mut_ptr(), buffer.len()) };
        self.len().min(buffer.len())
    }

    /// Copies the body, or as much of it as there is room for.
    ///
    /// # Safety
    /// `room` bytes are writable at `to`, apart from the message.
    #[inline(always)]
    pub unsafe fn copy_body(&self, to: *mut u8, room: usize) {
        let len = self.head.get().inline_len();
        if !(8..=16).contains(&len) || len > room {
            // SAFETY: by the contract.
            return unsafe { self.copy_any_body(to, room) };
        }
        let from: *const u8 = (&raw const self.body).cast();
        // SAFETY: by the contract; no read goes over the end of a word, as the body was just written by words.
        unsafe {
            ptr::copy_nonoverlapping(from, to, 8);
            copy_short(from.add(8), to.add(8), len - 8);
        }
    }

    /// # Safety
    /// As [`Msg::copy_body`].
    #[inline(never)]
    unsafe fn copy_any_body(&self, to: *mut u8, room: usize) {
        let body = self.as_slice();
        // SAFETY: by the contract.
        unsafe { ptr::copy_nonoverlapping(body.as_ptr(), to, body.len().min(room)) };
    }

    /// What the frame is.
    #[inline]
    pub fn kind(&self) -> Kind {
        record::kind_of(self.flags())
    }

    /// Whether the frame travels as a command: its kind is not `Message`.
    #[inline(always)]
    pub fn is_command(&self) -> bool {
        self.flags() & record::KIND_MASK != 0
    }

    /// Sets what the frame is.
    pub fn set_kind(&mut self, kind: Kind) {
        self.set_flags(self.flags() & !record::KIND_MASK | record::flags(kind, false));
    }

    /// Whether more frames of the message follow.
    #[inline]
    pub fn more(&self) -> bool {
        self.flags() & MORE != 0
    }

    /// Sets whether more frames of the message follow.
    #[inline]
    pub fn set_more(&mut self, more: bool) {
        self.set_flags(self.flags() & !MORE | more as u8);
    }

    /// Whether the body may be held by somebody else: it is constant, or was copied once.
    pub fn is_shared(&self) -> bool {
        self.flags() & SHARED != 0
    }

    /// zmq_msg_copy: small bodies are duplicated, larger ones counted; both are marked SHARED then.
    pub fn share(&self) -> Self {
        let copy = match self.content() {
            Some(content) => Self::from_content_unshared(content),
            None => {
                let mut copy = Self::new();
                copy.set_inline(self.as_slice());
                copy
            }
        };
        copy.head.set(copy.head.get().with_flags(self.flags()).with_routing_id(self.routing_id()));
        let peer = self.peer.get();
        if self.flags() & META_STRONG != 0 {
            // SAFETY: the flag says that this is a counted pointer from `Arc::into_raw`.
            unsafe { Arc::increment_strong_count(peer.strong) };
        } else if self.flags() & GROUPED != 0 {
            // SAFETY: as above, for the group.
            unsafe { Arc::increment_strong_count(peer.grouped) };
        }
        copy.peer.set(peer);
        copy
    }

    /// Another reference to the body, which is shared from now on; none if it lies in the message itself.
    pub fn content(&self) -> Option<Content> {
        let content = self.body()?.share();
        self.set_flags(self.flags() | SHARED);
        Some(content)
    }

    /// Moves the body out and leaves an empty message; none, and unchanged, if it lies in the message itself.
    pub fn take_content(&mut self) -> Option<Content> {
        if self.tag() != CONTENT {
            return None;
        }
        self.release_properties();
        self.head.set(Head::EMPTY);
        // SAFETY: the tag said that the body is a content; it says so no more.
        let content = unsafe { ManuallyDrop::take(&mut self.body.content) };
        self.reset();
        Some(content)
    }

    /// Moves the message out, leaving an empty one.
    #[inline]
    pub fn take(&mut self) -> Self {
        mem::take(self)
    }

    /// Takes the place of this message. Its body is moved by words, unless it is long and lies in the message.
    #[inline(always)]
    pub fn replace_by(&mut self, from: Self) {
        // SAFETY: the message has a body of so many words.
        unsafe {
            match from.head.get() {
                head if head.is_inline_up_to(16) => self.replace_by_words::<2>(from),
                head if head.tag() == CONTENT => self.replace_by_words::<3>(from),
                _ => *self = from,
            }
        }
    }

    /// # Safety
    /// `N` words are all there is of the other's body.
    #[inline(always)]
    unsafe fn replace_by_words<const N: usize>(&mut self, from: Self) {
        self.reset();
        self.head.set(from.head.get());
        self.peer.set(from.peer.get());
        // SAFETY: words of a body on both sides, whether or not they are initialised.
        unsafe {
            let words: [Word; N] = read_words((&raw const from.body).cast());
            (&raw mut self.body).cast::<[Word; N]>().write(words);
        }
        // What it owns is this message's.
        mem::forget(from);
    }

    /// Drops the body and makes the message empty.
    #[inline]
    pub fn clear(&mut self) {
        self.reset();
    }

    /// The body as a vector: the one that it was made of, or a copy.
    pub fn into_vec(mut self) -> Result<Vec<u8>, OutOfMemory> {
        match self.take_content().map(Content::into_vec) {
            Some(Ok(bytes)) => Ok(bytes),
            Some(Err(content)) => copied(content.as_slice()),
            None => copied(self.as_slice()),
        }
    }

    /// The body as `Bytes`, not copied unless it is small.
    pub fn into_bytes(mut self) -> Bytes {
        match self.take_content() {
            Some(content) => content.into_bytes(),
            None => Bytes::copy_from_slice(self.as_slice()),
        }
    }

    /// The number of the peer on SERVER and PEER; 0 is none.
    pub fn routing_id(&self) -> u32 {
        self.head.get().routing_id()
    }

    /// Sets the number of the peer on SERVER and PEER.
    pub fn set_routing_id(&mut self, id: u32) {
        self.head.set(self.head.get().with_routing_id(id));
    }

    /// The peer that the message came from.
    pub fn peer(&self) -> Option<PeerRef> {
        if self.flags() & META_STRONG != 0 {
            // SAFETY: the flag says that this is a counted pointer.
            return unsafe { (*self.peer.get().strong).peer() };
        }
        if let Some(grouped) = self.grouped() {
            return grouped.peer();
        }
        // SAFETY: the flag says that it is a weak name.
        let peer = unsafe { self.peer.get().weak };
        (peer.generation != 0).then_some(peer)
    }

    /// Sets the peer that the message came from.
    #[inline(always)]
    pub fn set_peer(&mut self, peer: Option<PeerRef>) {
        if self.flags() & (META_STRONG | GROUPED) != 0 {
            return self.change_peer(peer);
        }
        self.peer.set(peer.map_or(Peer::NONE, |weak| Peer { weak }));
    }

    /// The properties of the peer that the message came from; none without a peer, or once they have expired. From
    /// now on the message keeps them, so that they live as long as the message.
    pub fn properties(&self) -> Option<&Properties> {
        if let Some(grouped) = self.grouped() {
            return grouped.properties();
        }
        if self.flags() & META_STRONG == 0 {
            let strong = Arc::into_raw(PeerTable::lookup(self.peer()?)?);
            self.peer.set(Peer { strong });
            self.set_flags(self.flags() | META_STRONG);
        }
        // SAFETY: a counted pointer, which only methods that take `&mut self` give up.
        Some(unsafe { &*self.peer.get().strong })
    }

    /// Whether the message is live: not closed by [`Msg::invalidate`], and no zeroed memory.
    #[inline(always)]
    pub fn is_valid(&self) -> bool {
        matches!(self.tag(), INLINE | CONTENT)
    }

    /// Whether the message is live and holds its body itself.
    #[inline(always)]
    pub fn is_inline(&self) -> bool {
        self.tag() == INLINE
    }

    /// Whether the message is live, and dropping or replacing it runs no code of others, as a free function would be.
    #[inline(always)]
    pub fn is_plain(&self) -> bool {
        const DECISIVE: u64 = 0xff | Head::OWNS;
        let head = self.head.get().0 & DECISIVE;
        head == Head::EMPTY.0 || head == CONTENT.into() && self.body().is_some_and(Content::is_ours)
    }

    /// Closes the message: it holds nothing, its tag is 0; only MORE can still be read.
    #[inline(always)]
    pub fn invalidate(&mut self) {
        let more = self.flags() & MORE;
        if self.owns() {
            return self.invalidate_owner(more);
        }
        self.head.set(Head(0).with_flags(more));
    }

    #[inline(never)]
    fn invalidate_owner(&mut self, more: u8) {
        // Marked before a free function runs, so that a second close from there is seen.
        let open = self.take();
        self.head.set(Head(0).with_flags(more));
        drop(open);
    }
}

/// A copy in memory of its own.
///
/// # Errors
/// [`OutOfMemory`]: unlike `to_vec` it does not end the process.
pub fn copied(bytes: &[u8]) -> Result<Vec<u8>, OutOfMemory> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).map_err(|_| OutOfMemory)?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

impl Drop for Msg {
    #[inline(always)]
    fn drop(&mut self) {
        if self.owns() {
            self.release();
        }
    }
}

impl Default for Msg {
    #[inline]
    fn default() -> Self {
        Self::new()
    }
}

impl AsRef<[u8]> for Msg {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl fmt::Debug for Msg {
    /// Size and the first 32 bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_valid() {
            return f.write_str("Msg(closed)");
        }
        let bytes = self.as_slice();
        let preview = &bytes[..bytes.len().min(32)];
        let dots = if preview.len() < bytes.len() { "…" } else { "" };
        write!(f, "Msg({} bytes, \"{}\"{dots}", bytes.len(), preview.escape_ascii())?;
        if self.kind() != Kind::Message {
            write!(f, ", {:?}", self.kind())?;
        }
        f.write_str(if self.more() { ", more)" } else { ")" })
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
