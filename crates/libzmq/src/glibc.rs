//! Old versions of glibc's symbols, so that the library loads where glibc is older than where it was built (2.28).
//!
//! The linker turns every call of a function listed in `build.rs` into one of `__wrap_` and its name, and the code
//! here passes it on to the version that glibc has kept since its beginning. Only in the shared library: a program
//! that links the static one decides for itself, and since the old versions are weak references it needs not have them.

/// Passes a function on to an old version of it, or of another that is called in the same way.
macro_rules! pass_on {
    ($name:literal to $old:literal, $version:literal) => {
        std::arch::global_asm!(
            concat!(".globl __wrap_", $name),
            concat!(".hidden __wrap_", $name),
            concat!(".type __wrap_", $name, ", @function"),
            concat!(".weak __old_", $name),
            concat!(".symver __old_", $name, ", ", $old, "@", $version),
            concat!("__wrap_", $name, ":"),
            concat!("jmp __old_", $name, "@PLT"),
            concat!(".size __wrap_", $name, ", . - __wrap_", $name),
        );
    };
}

pass_on!("__pthread_register_cancel" to "__pthread_register_cancel", "GLIBC_2.3.3");
pass_on!("__pthread_unregister_cancel" to "__pthread_unregister_cancel", "GLIBC_2.3.3");
pass_on!("dlsym" to "dlsym", "GLIBC_2.2.5");
pass_on!("pthread_attr_getguardsize" to "pthread_attr_getguardsize", "GLIBC_2.2.5");
pass_on!("pthread_attr_getstack" to "pthread_attr_getstack", "GLIBC_2.2.5");
pass_on!("pthread_attr_setstacksize" to "pthread_attr_setstacksize", "GLIBC_2.2.5");
pass_on!("pthread_create" to "pthread_create", "GLIBC_2.2.5");
pass_on!("pthread_detach" to "pthread_detach", "GLIBC_2.2.5");
pass_on!("pthread_getattr_np" to "pthread_getattr_np", "GLIBC_2.2.5");
pass_on!("pthread_join" to "pthread_join", "GLIBC_2.2.5");
pass_on!("pthread_key_create" to "pthread_key_create", "GLIBC_2.2.5");
pass_on!("pthread_key_delete" to "pthread_key_delete", "GLIBC_2.2.5");
pass_on!("pthread_setname_np" to "pthread_setname_np", "GLIBC_2.12");
pass_on!("pthread_setspecific" to "pthread_setspecific", "GLIBC_2.2.5");
pass_on!("pthread_sigmask" to "pthread_sigmask", "GLIBC_2.2.5");

// Before 2.33 stat and fstat were inline functions that called these, with the layout of the structure in front.
std::arch::global_asm!(
    ".weak __old_stat64",
    ".symver __old_stat64, __xstat64@GLIBC_2.2.5",
    ".weak __old_fstat64",
    ".symver __old_fstat64, __fxstat64@GLIBC_2.2.5",
    ".globl __wrap_stat64",
    ".hidden __wrap_stat64",
    ".type __wrap_stat64, @function",
    "__wrap_stat64:",
    "mov rdx, rsi",
    "mov rsi, rdi",
    "mov edi, 1",
    "jmp __old_stat64@PLT",
    ".size __wrap_stat64, . - __wrap_stat64",
    ".globl __wrap_fstat64",
    ".hidden __wrap_fstat64",
    ".type __wrap_fstat64, @function",
    "__wrap_fstat64:",
    "mov rdx, rsi",
    "mov esi, edi",
    "mov edi, 1",
    "jmp __old_fstat64@PLT",
    ".size __wrap_fstat64, . - __wrap_fstat64",
);

// The wrapper of this system call came with 2.30.
std::arch::global_asm!(
    ".globl __wrap_gettid",
    ".hidden __wrap_gettid",
    ".type __wrap_gettid, @function",
    "__wrap_gettid:",
    "mov eax, {number}",
    "syscall",
    "ret",
    ".size __wrap_gettid, . - __wrap_gettid",
    number = const libc::SYS_gettid,
);
