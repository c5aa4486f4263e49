//! Messages of several frames, and whatever can be sent.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use bytes::Bytes;

use crate::{Message, RoutingId};

/// A message of several frames. It is sent, and arrives, whole or not at all.
///
/// ```
/// use ferrozmq::Multipart;
///
/// let mut job = Multipart::from(("resize", b"\x01\x02", "cat.png"));
/// assert_eq!(job.len(), 3);
/// assert_eq!(job.pop_front().unwrap(), "resize");
/// assert_eq!(job[1], "cat.png");
///
/// let mut answer = Multipart::new();
/// answer.push(job.pop().unwrap());
/// answer.push("done");
/// answer.push_front("resized");
/// assert_eq!(answer, Multipart::from(["resized", "cat.png", "done"]));
/// assert_eq!(answer.into_frames().len(), 3);
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Multipart(Vec<Message>);

impl Multipart {
    /// No frames yet. A message has at least one when it is sent; one without counts as one empty frame.
    ///
    /// See the example of [`Multipart`].
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a frame at the end.
    ///
    /// See the example of [`Multipart`].
    pub fn push(&mut self, frame: impl Into<Message>) {
        self.0.push(frame.into());
    }

    /// Adds a frame at the front.
    ///
    /// See the example of [`Multipart`].
    pub fn push_front(&mut self, frame: impl Into<Message>) {
        self.0.insert(0, frame.into());
    }

    /// Takes the last frame.
    ///
    /// See the example of [`Multipart`].
    pub fn pop(&mut self) -> Option<Message> {
        self.0.pop()
    }

    /// Takes the first frame.
    ///
    /// See the example of [`Multipart`].
    pub fn pop_front(&mut self) -> Option<Message> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// Takes the frames up to the first empty one, which is dropped: the addresses in front of a request.
    ///
    /// ```
    /// # use ferrozmq::Multipart;
    /// let mut request = Multipart::from(("client", "", "Hello"));
    /// assert_eq!(request.split_envelope().unwrap(), Multipart::from(["client"]));
    /// assert_eq!(request, Multipart::from(["Hello"]));
    /// ```
    pub fn split_envelope(&mut self) -> Option<Self> {
        let end = self.0.iter().position(|frame| frame.is_empty())?;
        let body = self.0.split_off(end + 1);
        self.0.truncate(end);
        Some(Self(std::mem::replace(&mut self.0, body)))
    }

    /// The frames.
    ///
    /// See the example of [`Multipart`].
    pub fn into_frames(self) -> Vec<Message> {
        self.0
    }
}

impl Deref for Multipart {
    type Target = [Message];

    fn deref(&self) -> &[Message] {
        &self.0
    }
}

impl DerefMut for Multipart {
    fn deref_mut(&mut self) -> &mut [Message] {
        &mut self.0
    }
}

impl fmt::Debug for Multipart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

impl From<Vec<Message>> for Multipart {
    fn from(frames: Vec<Message>) -> Self {
        Self(frames)
    }
}

impl From<Message> for Multipart {
    fn from(frame: Message) -> Self {
        Self(vec![frame])
    }
}

impl<M: Into<Message>, const N: usize> From<[M; N]> for Multipart {
    fn from(frames: [M; N]) -> Self {
        frames.into_iter().collect()
    }
}

impl<M: Into<Message>> FromIterator<M> for Multipart {
    fn from_iter<I: IntoIterator<Item = M>>(frames: I) -> Self {
        Self(frames.into_iter().map(Into::into).collect())
    }
}

impl<M: Into<Message>> Extend<M> for Multipart {
    fn extend<I: IntoIterator<Item = M>>(&mut self, frames: I) {
        self.0.extend(frames.into_iter().map(Into::into));
    }
}

