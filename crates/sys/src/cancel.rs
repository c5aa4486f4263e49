//! The one system call in which a thread may be cancelled (pthread_cancel(3)): the one that waits.
//!
//! Everywhere else a request waits ([`ferrozmq_base::cancel`]); a thread that sleeps has to be woken by it. The C library
//! does so by unwinding the stack, which Rust's catch for panics does not survive. So the unwinding is taken over where it
//! begins, as C code does that has a `pthread_cleanup_push` and knows nothing of exceptions: by a jump. From there on the
//! thread runs as before, with an error to return, and cannot be cancelled again. Whoever called the library's code ends
//! it (pthread_exit(3)) when none of that is on the stack any more.
//!
//! Elsewhere than with glibc on x86-64 nothing wakes the sleeper, and the request waits until something else does.

use libc::{c_int, nfds_t, pollfd, sigset_t, timespec};

/// What [`ppoll`] returns when the thread was cancelled.
pub(crate) const CANCELLED: c_int = -2;

/// As ppoll(2).
///
/// # Safety
/// As ppoll(2).
#[cfg(not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")))]
pub(crate) unsafe fn ppoll(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: by the contract.
    ferrozmq_base::cancel::uncancelled(|| unsafe { libc::ppoll(fds, count, timeout, mask) })
}

/// As ppoll(2), or [`CANCELLED`].
///
/// # Safety
/// As ppoll(2).
// The 104 bytes at rsp are the `__pthread_unwind_buf_t` of pthread.h. When the thread is cancelled, `__sigsetjmp` returns
// once more, with 1; rbx and r12 to r14 are then as they were.
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn ppoll(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    std::arch::naked_asm!(
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        ".cfi_offset rbx, -24",
        ".cfi_offset r12, -32",
        ".cfi_offset r13, -40",
        ".cfi_offset r14, -48",
        "sub rsp, 112",
        "mov rbx, rdi",
        "mov r12, rsi",
        "mov r13, rdx",
        "mov r14, rcx",
        "mov rdi, rsp",
        "xor esi, esi",
        "call __sigsetjmp@PLT",
        "test eax, eax",
        "jne 2f",
        "mov rdi, rsp",
        "call __pthread_register_cancel@PLT",
        "mov rdi, rbx",
        "mov rsi, r12",
        "mov rdx, r13",
        "mov rcx, r14",
        "call ppoll@PLT",
        "jmp 3f",
        "2:",
        "mov eax, {cancelled}",
        "3:",
        "mov ebx, eax",
        "mov rdi, rsp",
        "call __pthread_unregister_cancel@PLT",
        "mov eax, ebx",
        "add rsp, 112",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        ".cfi_def_cfa rsp, 8",
        "ret",
        ".cfi_endproc",
        cancelled = const CANCELLED,
    )
}
