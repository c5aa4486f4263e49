//! Models of the right to read, lent by a session to an application that waits.
//!
//! The pieces are those of the runtime: the half of a connection in its lock, the mailbox of commands to the I/O
//! thread, the sleeper of the socket. What lies in the kernel is a counter, and a wake descriptor is a flag.
#![cfg(loom)]
use ferrozmq_base::{
    drive_lock::{DriveLock, Hold},
    mailbox::Mailbox,
};
use loom::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// What is read: which connection it is, and how much has come in.
struct Half {
    connection: usize,
    taken: usize,
}

struct Conn {
    input: DriveLock<Half>,
    /// Bytes that nobody has read.
    kernel: AtomicUsize,
    /// To the session: the right came back.
    reclaims: Mailbox<()>,
    /// To the application.
    mail: Mailbox<()>,
    wake_fd: AtomicBool,
}

impl Conn {
    fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            input: DriveLock::new(Half { connection: 1, taken: 0 }),
            kernel: AtomicUsize::new(bytes),
            reclaims: Mailbox::new(),
            mail: Mailbox::new(),
            wake_fd: AtomicBool::new(false),
        })
    }

    fn lent(bytes: usize) -> Arc<Self> {
        let conn = Self::new(bytes);
        conn.lend();
        conn
    }

    fn read(&self, half: &mut Half) {
        half.taken += self.kernel.swap(0, Ordering::AcqRel);
    }

    // ---- The session ----

    fn lend(&self) {
        self.input.try_lock().expect("nobody else has it before it is lent").lend();
        self.wake();
    }

    fn wake(&self) {
        if self.mail.sleeper().wake() {
            self.wake_fd.swap(true, Ordering::AcqRel);
        }
    }

    /// As a session that is left alone until a command comes.
    fn await_reclaim(&self) {
        while self.reclaims.is_empty() {
            thread::yield_now();
        }
        self.reclaims.take(&mut Vec::new());
    }

    /// Takes the right back and reads. If the application has it: once it says so, without any luck.
    fn reclaim(&self) {
        let half = self.input.take_back().or_else(|| {
            self.await_reclaim();
            self.input.take_back()
        });
        let mut half = half.expect("told that the right is back, and it is not");
        self.read(&mut half);
        half.unlock();
    }

    // ---- The application ----

    fn give_back(&self, hold: Hold<Half>, for_good: bool) {
        if self.input.give_back(hold, for_good) {
            self.reclaims.post(()).unwrap();
        }
    }

    /// A call that does not sleep.
    fn look(&self, for_good: bool) {
        if let Some(mut hold) = self.input.borrow() {
            self.read(self.input.access(&mut hold));
            self.give_back(hold, for_good);
        }
    }

    /// Goes to sleep: with what it watches meanwhile.
    fn fall_asleep(&self) -> Option<Hold<Half>> {
        self.input.borrow().or_else(|| {
            self.mail.sleeper().prepare();
            self.input.borrow()
        })
    }

    /// Is woken, if it was; else it sleeps on.
    fn wake_up(&self, hold: Option<Hold<Half>>) -> Option<Hold<Half>> {
        if !self.wake_fd.swap(false, Ordering::AcqRel) {
            return hold;
        }
        self.mail.sleeper().awake();
        if let Some(mut hold) = hold {
            self.read(self.input.access(&mut hold));
            self.give_back(hold, false);
        }
        None
    }
}

/// Nobody sleeps beside a connection that was lent to him.
#[test]
fn a_sleeper_watches_what_it_is_lent_or_is_woken() {
    loom::model(|| {
        let conn = Conn::new(1);
        let session = Arc::clone(&conn);
        let session = thread::spawn(move || session.lend());
        let watches = conn.fall_asleep().is_some();
        session.join().unwrap();
        assert!(watches || conn.wake_fd.load(Ordering::Acquire), "lent, and nobody looks");
    });
}

/// The same when the session is at the half for another reason while it is lent.
#[test]
fn a_sleeper_that_found_the_half_taken_is_woken() {
    loom::model(|| {
        let conn = Conn::lent(1);
        let session = Arc::clone(&conn);
        let session = thread::spawn(move || {
            if let Some(half) = session.input.try_lock() {
                half.unlock();
                session.wake();
            }
        });
        let watches = conn.fall_asleep().is_some();
        session.join().unwrap();
        assert!(watches || conn.wake_fd.load(Ordering::Acquire), "lent, and nobody looks");
    });
}

