//! One task as the agent sees it: what the runner asks for while it works, and what it gives.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use bramble_protocol::agent::Work;
#[cfg(feature = "compile")]
use bramble_protocol::piece;
use bramble_protocol::{AttemptOutcome, Confinement, ObjectRef, Phase, error_chain, preview};
use bramble_store::{
    Checkpoint, CheckpointWriter, SavedOutput, Staged, StagedFile, Store, StoreError,
};

use super::handle::Shared;
use super::process::{Answer, Broken, Finished};
use super::socket::{self, Frame, Reader};
use super::wire::{FromRunner, Output, Reply, RunWorkRef, ToRunner};

/// The agent's half of one task.
pub(super) struct Session {
    store: Store,
    artefact: ObjectRef,
    /// One for each output: the file that the runner writes it to, once it has asked for one.
    outputs: Vec<Option<StagedFile>>,
    /// The most that they may hold together, in bytes.
    output_bytes_max: u64,
    /// Where the task saves, if it may.
    saver: Option<CheckpointWriter>,
    has_saved: bool,
}

impl Session {
    pub(super) fn of_task(store: Store, work: &Work, is_resumed: bool) -> Self {
        let can_save = !matches!(work.task.phase, Phase::Ranges);
        let saver = work.task_key.filter(|_| can_save).map(|key| store.checkpoint_writer(key));
        let outputs = (0..work.task.outputs().max(1)).map(|_| None).collect();
        let input_bytes = work.inputs.iter().map(|input| input.size).sum();
        Self {
            store,
            artefact: work.artefact,
            outputs,
            output_bytes_max: work.limits.output_bytes_max_for(input_bytes),
            saver,
            has_saved: is_resumed,
        }
    }

    #[cfg(feature = "compile")]
    pub(super) fn of_plan(store: Store, artefact: ObjectRef, makes_chunks: bool) -> Self {
        let outputs = (0..u32::from(makes_chunks)).map(|_| None).collect();
        let output_bytes_max = piece::ENCODED_BYTES_MAX;
        Self { store, artefact, outputs, output_bytes_max, saver: None, has_saved: false }
    }

    /// Opens what the task reads and sends it off.
    pub(super) fn begin(
        &mut self,
        shared: &Shared,
        work: &Work,
        checkpoint: Option<Checkpoint>,
    ) -> Result<(), Broken> {
        let objects = work.ranges.iter().chain(&work.inputs);
        let files = objects.map(|object| self.open(object)).collect::<Result<Vec<File>, _>>();
        let files = files.map_err(Broken::Outcome)?;
        let (mut resume, mut state) = (None, Vec::new());
        // One of another number of outputs was made by another release, if that is possible.
        if let Some(saved) = checkpoint.filter(|saved| saved.outputs.len() == self.outputs.len()) {
            state = saved.state;
            resume = Some(saved.outputs.iter().map(|output| output.so_far.size).collect());
            self.outputs = saved.outputs.into_iter().map(|output| output.file).collect();
        }
        let mut lent = socket::lend(&files);
        lent.extend(self.outputs.iter().flatten().map(|output| output.file().as_fd()));
        if lent.len() > socket::FILES_MAX {
            let message = format!("{} inputs are more than a task can have", work.inputs.len());
            return Err(Broken::Outcome(Box::new(AttemptOutcome::NodeFault { message })));
        }
        Ok(shared.send(&ToRunner::Run(RunWorkRef { work, resume }), &state, &lent)?)
    }

