//! What the head holds in memory for work that waits.

use std::fs;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bramble_protocol::agent::{FromAgent, Hello, ToAgent};
use bramble_protocol::join::JoinToken;
use bramble_protocol::{LeaseId, Manifest, NodeStatus};
use bramble_scheduler::testing::hello;
use bramble_tests::cluster::{Cluster, job};
use bramble_tls::{BlockingStream, Client, Identity, Pin};
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

use crate::api::Api;
use crate::process::resident_kib;

/// Agents of which the head has to think: they take leases, renew them, and do nothing.
const NODES: u64 = 100;
/// Slots of each.
const SLOTS: u32 = 4;

/// Prints the head's memory with 100 nodes and each number of queued tasks.
pub(crate) fn run(sizes: &[usize]) -> Result<()> {
    println!("resident memory of the head with {NODES} nodes connected");
    let cluster = Cluster::start(0);
    let held = || resident_kib(cluster.head_process()).context("the head lives");
    println!("  {:>9} queued: {:>7} KiB (no node yet)", 0, held()?);
    let nodes = Idlers::start(&cluster)?;
    let empty = held()?;
    println!("  {:>9} queued: {empty:>7} KiB", 0);
    let api = Api::new(&cluster);
    let module = api.send_module(&job("noop"))?;
    let mut queued = 0;
    for &size in sizes {
        while queued < size {
            let tasks = (size - queued).min(Manifest::CHUNKS_MAX);
            // Distinct, as those of a real input are, but stored only as far as they must be.
            let chunks = api.store((0..tasks).map(|number| {
                format!("{:07}\n", (queued + number) % Manifest::CHUNKS_MAX).into_bytes()
            }))?;
            api.submit(&api.job(&module, &chunks)?)?;
            queued += tasks;
        }
        // What the submission itself took is given back.
        std::thread::sleep(Duration::from_secs(3));
        let now = held()?;
        let each = (now.saturating_sub(empty)) as f64 * 1024.0 / queued as f64;
        println!("  {queued:>9} queued: {now:>7} KiB, {each:.0} bytes for each task");
    }
    ensure!(nodes.stop()? == NODES, "a node was let go meanwhile");
    Ok(())
}

/// Connections of agents that do nothing.
struct Idlers {
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Idlers {
    fn start(cluster: &Cluster) -> Result<Self> {
        let token: JoinToken = fs::read_to_string(cluster.join_file())?.parse()?;
        let sockets = (0..NODES).map(|number| Idler::connect(cluster, &token, number));
        let mut idlers = sockets.collect::<Result<Vec<Idler>>>()?;
        let stopped = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stopped);
        let thread = std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                idlers.retain_mut(|idler| idler.beat().is_ok());
                std::thread::sleep(Duration::from_millis(500));
            }
            idlers.len() as u64
        });
        Ok(Self { stopped, thread })
    }

    /// Ends them and says how many were left.
    fn stop(self) -> Result<u64> {
        self.stopped.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the nodes' thread panicked"))
    }
}

struct Idler {
    socket: WebSocket<BlockingStream>,
    leases: Vec<LeaseId>,
}

impl Idler {
    fn connect(cluster: &Cluster, token: &JoinToken, number: u64) -> Result<Self> {
        let address = cluster.url.strip_prefix("http://").context("an address of its own form")?;
        let tls = Client::new(Some(&Identity::ephemeral()?), Pin::prefix(token.head()))?;
        let stream = tls.wrap(TcpStream::connect(address)?)?;
        let (mut socket, _) = client(format!("wss://{address}/api/v1/agent"), stream)?;
        let hello = hello(&format!("idler-{number}"), number, SLOTS);
        let hello = FromAgent::Hello(Box::new(Hello { join: Some(token.secret()), ..hello }));
        socket.send(Message::text(serde_json::to_string(&hello)?))?;
        let welcome = socket.read()?.into_text()?;
        let welcome: ToAgent = serde_json::from_str(&welcome)?;
        ensure!(matches!(welcome, ToAgent::Welcome { .. }), "the head said {welcome:?}");
        socket.get_ref().sock.set_read_timeout(Some(Duration::from_millis(1)))?;
        Ok(Self { socket, leases: Vec::new() })
    }

    /// Takes what leases there are, and renews all.
    fn beat(&mut self) -> Result<()> {
        while let Ok(message) = self.socket.read() {
            if let Message::Text(text) = message
                && let ToAgent::Leases { leases } = serde_json::from_str(&text)?
            {
                self.leases.extend(leases.iter().map(|lease| lease.id));
            }
        }
        let status = NodeStatus::default();
        let beat =
            FromAgent::Heartbeat { status, leases: self.leases.clone(), previews: Vec::new() };
        self.socket.send(Message::text(serde_json::to_string(&beat)?))?;
        Ok(())
    }
}
