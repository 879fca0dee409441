//! What is shown before anybody signs: each plan, those that change the same once, with what differs between them.

use std::cmp::Reverse;

use super::Voice;
use super::subject::Subject;
use crate::cli::{CliError, show};
use crate::journal::pages::list;
use crate::model::ApprovalVerdict;
use crate::text::escape;

/// How many names are listed where what stands apart, or alike, is named.
const NAMES: usize = 20;

impl Voice<'_> {
    /// Prints each plan; those that read the same, once.
    pub(super) fn show(&self, subjects: &[Subject]) -> Result<(), CliError> {
        let groups = self.groups(subjects);
        let mut text = String::new();
        for (body, same) in &groups {
            text += &match same.as_slice() {
                [only] => self.alone(only, body),
                several => self.alike(several) + body,
            };
            if !body.is_empty() {
                text.push('\n');
            }
        }
        text += &apart(&groups, subjects.len());
        let email = self.person.emails.first().map(|email| format!(" <{}>", escape(email))).unwrap_or_default();
        text += &format!("You are {}{email} ({}).", self.person.name, self.signer.shown());
        match subjects {
            [only] => text += &format!(" {}\n", only.gives),
            several => text += &format!("\n{}", given(several)),
        }
        self.tell(&text)
    }

    /// The plans by what they change; what most of them change first, so that what stands apart is right above the
    /// question.
    fn groups<'s>(&self, subjects: &'s [Subject]) -> Vec<(String, Vec<&'s Subject>)> {
        let mut groups: Vec<(String, Vec<&Subject>)> = Vec::new();
        for subject in subjects {
            let body = match (&subject.seen, self.verdict) {
                (Some(seen), ApprovalVerdict::Approve | ApprovalVerdict::Reject) => show::body(seen, self.output, ""),
                _ => String::new(),
            };
            match groups.iter_mut().find(|(known, _)| *known == body) {
                Some((_, same)) => same.push(subject),
                None => groups.push((body, vec![subject])),
            }
        }
        groups.sort_by_key(|(_, same)| Reverse(same.len()));
        groups
    }

    fn alone(&self, subject: &Subject, body: &str) -> String {
        match &subject.seen {
            Some(seen) if body.is_empty() => show::title(seen, self.output),
            Some(seen) => show::title(seen, self.output) + &show::body(seen, self.output, &show::notes(seen)),
            None => format!("{} · plan {}\n", subject.status.environment, subject.plan.short()),
        }
    }

    /// A line for each of several that change the same, with what is its own.
    fn alike(&self, subjects: &[&Subject]) -> String {
        let about = |subject: &Subject| subject.seen.as_ref().map(show::about).unwrap_or_default();
        let first = subjects.first().map(|first| about(first)).unwrap_or_default();
        let is_one = subjects.iter().all(|subject| about(subject) == first);
        let head = if is_one { first } else { String::new() };
        let mut text = format!("{} plans alike{head}\n", subjects.len());
        let width = subjects.iter().map(|subject| subject.status.environment.as_str().len()).max().unwrap_or_default();
        for subject in subjects {
            let own = if is_one { String::new() } else { about(subject) };
            let notes = subject.seen.as_ref().map(show::notes).unwrap_or_default();
            let line = format!("  {:width$}  plan {}{own}", subject.status.environment, subject.plan.short());
            text += &match notes.lines().count() {
                0 => format!("{line}\n"),
                1 => format!("{line}  {}\n", notes.trim()),
                _ => format!("{line}\n") + &notes.lines().map(|note| format!("  {note}\n")).collect::<String>(),
            };
        }
        text
    }
}

/// Which environments do not change what most of them change.
fn apart(groups: &[(String, Vec<&Subject>)], all: usize) -> String {
    let [(_, most), others @ ..] = groups else { return String::new() };
    if others.is_empty() || most.len() < 2 {
        return String::new();
    }
    let names: Vec<_> = others.iter().flat_map(|(_, same)| same).map(|subject| &subject.status.environment).collect();
    format!("{} of {all} plans change the same; apart from them: {}\n", most.len(), list(&names, "and", NAMES))
}

/// What a statement would do on each; where that is the same, once.
fn given(subjects: &[Subject]) -> String {
    let mut groups: Vec<(&str, Vec<_>)> = Vec::new();
    for subject in subjects {
        let name = &subject.status.environment;
        match groups.iter_mut().find(|(gives, _)| *gives == subject.gives) {
            Some((_, names)) => names.push(name),
            None => groups.push((&subject.gives, vec![name])),
        }
    }
    let line = |(gives, names): &(&str, Vec<_>)| match names.as_slice() {
        all if all.len() == subjects.len() => format!("  each of the {}: {gives}\n", all.len()),
        names => format!("  {}: {gives}\n", list(names, "and", NAMES)),
    };
    groups.iter().map(line).collect()
}
