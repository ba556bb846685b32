//! The input on its way to the head: cut and hashed in one thread, sent by another, in batches,
//! so that memory does not grow with the input.

use std::collections::HashSet;
use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use bramble_protocol::{Digest, Look, Manifest, ObjectRef, Piece, error_chain, pack};
use bramble_store::cut::{self, CutError, CutOptions, Cutter, PieceCutter, SpanCutter, Tail};

use crate::client::Client;
use crate::error::{CliError, CliResult, Slug};
use crate::output::progress::Meter;
use crate::output::{Output, human};
use crate::request::input::Input;
use crate::signals::Interrupt;

/// A batch ends when it has this many bytes. One is cut while another is sent.
const BATCH_BYTES: u64 = 16 << 20;
/// A batch ends when it has this many chunks.
const BATCH_CHUNKS: usize = 512;
/// How often the waiting for a slow input looks up, for Ctrl-C.
const LOOK_UP: Duration = Duration::from_millis(50);

/// What is to be sent, and through what.
pub(super) struct Job<'a> {
    pub(super) output: &'a Output,
    pub(super) client: &'a Client,
    pub(super) interrupt: &'a Interrupt,
    pub(super) input: &'a Arc<Input>,
    pub(super) cut: Cut,
    pub(super) dry_run: bool,
}

/// Where to cut.
#[derive(Clone, Debug)]
pub(super) enum Cut {
    /// By a rule, and perhaps smaller towards the end.
    Rule(CutOptions, Option<Tail>),
    /// Where the module's planner said: offsets and lengths in bytes.
    Spans(Vec<(u64, u64)>),
    /// The module made the chunks itself: their pieces.
    Pieces(Vec<Vec<Piece>>),
}

/// What became of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Sent {
    /// The input's manifest, as an object.
    pub(super) manifest: ObjectRef,
    /// Chunks in it.
    pub(super) chunks: u64,
    /// Bytes in it.
    pub(super) bytes: u64,
    /// Chunks that need not be sent.
    pub(super) known: u64,
    /// Bytes that were sent; in a dry run those that would be.
    pub(super) sent_bytes: u64,
}

/// Named bytes.
type Named = (ObjectRef, Vec<u8>);

/// What is sent beside the chunks.
#[derive(Default)]
struct Extra {
    /// Records, from which key ranges are chosen.
    sample: Option<Vec<u8>>,
    /// What the file looked like, where its chunks do not tell.
    look: Option<(Look, Vec<u8>)>,
}

/// What the cutting thread says.
enum News {
    Chunks(Vec<Named>),
    End(Result<Extra, CutError>),
}

/// Cuts the input, and sends what the head lacks of it, its sample and its manifest.
///
/// # Errors
/// When the input cannot be cut, changes meanwhile, the head fails, or Ctrl-C is pressed.
pub(super) fn send(job: &Job<'_>) -> CliResult<Sent> {
    let total = match &job.cut {
        Cut::Pieces(chunks) => Some(chunks.iter().flatten().filter_map(Piece::len).sum()),
        Cut::Rule(..) | Cut::Spans(_) => job.input.bytes(),
    };
    let news = start_cutting(job)?;
    let mut sender = Sender {
        job,
        meter: Meter::new(*job.output, "Sending", total),
        chunks: Vec::new(),
        known: 0,
        sent_bytes: 0,
    };
    let extra = loop {
        job.interrupt.check("stopped; no job was queued")?;
        match news.recv_timeout(LOOK_UP) {
            Ok(News::Chunks(batch)) => sender.batch(&batch)?,
            Ok(News::End(Ok(extra))) => break extra,
            Ok(News::End(Err(error))) => {
                // What a changing file does to the cutting is not the file's fault.
                job.input.check_unchanged()?;
                return Err(cut_error(job.input, &error));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(CliError::new(Slug::Local, "the thread that cuts the input died"));
            }
        }
    };
    job.input.check_unchanged()?;
    sender.finish(extra)
}

fn start_cutting(job: &Job<'_>) -> CliResult<Receiver<News>> {
    // Without a queue: one batch is cut while one is sent, and no third is in memory.
    let (sender, news) = mpsc::sync_channel(0);
    let (input, cut) = (Arc::clone(job.input), job.cut.clone());
    let work = move || {
        let end = cut_all(&input, cut, &sender);
        // Whoever does not listen any more does not want to know.
        let _ = sender.send(News::End(end));
    };
    thread::Builder::new()
        .name("cutter".into())
        .spawn(work)
        .map_err(|error| CliError::new(Slug::Local, "cannot start a thread").because(&error))?;
    Ok(news)
}

