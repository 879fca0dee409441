//! Rewritten history, and the ways out of it: nothing is lowered by any of them.

mod branches;
mod config;
mod journal;
mod pins;

use countersign::journal::Event;
use countersign::lifecycle::Phase;

use crate::world::{DAEMON, Run, World, document};

const JOURNAL: &str = "countersign/journal";
const TWO: &str = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";

fn applied() -> World {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "v1\n");
    world
}

/// A tick with the operator's word.
fn accept(world: &mut World, word: &str) -> Run {
    accept_by(world, DAEMON, word)
}

fn accept_by(world: &mut World, daemon: &str, word: &str) -> Run {
    let mut command = world.daemon_command(daemon);
    command.args(["--accept-history", word]);
    let run = world.run(command);
    world.last = Some(run.clone());
    run
}

#[track_caller]
fn accepted(world: &mut World, word: &str) {
    let run = accept(world, word);
    assert!(run.succeeded(), "{run}");
}

#[track_caller]
fn expect_tampered(world: &mut World, words: &str) {
    let run = world.try_tick();
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("prod Tampered"), "{run}");
    assert!(run.stderr.contains(words), "`{words}`: {run}");
}

#[track_caller]
fn expect_refused(world: &mut World, word: &str, words: &str) {
    let before = world.references();
    let run = accept(world, word);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains(words), "`{words}`: {run}");
    assert_eq!(world.references(), before, "nothing is written: {run}");
}

fn main_at(world: &World) -> String {
    format!("main@{}", world.tip("main"))
}

/// The last commit on main becomes another one with the same content.
fn amend(world: &mut World, who: &str) {
    world.pull_again(who);
    world.shell(who, "git commit --quiet --amend -m other --date=2031-01-01T00:00:00Z && git push --quiet --force");
}

impl World {
    /// A clone takes over what is on the remote, whatever it had.
    #[track_caller]
    fn pull_again(&mut self, who: &str) -> &mut Self {
        self.shell(who, "git fetch --quiet --force && git reset --quiet --hard origin/main");
        self
    }

    /// The proof finds this, and no daemon goes on.
    #[track_caller]
    fn finish_forged(&mut self, words: &str) {
        let proof = self.verify("remote.git");
        assert_eq!(proof.code, Some(1), "{proof}");
        assert!(proof.stdout.contains(words), "`{words}`: {proof}");
        let run = self.try_tick();
        assert_eq!(run.code, Some(1), "{run}");
        self.finish_without_tick("the journal is forged");
    }

    fn rewrite(&mut self, who: &str, path: &str, change: impl FnOnce(String) -> String) -> &mut Self {
        let text = std::fs::read_to_string(self.clone_of(who).join(path)).expect("a file");
        self.file(who, path, &change(text))
    }

    fn remove_file(&mut self, who: &str, path: &str) -> &mut Self {
        std::fs::remove_file(self.clone_of(who).join(path)).expect("a file");
        self
    }

    fn add_somebody(&mut self, who: &str, name: &str) -> &mut Self {
        self.make_key(name, &[]);
        let spec = format!("emails: [{name}@x.example]\nkeys:\n  - key: \"{}\"\n", self.public_key(name));
        self.file(who, &format!("governance/people/{name}.yaml"), &document("Person", name, &spec))
    }
}

fn accepted_branches(world: &World) -> Vec<String> {
    let branch = |event| match event {
        Event::HistoryAccepted { branch, .. } => Some(branch),
        _ => None,
    };
    world.events().into_iter().filter_map(branch).collect()
}

fn journal_says(world: &World, words: &str) -> bool {
    world.journal_file("README.md").is_some_and(|page| page.contains(words))
}

fn put_at(world: &World, branch: &str, commit: &str) {
    world.git("remote.git", &["update-ref", &format!("refs/heads/{branch}"), commit]);
}

fn delete(world: &World, branch: &str) {
    world.git("remote.git", &["update-ref", "-d", &format!("refs/heads/{branch}")]);
}
