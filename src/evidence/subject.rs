//! The subject line that git itself gives a merge (`fmt-merge-msg`), and the branches it names.

/// A branch named in the subject, as it stands between the quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named<'a> {
    text: &'a str,
    remote_tracking: bool,
}

impl Named<'_> {
    /// Whether it is this branch: by its own name, or behind the name of a remote (which may have slashes).
    pub(super) fn is(self, branch: &str) -> bool {
        let behind_remote = || {
            let remote = self.text.strip_suffix(branch).and_then(|rest| rest.strip_suffix('/'));
            remote.is_some_and(|remote| !remote.is_empty())
        };
        self.text == branch || self.remote_tracking && behind_remote()
    }

    pub(super) fn text(&self) -> &str {
        self.text
    }
}

/// The branches in a subject of the form `Merge branch 'a'`, `Merge branches 'a', 'b' and 'c'` or `Merge
/// remote-tracking branch 'origin/a'`, with ` of URL` and ` into BRANCH` after it or not; `None` where it is no such
/// subject, or is followed by further quotes.
pub(super) fn named_branches(subject: &str) -> Option<Vec<Named<'_>>> {
    let mut rest = subject.strip_prefix("Merge ")?;
    let mut named = Vec::new();
    loop {
        let remote_tracking = rest.strip_prefix("remote-tracking ");
        let plain = remote_tracking.unwrap_or(rest);
        let remote_tracking = remote_tracking.is_some();
        let mut push = |text| named.push(Named { text, remote_tracking });
        if let Some(one) = plain.strip_prefix("branch ") {
            let (text, after) = quoted(one)?;
            push(text);
            rest = after;
        } else {
            let (text, mut after) = quoted(plain.strip_prefix("branches ")?)?;
            push(text);
            while let Some((text, next)) = after.strip_prefix(", ").and_then(quoted) {
                push(text);
                after = next;
            }
            let (text, after) = quoted(after.strip_prefix(" and ")?)?;
            push(text);
            rest = after;
        }
        match rest.strip_prefix(", ") {
            Some(next) => rest = next,
            None => break,
        }
    }
    is_tail(rest).then_some(named)
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('\'')?.split_once('\'')
}

/// ` of URL`, ` into BRANCH`, both or nothing. Forges write the target in quotes.
fn is_tail(tail: &str) -> bool {
    let tail = match tail.strip_suffix('\'').and_then(|rest| rest.rsplit_once(" into '")) {
        Some((before, _)) => before,
        None => tail,
    };
    (tail.is_empty() || tail.starts_with(" of ") || tail.starts_with(" into ")) && !tail.contains('\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(subject: &str) -> Option<Vec<&str>> {
        named_branches(subject).map(|named| named.iter().map(|name| name.text).collect())
    }

    #[test]
    fn subjects_that_git_writes() {
        for (subject, expected) in [
            ("Merge branch 'a'", vec!["a"]),
            ("Merge branch 'a' into topic", vec!["a"]),
            ("Merge branch 'a' into 'main'", vec!["a"]),
            ("Merge branch 'a' of ../origin.git", vec!["a"]),
            ("Merge branch 'a/b-c' of https://example.org/x into topic", vec!["a/b-c"]),
            ("Merge branches 'a' and 'b'", vec!["a", "b"]),
            ("Merge branches 'a', 'b' and 'c' of git@example.org:x", vec!["a", "b", "c"]),
            ("Merge remote-tracking branch 'origin/a'", vec!["origin/a"]),
            ("Merge remote-tracking branches 'origin/a' and 'origin/b' into x", vec!["origin/a", "origin/b"]),
            ("Merge branch 'a', remote-tracking branch 'origin/b'", vec!["a", "origin/b"]),
        ] {
            assert_eq!(names(subject), Some(expected), "{subject}");
        }
    }

    #[test]
    fn subjects_that_git_does_not_write() {
        for subject in [
            "",
            "approve",
            "Merge",
            "Merge 'a'",
            "merge branch 'a'",
            "Merge branch a",
            "Merge branch 'a",
            "Merge branch 'a'b'",
            "Merge branch 'a' 'b'",
            "Merge branch 'a' and 'b'",
            "Merge branches 'a'",
            "Merge branches 'a', 'b'",
            "Merge branch 'a' of x 'b'",
            "Merge branch 'a' into 'b' into 'c'",
            "Merge branch 'a'; branch 'b' of x",
            "Merge branch 'a'.",
            "Merge tag 'a'",
            "Merge commit 'a'",
            "Revert \"Merge branch 'a'\"",
            " Merge branch 'a'",
        ] {
            assert_eq!(names(subject), None, "{subject}");
        }
    }

    #[test]
    fn a_remote_goes_before_a_remote_tracking_branch_only() {
        let is = |subject: &'static str, branch: &str| named_branches(subject).unwrap()[0].is(branch);
        assert!(is("Merge branch 'approve/x'", "approve/x"));
        assert!(is("Merge remote-tracking branch 'origin/approve/x'", "approve/x"));
        assert!(is("Merge remote-tracking branch 'our/hub/approve/x'", "approve/x"));
        assert!(!is("Merge branch 'origin/approve/x'", "approve/x"));
        assert!(!is("Merge remote-tracking branch 'originapprove/x'", "approve/x"));
        assert!(!is("Merge remote-tracking branch '/approve/x'", "approve/x"));
        assert!(!is("Merge remote-tracking branch 'origin/approve/x2'", "approve/x"));
        assert!(!is("Merge branch 'approve/x '", "approve/x"));
    }
}
