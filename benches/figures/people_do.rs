//! What people do in a generated world, straight in the remote's store: none of it is measured.

use std::collections::BTreeMap;

use countersign::digest::{PlanId, RepositoryId};
use countersign::git::sign::{NewCommit, write_commit};
use countersign::git::store::GitObjects;
use countersign::journal::Journal;
use countersign::model::{Approval, ApprovalVerdict, EnvironmentName, Maker};
use countersign::object::{Edit, Entry, Kind, Mode, Objects, Oid, Overlay, edit_tree};
use countersign::revision::Hashes;
use jiff::Timestamp;

use super::people::{APPROVERS, key};
use super::world::{World, git};

/// A signed commit with these files, on top of another.
pub fn commit(
    objects: &dyn Objects,
    parent: Option<Oid>,
    edits: &BTreeMap<String, String>,
    who: &str,
    time: Timestamp,
) -> Oid {
    let tree = parent.map(|parent| objects.commit(parent).expect("a commit").tree);
    let put = |(path, text): (&String, &String)| {
        let id = objects.write(Kind::Blob, text.as_bytes()).expect("written");
        (path.clone(), Edit::Put(Entry { mode: Mode::File, id }))
    };
    let tree = edit_tree(objects, tree, &edits.iter().map(put).collect()).expect("a tree");
    let (parents, email) = (Vec::from_iter(parent), format!("{who}@x.example"));
    let new = NewCommit { tree, parents: &parents, name: who, email: &email, time, message: "generated" };
    write_commit(objects, &new, Some(key(who))).expect("a commit").0
}

/// The path and the text of somebody's signed word, their first on the plan.
pub fn approval(
    repository: RepositoryId,
    environment: &EnvironmentName,
    plan: PlanId,
    who: &str,
    verdict: ApprovalVerdict,
) -> (String, String) {
    let signed = |signature| Maker::Signed { by: who.parse().expect("a name"), previous: None, signature };
    let mut approval = Approval {
        repository,
        environment: environment.clone(),
        plan,
        verdict,
        deploy: false,
        reason: "read".to_owned(),
        acknowledge: Vec::new(),
        maker: signed(String::new()),
    };
    let signature = key(who).sign("statement-v1@countersign", &approval.signed_bytes()).expect("signed");
    approval.maker = signed(signature);
    (format!("approvals/{environment}/{}/{who}.yaml", plan.short()), approval.to_yaml())
}

impl World {
    /// The tip of a branch of the remote.
    pub fn tip(&self, branch: &str) -> Oid {
        git(&self.remote(), &["rev-parse", &format!("refs/heads/{branch}")]).trim().parse().expect("an id")
    }

    /// Somebody pushes these files to the config branch. Where there are many, what is new comes in one pack, as git leaves it.
    pub fn push(&self, who: &str, edits: &BTreeMap<String, String>) {
        let store = GitObjects::open(&self.remote()).expect("the remote");
        let objects = Overlay::new(&store);
        let now = Timestamp::from_second(Timestamp::now().as_second()).expect("a time");
        let new = commit(&objects, Some(self.tip("main")), edits, who, now);
        objects.keep().expect("written");
        git(&self.remote(), &["update-ref", "refs/heads/main", &new.to_string()]);
    }

    /// The journal as it is on the remote.
    pub fn journal(&self) -> Journal {
        let objects = GitObjects::open(&self.remote()).expect("the remote");
        Journal::read(&objects, &Hashes::default(), self.tip("countersign/journal")).expect("a journal")
    }

    /// Both approve the plan that waits in an environment.
    pub fn approve(&self, environment: &str, plan: PlanId, repository: RepositoryId) {
        let name: EnvironmentName = environment.parse().expect("a name");
        let records = APPROVERS.map(|who| approval(repository, &name, plan, who, ApprovalVerdict::Approve));
        self.push(APPROVERS[0], &records.into_iter().collect());
    }
}
