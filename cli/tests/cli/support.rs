//! The real binary, and a head that says what a test wants.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

/// Runs `bramble` in an environment of its own and waits for its end.
pub(crate) fn bramble(dir: &Path, args: &[&str]) -> Output {
    command(dir, args).output().expect("the binary can be started")
}

/// The same, before it is started.
pub(crate) fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bramble"));
    command.args(args).current_dir(dir).env_clear().env("HOME", dir).env("TMPDIR", dir);
    command
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Standard output as text.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Asserts how a command ended and that its error says all of `texts`.
#[track_caller]
pub(crate) fn assert_fails(output: &Output, code: i32, texts: &[&str]) {
    let error = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(error.contains("error: "), "{error}");
    for text in texts {
        assert!(error.contains(text), "`{text}` is missing in: {error}");
    }
    assert!(stdout(output).is_empty(), "an error is no data: {}", stdout(output));
}

/// A port of this computer on which nobody listens.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

/// Serves fixed answers by path, each with its status, until the test ends. Its address.
pub(crate) fn fake_head(answers: &[(&str, u16, Vec<u8>)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let answers: HashMap<String, (u16, Vec<u8>)> = answers
        .iter()
        .map(|(path, status, body)| (format!("/api/v1{path}"), (*status, body.clone())))
        .collect();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that hangs up early is what some tests are about.
            let _ = answer(stream, &answers);
        }
    });
    url
}

fn answer(mut stream: TcpStream, answers: &HashMap<String, (u16, Vec<u8>)>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let mut body_bytes = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(length) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            body_bytes = length.trim().parse().unwrap_or(0);
        }
    }
    std::io::copy(&mut reader.take(body_bytes), &mut std::io::sink())?;
    let (status, body) = answers.get(&path).cloned().unwrap_or((404, b"{}".to_vec()));
    write!(
        stream,
        "HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}
