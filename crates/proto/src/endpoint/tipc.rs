//! `tipc://…`: services by number within a cluster of Linux machines (zmq_tipc(7), tipc(7)).
//!
//! A service that is connected to without a domain (`@z.c.n`) is looked for everywhere. libzmq looks in 1.0.0 then, the
//! whole of a cluster whose nodes have addresses of the old form; where they have not, nobody is found there.

use std::fmt;

use super::{Fault, Use, decimal, invalid};

/// `tipc://…`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TipcEndpoint {
    /// Bind only: instances of a service (`{type,lower,upper}`, or `{type,instance}` for one).
    Range {
        /// The type of the service: 64 or more.
        service: u32,
        /// The first instance.
        lower: u32,
        /// The last one, not below the first.
        upper: u32,
    },
    /// Bind only: an address that the system gives (`<*>`).
    Any,
    /// Connect only: whoever answers for this instance of a service (`{type,instance}`, `{type,instance}@z.c.n`).
    Service {
        /// The type of the service: 64 or more.
        service: u32,
        /// Which instance of it.
        instance: u32,
        /// Where to look.
        domain: TipcNode,
    },
    /// Connect only: one socket (`<z.c.n:ref>`).
    Socket {
        /// Where it is.
        node: TipcNode,
        /// Its number there.
        reference: u32,
    },
}

/// A node, or all nodes of a cluster or of a zone: the zone in the upper 8 bits, the cluster and the node in 12 each.
/// 0 is anywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TipcNode(pub u32);

/// The first type that is not reserved for tipc itself.
const FIRST_SERVICE: u32 = 64;

pub(super) fn parse(address: &str, usage: Use) -> Result<TipcEndpoint, Fault> {
    match (address.strip_prefix('<'), usage) {
        (Some("*>"), Use::Bind) => Ok(TipcEndpoint::Any),
        (Some("*>"), Use::Connect) => Err(invalid("the address to connect to cannot be a wildcard")),
        (Some(_), Use::Bind) => Err(invalid("the system gives a socket its address: expected tipc://<*>")),
        (Some(socket), Use::Connect) => {
            parse_socket(socket).ok_or_else(|| invalid("expected tipc://<zone.cluster.node:reference>"))
        }
        (None, Use::Bind) => parse_range(address),
        (None, Use::Connect) => parse_service(address),
    }
}

fn parse_socket(text: &str) -> Option<TipcEndpoint> {
    let (node, reference) = text.strip_suffix('>')?.split_once(':')?;
    Some(TipcEndpoint::Socket { node: parse_node(node)?, reference: decimal(reference)? })
}

fn parse_range(address: &str) -> Result<TipcEndpoint, Fault> {
    let numbers = parse_numbers(address);
    let (service, lower, upper) = match numbers.as_deref() {
        Some([service, instance]) => (*service, *instance, *instance),
        Some([service, lower, upper]) => (*service, *lower, *upper),
        _ => return Err(invalid("expected tipc://{type,lower,upper} with 32-bit numbers")),
    };
    if upper < lower {
        return Err(invalid("the upper instance is below the lower one"));
    }
    Ok(TipcEndpoint::Range { service: check_service(service)?, lower, upper })
}

fn parse_service(address: &str) -> Result<TipcEndpoint, Fault> {
    let (name, domain) = match address.split_once('@') {
        None => (address, Some(TipcNode::default())),
        Some((name, domain)) => (name, parse_node(domain)),
    };
    let domain = domain.ok_or_else(|| invalid("expected a domain zone.cluster.node after @"))?;
    match parse_numbers(name).as_deref() {
        Some([service, instance]) => {
            Ok(TipcEndpoint::Service { service: check_service(*service)?, instance: *instance, domain })
        }
        _ => Err(invalid("expected tipc://{type,instance} with 32-bit numbers")),
    }
}

fn check_service(service: u32) -> Result<u32, Fault> {
    if service < FIRST_SERVICE {
        return Err(invalid("the types below 64 are reserved"));
    }
    Ok(service)
}

/// Two or three numbers in braces, with or without spaces before each.
fn parse_numbers(text: &str) -> Option<Vec<u32>> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    inner.split(',').map(|number| decimal(number.trim_start_matches(' '))).collect()
}

fn parse_node(text: &str) -> Option<TipcNode> {
    let mut parts = text.split('.').map(decimal);
    let (zone, cluster, node) = (parts.next()??, parts.next()??, parts.next()??);
    let fits = zone < 1 << 8 && cluster < 1 << 12 && node < 1 << 12 && parts.next().is_none();
    fits.then_some(TipcNode(zone << 24 | cluster << 12 | node))
}

