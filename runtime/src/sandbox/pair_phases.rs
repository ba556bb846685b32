//! Calls the exports of jobs that map to pairs, combine and reduce them.

use bramble_protocol::AttemptOutcome;
use wasmtime::Store;
use wasmtime::component::Instance;

use super::artefact::Job;
use super::bindings::bramble::job::types::Task;
use super::host::Host;
use super::output::Sink;
use super::pairs::{Emitter, Groups};
use super::phases::{Called, lend, stop};
use super::source::Source;

/// An instance of a job with pairs, about to be called.
pub(super) struct PairPhases<'a> {
    pub(super) store: &'a mut Store<Host>,
    pub(super) job: &'a Job,
    pub(super) instance: &'a Instance,
}

impl PairPhases<'_> {
    /// Maps a chunk, and lets the combiner have what of its pairs is still in memory.
    pub(super) fn map(mut self, task: Task, input: Source) -> Called<()> {
        let Some(mapper) = &self.job.mapper_pairs else { return stop(self.store, "mapper-pairs") };
        let mapper = mapper.load(&mut *self.store, self.instance)?;
        let outputs = self.store.data().outputs.clone();
        let emitter = Emitter::of_map(outputs, task.partitions, self.job.combiner.is_some());
        let table = self.store.data_mut().table();
        let (input, emitter) = (table.push(input)?, table.push(emitter)?);
        let called = mapper.call_run(&mut *self.store, task, lend(&input), lend(&emitter))?;
        if let Err(error) = called {
            return Ok(Err(error));
        }
        let emitter = self.store.data_mut().table().delete(emitter)?;
        let waiting = self.checked(emitter.into_waiting())?;
        for (partition, part) in waiting {
            if let Err(error) = self.combine(task, vec![part], partition)? {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    /// Merges parts of one partition into one, through the combiner if there is one.
    pub(super) fn merge(mut self, task: Task, parts: Vec<Source>) -> Called<()> {
        if self.job.combiner.is_some() {
            return self.combine(task, parts, 0);
        }
        let outputs = self.store.data().outputs.clone();
        let written = Groups::of_parts(parts).and_then(|groups| groups.write_run(&outputs));
        self.checked(written).map(Ok)
    }

    /// Reduces the parts of one partition.
    pub(super) fn reduce(self, task: Task, parts: Vec<Source>) -> Called<()> {
        let Some(reducer) = &self.job.reducer else { return stop(self.store, "reducer") };
        let reducer = reducer.load(&mut *self.store, self.instance)?;
        let groups = self.checked(Groups::of_parts(parts))?;
        let table = self.store.data_mut().table();
        let (groups, output) = (table.push(groups)?, table.push(Sink)?);
        reducer.call_run(self.store, task, lend(&groups), lend(&output))
    }

    fn combine(&mut self, task: Task, parts: Vec<Source>, partition: u32) -> Called<()> {
        let Some(combiner) = &self.job.combiner else { return stop(self.store, "combiner") };
        let combiner = combiner.load(&mut *self.store, self.instance)?;
        let groups = self.checked(Groups::of_parts(parts))?;
        let emitter = Emitter::of_combiner(self.store.data().outputs.clone(), partition);
        let table = self.store.data_mut().table();
        let (groups, emitter) = (table.push(groups)?, table.push(emitter)?);
        let called = combiner.call_run(&mut *self.store, task, lend(&groups), lend(&emitter))?;
        if let Err(error) = called {
            return Ok(Err(error));
        }
        let table = self.store.data_mut().table();
        table.delete(groups)?;
        let emitter = table.delete(emitter)?;
        self.checked(emitter.into_waiting()).map(|_| Ok(()))
    }

    fn checked<T>(&self, result: Result<T, AttemptOutcome>) -> wasmtime::Result<T> {
        result.map_err(|outcome| self.store.data().fault.stop(outcome))
    }
}
