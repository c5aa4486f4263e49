//! Datagrams to and from anybody.

use std::net::SocketAddr;

use super::typed::socket;
use crate::{Error, Message, Multipart, Result, SendError};

socket! {
    /// Datagrams, to and from whoever speaks udp (DGRAM). It binds to one address, and does not connect.
    ///
    /// ```
    /// use std::net::UdpSocket;
    ///
    /// let ctx = ferrozmq::Context::new();
    /// let mut time = ctx.dgram().bind("udp://127.0.0.1:*")?;
    /// let other = UdpSocket::bind("127.0.0.1:0")?;
    /// other.send_to(b"what time is it?", time.last_endpoint().trim_start_matches("udp://"))?;
    ///
    /// let (peer, question) = time.recv_from()?;
    /// assert_eq!((peer, question.as_str()), (other.local_addr()?, Ok("what time is it?")));
    /// time.send_to(peer, "noon")?;
    /// let mut answer = [0; 4];
    /// other.recv(&mut answer)?;
    /// assert_eq!(&answer, b"noon");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Datagrams get lost, come twice or out of order: nobody says so. What this machine itself cannot send or take is
    /// counted:
    /// ```
    /// # use ferrozmq::{Context, Error};
    /// # let ctx = Context::new();
    /// let mut time = ctx.dgram().bind("udp://127.0.0.1:*")?;
    /// time.send_to("[::1]:5555".parse().unwrap(), "from IPv4 to IPv6")?;
    /// while time.stats()?.dropped().unroutable != 1 {
    ///     std::thread::yield_now();
    /// }
    /// let too_long = time.send_to("127.0.0.1:5555".parse().unwrap(), vec![0; 65_508]);
    /// assert_eq!(too_long.unwrap_err().error(), Error::MessageTooLong);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "ZMQ_DGRAM")]
    Dgram
}

impl Dgram {
    /// Receives a datagram, and the address that it came from; waits for it. See the example of [`Dgram`].
    ///
    /// # Errors
    /// [`Error::Again`] once the receive timeout has passed, [`Error::Terminated`], [`Error::Interrupted`].
    #[doc(alias = "zmq_recv")]
    pub fn recv_from(&mut self) -> Result<(SocketAddr, Message)> {
        from_peer(self.0.recv_multipart()?)
    }

    /// Receives a datagram, if there is one.
    ///
    /// ```
    /// # use ferrozmq::{Context, Error};
    /// let mut dgram = Context::new().dgram().bind("udp://127.0.0.1:*")?;
    /// assert_eq!(dgram.try_recv_from(), Err(Error::Again));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Again`] if there is none.
    pub fn try_recv_from(&mut self) -> Result<(SocketAddr, Message)> {
        from_peer(self.0.try_recv_multipart()?)
    }

    /// Sends a datagram of up to 65,507 bytes to this address, which may be that of a multicast group; waits while there
    /// is no room for it. See the example of [`Dgram`].
    ///
    /// # Errors
    /// The error has the datagram: [`Error::MessageTooLong`], [`Error::HostUnreachable`] if the socket is not bound,
    /// [`Error::Again`] once the send timeout has passed, [`Error::Terminated`], [`Error::Interrupted`].
    #[doc(alias = "zmq_send")]
    pub fn send_to(
        &mut self,
        peer: SocketAddr,
        datagram: impl Into<Message>,
    ) -> Result<(), SendError<Message>> {
        self.send(peer, datagram.into(), false)
    }

    /// As [`send_to`](Self::send_to), if there is room.
    ///
    /// ```
    /// # use ferrozmq::{Context, Error};
    /// # let ctx = Context::new();
    /// let mut here = ctx.dgram().bind("udp://127.0.0.1:*")?;
    /// let own = here.last_endpoint().trim_start_matches("udp://").parse().unwrap();
    /// here.try_send_to(own, "to itself")?;
    /// assert_eq!(here.recv_from()?, (own, "to itself".into()));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Again`] if there is none. The error has the datagram.
    pub fn try_send_to(
        &mut self,
        peer: SocketAddr,
        datagram: impl Into<Message>,
    ) -> Result<(), SendError<Message>> {
        self.send(peer, datagram.into(), true)
    }

    fn send(
        &mut self,
        peer: SocketAddr,
        mut datagram: Message,
        dont_wait: bool,
    ) -> Result<(), SendError<Message>> {
        let mut address = Message::from(peer.to_string());
        let sent = self.0.send_frame_now(&mut address.0, dont_wait, true);
        match sent.and_then(|()| self.0.finish(std::slice::from_mut(&mut datagram))) {
            Ok(()) => Ok(()),
            Err(e) => Err(SendError::new(datagram, e)),
        }
    }
}

fn from_peer(mut frames: Multipart) -> Result<(SocketAddr, Message)> {
    let address = frames.pop_front().ok_or(Error::Protocol)?;
    let text = address.as_str().map_err(|_| Error::Protocol)?.trim_end_matches('\0');
    let peer = text.parse().map_err(|_| Error::Protocol)?;
    Ok((peer, frames.pop_front().unwrap_or_default()))
}