impl fmt::Display for TipcEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range { service, lower, upper } => write!(f, "{{{service}, {lower}, {upper}}}"),
            Self::Any => f.write_str("<*>"),
            Self::Service { service, instance, domain: TipcNode(0) } => {
                write!(f, "{{{service}, {instance}}}")
            }
            Self::Service { service, instance, domain } => write!(f, "{{{service}, {instance}}}@{domain}"),
            Self::Socket { node, reference } => write!(f, "<{node}:{reference}>"),
        }
    }
}

impl fmt::Display for TipcNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0 >> 24, self.0 >> 12 & 0xfff, self.0 & 0xfff)
    }
}

#[cfg(test)]
mod tests {
    use ferrozmq_base::Error;
    use proptest::prelude::*;

    use super::super::Endpoint;
    use super::*;

    fn bind(text: &str) -> Result<TipcEndpoint, Error> {
        tipc(Endpoint::parse_bind(&format!("tipc://{text}")).map_err(|error| error.errno))
    }

    fn connect(text: &str) -> Result<TipcEndpoint, Error> {
        tipc(Endpoint::parse_connect(&format!("tipc://{text}")).map_err(|error| error.errno))
    }

    fn tipc(endpoint: Result<Endpoint, Error>) -> Result<TipcEndpoint, Error> {
        endpoint.map(|endpoint| match endpoint {
            Endpoint::Tipc(tipc) => tipc,
            other => panic!("{other}"),
        })
    }

    const INVALID: Result<TipcEndpoint, Error> = Err(Error::InvalidArgument);

    #[test]
    fn services_are_bound_by_range_and_connected_by_instance() {
        let range = |lower, upper| Ok(TipcEndpoint::Range { service: 5560, lower, upper });
        assert_eq!(bind("{5560,0,5}"), range(0, 5));
        assert_eq!(bind("{5560, 0, 5}"), range(0, 5));
        assert_eq!(bind("{5560,7}"), range(7, 7));
        let service = |domain| Ok(TipcEndpoint::Service { service: 5560, instance: 3, domain });
        assert_eq!(connect("{5560,3}"), service(TipcNode(0)));
        assert_eq!(connect("{5560, 3}@0.0.0"), service(TipcNode(0)));
        assert_eq!(connect("{5560,3}@1.2.3"), service(TipcNode(0x0100_2003)));
        assert_eq!(connect("{5560,0,5}"), INVALID, "a range is for bind");
        assert_eq!(bind("{5560,3}@1.2.3"), INVALID, "a domain is for connect");
    }

    #[test]
    fn sockets_are_connected_by_their_address() {
        let socket = TipcEndpoint::Socket { node: TipcNode(0x0100_1001), reference: 5 };
        assert_eq!(connect("<1.1.1:5>"), Ok(socket));
        assert_eq!(bind("<1.1.1:5>"), INVALID, "the system gives it");
        assert_eq!(bind("<*>"), Ok(TipcEndpoint::Any));
        assert_eq!(connect("<*>"), INVALID);
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "x",
            "{5560}",
            "{5560,}",
            "{,}",
            "{5560,0,5,6}",
            "5560,0",
            "{5560,0",
            "{5560,0}x",
            "{ 5560 ,0}",
            "{-1,0}",
            "{4294967296,0}",
            "{63,0}",
            "{5560,0}@",
            "{5560,0}@1.2",
            "{5560,0}@1.2.3.4",
            "{5560,0}@256.0.0",
            "{5560,0}@1.4096.0",
            "{5560,0}@1.0.4096",
            "<",
            "<>",
            "<*>x",
            "<1.1.1>",
            "<1.1.1:>",
            "<1.1.1:5",
            "<1.1:5>",
        ] {
            assert_eq!(bind(text), INVALID, "{text}");
            assert_eq!(connect(text), INVALID, "{text}");
        }
        assert_eq!(bind("{5560,5,4}"), INVALID);
        assert!(bind("{64,0,4294967295}").is_ok() && connect("{64,4294967295}").is_ok());
    }

    proptest! {
        #[test]
        fn parsing_is_the_inverse_of_formatting(
            service in FIRST_SERVICE.., lower in any::<u32>(), more in any::<u32>(), node in any::<u32>(),
        ) {
            let range = TipcEndpoint::Range { service, lower, upper: lower.saturating_add(more) };
            prop_assert_eq!(bind(&range.to_string()), Ok(range));
            let to = TipcEndpoint::Service { service, instance: lower, domain: TipcNode(node) };
            prop_assert_eq!(connect(&to.to_string()), Ok(to));
            let to = TipcEndpoint::Socket { node: TipcNode(node), reference: more };
            prop_assert_eq!(connect(&to.to_string()), Ok(to));
        }
    }
}