/// The session wants the right back while the application comes and goes: it has it at once or is told, the input is
/// read, and the application has nothing of it any more.
#[test]
fn a_right_that_is_wanted_back_comes_back() {
    for for_good in [false, true] {
        loom::model(move || {
            let conn = Conn::lent(1);
            let app = Arc::clone(&conn);
            let app = thread::spawn(move || {
                app.look(for_good);
                app.look(false);
                app.look(false);
            });
            conn.reclaim();
            app.join().unwrap();
            assert!(conn.input.borrow().is_none(), "lent for ever");
            assert_eq!(conn.input.try_lock().unwrap().taken, 1);
        });
    }
}

/// The application finds what only the session can deal with: the session is told, and finds the half free even if the
/// application looks again at once.
#[test]
fn whoever_is_told_finds_the_half_free() {
    loom::model(|| {
        let conn = Conn::lent(1);
        let app = Arc::clone(&conn);
        let app = thread::spawn(move || {
            app.look(true);
            app.look(true);
        });
        conn.await_reclaim();
        conn.input.take_back().expect("the half is held").unlock();
        app.join().unwrap();
        assert!(conn.reclaims.is_empty(), "told twice");
    });
}

/// Input that comes at any time while the right goes to and fro: in the end it was read, or he who has the right
/// watches or is about to look.
#[test]
fn no_input_is_left_behind() {
    loom::model(|| {
        let conn = Conn::new(0);
        let (session, peer) = (Arc::clone(&conn), Arc::clone(&conn));
        let session = thread::spawn(move || {
            session.lend();
            // The application seems to have left.
            session.reclaim_unused()
        });
        let peer = thread::spawn(move || peer.kernel.fetch_add(1, Ordering::AcqRel));
        conn.look(false);
        let hold = conn.fall_asleep();
        peer.join().unwrap();
        let mut session_watches = session.join().unwrap();
        if !session_watches && !conn.reclaims.is_empty() {
            session_watches = conn.input.take_back().map(|half| half.unlock()).is_some();
        }
        let woken = conn.wake_fd.load(Ordering::Acquire);
        assert!(session_watches != hold.is_some() || woken, "nobody looks, or both do");
        assert!(session_watches || hold.is_some() || woken);
    });
}

impl Conn {
    /// A try only: he who holds the half gives back the right. True: the session watches again.
    fn reclaim_unused(&self) -> bool {
        match self.input.take_back() {
            Some(half) => {
                half.unlock();
                true
            }
            None => false,
        }
    }
}

/// The connection is lost or closed while it is lent, and maybe held by a sleeper: the session gets the half, and what
/// it makes of it next is nobody's but its own.
#[test]
fn a_lost_connection_takes_its_lease_along() {
    loom::model(|| {
        let conn = Conn::lent(1);
        let app = Arc::clone(&conn);
        let app = thread::spawn(move || {
            let hold = app.fall_asleep();
            let hold = app.wake_up(hold);
            // The next call: whatever is lent is the connection that was.
            if let Some(mut hold) = app.input.borrow() {
                assert_eq!(app.input.access(&mut hold).connection, 1);
                app.give_back(hold, false);
            }
            hold
        });
        let mut half = conn.input.take_back();
        if let Some(half) = &mut half {
            // The next connection, which was never lent.
            half.connection = 2;
        }
        // This sleep or the next: a signal stays.
        conn.mail.sleeper().wake();
        conn.wake_fd.swap(true, Ordering::AcqRel);
        let got = half.map(|half| half.unlock()).is_some();
        let hold = app.join().unwrap();
        assert!(hold.is_none() || !got);
        assert!(conn.wake_up(hold).is_none(), "nobody wakes the sleeper");
        if !got {
            assert!(!conn.reclaims.is_empty(), "nobody tells the session");
            conn.input.take_back().expect("told that the half is back, and it is not").unlock();
        }
        assert!(conn.input.borrow().is_none(), "the lease of the connection before");
    });
}
