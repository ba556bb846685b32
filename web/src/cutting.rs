//! Cuts an uploaded file into the chunks of a job's input: as the command line does, from the same
//! parts, so that the same file under the same rule has the same manifest.

use std::fs::File;

use bramble_protocol::inputs::{InputRequest, InputView};
use bramble_protocol::{
    Digest, Limits, Manifest, ModuleInfo, NodeSelector, NodeState, ObjectRef, ProblemKind,
    SplitRule, error_chain,
};
use bramble_scheduler::{CutAnswer, CutRequest, ModuleRefusal};
use bramble_store::cut::{
    self, CutError, CutOptions, Cutter, PieceCutter, SAMPLE_BYTES_MAX, SpanCutter, Tail,
    default_chunk_bytes, tail_for,
};
use bramble_store::{Store, StoreError};

use crate::access::Asker;
use crate::error::{ApiError, ApiResult};
use crate::results::{Seen, look_at};
use crate::routes::now_ms;
use crate::state::{Head, blocking};
use crate::uploads::{Upload, Whole};

/// A batch of chunks is named and stored together when it has this many bytes.
const BATCH_BYTES: u64 = 8 << 20;
/// The same by number.
const BATCH_CHUNKS: usize = 256;
/// What a module may use that is asked how to cut: the head has to go on meanwhile.
const ASKED: Limits = Limits {
    memory_bytes_max: 128 << 20,
    cpu_ms_max: 20_000,
    wall_ms_max: 60_000,
    output_bytes_max: None,
    fuel_max: None,
    log_bytes_max: 16 << 10,
    attempts_max: 1,
};

/// Cuts what a request names.
///
/// # Errors
/// When the upload is not whole, or cannot be cut as it should be.
pub(crate) async fn cut_input(
    head: &Head,
    asker: &Asker,
    request: InputRequest,
) -> ApiResult<InputView> {
    let module = head.module_info(request.module).await?;
    let upload = match &request.upload {
        Some(id) => Some(head.upload_of(asker, id).await?),
        None => None,
    };
    check_presence(&module, upload.as_ref())?;
    let place = head.cuts.take().await;
    let (owner, ratio) = (asker.signed_in()?.user.clone(), speed_ratio(head, &request.nodes).await);
    let work = Work { head: head.clone(), owner, module, upload, request, ratio };
    blocking(move || {
        let view = work.run();
        drop(place);
        view
    })
    .await
}

/// Whether there is an input exactly where the module wants one.
fn check_presence(module: &ModuleInfo, upload: Option<&Upload>) -> ApiResult<()> {
    let wants_none = module.declared.takes_no_input();
    match upload {
        None if !wants_none => {
            let what = module.declared.input.as_ref().and_then(|input| input.about.as_deref());
            let error = ApiError::bad_job("this job needs an input: choose a file");
            Err(what.map(str::to_owned).into_iter().fold(error, ApiError::detail))
        }
        Some(_) if wants_none => {
            Err(ApiError::bad_job("this job works on no input: leave the file out")
                .detail("it makes its chunks from its parameters"))
        }
        _ => Ok(()),
    }
}

/// How many times faster the fastest node is than the slowest that may run the job.
async fn speed_ratio(head: &Head, selector: &NodeSelector) -> u32 {
    let nodes = head.handle.nodes().await;
    let fits = |name: &String| match selector {
        NodeSelector::Named(names) => names.contains(name),
        NodeSelector::Any | NodeSelector::AtMost(_) => true,
    };
    let there = nodes.iter().filter(|node| node.state != NodeState::Lost && fits(&node.name));
    let speeds = there.filter_map(|node| node.speed);
    let (slowest, fastest) =
        speeds.fold((u32::MAX, 0), |(low, high), speed| (low.min(speed), high.max(speed)));
    fastest / slowest.max(1)
}

