//! A repository in which everything that can happen has happened, and its journal as objects in memory.

use std::sync::OnceLock;

use countersign::digest::RevisionId;
use countersign::git::sign::JournalKey;
use countersign::git::store::GitObjects;
use countersign::journal::JournalEntry;
use countersign::journal::read::{line, read_entry};
use countersign::lifecycle::{Phase, State};
use countersign::model::ApprovalVerdict::{Approve, Reject, Withdraw};
use countersign::model::RequestAction;
use countersign::object::{Kind, MemoryObjects, Mode, Objects, Oid};
use countersign::verify::Tips;

use crate::world::{DAEMON, World};

/// Everything a forger could start from.
pub struct Finished {
    pub objects: MemoryObjects,
    pub tips: Tips,
    pub pin: RevisionId,
    /// The daemon's key, stolen.
    pub key: JournalKey,
    /// The journal's commits with their entries, the first one first.
    pub line: Vec<(Oid, JournalEntry)>,
    /// The fold before each entry after the first; one more than there are entries after the first.
    pub states: Vec<State>,
}

/// The repository, made once.
pub fn finished() -> &'static Finished {
    static MADE: OnceLock<Finished> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut world = story();
        let made = Finished::of(&world);
        world.finish();
        made
    })
}

/// Two environments; deployments by merge and by record, of two people and of one; a rejection and the push after it; a
/// withdrawal; a deployment started by merge; a statement that counts for nothing; a change without effect, one that cannot be read, one of the policy;
/// a record deleted; a destroy; a claim abandoned, an apply that failed.
pub fn story() -> World {
    let two = "rules:\n  - name: two\n    approvers:\n      teams: [platform]\n    required: 2\n";
    let mut world = World::with().ruleset("double", two).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "v1\n");
    // A contributor's approval counts for nothing; a record does.
    world.change("mallory", "prod", "v2\n").tick().approve_by_merge("mallory", "prod").tick();
    world.approve_by_record("bob", "prod").tick().expect_applied("prod", "v2\n");
    // Rejected, then pushed again.
    world.change("mallory", "prod", "v3\n").tick().reject_by_record("alice", "prod").tick();
    world.expect_phase("prod", Phase::Rejected);
    world.change("mallory", "prod", "v4\n").tick().approve_by_merge("bob", "prod").tick();
    world.expect_applied("prod", "v4\n");
    // Another environment, where two must agree: one takes it back, and a record is deleted.
    world.pull("mallory");
    world.environment_with("mallory", "stage", "s1\n", "requireApproval: true\nrulesets: [double]\n");
    world.push("mallory").tick();
    let approval = world.record("alice", "stage", Approve);
    let said = world.sign(&approval).0;
    world.say("alice", &approval).tick();
    let withdrawal = world.record("alice", "stage", Withdraw).previous(said);
    let taken_back = world.sign(&withdrawal).0;
    world.say("alice", &withdrawal).tick();
    world.remove("mallory", "approvals/stage").tick().expect_alarm("was deleted");
    let again = world.record("alice", "stage", Approve).previous(taken_back);
    world.say("alice", &again).approve_by_merge("bob", "stage").tick().expect_applied("stage", "s1\n");
    // Without effect; then unreadable; then mended.
    world.pull("mallory").file("mallory", "environments/prod/notes.md", "nothing that is deployed\n");
    world.push("mallory").tick();
    let good = std::fs::read(world.clone_of("mallory").join("environments/prod/environment.yaml")).expect("a file");
    world.file("mallory", "environments/prod/environment.yaml", "nothing: of it\n").push("mallory").tick();
    world.expect_phase("prod", Phase::Invalid);
    world.write("mallory", "environments/prod/environment.yaml", good);
    world.push("mallory").tick();
    // The policy, which does not change by a push.
    world.pull("alice").file("alice", "governance/teams/platform.yaml", "apiVersion: countersign/v1\nkind: Team\n");
    world.push("alice").tick();
    world.remove("mallory", "environments/stage").tick().approve_by_merge("alice", "stage").tick();
    world.approve_by_merge("bob", "stage").tick().expect_not_applied("stage");
    started_by_hand(&mut world);
    interrupted(&mut world);
    drifted(&mut world);
    world
}

