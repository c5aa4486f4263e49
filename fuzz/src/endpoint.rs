//! Endpoints: any text is parsed or refused, and what is parsed is the same after formatting.

use ferrozmq_base::SocketType;
use ferrozmq_proto::{Endpoint, endpoint::check_socket_type};

pub(crate) fn target(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for parse in [Endpoint::parse_bind, Endpoint::parse_connect] {
        match parse(&text) {
            Ok(endpoint) => {
                let formatted = endpoint.to_string();
                assert_eq!(parse(&formatted).as_ref(), Ok(&endpoint), "{formatted}");
                let fits = |kind: &SocketType| check_socket_type(&text, *kind).is_ok();
                assert!(SocketType::ALL.iter().any(fits), "parsed, but for nobody: {text}");
            }
            Err(error) => assert!(error.to_string().contains(&*text) || !error.reason.is_empty()),
        }
    }
    for socket_type in SocketType::ALL {
        let _ = check_socket_type(&text, *socket_type);
    }
}
