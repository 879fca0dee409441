//! The host changes by itself.

mod corrected;
mod planned;