/// One input to be cut.
struct Work {
    head: Head,
    owner: String,
    module: ModuleInfo,
    upload: Option<Upload>,
    request: InputRequest,
    ratio: u32,
}

impl Work {
    /// Cuts it. Blocks.
    fn run(self) -> ApiResult<InputView> {
        let whole = match &self.upload {
            Some(upload) => Some(self.head.files.whole(upload)?),
            None => None,
        };
        let mut sink = Sink { work: &self, chunks: Vec::new(), bytes: 0 };
        let extra = self.cut(whole.as_ref(), &mut sink)?;
        let (chunks, bytes) = (sink.chunks.len() as u64, sink.bytes);
        let manifest = match self.request.dry_run {
            true => None,
            false => Some(sink.finish(extra)?),
        };
        drop(whole);
        if let Some(upload) = self.upload.as_ref().filter(|_| !self.request.dry_run) {
            self.head.files.remove(upload);
        }
        Ok(InputView { schema: "bramble.input/1".into(), manifest, chunks, bytes })
    }

    /// Cuts it in whichever way it is to be cut.
    fn cut(&self, whole: Option<&Whole>, sink: &mut Sink<'_>) -> ApiResult<Extra> {
        let request = &self.request;
        let declared = &self.module.declared;
        let rule = request.split.unwrap_or_else(|| declared.split_rule(&request.params));
        let total = self.upload.as_ref().map(|upload| upload.length);
        let chunk_bytes = request.chunk_bytes.unwrap_or_else(|| default_chunk_bytes(total));
        let file = whole.map(|whole| &whole.file);
        if rule == SplitRule::Guest || file.is_none() {
            return self.cut_by_module(whole, total, chunk_bytes, sink);
        }
        let tail = self.tail(total, chunk_bytes);
        let partitions = self.module.effective_exports(&request.params).partitioner;
        let sample_bytes_max = if partitions { SAMPLE_BYTES_MAX } else { 0 };
        let options = CutOptions { rule, chunk_bytes, sample_bytes_max };
        let reader = file.map_or_else(
            || Box::new(std::io::empty()) as Box<dyn std::io::Read>,
            |it| Box::new(it),
        );
        let mut cutter = Cutter::new(reader, options).map_err(refused)?.with_tail(tail);
        sink.take_all(&mut cutter)?;
        Ok(Extra { sample: cutter.into_sample(), seen: None })
    }

    /// Who names a size gets that size; else the last chunks are smaller where nodes differ much.
    fn tail(&self, total: Option<u64>, chunk_bytes: u64) -> Option<Tail> {
        let total = total.filter(|_| self.request.chunk_bytes.is_none())?;
        tail_for(total, chunk_bytes, self.ratio)
    }

    /// Has the module say how to cut, or make the chunks.
    fn cut_by_module(
        &self,
        whole: Option<&Whole>,
        total: Option<u64>,
        wanted_bytes: u64,
        sink: &mut Sink<'_>,
    ) -> ApiResult<Extra> {
        let exports = self.module.exports;
        if !exports.planner && !exports.cutter {
            return Err(ApiError::bad_job("this module cannot cut its input itself")
                .detail("it exports neither planner nor cutter")
                .help("choose another way to cut: lines, bytes or records:SIZE"));
        }
        let answer = self.head.modules.cut(&CutRequest {
            module: self.module.digest,
            makes_chunks: exports.cutter,
            input: whole.map(|whole| whole.path.as_path()),
            wanted_bytes,
            params: &self.request.params,
            secrets: &self.request.secrets,
            limits: &ASKED,
        });
        let file: Option<(&File, u64)> = whole.map(|whole| &whole.file).zip(total);
        match answer.map_err(cannot_cut)? {
            CutAnswer::Pieces(pieces) => {
                sink.take_all(&mut PieceCutter::new(file, pieces).map_err(refused)?)?;
                let seen = file.and_then(|(file, _)| look_at(file));
                Ok(Extra { sample: None, seen })
            }
            CutAnswer::Spans(spans) => match file {
                Some((file, _)) => {
                    sink.take_all(&mut SpanCutter::new(file, spans).map_err(refused)?)?;
                    Ok(Extra::default())
                }
                None => Err(ApiError::bad_job("this module has no input to cut")),
            },
        }
    }
}

