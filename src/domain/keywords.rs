//! What a text is about: the first form of topic rules (`config/keywords.toml`).

/// Keyword rules, compiled.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Keywords {}
