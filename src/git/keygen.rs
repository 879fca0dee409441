//! keygen
