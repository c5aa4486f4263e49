//! What needs a process of its own (descriptor limits, signals, forks, old kernels) and what needs real cores (fences).
//!
//! Each such test starts this program again for itself alone.

use ferrozmq_base::sync::{heavy_fence, light_fence};
use ferrozmq_sys::net::{Connecting, ipc, tcp, vsock};
use ferrozmq_sys::{
    ForkEpoch, Interest, Listener, PollFd, Poller, SignalSet, Stream, WakeFd, is_exhaustion, random, wait,
};
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

/// Runs `body` in a new process that runs nothing else.
fn alone(test: &str, body: impl FnOnce()) {
    const MARK: &str = "FERROZMQ_TEST_ALONE";
    if std::env::var_os(MARK).is_some() {
        return body();
    }
    let program = std::env::current_exe().unwrap();
    let mut child = Command::new(program);
    let output =
        child.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(MARK, "1").output().unwrap();
    assert!(
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"),
        "{:?}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Takes every descriptor that the process may have.
fn exhaust() -> Vec<File> {
    let limit = libc::rlimit { rlim_cur: 64, rlim_max: 64 };
    // SAFETY: the struct is only read.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    let mut files = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                return files;
            }
        }
    }
}

fn assert_exhausted<T>(result: io::Result<T>) {
    let error = result.err().expect("no descriptor is left");
    assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
    assert!(is_exhaustion(&error));
}

fn until_readable(listener: &Listener) {
    wait(&mut [PollFd::new(listener, Interest::READ)], None, None).unwrap();
}

fn stream(connecting: Connecting) -> Stream {
    match connecting {
        Connecting::Done(stream) | Connecting::InProgress(stream) => stream,
    }
}

#[test]
fn everything_recovers_from_having_no_descriptor_left() {
    alone("everything_recovers_from_having_no_descriptor_left", || {
        let options = tcp::TcpOptions::default();
        let any = "127.0.0.1:0".parse().unwrap();
        let listener = tcp::listen(any, &options).unwrap();
        let to = listener.local_endpoint()["tcp://".len()..].parse().unwrap();
        let client = stream(tcp::connect(to, None, &options).unwrap());
        until_readable(&listener);
        let wildcard_parent = std::env::temp_dir().join(format!("ferrozmq-{}", std::process::id()));
        std::fs::create_dir(&wildcard_parent).unwrap();
        // SAFETY: no other thread of this process reads the environment.
        unsafe { std::env::set_var("TMPDIR", &wildcard_parent) };

        let taken = exhaust();
        assert_exhausted(listener.accept());
        assert_exhausted(listener.accept());
        assert_exhausted(tcp::listen(any, &options));
        assert_exhausted(tcp::connect(to, None, &options));
        assert_exhausted(ipc::listen("*", 1));
        assert_exhausted(ipc::listen("@ferrozmq-nobody", 1));
        assert_exhausted(WakeFd::new());
        assert_exhausted(Poller::new());
        assert!(tcp::is_ipv6_supported() || !std::path::Path::new("/proc/net/if_inet6").exists());
        drop(taken);

        // The failed wildcard left nothing behind.
        std::fs::remove_dir(&wildcard_parent).unwrap();
        let server = listener.accept().unwrap().expect("the connection was kept");
        assert_eq!(client.write(&[IoSlice::new(b"x")]).unwrap(), 1);
        wait(&mut [PollFd::new(&server, Interest::READ)], None, None).unwrap();
        assert_eq!(server.read_into(&mut [0; 2]).unwrap(), 1);
        tcp::listen(any, &options).unwrap();
        WakeFd::new().unwrap();
        Poller::new().unwrap();
    });
}

static HANDLED: AtomicU32 = AtomicU32::new(0);

extern "C" fn on_signal(_: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::SeqCst);
}

