//! The options of a context.
use super::encode;
use ferrozmq_base::{Error, Result};
use std::collections::BTreeSet;

const IO_THREADS: i32 = 1;
const MAX_SOCKETS: i32 = 2;
/// For reading; the same number is THREAD_PRIORITY for writing.
const SOCKET_LIMIT: i32 = 3;
const THREAD_PRIORITY: i32 = 3;
const THREAD_SCHED_POLICY: i32 = 4;
const MAX_MSGSZ: i32 = 5;
const MSG_T_SIZE: i32 = 6;
const THREAD_AFFINITY_CPU_ADD: i32 = 7;
const THREAD_AFFINITY_CPU_REMOVE: i32 = 8;
const THREAD_NAME_PREFIX: i32 = 9;
const ZERO_COPY_RECV: i32 = 10;
const IPV6: i32 = 42;
const BLOCKY: i32 = 70;

/// The longest prefix of a thread name.
const NAME_PREFIX_MAX: usize = 16;

/// The options of a context (zmq_ctx_set(3), zmq_ctx_get(3)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextOptions {
    /// Number of I/O threads; read when the first socket is made. With 0 only inproc works.
    #[doc(alias = "ZMQ_IO_THREADS")]
    pub io_threads: u32,
    /// Most sockets open at a time; read when the first socket is made.
    #[doc(alias = "ZMQ_MAX_SOCKETS")]
    pub max_sockets: u32,
    /// Scheduling priority of threads started afterwards; `None` leaves it alone.
    #[doc(alias = "ZMQ_THREAD_PRIORITY")]
    pub thread_priority: Option<i32>,
    /// Scheduling policy (sched.h) of threads started afterwards; `None` leaves it alone.
    #[doc(alias = "ZMQ_THREAD_SCHED_POLICY")]
    pub thread_sched_policy: Option<i32>,
    /// Nominal largest message; kept for programs that read it back, never enforced.
    #[doc(alias = "ZMQ_MAX_MSGSZ")]
    pub max_message_size: i32,
    /// CPUs that threads started afterwards may use; empty is all.
    #[doc(alias = "ZMQ_THREAD_AFFINITY_CPU_ADD")]
    #[doc(alias = "ZMQ_THREAD_AFFINITY_CPU_REMOVE")]
    pub thread_affinity: BTreeSet<u32>,
    /// Put before the names of threads started afterwards, up to 16 bytes.
    #[doc(alias = "ZMQ_THREAD_NAME_PREFIX")]
    pub thread_name_prefix: Vec<u8>,
    /// New sockets may leave received bodies in the read buffer.
    #[doc(alias = "ZMQ_ZERO_COPY_RECV")]
    pub zero_copy_receive: bool,
    /// New sockets use IPv6 besides IPv4.
    #[doc(alias = "ZMQ_IPV6")]
    pub ipv6: bool,
    /// New sockets linger for ever; if not, they drop unsent messages at close.
    #[doc(alias = "ZMQ_BLOCKY")]
    pub blocky: bool,
}

impl Default for ContextOptions {
    fn default() -> Self {
        Self {
            io_threads: 1,
            max_sockets: 1023,
            thread_priority: None,
            thread_sched_policy: None,
            max_message_size: i32::MAX,
            thread_affinity: BTreeSet::new(),
            thread_name_prefix: Vec::new(),
            zero_copy_receive: true,
            ipv6: false,
            blocky: true,
        }
    }
}

impl ContextOptions {
    /// The most that `max_sockets` is said to allow (ZMQ_SOCKET_LIMIT).
    pub const SOCKET_LIMIT: i32 = 65_535;
    /// The size of `zmq_msg_t` (ZMQ_MSG_T_SIZE).
    pub const MSG_T_SIZE: i32 = 64;

