//! Names of references.

/// Whether this is the full name of a reference that git would accept, by the rules of `git check-ref-format`; it
/// starts with `refs/`, so that it can never be taken for an option.
pub fn is_ref_name(name: &str) -> bool {
    name.starts_with("refs/")
        && name.split('/').all(is_component)
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.contains("@{")
        && !name.bytes().any(|b| b < 0x21 || b == 0x7f || b"~^:?*[\\".contains(&b))
}

/// One part between slashes.
fn is_component(part: &str) -> bool {
    !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_verdict_is_git_s() {
        let names = [
            "refs/heads/main",
            "refs/heads/countersign/approve/acme-prod/3f2a9c1d04be",
            "refs/countersign/heartbeat",
            "refs/heads/ünï",
            "refs/heads/-x",
            "refs/heads/@",
            "refs/heads/a@b",
            "refs/heads/a{b}",
            "refs/heads/a.b",
            "refs/heads/a,b;c|d&e$(f)'g\"",
            "refs/heads/a.locked",
            "refs/heads",
            "refs/",
            "refs//heads",
            "refs/heads/",
            "refs/heads/.a",
            "refs/heads/a.lock",
            "refs/heads/a.lock/b",
            "refs/heads/a..b",
            "refs/heads/a.",
            "refs/heads/a./b",
            "refs/heads/a b",
            "refs/heads/a\tb",
            "refs/heads/a\nb",
            "refs/heads/a\u{7f}b",
            "refs/heads/a~1",
            "refs/heads/a^",
            "refs/heads/a:b",
            "refs/heads/a?",
            "refs/heads/*",
            "refs/heads/[a",
            "refs/heads/a\\b",
            "refs/heads/a@{1}",
        ];
        for name in names {
            let git = Command::new("git").args(["check-ref-format", name]).status().expect("git runs").success();
            assert_eq!(is_ref_name(name), git, "{name:?}");
        }
    }

    #[test]
    fn what_is_no_full_name_is_refused() {
        for name in ["", "main", "HEAD", "@", "-x", "--upload-pack=x", "heads/main", "Refs/heads/x", "+refs/heads/x"] {
            assert!(!is_ref_name(name), "{name:?}");
        }
    }
}
