//! `zmq.h` against the tables of the interface, and against the distribution's header where there is one.
//!
//! Each check writes a C file that does not compile unless the header says what it must.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use conformance::csv::fields;
use interop::repository;

const DRAFT: &str = "-DZMQ_BUILD_DRAFT_API";

/// Where the distribution keeps its header.
const SYSTEM_HEADER: &str = "/usr/include/zmq.h";

/// What has another value in libzmq 4.3.4, as the distribution's header has it.
const CHANGED_SINCE: &[&str] = &["ZMQ_VERSION_PATCH", "ZMQ_VERSION", "ZMQ_RECONNECT_STOP_AFTER_DISCONNECT"];

fn include_dir() -> PathBuf {
    repository().join("crates/libzmq/include")
}

/// Compiles a text against our header, without linking.
fn compile(test: &str, compiler: &[&str], text: &str) -> Result<(), String> {
    let suffix = if compiler[0] == "g++" { "cpp" } else { "c" };
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("header-{test}.{suffix}"));
    fs::write(&source, text).expect("the target directory is writable");
    let output = Command::new(compiler[0])
        .args(&compiler[1..])
        .args(["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", "-I"])
        .arg(include_dir())
        .arg(&source)
        .output()
        .expect("the compiler can be run");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// The rows of a table of the interface, without its head.
fn table(name: &str) -> Vec<Vec<String>> {
    let path = repository().join("conformance/data").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().skip(1).map(fields).collect()
}