impl IntoIterator for Multipart {
    type Item = Message;
    type IntoIter = std::vec::IntoIter<Message>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Multipart {
    type Item = &'a Message;
    type IntoIter = std::slice::Iter<'a, Message>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// What can be sent: text, bytes, a [`Message`]; or several frames, as a tuple, an array or a [`Multipart`].
///
/// ```
/// use ferrozmq::Context;
///
/// let ctx = Context::new();
/// let mut results = ctx.pull().bind("inproc://results")?;
/// let mut tasks = ctx.push().connect("inproc://results")?;
/// tasks.send("text")?;
/// tasks.send(vec![1, 2, 3])?;
/// tasks.send(("topic", b"bytes"))?;
/// assert_eq!(results.recv()?, "text");
/// assert_eq!(results.recv()?, [1, 2, 3]);
/// assert_eq!(results.recv_multipart()?.len(), 2);
/// # Ok::<(), ferrozmq::Error>(())
/// ```
///
/// A type of your own becomes sendable, and comes back as what it was sent as:
/// ```
/// use ferrozmq::{Context, IntoMultipart, Multipart};
///
/// struct Task { name: String, size: u32 }
///
/// impl IntoMultipart for Task {
///     type Whole = Multipart;
///
///     fn into_multipart(self) -> Multipart {
///         (self.name, self.size.to_be_bytes()).into()
///     }
/// }
///
/// let mut tasks = Context::new().push().build()?;
/// let refused = tasks.try_send(Task { name: "resize".into(), size: 7 }).unwrap_err();
/// assert_eq!(refused.into_message()[0], "resize");
/// # Ok::<(), ferrozmq::Error>(())
/// ```
pub trait IntoMultipart {
    /// As what it is sent, and comes back if that fails: [`Message`] or [`Multipart`].
    type Whole: Whole;

    /// The message.
    ///
    /// See the example of [`IntoMultipart`].
    fn into_multipart(self) -> Self::Whole;

    /// Puts the message in the place of one: without moving it, where it is copied anyway.
    ///
    /// ```
    /// use ferrozmq::{IntoMultipart, Message};
    ///
    /// let mut message = Message::new();
    /// "text".put_into(&mut message);
    /// assert_eq!(message, "text");
    /// ```
    #[inline]
    fn put_into(self, place: &mut Self::Whole)
    where
        Self: Sized,
    {
        *place = self.into_multipart();
    }
}

/// [`Message`] and [`Multipart`]: what sockets send. See the example of [`IntoMultipart`].
pub trait Whole: sealed::Frames + Default {}

impl Whole for Message {}
impl Whole for Multipart {}

pub(crate) mod sealed {
    pub trait Frames {
        fn frames(&mut self) -> &mut [crate::Message];
    }
}

impl sealed::Frames for Message {
    #[inline(always)]
    fn frames(&mut self) -> &mut [Message] {
        std::slice::from_mut(self)
    }
}

impl sealed::Frames for Multipart {
    fn frames(&mut self) -> &mut [Message] {
        &mut self.0
    }
}

macro_rules! single {
    ($($type:ty),*) => {$(
        impl IntoMultipart for $type {
            type Whole = Message;

            #[inline]
            fn into_multipart(self) -> Message {
                self.into()
            }

            #[inline]
            fn put_into(self, place: &mut Message) {
                place.0.replace_by(Message::from(self).0);
            }
        }
    )*};
}

single!(Message, &Message, String, Vec<u8>, Bytes, &RoutingId);

macro_rules! copied {
    ($($type:ty $(, const $n:ident)?);*) => {$(
        impl$(<const $n: usize>)? IntoMultipart for $type {
            type Whole = Message;

            #[inline]
            fn into_multipart(self) -> Message {
                self.into()
            }

            #[inline]
            fn put_into(self, place: &mut Message) {
                place.assign(self.as_ref());
            }
        }
    )*};
}

copied!(&str; &String; &[u8]; &[u8; N], const N);

impl<M: Into<Message>, const N: usize> IntoMultipart for [M; N] {
    type Whole = Multipart;

    fn into_multipart(self) -> Multipart {
        self.into()
    }
}

impl IntoMultipart for Multipart {
    type Whole = Self;

    fn into_multipart(self) -> Self {
        self
    }
}

impl IntoMultipart for Vec<Message> {
    type Whole = Multipart;

    fn into_multipart(self) -> Multipart {
        self.into()
    }
}

macro_rules! tuples {
    ($(($($name:ident)+))*) => {$(
        impl<$($name: Into<Message>),+> From<($($name,)+)> for Multipart {
            #[allow(non_snake_case, reason = "one binding per type")]
            fn from(($($name,)+): ($($name,)+)) -> Self {
                Self(vec![$($name.into()),+])
            }
        }

        impl<$($name: Into<Message>),+> IntoMultipart for ($($name,)+) {
            type Whole = Multipart;

            fn into_multipart(self) -> Multipart {
                self.into()
            }
        }
    )*};
}

tuples!((A)(A B)(A B C)(A B C D)(A B C D E)(A B C D E F)(A B C D E F G)(A B C D E F G H));
