//! `bramble backup`: saves what a head must not forget into one file, while it runs or not.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bramble_accounts::Accounts;
use bramble_protocol::ObjectRef;
use bramble_scheduler::journal::Journal;
use bramble_store::Store;
use tar::{Builder, EntryType, Header};

use super::archive::{
    FURTHER, INDEX, Index, JOURNAL, KEY, OBJECTS, SCHEMA, inputs, missing, needed,
};
use super::head::{JOURNAL_FILE, journal_error};
use super::{archive, data};
use crate::args::cluster::BackupArgs;
use crate::client::Client;
use crate::commands::Context;
use crate::commands::fetch::{directory_of, keep};
use crate::error::{CliError, CliResult, Slug};
use crate::output::{Format, human};
use crate::{local, paths};

/// A copy of the journal, removed in the end.
struct Copied(PathBuf);

impl Drop for Copied {
    fn drop(&mut self) {
        // The next copy replaces one that stays.
        let _ = fs::remove_file(&self.0);
    }
}

/// Writes a backup.
///
/// # Errors
/// When there is no head's data, or something cannot be read or written.
pub(crate) fn run(context: &Context, args: &BackupArgs) -> CliResult<()> {
    let dir = paths::data_dir(args.data.as_deref())?;
    if args.file.exists() && !args.force {
        let what = format!("{} exists already", paths::shown(&args.file));
        return Err(CliError::new(Slug::OutputExists, what)
            .help("choose another name, or replace it with --force"));
    }
    if !dir.join(JOURNAL_FILE).is_file() {
        let what = format!("there is no head's data in {}", paths::shown(&dir));
        return Err(CliError::new(Slug::NoSuchFile, what)
            .help("run this on the head's machine, and name its directory: --data DIR"));
    }
    let copied = copy_journal(&dir)?;
    let store = data::open_store(&dir)?;
    let core =
        archive::read_journal(&copied.0).map_err(|error| journal_error(&copied.0, &error))?;
    let found = core.reachable();
    let mut objects = needed(&found);
    let lost = missing(&store, &objects).map_err(|error| data::store_error(store.dir(), &error))?;
    if args.objects {
        objects.extend(inputs(&found, &store));
        // Asked for, an object is not collected for an hour.
        missing(&store, &objects).map_err(|error| data::store_error(store.dir(), &error))?;
        objects.retain(|digest| !lost.contains(digest));
    } else {
        objects.clear();
    }
    let key = fs::read(dir.join(data::KEY_FILE))
        .map_err(|error| CliError::file("read", &dir.join(data::KEY_FILE), &error))?;
    let further = further(&dir)?;
    let refs = further.iter().map(|(name, bytes)| ((*name).to_owned(), ObjectRef::of(bytes)));
    let index = Index {
        further: refs.collect(),
        schema: SCHEMA.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        made_at_ms: crate::commands::now_ms(),
        store_id: store.id().to_owned(),
        journal: measured(&copied.0)?,
        key: ObjectRef::of(&key),
        objects: objects.len() as u64,
    };
    let failed = |error: io::Error| CliError::file("write", &args.file, &error);
    let file = tempfile::Builder::new()
        .prefix(".bramble-backup-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(directory_of(&args.file))
        .map_err(failed)?;
    let mut tar = Builder::new(file);
    let text = serde_json::to_vec_pretty(&index).expect("an index holds nothing JSON cannot");
    append(&mut tar, INDEX, text.len() as u64, &*text).map_err(failed)?;
    append(&mut tar, KEY, index.key.size, &*key).map_err(failed)?;
    for (name, bytes) in &further {
        append(&mut tar, name, bytes.len() as u64, bytes.as_slice()).map_err(failed)?;
    }
    let journal = File::open(&copied.0).map_err(failed)?;
    append(&mut tar, JOURNAL, index.journal.size, journal).map_err(failed)?;
    for digest in &objects {
        add_object(&mut tar, &store, digest, &failed)?;
    }
    let file = tar.into_inner().map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    let bytes = file.as_file().metadata().map_err(failed)?.len();
    keep(file, &args.file).map_err(failed)?;
    told(context, args, &index, bytes, lost.len())
}

fn told(
    context: &Context,
    args: &BackupArgs,
    index: &Index,
    bytes: u64,
    lost: usize,
) -> CliResult<()> {
    let output = &context.output;
    let shown = paths::shown(&args.file);
    output.say("Saved", &format!("{shown}  {}", human::size(bytes)));
    if lost > 0 {
        let objects = human::count(lost as u64, "object");
        output.warn(&format!("{objects} that jobs need were not in the store already"));
    }
    if !args.objects {
        output.note("without inputs and results: they stay in the store alone, or use --objects");
    }
    match output.format {
        Format::Human => Ok(()),
        Format::Plain => output.line(&shown),
        Format::Json => {
            let (file, objects) = (&args.file, index.objects);
            output.json(
                &serde_json::json!({ "file": file, "bytes": bytes, "objects": objects }),
                false,
            )
        }
    }
}

/// The further files, whole: of the accounts a copy, because a head may be writing them.
fn further(dir: &Path) -> CliResult<Vec<(&'static str, Vec<u8>)>> {
    let mut found = Vec::new();
    for name in FURTHER.into_iter().filter(|name| dir.join(name).exists()) {
        let mut path = dir.join(name);
        let copied = dir.join(format!("{name}.copy"));
        let _gone_in_the_end = Copied(copied.clone());
        if name == data::ACCOUNTS_FILE {
            // One that was left behind is in the way.
            let _ = fs::remove_file(&copied);
            let copy = Accounts::open(&path).and_then(|accounts| accounts.copy_to(&copied));
            copy.map_err(|error| {
                CliError::new(Slug::DataUnusable, "the accounts cannot be copied")
                    .why(bramble_protocol::error_chain(&error))
            })?;
            path = copied;
        }
        let bytes = fs::read(&path).map_err(|error| CliError::file("read", &path, &error))?;
        found.push((name, bytes));
    }
    Ok(found)
}

/// A copy of the journal: made by the head if it runs, else here.
fn copy_journal(dir: &Path) -> CliResult<Copied> {
    if let Some(head) = local::running_head(dir) {
        let name = Client::of_own_head(&head.url, dir)?.copy_journal()?;
        // A name, whatever the answer says.
        let name = Path::new(&name).file_name().unwrap_or_default().to_owned();
        return Ok(Copied(dir.join(name)));
    }
    let _lock = data::lock(dir, dir, "bramble backup")?;
    let path = dir.join(JOURNAL_FILE);
    let copy = Journal::open(&path, true).and_then(|journal| journal.copy());
    copy.map(Copied).map_err(|error| journal_error(&path, &error))
}

fn add_object(
    tar: &mut Builder<impl io::Write>,
    store: &Store,
    digest: &bramble_protocol::Digest,
    failed: &impl Fn(io::Error) -> CliError,
) -> CliResult<()> {
    let unreadable = |error| data::store_error(store.dir(), &error);
    let Some(size) = store.size_of(digest).map_err(unreadable)? else {
        // Collected since it was looked for.
        return Ok(());
    };
    let object = ObjectRef { digest: *digest, size };
    let file = store.open_verified(&object).map_err(unreadable)?;
    append(tar, &format!("{OBJECTS}{digest}"), size, file).map_err(failed)
}

/// Adds an entry of a known length.
fn append(
    tar: &mut Builder<impl io::Write>,
    name: &str,
    size: u64,
    bytes: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(size);
    tar.append_data(&mut header, name, bytes.take(size))
}

/// The digest and length of a file.
fn measured(path: &Path) -> CliResult<ObjectRef> {
    let failed = |error: io::Error| CliError::file("read", path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&mut file).map_err(failed)?;
    let size = file.stream_position().map_err(failed)?;
    Ok(ObjectRef { digest: hasher.finalize().into(), size })
}
