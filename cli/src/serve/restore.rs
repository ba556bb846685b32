//! `bramble restore`: puts a backup in the place of a head's data.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bramble_accounts::Accounts;
use bramble_protocol::{Digest, ObjectRef, error_chain};
use bramble_scheduler::core::Scheduler;
use bramble_store::Store;
use tar::Archive;

use super::archive::{self, FURTHER, INDEX, Index, JOURNAL, KEY, OBJECTS, SCHEMA};
use super::data;
use super::head::{JOURNAL_FILE, journal_error};
use crate::args::cluster::RestoreArgs;
use crate::commands::Context;
use crate::error::{CliError, CliResult, Slug};
use crate::output::human;
use crate::{local, paths};

/// The most that an index may hold, in bytes.
const INDEX_BYTES_MAX: u64 = 64 << 10;
/// The most that a key may hold, in bytes.
const KEY_BYTES_MAX: u64 = 64 << 10;

/// What was read of a backup, beside objects, which go to the store at once.
struct Unpacked {
    index: Index,
    journal: PathBuf,
    key: PathBuf,
    further: Vec<(&'static str, PathBuf)>,
}

/// Restores a backup.
///
/// # Errors
/// When it is damaged or incomplete, or there is a head's data already. Nothing is replaced then.
pub(crate) fn run(context: &Context, args: &RestoreArgs) -> CliResult<()> {
    let dir = paths::data_dir(args.data.as_deref())?;
    let file =
        File::open(&args.file).map_err(|error| CliError::file("read", &args.file, &error))?;
    data::prepare(&dir)?;
    let _lock = data::lock(&dir, &dir, "bramble restore")?;
    let journal = dir.join(JOURNAL_FILE);
    if journal.exists() && !args.force {
        let what = format!("{} holds a head's data already", paths::shown(&dir));
        return Err(CliError::new(Slug::OutputExists, what)
            .help("choose another directory with --data, or replace what is there with --force"));
    }
    let staging = tempfile::Builder::new()
        .prefix(".restore-")
        .tempdir_in(&dir)
        .map_err(|error| CliError::file("create", &dir, &error))?;
    let unpacked = unpack(args, file, &dir, staging.path())?;
    let core = archive::read_journal(&unpacked.journal)
        .map_err(|error| journal_error(&unpacked.journal, &error))?;
    let store = data::open_store(&dir)?;
    let aside = set_aside(&dir)?;
    put(&unpacked.key, &dir.join(data::KEY_FILE))?;
    for (name, path) in &unpacked.further {
        if *name == data::ACCOUNTS_FILE {
            // One that was ended since the backup must not come back to life.
            let ended = Accounts::open(path).and_then(|accounts| accounts.end_all_sessions());
            ended.map_err(|error| damaged(&args.file, &error_chain(&error)))?;
        }
        put(path, &dir.join(name))?;
    }
    put(&unpacked.journal, &journal)?;
    told(context, &dir, &core, &store, &unpacked.index, aside.as_deref())
}

fn told(
    context: &Context,
    dir: &Path,
    core: &Scheduler,
    store: &Store,
    index: &Index,
    aside: Option<&Path>,
) -> CliResult<()> {
    let output = &context.output;
    let jobs = human::count(core.jobs().len() as u64, "job");
    output.say("Restored", &format!("{jobs}, {} of them not ended", core.open_jobs()));
    if let Some(aside) = aside {
        output.note(&format!("what was there before is in {}", paths::shown(aside)));
    }
    if store.id() != index.store_id {
        output.warn(
            "the object store is another one than before: agents that share it must be given the \
             new one",
        );
    }
    let missing = archive::missing(store, &archive::needed(&core.reachable()))
        .map_err(|error| data::store_error(store.dir(), &error))?;
    if !missing.is_empty() {
        let jobs: Vec<String> =
            archive::touched(core, &missing).iter().take(20).map(ToString::to_string).collect();
        output.warn(&format!(
            "{} that jobs need are not in {}: jobs {}",
            human::count(missing.len() as u64, "object"),
            paths::shown(store.dir()),
            if jobs.is_empty() { "that have not ended".to_owned() } else { jobs.join(", ") }
        ));
        output.note("put the old directory `store` back, or submit those jobs again");
    }
    output.note(&format!("next: bramble head --data {}", paths::shown(dir)));
    Ok(())
}

/// Reads the whole backup, checking every byte.
fn unpack(args: &RestoreArgs, file: File, dir: &Path, staging: &Path) -> CliResult<Unpacked> {
    let broken = |error: &io::Error| damaged(&args.file, &format!("it breaks off: {error}"));
    let mut archive = Archive::new(io::BufReader::with_capacity(1 << 20, file));
    let mut entries = archive.entries().map_err(|error| broken(&error))?;
    let first = entries.next().ok_or_else(|| damaged(&args.file, "it is empty"))?;
    let first = first.map_err(|error| broken(&error))?;
    if first.path().map_err(|error| broken(&error))? != Path::new(INDEX) {
        return Err(damaged(&args.file, "it does not begin with a list of its parts"));
    }
    let index = read_index(&args.file, first)?;
    prepare_store(dir, &index)?;
    let store = data::open_store(dir)?;
    let (mut journal, mut key, mut further, mut objects) = (None, None, Vec::new(), 0);
    for entry in entries {
        let mut entry = entry.map_err(|error| broken(&error))?;
        let path = entry.path().map_err(|error| broken(&error))?.into_owned();
        let name = path.to_string_lossy().into_owned();
        if name == KEY && index.key.size <= KEY_BYTES_MAX {
            key = Some(unpack_file(args, &mut entry, &index.key, &staging.join(KEY))?);
        } else if name == JOURNAL {
            journal = Some(unpack_file(args, &mut entry, &index.journal, &staging.join(JOURNAL))?);
        } else if let Some(name) = FURTHER.into_iter().find(|it| *it == name)
            && let Some(expected) = index.further.get(name)
        {
            further.push((name, unpack_file(args, &mut entry, expected, &staging.join(name))?));
        } else if let Some(digest) = name.strip_prefix(OBJECTS) {
            let digest: Digest =
                digest.parse().map_err(|_| damaged(&args.file, "an object has no name"))?;
            unpack_object(args, &store, &mut entry, digest)?;
            objects += 1;
        } else {
            return Err(damaged(&args.file, "it holds what no backup holds"));
        }
    }
    if objects < index.objects {
        let what = format!("it holds {objects} objects instead of {}", index.objects);
        return Err(damaged(&args.file, &what));
    }
    match (journal, key) {
        (Some(journal), Some(key)) if further.len() == index.further.len() => {
            Ok(Unpacked { index, journal, key, further })
        }
        _ => Err(damaged(&args.file, "it has no journal, no key or no accounts")),
    }
}

fn read_index(file: &Path, entry: impl Read) -> CliResult<Index> {
    let mut text = Vec::new();
    entry
        .take(INDEX_BYTES_MAX)
        .read_to_end(&mut text)
        .map_err(|error| damaged(file, &format!("it breaks off: {error}")))?;
    let index: Index = serde_json::from_slice(&text)
        .map_err(|_| damaged(file, "it does not begin with a list of its parts"))?;
    if index.schema == SCHEMA {
        return Ok(index);
    }
    let what = format!("{} is a backup of another version", paths::shown(file));
    Err(CliError::new(Slug::DataNewer, what)
        .why(format!("it says {}, this program reads {SCHEMA}", index.schema))
        .help(format!("use bramble {} or later", index.version)))
}

fn damaged(file: &Path, why: &str) -> CliError {
    CliError::new(Slug::Corrupt, format!("{} is no whole backup", paths::shown(file)))
        .why(why.to_owned())
        .help("use another backup; nothing was replaced")
}

/// A new store gets the id of the one that was backed up, so that agents take it for the same.
fn prepare_store(dir: &Path, index: &Index) -> CliResult<()> {
    let store = dir.join(data::STORE_DIR);
    let is_id = (1..=64).contains(&index.store_id.len())
        && index.store_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if store.exists() || !is_id {
        return Ok(());
    }
    fs::create_dir(&store)
        .and_then(|()| fs::write(store.join("id"), format!("{}\n", index.store_id)))
        .map_err(|error| CliError::file("create", &store, &error))
}

/// Writes an entry to a file and sees that it is what the index says.
fn unpack_file(
    args: &RestoreArgs,
    entry: &mut impl Read,
    expected: &ObjectRef,
    path: &Path,
) -> CliResult<PathBuf> {
    let failed = |error: &io::Error| CliError::file("write", path, error);
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| failed(&error))?;
    let found = copy(entry, &mut file, &failed, &args.file)?;
    file.sync_all().map_err(|error| failed(&error))?;
    if found == *expected {
        Ok(path.to_owned())
    } else {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Err(damaged(&args.file, &format!("{name} is not what was saved")))
    }
}

