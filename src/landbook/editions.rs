//! Earlier editions of a layer: the last two stay beside the one in force, so that a bad import is undone in a second.
//!
//! `layers/NAME.json` is in force, `layers/earlier/NAME.1.json` was before it, `layers/earlier/NAME.2.json` before
//! that. The one in force is never away, not for an instant: it is linked to its new place before another takes its
//! name.

use super::layer::LayerMeta;
use super::store::{StoreError, failed, path_of, read, read_meta, sync};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// How many earlier editions are kept.
pub const EARLIER_MAX: usize = 2;
/// Their directory within that of the layers.
const EARLIER_DIR: &str = "earlier";

/// An edition of a layer in its file.
#[derive(Debug)]
pub struct Edition {
    /// The layer.
    pub id: String,
    /// 0 for the one in force, 1 for the one before it.
    pub age: usize,
    /// What its file says, or why it cannot be read.
    pub meta: Result<LayerMeta, StoreError>,
}

fn earlier(dir: &Path, id: &str, age: usize) -> PathBuf {
    dir.join(EARLIER_DIR).join(format!("{id}.{age}.json"))
}

/// Keeps the edition in force among the earlier ones, which age by one; the oldest goes.
pub fn keep(dir: &Path, id: &str) -> Result<(), StoreError> {
    let path = path_of(dir, id)?;
    if !path.exists() {
        return Ok(());
    }
    let home = dir.join(EARLIER_DIR);
    fs::create_dir_all(&home).map_err(failed(&home))?;
    for age in (1..EARLIER_MAX).rev() {
        rename(&earlier(dir, id, age), &earlier(dir, id, age + 1))?;
    }
    let newest = earlier(dir, id, 1);
    match fs::hard_link(&path, &newest) {
        Ok(()) => {}
        // Where there are no links, a copy does.
        Err(_) => drop(fs::copy(&path, &newest).map_err(failed(&newest))?),
    }
    sync(&home)
}

/// Renames a file that may not be there.
fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(to)(error)),
        _ => Ok(()),
    }
}

/// Puts the edition before the one in force back into force, and keeps the other in its place: a second rollback
/// undoes the first. It is read and found sound first.
///
/// # Errors
/// [`StoreError::NoEarlier`] where there is none.
pub fn roll_back(dir: &Path, id: &str) -> Result<LayerMeta, StoreError> {
    let (path, before) = (path_of(dir, id)?, earlier(dir, id, 1));
    if !before.exists() {
        return Err(StoreError::NoEarlier(id.to_owned()));
    }
    let meta = read(&before)?.meta;
    let aside = dir.join(EARLIER_DIR).join(format!("{id}.aside"));
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&aside)(error)),
        _ => {}
    }
    if path.exists() {
        fs::hard_link(&path, &aside).or_else(|_| fs::copy(&path, &aside).map(drop)).map_err(failed(&aside))?;
    }
    fs::rename(&before, &path).map_err(failed(&path))?;
    rename(&aside, &before)?;
    sync(&dir.join(EARLIER_DIR))?;
    sync(dir)?;
    Ok(meta)
}

/// Every layer's editions, by id, newest first.
pub fn list(dir: &Path) -> Result<Vec<Edition>, StoreError> {
    let mut ids = Vec::new();
    match fs::read_dir(dir) {
        Ok(entries) => {
            for entry in entries {
                let path = entry.map_err(|source| StoreError::Read { path: dir.to_owned(), source })?.path();
                if path.extension().is_some_and(|end| end == "json")
                    && let Some(id) = path.file_stem().and_then(|stem| stem.to_str())
                {
                    ids.push(id.to_owned());
                }
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(source) => return Err(StoreError::Read { path: dir.to_owned(), source }),
    }
    ids.sort();
    let mut editions = Vec::new();
    for id in ids {
        editions.push(Edition { age: 0, meta: path_of(dir, &id).and_then(|path| read_meta(&path)), id: id.clone() });
        for age in 1..=EARLIER_MAX {
            let path = earlier(dir, &id, age);
            if path.exists() {
                editions.push(Edition { id: id.clone(), age, meta: read_meta(&path) });
            }
        }
    }
    Ok(editions)
}