fn cut_all(input: &Input, cut: Cut, sender: &SyncSender<News>) -> Result<Extra, CutError> {
    let reader = input.reader();
    match cut {
        Cut::Rule(options, tail) => {
            let mut cutter = Cutter::new(reader, options)?.with_tail(tail);
            send_batches(&mut cutter, sender)?;
            Ok(Extra { sample: cutter.into_sample(), look: None })
        }
        Cut::Spans(spans) => {
            send_batches(&mut SpanCutter::new(reader, spans)?, sender)?;
            Ok(Extra::default())
        }
        Cut::Pieces(chunks) => {
            send_batches(&mut PieceCutter::new(input.file(), chunks)?, sender)?;
            Ok(Extra { sample: None, look: input.file().and_then(|(file, _)| look_at(file)) })
        }
    }
}

/// What is to be seen in a file whose chunks do not tell.
#[cfg(feature = "head")]
fn look_at(file: &File) -> Option<(Look, Vec<u8>)> {
    bramble_web::look_at(file).map(|seen| (seen.look, seen.png))
}

/// A program that is an agent and a client only reads no pictures; its jobs show none beside the
/// result.
#[cfg(not(feature = "head"))]
fn look_at(_: &File) -> Option<(Look, Vec<u8>)> {
    None
}

/// Passes chunks on in batches until they end, or nobody listens any more.
fn send_batches(
    chunks: &mut impl Iterator<Item = Result<Vec<u8>, CutError>>,
    sender: &SyncSender<News>,
) -> Result<(), CutError> {
    loop {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH_BYTES && batch.len() < BATCH_CHUNKS {
            let Some(chunk) = chunks.next() else { break };
            let chunk = chunk?;
            bytes += chunk.len() as u64;
            batch.push(chunk);
        }
        if batch.is_empty() || sender.send(News::Chunks(cut::hash_all(batch))).is_err() {
            return Ok(());
        }
    }
}

fn cut_error(input: &Input, error: &CutError) -> CliError {
    let what = format!("cannot cut {} into chunks", input.shown());
    match error {
        CutError::Empty => {
            CliError::new(Slug::BadFile, format!("the input {} is empty", input.shown()))
                .why("there is nothing to work on")
                .help("give a file with something in it: --input FILE")
        }
        CutError::ChunkBytes { .. } => CliError::usage(error.to_string()),
        CutError::LineTooLong { .. } | CutError::TooManyChunks { .. } => {
            CliError::new(Slug::BadInput, what)
                .why(error_chain(error))
                .help("choose another --chunk-size, or another --split: bytes, records:SIZE")
        }
        CutError::RecordBytes { .. } | CutError::PartialRecord { .. } => {
            CliError::new(Slug::BadInput, what).why(error_chain(error)).help(
                "check the file, or say how its records look: --split, or an --arg of the job",
            )
        }
        CutError::NeedsPlanner
        | CutError::BadSpan { .. }
        | CutError::BadPieces { .. }
        | CutError::NotCovered { .. }
        | CutError::Read { .. } => CliError::new(Slug::BadInput, what).why(error_chain(error)),
    }
}

struct Sender<'a> {
    job: &'a Job<'a>,
    meter: Meter,
    chunks: Vec<ObjectRef>,
    known: u64,
    sent_bytes: u64,
}