fn handle(signal: libc::c_int, flags: libc::c_int) {
    // SAFETY: a zeroed sigaction with a handler that is async-signal-safe: one atomic addition.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_signal as *const () as usize;
        action.sa_flags = flags;
        assert_eq!(libc::sigaction(signal, &raw const action, std::ptr::null_mut()), 0);
    }
}

/// Sends `signal` to the calling thread from another one until `body` has returned.
fn interrupted<T>(signal: libc::c_int, body: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    // SAFETY: no arguments.
    let target = unsafe { libc::pthread_self() };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                // SAFETY: the target waits for this thread's end, so it is alive.
                assert_eq!(unsafe { libc::pthread_kill(target, signal) }, 0);
                std::thread::yield_now();
            }
        });
        let result = body();
        done.store(true, Ordering::SeqCst);
        result
    })
}

#[test]
fn a_signal_handler_ends_a_wait_with_and_without_restart() {
    alone("a_signal_handler_ends_a_wait_with_and_without_restart", || {
        let wake = WakeFd::new().unwrap();
        for flags in [0, libc::SA_RESTART] {
            handle(libc::SIGUSR1, flags);
            for timeout in [None, Some(Duration::MAX)] {
                let ended = interrupted(libc::SIGUSR1, || {
                    wait(&mut [PollFd::new(&wake, Interest::READ)], timeout, None)
                });
                assert_eq!(ended.unwrap_err().kind(), ErrorKind::Interrupted);
            }
        }
        assert!(HANDLED.load(Ordering::SeqCst) > 0);
    });
}

#[test]
fn a_signal_handler_ends_the_poller_s_wait_with_an_error() {
    alone("a_signal_handler_ends_the_poller_s_wait_with_an_error", || {
        handle(libc::SIGUSR1, libc::SA_RESTART);
        let poller = Poller::new().unwrap();
        let mut events = Vec::new();
        let ended = interrupted(libc::SIGUSR1, || poller.wait(&mut events, None));
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::Interrupted);
        assert!(events.is_empty());
    });
}

#[test]
fn a_signal_that_the_mask_lets_in_ends_the_wait() {
    alone("a_signal_that_the_mask_lets_in_ends_the_wait", || {
        handle(libc::SIGUSR1, libc::SA_RESTART);
        let set = [libc::SIGUSR1].iter().fold(SignalSet::empty(), |set, &signal| set.with(signal).unwrap());
        assert_eq!(format!("{set:?}"), format!("{{{}}}", libc::SIGUSR1));
        // SAFETY: the set is initialised before use; the target is the calling thread.
        unsafe {
            let mut blocked: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut blocked);
            libc::sigaddset(&raw mut blocked, libc::SIGUSR1);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const blocked, std::ptr::null_mut());
            libc::pthread_kill(libc::pthread_self(), libc::SIGUSR1);
        }
        // Pending and blocked: nothing happens without a mask, or with one that blocks it.
        assert_eq!(wait(&mut [], Some(Duration::from_millis(1)), None).unwrap(), 0);
        assert_eq!(wait(&mut [], Some(Duration::from_millis(1)), Some(&set)).unwrap(), 0);
        assert_eq!(HANDLED.load(Ordering::SeqCst), 0);
        let ended = wait(&mut [], None, Some(&SignalSet::empty()));
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::Interrupted);
        assert_eq!(HANDLED.load(Ordering::SeqCst), 1);
        assert!(format!("{:?}", SignalSet::blocked().unwrap()).contains(&libc::SIGUSR1.to_string()));
        assert!(SignalSet::empty().with(12_345).is_err());
    });
}

#[test]
fn writing_to_a_closed_peer_raises_no_signal() {
    alone("writing_to_a_closed_peer_raises_no_signal", || {
        // SAFETY: sets the default action.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        let listener = ipc::listen("*", 1).unwrap();
        let client = stream(ipc::connect(&listener.local_endpoint()["ipc://".len()..]).unwrap());
        drop(listener.accept().unwrap().unwrap());
        let error = client.write(&[IoSlice::new(b"x")]).unwrap_err();
        assert!(matches!(error.raw_os_error(), Some(libc::EPIPE | libc::ECONNRESET)), "{error}");
        drop(listener);
    });
}

