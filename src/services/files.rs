//! The `files` driver.