impl Sender<'_> {
    /// Sends what the head lacks of these chunks.
    fn batch(&mut self, batch: &[Named]) -> CliResult<()> {
        self.chunks.extend(batch.iter().map(|(object, _)| *object));
        let sent = self.missing(batch)?;
        self.known += batch.len() as u64 - sent.len() as u64;
        let all: u64 = batch.iter().map(|(object, _)| object.size).sum();
        let missing: u64 = sent.iter().map(|(object, _)| object.size).sum();
        self.meter.add(all - missing);
        self.send(&sent)
    }

    /// Of `objects` those that the head lacks, each once.
    fn missing<'n>(&self, objects: &'n [Named]) -> CliResult<Vec<(ObjectRef, &'n [u8])>> {
        let mut unique: HashSet<Digest> = HashSet::new();
        let mut wanted: Vec<(ObjectRef, &[u8])> = objects
            .iter()
            .filter(|(object, _)| unique.insert(object.digest))
            .map(|(object, bytes)| (*object, bytes.as_slice()))
            .collect();
        let digests: Vec<Digest> = wanted.iter().map(|(object, _)| object.digest).collect();
        let missing: HashSet<Digest> = self.job.client.missing(&digests)?.into_iter().collect();
        wanted.retain(|(object, _)| missing.contains(&object.digest));
        Ok(wanted)
    }

    fn send(&mut self, objects: &[(ObjectRef, &[u8])]) -> CliResult<()> {
        let meter = &mut self.meter;
        self.sent_bytes += objects.iter().map(|(object, _)| object.size).sum::<u64>();
        if objects.is_empty() || self.job.dry_run {
            return Ok(());
        }
        self.job.client.send_objects(objects, &mut |bytes| meter.add(bytes))
    }

    /// Sends sample and manifest, and says what was sent in all.
    fn finish(mut self, extra: Extra) -> CliResult<Sent> {
        let chunks = std::mem::take(&mut self.chunks);
        let sample = extra.sample.map(|bytes| (ObjectRef::of(&bytes), bytes));
        let manifest = Manifest::new(chunks, sample.as_ref().map(|(object, _)| *object));
        let (look, picture) = extra.look.map(|(look, png)| (look, (look.picture, png))).unzip();
        let manifest = manifest.with_look(look);
        let encoded = manifest.encode();
        debug_assert!(encoded.len() as u64 <= pack::OBJECT_BYTES_MAX);
        let named = ObjectRef::of(&encoded);
        let last: Vec<Named> =
            sample.into_iter().chain(picture).chain([(named, encoded)]).collect();
        let data_bytes = self.sent_bytes;
        let missing = self.missing(&last)?;
        self.send(&missing)?;
        let sent = Sent {
            manifest: named,
            chunks: manifest.chunks.len() as u64,
            bytes: manifest.total_bytes,
            known: self.known,
            sent_bytes: data_bytes,
        };
        let (output, input, dry_run) = (self.job.output, self.job.input, self.job.dry_run);
        drop(self);
        let mut text = format!(
            "{}  {} = {}",
            input.shown(),
            human::size(sent.bytes),
            human::count(sent.chunks, "chunk")
        );
        if sent.known > 0 {
            text.push_str(&format!(" · {} already there", human::thousands(sent.known)));
        }
        text.push_str(&format!(" · sent {}", human::size(sent.sent_bytes)));
        if !dry_run {
            output.say("Sending", &text);
        }
        Ok(sent)
    }
}

#[cfg(test)]
mod tests {
    use bramble_protocol::SplitRule;

    use super::*;

    fn batches(bytes: usize, chunk_bytes: u64) -> Vec<usize> {
        let options = CutOptions { rule: SplitRule::Bytes, chunk_bytes, sample_bytes_max: 0 };
        let data = vec![7; bytes];
        let (sender, news) = mpsc::sync_channel(1000);
        send_batches(&mut Cutter::new(&data[..], options).unwrap(), &sender).unwrap();
        drop(sender);
        news.iter()
            .map(|news| match news {
                News::Chunks(batch) => batch.len(),
                News::End(_) => panic!("only the thread says so"),
            })
            .collect()
    }

    #[test]
    fn batches_are_bounded_in_bytes_and_in_chunks() {
        assert_eq!(batches(40 << 20, 8 << 20), [2, 2, 1]);
        assert_eq!(batches(1200, 1), [512, 512, 176]);
        assert_eq!(batches(10, 100), [1]);
    }

    #[test]
    fn an_error_of_the_input_says_what_to_do() {
        let input = Input::sample("in.txt", vec![]);
        let error = cut_error(&input, &CutError::LineTooLong { offset: 17, chunk_bytes: 64 });
        assert_eq!(error.code(), 5);
        let CliError::Shown(report) = error else { panic!("shown") };
        assert!(report.why[0].contains("byte 17") && report.help[0].contains("--chunk-size"));
        assert_eq!(cut_error(&input, &CutError::Empty).slug(), Some(Slug::BadFile));
    }
}