fn cannot_cut(refusal: ModuleRefusal) -> ApiError {
    let error = ApiError::bad_job(refusal.title);
    let error = refusal.detail.into_iter().fold(error, ApiError::detail);
    refusal.help.into_iter().fold(error, ApiError::help)
}

fn refused(error: CutError) -> ApiError {
    match error {
        CutError::Empty => {
            ApiError::bad_job("the input is empty").help("choose a file with something in it")
        }
        CutError::Read { .. } => ApiError::fault(error),
        _ => {
            let refused = ApiError::new(ProblemKind::BadJob, "the input cannot be cut into chunks");
            refused
                .detail(error_chain(&error))
                .help("check the file, or choose another size of chunks or another way to cut")
        }
    }
}

/// What is kept beside the chunks.
#[derive(Default)]
struct Extra {
    /// Records, from which key ranges are chosen.
    sample: Option<Vec<u8>>,
    /// What the file looked like, where its chunks do not tell.
    seen: Option<Seen>,
}

/// Where the chunks go.
struct Sink<'a> {
    work: &'a Work,
    chunks: Vec<ObjectRef>,
    bytes: u64,
}

impl Sink<'_> {
    /// Stores all chunks, in batches, so that memory does not grow with the input.
    fn take_all(
        &mut self,
        chunks: &mut impl Iterator<Item = Result<Vec<u8>, CutError>>,
    ) -> ApiResult<()> {
        loop {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            while bytes < BATCH_BYTES && batch.len() < BATCH_CHUNKS {
                let Some(chunk) = chunks.next() else { break };
                let chunk = chunk.map_err(refused)?;
                bytes += chunk.len() as u64;
                batch.push(chunk);
            }
            if batch.is_empty() {
                return Ok(());
            }
            self.take(batch, bytes)?;
        }
    }

    fn take(&mut self, batch: Vec<Vec<u8>>, bytes: u64) -> ApiResult<()> {
        self.bytes += bytes;
        let named = cut::hash_all(batch);
        self.chunks.extend(named.iter().map(|(object, _)| *object));
        if self.work.request.dry_run {
            return Ok(());
        }
        let staged: Result<Vec<_>, StoreError> =
            named.iter().map(|(_, chunk)| self.store().stage_bytes(chunk)).collect();
        let stored = staged.and_then(|staged| self.store().commit(staged));
        stored.map_err(ApiError::fault)?;
        let digests: Vec<Digest> = named.iter().map(|(object, _)| object.digest).collect();
        self.hold(&digests)
    }

    fn store(&self) -> &Store {
        &self.work.head.store
    }

    fn hold(&self, digests: &[Digest]) -> ApiResult<()> {
        Ok(self.work.head.accounts.hold(&self.work.owner, digests, now_ms())?)
    }

    /// Stores the manifest.
    fn finish(self, extra: Extra) -> ApiResult<ObjectRef> {
        let put = |bytes: &[u8]| self.store().put(bytes).map_err(ApiError::fault);
        let sample = extra.sample.map(|sample| put(&sample)).transpose()?;
        let picture = extra.seen.as_ref().map(|seen| put(&seen.png)).transpose()?;
        let manifest = Manifest::new(self.chunks.clone(), sample);
        let object = put(&manifest.with_look(extra.seen.map(|seen| seen.look)).encode())?;
        let made = sample.iter().chain(&picture).chain([&object]);
        let made: Vec<Digest> = made.map(|it| it.digest).collect();
        self.hold(&made)?;
        Ok(object)
    }
}
