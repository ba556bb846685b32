//! What tasks show of their work, as files of a directory that are replaced while the job runs.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use bramble_protocol::JobId;
use bramble_protocol::api::PreviewView;
use bramble_protocol::preview::extension;

use crate::client::Client;
use crate::error::{CliError, CliResult, Slug};
use crate::output::human;
use crate::signals::Interrupt;

/// How often the head is asked: nodes tell it no more often.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How long after the end of a job its last previews are waited for: they come with the next
/// heartbeat of their node, a second apart.
const LAST_AFTER: Duration = Duration::from_millis(1_500);

/// The previews of a job as files.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    client: &'a Client,
    job: JobId,
    dir: PathBuf,
    /// Of each task: the version, and the name of the file.
    files: BTreeMap<u32, (u64, String)>,
    asked: Instant,
    /// Whether the job had ended before it was watched.
    is_late: bool,
}

impl<'a> Shown<'a> {
    /// Makes the directory, and fetches what there is.
    ///
    /// # Errors
    /// When the directory cannot be written, or the head knows no previews.
    pub(crate) fn start(client: &'a Client, job: JobId, dir: &Path) -> CliResult<Self> {
        if dir.exists() && !dir.is_dir() {
            let shown = human::safe_field(&dir.display().to_string());
            return Err(CliError::new(Slug::BadFile, format!("{shown} is not a directory"))
                .help("previews are many files: name a directory, which need not exist yet"));
        }
        fs::create_dir_all(dir).map_err(|error| CliError::file("make", dir, &error))?;
        let is_late = client.job(job)?.state.is_final();
        let (files, asked) = (BTreeMap::new(), Instant::now());
        let mut shown = Self { client, job, dir: dir.to_owned(), files, asked, is_late };
        let list = client.previews(job).map_err(|error| match error.slug() {
            Some(Slug::NotFound) => {
                error.help("that head is older than this program: it has no previews")
            }
            _ => error,
        })?;
        shown.keep(&list.previews)?;
        Ok(shown)
    }

    /// Fetches what is new, at most once a second.
    ///
    /// # Errors
    /// When a file cannot be written. A head that does not answer is not this one's to complain of.
    pub(crate) fn look(&mut self) -> CliResult<()> {
        if self.asked.elapsed() < ASK_EVERY {
            return Ok(());
        }
        let list = self.client.previews(self.job);
        self.asked = Instant::now();
        list.map_or(Ok(()), |list| self.keep(&list.previews))
    }

    /// Fetches what came last, after the job has ended.
    ///
    /// # Errors
    /// When a file cannot be written, or at Ctrl-C.
    pub(crate) fn finish(&mut self, interrupt: &Interrupt) -> CliResult<()> {
        let end = Instant::now() + LAST_AFTER;
        while !self.is_late && Instant::now() < end {
            interrupt.check("stopped fetching the last previews; the job has ended")?;
            thread::sleep(ASK_EVERY / 20);
        }
        let list = self.client.previews(self.job);
        list.map_or(Ok(()), |list| self.keep(&list.previews))
    }

    /// How many there are, and where.
    pub(crate) fn summary(&self) -> String {
        let dir = human::safe_field(&self.dir.display().to_string());
        match self.files.len() {
            0 => format!("no previews: the job shows none, or they are gone ({dir} is as it was)"),
            1 => format!("1 preview in {dir}"),
            count => format!("{count} previews in {dir}"),
        }
    }

    fn keep(&mut self, previews: &[PreviewView]) -> CliResult<()> {
        for view in previews {
            let old = self.files.get(&view.task);
            if old.is_some_and(|(version, _)| *version == view.version) {
                continue;
            }
            // It went out of the head's memory meanwhile, or the head is away.
            let Ok(bytes) = self.client.preview(self.job, view.task) else { continue };
            let name = file_name(view);
            let path = self.dir.join(&name);
            write(&path, &bytes).map_err(|error| CliError::file("write", &path, &error))?;
            let old = self.files.insert(view.task, (view.version, name.clone()));
            if let Some((_, old)) = old.filter(|(_, old)| *old != name) {
                // A task that shows something else now has one file all the same.
                let _ = fs::remove_file(self.dir.join(old));
            }
        }
        Ok(())
    }
}

fn file_name(view: &PreviewView) -> String {
    format!("task-{:05}.{}", view.task, extension(&view.media))
}

/// Whoever looks at the file sees the old one or the new one, never a part. It need not outlive a
/// power cut.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(".bramble-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(super::fetch::directory_of(path))?;
    file.write_all(bytes)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_its_task_and_a_media_type_of_the_list() {
        let view = |task, media: &str| PreviewView {
            task,
            media: media.into(),
            bytes: 1,
            at_ms: 0,
            version: 1,
        };
        for (task, media, name) in [
            (0, "image/png", "task-00000.png"),
            (123_456, "image/x-portable-pixmap", "task-123456.ppm"),
            (7, "text/html", "task-00007.bin"),
            (7, "a/../../b", "task-00007.bin"),
        ] {
            assert_eq!(file_name(&view(task, media)), name);
        }
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("task-00000.png");
        write(&path, b"the first one").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
