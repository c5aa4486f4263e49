//! A walk over the options: every question that can be put to an option of `data/`, and what a library answers.
//!
//! The answers are text, so that those of two libraries can be compared line by line and a difference can be read.
//! Both libraries are loaded into this process; nothing here uses the [`subject`](mod@crate::subject).

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use crate::c_api::Library;
use crate::subject::{Errno, library_path};
use crate::zmq;

/// The types of socket by name and number.
pub const TYPES: [(&str, i32); 21] = [
    ("PAIR", zmq::PAIR),
    ("PUB", zmq::PUB),
    ("SUB", zmq::SUB),
    ("REQ", zmq::REQ),
    ("REP", zmq::REP),
    ("DEALER", zmq::DEALER),
    ("ROUTER", zmq::ROUTER),
    ("PULL", zmq::PULL),
    ("PUSH", zmq::PUSH),
    ("XPUB", zmq::XPUB),
    ("XSUB", zmq::XSUB),
    ("STREAM", zmq::STREAM),
    ("SERVER", zmq::SERVER),
    ("CLIENT", zmq::CLIENT),
    ("RADIO", zmq::RADIO),
    ("DISH", zmq::DISH),
    ("GATHER", zmq::GATHER),
    ("SCATTER", zmq::SCATTER),
    ("DGRAM", zmq::DGRAM),
    ("PEER", zmq::PEER),
    ("CHANNEL", zmq::CHANNEL),
];

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The socket's type.
    pub kind: &'static str,
    /// What was asked.
    pub question: Question,
    /// What came of it: the value, or the error.
    pub answer: Result<Vec<u8>, Errno>,
}

/// What is asked of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Set it to NULL with length 0.
    SetNull,
    /// Set it to these bytes.
    Set(Vec<u8>),
    /// Read it into a buffer of this length, which is full of 0xAA.
    Get(usize),
}

/// The two libraries of a comparison.
pub struct Libraries {
    /// The one under test.
    pub ours: Library,
    /// The system's libzmq, if there is one.
    pub system: Option<Library>,
}

/// Both libraries; none if the subject is not a C library.
///
/// # Panics
/// If the library under test cannot be loaded.
pub fn libraries() -> Option<&'static Libraries> {
    static BOTH: OnceLock<Libraries> = OnceLock::new();
    if std::env::var_os("FERROZMQ_SUBJECT").is_some_and(|subject| subject == "rust") {
        eprintln!("skipped: it is about the functions of C");
        return None;
    }
    Some(BOTH.get_or_init(|| {
        // The system's first: by its name, which would be ours as well as soon as ours is loaded.
        let system = Library::load("libzmq.so.5").ok().filter(|library| version(library) < (4, 3, 6));
        if system.is_none() {
            eprintln!("skipped: the system has no libzmq to compare with");
        }
        let ours = Library::load(library_path()).expect("the library under test");
        Libraries { ours, system }
    }))
}

/// What a library says it is.
pub fn version(library: &Library) -> (i32, i32, i32) {
    let (mut major, mut minor, mut patch) = (0, 0, 0);
    library.zmq_version(&raw mut major, &raw mut minor, &raw mut patch);
    (major, minor, patch)
}

/// Lengths that some option asks for, and their neighbours.
const LENGTHS: [usize; 15] = [0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 32, 40, 41, 255, 256];
/// Integers at the bounds of some option, and in between.
pub const INTS: [i32; 22] = [
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    99,
    100,
    199,
    254,
    255,
    256,
    6_553_599,
    6_553_600,
    i32::MAX,
    -1,
    -2,
    -99,
    -100,
    -101,
    i32::MIN,
];
/// Texts that some option takes.
const TEXTS: [&[u8]; 14] = [
    b"lo",
    b"abc\0d",
    b"sixteen-letters!",
    b"127.0.0.1",
    b"10.0.0.0/8",
    b"10.0.0.0/33",
    b"127.0.0.1\0",
    b"::1",
    b"localhost",
    b"X-a:b",
    b"X-a:",
    b"a:bcdef",
    b"X-abcd",
    b"proxy:1080",
];

