//! Endpoints within a context: who is bound to which name, and who connected before anybody was.

use std::{collections::BTreeMap, sync::Arc};

use ferrozmq_base::{
    Msg, PeerInfo, Pipe, PipeId,
    pipe::{Rx, Tx},
    queue, slot,
    sync::{AtomicU64, Ordering},
};

use crate::port::Port;

/// The id of a pipe at its socket, for the far end; empty until the socket has taken the pipe.
#[derive(Debug, Default)]
pub(crate) struct Owner(AtomicU64);

impl Owner {
    pub(crate) fn id(&self) -> Option<PipeId> {
        PipeId::from_bits(self.0.load(Ordering::Acquire))
    }

    pub(crate) fn set(&self, id: PipeId) {
        self.0.store(id.to_bits(), Ordering::Release);
    }
}

/// One end of an inproc pair, as the registry needs to know it.
#[derive(Clone, Debug)]
pub(crate) struct Party {
    pub port: Arc<Port>,
    pub routing_id: Box<[u8]>,
    pub send_hwm: u32,
    pub receive_hwm: u32,
    /// What it wants to receive as the last message of a peer; a connecter wants nothing.
    pub farewell: Option<Arc<[u8]>>,
    /// Its first message to whoever connects, who writes it: the binder may be busy with other things.
    pub hello: Option<Arc<[u8]>>,
}

impl Party {
    pub(crate) fn info(&self) -> PeerInfo {
        PeerInfo { routing_id: self.routing_id.clone(), ..PeerInfo::default() }
    }
}

/// A socket that connected to a name that nobody had bound.
#[derive(Debug)]
pub(crate) struct Pending {
    pub party: Party,
    /// The binder's end of the pair.
    pub pipe: Pipe,
    /// The connecter's pipe.
    pub near: Arc<Owner>,
    /// The binder's pipe, once there is one.
    pub far: Arc<Owner>,
}

/// The names of a context.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    bound: BTreeMap<String, Party>,
    pending: BTreeMap<String, Vec<Pending>>,
}

impl Registry {
    /// Who is bound to the name.
    pub(crate) fn bound(&self, name: &str) -> Option<&Party> {
        self.bound.get(name)
    }

    /// Binds the name and returns who waited for it, in the order in which they came; none if the name is taken.
    pub(crate) fn bind(&mut self, name: &str, party: Party) -> Option<Vec<Pending>> {
        if self.bound.contains_key(name) {
            return None;
        }
        self.bound.insert(name.to_owned(), party);
        Some(self.pending.remove(name).unwrap_or_default())
    }

    /// Frees the name if this socket has it.
    pub(crate) fn unbind(&mut self, name: &str, port: &Arc<Port>) -> bool {
        let own = self.bound.get(name).is_some_and(|p| Arc::ptr_eq(&p.port, port));
        if own {
            self.bound.remove(name);
        }
        own
    }

    /// Somebody waits for the name.
    pub(crate) fn wait(&mut self, name: &str, pending: Pending) {
        self.pending.entry(name.to_owned()).or_default().push(pending);
    }

    /// A pipe that waited is gone. If its socket lingers, what it has sent waits for the binder all the same; with the
    /// context it goes.
    pub(crate) fn forget(&mut self, near: &Arc<Owner>, lingers: bool) {
        self.pending.retain(|_, list| {
            list.retain_mut(|p| !Arc::ptr_eq(&p.near, near) || lingers && p.pipe.has());
            !list.is_empty()
        });
    }
}

/// The sum of a sender's and a receiver's limit; no limit if one has none.
pub(crate) fn sum(send: u32, receive: u32) -> u32 {
    if send == 0 || receive == 0 { 0 } else { send.saturating_add(receive) }
}

/// Both ends of a pair: the connecter's and the binder's. `conflate`: whether what the connecter sends, and what it
/// receives, keeps the newest message only. `hello`: the binder's first message.
pub(crate) fn pair(
    conflate: (bool, bool),
    to_binder: u32,
    to_connecter: u32,
    hello: Option<&[u8]>,
) -> (Pipe, Pipe) {
    let (near_tx, far_rx) = direction(conflate.0, to_binder, None);
    let (far_tx, near_rx) = direction(conflate.1, to_connecter, hello);
    (Pipe::new(near_tx, near_rx), Pipe::new(far_tx, far_rx))
}

/// One direction with its first message. Without memory for that nothing is said.
fn direction(conflate: bool, hwm: u32, first: Option<&[u8]>) -> (Tx, Rx) {
    let first = first.and_then(|body| Msg::copy_from(body).ok());
    // Nobody waits for it yet.
    if conflate {
        let (mut writer, reader) = slot::slot();
        if first.is_some_and(|mut m| writer.put(&mut m, false).is_ok()) {
            let _ = writer.publish();
        }
        (Tx::Slot(writer), Rx::Slot(reader))
    } else {
        let (mut writer, reader) = queue::queue(hwm);
        if first.is_some_and(|mut m| writer.put(&mut m, false).is_ok()) {
            let _ = writer.publish();
        }
        (Tx::Queue(writer), Rx::Queue(reader))
    }
}
