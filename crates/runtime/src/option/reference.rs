//! `docs/options.md` and `docs/not-honoured.md`, written from the table. The tests fail when a page is not what the table
//! says; run them with `FERROZMQ_WRITE_DOCS=1` to write the pages.
use super::{Effect, Kinds, Null, ReadAs, Row, Status, TABLE, Write};
use ferrozmq_base::SocketType;
use std::{fmt::Write as _, path::Path};

const HEAD: &str = "\
# Socket options

Written from the table in `crates/runtime/src/option/table.rs`, which the library follows.

The value is what `zmq_setsockopt` takes: an int is 4 bytes, uint64 and int64 are 8. \"Effect\" says when a new value is
used. An option that this build does not have is refused with EINVAL.

| number | constant | status | value | default | types | effect | meaning |
|---|---|---|---|---|---|---|---|
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for row in TABLE {
        let Row { number, constant, doc, .. } = row;
        let default = if row.default.is_empty() { "empty" } else { row.default };
        let (status, effect) = (status(row.status), effect(row.effect));
        let (value, types) = (value(row), types(row));
        writeln!(
            page,
            "| {number} | {constant} | {status} | {value} | {default} | {types} | {effect} | {doc} |"
        )
        .expect("a string takes everything");
    }
    page
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Stable => "stable",
        Status::Deprecated => "deprecated",
        Status::Draft => "draft",
    }
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Now => "at once",
        Effect::NextCall => "next call",
        Effect::NextEndpoint => "next bind or connect",
        Effect::NextPeer => "next peer",
        Effect::AtClose => "at close",
        Effect::Never => "read only",
    }
}

fn types(row: &Row) -> String {
    if is_only_read(row) {
        return types_of(row.read_on);
    }
    types_of(row.acts_on)
}

fn is_only_read(row: &Row) -> bool {
    matches!(row.write, Write::No)
}

fn types_of(kinds: Kinds) -> String {
    let names: Vec<_> =
        SocketType::ALL.iter().filter(|kind| kinds.has(**kind)).map(|kind| kind.name()).collect();
    match names.len() {
        0 => "none".to_owned(),
        n if n == SocketType::ALL.len() => "all".to_owned(),
        _ => names.join(" "),
    }
}

fn value(row: &Row) -> String {
    match row.write {
        Write::No => match row.read {
            ReadAs::LiveText(_) => "string".to_owned(),
            ReadAs::No => "-".to_owned(),
            _ => "int".to_owned(),
        },
        Write::Unbuilt => "none".to_owned(),
        Write::Int(least, most, _) | Write::Setting(least, most, _) => range(least, most),
        Write::Hwm(_) | Write::Switch(_) => range(0, i32::MAX),
        Write::Uint64(_) => "uint64".to_owned(),
        Write::Int64(_) => "int64".to_owned(),
        Write::Bytes(least, most, null, _) => {
            let clears = if null == Null::Clears { " or NULL" } else { "" };
            match most {
                usize::MAX if least == 0 => "bytes".to_owned(),
                usize::MAX => format!("{least} bytes or more{clears}"),
                _ if least == most => format!("{least} bytes{clears}"),
                _ => format!("{least} to {most} bytes{clears}"),
            }
        }
        Write::Topic(_) | Write::Filter(_) => "bytes".to_owned(),
    }
}

fn range(least: i32, most: i32) -> String {
    match (least, most) {
        (i32::MIN, i32::MAX) => "any int".to_owned(),
        (_, i32::MAX) => format!("int from {least}"),
        _ => format!("int {least} to {most}"),
    }
}

const NOT_HONOURED: &str = "\
# Options that are not honoured

Written from the table in `crates/runtime/src/option/table.rs`. The conformance tests put every question to every
option; each that is not answered as libzmq answers is on this page.

## Refused

EINVAL, as from a libzmq that was built without the feature; reading such an option is EINVAL too.

| option | what is missing |
|---|---|
";

/// Why options are refused: the beginning of their names, and the reason.
const REASONS: &[(&str, &str)] = &[
    ("ZMQ_GSSAPI_", "the GSSAPI mechanism, which needs Kerberos; a libzmq built without it refuses them too"),
    (
        "ZMQ_VMCI_",
        "the vmci transport, which needs a virtual machine's kernel module; a libzmq built without it refuses them too",
    ),
    ("ZMQ_WSS_", "the wss transport"),
    (
        "ZMQ_NORM_",
        "the norm transport, which needs the NORM library; a libzmq built without it refuses them too",
    ),
];

const WITHOUT_EFFECT: &str = "
## Accepted without effect

They are stored and read back, as by a libzmq that was built without what they are for.

| option | why |
|---|---|
";

/// Options that are stored, read back, and mean nothing here.
const IDLE: &[(&str, &str)] = &[
    (
        "ZMQ_RATE",
        "for the transports pgm and norm, which are not built; libzmq without them accepts it as well",
    ),
    ("ZMQ_RECOVERY_IVL", "for pgm, which is not built; libzmq without it accepts it as well"),
    ("ZMQ_MULTICAST_MAXTPDU", "for pgm, which is not built; libzmq without it accepts it as well"),
    ("ZMQ_LOOPBACK_FASTPATH", "a setting of Windows"),
    ("ZMQ_MAX_MSGSZ", "of the context: libzmq never enforces it; ZMQ_MAXMSGSIZE of a socket is enforced"),
];

fn not_honoured() -> String {
    let mut page = NOT_HONOURED.to_owned();
    for row in TABLE.iter().filter(|row| matches!(row.write, Write::Unbuilt)) {
        let reasons: Vec<_> = REASONS.iter().filter(|(start, _)| row.constant.starts_with(start)).collect();
        let [(_, reason)] = reasons[..] else { panic!("one reason for {}, not {reasons:?}", row.constant) };
        writeln!(page, "| {} | {reason} |", row.constant).expect("a string takes everything");
    }
    page.push_str(WITHOUT_EFFECT);
    for (option, why) in IDLE {
        writeln!(page, "| {option} | {why} |").expect("a string takes everything");
    }
    page
}

fn is_written(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("FERROZMQ_WRITE_DOCS").is_some() {
        std::fs::write(&path, page).expect("docs can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/{name} is old: run this test with FERROZMQ_WRITE_DOCS=1");
}

#[test]
fn the_page_is_what_the_table_says() {
    is_written("options.md", &page());
}

#[test]
fn the_page_of_what_is_not_honoured_is_what_the_table_says() {
    is_written("not-honoured.md", &not_honoured());
}
