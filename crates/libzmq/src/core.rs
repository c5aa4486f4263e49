//! Stand-in until the runtime is there.
#![allow(missing_docs, unused_variables)]
use ferrozmq_base::{Error, Msg, Result, SocketType};
use ferrozmq_runtime::option::ContextOptions;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Context(Arc<Mutex<ContextOptions>>);
impl Context {
    pub fn new() -> Result<Self> {
        Ok(Self(Arc::default()))
    }
    pub fn set(&self, number: i32, value: i32) -> Result<()> {
        self.0.lock().unwrap().set(number, value)
    }
    pub fn set_bytes(&self, number: i32, value: &[u8]) -> Result<()> {
        self.0.lock().unwrap().set_bytes(number, value)
    }
    pub fn get(&self, number: i32) -> Result<i32> {
        self.0.lock().unwrap().get(number)
    }
    pub fn get_bytes(&self, number: i32, buffer: &mut [u8]) -> Result<()> {
        self.0.lock().unwrap().get_bytes(number, buffer)
    }
    pub fn socket(&self, kind: SocketType) -> Result<SocketCore> {
        Err(Error::NotSupported)
    }
    pub fn shutdown(&self) {}
    pub fn term(&self) -> Result<()> {
        Ok(())
    }
}
#[derive(Clone, Copy, Debug, Default)]
pub struct Flags {
    pub dont_wait: bool,
    pub more: bool,
}
#[derive(Debug)]
pub struct SocketCore(());
impl SocketCore {
    pub fn kind(&self) -> SocketType {
        SocketType::Pair
    }
    pub fn bind(&mut self, e: &str) -> Result<()> {
        Err(Error::NotSupported)
    }
    pub fn connect(&mut self, e: &str) -> Result<()> {
        Err(Error::NotSupported)
    }
    pub fn unbind(&mut self, e: &str) -> Result<()> {
        Err(Error::NotSupported)
    }
    pub fn disconnect(&mut self, e: &str) -> Result<()> {
        Err(Error::NotSupported)
    }
    pub fn send(&mut self, m: &mut Msg, flags: Flags) -> Result<()> {
        Err(Error::NotSupported)
    }
    pub fn recv(&mut self, m: &mut Msg, dont_wait: bool) -> Result<()> {
        Err(Error::NotSupported)
    }
    pub fn set_option(&mut self, number: i32, value: Option<&[u8]>) -> Result<()> {
        Err(Error::NotSupported)
    }
    pub fn option(&mut self, number: i32, buffer: &mut [u8]) -> Result<usize> {
        Err(Error::NotSupported)
    }
    pub fn monitor(
        &mut self,
        endpoint: Option<&str>,
        events: u64,
        version: i32,
        kind: SocketType,
    ) -> Result<()> {
        Err(Error::NotSupported)
    }
    pub fn receives_more(&self) -> bool {
        false
    }
    pub fn close(self) {}
}
#[derive(Debug)]
pub enum Target<'a> {
    Socket(&'a mut SocketCore),
    Fd(i32),
}
#[derive(Debug)]
pub struct Item<'a> {
    pub target: Target<'a>,
    pub events: i16,
    pub returned: i16,
}
pub fn poll(
    items: &mut [Item<'_>],
    timeout: Option<Duration>,
    mask: Option<&ferrozmq_sys::SignalSet>,
) -> Result<usize> {
    Err(Error::NotSupported)
}
pub fn proxy(
    front: &mut SocketCore,
    back: Option<&mut SocketCore>,
    capture: Option<&mut SocketCore>,
    control: Option<&mut SocketCore>,
) -> Result<()> {
    Err(Error::NotSupported)
}
