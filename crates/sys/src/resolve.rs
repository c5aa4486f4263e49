//! Host names, interface names and numeric addresses to socket addresses.
//!
//! The functions block while DNS answers; [`Resolver`] runs them in helper threads. `ipv6` is the socket's ZMQ_IPV6
//! option: with it everything is IPv6, IPv4 hosts as mapped addresses; it counts as off where the kernel has no IPv6.

use crate::interface;
use crate::net::{SocketAddress, tcp};
use crate::syscall::errno;
use crate::thread::{self, Thread, ThreadOptions};
use std::collections::VecDeque;
use std::ffi::CString;
use std::fmt;
use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The address to bind to: `*` for all, an interface name, a numeric address, or a host name (its first address).
///
/// Errors: ENODEV for a host or interface that does not exist, EINVAL for a zone that does not, ENOMEM.
pub fn resolve_bind(host: &str, port: u16, ipv6: bool) -> io::Result<SocketAddr> {
    let ipv6 = ipv6 && tcp::is_ipv6_supported();
    match local(host, port, ipv6)? {
        Some(address) => Ok(address),
        None => first(look_up(host, port, ipv6, libc::AI_PASSIVE), libc::ENODEV),
    }
}

/// The address to connect from: `*` for any, an interface name or a numeric address. Never asks DNS.
///
/// Errors: EINVAL for anything else.
pub fn resolve_source(host: &str, port: u16, ipv6: bool) -> io::Result<SocketAddr> {
    let ipv6 = ipv6 && tcp::is_ipv6_supported();
    local(host, port, ipv6)?.ok_or_else(|| errno(libc::EINVAL))
}

/// The addresses to try in turn to reach a host, at least one.
///
/// Errors: EINVAL for a host that does not resolve, ENOMEM.
pub fn resolve_connect(host: &str, port: u16, ipv6: bool) -> io::Result<Vec<SocketAddr>> {
    let ipv6 = ipv6 && tcp::is_ipv6_supported();
    match numeric(host, port, ipv6)? {
        Some(address) => Ok(vec![address]),
        None => look_up(host, port, ipv6, 0).map_err(|error| error.to_io(libc::EINVAL)),
    }
}

/// What needs no name server: `*`, a numeric address, or an interface.
fn local(host: &str, port: u16, ipv6: bool) -> io::Result<Option<SocketAddr>> {
    if host == "*" {
        let any = if ipv6 { IpAddr::from(Ipv6Addr::UNSPECIFIED) } else { Ipv4Addr::UNSPECIFIED.into() };
        return Ok(Some(SocketAddr::new(any, port)));
    }
    if let Some(address) = numeric(host, port, ipv6)? {
        return Ok(Some(address));
    }
    Ok(interface::address(host, ipv6)?.map(|(ip, scope)| with_scope(ip, port, scope)))
}

/// Parses a numeric address, with or without brackets and `%zone`; `None` if it is not one of the wanted family.
///
/// EINVAL for an empty zone or one that names no interface.
fn numeric(host: &str, port: u16, ipv6: bool) -> io::Result<Option<SocketAddr>> {
    let (host, zone) = split(host)?;
    Ok(match host.parse::<IpAddr>() {
        Ok(ip @ IpAddr::V4(v4)) => Some(if ipv6 {
            SocketAddr::new(v4.to_ipv6_mapped().into(), port)
        } else {
            SocketAddr::new(ip, port)
        }),
        Ok(ip @ IpAddr::V6(_)) if ipv6 => Some(with_scope(ip, port, zone)),
        _ => None,
    })
}

/// Host without brackets and zone, and the zone's number (0 if there is none).
fn split(host: &str) -> io::Result<(&str, u32)> {
    let host = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
    let Some((host, zone)) = host.rsplit_once('%') else { return Ok((host, 0)) };
    let index = if zone.starts_with(|c: char| c.is_ascii_alphabetic()) {
        interface::index(zone).ok()
    } else {
        zone.parse().ok()
    };
    match index {
        Some(index) if index != 0 => Ok((host, index)),
        _ => Err(errno(libc::EINVAL)),
    }
}

fn with_scope(ip: IpAddr, port: u16, scope: u32) -> SocketAddr {
    match ip {
        IpAddr::V4(v4) => SocketAddrV4::new(v4, port).into(),
        IpAddr::V6(v6) => SocketAddrV6::new(v6, port, 0, scope).into(),
    }
}

