//! contributors
