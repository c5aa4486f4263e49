//! A message as it lies in a queue: in half of its size, since most of it says nothing. What two cores pass to each other
//! in a stream of small messages is cache lines.
//!
//! ```text
//! 0  the head of the message
//! 8  the body, up to 24 bytes  |  Content
//! ```
//!
//! What goes beyond lies in cells of its own behind it, each with a head that says what it is: the rest of an inline
//! body of more than 24 bytes, then the group. The peer is left out: a queue does not say where a message came from.
//!
//! Invariants: a cell owns its content, or its group, until it is taken. The cells of a message are put in order, and
//! published together.
use std::{mem::ManuallyDrop, sync::Arc};

use super::{CONTENT, GROUPED, Grouped, Head, INLINE, META_STRONG, MORE, Msg, Peer, Word, read_words};
use crate::content::Content;

/// The rest of an inline body.
const REST: u8 = 103;
/// A counted pointer to a group.
const GROUP: u8 = 104;
/// Of a body, in the first cell.
const WORDS: usize = 3;

/// A cell.
#[repr(C, align(32))]
pub(crate) struct Packed {
    head: Head,
    body: Half,
}

#[repr(C)]
union Half {
    words: [Word; WORDS],
    content: ManuallyDrop<Content>,
    group: *const Grouped,
}

const _: () = assert!(size_of::<Packed>() == 32);

// SAFETY: contents and groups may be released on any thread.
unsafe impl Send for Packed {}

impl Packed {
    /// The most cells of a message.
    pub(crate) const MOST: usize = 3;

    /// Asks for the memory of a short body that lies elsewhere.
    #[inline(always)]
    pub(crate) fn prefetch(&self) {
        if self.head.tag() == CONTENT {
            // SAFETY: the tag says that it is a content.
            unsafe { self.body.content.prefetch() };
        }
    }

    /// Whether this is the first cell of a message's last frame.
    pub(crate) fn ends_message(&self) -> bool {
        matches!(self.head.tag(), INLINE | CONTENT) && self.head.flags() & MORE == 0
    }
}

impl Drop for Packed {
    fn drop(&mut self) {
        // SAFETY: the tag says what it is; it is dropped once.
        unsafe {
            match self.head.tag() {
                CONTENT => ManuallyDrop::drop(&mut self.body.content),
                GROUP => drop(Arc::from_raw(self.body.group)),
                _ => {}
            }
        }
    }
}

impl Head {
    /// Whether the body lies in the message and goes beyond the first cell.
    #[inline(always)]
    const fn has_rest(self) -> bool {
        const SHORTEST: u8 = 8 * WORDS as u8 + 1;
        // The length of a content is larger than any.
        (self.inline_len() as u8).wrapping_sub(SHORTEST) <= Msg::INLINE_MAX as u8 - SHORTEST
    }

    /// Whether the message has more than one cell.
    #[inline(always)]
    const fn is_long(self) -> bool {
        self.has_rest() || self.flags() & GROUPED != 0
    }
}

impl Msg {
    /// Whether the message fits into one cell, for [`Msg::pack`].
    #[inline(always)]
    pub(crate) fn fits_cell(&self) -> bool {
        let head = self.head.get();
        !head.is_long() && head.flags() & META_STRONG == 0
    }

    /// Moves a message that fits into a cell, leaving an empty one; sets whether more frames follow.
    ///
    /// # Safety
    /// `to` is writable for a cell; what is there is not dropped.
    #[inline(always)]
    pub(crate) unsafe fn pack(&mut self, to: *mut Packed, more: bool) {
        debug_assert!(self.fits_cell());
        let head = self.head.get();
        // SAFETY: by the contract; words are copied whether or not they are initialised, and the source owns nothing
        // afterwards.
        unsafe {
            let from = (&raw const self.body).cast();
            let body = &raw mut (*to).body;
            if head.is_inline_up_to(16) {
                body.cast::<[Word; 2]>().write(read_words(from));
            } else {
                body.cast::<[Word; WORDS]>().write(read_words(from));
            }
            (*to).head = head.with_flags(head.flags() & !MORE | more as u8);
        }
        self.head.set(Head::EMPTY);
        self.peer.set(Peer::NONE);
    }

    /// Takes any message apart into its cells, leaving an empty one; sets whether more frames follow.
    #[cold]
    pub(crate) fn take_cells(&mut self, more: bool) -> [Option<Packed>; Packed::MOST] {
        self.set_peer(None);
        let head = self.head.get();
        let head = head.with_flags(head.flags() & !MORE | more as u8);
        // SAFETY: words are copied whether or not they are initialised; the head says whether the last word is a group,
        // and the source owns nothing afterwards.
        let ([a, b, c, d, e, f], peer) =
            unsafe { ((&raw const self.body).cast::<[Word; 6]>().read(), self.peer.get()) };
        self.head.set(Head::EMPTY);
        self.peer.set(Peer::NONE);
        let cell = |head, words| Packed { head, body: Half { words } };
        let group = || {
            // SAFETY: the flag says so.
            Packed { head: Head(GROUP.into()), body: Half { group: unsafe { peer.grouped } } }
        };
        [
            Some(cell(head, [a, b, c])),
            head.has_rest().then(|| cell(Head(REST.into()), [d, e, f])),
            (head.flags() & GROUPED != 0).then(group),
        ]
    }

    /// Replaces the message, which owns nothing, by the one that begins with this cell; true if [`Msg::unpack_rest`] must
    /// follow.
    #[inline(always)]
    #[must_use]
    pub(crate) fn unpack(&mut self, cell: Packed) -> bool {
        debug_assert!(!self.owns());
        // The message owns what the cell did.
        let cell = ManuallyDrop::new(cell);
        // The body first: so it is copied at once from where the cell lies.
        // SAFETY: words are copied whether or not they are initialised; this message owns nothing.
        unsafe { (&raw mut self.body).cast::<[Word; WORDS]>().write(cell.body.words) };
        self.head.set(cell.head);
        self.peer.set(Peer::NONE);
        cell.head.is_long()
    }

    /// Completes a message from its further cells.
    ///
    /// # Safety
    /// [`Msg::unpack`] came before, and `next` gives the cells behind that one.
    #[cold]
    pub(crate) unsafe fn unpack_rest(&mut self, mut next: impl FnMut() -> Option<Packed>) {
        let head = self.head.get();
        self.set_flags(head.flags() & !GROUPED);
        if head.has_rest()
            && let Some(rest) = next()
        {
            // SAFETY: the tail of the inline body; by the invariants of the module this cell holds it.
            unsafe { (&raw mut self.body).cast::<[Word; WORDS]>().add(1).write(rest.body.words) };
        }
        if head.flags() & GROUPED != 0
            && let Some(group) = next().map(ManuallyDrop::new)
        {
            // SAFETY: as above, and the cell does not drop it.
            self.peer.set(Peer { grouped: unsafe { group.body.group } });
            self.set_flags(head.flags());
        }
    }
}
