//! Messages of one frame.

use std::{
    borrow::{Borrow, Cow},
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    str::Utf8Error,
};

use bytes::Bytes;
use ferrozmq_base::Msg;

use crate::{PeerId, Result};

/// A message of one frame, or a frame of a [`Multipart`](crate::Multipart) message: bytes.
///
/// Up to 48 bytes lie in the message itself. A `Vec` or `Bytes` becomes a message without a copy, and clones of a
/// longer message share its bytes.
///
/// ```
/// use ferrozmq::Message;
///
/// let greeting = Message::from("Hello");
/// assert_eq!(greeting.len(), 5);
/// assert_eq!(greeting.as_str(), Ok("Hello"));
/// assert_eq!(greeting, b"Hello");
/// assert!(Message::new().is_empty());
///
/// let binary = Message::copy_from(&[0xff, b'!'])?;
/// assert!(binary.as_str().is_err());
/// assert_eq!(binary.to_string_lossy(), "\u{fffd}!");
/// assert_eq!(binary.as_bytes()[1], b'!');
/// # Ok::<(), ferrozmq::Error>(())
/// ```
#[derive(Default)]
pub struct Message(pub(crate) Msg);

impl Message {
    /// An empty message.
    ///
    /// See the example of [`Message`].
    #[inline]
    pub const fn new() -> Self {
        Self(Msg::new())
    }

    /// A copy of these bytes; unlike `From<&[u8]>` it reports a lack of memory.
    ///
    /// See the example of [`Message`].
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn copy_from(bytes: &[u8]) -> Result<Self> {
        Ok(Self(Msg::copy_from(bytes)?))
    }

    /// A message of this size that is made in place: `write` is given its bytes, all zero. The memory is that of
    /// messages that are done with, where there is any.
    ///
    /// ```
    /// # use ferrozmq::Message;
    /// let mut message = Message::build(64 * 1024, |body| body[..5].copy_from_slice(b"Hello"))?;
    /// assert_eq!(message[..6], *b"Hello\0");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    #[inline]
    #[doc(alias = "zmq_msg_init_size")]
    pub fn build(size: usize, write: impl FnOnce(&mut [u8])) -> Result<Self> {
        let mut message = Self::new();
        message.0.assign_zeros(size)?;
        // A new message has nobody to share with.
        write(message.0.as_mut_slice().unwrap_or_default());
        Ok(message)
    }

    /// Becomes a copy of these bytes.
    #[inline]
    pub(crate) fn assign(&mut self, bytes: &[u8]) {
        if self.0.assign(bytes).is_err() {
            no_memory();
        }
    }

    /// A constant, which is never copied if it has more than 48 bytes.
    ///
    /// ```
    /// # use ferrozmq::Message;
    /// static PAGE: &[u8] = &[b' '; 4096];
    /// let page = Message::from_static(PAGE);
    /// assert_eq!(page.as_ptr(), PAGE.as_ptr());
    /// ```
    pub fn from_static(bytes: &'static [u8]) -> Self {
        if bytes.len() <= Msg::INLINE_MAX { Self::from(bytes) } else { Self(Msg::from_static(bytes)) }
    }

    /// The bytes.
    ///
    /// See the example of [`Message`].
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Copies the bytes, or as many as there is room for, and says how many.
    ///
    /// ```
    /// # use ferrozmq::Message;
    /// let mut buffer = [0; 4];
    /// assert_eq!(Message::from("Hello").copy_to(&mut buffer), 4);
    /// assert_eq!(&buffer, b"Hell");
    /// ```
    #[inline]
    pub fn copy_to(&self, buffer: &mut [u8]) -> usize {
        self.0.copy_to(buffer)
    }

    /// The bytes as text.
    ///
    /// See the example of [`Message`].
    ///
    /// # Errors
    /// If they are not UTF-8.
    pub fn as_str(&self) -> std::result::Result<&str, Utf8Error> {
        std::str::from_utf8(self)
    }

