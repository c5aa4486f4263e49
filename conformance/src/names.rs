//! A resolver of names that a test writes itself: names of this module, in the process of the test only.
//!
//! It stands in for the C library's `getaddrinfo`, which every subject asks, in test programs that say
//! [`fake_names!`](crate::fake_names): the program's own function comes before that of a shared library. A name that no
//! test has written goes to the real one, as does each address that a written name stands for.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct Entry {
    addresses: Vec<String>,
    asked: usize,
    held: bool,
}

static NAMES: LazyLock<(Mutex<HashMap<String, Entry>>, Condvar)> = LazyLock::new(Default::default);

fn names() -> MutexGuard<'static, HashMap<String, Entry>> {
    NAMES.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A name that nobody else uses.
pub struct Name(String);

impl Name {
    /// A name for these addresses, in this order; for none it does not resolve.
    pub fn new(addresses: &[&str]) -> Self {
        let name = Self(format!("name-{}.test", crate::socket::unique()));
        name.set(addresses);
        name
    }

    /// The name itself.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// From now on it stands for these.
    pub fn set(&self, addresses: &[&str]) {
        let addresses = addresses.iter().map(|&address| address.to_owned()).collect();
        names().entry(self.0.clone()).or_default().addresses = addresses;
    }

    /// How many times it was asked for.
    pub fn asked(&self) -> usize {
        names().get(&self.0).map_or(0, |entry| entry.asked)
    }

    /// Answers no more, until it is released.
    pub fn hold(&self) {
        self.set_held(true);
    }

    /// Answers again.
    pub fn release(&self) {
        self.set_held(false);
        NAMES.1.notify_all();
    }

    fn set_held(&self, held: bool) {
        names().entry(self.0.clone()).or_default().held = held;
    }
}

/// The addresses of a written name; waits while it is held.
fn look_up(name: &str) -> Option<Vec<String>> {
    let mut names = names();
    names.get_mut(name)?.asked += 1;
    let held = |names: &mut HashMap<String, Entry>| names.get(name).is_some_and(|entry| entry.held);
    let names = NAMES.1.wait_while(names, held).unwrap_or_else(PoisonError::into_inner);
    names.get(name).map(|entry| entry.addresses.clone())
}

type GetAddrInfo = unsafe extern "C" fn(
    *const c_char,
    *const c_char,
    *const libc::addrinfo,
    *mut *mut libc::addrinfo,
) -> c_int;

/// What the C library does.
fn real() -> GetAddrInfo {
    // SAFETY: a C string; the symbol is that of a function of this type.
    unsafe {
        let symbol: *mut c_void = libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr());
        assert!(!symbol.is_null(), "the C library has getaddrinfo");
        std::mem::transmute::<*mut c_void, GetAddrInfo>(symbol)
    }
}

/// The function that [`fake_names!`](crate::fake_names) puts in the place of the C library's.
///
/// # Safety
/// As `getaddrinfo`.
pub unsafe fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    found: *mut *mut libc::addrinfo,
) -> c_int {
    let real = real();
    // SAFETY: a C string by the contract of the caller.
    let name = (!node.is_null()).then(|| unsafe { CStr::from_ptr(node) }.to_string_lossy());
    let Some(addresses) = name.and_then(|name| look_up(&name)) else {
        // SAFETY: what the caller has promised.
        return unsafe { real(node, service, hints, found) };
    };
    let mut first: *mut libc::addrinfo = null_mut();
    let mut end = &raw mut first;
    for address in addresses {
        let node = std::ffi::CString::new(address).expect("an address");
        // SAFETY: a C string, and what the caller has promised; the lists of the C library are joined into one, which
        // it frees entry by entry.
        unsafe {
            let mut part = null_mut();
            // An address of another family than the hints want is none of this name's.
            if real(node.as_ptr(), service, hints, &raw mut part) == 0 {
                *end = part;
                while !(*end).is_null() {
                    end = &raw mut (**end).ai_next;
                }
            }
        }
    }
    if first.is_null() {
        return libc::EAI_NONAME;
    }
    // SAFETY: the caller's place for the answer.
    unsafe { *found = first };
    0
}

/// Lets the names that this program's tests write resolve, for the program and the libraries that it loads.
#[macro_export]
macro_rules! fake_names {
    () => {
        /// In the place of the C library's.
        ///
        /// # Safety
        /// As there.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn getaddrinfo(
            node: *const std::ffi::c_char,
            service: *const std::ffi::c_char,
            hints: *const libc::addrinfo,
            found: *mut *mut libc::addrinfo,
        ) -> std::ffi::c_int {
            // SAFETY: the same contract.
            unsafe { $crate::names::getaddrinfo(node, service, hints, found) }
        }
    };
}
