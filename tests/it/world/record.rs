//! Records signed by hand: what `ssh-keygen` makes of the documented bytes, right or wrong in one thing at a time.

use std::io::Write as _;
use std::process::Stdio;

use countersign::digest::{PlanId, RepositoryId, StatementId};
use countersign::model::{Approval, ApprovalVerdict, Maker};

use super::World;

/// The namespace of a statement's signature.
const NAMESPACE: &str = "statement-v1@countersign";

/// A statement to be signed.
#[derive(Debug, Clone)]
pub struct Record {
    approval: Approval,
    previous: Option<StatementId>,
    key: String,
    namespace: String,
    path: Option<String>,
}

impl Record {
    /// Anything else that the statement says.
    pub fn saying(mut self, change: impl FnOnce(&mut Approval)) -> Self {
        change(&mut self.approval);
        self
    }

    /// Another plan.
    pub fn plan(self, plan: PlanId) -> Self {
        self.saying(|approval| approval.plan = plan)
    }

    /// Another repository.
    pub fn repository(self, repository: RepositoryId) -> Self {
        self.saying(|approval| approval.repository = repository)
    }

    /// That the preview was cut.
    pub fn acknowledging_truncation(self) -> Self {
        self.saying(|approval| approval.acknowledge = vec!["truncated".to_owned()])
    }

    /// The statement before this one.
    pub fn previous(mut self, previous: StatementId) -> Self {
        self.previous = Some(previous);
        self
    }

    /// Signed with the key of another name.
    pub fn signed_with(mut self, key: &str) -> Self {
        self.key = key.to_owned();
        self
    }

    /// Signed for another purpose.
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.to_owned();
        self
    }

    /// Put somewhere else.
    pub fn path(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }
}

impl World {
    /// A statement of a person on the pending plan of an environment, the first of this person.
    #[track_caller]
    pub fn record(&self, who: &str, environment: &str, verdict: ApprovalVerdict) -> Record {
        let plan = self.status(environment).plan;
        let plan = plan.unwrap_or_else(|| panic!("{environment} has no plan\n{}", self.said())).digest;
        self.record_on(who, environment, plan, verdict)
    }

    /// As [`World::record`], on this plan.
    #[track_caller]
    pub fn record_on(&self, who: &str, environment: &str, plan: PlanId, verdict: ApprovalVerdict) -> Record {
        let status = self.status(environment);
        let by = who.parse().expect("a name");
        Record {
            approval: Approval {
                repository: status.repository,
                environment: status.environment,
                plan,
                verdict,
                deploy: false,
                reason: "looked at".to_owned(),
                acknowledge: Vec::new(),
                maker: Maker::Signed { by, previous: None, signature: String::new() },
            },
            previous: None,
            key: who.to_owned(),
            namespace: NAMESPACE.to_owned(),
            path: None,
        }
    }

    /// Signs a record; its digest and the text of its file.
    #[track_caller]
    pub fn sign(&self, record: &Record) -> (StatementId, String) {
        let mut approval = record.approval.clone();
        let Maker::Signed { by, .. } = &approval.maker else { panic!("nobody signs a ready-made record") };
        let by = by.clone();
        approval.maker = Maker::Signed { by: by.clone(), previous: record.previous, signature: String::new() };
        let signature = self.ssh_sign(&record.key, &record.namespace, &approval.signed_bytes());
        approval.maker = Maker::Signed { by, previous: record.previous, signature };
        (approval.digest(), approval.to_yaml())
    }

    /// A signature by `ssh-keygen -Y sign`.
    #[track_caller]
    pub fn ssh_sign(&self, key: &str, namespace: &str, bytes: &[u8]) -> String {
        let mut command = self.command("ssh-keygen");
        command.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(self.at(format!("{key}.key")));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("ssh-keygen runs");
        child.stdin.take().expect("a pipe").write_all(bytes).expect("written");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Writes a record into a clone, without committing it; its digest.
    #[track_caller]
    pub fn put_record(&self, who: &str, record: &Record) -> StatementId {
        let (digest, text) = self.sign(record);
        let approval = &record.approval;
        let name = format!("{}.yaml", digest.0.short());
        let usual = format!("approvals/{}/{}/{name}", approval.environment, approval.plan.short());
        self.write(who, record.path.as_deref().unwrap_or(&usual), text);
        digest
    }

    /// Signs a record and pushes it from a person's clone.
    #[track_caller]
    pub fn say(&mut self, who: &str, record: &Record) -> &mut Self {
        self.pull(who);
        self.put_record(who, record);
        self.push(who)
    }

    /// Signs a record and pushes it to `countersign/records`.
    #[track_caller]
    pub fn say_on_records(&mut self, who: &str, record: &Record) -> &mut Self {
        self.pull(who);
        self.put_record(who, record);
        self.shell(who, "git add --all && git commit --quiet -m record");
        self.shell(who, "git push --quiet origin HEAD:countersign/records && git reset --quiet --hard origin/main");
        self
    }

    /// An approval by signed record.
    #[track_caller]
    pub fn approve_by_record(&mut self, who: &str, environment: &str) -> &mut Self {
        let record = self.record(who, environment, ApprovalVerdict::Approve);
        self.say(who, &record)
    }

    /// A rejection by signed record.
    #[track_caller]
    pub fn reject_by_record(&mut self, who: &str, environment: &str) -> &mut Self {
        let record = self.record(who, environment, ApprovalVerdict::Reject);
        self.say(who, &record)
    }
}
