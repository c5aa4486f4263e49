//! Who is woken, thread by thread: the threads are played by one, so that every step is seen.

use ferrozmq_sys::wait;

use super::*;
use crate::Context;

/// A GATHER for many threads and a SCATTER that sends to it.
fn joined() -> (Context, SharedSocket, SharedSocket) {
    let context = Context::new().unwrap();
    let [gather, scatter] = [SocketType::Gather, SocketType::Scatter]
        .map(|kind| SharedSocket::new(context.socket(kind).unwrap()));
    gather.with(|core| core.bind("inproc://x").map_err(|e| e.error())).unwrap();
    scatter.with(|core| core.connect("inproc://x").map_err(|e| e.error())).unwrap();
    gather.events().unwrap();
    (context, gather, scatter)
}

fn send(socket: &SharedSocket) {
    socket.send(&mut Msg::copy_from(b"x").unwrap(), Flags { dont_wait: true, more: false }).unwrap();
}

/// A thread that has found nothing and sleeps.
fn asleep(socket: &SharedSocket, want: Want) -> Sleeper<'_> {
    let mut sleeper = Sleeper::new(socket, want).unwrap();
    assert!(!receives(&mut sleeper));
    sleeper
}

/// Whether the sleeper's thread was woken.
fn is_woken(sleeper: &Sleeper<'_>) -> bool {
    wait(&mut [sleeper.fd()], Some(Duration::ZERO), None).unwrap() > 0
}

fn woken(sleepers: &[Sleeper<'_>]) -> Vec<bool> {
    sleepers.iter().map(is_woken).collect()
}

/// Wakes up and looks; whether there is a message, which ends the wait.
fn receives(sleeper: &mut Sleeper<'_>) -> bool {
    sleeper.wake_up(true, true, false);
    sleeper.look(&mut |core| core.try_recv(&mut Msg::new())).unwrap().is_some()
}

/// The first may have been woken since it is not alone any more.
fn settle(sleepers: &mut [Sleeper<'_>]) {
    assert!(!receives(&mut sleepers[0]));
    assert!(!woken(sleepers).contains(&true));
}

#[test]
fn each_message_wakes_one() {
    let (_context, gather, scatter) = joined();
    let mut sleepers: Vec<_> = (0..3).map(|_| asleep(&gather, Want::Input)).collect();
    settle(&mut sleepers);
    for left in (1..=3).rev() {
        assert_eq!(woken(&sleepers), vec![false; left]);
        send(&scatter);
        let expected: Vec<_> = (0..left).map(|i| i == 0).collect();
        assert_eq!(woken(&sleepers), expected, "who has waited longest, and nobody else");
        assert!(receives(&mut sleepers[0]));
        sleepers.remove(0);
    }
}

#[test]
fn who_takes_one_of_several_messages_wakes_the_next() {
    let (_context, gather, scatter) = joined();
    let mut sleepers: Vec<_> = (0..3).map(|_| asleep(&gather, Want::Input)).collect();
    settle(&mut sleepers);
    (0..3).for_each(|_| send(&scatter));
    assert_eq!(woken(&sleepers), [true, false, false]);
    assert!(receives(&mut sleepers[0]));
    assert_eq!(woken(&sleepers[1..]), [true, false]);
    assert!(receives(&mut sleepers[1]));
    assert_eq!(woken(&sleepers[2..]), [true]);
    assert!(receives(&mut sleepers[2]));
}

#[test]
fn who_leaves_hands_on_what_it_was() {
    let (_context, gather, scatter) = joined();
    let mut sleepers: Vec<_> = (0..3).map(|_| asleep(&gather, Want::Input)).collect();
    settle(&mut sleepers);
    // The lookout gives up, asleep.
    drop(sleepers.remove(0));
    assert_eq!(woken(&sleepers), [false, false]);
    send(&scatter);
    assert_eq!(woken(&sleepers), [true, false]);
    // And the next one when it was woken already.
    drop(sleepers.remove(0));
    assert_eq!(woken(&sleepers), [true]);
    assert!(receives(&mut sleepers[0]));
}

#[test]
fn one_that_took_the_mail_without_waiting_leaves_nobody_asleep() {
    let (_context, gather, scatter) = joined();
    let mut sleepers: Vec<_> = (0..2).map(|_| asleep(&gather, Want::Input)).collect();
    settle(&mut sleepers);
    (0..2).for_each(|_| send(&scatter));
    gather.recv(&mut Msg::new(), true).unwrap();
    assert!(woken(&sleepers).contains(&true));
    let next = woken(&sleepers).iter().position(|woken| *woken).unwrap();
    assert!(receives(&mut sleepers[next]));
}

#[test]
fn those_who_only_look_are_all_woken() {
    let (_context, gather, scatter) = joined();
    let readable = Events { readable: true, writable: false };
    let mut lookers = vec![];
    for _ in 0..2 {
        let mut looker = Sleeper::new(&gather, Want::Events(readable)).unwrap();
        let nothing =
            looker.look(&mut |core| if core.ready() == readable { Ok(()) } else { Err(Error::Again) });
        assert_eq!(nothing, Ok(None));
        lookers.push(looker);
    }
    let mut receiver = asleep(&gather, Want::Input);
    send(&scatter);
    assert!(is_woken(&lookers[0]), "the lookout");
    let found = lookers[0].look(&mut |core| core.events().map(|events| assert_eq!(events, readable)));
    assert_eq!(found, Ok(Some(())));
    assert_eq!((is_woken(&lookers[1]), is_woken(&receiver)), (true, true));
    assert!(receives(&mut receiver));
}

#[test]
fn the_end_wakes_all() {
    let (context, gather, _scatter) = joined();
    let mut sleepers: Vec<_> = (0..3).map(|_| asleep(&gather, Want::Input)).collect();
    settle(&mut sleepers);
    context.shutdown();
    assert_eq!(woken(&sleepers), [true, false, false]);
    assert_eq!(sleepers[0].look(&mut |core| core.try_recv(&mut Msg::new())), Err(Error::Terminated));
    assert_eq!(woken(&sleepers), [true; 3]);
    gather.close();
    assert_eq!(sleepers[1].look(&mut |core| core.try_recv(&mut Msg::new())), Err(Error::NotASocket));
}

#[test]
fn news_that_somebody_else_has_heard_is_handed_on() {
    let (_context, gather, _scatter) = joined();
    let mut sleepers = [asleep(&gather, Want::Input), asleep(&gather, Want::News)];
    settle(&mut sleepers);
    {
        let mut guard = gather.lock().unwrap();
        let core = guard.core().unwrap();
        let pipe = core.pipe_ids().next().unwrap();
        // As when a thread begins to wait, and writes what was deferred.
        core.writable(pipe);
    }
    gather.events().unwrap();
    assert!(is_woken(&sleepers[1]));
}
