//! The C functions of a libzmq, loaded from a shared library, callable with the arguments that C has.
//!
//! The methods are safe to *name*, not to misuse: a wrong pointer does here what it does in C. A test that passes one on
//! purpose relies on the subject's promise to check it.
#![allow(clippy::not_unsafe_ptr_arg_deref, reason = "hostile pointers are what some of the tests are about")]

use std::ffi::{OsStr, c_char, c_int, c_long, c_ulong, c_void};

use crate::subject::Errno;

/// A context, socket or other opaque object of the C API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle(pub *mut c_void);

// SAFETY: a handle is only a number to us; the library says which calls may be made from which thread.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

/// No object.
pub const NULL: *mut c_void = std::ptr::null_mut();

/// `zmq_msg_t`: 64 opaque bytes, aligned as a pointer.
#[repr(C, align(8))]
pub struct RawMsg(pub [u8; 64]);

/// `zmq_pollitem_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawPollItem {
    /// Socket, or null.
    pub socket: *mut c_void,
    /// File descriptor, looked at if there is no socket.
    pub fd: c_int,
    /// Events asked for.
    pub events: i16,
    /// Events found.
    pub revents: i16,
}

/// `zmq_poller_event_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawPollerEvent {
    /// Socket, or null.
    pub socket: *mut c_void,
    /// File descriptor, or -1.
    pub fd: c_int,
    /// What was registered with it.
    pub user_data: *mut c_void,
    /// Events found.
    pub events: i16,
}

/// `zmq_free_fn`.
pub type FreeFn = extern "C" fn(*mut c_void, *mut c_void);
/// `zmq_timer_fn`.
pub type TimerFn = extern "C" fn(c_int, *mut c_void);
/// `zmq_thread_fn`.
pub type ThreadFn = extern "C" fn(*mut c_void);