#[test]
fn a_forked_child_that_closes_a_wildcard_listener_leaves_its_file() {
    alone("a_forked_child_that_closes_a_wildcard_listener_leaves_its_file", || {
        let listener = ipc::listen("*", 1).unwrap();
        let path = listener.local_endpoint()["ipc://".len()..].to_owned();
        // SAFETY: the child only closes descriptors and ends.
        unsafe {
            let child = libc::fork();
            assert!(child >= 0);
            if child == 0 {
                drop(listener);
                libc::_exit(0);
            }
            let mut status = 1;
            assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
            assert_eq!(status, 0);
        }
        let client = stream(ipc::connect(&path).unwrap());
        drop((client, listener));
        assert!(!std::path::Path::new(&path).parent().unwrap().exists());
    });
}

#[test]
fn a_descriptor_that_is_not_open_is_reported_and_a_negative_one_skipped() {
    alone("a_descriptor_that_is_not_open_is_reported_and_a_negative_one_skipped", || {
        let mut fds = [PollFd::new(&12_345, Interest::READ), PollFd::new(&-1, Interest::READ)];
        assert_eq!(wait(&mut fds, None, None).unwrap(), 1);
        assert!(fds[0].is_invalid() && fds[0].is_failed() && !fds[1].is_failed());
        assert_eq!(fds[0].fd(), 12_345);
    });
}

/// Where a filter of system calls finds what it looks at.
const NUMBER: u32 = 0;
const FIRST_ARGUMENT: u32 = 16;
const THIRD_ARGUMENT: u32 = 32;

fn load(offset: u32) -> libc::sock_filter {
    libc::sock_filter { code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16, jt: 0, jf: 0, k: offset }
}

fn give(value: u32) -> libc::sock_filter {
    libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: value }
}

fn refuse(code: i32) -> libc::sock_filter {
    give(libc::SECCOMP_RET_ERRNO | code as u32)
}

/// Goes on with the next statement if the value is this, else leaves out so many.
fn unless(value: u32, skip: u8) -> libc::sock_filter {
    let code = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    libc::sock_filter { code, jt: 0, jf: skip, k: value }
}

/// Makes system calls of this thread fail as the program says, and no other.
fn filter_calls(mut program: Vec<libc::sock_filter>) {
    program.push(give(libc::SECCOMP_RET_ALLOW));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: integers, and a program that is read by the call.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter), 0);
    }
}

/// Makes the system calls that old kernels lack fail as they do there.
fn pretend_an_old_kernel() {
    let mut program = vec![load(NUMBER)];
    for number in [libc::SYS_epoll_pwait2, libc::SYS_membarrier, libc::SYS_getrandom] {
        program.extend([unless(number as u32, 1), refuse(libc::ENOSYS)]);
    }
    program.extend([unless(libc::SYS_madvise as u32, 3), load(THIRD_ARGUMENT)]);
    program.extend([unless(libc::MADV_WIPEONFORK as u32, 1), refuse(libc::EINVAL)]);
    filter_calls(program);
    // SAFETY: integers only.
    assert_eq!(unsafe { libc::syscall(libc::SYS_membarrier, 0, 0, 0) }, -1);
}

#[test]
fn a_family_that_is_denied_is_as_good_as_none() {
    alone("a_family_that_is_denied_is_as_good_as_none", || {
        filter_calls(vec![
            load(NUMBER),
            unless(libc::SYS_socket as u32, 3),
            load(FIRST_ARGUMENT),
            unless(libc::AF_VSOCK as u32, 1),
            refuse(libc::EPERM),
        ]);
        assert!(!vsock::is_supported());
        assert_eq!(vsock::connect(2, 1).unwrap_err().raw_os_error(), Some(libc::EPERM));
        tcp::listen("127.0.0.1:0".parse().unwrap(), &tcp::TcpOptions::default()).unwrap();
    });
}

