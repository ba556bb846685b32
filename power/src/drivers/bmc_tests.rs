//! The driver against a server that speaks TLS on loopback.

use std::sync::{Arc, Mutex};

use base64::Engine;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

#[derive(Default)]
struct Bmc {
    nodes: [u8; 4],
    logins: usize,
    asked: Vec<String>,
}

/// What the controller answers to the first line of a request, and its token.
fn answer(bmc: &mut Bmc, request: &str) -> (u16, String) {
    let line = request.lines().next().unwrap_or_default().to_owned();
    if line.contains("authenticate") {
        bmc.logins += 1;
        let right = request.contains("secret");
        return if right {
            (200, format!("{{\"id\":\"t{}\"}}", bmc.logins))
        } else {
            (403, String::new())
        };
    }
    if !request.contains(&format!("Bearer t{}", bmc.logins)) {
        return (401, String::new());
    }
    bmc.asked.push(line.clone());
    for node in 0..4 {
        for on in 0..2 {
            if line.contains(&format!("opt=set&type=power&node{}={on} ", node + 1)) {
                bmc.nodes[node] = on;
                return (200, r#"{"response":[{"result":"ok"}]}"#.into());
            }
        }
    }
    let [a, b, c, _] = bmc.nodes;
    let nodes = format!(r#"{{"node1":"{a}","node2":"{b}","node3":"{c}","node4":"Unknown"}}"#);
    (200, format!(r#"{{"response":[{{"result":[{nodes}]}}]}}"#))
}

async fn serve(listener: std::net::TcpListener, tls: bramble_tls::Server, bmc: Arc<Mutex<Bmc>>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    while let Ok((socket, _)) = listener.accept().await {
        let Ok(accepted) = tls.accept(socket).await else { continue };
        let (mut stream, mut text) = (accepted.stream, String::new());
        let mut buffer = [0; 4096];
        while !text.contains("\r\n\r\n") || text.starts_with("POST") && !text.ends_with('}') {
            let Ok(length @ 1..) = stream.read(&mut buffer).await else { break };
            text.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
        let (status, body) = answer(&mut bmc.lock().unwrap(), &text.replace("bearer", "Bearer"));
        let head =
            format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}", body.len());
        let _ = stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

fn start(dir: &std::path::Path) -> (config::TuringBmc, Arc<Mutex<Bmc>>) {
    let key = dir.join("key");
    let identity = bramble_tls::Identity::load_or_create(&key).unwrap();
    let pem = std::fs::read_to_string(key).unwrap();
    let inner = pem.split("-----").nth(2).unwrap().replace('\n', "");
    let der = base64::engine::general_purpose::STANDARD.decode(inner).unwrap();
    let fingerprint: String = Sha256::digest(der).iter().map(|b| format!("{b:02X}:")).collect();
    std::fs::write(dir.join("password"), "secret\n").unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let bmc = Arc::new(Mutex::new(Bmc { nodes: [0, 1, 0, 0], ..Bmc::default() }));
    let (tls, seen) = (bramble_tls::Server::new(&identity).unwrap(), Arc::clone(&bmc));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(serve(listener, tls, seen));
    });
    let config = config::TuringBmc {
        nodes: [].into(),
        watts: [].into(),
        host,
        user: "root".into(),
        password_file: dir.join("password"),
        fingerprint: fingerprint.trim_end_matches(':').into(),
    };
    (config, bmc)
}

#[test]
fn nodes_are_read_and_switched_and_an_old_token_is_replaced_once() {
    let dir = tempfile::tempdir().unwrap();
    let (config, seen) = start(dir.path());
    let mut bmc = TuringBmc::new(&config).unwrap();
    let states = [1, 2, 4].map(|node| bmc.read(node).unwrap());
    assert_eq!(states, [State::Off, State::On, State::Unknown]);
    assert_eq!(seen.lock().unwrap().logins, 1, "one token serves for all");
    seen.lock().unwrap().logins = 5;
    bmc.switch(1, true).unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!((seen.nodes, seen.logins), ([1, 1, 0, 0], 6));
    assert!(seen.asked.iter().all(|line| !line.contains("reset")));
}

#[test]
fn another_certificate_gets_no_password_and_a_wrong_password_is_sent_once() {
    let dir = tempfile::tempdir().unwrap();
    let (mut config, seen) = start(dir.path());
    let right = std::mem::replace(&mut config.fingerprint, "00".repeat(32));
    assert!(matches!(TuringBmc::new(&config).unwrap().read(1), Err(PowerError::Io { .. })));
    assert_eq!(seen.lock().unwrap().logins, 0);
    config.fingerprint = right;
    std::fs::write(&config.password_file, "wrong").unwrap();
    let refused = TuringBmc::new(&config).unwrap().read(1).unwrap_err();
    assert!(refused.to_string().contains("did not let root in"), "{refused}");
    assert_eq!(seen.lock().unwrap().logins, 1);
    config.fingerprint = "00".into();
    assert!(TuringBmc::new(&config).is_err());
}
