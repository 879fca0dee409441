
/// Whether the guard of this name is taken out: only in the copy that `tests/mutants/run` builds.
pub fn taken_out(name: &str) -> bool {
    static MUTANT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    MUTANT.get_or_init(|| std::env::var("MUTANT").unwrap_or_default()) == name
}
