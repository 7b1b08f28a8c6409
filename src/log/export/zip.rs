//! Writes a ZIP archive, member by member, in one pass over what is put in.
//!
//! Everything in it is decided by its content: no file times, no host, no extra fields. The archive's comment is
//! `sha256:` and the digest of all bytes before it, so that any byte altered on the way shows, whoever opens it.
//!
//! Left out: archives of 4 GiB and more (ask for a period), and reading.

use crate::domain::event::hex;
use flate2::write::DeflateEncoder;
use flate2::{Compression, CrcWriter};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::path::Path;

/// What an archive and each member of it may have, at most.
const BYTES_MAX: u64 = u32::MAX as u64;
/// The date of every member: the format's first day, 1 January 1980.
const DATE: u16 = 0x21;

/// An archive being written.
pub(super) struct Zip {
    file: File,
    members: Vec<Member>,
}

struct Member {
    name: &'static str,
    at: u64,
    crc: u32,
    packed: u64,
    bytes: u64,
}

/// What a member holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Held {
    /// Its length.
    pub(super) bytes: u64,
    /// Its SHA-256, hex.
    pub(super) sha256: String,
}

/// Where the bytes of a member go.
pub(super) struct Into<'a> {
    deflate: CrcWriter<DeflateEncoder<BufWriter<&'a File>>>,
    sha256: Sha256,
    bytes: u64,
}

impl Write for Into<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.deflate.write_all(bytes)?;
        self.sha256.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.deflate.flush()
    }
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "the archive would have 4 GiB or more; export it period by period")
}

impl Zip {
    /// Begins an archive in a new file, readable by its owner only; an old one of that name is replaced.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self { file: options.open(path)?, members: Vec::new() })
    }

    /// Adds a member; `fill` writes it.
    pub(super) fn member<E: From<io::Error>>(
        &mut self,
        name: &'static str,
        fill: impl FnOnce(&mut Into<'_>) -> Result<(), E>,
    ) -> Result<Held, E> {
        let mut file = &self.file;
        let at = file.stream_position()?;
        let mut member = Member { name, at, crc: 0, packed: 0, bytes: 0 };
        file.write_all(&member.local())?;
        let start = file.stream_position()?;
        // Logs are long and alike: the fastest level packs them to a quarter already.
        let deflate = DeflateEncoder::new(BufWriter::with_capacity(1 << 20, &self.file), Compression::fast());
        let mut into = Into { deflate: CrcWriter::new(deflate), sha256: Sha256::new(), bytes: 0 };
        fill(&mut into)?;
        let held = Held { bytes: into.bytes, sha256: hex(&into.sha256.finalize()) };
        member.bytes = into.bytes;
        member.crc = into.deflate.crc().sum();
        into.deflate.into_inner().finish()?.flush()?;
        let end = file.stream_position()?;
        member.packed = end - start;
        if member.bytes > BYTES_MAX || end > BYTES_MAX {
            return Err(too_large().into());
        }
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&member.local())?;
        file.seek(SeekFrom::Start(end))?;
        self.members.push(member);
        Ok(held)
    }

    /// Ends the archive; on return it is on the disk.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let at = self.file.stream_position()?;
        let central: Vec<u8> = self.members.iter().flat_map(Member::central).collect();
        let mut end = central.clone();
        let (n, length) = (self.members.len() as u16, central.len() as u32);
        let comment_bytes = 7 + 64u16;
        end.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        end.extend_from_slice(&n.to_le_bytes());
        end.extend_from_slice(&n.to_le_bytes());
        end.extend_from_slice(&length.to_le_bytes());
        end.extend_from_slice(&u32::try_from(at).map_err(|_| too_large())?.to_le_bytes());
        end.extend_from_slice(&comment_bytes.to_le_bytes());
        self.file.write_all(&end)?;
        let digest = self.digest()?;
        self.file.seek(SeekFrom::End(0))?;
        self.file.write_all(format!("sha256:{digest}").as_bytes())?;
        self.file.sync_all()
    }

    fn digest(&mut self) -> io::Result<String> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut sha256 = Sha256::new();
        let mut piece = vec![0; 1 << 20];
        loop {
            match self.file.read(&mut piece)? {
                0 => return Ok(hex(&sha256.finalize())),
                n => sha256.update(&piece[..n]),
            }
        }
    }
}

impl Member {
    /// What both headers have: from "version needed" to the extra field's length.
    fn middle(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Version 2.0, no flags, deflate, midnight.
        [20, 0, 8, 0, DATE].iter().for_each(|word: &u16| bytes.extend_from_slice(&word.to_le_bytes()));
        [self.crc, self.packed as u32, self.bytes as u32]
            .iter()
            .for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        [self.name.len() as u16, 0].iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        bytes
    }

    fn local(&self) -> Vec<u8> {
        [b"PK\x03\x04", &self.middle()[..], self.name.as_bytes()].concat()
    }

    fn central(&self) -> Vec<u8> {
        let mut tail = vec![0; 10];
        tail.extend_from_slice(&(self.at as u32).to_le_bytes());
        [b"PK\x01\x02\x14\0", &self.middle()[..], &tail, self.name.as_bytes()].concat()
    }
}