    /// Sets an integer option.
    ///
    /// # Errors
    /// `InvalidArgument` if the number is unknown or read-only, or the value is out of range.
    pub fn set(&mut self, number: i32, value: i32) -> Result<()> {
        if number == THREAD_NAME_PREFIX {
            self.thread_name_prefix = value.to_string().into_bytes();
            return Ok(());
        }
        let natural = u32::try_from(value).map_err(|_| Error::InvalidArgument)?;
        match number {
            IO_THREADS => self.io_threads = natural,
            MAX_SOCKETS if natural >= 1 => self.max_sockets = natural,
            THREAD_PRIORITY => self.thread_priority = Some(value),
            THREAD_SCHED_POLICY => self.thread_sched_policy = Some(value),
            MAX_MSGSZ => self.max_message_size = value,
            THREAD_AFFINITY_CPU_ADD => _ = self.thread_affinity.insert(natural),
            THREAD_AFFINITY_CPU_REMOVE if self.thread_affinity.remove(&natural) => {}
            ZERO_COPY_RECV => self.zero_copy_receive = value != 0,
            IPV6 => self.ipv6 = value != 0,
            BLOCKY => self.blocky = value != 0,
            _ => return Err(Error::InvalidArgument),
        }
        Ok(())
    }

    /// Sets an option from bytes: a C `int`, or up to 16 bytes of thread name prefix (4 bytes are an `int`).
    ///
    /// # Errors
    /// As [`set`](Self::set), and `InvalidArgument` for any other length.
    pub fn set_bytes(&mut self, number: i32, value: &[u8]) -> Result<()> {
        if let Ok(int) = value.try_into() {
            return self.set(number, i32::from_ne_bytes(int));
        }
        if number != THREAD_NAME_PREFIX || value.is_empty() || value.len() > NAME_PREFIX_MAX {
            return Err(Error::InvalidArgument);
        }
        self.thread_name_prefix = value.to_vec();
        Ok(())
    }

    /// Reads an integer option. The scheduling policy reads -1 while it is not set.
    ///
    /// # Errors
    /// `InvalidArgument` if the number is unknown or write-only.
    pub fn get(&self, number: i32) -> Result<i32> {
        Ok(match number {
            IO_THREADS => saturated(self.io_threads),
            MAX_SOCKETS => saturated(self.max_sockets),
            SOCKET_LIMIT => Self::SOCKET_LIMIT,
            THREAD_SCHED_POLICY => self.thread_sched_policy.unwrap_or(-1),
            MAX_MSGSZ => self.max_message_size,
            MSG_T_SIZE => Self::MSG_T_SIZE,
            THREAD_NAME_PREFIX => leading_int(&self.thread_name_prefix),
            ZERO_COPY_RECV => self.zero_copy_receive.into(),
            IPV6 => self.ipv6.into(),
            BLOCKY => self.blocky.into(),
            _ => return Err(Error::InvalidArgument),
        })
    }

    /// Reads an option into a buffer: a C `int` into exactly 4 bytes, or the thread name prefix into any other
    /// length that holds it, without a NUL. Bytes behind the prefix are left alone.
    ///
    /// # Errors
    /// As [`get`](Self::get), and `InvalidArgument` if the buffer does not fit.
    pub fn get_bytes(&self, number: i32, buffer: &mut [u8]) -> Result<()> {
        if number == THREAD_NAME_PREFIX && buffer.len() != 4 {
            let prefix = &self.thread_name_prefix;
            buffer.get_mut(..prefix.len()).ok_or(Error::InvalidArgument)?.copy_from_slice(prefix);
            return Ok(());
        }
        let value = self.get(number)?;
        encode::exact(buffer, &value.to_ne_bytes()).map(|_| ())
    }
}

fn saturated(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// What C's `atoi` makes of a text: a sign and digits, as far as they go; 0 if there are none.
fn leading_int(text: &[u8]) -> i32 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    digits.iter().take_while(|b| b.is_ascii_digit()).fold(0i32, |value, digit| {
        let digit = i32::from(digit - b'0');
        let value = value.saturating_mul(10);
        if negative { value.saturating_sub(digit) } else { value.saturating_add(digit) }
    })
}
