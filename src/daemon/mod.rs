//! Wiring, the loop, recovery, supervision.