    /// The bytes as text, with U+FFFD in place of what is not UTF-8.
    ///
    /// See the example of [`Message`].
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self)
    }

    /// The bytes as a vector: the very one that the message was made of, if nobody shares it, or a copy.
    ///
    /// ```
    /// # use ferrozmq::Message;
    /// let pixels = vec![0; 4096];
    /// let address = pixels.as_ptr();
    /// assert_eq!(Message::from(pixels).into_vec().as_ptr(), address);
    /// ```
    pub fn into_vec(self) -> Vec<u8> {
        self.0.into_vec().unwrap_or_else(|_| no_memory())
    }

    /// The bytes as `Bytes`, not copied if there are more than 48.
    ///
    /// ```
    /// # use ferrozmq::Message;
    /// let body: bytes::Bytes = Message::from("Hello").into_bytes();
    /// assert_eq!(body, "Hello");
    /// ```
    pub fn into_bytes(self) -> Bytes {
        self.0.into_bytes()
    }

    /// The address of the peer that the message came from; none for messages made here or received over inproc.
    ///
    /// ```
    /// use ferrozmq::{Context, Message};
    ///
    /// let ctx = Context::new();
    /// let mut tasks = ctx.pull().bind("tcp://127.0.0.1:*")?;
    /// ctx.push().connect(tasks.last_endpoint())?.send("task")?;
    /// let task = tasks.recv()?;
    /// assert_eq!(task.peer_address(), Some("127.0.0.1"));
    /// assert_eq!(task.socket_type(), Some("PUSH"));
    /// assert_eq!(Message::from("ours").peer_address(), None);
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "Peer-Address")]
    pub fn peer_address(&self) -> Option<&str> {
        self.text("Peer-Address")
    }

    /// The type of the socket that the message came from, as `"DEALER"`. See the example of
    /// [`peer_address`](Self::peer_address).
    #[doc(alias = "Socket-Type")]
    pub fn socket_type(&self) -> Option<&str> {
        self.text("Socket-Type")
    }

    /// A property of the connection that the message came by: one of the handshake (`X-…` are those of
    /// applications). See the example of [`Builder::metadata`](crate::Builder::metadata).
    #[doc(alias = "zmq_msg_gets")]
    pub fn property(&self, name: &str) -> Option<&[u8]> {
        self.0.properties()?.value(name)
    }

    /// The group of a message that a [`Dish`](crate::Dish) received; empty for others. See [`Radio`](crate::Radio).
    #[doc(alias = "zmq_msg_group")]
    pub fn group(&self) -> &[u8] {
        self.0.group()
    }

    /// Sets the group to which a [`Socket`](crate::Socket) that is a RADIO sends it; what goes beyond 255 bytes is cut
    /// off. [`Radio`](crate::Radio) does it by itself.
    ///
    /// ```
    /// let mut message = ferrozmq::Message::from("21 C");
    /// message.set_group("weather");
    /// assert_eq!(message.group(), b"weather");
    /// ```
    #[doc(alias = "zmq_msg_set_group")]
    pub fn set_group(&mut self, group: impl AsRef<[u8]>) {
        self.0.set_group(group.as_ref());
    }

    /// The peer that the message came from, on a [`Socket`](crate::Socket) that is a SERVER or PEER; or the one that it
    /// is to be sent to.
    ///
    /// ```
    /// use ferrozmq::{Context, SocketType};
    ///
    /// let ctx = Context::new();
    /// let mut server = ctx.socket(SocketType::Server).bind("inproc://echo")?;
    /// let client = ctx.client().connect("inproc://echo")?;
    /// client.send("Hello")?;
    /// let request = server.recv()?;
    /// let mut answer = ferrozmq::Message::from("World");
    /// answer.set_peer(request.peer().unwrap());
    /// server.send(answer)?;
    /// assert_eq!(client.recv()?, "World");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "zmq_msg_routing_id")]
    pub fn peer(&self) -> Option<PeerId> {
        PeerId::from_number(self.0.routing_id())
    }

    /// Sets the peer that a [`Socket`](crate::Socket) that is a SERVER or PEER sends it to; see [`peer`](Self::peer).
    #[doc(alias = "zmq_msg_set_routing_id")]
    pub fn set_peer(&mut self, peer: PeerId) {
        self.0.set_routing_id(peer.number());
    }

    fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.property(name)?).ok()
    }
}

