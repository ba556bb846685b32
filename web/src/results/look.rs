//! Small pictures of inputs that are kept when a module cuts them itself: its chunks, joined, are
//! not the file that was sent, so that there would be nothing to show beside the result.

use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;

use bramble_protocol::{Look, LookKind, ObjectRef};

use super::view::SOURCE_BYTES_MAX;
use super::{fil, picture};

/// What was seen in a file.
#[derive(Debug)]
pub struct Seen {
    /// How the manifest names it.
    pub look: Look,
    /// The picture, as PNG.
    pub png: Vec<u8>,
}

/// Looks at a file: a picture is made small, an observation becomes a waterfall. `None` for all
/// else, and for a picture that is broken or too large to be shown. Blocks; the file's own offset
/// stays where it is.
pub fn look_at(file: &File) -> Option<Seen> {
    let mut start = [0; 16];
    let length = file.read_at(&mut start, 0).ok()?;
    let reader =
        BufReader::with_capacity(64 << 10, FromStart { file, at: 0 }.take(SOURCE_BYTES_MAX));
    let (kind, small) = if picture::is_one(&start[..length]) {
        (LookKind::Picture, picture::small(reader)?)
    } else {
        (LookKind::Waterfall, fil::waterfall(reader)?)
    };
    let png = small.encode()?;
    let (width, height) = small.full;
    Some(Seen { look: Look { kind, picture: ObjectRef::of(&png), width, height }, png })
}

/// A file from its beginning, whoever else reads it.
struct FromStart<'f> {
    file: &'f File,
    at: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.file.read_at(buffer, self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn a_picture_is_seen_as_large_as_it_is_and_its_file_is_left_where_it_was() {
        let mut picture =
            file(&[b"P5 3 2 255\n".as_slice(), &[0, 50, 100, 150, 200, 250]].concat());
        let before = picture.stream_position().unwrap();
        let seen = look_at(&picture).unwrap();
        assert_eq!((seen.look.kind, seen.look.width, seen.look.height), (LookKind::Picture, 3, 2));
        assert_eq!(seen.look.picture, ObjectRef::of(&seen.png));
        assert!(seen.png.starts_with(b"\x89PNG"));
        assert_eq!(picture.stream_position().unwrap(), before);
    }

    #[test]
    fn nothing_is_seen_in_other_files_and_broken_pictures() {
        for bytes in [&b""[..], b"text", b"P5 3 2 255\n\0", b"P6 0 0 255\n", b"\x89PNG\r\n\x1a\nno"]
        {
            assert!(look_at(&file(bytes)).is_none(), "{bytes:?}");
        }
    }
}