    /// Answers what the runner asks until the task has ended.
    pub(super) fn serve(
        &mut self,
        shared: &Shared,
        confinement: &mut Option<Confinement>,
        wait: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<Answer, Broken> {
        loop {
            let frame = socket::receive::<FromRunner>(shared.socket(), Reader::Agent(wait))?;
            let Some(Frame { message, raw, .. }) = frame else {
                return Err(Broken::Pipe(io::ErrorKind::UnexpectedEof.into()));
            };
            match message {
                FromRunner::Ready { confinement: walls } if confinement.is_none() => {
                    *confinement = Some(walls);
                }
                _ if confinement.is_none() => return lies("it runs a task unconfined"),
                FromRunner::Ready { .. } => return lies("it says twice that it is ready"),
                FromRunner::NeedArtefact => match self.open(&self.artefact) {
                    Ok(file) => answer(shared, &ToRunner::File, &[file.as_fd()])?,
                    Err(outcome) => answer(shared, &ToRunner::Refused(outcome), &[])?,
                },
                FromRunner::NeedOutput { partition } => self.give_output(shared, partition)?,
                FromRunner::Progress { done, total } => {
                    shared.task().progress = Some((done, total));
                }
                FromRunner::Preview { media } => {
                    if !preview::is_sound(&media, raw.len()) {
                        return lies("what it shows is no preview");
                    }
                    shared.task().preview = Some((media, raw));
                }
                FromRunner::Save { so_far } => {
                    let said = match self.save(&raw, &so_far)? {
                        Ok(()) => ToRunner::Saved,
                        Err(error) => ToRunner::Refused(not_stored("a checkpoint", &error)),
                    };
                    answer(shared, &said, &[])?;
                }
                FromRunner::Done(reply) => return self.accept(*reply, &raw),
            }
        }
    }

    /// An end without a reply.
    pub(super) fn without_outputs(&self, outcome: AttemptOutcome) -> Answer {
        let finished = Finished { has_saved: self.has_saved, ..Finished::without_outputs(outcome) };
        Answer { finished, spans: Vec::new() }
    }

    fn open(&self, object: &ObjectRef) -> Result<File, Box<AttemptOutcome>> {
        self.store
            .open_unverified(&object.digest)
            .map_err(|error| Box::new(crate::sandbox::outcome_of(&error, object)))
    }

    fn give_output(&mut self, shared: &Shared, partition: u32) -> Result<(), Broken> {
        let Some(place @ None) = self.outputs.get_mut(partition as usize) else {
            return lies(&format!("it wants a file for output {partition}"));
        };
        match self.store.stage_file() {
            Ok(staged) => {
                let staged = place.insert(staged);
                answer(shared, &ToRunner::File, &[staged.file().as_fd()])?;
            }
            Err(error) => {
                let refused = ToRunner::Refused(not_stored("an output", &error));
                answer(shared, &refused, &[])?;
            }
        }
        Ok(())
    }

    fn save(
        &mut self,
        state: &[u8],
        so_far: &[ObjectRef],
    ) -> Result<Result<(), StoreError>, Broken> {
        let Some(saver) = &self.saver else {
            // There is nobody who could resume it.
            return Ok(Ok(()));
        };
        if state.len() > crate::sandbox::STATE_BYTES_MAX || so_far.len() != self.outputs.len() {
            return lies("what it wants to save does not fit the task");
        }
        let outputs: Vec<_> = self
            .outputs
            .iter()
            .zip(so_far)
            .map(|(file, so_far)| SavedOutput { file: file.as_ref(), so_far: *so_far })
            .collect();
        if outputs.iter().any(|output| output.file.is_none() && output.so_far.size > 0) {
            return lies("it saves an output that it was given no file for");
        }
        self.has_saved = true;
        Ok(saver.save(state, &outputs))
    }

    fn accept(&mut self, reply: Reply, mut raw: &[u8]) -> Result<Answer, Broken> {
        let Reply { mut outcome, outputs, usage, log, spans, enough } = reply;
        let mut staged = Vec::with_capacity(outputs.len());
        let is_success = matches!(outcome, AttemptOutcome::Succeeded { .. });
        if is_success && outputs.len() != self.outputs.len() {
            return lies(&format!("it gives {} outputs", outputs.len()));
        }
        if is_success {
            for (output, file) in outputs.iter().zip(&mut self.outputs) {
                match stage(&self.store, output, file.take(), &mut raw)? {
                    Ok(one) => staged.push(one),
                    Err(error) => {
                        return Err(Broken::Outcome(not_stored("an output", &error)));
                    }
                }
            }
        }
        let bytes = staged.iter().fold(0u64, |sum, one| sum.saturating_add(one.object().size));
        if bytes > self.output_bytes_max {
            return lies(&format!("it gives {bytes} bytes, which the task may not write"));
        }
        if let AttemptOutcome::Succeeded { outputs } = &mut outcome {
            *outputs = staged.iter().map(Staged::object).collect();
        }
        let has_saved = self.has_saved;
        let finished = Finished { outcome, staged, usage, log, enough, has_saved };
        Ok(Answer { finished, spans })
    }
}

fn answer(shared: &Shared, message: &ToRunner, files: &[BorrowedFd<'_>]) -> io::Result<()> {
    shared.send(message, &[], files)
}

fn stage(
    store: &Store,
    output: &Output,
    file: Option<StagedFile>,
    raw: &mut &[u8],
) -> Result<Result<Staged, StoreError>, Broken> {
    match (output, file) {
        (Output::Inline(bytes), None) => {
            let Some((bytes, rest)) = raw.split_at_checked(*bytes as usize) else {
                return lies("it gives less than it says");
            };
            *raw = rest;
            Ok(store.stage_bytes(bytes))
        }
        (Output::File(object), Some(file)) => match file.seal(*object) {
            Err(StoreError::NotStaged { expected, .. }) => {
                lies(&format!("its output is not the {expected} bytes that it says"))
            }
            sealed => Ok(sealed),
        },
        _ => lies("its outputs are not where it says"),
    }
}

fn lies<T>(what: &str) -> Result<T, Broken> {
    Err(Broken::Lies(what.to_owned()))
}

fn not_stored(what: &str, error: &StoreError) -> Box<AttemptOutcome> {
    let message = format!("{what} could not be stored: {}", error_chain(error));
    Box::new(AttemptOutcome::NodeFault { message })
}
