//! What `git push --porcelain` prints (git-push(1), OUTPUT), one line for each reference:
//! `<flag>\t<from>:<to>\t<summary> (<reason>)`.

use std::collections::BTreeMap;

/// What happened to one reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    /// It is as asked.
    Done,
    /// The lease did not hold: something else was there.
    Stale,
    /// It was not changed, for this reason; what is there now has to be looked at.
    Rejected(String),
    /// It was sent, and no answer came.
    Lost(String),
}

/// The status of each reference by its full name. Lines that are none (`To …`, `Done`) are passed over.
pub(super) fn statuses(stdout: &str) -> BTreeMap<String, Status> {
    stdout.lines().filter_map(status).collect()
}

fn status(line: &str) -> Option<(String, Status)> {
    let mut fields = line.splitn(3, '\t');
    let (flag, pair, summary) = (fields.next()?, fields.next()?, fields.next()?);
    let (_, name) = pair.split_once(':')?;
    let status = match flag {
        " " | "+" | "-" | "*" | "=" => Status::Done,
        "!" => rejection(summary),
        _ => return None,
    };
    Some((name.to_owned(), status))
}

fn rejection(summary: &str) -> Status {
    let reason = summary.split_once(" (").map_or(summary, |(_, reason)| reason.trim_end_matches(')'));
    if summary.starts_with("[remote failure]") {
        Status::Lost(reason.to_owned())
    } else if summary.starts_with("[rejected]") && matches!(reason, "stale info" | "fetch first" | "non-fast-forward") {
        Status::Stale
    } else {
        Status::Rejected(reason.to_owned())
    }
}

/// The reason git gives for one reference, with what the other side said of the push.
pub(super) fn with_words(reason: &str, stderr: &str) -> String {
    let said: Vec<&str> = stderr.lines().filter_map(|line| line.strip_prefix("remote: ")).map(str::trim).collect();
    let said = super::words::one_line(&said.join("\n"));
    if said.is_empty() { reason.to_owned() } else { format!("{reason}: {said}") }
}

/// Names that could not be deleted because they are not there, from what git says on its standard error. It then
/// sends nothing at all, not for the other references either.
pub(super) fn already_gone(stderr: &str) -> Vec<String> {
    stderr
        .lines()
        .filter_map(|line| line.strip_prefix("error: unable to delete '")?.strip_suffix("': remote ref does not exist"))
        .map(str::to_owned)
        .collect()
}

/// Whether git gave up before it sent anything: it could not be let in, or had nothing it could send.
pub(super) fn nothing_was_sent(stderr: &str) -> bool {
    // The first two are said while the list of references is awaited, over ssh and locally; then those of https; then
    // those that come before any connection. What the other side says starts with `remote: `.
    const BEFORE: [&str; 11] = [
        "fatal: Could not read from remote repository.",
        "fatal: the remote end hung up upon initial contact",
        "fatal: unable to access '",
        "fatal: Authentication failed for '",
        "fatal: could not read Username for '",
        "fatal: could not read Password for '",
        "fatal: repository '",
        "fatal: not a git repository",
        "fatal: transport '",
        "error: src refspec ",
        "fatal: detected dubious ownership",
    ];
    stderr.lines().any(|line| BEFORE.iter().any(|start| line.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_is_read() {
        let printed = "To /srv/x.git\n\
            *\t1111111111111111111111111111111111111111:refs/heads/new\t[new branch]\n\
            \u{20}\t1111111111111111111111111111111111111111:refs/heads/forward\t5b0a..1111\n\
            +\t1111111111111111111111111111111111111111:refs/heads/back\t5b0a...1111 (forced update)\n\
            -\t:refs/heads/gone\t[deleted]\n\
            =\t1111111111111111111111111111111111111111:refs/heads/same\t[up to date]\n\
            !\t1111111111111111111111111111111111111111:refs/heads/lease\t[rejected] (stale info)\n\
            !\t1111111111111111111111111111111111111111:refs/heads/raced\t[remote rejected] (failed to update ref)\n\
            !\t1111111111111111111111111111111111111111:refs/heads/hook\t[remote rejected] (pre-receive hook declined)\n\
            !\t1111111111111111111111111111111111111111:refs/heads/lost\t[remote failure] (remote failed to report status)\n\
            Done\n";
        let shown: Vec<_> = statuses(printed).into_iter().map(|(name, status)| format!("{name} {status:?}")).collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        refs/heads/back Done
        refs/heads/forward Done
        refs/heads/gone Done
        refs/heads/hook Rejected("pre-receive hook declined")
        refs/heads/lease Stale
        refs/heads/lost Lost("remote failed to report status")
        refs/heads/new Done
        refs/heads/raced Rejected("failed to update ref")
        refs/heads/same Done
        "#);
    }

    #[test]
    fn what_cannot_be_deleted_because_it_is_gone() {
        let said = "error: unable to delete 'refs/heads/a': remote ref does not exist\nerror: failed to push some refs";
        assert_eq!(already_gone(said), ["refs/heads/a"]);
    }

    #[test]
    fn only_git_s_own_words_say_that_nothing_was_sent() {
        assert!(nothing_was_sent("ssh: connect to host x port 22\nfatal: Could not read from remote repository.\n"));
        assert!(!nothing_was_sent("remote: fatal: Could not read from remote repository.\n"));
        assert!(!nothing_was_sent("fatal: the remote end hung up unexpectedly\n"));
        assert!(!nothing_was_sent("send-pack: unexpected disconnect while reading sideband packet\n"));
    }
}