/// A fifth environment, whose host does not stay as it is: planned, put right by hand, deployed again by somebody's wish, and
/// then corrected by itself.
fn drifted(world: &mut World) {
    let looked_at = "requireApproval: true\nrulesets: [standard]\ndrift: { schedule: \"0 3 * * *\", correct: false }\n";
    world.pull("mallory").environment_with("mallory", "fifth", "f1\n", looked_at).push("mallory").tick();
    world.approve_by_merge("alice", "fifth").tick().expect_applied("fifth", "f1\n");
    let by_hand =
        |world: &World, text: &str| std::fs::write(world.target("fifth").join("app.conf"), text).expect("edited");
    by_hand(world, "by hand\n");
    world.tick().expect_waiting_on("fifth", "standard/platform").approve_by_merge("bob", "fifth");
    by_hand(world, "f1\n");
    world.tick().expect_phase("fifth", Phase::Synced);
    let again = world.request("mallory", "fifth", RequestAction::Redeploy { number: 1 });
    world.ask("mallory", &again).tick().approve_by_merge("bob", "fifth").tick();
    assert_eq!(world.deployments("fifth"), [(1, 1), (2, 1)]);
    let corrected = looked_at.replace("false", "true");
    world.pull("mallory").environment_with("mallory", "fifth", "f1\n", &corrected).push("mallory").tick();
    world.approve_by_merge("alice", "fifth").tick();
    by_hand(world, "by hand\n");
    world.tick().expect_applied("fifth", "f1\n");
    assert_eq!(world.deployments("fifth"), [(1, 1), (2, 1), (3, 1), (3, 2)]);
}

/// A fourth one, which somebody has to start: an approval that starts nothing yet, and a merge that does.
fn started_by_hand(world: &mut World) {
    let manual = "requireApproval: true\nrulesets: [double]\ndeploy: { mode: manual }\n";
    world.pull("mallory").environment_with("mallory", "fourth", "f1\n", manual).push("mallory").tick();
    world.merge("alice", "fourth", "approve-and-deploy").tick().approve_by_record("bob", "fourth").tick();
    world.expect_not_applied("fourth").merge("alice", "fourth", "deploy").tick().expect_applied("fourth", "f1\n");
}

/// A third environment: bob's rejection arrives with the claim, then an apply fails, then all is well.
fn interrupted(world: &mut World) {
    world.pull("mallory").environment("mallory", "third", "t1\n").push("mallory").tick();
    world.approve_by_merge("alice", "third");
    let rejection = world.record("bob", "third", Reject);
    world.pull("bob").put_record("bob", &rejection);
    world.shell("bob", "git add --all && git commit --quiet -m said && git push --quiet origin HEAD:prepared");
    world.when_claimed("git update-ref refs/heads/main prepared");
    world.tick().expect_not_applied("third").expect_phase("third", Phase::Rejected);
    world.when_claimed("true");
    world.change("mallory", "third", "t2\n").tick().approve_by_merge("alice", "third");
    let (here, away) = (world.at("srv"), world.at("srv.away"));
    world.when_claimed(&format!("mv {} {}", here.display(), away.display()));
    world.tick().expect_phase("third", Phase::Failed);
    world.when_claimed("true");
    std::fs::rename(away, here).expect("the targets");
    world.change("mallory", "third", "t3\n").tick().approve_by_merge("alice", "third").tick();
    world.expect_applied("third", "t3\n");
}

impl Finished {
    fn of(world: &World) -> Self {
        let store = GitObjects::open(&world.at("remote.git")).expect("the remote");
        let objects = MemoryObjects::default();
        for id in world.references().values() {
            copy(&store, &objects, id.parse().expect("an id"));
        }
        let tip = |branch: &str| world.tip(branch).parse().expect("an id");
        let tips = Tips { journal: tip("countersign/journal"), config: tip("main"), records: None };
        let entries = line(&objects, tips.journal, None).expect("a journal");
        let line: Vec<(Oid, JournalEntry)> =
            entries.iter().map(|id| (*id, read_entry(&objects, *id).expect("an entry").entry)).collect();
        let mut states = vec![State::begin(&line[0].1).expect("a first entry")];
        for (_, entry) in &line[1..] {
            let mut state = states.last().expect("one").clone();
            state.apply(entry).expect("it follows");
            states.push(state);
        }
        let key = JournalKey::load(&world.at(format!("{DAEMON}.key"))).expect("a key");
        let pin = states[0].start.policy;
        Self { objects, tips, pin, key, line, states }
    }
}

/// Copies a commit with all it reaches.
fn copy(from: &GitObjects, to: &MemoryObjects, commit: Oid) {
    let mut open = vec![(Kind::Commit, commit)];
    while let Some((kind, id)) = open.pop() {
        if to.read(kind, id).is_ok() {
            continue;
        }
        to.write(kind, &from.read(kind, id).expect("an object")).expect("a store");
        match kind {
            Kind::Commit => {
                let commit = from.commit(id).expect("a commit");
                open.push((Kind::Tree, commit.tree));
                open.extend(commit.parents.into_iter().map(|parent| (Kind::Commit, parent)));
            }
            Kind::Tree => open.extend(
                from.tree(id)
                    .expect("a tree")
                    .entries
                    .into_values()
                    .map(|entry| (if entry.mode == Mode::Tree { Kind::Tree } else { Kind::Blob }, entry.id)),
            ),
            Kind::Blob => {}
        }
    }
}