/// Why getaddrinfo gave nothing.
enum LookUpError {
    OutOfMemory,
    NotFound,
}

impl LookUpError {
    fn to_io(&self, not_found: libc::c_int) -> io::Error {
        match self {
            Self::OutOfMemory => errno(libc::ENOMEM),
            Self::NotFound => errno(not_found),
        }
    }
}

fn first(found: Result<Vec<SocketAddr>, LookUpError>, not_found: libc::c_int) -> io::Result<SocketAddr> {
    found.map_err(|error| error.to_io(not_found))?.first().copied().ok_or_else(|| errno(not_found))
}

/// Asks the system's resolver. All addresses, in its order of preference.
fn look_up(host: &str, port: u16, ipv6: bool, flags: libc::c_int) -> Result<Vec<SocketAddr>, LookUpError> {
    let (host, zone) = split(host).map_err(|_| LookUpError::NotFound)?;
    let name = CString::new(host).map_err(|_| LookUpError::NotFound)?;
    if host.is_empty() {
        return Err(LookUpError::NotFound);
    }
    // SAFETY: integers and pointers, for which zero and null are valid.
    let mut hints: libc::addrinfo = unsafe { mem::zeroed() };
    hints.ai_socktype = libc::SOCK_STREAM;
    hints.ai_flags = flags;
    if ipv6 {
        hints.ai_family = libc::AF_INET6;
        hints.ai_flags |= libc::AI_V4MAPPED | libc::AI_ALL;
    } else {
        hints.ai_family = libc::AF_INET;
    }
    let mut list = ptr::null_mut();
    // SAFETY: name and hints outlive the call; the list is ours to free on success.
    match unsafe { libc::getaddrinfo(name.as_ptr(), ptr::null(), &raw const hints, &raw mut list) } {
        0 => {}
        libc::EAI_MEMORY => return Err(LookUpError::OutOfMemory),
        _ => return Err(LookUpError::NotFound),
    }
    let mut found = Vec::new();
    let mut next = list;
    // SAFETY: each entry is alive until freeaddrinfo, which is called once, last; its address is as long as its family
    // says.
    unsafe {
        while let Some(entry) = next.as_ref() {
            if let Some(mut address) = SocketAddress::from_raw(entry.ai_addr) {
                address.set_port(port);
                if let (SocketAddr::V6(v6), 1..) = (&mut address, zone) {
                    v6.set_scope_id(zone);
                }
                if !found.contains(&address) {
                    found.push(address);
                }
            }
            next = entry.ai_next;
        }
        libc::freeaddrinfo(list);
    }
    if found.is_empty() { Err(LookUpError::NotFound) } else { Ok(found) }
}

/// A host to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Name or numeric address, with or without brackets and zone.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The socket's ZMQ_IPV6 option.
    pub ipv6: bool,
}

impl Request {
    fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        resolve_connect(&self.host, self.port, self.ipv6)
    }
}

type Reply = Box<dyn FnOnce(io::Result<Vec<SocketAddr>>) + Send>;

/// Resolves hosts away from the caller's thread.
///
/// Helper threads, at most four, start when there is something to look up and end when there is not. The queue has no
/// limit of its own: a connecting session has one request in it at most. Dropping forgets the requests that nobody has
/// begun with; a look-up in progress is not waited for, and its reply runs as soon as the system lets go of it.
#[derive(Clone, Default)]
pub struct Resolver(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// A helper thread has ended, or is about to.
    ended: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(Request, Reply)>,
    threads: usize,
    handles: Vec<Thread<()>>,
}

/// Look-ups in parallel, so that one dead name server does not hold up every other host.
const MAX_THREADS: usize = 4;

