//! What is known of a peer: the properties that messages carry and what a pattern is told when a peer appears.
//!
//! A message names its peer by a weak [`PeerRef`] into one process-wide table, a plain copy per message. Looking a
//! property up takes the table's lock: it is rare, and no other lock is taken under it. A slot outlives its
//! connection and the [`LINGERING`] peers that went after it, as long as these together have not too much to say of
//! themselves, so a message that is read late still has its properties; after that a lookup finds nothing.
use std::{
    collections::VecDeque,
    ffi::CStr,
    // Not the facade's: the table is static and no model covers it.
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{OutOfMemory, SocketType};

/// How many released peers keep their properties.
pub const LINGERING: usize = 4096;

/// How many bytes their properties have at most, all together: anybody may connect, fill a handshake, and go.
const LINGERING_BYTES: usize = 8 << 20;

/// A weak name of a peer's properties in the process-wide table: copied into every message from that peer.
/// The generation of a registered peer is never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct PeerRef {
    /// Index in the table.
    pub slot: u32,
    /// Which of the connections that had the slot; never 0.
    pub generation: u32,
}

impl PeerRef {
    /// No peer.
    pub(crate) const NONE: Self = Self { slot: 0, generation: 0 };
}

/// What a pattern is told of a peer once it is known (after the handshake, or at once on inproc).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerInfo {
    /// The type that the peer announced; none for old protocols, raw connections and inproc.
    pub socket_type: Option<SocketType>,
    /// The identity that the peer announced; empty if none.
    pub routing_id: Box<[u8]>,
    /// A peer that never sends subscriptions (ZMTP 1.0, udp): a publisher treats it as subscribed to everything.
    pub subscribes_to_all: bool,
    /// The longest message that the transport can carry, in bytes of all that it carries of it; none is any (udp).
    pub longest_message: Option<usize>,
    /// The most bytes that what it subscribes to may take at a publisher; none is any (inproc).
    pub subscription_bytes: Option<u64>,
    /// The connection's properties; none over inproc.
    pub peer: Option<PeerRef>,
}

/// The properties of one connection, in the order in which they became known; the first of a name wins
/// (connection properties, then the ZAP reply's, then those of the handshake).
#[derive(Clone, Debug, Default)]
pub struct Properties {
    entries: Vec<Entry>,
    /// The descriptor of the connection (`ZMQ_SRCFD`); it may be closed or reused by now.
    pub fd: Option<i32>,
    peer: Option<PeerRef>,
}

#[derive(Clone, Debug)]
struct Entry {
    name: Box<[u8]>,
    /// Ends in NUL, which is not part of the value.
    value: Box<[u8]>,
}

fn boxed(bytes: &[u8], tail: &[u8]) -> Result<Box<[u8]>, OutOfMemory> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len() + tail.len()).map_err(|_| OutOfMemory)?;
    copy.extend_from_slice(bytes);
    copy.extend_from_slice(tail);
    Ok(copy.into_boxed_slice())
}

impl Properties {
    /// No properties.
    pub const fn new() -> Self {
        Self { entries: Vec::new(), fd: None, peer: None }
    }

    /// Adds a property, unless one of that name is there already.
    pub fn insert(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), OutOfMemory> {
        let name = name.as_ref();
        if self.find(name).is_some() {
            return Ok(());
        }
        self.entries.try_reserve(1).map_err(|_| OutOfMemory)?;
        self.entries.push(Entry { name: boxed(name, b"")?, value: boxed(value.as_ref(), b"\0")? });
        Ok(())
    }

    /// Sets the descriptor of the connection, also as the property `__fd`.
    pub fn set_fd(&mut self, fd: i32) -> Result<(), OutOfMemory> {
        self.fd = Some(fd);
        self.insert("__fd", fd.to_string())
    }

    fn find(&self, name: &[u8]) -> Option<&Entry> {
        self.entries.iter().find(|entry| *entry.name == *name)
    }

    /// The entry that answers a lookup: `Identity` also finds what a peer sent as `Routing-Id`, not the reverse.
    fn answer(&self, name: &[u8]) -> Option<&Entry> {
        self.find(name).or_else(|| if name == b"Identity" { self.find(b"Routing-Id") } else { None })
    }

    /// The value as text, cut at an embedded NUL. Names compare case-sensitively.
    pub fn text(&self, name: impl AsRef<[u8]>) -> Option<&CStr> {
        CStr::from_bytes_until_nul(&self.answer(name.as_ref())?.value).ok()
    }

    /// The whole value.
    pub fn value(&self, name: impl AsRef<[u8]>) -> Option<&[u8]> {
        self.answer(name.as_ref())?.value.split_last().map(|(_nul, value)| value)
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries.iter().filter_map(|e| Some((&*e.name, e.value.split_last()?.1)))
    }

    /// Bytes of memory, about.
    fn size(&self) -> usize {
        self.entries.iter().map(|e| size_of::<Entry>() + e.name.len() + e.value.len()).sum()
    }

    /// The name under which these properties were registered.
    pub const fn peer(&self) -> Option<PeerRef> {
        self.peer
    }
}

/// The process-wide table of peers.
#[derive(Debug)]
pub struct PeerTable {
    slots: Vec<Slot>,
    /// Slots that may be used again.
    free: Vec<u32>,
    /// Slots whose connection went, oldest first, and the bytes of their properties.
    released: VecDeque<PeerRef>,
    released_bytes: usize,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    live: bool,
    properties: Option<Arc<Properties>>,
}

pub(crate) static TABLE: Mutex<PeerTable> = Mutex::new(PeerTable::new());

