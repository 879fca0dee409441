//! The pages as people read them, over a journal that was folded event by event and judged by the real policy code.

mod commit;
mod environment;
mod overview;
mod plan;
pub(crate) mod world;
