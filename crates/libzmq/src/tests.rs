//! The entry points, called as C programs call them.
mod handles;
mod messages;
mod panics;
mod small_functions;
mod sockets;
