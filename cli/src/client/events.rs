//! A job's changes as they come, also over a head that restarts in between.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use bramble_protocol::JobId;
use bramble_protocol::api::JobView;

use super::Client;
use crate::error::{CliError, CliResult, Slug};

/// The longest line of the stream that is read, in bytes.
const LINE_BYTES_MAX: u64 = 8 << 20;
/// How long a head may be away before the follower gives up.
const AWAY_TIME_MAX: Duration = Duration::from_secs(60);
/// The pause before the first new try, doubled for each further one up to a second.
const PAUSE_MIN: Duration = Duration::from_millis(50);

/// What a follower has to tell.
#[derive(Debug)]
pub(crate) enum Followed {
    /// The job as it is now. The last one is final.
    Job(Box<JobView>),
    /// The head does not answer; it is tried again until it does, or for too long.
    Away,
    /// Nothing more will come.
    Failed(CliError),
}

/// Follows one job in a thread of its own, so that whoever waits can stop waiting at any time.
#[derive(Debug)]
pub(crate) struct Follower {
    updates: Receiver<Followed>,
}

impl Follower {
    /// Starts to follow job `id`.
    pub(crate) fn start(client: &Client, id: JobId) -> CliResult<Self> {
        let (sender, updates) = mpsc::sync_channel(16);
        let client = client.clone();
        thread::Builder::new()
            .name("follower".into())
            .spawn(move || follow(&client, id, &sender))
            .map_err(|error| CliError::new(Slug::Local, "cannot start a thread").because(&error))?;
        Ok(Self { updates })
    }

    /// The next news, or `None` after `time` without any.
    pub(crate) fn next(&self, time: Duration) -> Option<Followed> {
        match self.updates.recv_timeout(time) {
            Ok(followed) => Some(followed),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Followed::Failed(CliError::new(
                Slug::Local,
                "the thread that follows the job died",
            ))),
        }
    }
}

/// How one connection ended.
enum End {
    /// With the job's final state, or nobody listens to us any more.
    Over,
    /// Without; it may be tried again. Whether anything came before.
    Cut { heard: bool },
}

fn follow(client: &Client, id: JobId, sender: &SyncSender<Followed>) {
    // Since when nothing was heard, and whether that was said.
    let mut away: Option<Instant> = None;
    let mut said = false;
    let mut pause = PAUSE_MIN;
    loop {
        let error = match client.event_stream(id).map(|stream| read_stream(stream, sender)) {
            Ok(End::Over) => return,
            Ok(End::Cut { heard: true }) => {
                (away, said, pause) = (None, false, PAUSE_MIN);
                continue;
            }
            Ok(End::Cut { heard: false }) => client.nonsense("its stream of events breaks off"),
            Err(error) => error,
        };
        let passing =
            matches!(error.slug(), Some(Slug::Unreachable | Slug::Busy | Slug::HeadFault));
        let since = *away.get_or_insert_with(Instant::now);
        if !passing || since.elapsed() > AWAY_TIME_MAX {
            let _ = sender.send(Followed::Failed(error));
            return;
        }
        if !said && sender.send(Followed::Away).is_err() {
            return;
        }
        said = true;
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// Passes on each job of the stream until it ends.
fn read_stream(stream: impl Read, sender: &SyncSender<Followed>) -> End {
    let mut heard = false;
    for data in EventData::new(stream) {
        let Ok(view) =
            data.and_then(|data| serde_json::from_str::<JobView>(&data).map_err(io::Error::other))
        else {
            return End::Cut { heard };
        };
        heard = true;
        let is_final = view.state.is_final();
        if sender.send(Followed::Job(Box::new(view))).is_err() || is_final {
            return End::Over;
        }
    }
    End::Cut { heard }
}

/// The data of each event of a `text/event-stream`.
struct EventData<R> {
    reader: BufReader<R>,
}

impl<R: Read> EventData<R> {
    fn new(reader: R) -> Self {
        Self { reader: BufReader::new(reader) }
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let count = self.reader.by_ref().take(LINE_BYTES_MAX).read_line(&mut line)?;
        if count as u64 == LINE_BYTES_MAX {
            return Err(io::Error::other("a line of the event stream is too long"));
        }
        if count == 0 {
            return Ok(None);
        }
        line.truncate(line.trim_end_matches(['\n', '\r']).len());
        Ok(Some(line))
    }

    fn event(&mut self) -> io::Result<Option<String>> {
        let mut data = String::new();
        loop {
            let Some(line) = self.line()? else { return Ok(None) };
            if line.is_empty() {
                if data.is_empty() {
                    continue;
                }
                return Ok(Some(data));
            }
            if let Some(text) = line.strip_prefix("data:") {
                if !data.is_empty() {
                    data.push('\n');
                }
                data.push_str(text.strip_prefix(' ').unwrap_or(text));
                if data.len() as u64 > LINE_BYTES_MAX {
                    return Err(io::Error::other("an event of the stream is too long"));
                }
            }
        }
    }
}

impl<R: Read> Iterator for EventData<R> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.event().transpose()
    }
}

#[cfg(test)]
mod tests {
    use bramble_protocol::api::JobState;

    use super::*;
    use crate::output::job::tests::view;

    fn data(text: &str) -> Vec<String> {
        EventData::new(text.as_bytes()).map(Result::unwrap).collect()
    }

    #[test]
    fn events_are_read_with_comments_names_and_data_of_several_lines() {
        assert_eq!(
            data(": hello\n\nevent: job\ndata: {\"a\":1}\n\ndata:x\r\ndata: y\r\n\r\n"),
            ["{\"a\":1}", "x\ny"]
        );
    }

    #[test]
    fn an_event_that_was_cut_is_dropped() {
        assert_eq!(data("data: one\n\ndata: tw"), ["one"]);
    }

    fn stream_of(states: &[JobState]) -> String {
        let event = |state| {
            format!("event: job\ndata: {}\n\n", serde_json::to_string(&view(state)).unwrap())
        };
        states.iter().map(|state| event(*state)).collect()
    }

    #[test]
    fn a_stream_is_over_only_after_a_final_state() {
        let (sender, updates) = mpsc::sync_channel(16);
        let text = stream_of(&[JobState::Waiting, JobState::Running]);
        assert!(matches!(read_stream(text.as_bytes(), &sender), End::Cut { heard: true }));
        let text = stream_of(&[JobState::Running, JobState::Done]);
        assert!(matches!(read_stream(text.as_bytes(), &sender), End::Over));
        drop(sender);
        let states: Vec<_> = updates
            .iter()
            .map(|followed| match followed {
                Followed::Job(job) => job.state,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            states,
            [JobState::Waiting, JobState::Running, JobState::Running, JobState::Done]
        );
    }

    #[test]
    fn nonsense_in_the_stream_ends_the_connection_and_nothing_else() {
        let (sender, _updates) = mpsc::sync_channel(16);
        assert!(matches!(
            read_stream("data: {}\n\n".as_bytes(), &sender),
            End::Cut { heard: false }
        ));
    }
}
