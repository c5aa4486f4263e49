//! The entry points, called as C programs call them.
mod handles;
mod messages;
mod small_functions;
mod sockets;
