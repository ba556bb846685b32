//! Both ends over loopback sockets: who is believed, and who is not.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bramble_tls::{Client, Fingerprint, Identity, Pin, Server, http_agent, wrong_key};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

/// Answers every connection with one HTTP response, and says which key its other end showed.
async fn head(
    identity: &Identity,
) -> (SocketAddr, mpsc::UnboundedReceiver<io::Result<Option<Fingerprint>>>) {
    let server = Server::new(identity).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, keys) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            match server.accept(stream).await {
                Ok(mut accepted) => {
                    let _ = accepted.stream.read(&mut [0; 1024]).await;
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
                    let _ = accepted.stream.write_all(answer).await;
                    let _ = accepted.stream.shutdown().await;
                    let _ = seen.send(Ok(accepted.node_key));
                }
                Err(error) => drop(seen.send(Err(error))),
            }
        }
    });
    (address, keys)
}

async fn talk(client: &Client, address: SocketAddr) -> io::Result<String> {
    let mut stream = client.connect(TcpStream::connect(address).await?).await?;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await?;
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await??;
    Ok(answer)
}

#[tokio::test]
async fn a_node_and_its_head_know_each_other_by_their_keys() {
    let (own, node) = (Identity::ephemeral().unwrap(), Identity::ephemeral().unwrap());
    let (address, mut keys) = head(&own).await;
    for pin in [Pin::exact(own.fingerprint()), Pin::prefix(own.fingerprint().prefix())] {
        let client = Client::new(Some(&node), pin).unwrap();
        assert!(talk(&client, address).await.unwrap().ends_with("hello"));
        assert_eq!(keys.recv().await.unwrap().unwrap(), Some(node.fingerprint()));
        assert_eq!(client.head_key(), Some(own.fingerprint()), "all of it is known now");
    }
}

#[tokio::test]
async fn whoever_has_no_key_is_heard_as_nobody() {
    let own = Identity::ephemeral().unwrap();
    let (address, mut keys) = head(&own).await;
    let client = Client::new(None, Pin::exact(own.fingerprint())).unwrap();
    assert!(talk(&client, address).await.unwrap().ends_with("hello"));
    assert_eq!(keys.recv().await.unwrap().unwrap(), None);
}

#[tokio::test]
async fn a_head_of_another_key_is_refused_before_anything_is_sent() {
    let (own, other) = (Identity::ephemeral().unwrap(), Identity::ephemeral().unwrap());
    let (address, mut keys) = head(&other).await;
    for pin in [Pin::exact(own.fingerprint()), Pin::prefix(own.fingerprint().prefix())] {
        let client = Client::new(None, pin).unwrap();
        let error = talk(&client, address).await.unwrap_err();
        let wrong = wrong_key(&error).expect("it says what is wrong");
        assert_eq!(wrong.found, other.fingerprint());
        assert!(own.fingerprint().to_string().starts_with(&wrong.expected), "{wrong}");
        assert!(keys.recv().await.unwrap().is_err(), "the head saw no connection");
        assert_eq!(client.head_key(), None);
    }
}

#[tokio::test]
async fn the_first_key_that_is_found_is_expected_ever_after() {
    let (first, second) = (Identity::ephemeral().unwrap(), Identity::ephemeral().unwrap());
    let (address, _keys) = head(&first).await;
    let (elsewhere, _more) = head(&second).await;
    let pin = Pin::first_use();
    let client = Client::new(None, pin.clone()).unwrap();
    assert_eq!(pin.seen(), None);
    talk(&client, address).await.unwrap();
    assert_eq!(pin.seen(), Some(first.fingerprint()));
    let error = talk(&client, elsewhere).await.unwrap_err();
    assert_eq!(wrong_key(&error).unwrap().found, second.fingerprint());
    talk(&client, address).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn http_goes_over_it_and_a_wrong_key_shows_in_its_error() {
    let dir = tempfile::tempdir().unwrap();
    let own = Identity::load_or_create(&dir.path().join("tls.key")).unwrap();
    let (address, mut keys) = head(&own).await;
    let node = Arc::new(Identity::ephemeral().unwrap());
    let ask = move |pin: Pin| {
        let agent = http_agent(
            ureq::config::Config::builder().timeout_global(Some(PATIENCE)).build(),
            Client::new(Some(&node), pin).unwrap(),
        );
        let answer = agent.get(format!("https://{address}/")).call();
        answer.map(|mut answer| answer.body_mut().read_to_string().unwrap())
    };
    let (own, asked) = (own.fingerprint(), ask.clone());
    let answer = tokio::task::spawn_blocking(move || asked(Pin::exact(own))).await.unwrap();
    assert_eq!(answer.unwrap(), "hello");
    assert!(keys.recv().await.unwrap().unwrap().is_some());
    let other = Fingerprint::from_bytes([7; 32]);
    let refused = tokio::task::spawn_blocking(move || ask(Pin::exact(other))).await.unwrap();
    assert_eq!(wrong_key(&refused.unwrap_err()).unwrap().found, own);
}

#[tokio::test]
async fn what_is_no_tls_is_refused_in_good_order() {
    let own = Identity::ephemeral().unwrap();
    let (address, mut keys) = head(&own).await;
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\xff\xff", b"\x16", b""] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        assert!(timeout(PATIENCE, keys.recv()).await.unwrap().unwrap().is_err(), "{bytes:?}");
    }
}
