//! Frames over the socket between agent and runner: a message in JSON, raw bytes, and open files.
//!
//! A frame is a header of three numbers (4 bytes each, little-endian: length of the JSON, length
//! of the raw bytes, number of files), the JSON, the raw bytes. JSON, because the outcome's
//! tagged enums need a format that describes itself; raw, because outputs are no text. Files
//! travel beside the bytes, as descriptors (`SCM_RIGHTS`).

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest message either side accepts, in bytes.
const MESSAGE_BYTES_MAX: u32 = 16 << 20;
/// The most raw bytes of a frame.
pub(crate) const RAW_BYTES_MAX: u32 = 4 << 20;
/// The most files of a frame; each side may have 1,024 open.
pub(crate) const FILES_MAX: usize = 960;
/// The most files that the kernel passes at a time, less a few (`SCM_MAX_FD` is 253).
const FILES_AT_ONCE: usize = 240;
const HEADER_BYTES: usize = 12;

/// What came in one frame.
#[derive(Debug)]
pub(crate) struct Frame<T> {
    pub(crate) message: T,
    pub(crate) raw: Vec<u8>,
    pub(crate) files: Vec<File>,
}

/// Sends one frame. Frames of several threads must not be sent at the same time.
///
/// # Errors
/// When the frame is too long, or the other side is gone.
pub(crate) fn send<T: Serialize>(
    socket: BorrowedFd<'_>,
    message: &T,
    raw: &[u8],
    files: &[BorrowedFd<'_>],
) -> io::Result<()> {
    // One buffer and one call, so that the other side wakes once.
    let mut frame = vec![0; HEADER_BYTES];
    serde_json::to_writer(&mut frame, message)?;
    let too_long = || io::Error::new(io::ErrorKind::InvalidInput, "message too long");
    let within = |length: usize, max: u32| {
        u32::try_from(length).ok().filter(|length| *length <= max).ok_or_else(too_long)
    };
    let numbers = [
        within(frame.len() - HEADER_BYTES, MESSAGE_BYTES_MAX)?,
        within(raw.len(), RAW_BYTES_MAX)?,
        within(files.len(), FILES_MAX as u32)?,
    ];
    for (place, number) in frame.chunks_exact_mut(4).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    let mut groups = files.chunks(FILES_AT_ONCE);
    let first = groups.next().unwrap_or_default();
    if groups.len() == 0 {
        let parts = [IoSlice::new(&frame), IoSlice::new(raw)];
        let sent = send_with_files(socket, &parts, first)?;
        let of_frame = sent.min(frame.len());
        send_all(socket, &frame[of_frame..])?;
        return send_all(socket, &raw[sent - of_frame..]);
    }
    // Descriptors need a byte to go with; each further group gets one that means nothing.
    let (header, message) = frame.split_at(HEADER_BYTES);
    let sent = send_with_files(socket, &[IoSlice::new(header)], first)?;
    send_all(socket, &header[sent..])?;
    for group in groups {
        send_with_files(socket, &[IoSlice::new(&[0])], group)?;
    }
    send_all(socket, message)?;
    send_all(socket, raw)
}

fn send_with_files(
    socket: BorrowedFd<'_>,
    parts: &[IoSlice<'_>],
    files: &[BorrowedFd<'_>],
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_AT_ONCE))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() {
        assert!(control.push(SendAncillaryMessage::ScmRights(files)), "the space is for so many");
    }
    Ok(rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(socket, parts, &mut control, SendFlags::NOSIGNAL)
    })?)
}

fn send_all(socket: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let sent =
            rustix::io::retry_on_intr(|| rustix::net::send(socket, bytes, SendFlags::NOSIGNAL))?;
        bytes = &bytes[sent..];
    }
    Ok(())
}

/// Who reads, and so whether files are taken.
pub(crate) enum Reader<'a> {
    /// A runner: waits as long as it takes, and takes files.
    Runner,
    /// An agent: calls this before each read, to wait with a deadline. Files that a runner sends
    /// are thrown away by the kernel.
    Agent(&'a mut dyn FnMut() -> io::Result<()>),
}

/// Receives one frame; `None` when the other side is gone between two of them.
///
/// # Errors
/// `InvalidData` for what is no frame, or when the other side is gone in the midst of one.
pub(crate) fn receive<T: DeserializeOwned>(
    socket: BorrowedFd<'_>,
    mut reader: Reader<'_>,
) -> io::Result<Option<Frame<T>>> {
    let mut files = Vec::new();
    let mut header = [0; HEADER_BYTES];
    let got = receive_some(socket, &mut reader, &mut header, &mut files)?;
    if got == 0 {
        return Ok(None);
    }
    receive_exact(socket, &mut reader, &mut header[got..])?;
    let mut numbers =
        header.chunks_exact(4).map(|it| u32::from_le_bytes([it[0], it[1], it[2], it[3]]));
    let [message_bytes, raw_bytes, file_count] =
        std::array::from_fn(|_| numbers.next().expect("a header is three numbers"));
    let is_fit = message_bytes <= MESSAGE_BYTES_MAX
        && raw_bytes <= RAW_BYTES_MAX
        && file_count as usize <= FILES_MAX;
    if !is_fit {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "frame too long"));
    }
    if matches!(reader, Reader::Runner) {
        while files.len() < file_count as usize {
            let known = files.len();
            receive_some(socket, &mut reader, &mut [0], &mut files)?;
            if files.len() == known {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "files are missing"));
            }
        }
    }
    let mut message = vec![0; message_bytes as usize];
    receive_exact(socket, &mut reader, &mut message)?;
    let mut raw = vec![0; raw_bytes as usize];
    receive_exact(socket, &mut reader, &mut raw)?;
    Ok(Some(Frame { message: serde_json::from_slice(&message)?, raw, files }))
}

