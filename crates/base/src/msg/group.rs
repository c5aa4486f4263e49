//! The group of a message (RADIO, DISH; RFC 48), which the message points to in place of its peer.
use std::{
    ffi::CStr,
    sync::{Arc, OnceLock},
};

use super::{GROUPED, META_STRONG, Msg, Peer};
use crate::peer::{PeerRef, PeerTable, Properties};

/// A group, and what the message knows of its peer. Never changed once a message points to it, so copies share it.
#[derive(Debug)]
pub(super) struct Grouped {
    /// Ends in NUL, which is not part of the group.
    name: Box<[u8]>,
    peer: Option<PeerRef>,
    /// Looked up once, and kept from then on.
    properties: OnceLock<Arc<Properties>>,
}

impl Grouped {
    /// The group `name`, cut off after [`Msg::GROUP_MAX`] bytes.
    fn new(name: &[u8], peer: Option<PeerRef>, properties: Option<Arc<Properties>>) -> Self {
        let name = &name[..name.len().min(Msg::GROUP_MAX)];
        let name = name.iter().copied().chain([0]).collect();
        Self { name, peer, properties: properties.map_or_else(OnceLock::new, OnceLock::from) }
    }

    /// The same group in a message from this peer.
    fn with_peer(&self, peer: Option<PeerRef>) -> Self {
        Self { name: self.name.clone(), peer, properties: OnceLock::new() }
    }

    fn name(&self) -> &[u8] {
        self.name.split_last().map_or(&[], |(_nul, name)| name)
    }

    /// The group as text, cut at an embedded NUL.
    fn text(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.name).unwrap_or_default()
    }

    pub(super) fn peer(&self) -> Option<PeerRef> {
        self.peer
    }

    pub(super) fn properties(&self) -> Option<&Properties> {
        if self.properties.get().is_none() {
            let found = PeerTable::lookup(self.peer?)?;
            return Some(self.properties.get_or_init(|| found));
        }
        self.properties.get().map(|found| &**found)
    }
}

impl Msg {
    /// The longest group, in bytes (`ZMQ_GROUP_MAX_LENGTH`).
    pub const GROUP_MAX: usize = 255;

    /// The group of the message (RADIO, DISH; RFC 48); empty if none was set.
    pub fn group(&self) -> &[u8] {
        self.grouped().map_or(&[], Grouped::name)
    }

    /// The group as a C string, cut at an embedded NUL.
    pub fn group_text(&self) -> &CStr {
        self.grouped().map_or(c"", Grouped::text)
    }

    /// Sets the group; what goes beyond [`Msg::GROUP_MAX`] bytes is cut off. Body and properties stay where they are.
    pub fn set_group(&mut self, group: &[u8]) {
        if group.is_empty() {
            return self.clear_group();
        }
        let grouped = Grouped::new(group, self.peer(), self.looked_up());
        self.point_to(grouped);
    }

    /// Takes the group away.
    pub fn clear_group(&mut self) {
        if self.grouped().is_some() {
            let peer = self.peer();
            self.release_properties();
            self.set_peer(peer);
        }
    }

    pub(super) fn grouped(&self) -> Option<&Grouped> {
        // SAFETY: the flag says that this is a counted pointer from `Arc::into_raw`, which only methods that take
        // `&mut self` give up.
        (self.flags.get() & GROUPED != 0).then(|| unsafe { &*self.peer.get().grouped })
    }

    /// The properties, if they were looked up.
    fn looked_up(&self) -> Option<Arc<Properties>> {
        if self.flags.get() & META_STRONG == 0 {
            return self.grouped()?.properties.get().cloned();
        }
        // SAFETY: the flag says that this is a counted pointer from `Arc::into_raw`; it is counted once more.
        unsafe {
            let strong = self.peer.get().strong;
            Arc::increment_strong_count(strong);
            Some(Arc::from_raw(strong))
        }
    }

    fn point_to(&mut self, grouped: Grouped) {
        self.release_properties();
        self.peer.set(Peer { grouped: Arc::into_raw(Arc::new(grouped)) });
        self.flags.set(self.flags.get() | GROUPED);
    }

    /// Sets the peer of a message that holds properties or a group; the group stays.
    #[inline(never)]
    pub(super) fn change_peer(&mut self, peer: Option<PeerRef>) {
        match self.grouped() {
            Some(grouped) if grouped.peer() == peer => {}
            Some(grouped) => {
                let grouped = grouped.with_peer(peer);
                self.point_to(grouped);
            }
            None => {
                self.release_properties();
                self.set_peer(peer);
            }
        }
    }
}
