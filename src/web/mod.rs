//! Pages, API, live updates.
