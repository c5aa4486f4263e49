//! A message frame: 64 bytes, the layout of `zmq_msg_t`.
//!
//! ```text
//!  0  tag u8, flags u8, inline length u8, pad u8, routing id u32
//!  8  the body, up to 48 bytes  |  Content: block, first byte, length (24 bytes)
//! 56  the peer: a weak PeerRef, or after a lookup a counted pointer to its properties; or the group, with the peer
//! ```
//!
//! Invariants: no field points into the struct, so that it may be moved with `memcpy`. The tag is [`INLINE`] or
//! [`CONTENT`] in a live message; 0 marks a closed one (and zeroed memory), which owns nothing. Without the
//! SHARED flag nobody else reads or writes the bytes of the body, unless they are constant or a `Bytes`.
//!
//! With a group (RADIO, DISH; up to 255 bytes) the last word points to a counted record of group and peer: the body
//! stays where it is, so that a pointer to it outlives the setting of a group.
use std::{
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
const CONTENT: u8 = 102;

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
    tag: u8,
    flags: Cell<u8>,
    inline_len: u8,
    pad: u8,
    routing_id: u32,
    body: Body,
    peer: Cell<Peer>,
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
    const NONE: Self = Self { weak: PeerRef { slot: 0, generation: 0 } };
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
        Self {
            tag: INLINE,
            flags: Cell::new(0),
            inline_len: 0,
            pad: 0,
            routing_id: 0,
            body: Body { inline: [MaybeUninit::uninit(); Self::INLINE_MAX] },
            peer: Cell::new(Peer::NONE),
        }
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
            self.tag = CONTENT;
        } else {
            self.set_inline(bytes);
        }
        Ok(())
    }

    /// Zeroed body of this size.
    pub fn with_size(size: usize) -> Result<Self, OutOfMemory> {
        if size > Self::INLINE_MAX {
            return Ok(Self::from_content_unshared(Content::zeroed(size)?));
        }
        let mut m = Self::new();
        m.body.inline = [MaybeUninit::zeroed(); Self::INLINE_MAX];
        m.inline_len = size as u8;
        Ok(m)
    }

    /// Gives an empty message a zeroed body of this size, at most [`Msg::INLINE_MAX`], in place; false, and nothing
    /// done, if it is longer.
    #[inline(always)]
    pub fn extend_inline(&mut self, size: usize) -> bool {
        if size > Self::INLINE_MAX || self.tag != INLINE {
            return false;
        }
        self.body.inline = [MaybeUninit::zeroed(); Self::INLINE_MAX];
        self.inline_len = size as u8;
        true
    }

    /// A body of this size with whatever the memory held.
    ///
    /// # Safety
    /// Every byte of the body is written before any is read.
    pub unsafe fn with_size_uninit(size: usize) -> Result<Self, OutOfMemory> {
        if size > Self::INLINE_MAX {
            // SAFETY: by the contract.
            return Ok(Self::from_content_unshared(unsafe { Content::uninit(size) }?));
        }
        Self::with_size(size)
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
        m.flags.set(if free.is_none() { SHARED } else { 0 });
        Ok(m)
    }

    /// A message with this body, however small. It counts as shared unless it is surely the only reference.
    pub fn from_content(content: Content) -> Self {
        let flags = if content.is_unique() { 0 } else { SHARED };
        let m = Self::from_content_unshared(content);
        m.flags.set(flags);
        m
    }

    #[inline]
    fn from_content_unshared(content: Content) -> Self {
        let mut m = Self::new();
        m.tag = CONTENT;
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

    /// Takes up to 48 bytes as the body of an inline message.
    #[inline(always)]
    fn set_inline(&mut self, bytes: &[u8]) {
        debug_assert!(self.tag == INLINE && bytes.len() <= Self::INLINE_MAX);
        let len = bytes.len().min(Self::INLINE_MAX);
        self.inline_len = len as u8;
        let (from, to) = (bytes.as_ptr(), (&raw mut self.body).cast::<u8>());
        if (8..=16).contains(&len) {
            // As two words, the second filled up with zeros: whoever moves the message on in this moment reads it so.
            // SAFETY: both reads lie within `len` bytes, both writes within 48.
            unsafe {
                let first = from.cast::<u64>().read_unaligned();
                let last = u64::from_le(from.add(len - 8).cast::<u64>().read_unaligned());
                let rest = last.checked_shr(8 * (16 - len as u32)).unwrap_or(0).to_le();
                to.cast::<u64>().write_unaligned(first);
                to.add(8).cast::<u64>().write_unaligned(rest);
            }
            return;
        }
        // SAFETY: `len` is at most 48, the size of the inline body.
        unsafe { copy_short(from, to, len) };
    }

    /// Moves the message to where none is, leaving an empty one: in the words that it was written in, since wider
    /// reads would wait until those are in the cache.
    ///
    /// # Safety
    /// `to` is writable for a message, apart from this one; what is there is not dropped.
    #[inline(always)]
    pub(crate) unsafe fn move_to(&mut self, to: *mut Self) {
        // SAFETY: by the contract; fields are copied one by one, bytes whether or not they are initialised, and the
        // source owns nothing afterwards.
        unsafe {
            (*to).tag = self.tag;
            (*to).flags = Cell::new(self.flags.get());
            (*to).inline_len = self.inline_len;
            (*to).pad = 0;
            (*to).routing_id = self.routing_id;
            let (from, body) =
                ((&raw const self.body).cast::<[Word; 6]>(), (&raw mut (*to).body).cast::<[Word; 6]>());
            if self.tag == INLINE && self.inline_len <= 16 {
                (*body)[0] = (*from)[0];
                (*body)[1] = (*from)[1];
            } else {
                *body = *from;
            }
            (*to).peer = Cell::new(self.peer.get());
        }
        self.tag = INLINE;
        self.flags.set(0);
        self.inline_len = 0;
        self.routing_id = 0;
        self.peer.set(Peer::NONE);
    }

    /// Replaces the message by the one at `from`, which is moved out.
    ///
    /// # Safety
    /// `from` points to a message that nobody uses, or drops, after this.
    #[inline(always)]
    pub(crate) unsafe fn take_from(&mut self, from: *const Self) {
        if self.owns() {
            self.release();
        }
        // SAFETY: by the contract; this message owns nothing.
        unsafe { ptr::copy_nonoverlapping(from, self, 1) };
    }

    /// Whether dropping or replacing the message may run code of others: a free function.
    #[inline(always)]
    pub fn is_plain(&self) -> bool {
        !self.owns()
    }

    /// Replaces the message by one with a copy of at most 48 bytes.
    #[inline(always)]
    pub(crate) fn fill(&mut self, bytes: &[u8]) {
        self.reset();
        self.set_inline(bytes);
    }

    /// As [`Msg::fill`], with fixed moves of 16 and 32 bytes instead of a length.
    ///
    /// # Safety
    /// 48 bytes are readable at `from`, and nobody writes any of them; `len` is at most 48.
    #[inline(always)]
    pub(crate) unsafe fn fill_wide(&mut self, from: *const u8, len: usize) {
        self.reset();
        self.inline_len = len as u8;
        let to: *mut u8 = (&raw mut self.body).cast();
        // SAFETY: 48 bytes on both sides.
        unsafe {
            ptr::copy_nonoverlapping(from, to, 16);
            ptr::copy_nonoverlapping(from.add(16), to.add(16), 32);
        }
    }

    /// Copies an inline body with fixed moves of 16 and 32 bytes; what lies after its end is undefined. False, and
    /// nothing copied, if the body does not lie in the message.
    ///
    /// # Safety
    /// 48 bytes are writable at `to`, and the caller reads only those of the body.
    #[inline(always)]
    pub unsafe fn copy_inline_wide(&self, to: *mut u8) -> bool {
        if self.tag == CONTENT {
            return false;
        }
        let from: *const u8 = (&raw const self.body).cast();
        // SAFETY: 48 bytes on both sides.
        unsafe {
            ptr::copy_nonoverlapping(from, to, 16);
            ptr::copy_nonoverlapping(from.add(16), to.add(16), 32);
        }
        true
    }

    /// Replaces the message by one with this body, of which it is the only holder.
    #[inline(always)]
    pub(crate) fn fill_content(&mut self, content: Content) {
        self.reset();
        self.tag = CONTENT;
        self.body.content = ManuallyDrop::new(content);
    }

    /// Takes MORE and the kind from a record's flags.
    #[inline(always)]
    pub(crate) fn set_record_flags(&mut self, flags: u8) {
        const TAKEN: u8 = record::MORE | record::KIND_MASK;
        self.flags.set(self.flags.get() & !TAKEN | flags & TAKEN);
    }

    /// The flags of the record that this frame makes, without LONG.
    #[inline(always)]
    pub fn record_flags(&self) -> u8 {
        self.flags.get() & (record::MORE | record::KIND_MASK)
    }

    /// Releases what the message holds and makes it empty.
    #[inline(always)]
    fn reset(&mut self) {
        if self.owns() {
            self.release();
        }
        self.tag = INLINE;
        self.flags.set(0);
        self.inline_len = 0;
        self.routing_id = 0;
        self.peer.set(Peer::NONE);
    }

    #[inline(always)]
    fn owns(&self) -> bool {
        self.tag == CONTENT || self.flags.get() & (META_STRONG | GROUPED) != 0
    }

    /// Gives up body and properties. The message owns nothing afterwards and is empty.
    #[inline(never)]
    fn release(&mut self) {
        self.release_properties();
        if self.tag == CONTENT {
            self.tag = INLINE;
            self.inline_len = 0;
            // SAFETY: the tag said that the body is a content; it says so no more.
            drop(unsafe { ManuallyDrop::take(&mut self.body.content) });
        }
    }

    #[inline(never)]
    fn release_properties(&mut self) {
        let flags = self.flags.get();
        let peer = self.peer.replace(Peer::NONE);
        if flags & META_STRONG != 0 {
            self.flags.set(flags & !META_STRONG);
            // SAFETY: the flag said that this is a counted pointer from `Arc::into_raw`; it says so no more.
            drop(unsafe { Arc::from_raw(peer.strong) });
        } else if flags & GROUPED != 0 {
            self.flags.set(flags & !GROUPED);
            // SAFETY: as above, for the group.
            drop(unsafe { Arc::from_raw(peer.grouped) });
        }
    }

    #[inline(always)]
    fn body(&self) -> Option<&Content> {
        // SAFETY: the tag says which it is.
        (self.tag == CONTENT).then(|| unsafe { &*self.body.content })
    }

    /// Bytes of the body.
    #[inline]
    pub fn len(&self) -> usize {
        self.body().map_or(self.inline_len as usize, Content::len)
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
            None => unsafe { slice::from_raw_parts((&raw const self.body).cast(), self.inline_len as usize) },
        }
    }

    /// None while the body is shared or constant.
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

    /// What the frame is.
    #[inline]
    pub fn kind(&self) -> Kind {
        record::kind_of(self.flags.get())
    }

    /// Sets what the frame is.
    pub fn set_kind(&mut self, kind: Kind) {
        self.flags.set(self.flags.get() & !record::KIND_MASK | record::flags(kind, false));
    }

    /// Whether more frames of the message follow.
    #[inline]
    pub fn more(&self) -> bool {
        self.flags.get() & MORE != 0
    }

    /// Sets whether more frames of the message follow.
    #[inline]
    pub fn set_more(&mut self, more: bool) {
        self.flags.set(self.flags.get() & !MORE | more as u8);
    }

    /// Whether the body may be held by somebody else: it is constant, or was copied once.
    pub fn is_shared(&self) -> bool {
        self.flags.get() & SHARED != 0
    }

    /// zmq_msg_copy: small bodies are duplicated, larger ones counted; both are marked SHARED then.
    pub fn share(&self) -> Self {
        let mut copy = match self.content() {
            Some(content) => Self::from_content_unshared(content),
            None => {
                let mut copy = Self::new();
                copy.set_inline(self.as_slice());
                copy
            }
        };
        copy.flags.set(self.flags.get());
        copy.routing_id = self.routing_id;
        let peer = self.peer.get();
        if self.flags.get() & META_STRONG != 0 {
            // SAFETY: the flag says that this is a counted pointer from `Arc::into_raw`.
            unsafe { Arc::increment_strong_count(peer.strong) };
        } else if self.flags.get() & GROUPED != 0 {
            // SAFETY: as above, for the group.
            unsafe { Arc::increment_strong_count(peer.grouped) };
        }
        copy.peer.set(peer);
        copy
    }

    /// Another reference to the body, which is shared from now on; none if it lies in the message itself.
    pub fn content(&self) -> Option<Content> {
        let content = self.body()?.share();
        self.flags.set(self.flags.get() | SHARED);
        Some(content)
    }

    /// Moves the body out and leaves an empty message; none, and unchanged, if it lies in the message itself.
    pub fn take_content(&mut self) -> Option<Content> {
        if self.tag != CONTENT {
            return None;
        }
        self.release_properties();
        self.tag = INLINE;
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
        self.routing_id
    }

    /// Sets the number of the peer on SERVER and PEER.
    pub fn set_routing_id(&mut self, id: u32) {
        self.routing_id = id;
    }

    /// The peer that the message came from.
    pub fn peer(&self) -> Option<PeerRef> {
        if self.flags.get() & META_STRONG != 0 {
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
        if self.flags.get() & (META_STRONG | GROUPED) != 0 {
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
        if self.flags.get() & META_STRONG == 0 {
            let strong = Arc::into_raw(PeerTable::lookup(self.peer()?)?);
            self.peer.set(Peer { strong });
            self.flags.set(self.flags.get() | META_STRONG);
        }
        // SAFETY: a counted pointer, which only methods that take `&mut self` give up.
        Some(unsafe { &*self.peer.get().strong })
    }

    /// Whether memory that starts with this byte can be a live message.
    #[inline]
    pub const fn is_valid_tag(tag: u8) -> bool {
        matches!(tag, INLINE | CONTENT)
    }

    /// Whether the message is live: not closed by [`Msg::invalidate`].
    #[inline]
    pub const fn is_valid(&self) -> bool {
        Self::is_valid_tag(self.tag)
    }

    /// Closes the message: it holds nothing, its tag is 0; only MORE can still be read.
    pub fn invalidate(&mut self) {
        let more = self.more();
        if self.owns() {
            return self.invalidate_owner(more);
        }
        self.reset();
        self.tag = 0;
        self.set_more(more);
    }

    #[inline(never)]
    fn invalidate_owner(&mut self, more: bool) {
        // Marked before a free function runs, so that a second close from there is seen.
        let open = self.take();
        self.tag = 0;
        self.set_more(more);
        drop(open);
    }
}

fn copied(bytes: &[u8]) -> Result<Vec<u8>, OutOfMemory> {
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
