//! Zip archives, as map files and gazetteers are published in. Nothing is unpacked by its own name: members are read
//! in place, so that a name with `..` in it has nowhere to go; it is refused all the same, since whoever packed it
//! meant no good.
//!
//! An archive of a few kilobytes can hold petabytes of zeros. So the members, their sizes and how far they swell are
//! bounded before anything is read, and the reading itself stops at the size that was declared.

use super::SourceError;
use super::origin::{Origin, ReadSeek};
use flate2::Crc;
use flate2::read::DeflateDecoder;
use std::io::{self, BufReader, Read, SeekFrom};
use std::sync::Arc;
use zip::{CompressionMethod, ZipArchive};

/// The most members.
pub const MEMBERS_MAX: usize = 10_000;
/// The most bytes of one member, unpacked.
pub const MEMBER_BYTES_MAX: u64 = 6 << 30;
/// The most bytes of all members together, unpacked.
pub const ALL_BYTES_MAX: u64 = 12 << 30;
/// A member may swell so many times; real tables padded with blanks come to some 100.
pub const SWELL_MAX: u64 = 250;
/// Below so many bytes a member may swell as it likes.
pub const SWELL_FROM: u64 = 16 << 20;
/// The longest name.
const NAME_MAX: usize = 1_000;

/// One file of an archive.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its path in the archive.
    pub name: String,
    /// Bytes once unpacked, as declared.
    pub bytes_n: u64,
    packed_n: u64,
    start: u64,
    crc: u32,
    stored: bool,
}

/// An archive whose contents have been looked over.
#[derive(Debug, Clone)]
pub struct Archive<'a> {
    origin: Origin<'a>,
    members: Vec<Member>,
}

impl<'a> Archive<'a> {
    /// Reads the list of members and checks it as a whole.
    pub fn open(origin: &Origin<'a>) -> Result<Self, SourceError> {
        const AGAIN: &str = "download it again, or unpack it and give the map file itself";
        const CLEAN: &str = "do not use it; ask whoever sent it";
        let bad = |what: String, mend: &str| SourceError::bad(origin.name(), what, mend);
        let mut zip = ZipArchive::new(BufReader::new(origin.seekable()?))
            .map_err(|error| bad(format!("the zip archive cannot be read ({error})"), AGAIN))?;
        if zip.len() > MEMBERS_MAX {
            return Err(bad(format!("the zip archive has {} files, more than {MEMBERS_MAX}", zip.len()), CLEAN));
        }
        if zip.has_duplicate_names() {
            return Err(bad("the zip archive has two files of one name".to_owned(), CLEAN));
        }
        if zip.has_overlapping_entries().unwrap_or(true) {
            return Err(bad("files of the zip archive share bytes, as a zip bomb's do".to_owned(), CLEAN));
        }
        let mut members = Vec::new();
        let mut all = 0_u64;
        for at in 0..zip.len() {
            let file = zip
                .by_index_raw(at)
                .map_err(|error| bad(format!("the zip archive cannot be read ({error})"), AGAIN))?;
            let name = file.name().map_err(|error| bad(format!("a name in the zip archive ({error})"), AGAIN))?;
            let name = name.into_owned();
            let told = super::shown(&name);
            if !harmless(&name) || file.is_symlink() {
                let what = format!("the zip archive holds {told}, a path that leads out of it");
                return Err(bad(what, CLEAN));
            }
            if file.is_dir() {
                continue;
            }
            let (bytes_n, packed_n) = (file.size(), file.compressed_size());
            all = all.saturating_add(bytes_n);
            if bytes_n > MEMBER_BYTES_MAX || all > ALL_BYTES_MAX {
                let what = format!("{told} would unpack to {} MB ({} MB in all)", bytes_n >> 20, all >> 20);
                return Err(bad(what, "cut the data to the council's area"));
            }
            if bytes_n > SWELL_FROM && bytes_n / packed_n.max(1) > SWELL_MAX {
                let what = format!("{told} would swell {} times, as a zip bomb does", bytes_n / packed_n.max(1));
                return Err(bad(what, CLEAN));
            }
            if file.encrypted() {
                return Err(bad(format!("{told} is locked with a password"), "unpack it and give the file itself"));
            }
            let stored = match file.compression() {
                CompressionMethod::Stored => true,
                CompressionMethod::Deflated => false,
                other => {
                    let what = format!("{told} is packed by {other:?}; only the usual deflate is read");
                    return Err(bad(what, "unpack it, or pack it again as a plain zip"));
                }
            };
            let Some(start) = file.data_start() else {
                return Err(bad(format!("{told} cannot be found in the zip archive"), AGAIN));
            };
            members.push(Member { name, bytes_n, packed_n, start, crc: file.crc32(), stored });
        }
        Ok(Self { origin: origin.clone(), members })
    }

    /// For messages.
    pub fn name(&self) -> String {
        self.origin.name()
    }

    /// The paths of its files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str())
    }

    /// A file of it by its path.
    pub fn member(&self, name: &str) -> Result<Origin<'a>, SourceError> {
        let found = self.members.iter().find(|member| member.name == name);
        let member = found.cloned().ok_or_else(|| {
            SourceError::bad(self.name(), format!("the archive has no file {}", super::shown(name)), "pack it again")
        })?;
        Ok(Origin::Member(Arc::new(self.clone()), member))
    }

    /// Reads a member from its beginning.
    pub(super) fn stream(&self, member: &Member) -> Result<Box<dyn Read + 'a>, SourceError> {
        let mut from = self.origin.seekable()?;
        from.seek(SeekFrom::Start(member.start)).map_err(|error| self.origin.failed(error))?;
        let packed = BufReader::with_capacity(1 << 16, from).take(member.packed_n);
        let inner = if member.stored {
            Packing::Stored(packed)
        } else {
            Packing::Deflated(Box::new(DeflateDecoder::new(packed)))
        };
        Ok(Box::new(Unpacking { inner, left: member.bytes_n, crc: Crc::new(), expected: member.crc }))
    }
}

/// No root, no drive, no way up, no other separators, nothing that a terminal would obey.
fn harmless(name: &str) -> bool {
    let parts_well = name.trim_end_matches('/').split('/').all(|part| !part.is_empty() && part != ".." && part != ".");
    !name.is_empty()
        && name.len() <= NAME_MAX
        && parts_well
        && !name.contains(['\\', ':'])
        && !name.contains(char::is_control)
}

type Packed<'a> = io::Take<BufReader<Box<dyn ReadSeek + 'a>>>;

enum Packing<'a> {
    Stored(Packed<'a>),
    Deflated(Box<DeflateDecoder<Packed<'a>>>),
}

/// Gives exactly the bytes that were declared, and checks them at the end.
struct Unpacking<'a> {
    inner: Packing<'a>,
    left: u64,
    crc: Crc,
    expected: u32,
}

impl Read for Unpacking<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        if buf.is_empty() {
            return Ok(0);
        }
        let n = match &mut self.inner {
            Packing::Stored(inner) => inner.read(buf),
            Packing::Deflated(inner) => inner.read(buf),
        }
        .map_err(|error| wrong(&format!("the zip archive is damaged ({error})")))?;
        if n as u64 > self.left {
            return Err(wrong("a file of the zip archive is larger than it declares, as a zip bomb's is"));
        }
        self.left -= n as u64;
        self.crc.update(&buf[..n]);
        if n == 0 {
            if self.left > 0 {
                return Err(wrong("the zip archive is cut short"));
            }
            if self.crc.sum() != self.expected {
                return Err(wrong("the zip archive is damaged (a checksum does not fit)"));
            }
        }
        Ok(n)
    }
}