#[test]
fn options_that_are_denied_are_errors_of_listen_and_connect() {
    alone("options_that_are_denied_are_errors_of_listen_and_connect", || {
        let options = tcp::TcpOptions::default();
        let any = "127.0.0.1:0".parse().unwrap();
        let listener = tcp::listen(any, &options).unwrap();
        let to = listener.local_endpoint()["tcp://".len()..].parse().unwrap();
        filter_calls(vec![load(NUMBER), unless(libc::SYS_setsockopt as u32, 1), refuse(libc::EPERM)]);
        for denied in [tcp::listen(any, &options).err(), tcp::connect(to, None, &options).err()] {
            assert_eq!(denied.expect("denied").raw_os_error(), Some(libc::EPERM));
        }
        ipc::listen("*", 1).expect("which needs none");
    });
}

#[test]
fn an_old_kernel_is_enough() {
    alone("an_old_kernel_is_enough", || {
        pretend_an_old_kernel();
        fences_order_a_store_before_a_load();

        let (mut first, mut second) = ([0; 64], [0; 64]);
        random::fill(&mut first).unwrap();
        random::fill(&mut second).unwrap();
        assert_ne!(first, second);

        let poller = Poller::new().unwrap();
        let wake = WakeFd::new().unwrap();
        poller.add(&wake, 9, Interest::READ).unwrap();
        let mut events = Vec::new();
        poller.wait(&mut events, Some(Duration::from_micros(1))).unwrap();
        assert!(events.is_empty());
        wake.signal();
        poller.wait(&mut events, None).unwrap();
        assert_eq!(events[0].token, 9);

        let epoch = ForkEpoch::current();
        // SAFETY: the child reads atomics and ends.
        unsafe {
            let child = libc::fork();
            assert!(child >= 0);
            if child == 0 {
                libc::_exit(i32::from(epoch.is_current() || ForkEpoch::current() == epoch));
            }
            let mut status = 1;
            assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
            assert_eq!(status, 0);
        }
        assert!(epoch.is_current());
    });
}

const ROUNDS: usize = 4_000;

/// One side of a round: store to the own word, fence, load the other's.
struct Side {
    word: AtomicU32,
    arrived: AtomicUsize,
}

impl Side {
    fn new() -> Self {
        Self { word: AtomicU32::new(0), arrived: AtomicUsize::new(0) }
    }

    /// Plays all rounds; per round, whether the other's store was seen.
    fn play(&self, other: &Self, barrier: fn()) -> Vec<bool> {
        let mut seen = Vec::with_capacity(ROUNDS);
        for round in 1..=ROUNDS {
            self.arrived.store(round, Ordering::SeqCst);
            let mut spins = 0_u32;
            while other.arrived.load(Ordering::SeqCst) < round {
                spins += 1;
                if spins.is_multiple_of(1_000) {
                    std::thread::yield_now();
                }
                std::hint::spin_loop();
            }
            self.word.store(round as u32, Ordering::Relaxed);
            barrier();
            seen.push(other.word.load(Ordering::Relaxed) >= round as u32);
        }
        seen
    }
}

/// Store buffering: in no round may both sides read the old value.
fn fences_order_a_store_before_a_load() {
    let (frequent, rare) = (Side::new(), Side::new());
    let (seen_by_frequent, seen_by_rare) = std::thread::scope(|scope| {
        let light = scope.spawn(|| frequent.play(&rare, light_fence));
        (rare.play(&frequent, heavy_fence), light.join().unwrap())
    });
    let missed = seen_by_frequent.iter().zip(&seen_by_rare).position(|(&a, &b)| !a && !b);
    assert_eq!(missed, None, "both sides read the old value in this round");
}

#[test]
fn the_asymmetric_fence_holds_on_real_cores() {
    fences_order_a_store_before_a_load();
}