/// Puts every question about an option to fresh sockets of each type that the library has.
pub fn socket_option(library: &Library, number: i32) -> Vec<Answer> {
    let ctx = library.zmq_ctx_new();
    library.zmq_ctx_set(ctx, zmq::IO_THREADS, 0);
    let mut answers = vec![];
    for (kind, of) in TYPES {
        // Integers, bytes and texts each begin with the defaults.
        for questions in [ints(), bytes(), texts()] {
            let socket = library.zmq_socket(ctx, of);
            if socket.is_null() {
                continue;
            }
            for question in questions {
                let answer = ask(library, socket, number, &question);
                answers.push(Answer { kind, question, answer });
            }
            library.zmq_close(socket);
        }
    }
    library.zmq_ctx_term(ctx);
    answers
}

fn ints() -> Vec<Question> {
    let mut questions: Vec<_> = [4, 8].into_iter().chain(LENGTHS).map(Question::Get).collect();
    for value in INTS {
        questions.extend([Question::Set(value.to_ne_bytes().to_vec()), Question::Get(4)]);
    }
    for value in [1u64, u64::MAX, 0] {
        questions.extend([Question::Set(value.to_ne_bytes().to_vec()), Question::Get(8)]);
    }
    questions
}

fn bytes() -> Vec<Question> {
    let mut questions = vec![Question::SetNull];
    for length in LENGTHS {
        questions.extend([Question::Set(vec![0; length]), Question::Get(300)]);
        questions.extend([Question::Set(vec![b'x'; length]), Question::Get(300)]);
    }
    questions.extend([Question::SetNull, Question::Get(300)]);
    questions
}

fn texts() -> Vec<Question> {
    TEXTS
        .iter()
        .flat_map(|text| [Question::Set(text.to_vec()), Question::Get(text.len()), Question::Get(300)])
        .collect()
}

fn ask(library: &Library, socket: *mut c_void, number: c_int, question: &Question) -> Result<Vec<u8>, Errno> {
    match question {
        Question::SetNull => {
            library.check(library.zmq_setsockopt(socket, number, std::ptr::null(), 0)).map(|_| vec![])
        }
        Question::Set(value) => {
            let set = library.zmq_setsockopt(socket, number, value.as_ptr().cast(), value.len());
            library.check(set).map(|_| vec![])
        }
        Question::Get(room) => {
            let mut buffer = vec![0xAA; *room];
            let mut length = *room;
            let got = library.zmq_getsockopt(socket, number, buffer.as_mut_ptr().cast(), &raw mut length);
            library.check(got)?;
            let rest_is_clear = buffer[length..].iter().all(|byte| *byte == 0);
            buffer.truncate(length);
            if number == zmq::FD {
                // Descriptors differ, as they should.
                buffer.fill(0);
            }
            if !rest_is_clear {
                buffer.extend(b"|not cleared");
            }
            Ok(buffer)
        }
    }
}

/// Sets a context option to each of the integers; after each the value that is read.
pub fn context_option(library: &Library, number: i32) -> Vec<(String, Result<i32, Errno>)> {
    let ctx = library.zmq_ctx_new();
    // -1 may be a value: only with an error number does it tell of a failure.
    let read = || {
        // SAFETY: the location of the thread's errno is always valid.
        unsafe { *libc::__errno_location() = 0 };
        match library.zmq_ctx_get(ctx, number) {
            -1 if library.zmq_errno() == zmq::EINVAL.0 => Err(zmq::EINVAL),
            value => Ok(value),
        }
    };
    let mut answers = vec![("at first".to_owned(), read())];
    for value in INTS {
        let set = library.check(library.zmq_ctx_set(ctx, number, value)).map(|_| 0);
        answers.push((format!("set {value}"), set));
        answers.push((format!("after {value}"), read()));
    }
    library.zmq_ctx_term(ctx);
    answers
}