fn is_name(text: &str) -> bool {
    text.starts_with("ZMQ_") && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Names and values that the tables give.
fn constants() -> Vec<(String, String)> {
    let column = |file: &str, name: usize, value: usize| -> Vec<(String, String)> {
        table(file)
            .into_iter()
            .filter(|row| is_name(&row[name]))
            .map(|row| (row[name].clone(), row[value].split(' ').next().unwrap_or_default().to_owned()))
            .collect()
    };
    let mut all = column("constants.csv", 1, 2);
    all.extend(column("socket_options.csv", 0, 1));
    all.extend(column("context_options.csv", 0, 1));
    all.extend(column("monitor_events.csv", 0, 2));
    for row in table("socket_options.csv") {
        all.extend(
            row[3].split([',', ' ']).filter(|alias| is_name(alias)).map(|a| (a.to_owned(), row[1].clone())),
        );
    }
    all
}

#[test]
fn every_language_standard_accepts_it() {
    let compilers: &[&[&str]] = &[
        &["gcc", "-std=c89"],
        &["gcc", "-std=c99"],
        &["gcc", "-std=c17"],
        &["g++", "-std=c++98"],
        &["g++", "-std=c++20"],
    ];
    let text = "#include <zmq.h>\n#include <zmq_utils.h>\n#include <zmq.h>\nint probe (void);\n\
                int probe (void) { zmq_msg_t message; return zmq_msg_init (&message); }\n";
    for compiler in compilers {
        for draft in [None, Some(DRAFT)] {
            let arguments: Vec<_> = compiler.iter().copied().chain(draft).collect();
            compile("standards", &arguments, text).unwrap_or_else(|e| panic!("{arguments:?}:\n{e}"));
        }
    }
}

#[test]
fn constants_have_their_numbers() {
    let constants = constants();
    assert!(constants.len() > 200, "the tables list more than {} constants", constants.len());
    let mut text = String::from("#include <zmq.h>\n");
    for (name, value) in &constants {
        if value == "defined" {
            writeln!(text, "#ifndef {name}\n#error \"{name} is missing\"\n#endif").expect("memory");
        } else {
            writeln!(text, "_Static_assert (({name}) == {value}, \"{name}\");").expect("memory");
        }
    }
    for row in table("errno.csv") {
        writeln!(text, "_Static_assert ({} == {}, \"{}\");", row[0], row[1], row[0]).expect("memory");
    }
    compile("constants", &["gcc", "-std=c11", DRAFT], &text).unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn functions_have_their_prototypes() {
    let functions = table("functions.csv");
    assert!(functions.len() > 90, "the table lists more than {} functions", functions.len());
    let is_draft = |row: &Vec<String>| row[1].starts_with("draft");
    for draft in [None, Some(DRAFT)] {
        let mut text = String::from("#include <zmq.h>\n");
        for row in &functions {
            let (name, prototype) = (&row[0], &row[5]);
            if is_draft(row) && draft.is_none() {
                // Would clash with a declaration in the header.
                writeln!(text, "struct unseen; struct unseen *{name};").expect("memory");
            } else {
                // The first is an error unless the header declares it, the second if the header does so otherwise.
                writeln!(text, "__typeof__ ({name}) {name};\n{prototype};").expect("memory");
            }
        }
        let arguments: Vec<_> = ["gcc", "-std=c11"].into_iter().chain(draft).collect();
        compile("functions", &arguments, &text).unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn structures_have_their_layout() {
    let text = "#include <zmq.h>\n\
        _Static_assert (sizeof (zmq_msg_t) == 64, \"\");\n\
        _Static_assert (_Alignof (zmq_msg_t) == sizeof (void *), \"\");\n\
        _Static_assert (sizeof (zmq_pollitem_t) == 16, \"\");\n\
        _Static_assert (offsetof (zmq_pollitem_t, socket) == 0, \"\");\n\
        _Static_assert (offsetof (zmq_pollitem_t, fd) == 8, \"\");\n\
        _Static_assert (offsetof (zmq_pollitem_t, events) == 12, \"\");\n\
        _Static_assert (offsetof (zmq_pollitem_t, revents) == 14, \"\");\n\
        _Static_assert (sizeof (zmq_poller_event_t) == 32, \"\");\n\
        _Static_assert (offsetof (zmq_poller_event_t, fd) == 8, \"\");\n\
        _Static_assert (offsetof (zmq_poller_event_t, user_data) == 16, \"\");\n\
        _Static_assert (offsetof (zmq_poller_event_t, events) == 24, \"\");\n";
    compile("layout", &["gcc", "-std=c11", DRAFT], text).unwrap_or_else(|e| panic!("{e}"));
}

/// The macros that a header defines and whose values the preprocessor leaves behind, without their arguments.
fn macros_of(header: &str, draft: Option<&str>) -> Vec<String> {
    let output = Command::new("gcc")
        .args(["-E", "-dM", "-include", header, "-x", "c", "/dev/null"])
        .args(draft)
        .output()
        .expect("gcc can be run");
    assert!(output.status.success(), "{header}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.strip_prefix("#define ")?.split([' ', '(']).next().map(str::to_owned))
        .filter(|name| {
            is_name(name) || ["EFSM", "ENOCOMPATPROTO", "ETERM", "EMTHREAD"].contains(&name.as_str())
        })
        .filter(|name| name != "ZMQ_BUILD_DRAFT_API" && name != "ZMQ_EXPORT")
        .collect()
}

#[test]
fn it_has_what_the_distribution_s_header_has() {
    if !Path::new(SYSTEM_HEADER).exists() {
        assert!(env::var_os("CI").is_none(), "{SYSTEM_HEADER} is missing, install libzmq3-dev");
        return;
    }
    for draft in [None, Some(DRAFT)] {
        let names = macros_of(SYSTEM_HEADER, draft);
        assert!(names.len() > 150, "{SYSTEM_HEADER} has more than {} constants", names.len());
        // Both headers have the same include guard, so the values of one are fixed in an enum before the other comes.
        let mut text = format!("#include \"{SYSTEM_HEADER}\"\n");
        let values: Vec<_> = names
            .iter()
            .filter(|name| !CHANGED_SINCE.contains(&name.as_str()))
            .filter(|name| !name.starts_with("ZMQ_MSG_PROPERTY") && !name.starts_with("ZMQ_HAVE"))
            .filter(|name| *name != "ZMQ_MAKE_VERSION")
            .collect();
        for name in &values {
            writeln!(text, "enum {{ SYSTEM_{name} = {name} }};").expect("memory");
        }
        for name in &names {
            writeln!(text, "#undef {name}").expect("memory");
        }
        // The declarations are the same, but structures may not be defined twice.
        text.push_str("#undef __ZMQ_H_INCLUDED__\n#undef ZMQ_EXPORT\n");
        for structure in ["zmq_msg_t", "zmq_pollitem_t", "zmq_poller_event_t"] {
            writeln!(text, "#define {structure} our_{structure}").expect("memory");
        }
        for function in table("functions.csv") {
            writeln!(text, "#define {0} our_{0}", function[0]).expect("memory");
        }
        text.push_str("#include <zmq.h>\n");
        for name in &names {
            writeln!(text, "#ifndef {name}\n#error \"{name} is missing\"\n#endif").expect("memory");
        }
        for name in &values {
            writeln!(text, "_Static_assert (SYSTEM_{name} == ({name}), \"{name}\");").expect("memory");
        }
        let arguments: Vec<_> = ["gcc", "-std=c11"].into_iter().chain(draft).collect();
        compile("system", &arguments, &text).unwrap_or_else(|e| panic!("{e}"));
    }
}
