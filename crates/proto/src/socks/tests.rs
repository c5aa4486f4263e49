use super::*;

const CONNECTED: &[u8] = b"\x05\0\0\x01\x7F\0\0\x01\x04\x38";

fn target(text: &str) -> HostPort {
    match Endpoint::parse_connect(text) {
        Ok(Endpoint::Tcp(endpoint)) => endpoint.target,
        other => panic!("{text}: {other:?}"),
    }
}

fn login() -> Option<Login> {
    Some(Login { username: b"user".to_vec(), password: Password(b"secret".to_vec()) })
}

fn to(text: &str, login: Option<Login>) -> Socks {
    Socks::new(target(text), login)
}

/// All that is said, what was taken of `input` up to its end or that of the conversation, and how that went: in
/// portions of `size` bytes, none of which is longer than what is asked for if `sparing`.
fn talk(
    mut socks: Socks,
    input: &[u8],
    size: usize,
    sparing: bool,
) -> (Vec<u8>, usize, Result<bool, SocksError>) {
    let mut out = Vec::new();
    socks.start(&mut out);
    let mut taken = 0;
    while taken < input.len() && !socks.is_connected() {
        let wanted = if sparing { size.min(socks.missing()) } else { size };
        let end = (taken + wanted).min(input.len());
        match socks.receive(&input[taken..end], &mut out) {
            Ok(count) => taken += count,
            Err(error) => {
                assert_eq!(socks.receive(input, &mut Vec::new()), Err(error), "it is final");
                assert_eq!(socks.missing(), 0);
                return (out, taken, Err(error));
            }
        }
        assert!(socks.answer.len() <= 262);
    }
    assert_eq!(socks.missing() == 0, socks.is_connected());
    let connected = socks.is_connected();
    (out, taken, Ok(connected))
}

#[test]
fn an_address_is_asked_for_in_its_own_form() {
    for (endpoint, address) in [
        ("tcp://10.1.2.3:7777", &b"\x01\x0A\x01\x02\x03"[..]),
        ("tcp://[fe80::1]:7777", b"\x04\xFE\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"),
        ("tcp://[fe80::1%lo]:7777", b"\x04\xFE\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"),
        ("tcp://example.test:7777", b"\x03\x0Cexample.test"),
        ("tcp://127.0.0.1:*;example.test:7777", b"\x03\x0Cexample.test"),
    ] {
        let input = [b"\x05\0", CONNECTED].concat();
        let said = [b"\x05\x01\0\x05\x01\0", address, b"\x1E\x61"].concat();
        assert_eq!(talk(to(endpoint, None), &input, 1, true), (said, input.len(), Ok(true)), "{endpoint}");
    }
}

#[test]
fn a_name_and_a_password_are_told_if_the_proxy_asks() {
    let input = [b"\x05\x02\x01\0", CONNECTED].concat();
    let said = b"\x05\x01\x02\x01\x04user\x06secret\x05\x01\0\x03\x01h\0\x01";
    assert_eq!(talk(to("tcp://h:1", login()), &input, 99, false), (said.to_vec(), input.len(), Ok(true)));

    let input = [b"\x05\0", CONNECTED].concat();
    let said = b"\x05\x01\x02\x05\x01\0\x03\x01h\0\x01";
    assert_eq!(talk(to("tcp://h:1", login()), &input, 99, false), (said.to_vec(), input.len(), Ok(true)));
}

#[test]
fn every_form_of_answer_is_skipped_to_its_end_and_no_further() {
    let name = [b"\x05\0\0\x03\xFF", &[b'n'; 255][..], b"\0\x01"].concat();
    for answer in [CONNECTED, b"\x05\0\0\x03\0\0\x01", &name, b"\x05\0\0\x04sixteen bytes of\0\x01"] {
        let head = [b"\x05\0", answer].concat();
        let input = [&head, &b"\xFF\0\0 greeting"[..]].concat();
        for size in 1..=input.len() {
            for sparing in [false, true] {
                let (_, taken, end) = talk(to("tcp://h:1", None), &input, size, sparing);
                assert_eq!((taken, end), (head.len(), Ok(true)), "{size} {sparing}");
            }
        }
        for length in 0..head.len() {
            let (_, taken, end) = talk(to("tcp://h:1", None), &head[..length], 3, true);
            assert_eq!((taken, end), (length, Ok(false)), "cut after {length}");
        }
    }
}

#[test]
fn whatever_else_a_proxy_says_is_an_error() {
    for (with_login, input, error) in [
        (false, &b"\x04\0"[..], SocksError::Version),
        (false, b"HT", SocksError::Version),
        (false, b"\x05\x02", SocksError::LoginWanted),
        (false, b"\x05\xFF", SocksError::LoginWanted),
        (true, b"\x05\xFF", SocksError::Method),
        (false, b"\x05\x01", SocksError::Method),
        (true, b"\x05\x03", SocksError::Method),
        (true, b"\x05\x02\x01\x01", SocksError::LoginRefused),
        (true, b"\x05\x02\x05\0", SocksError::Version),
        (false, b"\x05\0\x04\0", SocksError::Version),
        (false, b"\x05\0\x05\x09", SocksError::Refused(9)),
        (false, b"\x05\0\x05\0\x07\x01", SocksError::Malformed),
        (false, b"\x05\0\x05\0\0\x02", SocksError::Malformed),
    ] {
        for size in [1, 2, 3, input.len()] {
            let socks = to("tcp://h:1", if with_login { login() } else { None });
            let (_, _, end) = talk(socks, input, size, false);
            assert_eq!(end, Err(error), "{} by {size}", input.escape_ascii());
        }
    }
}

#[test]
fn each_code_says_what_went_wrong() {
    let mut texts: Vec<String> = (1..=9).map(|code| SocksError::Refused(code).to_string()).collect();
    texts.dedup();
    assert_eq!(texts.len(), 9);
    let errors: Vec<_> = (1..=9).map(|code| SocksError::Refused(code).error()).collect();
    let named = [
        Error::Os(103),
        Error::AccessDenied,
        Error::Os(101),
        Error::HostUnreachable,
        Error::ConnectionRefused,
        Error::TimedOut,
        Error::NotSupported,
        Error::AddressFamilyNotSupported,
        Error::Os(103),
    ];
    assert_eq!(errors, named);
}

#[test]
fn a_proxy_is_a_host_and_a_port() {
    assert_eq!(parse_proxy(b"proxy:1080").unwrap().target, target("tcp://proxy:1080"));
    assert_eq!(parse_proxy(b"[::1]:1080\0rest").unwrap().target, target("tcp://[::1]:1080"));
    for text in [&b"proxy"[..], b"socks5://proxy:1080", b"proxy:", b"\xFF:1", b"", b"\0"] {
        let error = parse_proxy(text).unwrap_err();
        assert_eq!(error.errno, Error::InvalidArgument, "{error}");
        assert!(error.to_string().contains("SOCKS5"), "{error}");
    }
    for text in [&b"joe:hush@proxy:1080"[..], b"socks5://joe:hush@proxy:1080", b"joe:hu@sh@proxy"] {
        let error = parse_proxy(text).unwrap_err().to_string();
        assert!(!error.contains("hu") && error.contains("proxy"), "{error}");
    }
}

#[test]
fn a_name_that_no_proxy_can_be_told_is_refused() {
    let check = |length: usize| {
        let target = HostPort { host: Host::Name("n".repeat(length)), port: 1 };
        check_target("tcp://n…:1", &target).map_err(|error| error.errno)
    };
    assert_eq!((check(255), check(256)), (Ok(()), Err(Error::InvalidArgument)));
}
