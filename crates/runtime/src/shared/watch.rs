//! A descriptor that tells of shared sockets while nobody waits for them (zmq_poller_fd(3)).
//!
//! Invariant: from the moment that a watch exists, its descriptor is signalled after everything by which the socket may
//! have become ready: mail, and calls of other threads that changed it or took mail. So somebody who clears it, then
//! finds the socket not ready, and waits for the descriptor, misses nothing. The I/O threads read all connections
//! meanwhile: what a thread reads by itself comes without mail.

use std::sync::{Arc, Weak};

use ferrozmq_base::Result;
use ferrozmq_sys::WakeFd;

use super::SharedSocket;

/// Signals a descriptor on behalf of a socket, until it is dropped.
#[derive(Debug)]
pub struct Watch {
    socket: Weak<SharedSocket>,
    wake: Arc<WakeFd>,
}

impl Watch {
    /// Begins. What is ready already is not signalled: look after this.
    ///
    /// # Errors
    /// `NotASocket` for one that is closed; `Interrupted` in a forked child.
    pub fn new(socket: &Arc<SharedSocket>, wake: &Arc<WakeFd>) -> Result<Self> {
        socket.lock()?.watch(wake)?;
        Ok(Self { socket: Arc::downgrade(socket), wake: wake.clone() })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.upgrade() {
            socket.port.remove_watcher(&self.wake);
        }
    }
}