#[cold]
fn no_memory() -> ! {
    std::alloc::handle_alloc_error(std::alloc::Layout::new::<[u64; 8]>())
}

impl Clone for Message {
    fn clone(&self) -> Self {
        let mut copy = self.0.share();
        copy.set_more(false);
        Self(copy)
    }
}

impl Deref for Message {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for Message {
    fn borrow(&self) -> &[u8] {
        self
    }
}

/// As text where the bytes are text.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_bytes(self, f)
    }
}

pub(crate) fn debug_bytes(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match std::str::from_utf8(bytes) {
        Ok(text) => fmt::Debug::fmt(text, f),
        Err(_) => write!(f, "b\"{}\"", bytes.escape_ascii()),
    }
}

impl Eq for Message {}

impl Hash for Message {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl Ord for Message {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other)
    }
}

impl PartialOrd for Message {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

macro_rules! equals {
    ($($other:ty),*) => {$(
        impl PartialEq<$other> for Message {
            fn eq(&self, other: &$other) -> bool {
                let other: &[u8] = other.as_ref();
                self.as_bytes() == other
            }
        }
    )*};
}

equals!(Self, [u8], &[u8], str, &str, String, Vec<u8>);

impl<const N: usize> PartialEq<[u8; N]> for Message {
    fn eq(&self, other: &[u8; N]) -> bool {
        self.as_bytes() == other
    }
}

impl<const N: usize> PartialEq<&[u8; N]> for Message {
    fn eq(&self, other: &&[u8; N]) -> bool {
        self.as_bytes() == *other
    }
}

/// A copy.
impl From<&[u8]> for Message {
    #[inline]
    fn from(bytes: &[u8]) -> Self {
        let mut message = Self::new();
        message.assign(bytes);
        message
    }
}

impl<const N: usize> From<&[u8; N]> for Message {
    #[inline]
    fn from(bytes: &[u8; N]) -> Self {
        Self::from(bytes.as_slice())
    }
}

impl<const N: usize> From<[u8; N]> for Message {
    #[inline]
    fn from(bytes: [u8; N]) -> Self {
        Self::from(bytes.as_slice())
    }
}

impl From<&str> for Message {
    #[inline]
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl From<&String> for Message {
    fn from(text: &String) -> Self {
        Self::from(text.as_bytes())
    }
}

/// Not copied, unless it is short.
impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Msg::from_vec(bytes))
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

/// Not copied, unless it is short.
impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self(Msg::from_bytes(bytes))
    }
}

impl From<&Self> for Message {
    fn from(message: &Self) -> Self {
        message.clone()
    }
}

impl From<Message> for Vec<u8> {
    fn from(message: Message) -> Self {
        message.into_vec()
    }
}

impl From<Message> for Bytes {
    fn from(message: Message) -> Self {
        message.into_bytes()
    }
}

/// The name by which a ROUTER or STREAM knows a peer.
///
/// ```
/// use ferrozmq::RoutingId;
///
/// let worker = RoutingId::from("worker-1");
/// assert_eq!(worker.to_string(), "worker-1");
/// assert_eq!(worker.as_bytes(), b"worker-1");
/// assert_eq!(RoutingId::from([0, 1, 2]).to_string(), "0x000102");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoutingId(pub(crate) Message);

impl RoutingId {
    /// Its bytes, 1 to 255.
    ///
    /// See the example of [`RoutingId`].
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<M: Into<Message>> From<M> for RoutingId {
    fn from(bytes: M) -> Self {
        Self(bytes.into())
    }
}

impl From<&RoutingId> for Message {
    fn from(id: &RoutingId) -> Self {
        id.0.clone()
    }
}

impl Borrow<[u8]> for RoutingId {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for RoutingId {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Text where it is printable ASCII, else hexadecimal.
impl fmt::Display for RoutingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_str() {
            Ok(text) if text.bytes().all(|b| b.is_ascii_graphic()) => f.write_str(text),
            _ => {
                f.write_str("0x")?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

impl fmt::Debug for RoutingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
