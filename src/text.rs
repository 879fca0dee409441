//! Text from the repository, made safe to show.
