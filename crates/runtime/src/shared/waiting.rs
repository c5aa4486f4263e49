//! The threads that wait for a socket, and which of them is woken.
//!
//! One of them is the lookout: mail that comes to the socket signals its descriptor, and no other. Whoever has done
//! something on the socket, under the mutex, calls those for whom something may be possible now: of those who take
//! what they wait for, as a receiver takes a message, one at a time, and that one calls the next.
//!
//! Invariants, whenever the mutex is free and somebody waits:
//! - The lookout is one of them. It has been called, or it announced its sleep and found no mail after that, or mail
//!   that came later has signalled it: so mail is never left to nobody.
//! - If the socket can be read, one of those who want to has been called; the same for room to send. If there is news,
//!   those have been called to whom any news may matter.
//! - Who has been called looks before it sleeps again, and whoever leaves, for whatever reason, hands on what it was:
//!   lookout, or called.
//!
//! Who is called is signalled as soon as the mutex is free: it would wait for it otherwise. A descriptor stays signalled
//! until its thread clears it, before it looks, so that a call between the look and the sleep ends the sleep.

use std::sync::Arc;

use ferrozmq_base::{Error, Result};
use ferrozmq_pattern::Events;
use ferrozmq_sys::WakeFd;

use crate::{port::Port, socket::SocketCore};

/// The most descriptors that are kept for the next waits.
const SPARE_MAX: usize = 16;
/// How many lone waits leave reading to the I/O threads after two threads waited at once: the right to read is not
/// worth its way back and forth.
const CROWD: u32 = 64;

/// What a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// A message, which it takes.
    Input,
    /// Room for a message to whichever peer has some.
    Output,
    /// Anything: a new peer, room at a certain one.
    News,
    /// To hear of this; it takes nothing.
    Events(Events),
}

#[derive(Debug)]
struct Waiting {
    wake: Arc<WakeFd>,
    want: Want,
    /// It was signalled, and has not looked since.
    called: bool,
    /// It reads the connections meanwhile.
    reads: bool,
}

/// What the mutex guards.
#[derive(Debug)]
pub(super) struct State {
    /// None once the socket is closed.
    pub core: Option<SocketCore>,
    port: Arc<Port>,
    /// The longest wait first.
    waiting: Vec<Waiting>,
    lookout: Option<Arc<WakeFd>>,
    /// The news that those who wait for any were last called for. Whoever hears of something need not say so: the next
    /// who calls sees it.
    told: u64,
    /// Lone waits until one reads again.
    crowd: u32,
    /// To be signalled when the mutex is free.
    pub calls: Vec<Arc<WakeFd>>,
    spare: Vec<Arc<WakeFd>>,
}

impl State {
    pub(super) fn new(core: SocketCore) -> Self {
        Self {
            port: core.port().clone(),
            core: Some(core),
            waiting: Vec::new(),
            lookout: None,
            told: 0,
            crowd: 0,
            calls: Vec::new(),
            spare: Vec::new(),
        }
    }

    pub(super) fn core(&mut self) -> Result<&mut SocketCore> {
        self.core.as_mut().ok_or(Error::NotASocket)
    }

    /// A thread begins to wait; it looks before it sleeps.
    pub(super) fn enter(&mut self, want: Want) -> Result<Arc<WakeFd>> {
        let core = self.core.as_mut().ok_or(Error::NotASocket)?;
        let wake = match self.spare.pop() {
            Some(wake) => wake,
            None => Arc::new(WakeFd::new()?),
        };
        core.write_deferred();
        if !self.waiting.is_empty() {
            self.crowd = CROWD;
        }
        if !self.waiting.is_empty() || want != Want::Input {
            // Only a lone receiver reads the connections itself: it gives them back.
            core.end_leases();
            if let Some(lone) = self.waiting.iter_mut().find(|waiting| waiting.reads) {
                lone.call(&mut self.calls);
            }
        }
        self.waiting.push(Waiting { wake: wake.clone(), want, called: true, reads: false });
        Ok(wake)
    }

    /// Somebody is told of everything from now on, and does not wait.
    pub(super) fn watch(&mut self, watcher: &Arc<WakeFd>) -> Result<()> {
        let core = self.core.as_mut().ok_or(Error::NotASocket)?;
        core.write_deferred();
        core.end_leases();
        if let [lone] = &mut self.waiting[..] {
            lone.call(&mut self.calls);
        }
        self.port.add_watcher(watcher);
        Ok(())
    }

