//! From the outside to an event.
