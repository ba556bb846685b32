//! The mailbox through which the firmware of a Raspberry Pi takes commands, as `vcgencmd` uses it.
//!
//! Asking costs tens of microseconds, while starting `vcgencmd` costs a Zero tens of milliseconds.
//! The devices belong to the group `video`: an agent outside of it learns nothing here.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::ioctl::{Opcode, Updater, opcode};

/// Later kernels keep commands apart from what else the mailbox can do.
const DEVICES: [&str; 2] = ["dev/vcio_gencmd", "dev/vcio"];
/// `IOCTL_MBOX_PROPERTY`, `_IOWR(100, 0, char *)` in `utils/vcgencmd.c` of raspberrypi/utils.
const PROPERTY: Opcode = opcode::read_write::<*mut u8>(100, 0);
/// `TAG_GET_GENCMD_RESULT` of the same file.
const TAG: u32 = 0x0003_0080;
/// Longest command and longest answer, with the NUL at their ends.
const TEXT_BYTES_MAX: usize = 4096;
/// Size, request code, tag, size of the value, request code of the tag, error.
const HEAD_WORDS: usize = 6;
const WORDS: usize = HEAD_WORDS + TEXT_BYTES_MAX / 4 + 1;
const ERROR: usize = 5;

/// What goes into the mailbox and comes out of it.
pub(crate) type Letter = [u32; WORDS];

/// What the firmware answers to a command, if there is a firmware that does. The kernel itself
/// gives up after a second.
pub(crate) fn ask(root: &Path, command: &str) -> Option<String> {
    let mut letter = letter(command)?;
    // The devices are opened for reading, as all their requests travel by `ioctl`; and never as
    // this process's terminal, whatever has been put into their place.
    let open = |path: &&str| {
        let flags = (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits();
        OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(root.join(path)).ok()
    };
    let device = DEVICES.iter().find_map(open)?;
    post(&device, &mut letter)?;
    answer(&letter)
}

#[expect(unsafe_code, reason = "the driver of the mailbox has no other door")]
fn post(device: &std::fs::File, letter: &mut Letter) -> Option<()> {
    // SAFETY: for this opcode the driver reads the size in the first word, and reads and writes
    // that many bytes, which are all of the letter; any other driver refuses the opcode.
    unsafe { rustix::ioctl::ioctl(device, Updater::<PROPERTY, Letter>::new(letter)) }.ok()
}

/// A command as the firmware wants it; nothing when it is too long or holds a NUL.
fn letter(command: &str) -> Option<Letter> {
    if command.len() >= TEXT_BYTES_MAX || command.contains('\0') {
        return None;
    }
    let mut letter = [0; WORDS];
    letter[0] = (WORDS * 4) as u32;
    letter[2] = TAG;
    letter[3] = TEXT_BYTES_MAX as u32;
    for (word, bytes) in letter[HEAD_WORDS..].iter_mut().zip(command.as_bytes().chunks(4)) {
        let mut four = [0; 4];
        four[..bytes.len()].copy_from_slice(bytes);
        *word = u32::from_ne_bytes(four);
    }
    Some(letter)
}

/// The text in an answered letter; nothing when the firmware says that it went wrong.
fn answer(letter: &Letter) -> Option<String> {
    if letter[ERROR] != 0 {
        return None;
    }
    let text = letter[HEAD_WORDS..WORDS - 1].iter().flat_map(|word| word.to_ne_bytes());
    let text: Vec<u8> = text.take_while(|byte| *byte != 0).collect();
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    // The firmware also complains in words: `error=1 error_msg="Command not registered"`.
    (!text.is_empty() && !text.starts_with("error=")).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the firmware does with a letter.
    fn answered(mut letter: Letter, error: u32, text: &str) -> Letter {
        let reply = super::letter(text).unwrap();
        letter[1] = 0x8000_0000;
        letter[ERROR] = error;
        letter[HEAD_WORDS..].copy_from_slice(&reply[HEAD_WORDS..]);
        letter
    }

    #[test]
    fn a_letter_is_laid_out_as_the_firmware_wants_it() {
        let letter = letter("get_throttled").unwrap();
        assert_eq!(letter[..6], [(6 + 1024 + 1) * 4, 0, 0x0003_0080, 4096, 0, 0]);
        let bytes: Vec<u8> = letter[6..10].iter().flat_map(|word| word.to_ne_bytes()).collect();
        assert_eq!(bytes, b"get_throttled\0\0\0");
        assert_eq!(letter[WORDS - 1], 0, "the end of the tags");
    }

    #[test]
    fn the_answer_takes_the_place_of_the_command() {
        let letter = letter("get_throttled").unwrap();
        let good = answered(letter, 0, "throttled=0x0\n");
        assert_eq!(answer(&good).as_deref(), Some("throttled=0x0"));
        assert_eq!(answer(&answered(letter, 1, "throttled=0x0")), None);
        assert_eq!(answer(&answered(letter, 0, "error=1 error_msg=\"no such\"")), None);
        assert_eq!(answer(&answered(letter, 0, "")), None);
    }

    #[test]
    fn an_answer_without_an_end_is_read_to_the_end_of_the_letter() {
        let mut full = letter("x").unwrap();
        full[HEAD_WORDS..].fill(u32::from_ne_bytes(*b"aaaa"));
        assert_eq!(answer(&full).map(|text| text.len()), Some(TEXT_BYTES_MAX));
    }

    #[test]
    fn commands_that_do_not_fit_are_not_sent() {
        assert_eq!(letter(&"x".repeat(TEXT_BYTES_MAX)), None);
        assert_eq!(letter("get\0throttled"), None);
    }

    #[test]
    fn whatever_stands_in_the_place_of_the_mailbox_answers_nothing() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(ask(root.path(), "get_throttled"), None, "no device");
        std::fs::create_dir(root.path().join("dev")).unwrap();
        std::fs::write(root.path().join("dev/vcio"), "throttled=0x0").unwrap();
        assert_eq!(ask(root.path(), "get_throttled"), None, "a plain file");
        std::os::unix::fs::symlink("/dev/null", root.path().join("dev/vcio_gencmd")).unwrap();
        assert_eq!(ask(root.path(), "get_throttled"), None, "another device");
    }

    proptest! {
        #[test]
        fn a_text_survives_the_mailbox(text in "[!-~]([ -~]{0,200}[!-~])?") {
            prop_assume!(!text.starts_with("error="));
            prop_assert_eq!(answer(&letter(&text).unwrap()), Some(text));
        }

        #[test]
        fn any_letter_is_read_without_panic(words in prop::collection::vec(any::<u32>(), WORDS)) {
            let mut letter: Letter = [0; WORDS];
            letter.copy_from_slice(&words);
            letter[ERROR] = 0;
            let _ = answer(&letter);
        }
    }
}
