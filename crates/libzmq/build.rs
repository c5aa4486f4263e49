//! Names the shared library as programs ask for it, and keeps it loaded: its threads and thread-local
//! destructors may run after a `dlclose`.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libzmq.so.5");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