fn copy(
    from: &mut impl Read,
    to: &mut impl Write,
    failed: &impl Fn(&io::Error) -> CliError,
    archive: &Path,
) -> CliResult<ObjectRef> {
    let mut hasher = blake3::Hasher::new();
    let mut block = vec![0; 128 << 10];
    let mut size = 0;
    loop {
        let count = from
            .read(&mut block)
            .map_err(|error| damaged(archive, &format!("it breaks off: {error}")))?;
        if count == 0 {
            return Ok(ObjectRef { digest: hasher.finalize().into(), size });
        }
        hasher.update(&block[..count]);
        to.write_all(&block[..count]).map_err(|error| failed(&error))?;
        size += count as u64;
    }
}

fn unpack_object(
    args: &RestoreArgs,
    store: &Store,
    entry: &mut impl Read,
    digest: Digest,
) -> CliResult<()> {
    let unusable = |error| data::store_error(store.dir(), &error);
    if store.has(&digest).map_err(unusable)? {
        return Ok(());
    }
    let mut staged = store.stage().map_err(unusable)?;
    let failed = |error: &io::Error| CliError::file("write", store.dir(), error);
    let found = copy(entry, &mut staged, &failed, &args.file)?;
    if found.digest != digest {
        return Err(damaged(
            &args.file,
            &format!("object {} is not what was saved", digest.short()),
        ));
    }
    let staged = staged.finish().map_err(unusable)?;
    store.commit(vec![staged]).map_err(unusable)
}

/// Moves what is there out of the way; returns where it is now.
fn set_aside(dir: &Path) -> CliResult<Option<PathBuf>> {
    let names = [JOURNAL_FILE, "journal.sqlite-wal", "journal.sqlite-shm", data::KEY_FILE];
    let accounts = ["accounts.sqlite-wal", "accounts.sqlite-shm", local::ADMIN_TOKEN_FILE];
    let names = names.into_iter().chain(accounts).chain(FURTHER);
    let there: Vec<&str> = names.filter(|name| dir.join(name).exists()).collect();
    if there.is_empty() {
        return Ok(None);
    }
    let aside = dir.join(format!("before-restore-{}", crate::commands::now_ms()));
    let moved = fs::create_dir(&aside).and_then(|()| {
        there.iter().try_for_each(|name| fs::rename(dir.join(name), aside.join(name)))
    });
    moved.map_err(|error| CliError::file("create", &aside, &error))?;
    Ok(Some(aside))
}

fn put(from: &Path, to: &Path) -> CliResult<()> {
    fs::rename(from, to)
        .and_then(|()| File::open(to.parent().unwrap_or(Path::new(".")))?.sync_all())
        .map_err(|error| CliError::file("write", to, &error))
}
