//! `vsock://cid:port`: between a virtual machine and its host (vsock(7)).

use std::fmt;

use super::{Fault, Use, invalid};

/// `vsock://cid:port`, both decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VsockEndpoint {
    /// The context id of a machine: 2 is the host (also written `@`), 1 this machine itself; `None`, for bind only, is
    /// every context id of this machine (`*`).
    pub cid: Option<u32>,
    /// The port; `None`, for bind only, leaves the choice to the system (`*`).
    pub port: Option<u32>,
}

/// The context id that a host has for its guests.
const HOST: u32 = 2;

pub(super) fn parse(address: &str, usage: Use) -> Result<VsockEndpoint, Fault> {
    let (cid, port) =
        address.split_once(':').ok_or_else(|| invalid("the port is missing: expected vsock://cid:port"))?;
    let cid = match cid {
        "@" => Some(HOST),
        _ => number(cid).ok_or_else(|| invalid("the context id must be a 32-bit number, @ or *"))?,
    };
    let port = number(port).ok_or_else(|| invalid("the port must be a 32-bit number or *"))?;
    if usage == Use::Connect && (cid.is_none() || port.is_none()) {
        return Err(invalid("the context id and the port to connect to cannot be wildcards"));
    }
    Ok(VsockEndpoint { cid, port })
}

/// A number or a wildcard; the greatest number is the kernel's wildcard.
fn number(text: &str) -> Option<Option<u32>> {
    if matches!(text, "*" | "-1") {
        return Some(None);
    }
    super::decimal(text).map(|number| Some(number).filter(|number| *number != u32::MAX))
}

impl fmt::Display for VsockEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |part: Option<u32>| part.map_or_else(|| "*".to_owned(), |number| number.to_string());
        write!(f, "{}:{}", text(self.cid), text(self.port))
    }
}

#[cfg(test)]
mod tests {
    use ferrozmq_base::Error;
    use proptest::prelude::*;

    use super::super::Endpoint;
    use super::*;

    #[test]
    fn forms() {
        for (text, cid, port) in [
            ("vsock://3:5555", Some(3), Some(5555)),
            ("vsock://@:1", Some(2), Some(1)),
            ("vsock://0:0", Some(0), Some(0)),
            ("vsock://1:70000", Some(1), Some(70_000)),
            ("vsock://*:5", None, Some(5)),
            ("vsock://-1:-1", None, None),
            ("vsock://4294967295:*", None, None),
        ] {
            let expected = Endpoint::Vsock(VsockEndpoint { cid, port });
            assert_eq!(Endpoint::parse_bind(text), Ok(expected.clone()), "{text}");
            let connect = Endpoint::parse_connect(text).map_err(|error| error.errno);
            let wildcard = cid.is_none() || port.is_none();
            assert_eq!(connect, if wildcard { Err(Error::InvalidArgument) } else { Ok(expected) }, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for address in [
            "x",
            "3",
            "3:",
            ":5",
            "3:x",
            "x:5",
            "3:5:6",
            "4294967296:5",
            "3:4294967296",
            "-2:5",
            "+3:5",
            "3: 5",
        ] {
            let text = format!("vsock://{address}");
            for result in [Endpoint::parse_bind(&text), Endpoint::parse_connect(&text)] {
                assert_eq!(result.map_err(|error| error.errno), Err(Error::InvalidArgument), "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn parsing_is_the_inverse_of_formatting(cid in any::<u32>(), port in any::<u32>()) {
            let some = |number| Some(number).filter(|number| *number != u32::MAX);
            let endpoint = Endpoint::Vsock(VsockEndpoint { cid: some(cid), port: some(port) });
            prop_assert_eq!(Endpoint::parse_bind(&endpoint.to_string()), Ok(endpoint));
        }
    }
}
