//! The viewer's hand on the show: Enter pauses it and lets it go on, q and Enter ends it.
//!
//! Only where a terminal is there to type at; a demo in a pipe plays by itself.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// What the viewer has asked for.
#[derive(Debug, Clone, Default)]
pub struct Viewer {
    paused: Arc<AtomicBool>,
    ended: Arc<Notify>,
}

impl Viewer {
    /// Listens at the terminal, if there is one.
    pub fn at_the_terminal() -> Self {
        let viewer = Self::default();
        if std::io::stdin().is_terminal() {
            let typed = viewer.clone();
            // It waits for a line for ever, and ends with the process.
            std::thread::spawn(move || {
                for line in std::io::stdin().lines().map_while(Result::ok) {
                    typed.take(&line);
                }
            });
        }
        viewer
    }

    fn take(&self, line: &str) {
        match line.trim().to_lowercase().as_str() {
            "q" | "quit" | "exit" => self.ended.notify_one(),
            _ => {
                let paused = !self.paused.fetch_xor(true, Ordering::AcqRel);
                super::run::say(if paused { "  paused: Enter goes on" } else { "  going on" });
            }
        }
    }

    /// Whether the show stands still.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    /// Waits until the viewer has had enough.
    pub async fn ended(&self) {
        self.ended.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn enter_pauses_and_goes_on_and_q_ends() {
        let viewer = Viewer::default();
        viewer.take("");
        assert!(viewer.is_paused());
        viewer.take(" ");
        assert!(!viewer.is_paused());
        viewer.take("Q");
        assert!(!viewer.is_paused());
        viewer.ended().await;
    }
}