macro_rules! functions {
    ($(#[doc = $doc:literal])* $table:ident: $($rest:tt)*) => {
        functions! { @table $table, [$($doc)*] $($rest)* }
    };
    (@table $table:ident, [$($doc:literal)*] $(fn $name:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)?;)*) => {
        $(#[doc = $doc])*
        pub struct $table {
            $($name: unsafe extern "C" fn($($ty),*) $(-> $ret)?,)*
        }

        impl $table {
            /// Fails if one of the functions is missing.
            fn of(library: &libloading::Library) -> Result<Self, libloading::Error> {
                Ok(Self {
                    // SAFETY: the types are those of zmq.h; the library is kept for as long as the pointers.
                    $($name: unsafe { *library.get(concat!(stringify!($name), "\0").as_bytes())? },)*
                })
            }

            $(
                #[doc = concat!("Calls `", stringify!($name), "`.")]
                pub fn $name(&self, $($arg: $ty),*) $(-> $ret)? {
                    // SAFETY: the signature is that of zmq.h; the arguments are the test's business (module doc).
                    unsafe { (self.$name)($($arg),*) }
                }
            )*
        }
    };
}

functions! {
    /// The stable functions of `zmq.h`.
    Stable:
    fn zmq_errno() -> c_int;
    fn zmq_strerror(number: c_int) -> *const c_char;
    fn zmq_version(major: *mut c_int, minor: *mut c_int, patch: *mut c_int);
    fn zmq_has(capability: *const c_char) -> c_int;
    fn zmq_ctx_new() -> *mut c_void;
    fn zmq_ctx_term(ctx: *mut c_void) -> c_int;
    fn zmq_ctx_shutdown(ctx: *mut c_void) -> c_int;
    fn zmq_ctx_destroy(ctx: *mut c_void) -> c_int;
    fn zmq_init(threads: c_int) -> *mut c_void;
    fn zmq_term(ctx: *mut c_void) -> c_int;
    fn zmq_ctx_set(ctx: *mut c_void, option: c_int, value: c_int) -> c_int;
    fn zmq_ctx_get(ctx: *mut c_void, option: c_int) -> c_int;
    fn zmq_msg_init(msg: *mut RawMsg) -> c_int;
    fn zmq_msg_init_size(msg: *mut RawMsg, size: usize) -> c_int;
    fn zmq_msg_init_data(msg: *mut RawMsg, data: *mut c_void, size: usize, free: Option<FreeFn>, hint: *mut c_void) -> c_int;
    fn zmq_msg_send(msg: *mut RawMsg, socket: *mut c_void, flags: c_int) -> c_int;
    fn zmq_msg_recv(msg: *mut RawMsg, socket: *mut c_void, flags: c_int) -> c_int;
    fn zmq_sendmsg(socket: *mut c_void, msg: *mut RawMsg, flags: c_int) -> c_int;
    fn zmq_recvmsg(socket: *mut c_void, msg: *mut RawMsg, flags: c_int) -> c_int;
    fn zmq_msg_close(msg: *mut RawMsg) -> c_int;
    fn zmq_msg_move(dest: *mut RawMsg, src: *mut RawMsg) -> c_int;
    fn zmq_msg_copy(dest: *mut RawMsg, src: *mut RawMsg) -> c_int;
    fn zmq_msg_data(msg: *mut RawMsg) -> *mut c_void;
    fn zmq_msg_size(msg: *const RawMsg) -> usize;
    fn zmq_msg_more(msg: *const RawMsg) -> c_int;
    fn zmq_msg_get(msg: *const RawMsg, property: c_int) -> c_int;
    fn zmq_msg_set(msg: *mut RawMsg, property: c_int, value: c_int) -> c_int;
    fn zmq_msg_gets(msg: *const RawMsg, property: *const c_char) -> *const c_char;
    fn zmq_socket(ctx: *mut c_void, kind: c_int) -> *mut c_void;
    fn zmq_close(socket: *mut c_void) -> c_int;
    fn zmq_setsockopt(socket: *mut c_void, option: c_int, value: *const c_void, len: usize) -> c_int;
    fn zmq_getsockopt(socket: *mut c_void, option: c_int, value: *mut c_void, len: *mut usize) -> c_int;
    fn zmq_bind(socket: *mut c_void, endpoint: *const c_char) -> c_int;
    fn zmq_connect(socket: *mut c_void, endpoint: *const c_char) -> c_int;
    fn zmq_unbind(socket: *mut c_void, endpoint: *const c_char) -> c_int;
    fn zmq_disconnect(socket: *mut c_void, endpoint: *const c_char) -> c_int;
    fn zmq_send(socket: *mut c_void, body: *const c_void, len: usize, flags: c_int) -> c_int;
    fn zmq_send_const(socket: *mut c_void, body: *const c_void, len: usize, flags: c_int) -> c_int;
    fn zmq_recv(socket: *mut c_void, buffer: *mut c_void, len: usize, flags: c_int) -> c_int;
    fn zmq_sendiov(socket: *mut c_void, iov: *mut libc::iovec, count: usize, flags: c_int) -> c_int;
    fn zmq_recviov(socket: *mut c_void, iov: *mut libc::iovec, count: *mut usize, flags: c_int) -> c_int;
    fn zmq_socket_monitor(socket: *mut c_void, endpoint: *const c_char, events: c_int) -> c_int;
    fn zmq_poll(items: *mut RawPollItem, count: c_int, timeout: c_long) -> c_int;
    fn zmq_proxy(frontend: *mut c_void, backend: *mut c_void, capture: *mut c_void) -> c_int;
    fn zmq_proxy_steerable(frontend: *mut c_void, backend: *mut c_void, capture: *mut c_void, control: *mut c_void) -> c_int;
    fn zmq_device(kind: c_int, frontend: *mut c_void, backend: *mut c_void) -> c_int;
    fn zmq_z85_encode(dest: *mut c_char, data: *const u8, size: usize) -> *mut c_char;
    fn zmq_z85_decode(dest: *mut u8, text: *const c_char) -> *mut u8;
    fn zmq_curve_keypair(public: *mut c_char, secret: *mut c_char) -> c_int;
    fn zmq_curve_public(public: *mut c_char, secret: *const c_char) -> c_int;
    fn zmq_atomic_counter_new() -> *mut c_void;
    fn zmq_atomic_counter_set(counter: *mut c_void, value: c_int);
    fn zmq_atomic_counter_inc(counter: *mut c_void) -> c_int;
    fn zmq_atomic_counter_dec(counter: *mut c_void) -> c_int;
    fn zmq_atomic_counter_value(counter: *mut c_void) -> c_int;
    fn zmq_atomic_counter_destroy(counter: *mut *mut c_void);
    fn zmq_timers_new() -> *mut c_void;
    fn zmq_timers_destroy(timers: *mut *mut c_void) -> c_int;
    fn zmq_timers_add(timers: *mut c_void, interval: usize, handler: Option<TimerFn>, arg: *mut c_void) -> c_int;
    fn zmq_timers_cancel(timers: *mut c_void, id: c_int) -> c_int;
    fn zmq_timers_set_interval(timers: *mut c_void, id: c_int, interval: usize) -> c_int;
    fn zmq_timers_reset(timers: *mut c_void, id: c_int) -> c_int;
    fn zmq_timers_timeout(timers: *mut c_void) -> c_long;
    fn zmq_timers_execute(timers: *mut c_void) -> c_int;
    fn zmq_stopwatch_start() -> *mut c_void;
    fn zmq_stopwatch_intermediate(watch: *mut c_void) -> c_ulong;
    fn zmq_stopwatch_stop(watch: *mut c_void) -> c_ulong;
    fn zmq_sleep(seconds: c_int);
    fn zmq_threadstart(function: Option<ThreadFn>, arg: *mut c_void) -> *mut c_void;
    fn zmq_threadclose(thread: *mut c_void);
}

functions! {
    /// The functions of `zmq.h` that are there with the draft API only.
    Drafts:
    fn zmq_ctx_set_ext(ctx: *mut c_void, option: c_int, value: *const c_void, len: usize) -> c_int;
    fn zmq_ctx_get_ext(ctx: *mut c_void, option: c_int, value: *mut c_void, len: *mut usize) -> c_int;
    fn zmq_join(socket: *mut c_void, group: *const c_char) -> c_int;
    fn zmq_leave(socket: *mut c_void, group: *const c_char) -> c_int;
    fn zmq_connect_peer(socket: *mut c_void, endpoint: *const c_char) -> u32;
    fn zmq_disconnect_peer(socket: *mut c_void, routing_id: u32) -> c_int;
    fn zmq_msg_set_routing_id(msg: *mut RawMsg, routing_id: u32) -> c_int;
    fn zmq_msg_routing_id(msg: *mut RawMsg) -> u32;
    fn zmq_msg_set_group(msg: *mut RawMsg, group: *const c_char) -> c_int;
    fn zmq_msg_group(msg: *mut RawMsg) -> *const c_char;
    fn zmq_msg_init_buffer(msg: *mut RawMsg, body: *const c_void, size: usize) -> c_int;
    fn zmq_poller_new() -> *mut c_void;
    fn zmq_poller_destroy(poller: *mut *mut c_void) -> c_int;
    fn zmq_poller_size(poller: *mut c_void) -> c_int;
    fn zmq_poller_add(poller: *mut c_void, socket: *mut c_void, user_data: *mut c_void, events: i16) -> c_int;
    fn zmq_poller_modify(poller: *mut c_void, socket: *mut c_void, events: i16) -> c_int;
    fn zmq_poller_remove(poller: *mut c_void, socket: *mut c_void) -> c_int;
    fn zmq_poller_wait(poller: *mut c_void, event: *mut RawPollerEvent, timeout: c_long) -> c_int;
    fn zmq_poller_wait_all(poller: *mut c_void, events: *mut RawPollerEvent, count: c_int, timeout: c_long) -> c_int;
    fn zmq_poller_fd(poller: *mut c_void, fd: *mut c_int) -> c_int;
    fn zmq_poller_add_fd(poller: *mut c_void, fd: c_int, user_data: *mut c_void, events: i16) -> c_int;
    fn zmq_poller_modify_fd(poller: *mut c_void, fd: c_int, events: i16) -> c_int;
    fn zmq_poller_remove_fd(poller: *mut c_void, fd: c_int) -> c_int;
    fn zmq_ppoll(items: *mut RawPollItem, count: c_int, timeout: c_long, mask: *const libc::sigset_t) -> c_int;
    fn zmq_socket_get_peer_state(socket: *mut c_void, id: *const c_void, size: usize) -> c_int;
    fn zmq_socket_monitor_versioned(socket: *mut c_void, endpoint: *const c_char, events: u64, version: c_int, kind: c_int) -> c_int;
    fn zmq_socket_monitor_pipes_stats(socket: *mut c_void) -> c_int;
}

/// A loaded library.
pub struct Library {
    stable: Stable,
    drafts: Option<Drafts>,
    library: libloading::Library,
}

impl std::ops::Deref for Library {
    type Target = Stable;

    fn deref(&self) -> &Stable {
        &self.stable
    }
}

impl Library {
    /// Loads the library; fails if it or one of the stable functions is missing.
    pub fn load(path: impl AsRef<OsStr>) -> Result<Self, libloading::Error> {
        // SAFETY: the library's initialisers are those of a libzmq, which need nothing from us.
        let library = unsafe { libloading::Library::new(path)? };
        let (stable, drafts) = (Stable::of(&library)?, Drafts::of(&library).ok());
        Ok(Self { stable, drafts, library })
    }

    /// The draft functions, if it has them all.
    pub fn drafts(&self) -> Option<&Drafts> {
        self.drafts.as_ref()
    }

    /// `Ok` with the value of a call that signals failure by -1, else the error number.
    pub fn check(&self, rc: c_int) -> Result<usize, Errno> {
        usize::try_from(rc).map_err(|_| Errno(self.zmq_errno()))
    }

    /// Whether the library exports a symbol.
    pub fn exports(&self, symbol: &str) -> bool {
        let name = format!("{symbol}\0");
        // SAFETY: the address is only tested for presence, never called or read.
        unsafe { self.library.get::<*const c_void>(name.as_bytes()).is_ok() }
    }
}
