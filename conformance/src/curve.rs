//! The CURVE keys of the tests (those of RFC 26), and what a server and a client are told of them.

use crate::socket::Sock;
use crate::zmq;

/// The server's public key.
pub const SERVER_PUBLIC: &str = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
/// The server's secret key.
pub const SERVER_SECRET: &str = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";
/// The client's public key.
pub const CLIENT_PUBLIC: &str = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
/// The client's secret key.
pub const CLIENT_SECRET: &str = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";

/// Makes a socket the server.
pub fn serve(socket: &Sock) {
    socket.set_bytes(zmq::CURVE_SECRETKEY, SERVER_SECRET).expect("a key");
    socket.set(zmq::CURVE_SERVER, 1).expect("a server");
}

/// Makes a socket the client.
pub fn ask_to_come_in(socket: &Sock) {
    socket.set_bytes(zmq::CURVE_PUBLICKEY, CLIENT_PUBLIC).expect("a key");
    socket.set_bytes(zmq::CURVE_SECRETKEY, CLIENT_SECRET).expect("a key");
    socket.set_bytes(zmq::CURVE_SERVERKEY, SERVER_PUBLIC).expect("a key");
}
