//! The head's disk: records as text, in frames, of which a crash leaves the beginning.
//!
//! What was acknowledged was written and synced before. The rest may be cut at any byte, with
//! rubbish behind the cut; frames that are whole up to there are read, as SQLite's log is.

use bramble_protocol::{Digest, JobId};
use bramble_scheduler::core::Record;

use super::dice::Dice;

/// Bytes of a frame before its content: the content's length and the beginning of its digest.
const HEADER_BYTES: usize = 12;

/// The records of one event. All or none of them are read again.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    pub(super) at_ms: u64,
    pub(super) records: Vec<Record>,
}

/// A record as it lies on the disk.
#[derive(Clone, Debug)]
struct Kept {
    job: Option<JobId>,
    ends_with_job: bool,
    /// Kind and subject of a record that the next of its kind replaces.
    about: Option<(&'static str, String)>,
    text: String,
}

impl Kept {
    fn record(&self) -> Record {
        serde_json::from_str(&self.text).expect("what was written as JSON can be read")
    }
}

/// What survives a crash.
#[derive(Debug, Default)]
pub(super) struct Disk {
    kept: Vec<Kept>,
    /// The time of the latest record.
    pub(super) latest_at_ms: u64,
}

impl Disk {
    /// What would be read of it now.
    pub(super) fn records(&self) -> impl Iterator<Item = Record> {
        self.kept.iter().map(Kept::record)
    }

    /// What would be read of a job.
    pub(super) fn of_job(&self, job: JobId) -> impl Iterator<Item = Record> {
        let kept = self.kept.iter().filter(move |kept| kept.job == Some(job));
        kept.map(Kept::record)
    }

    /// Writes frames to their end.
    pub(super) fn write(&mut self, frames: Vec<Frame>) {
        for frame in frames {
            self.latest_at_ms = self.latest_at_ms.max(frame.at_ms);
            frame.records.iter().for_each(|record| self.write_record(record));
        }
    }

    /// Writes frames until the power fails or the disk is full: at any byte.
    pub(super) fn write_in_part(&mut self, frames: &[Frame], dice: &mut Dice) {
        let mut bytes: Vec<u8> = frames.iter().flat_map(encode).collect();
        let cut = dice.between(0, bytes.len() as u64) as usize;
        bytes.truncate(cut);
        if dice.permille(300) {
            bytes.extend((0..dice.between(1, 40)).map(|_| dice.between(0, 255) as u8));
        }
        self.write(decode(&bytes));
    }

    fn write_record(&mut self, record: &Record) {
        // As the real journal does.
        match record {
            Record::JobEnded(ended) => self.drop_records(ended.job, false),
            Record::JobForgotten { job, .. } => self.drop_records(*job, true),
            _ => {}
        }
        let text = serde_json::to_string(record).expect("a record can be written as JSON");
        let about = record.subject().map(|subject| (record.kind(), subject));
        if let Some(earlier) =
            self.kept.iter_mut().find(|kept| about.is_some() && kept.about == about)
        {
            if record.stays_in_place() {
                earlier.text = text;
                return;
            }
            self.kept.retain(|kept| kept.about != about);
        }
        let (job, ends_with_job) = (record.job(), record.ends_with_job());
        self.kept.push(Kept { job, ends_with_job, about, text });
    }

    fn drop_records(&mut self, job: JobId, all: bool) {
        self.kept.retain(|kept| kept.job != Some(job) || !(all || kept.ends_with_job));
        for kept in self.kept.iter_mut().filter(|kept| kept.job == Some(job)) {
            if let Record::JobSubmitted(submitted) = kept.record() {
                let record = Record::JobSubmitted(Box::new(submitted.without_chunks()));
                kept.text = serde_json::to_string(&record).expect("a record is always JSON");
            }
        }
    }
}

fn encode(frame: &Frame) -> Vec<u8> {
    let content = serde_json::to_vec(&(frame.at_ms, &frame.records));
    let content = content.expect("records can be written as JSON");
    let mut bytes = (content.len() as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(&Digest::of(&content).as_bytes()[..HEADER_BYTES - 4]);
    bytes.extend(content);
    bytes
}

/// All frames up to the first that is not whole.
fn decode(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some((header, rest)) = bytes.split_at_checked(HEADER_BYTES) {
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let Some((content, rest)) = rest.split_at_checked(length) else { break };
        if Digest::of(content).as_bytes()[..HEADER_BYTES - 4] != header[4..] {
            break;
        }
        let (at_ms, records) = serde_json::from_slice(content).expect("its digest is right");
        frames.push(Frame { at_ms, records });
        bytes = rest;
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_cut_anywhere_the_whole_frames_are_read() {
        let frame = |epoch| Frame { at_ms: 5, records: vec![Record::HeadStarted { epoch }] };
        let bytes: Vec<u8> = (1..=3).flat_map(|epoch| encode(&frame(epoch))).collect();
        let one = bytes.len() / 3;
        for cut in 0..=bytes.len() {
            assert_eq!(decode(&bytes[..cut]).len(), cut / one, "cut at {cut}");
        }
        let mut damaged = bytes;
        damaged[one + HEADER_BYTES + 1] ^= 1;
        assert_eq!(decode(&damaged).len(), 1);
    }
}