fn receive_exact(
    socket: BorrowedFd<'_>,
    reader: &mut Reader<'_>,
    mut bytes: &mut [u8],
) -> io::Result<()> {
    while !bytes.is_empty() {
        if let Reader::Agent(wait) = reader {
            wait()?;
        }
        let (got, _) = rustix::io::retry_on_intr(|| {
            rustix::net::recv(socket, &mut *bytes, RecvFlags::empty())
        })?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[got..];
    }
    Ok(())
}

/// One read, and the files that come with it. 0 bytes when the other side is gone.
fn receive_some(
    socket: BorrowedFd<'_>,
    reader: &mut Reader<'_>,
    bytes: &mut [u8],
    files: &mut Vec<File>,
) -> io::Result<usize> {
    if let Reader::Agent(wait) = reader {
        wait()?;
        let received = rustix::io::retry_on_intr(|| {
            rustix::net::recv(socket, &mut *bytes, RecvFlags::empty())
        });
        return gone_is_the_end(received.map(|(got, _)| got));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_AT_ONCE))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::io::retry_on_intr(|| {
        let mut parts = [IoSliceMut::new(bytes)];
        rustix::net::recvmsg(socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)
    });
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            files.extend(descriptors.map(File::from));
        }
    }
    gone_is_the_end(received.map(|received| received.bytes))
}

/// The other side may have gone with something of ours unread.
fn gone_is_the_end(received: rustix::io::Result<usize>) -> io::Result<usize> {
    match received {
        Err(rustix::io::Errno::CONNRESET) => Ok(0),
        received => Ok(received?),
    }
}

/// Whether a frame has come that was not read yet. Does not wait.
pub(crate) fn has_frame(socket: BorrowedFd<'_>) -> bool {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    rustix::net::recv(socket, &mut [0u8; 1], flags).is_ok_and(|(got, _)| got > 0)
}

/// Both ends of a new socket.
///
/// # Errors
/// When this process may open no more files.
pub(crate) fn pair() -> io::Result<(std::os::fd::OwnedFd, std::os::fd::OwnedFd)> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    Ok(socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

/// Descriptors of files, for sending.
pub(crate) fn lend(files: &[File]) -> Vec<BorrowedFd<'_>> {
    files.iter().map(AsFd::as_fd).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, Write};

    use super::*;

    fn file(text: &str) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.rewind().unwrap();
        file
    }

    #[test]
    fn a_frame_brings_its_message_its_bytes_and_its_files() {
        let (ours, theirs) = pair().unwrap();
        let files: Vec<File> = (0..600).map(|number| file(&number.to_string())).collect();
        for count in [0, 1, 240, 241, 600] {
            let files = lend(&files[..count]);
            let raw = vec![7; 10_000];
            // What is longer than the socket's buffer goes through while it is read.
            let received = std::thread::scope(|scope| {
                scope.spawn(|| send(ours.as_fd(), &vec![1u32, 2, 3], &raw, &files).unwrap());
                receive::<Vec<u32>>(theirs.as_fd(), Reader::Runner).unwrap().unwrap()
            });
            assert_eq!(received.message, [1, 2, 3]);
            assert_eq!(received.raw, raw);
            assert_eq!(received.files.len(), count);
            for (number, mut file) in received.files.into_iter().enumerate() {
                let mut text = String::new();
                file.rewind().unwrap();
                file.read_to_string(&mut text).unwrap();
                assert_eq!(text, number.to_string());
            }
        }
        assert!(!has_frame(theirs.as_fd()));
        drop(ours);
        assert!(receive::<u32>(theirs.as_fd(), Reader::Runner).unwrap().is_none());
    }

    #[test]
    fn an_agent_takes_no_file_from_a_runner() {
        let (ours, theirs) = pair().unwrap();
        send(theirs.as_fd(), &1u32, &[], &lend(&[file("")])).unwrap();
        let received = receive::<u32>(ours.as_fd(), Reader::Agent(&mut || Ok(()))).unwrap();
        assert!(received.unwrap().files.is_empty());
    }

    #[test]
    fn a_frame_that_is_cut_off_or_too_long_is_an_error() {
        for bytes in [&[255u8; 20][..], &[4, 0, 0, 0, 0, 0], b"\x04\0\0\0\0\0\0\0\0\0\0\0tru"] {
            let (ours, theirs) = pair().unwrap();
            rustix::net::send(ours.as_fd(), bytes, SendFlags::empty()).unwrap();
            drop(ours);
            assert!(receive::<bool>(theirs.as_fd(), Reader::Runner).is_err(), "{bytes:?}");
        }
        let (ours, _theirs) = pair().unwrap();
        let long = vec![0; RAW_BYTES_MAX as usize + 1];
        assert!(send(ours.as_fd(), &0, &long, &[]).is_err());
    }
}