impl PeerTable {
    const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), released: VecDeque::new(), released_bytes: 0 }
    }

    /// Every critical section leaves the table consistent wherever it could unwind.
    fn locked() -> MutexGuard<'static, Self> {
        TABLE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a connection's properties.
    pub fn register(properties: Properties) -> PeerRef {
        #[cfg(not(loom))]
        crate::fork::watch();
        Self::locked().insert(properties)
    }

    /// The connection is gone. Its properties stay for a while; see the module.
    pub fn release(peer: PeerRef) {
        // What expires is dropped after the lock.
        let expired = Self::locked().retire(peer);
        drop(expired);
    }

    /// The properties of a peer; none once they have expired.
    pub fn lookup(peer: PeerRef) -> Option<Arc<Properties>> {
        Self::locked().find(peer)
    }

    fn insert(&mut self, mut properties: Properties) -> PeerRef {
        let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
        if slot as usize == self.slots.len() {
            self.slots.push(Slot { generation: 0, live: false, properties: None });
        }
        let entry = &mut self.slots[slot as usize];
        entry.generation = entry.generation.checked_add(1).unwrap_or(1);
        let peer = PeerRef { slot, generation: entry.generation };
        properties.peer = Some(peer);
        entry.live = true;
        entry.properties = Some(Arc::new(properties));
        peer
    }

    fn retire(&mut self, peer: PeerRef) -> Vec<Arc<Properties>> {
        let mut expired = Vec::new();
        let Some(entry) = self.slots.get_mut(peer.slot as usize) else { return expired };
        if entry.generation != peer.generation || !entry.live {
            return expired;
        }
        entry.live = false;
        self.released_bytes += entry.properties.as_ref().map_or(0, |properties| properties.size());
        self.released.push_back(peer);
        while self.released.len() > LINGERING + 1 || self.released_bytes > LINGERING_BYTES {
            let Some(oldest) = self.released.pop_front() else { break };
            self.free.push(oldest.slot);
            if let Some(properties) = self.slots[oldest.slot as usize].properties.take() {
                self.released_bytes -= properties.size();
                expired.push(properties);
            }
        }
        expired
    }

    fn find(&self, peer: PeerRef) -> Option<Arc<Properties>> {
        let entry = self.slots.get(peer.slot as usize)?;
        if entry.generation == peer.generation { entry.properties.clone() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_insert_wins_and_names_are_case_sensitive() {
        let mut p = Properties::new();
        p.insert("User-Id", "alice").unwrap();
        p.insert("User-Id", "mallory").unwrap();
        p.insert("X-Empty", "").unwrap();
        assert_eq!(p.text("User-Id"), Some(c"alice"));
        assert_eq!(p.text("user-id"), None);
        assert_eq!(p.text("X-Empty"), Some(c""));
        assert_eq!(p.iter().count(), 2);
    }

    #[test]
    fn identity_is_answered_for_itself_and_for_routing_id_only_one_way() {
        let mut p = Properties::new();
        p.insert("Identity", b"a\0b").unwrap();
        assert_eq!(p.text("Identity"), Some(c"a"));
        assert_eq!(p.value("Identity"), Some(&b"a\0b"[..]));
        assert_eq!(p.text("Routing-Id"), None);
        let mut p = Properties::new();
        p.insert("Routing-Id", "r").unwrap();
        assert_eq!(p.text("Identity"), Some(c"r"));
    }

    #[test]
    fn the_descriptor_is_a_number_and_a_text() {
        let mut p = Properties::new();
        p.set_fd(17).unwrap();
        assert_eq!((p.fd, p.text("__fd")), (Some(17), Some(c"17")));
    }

    #[test]
    fn a_slot_outlives_its_peer_and_the_next_4096() {
        let mut table = PeerTable::new();
        let named = |name: &str| {
            let mut p = Properties::new();
            p.insert("X-Name", name).unwrap();
            p
        };
        let first = table.insert(named("first"));
        table.retire(first);
        table.retire(first); // counted once
        for _ in 0..LINGERING {
            let other = table.insert(named("other"));
            table.retire(other);
        }
        assert_eq!(table.find(first).unwrap().text("X-Name"), Some(c"first"));
        let last = table.insert(named("last"));
        assert_eq!(table.retire(last).len(), 1);
        assert!(table.find(first).is_none());
        let again = table.insert(named("again"));
        assert_eq!(again.slot, first.slot);
        assert!(table.find(first).is_none(), "a stale name finds nothing in a reused slot");
        assert_eq!(table.find(again).unwrap().peer(), Some(again));
    }

    #[test]
    fn peers_that_say_much_of_themselves_are_forgotten_sooner() {
        let mut table = PeerTable::new();
        let mut with_value = |size: usize| {
            let mut properties = Properties::new();
            properties.insert("X-Long", vec![b'x'; size]).unwrap();
            let peer = table.insert(properties);
            table.retire(peer);
            (table.find(peer).is_some(), table.released.len(), table.released_bytes)
        };
        for _ in 0..2 * LINGERING {
            let (found, _, bytes) = with_value(28 << 10);
            assert!(found && bytes <= LINGERING_BYTES);
        }
        assert_eq!(with_value(LINGERING_BYTES), (false, 0, 0));
        assert_eq!(with_value(10).1, 1);
    }

    #[test]
    fn the_static_table_answers() {
        let peer = PeerTable::register(Properties::new());
        assert!(PeerTable::lookup(peer).is_some());
        PeerTable::release(peer);
        assert!(PeerTable::lookup(peer).is_some());
        assert!(PeerTable::lookup(PeerRef { slot: u32::MAX, generation: 1 }).is_none());
    }
}
