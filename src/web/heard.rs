//! Remembers which callbacks were heard lately, so that what a supplier tells twice is done once.
//!
//! The supplier's own name for a message is the key; the newest few thousand are kept. A callback is remembered only when
//! what follows from it is durable, so one that failed and comes again is heard.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Callbacks remembered; the oldest is forgotten first. A surge's pages have a few hundred.
pub const HEARD_MAX: usize = 4_096;
/// Most bytes of a name that are kept.
const NAME_BYTES_MAX: usize = 200;

/// The callbacks heard lately.
#[derive(Debug, Default)]
pub struct Heard(Mutex<Names>);

#[derive(Debug, Default)]
struct Names {
    known: BTreeSet<String>,
    order: VecDeque<String>,
}

impl Heard {
    /// Whether it was heard before.
    pub fn knows(&self, name: &str) -> bool {
        self.names().known.contains(cut(name))
    }

    /// Remembers that it was heard.
    pub fn remember(&self, name: &str) {
        let mut names = self.names();
        let name = cut(name).to_owned();
        if names.known.insert(name.clone()) {
            names.order.push_back(name);
        }
        while names.order.len() > HEARD_MAX {
            if let Some(oldest) = names.order.pop_front() {
                names.known.remove(&oldest);
            }
        }
    }

    fn names(&self) -> std::sync::MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cut(name: &str) -> &str {
    let mut end = name.len().min(NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_is_known_and_the_oldest_is_forgotten_first() {
        let heard = Heard::default();
        assert!(!heard.knows("notify 1"));
        for n in 0..=HEARD_MAX {
            heard.remember(&format!("notify {n}"));
            heard.remember(&format!("notify {n}"));
        }
        assert!(!heard.knows("notify 0") && heard.knows("notify 1") && heard.knows(&format!("notify {HEARD_MAX}")));
        heard.remember(&"é".repeat(500));
        assert!(heard.knows(&"é".repeat(500)));
    }
}
