//! Scenarios in a real repository: [`merges`] of ready-made commits, and [`records`].

mod merges;
mod records;

use std::cell::RefCell;

use serde_json::json;

use super::*;
use crate::digest::{PlanId, canonical_json};
use crate::evidence::repository::{Repository, sign};
use crate::journal::ReadyWord;
use crate::object::{Edit, Kind, edit_tree};

const PEOPLE: [&str; 3] = ["alice", "bob", "mallory"];

/// A repository with a plan that waits, and the ready-made commits for it.
struct World {
    repository: Repository,
    root: Oid,
    seen: Oid,
    ready: RefCell<Vec<ReadyMade>>,
}

impl World {
    fn new() -> Self {
        let repository = Repository::new();
        let root = repository.change("carol", "README.md", "the first commit\n");
        repository.change("carol", "environments/acme-prod/values.yaml", "replicas: 1\n");
        let seen = repository.change("carol", "environments/acme-prod/values.yaml", "replicas: 2\n");
        repository.git("carol", &["push", "-q", "origin", "main"]);
        Self { repository, root, seen, ready: RefCell::default() }
    }

    fn plan() -> PlanId {
        PlanId(Digest::of("the plan"))
    }

    /// Makes a ready-made commit and pushes its branch.
    fn ready_made(&self, word: &str, n: u64) -> ReadyMade {
        let says = ReadyWord::ALL.into_iter().find(|says| says.name() == word).unwrap();
        let n_line = format!("  n: {n}\n");
        let record = match says.verdict() {
            Some(verdict) => record(verdict.name(), says.deploys(), "", &n_line),
            None => request("deploy", &n_line),
        };
        self.publish(word, n, says, &record)
    }

    fn publish(&self, word: &str, n: u64, says: ReadyWord, record: &str) -> ReadyMade {
        let plan12 = Self::plan().short();
        let folder = says.folder();
        let path = format!("{folder}/acme-prod/{plan12}/{word}-{n}.yaml");
        let branch = format!("countersign/{word}/acme-prod/{plan12}");
        let blob = Objects::write(&self.repository, Kind::Blob, record.as_bytes()).unwrap();
        let root = Objects::commit(&self.repository, self.root).unwrap().tree;
        let edits = [(path.clone(), Edit::Put(Entry { mode: Mode::File, id: blob }))].into();
        let tree = edit_tree(&self.repository, Some(root), &edits).unwrap().to_string();
        let message = format!("{word} the plan");
        let parent = self.root.to_string();
        let commit = self.repository.git("daemon", &["commit-tree", "-S", &tree, "-p", &parent, "-m", &message]);
        self.repository.git("daemon", &["push", "-qf", "origin", &format!("{commit}:refs/heads/{branch}")]);
        let environment = "acme-prod".parse().unwrap();
        let commit = commit.parse().unwrap();
        let ready = ReadyMade { environment, plan: Self::plan(), says, n, commit, branch, path, blob };
        self.ready.borrow_mut().push(ready.clone());
        ready
    }

    /// Approves as the status says one does.
    fn merge(&self, person: &str, ready: &ReadyMade) -> Oid {
        self.merge_with(person, ready, &["-S"])
    }

    fn merge_with(&self, person: &str, ready: &ReadyMade, options: &[&str]) -> Oid {
        self.repository.git(person, &["fetch", "-q", "origin", &ready.branch]);
        self.repository.git(person, &[&["merge", "-q", "--no-ff"], options, &["FETCH_HEAD"]].concat());
        self.repository.head()
    }

    fn found_from(&self, source: Source, tip: Oid) -> Vec<Found> {
        let graph = Graph::new(&self.repository);
        let ready = |id| self.ready.borrow().iter().find(|ready| ready.commit == id).cloned();
        find_statements(&graph, &self.repository, "", source, &[self.seen], tip, &ready).unwrap()
    }

    /// What is found in the commits after the last one seen.
    fn found(&self) -> Vec<Found> {
        self.found_from(Source::Config, self.repository.head())
    }

    fn told(&self) -> String {
        self.tell(&self.found())
    }

    /// One line for each: in which commit, which file, and what proves it.
    fn tell(&self, found: &[Found]) -> String {
        let line = |found: &Found| {
            let subject = Objects::commit(&self.repository, found.commit).unwrap().subject().to_owned();
            let file = found.path.rsplit('/').next().unwrap_or_default();
            let by = |key: &crate::model::PublicKey| {
                PEOPLE.into_iter().find(|person| self.repository.public_key(person) == *key).unwrap()
            };
            let proof = match &found.proof {
                Proof::Record { key, in_tip, .. } => format!("record of {}, in tip: {in_tip}", by(key)),
                Proof::Merge { ready, key, email, reason, .. } => {
                    format!("{:?} {} merged by {} as {email}: {reason:?}", ready.says, ready.n, by(key))
                }
                Proof::Nothing { why, .. } => format!("nothing: {why}"),
            };
            let subject = subject.replace(&World::plan().short(), "PLAN").replace("countersign/", "");
            format!("[{subject}] {file}: {proof}").replace(&World::plan().short(), "PLAN")
        };
        found.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// A request's file.
fn request(action: &str, maker: &str) -> String {
    let (repository, plan) = (Digest::of("the repository"), World::plan());
    format!(
        "apiVersion: countersign/v1\nkind: Request\nspec:\n  repository: {repository}\n  environment: acme-prod\n  \
         action: {action}\n  plan: {plan}\n  at: null\n  reason: \"\"\n{maker}"
    )
}

/// A record's file.
fn record(verdict: &str, deploy: bool, reason: &str, maker: &str) -> String {
    let repository = Digest::of("the repository");
    let plan = World::plan();
    format!(
        "apiVersion: countersign/v1\nkind: Approval\nspec:\n  repository: {repository}\n  environment: acme-prod\n  \
         plan: {plan}\n  verdict: {verdict}\n  deploy: {deploy}\n  reason: \"{reason}\"\n  acknowledge: []\n{maker}"
    )
}

/// A signed record, made as one would by hand.
fn signed_record(world: &World, person: &str, verdict: &str, reason: &str) -> String {
    let canonical = canonical_json(&json!({
        "apiVersion": "countersign/v1", "kind": "Approval",
        "spec": {
            "repository": Digest::of("the repository"), "environment": "acme-prod", "plan": World::plan(),
            "verdict": verdict, "deploy": false, "reason": reason, "acknowledge": [], "by": person, "previous": null,
        },
    }));
    let pem = sign(&world.repository.key_file(person), STATEMENT_NAMESPACE, &canonical, &[]);
    let pem: String = pem.lines().map(|line| format!("    {line}\n")).collect();
    record(verdict, false, reason, &format!("  by: {person}\n  previous: null\n  signature: |\n{pem}"))
}

fn record_path(name: &str) -> String {
    format!("approvals/acme-prod/{}/{name}.yaml", World::plan().short())
}

impl World {
    /// A signed commit put together by hand; the branch then points to it.
    fn commit_tree(&self, person: &str, tree: Oid, parents: &[Oid], message: &str) -> Oid {
        let (tree, parents) = (tree.to_string(), parents.iter().map(Oid::to_string).collect::<Vec<_>>());
        let mut arguments = vec!["commit-tree", "-S", &tree, "-m", message];
        for parent in &parents {
            arguments.extend(["-p", parent]);
        }
        let id = self.repository.git(person, &arguments);
        self.repository.git(person, &["reset", "-q", "--hard", &id]);
        id.parse().unwrap()
    }
}
