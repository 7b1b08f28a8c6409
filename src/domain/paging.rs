//! Pages until somebody has it.