    /// A thread waits no more.
    pub(super) fn leave(&mut self, wake: &Arc<WakeFd>) {
        self.waiting.retain(|waiting| !Arc::ptr_eq(&waiting.wake, wake));
        if self.spare.len() < SPARE_MAX {
            self.spare.push(wake.clone());
        }
        if !self.is_lookout(wake) {
            return;
        }
        self.set_lookout(self.waiting.first().map(|next| next.wake.clone()));
        if let Some(next) = self.waiting.first_mut()
            && !next.called
            && !self.port.prepare_lookout()
        {
            next.call(&mut self.calls);
        }
    }

    /// A thread looks now, and needs no call to.
    pub(super) fn begin_look(&mut self, wake: &Arc<WakeFd>) {
        self.entry(wake, |own| own.called = true);
        if self.lookout.is_none() {
            self.set_lookout(Some(wake.clone()));
        }
        if self.is_lookout(wake) {
            self.port.awake_lookout();
        }
    }

    /// Whether a thread that looks reads the connections from now on.
    pub(super) fn set_reads(&mut self, wake: &Arc<WakeFd>, reads: bool) {
        self.entry(wake, |own| own.reads = reads);
    }

    /// A thread has found nothing and goes to sleep; false if it has to look again.
    pub(super) fn announce(&mut self, wake: &Arc<WakeFd>) -> bool {
        if self.is_lookout(wake) && !self.port.prepare_lookout() {
            return false;
        }
        self.entry(wake, |own| own.called = false);
        true
    }

    /// Whether nobody else waits, nor did a short while ago.
    pub(super) fn is_lone(&mut self) -> bool {
        if self.waiting.len() > 1 || self.port.is_watched() {
            return false;
        }
        let lone = self.crowd == 0;
        self.crowd = self.crowd.saturating_sub(1);
        lone
    }

    /// Calls those for whom something may be possible. `changed`: the socket was, by its user.
    pub(super) fn call(&mut self, changed: bool) {
        let heard = self.core.as_ref().map_or(self.told, SocketCore::news);
        let news = changed || heard != self.told;
        self.told = heard;
        if news {
            self.calls.extend(self.port.watchers());
        }
        if self.waiting.iter().all(|waiting| waiting.called) {
            return;
        }
        let ready = match &mut self.core {
            Some(core) if !core.is_stopped() => core.ready(),
            // The end is for everybody.
            _ => return self.call_all(),
        };
        let called = |want| self.waiting.iter().any(|waiting| waiting.called && waiting.want == want);
        let mut input = ready.readable && !called(Want::Input);
        let mut output = ready.writable && !called(Want::Output);
        for waiting in self.waiting.iter_mut().filter(|waiting| !waiting.called) {
            let is_meant = match waiting.want {
                Want::Input => std::mem::take(&mut input),
                Want::Output => std::mem::take(&mut output),
                Want::News => news,
                Want::Events(wanted) => {
                    wanted.readable && ready.readable || wanted.writable && ready.writable
                }
            };
            if is_meant {
                waiting.call(&mut self.calls);
            }
        }
    }

    /// Calls everybody.
    pub(super) fn call_all(&mut self) {
        self.calls.extend(self.port.watchers());
        self.waiting.iter_mut().for_each(|waiting| waiting.call(&mut self.calls));
    }

    fn is_lookout(&self, wake: &Arc<WakeFd>) -> bool {
        self.lookout.as_ref().is_some_and(|lookout| Arc::ptr_eq(lookout, wake))
    }

    fn set_lookout(&mut self, lookout: Option<Arc<WakeFd>>) {
        self.port.set_lookout(lookout.clone());
        self.lookout = lookout;
    }

    fn entry(&mut self, wake: &Arc<WakeFd>, f: impl FnOnce(&mut Waiting)) {
        if let Some(own) = self.waiting.iter_mut().find(|waiting| Arc::ptr_eq(&waiting.wake, wake)) {
            f(own);
        }
    }
}

impl Waiting {
    fn call(&mut self, calls: &mut Vec<Arc<WakeFd>>) {
        self.called = true;
        calls.push(self.wake.clone());
    }
}
