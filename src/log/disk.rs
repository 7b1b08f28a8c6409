//! The one door through which the log changes the disk.
//!
//! Every write, sync, rename and removal passes here, so that a test can stand in the doorway: write down the order
//! (and play back a power cut), or let one of them fail. Without a watcher the door costs nothing.
//!
//! Reading is not here: it changes nothing.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One change of the disk, told before it is made.
#[derive(Debug)]
pub enum Op<'a> {
    /// A file comes to be, empty (an old one of that name is emptied).
    Create(&'a Path),
    /// Bytes are written at an offset.
    Write(&'a Path, u64, &'a [u8]),
    /// Space is set aside for a file of this length, whatever it holds.
    Reserve(&'a Path, u64),
    /// A file is cut to a length.
    Cut(&'a Path, u64),
    /// A file's bytes are made durable (`fdatasync`, or `fsync` when the length may have changed).
    Sync(&'a Path),
    /// A file gets another name, replacing what had it.
    Rename(&'a Path, &'a Path),
    /// A file goes.
    Remove(&'a Path),
    /// A directory's names are made durable.
    SyncDir(&'a Path),
}

/// Stands in the doorway: sees each change first, and may refuse it.
pub type Watcher = Arc<dyn Fn(&Op<'_>) -> io::Result<()> + Send + Sync>;

/// The door. Files it makes are for their owner only (mode 0600), directories too (0700).
#[derive(Clone, Default)]
pub struct Disk {
    watcher: Option<Watcher>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("watched", &self.watcher.is_some()).finish()
    }
}

/// Zeros are written in pieces of this many bytes.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

impl Disk {
    /// A door with somebody in it.
    pub fn watched(watcher: Watcher) -> Self {
        Self { watcher: Some(watcher) }
    }

    fn tell(&self, op: Op<'_>) -> io::Result<()> {
        self.watcher.as_ref().map_or(Ok(()), |watcher| watcher(&op))
    }

    /// Makes the directory and those above it, and makes their names durable.
    pub(super) fn make_dir(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        match dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => self.sync_dir(parent),
            _ => self.sync_dir(Path::new(".")),
        }
    }

    /// A new empty file, to be written.
    pub(super) fn create(&self, path: &Path) -> io::Result<DiskFile> {
        self.tell(Op::Create(path))?;
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)?;
        Ok(DiskFile { file, path: path.to_owned(), disk: self.clone() })
    }

    /// A file that is there, to be written.
    pub(super) fn open(&self, path: &Path) -> io::Result<DiskFile> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(DiskFile { file, path: path.to_owned(), disk: self.clone() })
    }

    /// Makes `path` a durable file of `start` followed by zeros up to `bytes`: first as `path.new`, then renamed.
    /// A half-made `.new` is removed when it fails, so that a full disk gets its space back.
    pub(super) fn make(&self, path: &Path, start: &[u8], bytes: u64) -> io::Result<()> {
        let new = with_suffix(path, ".new");
        let made = self.create(&new).and_then(|file| {
            if !start.is_empty() {
                file.write_at(start, 0)?;
            }
            file.zero(start.len() as u64, bytes)?;
            file.sync_all()
        });
        if let Err(error) = made {
            // The first failure is the one to tell; what is left is removed when the log is next opened.
            let _ = self.remove(&new);
            return Err(error);
        }
        self.rename(&new, path)
    }

    /// Makes `path` a file that takes up `bytes` of the disk, whatever it holds; as [`Self::make`], but at once where
    /// the file system can set space aside without writing.
    pub(super) fn make_bulk(&self, path: &Path, bytes: u64) -> io::Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        let new = with_suffix(path, ".new");
        let made = self.create(&new).and_then(|file| {
            self.tell(Op::Reserve(&new, bytes))?;
            match fallocate(&file.file, FallocateFlags::empty(), 0, bytes) {
                Err(rustix::io::Errno::OPNOTSUPP) => file.zero(0, bytes)?,
                reserved => reserved?,
            }
            file.sync_all()
        });
        if let Err(error) = made {
            let _ = self.remove(&new);
            return Err(error);
        }
        self.rename(&new, path)
    }

    /// Renames within a directory and makes it durable.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.tell(Op::Rename(from, to))?;
        std::fs::rename(from, to)?;
        self.sync_dir(to.parent().expect("the log's files stand in a directory"))
    }

    /// Removes a file; one that is not there is fine.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        self.tell(Op::Remove(path))?;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes a directory's names durable.
    pub(super) fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.tell(Op::SyncDir(dir))?;
        File::open(dir)?.sync_all()
    }

    /// Bytes that a process without privileges may still write on `dir`'s disk.
    pub(super) fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(dir)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

/// An open file behind the door.
#[derive(Debug)]
pub(super) struct DiskFile {
    file: File,
    path: PathBuf,
    disk: Disk,
}

impl DiskFile {
    pub(super) fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.tell(Op::Write(&self.path, offset, bytes))?;
        self.file.write_all_at(bytes, offset)
    }

    /// Writes zeros from one offset up to another.
    pub(super) fn zero(&self, from: u64, to: u64) -> io::Result<()> {
        let mut at = from;
        while at < to {
            let piece = (to - at).min(ZEROS.len() as u64);
            self.write_at(&ZEROS[..piece as usize], at)?;
            at += piece;
        }
        Ok(())
    }

    /// Cuts the file and makes that durable.
    pub(super) fn cut(&self, bytes: u64) -> io::Result<()> {
        self.disk.tell(Op::Cut(&self.path, bytes))?;
        self.file.set_len(bytes)?;
        self.sync_all()
    }

    /// Makes written bytes durable; enough where the length did not change.
    pub(super) fn sync_data(&self) -> io::Result<()> {
        self.disk.tell(Op::Sync(&self.path))?;
        self.file.sync_data()
    }

    /// Makes bytes and length durable.
    pub(super) fn sync_all(&self) -> io::Result<()> {
        self.disk.tell(Op::Sync(&self.path))?;
        self.file.sync_all()
    }

    /// The same file, told to a watcher as one that has lost its name to another.
    pub(super) fn nameless(mut self) -> Self {
        self.path = with_suffix(&self.path, ".replaced");
        self
    }

    pub(super) fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether an error means "no space", which passes, rather than a broken disk, which does not.
pub(super) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

/// `path` with an ending added to its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
