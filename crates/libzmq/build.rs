//! Names the shared library as programs ask for it, keeps it loaded, and binds it to old versions of glibc's symbols.
use std::env;

/// Functions whose newest version is younger than the oldest glibc that the library is for, 2.28. `src/glibc.rs`
/// says where calls of them go.
const WRAPPED: [&str; 18] = [
    "__pthread_register_cancel",
    "__pthread_unregister_cancel",
    "dlsym",
    "fstat64",
    "gettid",
    "pthread_attr_getguardsize",
    "pthread_attr_getstack",
    "pthread_attr_setstacksize",
    "pthread_create",
    "pthread_detach",
    "pthread_getattr_np",
    "pthread_join",
    "pthread_key_create",
    "pthread_key_delete",
    "pthread_setname_np",
    "pthread_setspecific",
    "pthread_sigmask",
    "stat64",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libzmq.so.5");
    // Its threads and thread-local destructors may run after a dlclose.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    let target = ["CARGO_CFG_TARGET_OS", "CARGO_CFG_TARGET_ENV", "CARGO_CFG_TARGET_ARCH"].map(env::var);
    if let [Ok(os), Ok(env), Ok(arch)] = &target
        && os == "linux"
        && env == "gnu"
        && arch == "x86_64"
    {
        for name in WRAPPED {
            println!("cargo:rustc-cdylib-link-arg=-Wl,--wrap={name}");
        }
    }
}
