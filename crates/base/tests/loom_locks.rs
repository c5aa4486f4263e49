//! Models of the drive lock, the ready list, the mailbox and the gate.
#![cfg(loom)]
use ferrozmq_base::{
    drive_lock::DriveLock,
    gate::{Gate, Pass, THREAD_STEP},
    link::Link,
    mailbox::Mailbox,
    promise::Promise,
    ready::{Hook, Linked, ReadyList},
};
use loom::{
    cell::UnsafeCell,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// The note bit: work announced before a failed `try_lock` is seen by the holder, or by its next look.
#[test]
fn a_failed_lock_leaves_a_note() {
    loom::model(|| {
        let lock = Arc::new(DriveLock::new(0usize));
        let work = Arc::new(AtomicUsize::new(0));
        let run = |lock: Arc<DriveLock<usize>>, work: Arc<AtomicUsize>| {
            work.fetch_add(1, Ordering::Relaxed);
            while let Some(mut half) = lock.try_lock() {
                *half += work.swap(0, Ordering::Relaxed);
                if !half.unlock() {
                    break;
                }
            }
        };
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (lock, work) = (Arc::clone(&lock), Arc::clone(&work));
                thread::spawn(move || run(lock, work))
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(work.load(Ordering::Relaxed), 0, "work that nobody will look at");
        assert_eq!(*lock.try_lock().unwrap(), 2);
    });
}

/// A holder that keeps the half over time finds the note on release.
#[test]
fn a_hold_is_exclusive_and_finds_the_note() {
    loom::model(|| {
        let (lock, mut hold) = DriveLock::held(0);
        let lock = Arc::new(lock);
        let other = Arc::clone(&lock);
        let thread = thread::spawn(move || match other.try_hold() {
            Some(mut hold) => {
                *other.access(&mut hold) += 1;
                other.release(hold);
                true
            }
            None => false,
        });
        *lock.access(&mut hold) += 1;
        let noted = lock.release(hold);
        let got = thread.join().unwrap();
        assert!(got || noted);
        let mut hold = lock.try_hold().unwrap();
        assert_eq!(*lock.access(&mut hold), 1 + usize::from(got));
        lock.release(hold);
    });
}

/// A control frame posted while somebody drives goes out.
#[test]
fn a_control_frame_posted_while_driving_goes_out() {
    loom::model(|| {
        let link = Arc::new((Link::new(Promise::idle()), DriveLock::new(Vec::new())));
        let drive = |both: &(Link, DriveLock<Vec<u8>>)| {
            while let Some(mut out) = both.1.try_lock() {
                both.0.control.take(&mut out);
                if !out.unlock() {
                    break;
                }
            }
        };
        let other = Arc::clone(&link);
        let thread = thread::spawn(move || {
            other.0.control.put_pong(b"p");
            drive(&other);
        });
        drive(&link);
        thread.join().unwrap();
        assert!(link.0.control.is_empty());
        assert_eq!(*link.1.try_lock().unwrap(), b"p");
    });
}

struct Item {
    hook: Hook<Item>,
    id: usize,
}

impl Linked for Item {
    fn hook(&self) -> &Hook<Self> {
        &self.hook
    }
}

#[test]
fn the_ready_list_takes_each_push_once() {
    loom::model(|| {
        let list = Arc::new(ReadyList::new());
        let items: Vec<_> = (0..2).map(|id| Arc::new(Item { hook: Hook::new(), id })).collect();
        let (other, shared) = (Arc::clone(&list), Arc::clone(&items[0]));
        let own = Arc::clone(&items[1]);
        let thread = thread::spawn(move || (usize::from(other.push(shared)), usize::from(other.push(own))));
        let mine = usize::from(list.push(Arc::clone(&items[0])));
        let mut seen = [0; 2];
        list.take().for_each(|item| seen[item.id] += 1);
        let (first, second) = thread.join().unwrap();
        list.take().for_each(|item| seen[item.id] += 1);
        assert_eq!(seen, [mine + first, second]);
        assert!(seen[0] >= 1 && second == 1);
    });
}

/// A push that is refused because the item is in the list still: what was done before it is seen by the taker.
#[test]
fn a_refused_push_is_served_by_the_one_before() {
    loom::model(|| {
        let list = Arc::new(ReadyList::new());
        let item = Arc::new(Item { hook: Hook::new(), id: 0 });
        let work = Arc::new(AtomicUsize::new(0));
        list.push(Arc::clone(&item));
        let (pusher, published) = (Arc::clone(&list), Arc::clone(&work));
        let thread = thread::spawn(move || {
            published.store(1, Ordering::Relaxed);
            pusher.push(item)
        });
        let seen: usize = list.take().map(|_| work.load(Ordering::Relaxed)).sum();
        let pushed = thread.join().unwrap();
        assert!(pushed || seen == 1, "published, and nobody looks");
    });
}

#[test]
fn a_list_that_goes_frees_its_items() {
    loom::model(|| {
        let list = ReadyList::new();
        let item = Arc::new(Item { hook: Hook::new(), id: 0 });
        assert!(list.push(Arc::clone(&item)) && !list.push(Arc::clone(&item)));
        drop(list);
        assert!(ReadyList::new().push(item));
    });
}

/// An owner that goes to sleep has seen every event, or its wake descriptor is written, once.
#[test]
fn a_sleeping_owner_is_woken_once() {
    loom::model(|| {
        let mailbox = Arc::new(Mailbox::new());
        let posters: Vec<_> = (0..2)
            .map(|i| {
                let mailbox = Arc::clone(&mailbox);
                thread::spawn(move || usize::from(mailbox.post(i).unwrap()))
            })
            .collect();
        let mut events = Vec::new();
        mailbox.sleeper().prepare();
        let slept = mailbox.is_empty();
        if !slept {
            mailbox.sleeper().awake();
            mailbox.take(&mut events);
        }
        let woken: usize = posters.into_iter().map(|p| p.join().unwrap()).sum();
        assert!(!slept || woken == 1);
        assert!(woken <= 1);
        mailbox.take(&mut events);
        events.sort();
        assert_eq!(events, [0, 1]);
    });
}

#[test]
fn a_closed_mailbox_gives_back() {
    loom::model(|| {
        let mailbox = Arc::new(Mailbox::new());
        let other = Arc::clone(&mailbox);
        let thread = thread::spawn(move || other.post(7).is_ok());
        let left = mailbox.close();
        assert_eq!(thread.join().unwrap(), left == [7]);
    });
}

/// Never two inside; what one did inside the next one sees.
fn gate_model(threads: u64, entries: usize) {
    loom::model(move || {
        let gate = Arc::new((Gate::new(), UnsafeCell::new(0usize), AtomicBool::new(false)));
        let run = move |thread: u64, gate: Arc<(Gate, UnsafeCell<usize>, AtomicBool)>| {
            let mut entered = 0;
            for _ in 0..entries {
                if let Some(_pass) = gate.0.enter(thread * THREAD_STEP) {
                    assert!(!gate.2.swap(true, Ordering::Relaxed), "two inside");
                    gate.1.with_mut(|p| unsafe { *p += 1 });
                    entered += 1;
                    gate.2.store(false, Ordering::Relaxed);
                }
            }
            entered
        };
        let others: Vec<_> = (2..=threads)
            .map(|id| {
                let gate = Arc::clone(&gate);
                thread::spawn(move || run(id, gate))
            })
            .collect();
        let mut entered = run(1, Arc::clone(&gate));
        entered += others.into_iter().map(|t| t.join().unwrap()).sum::<usize>();
        // Whoever comes when nobody is inside gets in.
        assert!(gate.0.enter(THREAD_STEP).is_some() && gate.0.enter(2 * THREAD_STEP).is_some());
        gate.1.with(|p| assert_eq!(unsafe { *p }, entered));
    });
}

#[test]
fn two_owners_at_the_gate() {
    gate_model(2, 2);
}

#[test]
fn three_owners_at_the_gate() {
    gate_model(3, 1);
}

#[test]
fn a_gate_that_became_a_lock() {
    loom::model(|| {
        let gate = Arc::new((Gate::new(), UnsafeCell::new(0)));
        // Enough changes of owner, in one thread of the model.
        for turn in 0..8 {
            drop(gate.0.enter((1 + turn % 2) * THREAD_STEP).unwrap());
        }
        let other = Arc::clone(&gate);
        let thread = thread::spawn(move || {
            if let Some(_pass) = other.0.enter(THREAD_STEP) {
                other.1.with_mut(|p| unsafe { *p += 1 });
            }
        });
        if let Some(_pass) = gate.0.enter(2 * THREAD_STEP) {
            gate.1.with_mut(|p| unsafe { *p += 1 });
        }
        thread.join().unwrap();
        assert!(gate.0.enter(THREAD_STEP).is_some());
    });
}

/// What a pass is given away for: a handle that is closed by one thread and comes again by another.
struct Given(Pass<'static>);

// SAFETY: the model's subject; what was done inside before is ordered by the thread's start.
unsafe impl Send for Given {}

/// A number behind a gate.
struct Shared(UnsafeCell<usize>);

// SAFETY: the model finds out.
unsafe impl Sync for Shared {}

#[test]
fn a_pass_that_another_thread_gives_back() {
    loom::model(|| {
        let gate: &Gate = Box::leak(Box::new(Gate::new()));
        let data: &Shared = Box::leak(Box::new(Shared(UnsafeCell::new(0))));
        let given = Given(gate.enter(THREAD_STEP).unwrap());
        let thread = thread::spawn(move || {
            let given = given;
            data.0.with_mut(|p| unsafe { *p += 1 });
            drop(given.0);
        });
        if let Some(_pass) = gate.enter(THREAD_STEP) {
            data.0.with(|p| assert_eq!(unsafe { *p }, 1));
        }
        thread.join().unwrap();
        assert!(gate.enter(THREAD_STEP).is_some());
    });
}