impl Resolver {
    /// A resolver without any thread yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Resolves and calls `reply` once: before returning if the host is numeric or no thread can be started (EAGAIN),
    /// else in a helper thread.
    pub fn submit(&self, request: Request, reply: impl FnOnce(io::Result<Vec<SocketAddr>>) + Send + 'static) {
        let ipv6 = request.ipv6 && tcp::is_ipv6_supported();
        match numeric(&request.host, request.port, ipv6) {
            Ok(None) => {}
            Ok(Some(address)) => return reply(Ok(vec![address])),
            Err(error) => return reply(Err(error)),
        }
        let mut queue = self.queue();
        queue.waiting.push_back((request, Box::new(reply)));
        if queue.threads == MAX_THREADS {
            return;
        }
        queue.threads += 1;
        drop(queue);
        let shared = Arc::downgrade(&self.0);
        let started = thread::spawn("resolver", ThreadOptions::default(), move || {
            while let Some(queue) = shared.upgrade() {
                let next = Self(queue).next();
                let Some((request, reply)) = next else { return };
                // A panic in a reply is the caller's affair and must not cost the others their thread.
                let _ = catch_unwind(AssertUnwindSafe(|| reply(request.resolve())));
            }
        });
        match started {
            Ok(handle) => {
                let mut queue = self.queue();
                queue.handles.retain(|handle| !handle.is_finished());
                queue.handles.push(handle);
            }
            Err(error) => self.thread_refused(&error),
        }
    }

    /// Forgets the requests that nobody has begun with and waits for the helper threads to end, at most this long: a
    /// look-up cannot be cut short.
    pub fn finish(&self, limit: Duration) {
        let mut queue = self.queue();
        let forgotten = mem::take(&mut queue.waiting);
        let waited = self.0.ended.wait_timeout_while(queue, limit, |queue| queue.threads > 0);
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let handles = if queue.threads == 0 { mem::take(&mut queue.handles) } else { Vec::new() };
        drop(queue);
        drop(forgotten);
        for handle in handles {
            if !handle.is_current() {
                let _ = handle.join();
            }
        }
    }

    /// The next request for a helper thread; at `None` it has to end.
    fn next(&self) -> Option<(Request, Reply)> {
        let mut queue = self.queue();
        let next = queue.waiting.pop_front();
        if next.is_none() {
            queue.threads -= 1;
            self.0.ended.notify_all();
        }
        next
    }

