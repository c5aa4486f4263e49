//! How `rep` answers a request.

use std::{
    io::Write,
    process::{Command, Stdio},
    thread,
};

use ferrozmq::{Message, Multipart};

use crate::{args::Answer, failure::Failure, say::say};

/// The answer, unless it comes from the input.
pub(crate) fn answer(how: &Answer, request: &Multipart) -> Result<Option<Multipart>, Failure> {
    Ok(Some(match how {
        Answer::Input => return Ok(None),
        Answer::Echo => request.clone(),
        Answer::Text(text) => Message::from(text).into(),
        Answer::Exec(command) => Message::from(output_of(command, request)?).into(),
    }))
}

/// What the command writes. If it fails, that is the answer all the same, for the client waits for one; standard
/// error has the reason.
fn output_of(command: &str, request: &Multipart) -> Result<Vec<u8>, Failure> {
    let failed = |e: std::io::Error| Failure::Run(format!("--exec {command:?}: {e}"));
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let body = request.iter().flat_map(|part| part.iter().copied()).collect::<Vec<_>>();
    let output = thread::scope(|scope| {
        if let Some(mut stdin) = child.stdin.take() {
            // A command need not read all of its input.
            scope.spawn(move || drop(stdin.write_all(&body)));
        }
        child.wait_with_output().map_err(failed)
    })?;
    if !output.status.success() {
        say!("fzmq: --exec {command:?}: {}", output.status);
    }
    let mut bytes = output.stdout;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(bytes)
}
