//! Where the bytes of a source are: a file, memory, or a member of an archive. Each can be read from its beginning
//! again and again, since the coordinates are told in one pass and the features read in the next.

use super::SourceError;
use super::archive::{Archive, Member};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes looked at to tell what a file is.
const HEAD_BYTES: u64 = 4_096;

/// Bytes that can be read from any place.
pub trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// Where bytes are.
#[derive(Debug, Clone)]
pub enum Origin<'a> {
    /// A file.
    File(PathBuf),
    /// Memory, with a name for messages.
    Memory(&'a str, &'a [u8]),
    /// A member of an archive.
    Member(Arc<Archive<'a>>, Member),
    /// A member unpacked beside, removed with the last that holds it.
    Unpacked(Arc<Unpacked>),
}

impl<'a> Origin<'a> {
    /// For messages.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Memory(name, _) => (*name).to_owned(),
            Self::Member(archive, member) => format!("{} in {}", super::shown(&member.name), archive.name()),
            Self::Unpacked(unpacked) => unpacked.name.clone(),
        }
    }

    /// Its path, where it is a plain file.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            _ => None,
        }
    }

    pub(in crate::landbook) fn failed(&self, source: io::Error) -> SourceError {
        // A reader with something to say about the content says it as `InvalidData`.
        if source.kind() == io::ErrorKind::InvalidData {
            let mend = "export or download the file again";
            return SourceError::bad(self.name(), source.to_string(), mend);
        }
        SourceError::Read { name: self.name(), source }
    }

    /// How many bytes there are.
    pub fn bytes_n(&self) -> Result<u64, SourceError> {
        match self {
            Self::File(path) => std::fs::metadata(path).map(|data| data.len()).map_err(|error| self.failed(error)),
            Self::Memory(_, bytes) => Ok(bytes.len() as u64),
            Self::Member(_, member) => Ok(member.bytes_n),
            Self::Unpacked(unpacked) => {
                std::fs::metadata(&unpacked.path).map(|data| data.len()).map_err(|error| self.failed(error))
            }
        }
    }

    /// Reads from the beginning.
    pub fn stream(&self) -> Result<Box<dyn BufRead + 'a>, SourceError> {
        Ok(match self {
            Self::File(path) => {
                Box::new(BufReader::with_capacity(1 << 16, File::open(path).map_err(|error| self.failed(error))?))
            }
            Self::Memory(_, bytes) => Box::new(*bytes),
            Self::Member(archive, member) => Box::new(BufReader::with_capacity(1 << 16, archive.stream(member)?)),
            Self::Unpacked(unpacked) => {
                Box::new(BufReader::new(File::open(&unpacked.path).map_err(|error| self.failed(error))?))
            }
        })
    }

    /// Reads from any place; a member of an archive is unpacked for it.
    pub fn seekable(&self) -> Result<Box<dyn ReadSeek + 'a>, SourceError> {
        Ok(match self {
            Self::File(path) => Box::new(File::open(path).map_err(|error| self.failed(error))?),
            Self::Memory(_, bytes) => Box::new(Cursor::new(*bytes)),
            Self::Unpacked(unpacked) => Box::new(File::open(&unpacked.path).map_err(|error| self.failed(error))?),
            Self::Member(..) => self.unpacked()?.seekable()?,
        })
    }

    /// The same bytes where any place of them can be read.
    pub fn unpacked(&self) -> Result<Origin<'a>, SourceError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let Self::Member(..) = self else { return Ok(self.clone()) };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("callout-{}-{number}.unpacked", std::process::id()));
        let unpacked = Unpacked { path, name: self.name() };
        let mut from = self.stream()?;
        // A file of that name that is there already is somebody else's.
        let mut to = File::options()
            .write(true)
            .create_new(true)
            .open(&unpacked.path)
            .map_err(|source| SourceError::Read { name: unpacked.path.display().to_string(), source })?;
        io::copy(&mut from, &mut to).and_then(|_| to.flush()).map_err(|error| self.failed(error))?;
        Ok(Self::Unpacked(Arc::new(unpacked)))
    }

    /// The first bytes.
    pub fn head(&self) -> Result<Vec<u8>, SourceError> {
        let mut head = Vec::new();
        self.stream()?.take(HEAD_BYTES).read_to_end(&mut head).map_err(|error| self.failed(error))?;
        Ok(head)
    }

    /// All of it as text, at most so many bytes: for small companions such as a `.prj`.
    pub fn text(&self, bytes_max: u64) -> Result<String, SourceError> {
        let mut bytes = Vec::new();
        self.stream()?.take(bytes_max).read_to_end(&mut bytes).map_err(|error| self.failed(error))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The file beside this one with another end (`roads.dbf` beside `roads.shp`), in small or capital letters.
    pub fn beside(&self, end: &str) -> Option<Self> {
        let path = self.path()?;
        [end.to_owned(), end.to_ascii_uppercase()]
            .into_iter()
            .map(|end| path.with_extension(end))
            .find(|path| path.is_file())
            .map(Self::File)
    }
}

/// A member of an archive in a file of its own; gone when dropped.
#[derive(Debug)]
pub struct Unpacked {
    path: PathBuf,
    name: String,
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // Nobody can be told here, and the temporary directory is emptied by the system.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A reader that counts, and refuses to give more than so many bytes between two calls of [`Bounded::next`]: a row or
/// a tag without an end must not fill the memory.
pub struct Bounded<R> {
    inner: R,
    since: usize,
    max: usize,
    read: u64,
}

impl<R: BufRead> Bounded<R> {
    /// At most `max` bytes a piece.
    pub fn new(inner: R, max: usize) -> Self {
        Self { inner, since: 0, max, read: 0 }
    }

    /// A new piece begins.
    pub fn next(&mut self) {
        self.since = 0;
    }

    /// Bytes given so far.
    pub fn read_n(&self) -> u64 {
        self.read
    }

    fn took(&mut self, n: usize) {
        self.since = self.since.saturating_add(n);
        self.read += n as u64;
    }

    fn full(&self) -> io::Result<()> {
        if self.since <= self.max {
            return Ok(());
        }
        let what = format!("one piece of it has more than {} MB", self.max >> 20);
        Err(io::Error::new(io::ErrorKind::InvalidData, what))
    }
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.full()?;
        let n = self.inner.read(buf)?;
        self.took(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.full()?;
        self.inner.fill_buf()
    }
    fn consume(&mut self, amount: usize) {
        self.took(amount);
        self.inner.consume(amount);
    }
}