    /// Answers the waiting requests with the error, unless some other thread is there to do them.
    fn thread_refused(&self, error: &io::Error) {
        let mut queue = self.queue();
        queue.threads -= 1;
        let unserved = if queue.threads == 0 { mem::take(&mut queue.waiting) } else { VecDeque::new() };
        drop(queue);
        for (_, reply) in unserved {
            reply(Err(errno(error.raw_os_error().unwrap_or(libc::EAGAIN))));
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = self.queue();
        f.debug_struct("Resolver")
            .field("waiting", &queue.waiting.len())
            .field("threads", &queue.threads)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn code<T: fmt::Debug>(result: io::Result<T>) -> Option<i32> {
        result.unwrap_err().raw_os_error()
    }

    #[test]
    fn wildcard_binds_to_all_addresses_of_the_family() {
        assert_eq!(resolve_bind("*", 5, false).unwrap(), "0.0.0.0:5".parse().unwrap());
        let any = if tcp::is_ipv6_supported() { "[::]:5" } else { "0.0.0.0:5" };
        assert_eq!(resolve_bind("*", 5, true).unwrap(), any.parse().unwrap());
    }

    #[test]
    fn interface_names_stand_for_their_first_address() {
        assert_eq!(resolve_bind("lo", 7, false).unwrap(), "127.0.0.1:7".parse().unwrap());
        assert_eq!(resolve_source("lo", 0, false).unwrap(), "127.0.0.1:0".parse().unwrap());
        assert_eq!(code(resolve_bind("no-such-nic.invalid", 7, false)), Some(libc::ENODEV));
        // A source is never looked up in DNS.
        assert_eq!(code(resolve_source("localhost", 7, false)), Some(libc::EINVAL));
    }

    #[test]
    fn ipv4_hosts_are_mapped_when_ipv6_is_on() {
        let host = |ipv6| resolve_connect("127.0.0.1", 9, ipv6).unwrap();
        assert_eq!(host(false), ["127.0.0.1:9".parse().unwrap()]);
        let mapped = if tcp::is_ipv6_supported() { "[::ffff:127.0.0.1]:9" } else { "127.0.0.1:9" };
        assert_eq!(host(true), [mapped.parse().unwrap()]);
    }

    #[test]
    fn host_names_resolve_to_all_their_addresses() {
        let localhost = resolve_connect("localhost", 80, false).unwrap();
        assert!(localhost.contains(&"127.0.0.1:80".parse().unwrap()), "{localhost:?}");
        assert_eq!(resolve_bind("localhost", 80, false).unwrap(), localhost[0]);
        let both = resolve_connect("localhost", 80, true).unwrap();
        assert!(
            both.iter()
                .all(|address| address.ip().is_loopback() || address.ip().to_canonical().is_loopback())
        );
        assert_eq!(code(resolve_connect("no-such-host.invalid", 80, false)), Some(libc::EINVAL));
        assert_eq!(code(resolve_connect("", 80, false)), Some(libc::EINVAL));
        assert_eq!(code(resolve_connect("a\0b", 80, false)), Some(libc::EINVAL));
        assert_eq!(code(resolve_bind("", 80, false)), Some(libc::ENODEV));
    }

    #[test]
    fn zones_are_names_or_numbers_and_must_exist() {
        for host in ["fe80::1%", "fe80::1%0", "fe80::1%no-such-nic", "[fe80::1%0]"] {
            assert_eq!(code(resolve_connect(host, 1, true)), Some(libc::EINVAL), "{host}");
        }
        let lo = interface::index("lo").unwrap();
        if !tcp::is_ipv6_supported() {
            assert_eq!(code(resolve_connect("fe80::1%lo", 1, true)), Some(libc::EINVAL));
            return;
        }
        for host in ["fe80::1%lo".to_owned(), "[fe80::1%lo]".to_owned(), format!("fe80::1%{lo}")] {
            let [SocketAddr::V6(address)] = resolve_connect(&host, 1, true).unwrap()[..] else {
                panic!("{host}")
            };
            assert_eq!((address.scope_id(), address.port()), (lo, 1), "{host}");
            assert_eq!(crate::net::ip_text(address.into()), "fe80::1%lo");
        }
    }

    fn request(host: &str) -> Request {
        Request { host: host.into(), port: 4, ipv6: false }
    }

    #[test]
    fn a_numeric_host_is_answered_before_submit_returns() {
        let resolver = Resolver::new();
        let (reply, answer) = mpsc::channel();
        resolver.submit(request("10.0.0.1"), move |result| reply.send(result).unwrap());
        assert_eq!(answer.try_recv().unwrap().unwrap(), ["10.0.0.1:4".parse().unwrap()]);
        assert_eq!(resolver.queue().threads, 0);
    }

    #[test]
    fn names_are_answered_by_helper_threads_that_end() {
        let resolver = Resolver::new();
        let (reply, answers) = mpsc::channel();
        let caller = std::thread::current().id();
        for n in 0..20 {
            let reply = reply.clone();
            resolver.submit(request("localhost"), move |result| {
                assert_ne!(std::thread::current().id(), caller);
                reply.send(result.unwrap()).unwrap();
                assert_ne!(n, 3, "a panicking reply must not stop the others");
            });
            assert!(resolver.queue().threads <= MAX_THREADS);
        }
        for _ in 0..20 {
            assert!(answers.recv().unwrap().contains(&"127.0.0.1:4".parse().unwrap()));
        }
        while resolver.queue().threads > 0 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn dropping_the_resolver_forgets_what_was_not_begun() {
        let resolver = Resolver::new();
        let (reply, answers) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(()));
        let held = gate.lock().unwrap();
        for _ in 0..MAX_THREADS + 8 {
            let (reply, gate) = (reply.clone(), gate.clone());
            resolver.submit(request("localhost"), move |_| {
                drop(gate.lock());
                reply.send(()).unwrap();
            });
        }
        drop((reply, resolver));
        drop(held);
        // Ends only when every reply was either called or dropped.
        assert!(answers.iter().count() <= MAX_THREADS);
    }

    #[test]
    fn at_the_end_no_helper_is_left() {
        let resolver = Resolver::new();
        let (reply, answer) = mpsc::channel();
        resolver.submit(request("localhost"), move |addresses| reply.send(addresses.is_ok()).unwrap());
        assert_eq!(answer.recv(), Ok(true));
        resolver.finish(Duration::from_secs(60));
        let queue = resolver.queue();
        assert_eq!((queue.threads, queue.handles.len()), (0, 0));
    }
}
