//! What a new statement means: chains, rejections first, withdrawals, merged approvals, and what is nobody's.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::digest::{Digest, RepositoryId, RevisionId};
use crate::evidence::Source;
use crate::journal::{Event, FORMAT, Heads, JournalEntry, Layout};
use crate::model::ApprovalVerdict::{Approve, Reject, Withdraw};
use crate::model::{Binding, Glob, Person, PersonKey, Policy, PublicKey};
use crate::object::Oid;
use crate::plan::PlanKind;

/// An office with alice (owner) and bob (reviewer) who approve, mallory who does not, and one plan of `prod`.
struct Office {
    state: State,
    governance: Governance,
    now: Timestamp,
    put_back: BTreeSet<EnvironmentName>,
}

fn key(name: &str) -> PublicKey {
    PublicKey::from_checked("ssh-ed25519", name)
}

fn prod() -> EnvironmentName {
    "prod".parse().expect("a name")
}

fn plan() -> PlanId {
    PlanId(Digest::of("a plan"))
}

fn commit(n: u8) -> Oid {
    Oid::from_bytes([n; 20])
}

impl Office {
    fn new() -> Self {
        let first = JournalEntry {
            format: FORMAT,
            sequence: 0,
            previous: None,
            time: Timestamp::UNIX_EPOCH,
            heads: Heads { config: commit(1), records: None },
            policy: 0,
            events: vec![
                Event::Started {
                    nonce: "0".repeat(32),
                    journal: "countersign/journal".to_owned(),
                    branch: "main".to_owned(),
                    root: "/".to_owned(),
                    layout: Layout::Flat,
                    prefix: "countersign".to_owned(),
                    policy: RevisionId(Digest::of("policy")),
                },
                Event::PolicyAdmitted { version: 1, revision: RevisionId(Digest::of("policy")), commit: commit(1) },
            ],
            files: BTreeMap::new(),
        };
        let people = ["alice", "bob", "mallory"].map(|name| {
            let name: PersonName = name.parse().expect("a name");
            let keys = vec![PersonKey { key: key(name.as_str()), valid_until: None }];
            (name.clone(), Person { emails: vec![format!("{name}@x.example")], name, keys })
        });
        let binding = |role: &str, user: &str| Binding {
            role: role.parse().expect("a name"),
            users: [user.parse().expect("a name")].into(),
            teams: Default::default(),
            environments: vec![Glob::parse("*").expect("a glob")],
        };
        let policy = Policy {
            rulesets: Vec::new(),
            default_require_approval: true,
            default_rulesets: Vec::new(),
            minimum: Vec::new(),
            roles: BTreeMap::new(),
            bindings: vec![binding("owner", "alice"), binding("reviewer", "bob"), binding("developer", "mallory")],
            journal_keys: Vec::new(),
        };
        let governance =
            Governance { policy, people: people.into(), teams: BTreeMap::new(), rulesets: BTreeMap::new() };
        let mut office = Self {
            state: State::begin(&first).expect("a first entry"),
            governance,
            now: Timestamp::UNIX_EPOCH,
            put_back: BTreeSet::new(),
        };
        office.happens(Event::Planned {
            environment: prod(),
            plan: plan(),
            number: 1,
            round: 1,
            kind: PlanKind::Create,
            base: None,
            revision: Some(RevisionId(Digest::of("v1"))),
            commit: commit(1),
            truncated: false,
            contributors: Vec::new(),
            imports: Default::default(),
            removes: Some(Default::default()),
            carries: Vec::new(),
        });
        office
    }

    /// One more entry with this event.
    fn happens(&mut self, event: Event) -> &mut Self {
        self.state.open_entry(self.now, Heads { config: commit(1), records: None });
        self.state.fold(&event).expect("an event that follows");
        self
    }

    /// A ready-made commit is published.
    fn publishes(&mut self, says: ReadyWord, n: u64) -> ReadyMade {
        let id = commit(100 + 10 * says as u8 + u8::try_from(n).expect("few"));
        let ready = ReadyMade {
            environment: prod(),
            plan: plan(),
            says,
            n,
            commit: id,
            branch: format!("countersign/{}/prod/{}", says.name(), plan().short()),
            path: format!("{}/prod/{}/{}-{n}.yaml", says.folder(), plan().short(), says.name()),
            blob: commit(2),
        };
        self.happens(Event::Ready(ready.clone()));
        ready
    }

    /// Judges these, folds the judgements, and gives what became of each in the order judged.
    fn hears(&mut self, found: &[Found]) -> Vec<(String, String)> {
        let judged = admit(
            &Facts { state: &self.state, governance: &self.governance, now: self.now, put_back: &self.put_back },
            found,
        );
        let mut told = Vec::new();
        self.state.open_entry(self.now, Heads { config: commit(1), records: None });
        for judged in judged {
            self.state.fold(&Event::Statement(judged.clone())).expect("a judgement that follows");
            let verdict = judged.verdict.map_or("?", ApprovalVerdict::name);
            let by = judged.by.as_ref().map_or("?", |by| by.as_str());
            let what = match &judged.admitted {
                Admission::Admitted => "admitted".to_owned(),
                Admission::Powerless { why } => format!("powerless: {why}"),
                Admission::Refused { why, .. } => format!("refused: {why}"),
            };
            told.push((format!("{by} {verdict}"), what));
        }
        told
    }

    /// As [`Office::hears`], of one statement.
    #[track_caller]
    fn hears_one(&mut self, found: Found) -> String {
        let told = self.hears(&[found]);
        assert_eq!(told.len(), 1, "{told:?}");
        told.into_iter().next().expect("one").1
    }

    fn record(&self, by: &str, verdict: ApprovalVerdict, previous: Option<StatementId>) -> Found {
        let approval = Approval {
            repository: self.state.repository,
            environment: prod(),
            plan: plan(),
            verdict,
            deploy: false,
            reason: String::new(),
            acknowledge: Vec::new(),
            maker: Maker::Signed { by: by.parse().expect("a name"), previous, signature: String::new() },
        };
        said(approval, by)
    }
}

/// A record in the folder where it belongs, signed with the key of `signer`.
fn said(approval: Approval, signer: &str) -> Found {
    let digest = approval.digest();
    let bytes = format!("{} signed with {signer}", approval.to_yaml()).into_bytes();
    let proof =
        Proof::Record { digest, statement: Statement::Approval(approval), key: key(signer), in_tip: true, bytes };
    Found {
        commit: commit(9),
        source: Source::Config,
        path: "approvals/prod/x.yaml".to_owned(),
        folder: Some(prod()),
        proof,
    }
}

fn merged(ready: &ReadyMade, signer: &str, email: &str, nth: u8) -> Found {
    let proof = Proof::Merge {
        digest: StatementId(Digest::of([nth])),
        ready: ready.clone(),
        key: key(signer),
        email: email.to_owned(),
        reason: String::new(),
    };
    Found { commit: commit(nth), source: Source::Config, path: ready.path.clone(), folder: Some(prod()), proof }
}

fn gone(mut found: Found) -> Found {
    if let Proof::Record { in_tip, .. } = &mut found.proof {
        *in_tip = false;
    }
    found
}

fn changed(mut found: Found, change: impl FnOnce(&mut Approval)) -> Found {
    if let Proof::Record { digest, statement: Statement::Approval(approval), .. } = &mut found.proof {
        change(approval);
        *digest = approval.digest();
    }
    found
}

fn digest_of(found: &Found) -> StatementId {
    match &found.proof {
        Proof::Record { digest, .. } | Proof::Merge { digest, .. } | Proof::Nothing { digest, .. } => *digest,
    }
}

#[test]
fn a_first_statement_names_none_before_it() {
    let mut office = Office::new();
    assert_eq!(office.hears_one(office.record("alice", Approve, None)), "admitted");
    let mut office = Office::new();
    let wrong = office.record("alice", Approve, Some(StatementId(Digest::of("what?"))));
    assert_eq!(
        office.hears_one(wrong),
        "refused: its `previous` is not alice's last statement on this plan (there is none: null)"
    );
}

#[test]
fn each_statement_is_judged_once() {
    let mut office = Office::new();
    let approval = office.record("alice", Approve, None);
    assert_eq!(office.hears(&[approval.clone(), approval.clone()]).len(), 1);
    assert_eq!(office.hears(&[approval]).len(), 0);
}

#[test]
fn a_chain_in_one_push_is_judged_in_its_own_order() {
    let mut office = Office::new();
    let first = office.record("alice", Approve, None);
    let second = office.record("alice", Withdraw, Some(digest_of(&first)));
    let third = changed(office.record("alice", Approve, Some(digest_of(&second))), |a| a.reason = "again".to_owned());
    let told = office.hears(&[third, second, first]);
    let words: Vec<_> = told.iter().map(|(who, what)| format!("{who} {what}")).collect();
    assert_eq!(words, ["alice approve admitted", "alice withdraw admitted", "alice approve admitted"]);
}

#[test]
fn an_old_approval_does_not_follow_a_later_statement() {
    let mut office = Office::new();
    let first = office.record("alice", Approve, None);
    let second = office.record("alice", Withdraw, Some(digest_of(&first)));
    office.hears(&[first, second]);
    let stale = changed(office.record("alice", Approve, None), |approval| approval.reason = "before".to_owned());
    assert!(office.hears_one(stale).starts_with("refused: its `previous` is not alice's last statement"));
}

#[test]
fn of_two_with_one_previous_the_rejection_wins() {
    for turn in [false, true] {
        let mut office = Office::new();
        let mut both = vec![office.record("alice", Approve, None), office.record("alice", Reject, None)];
        if turn {
            both.reverse();
        }
        let told = office.hears(&both);
        assert_eq!(told[0], ("alice reject".to_owned(), "admitted".to_owned()));
        assert!(told[1].1.starts_with("refused: "), "{told:?}");
    }
}

#[test]
fn between_people_rejections_come_first() {
    let mut office = Office::new();
    let found = [office.record("alice", Approve, None), office.record("bob", Reject, None)];
    let told = office.hears(&found);
    assert_eq!(told.iter().map(|(who, _)| who.as_str()).collect::<Vec<_>>(), ["bob reject", "alice approve"]);
}

#[test]
fn a_rejection_counts_whatever_it_names_and_though_it_is_gone() {
    let mut office = Office::new();
    let rejection = gone(office.record("alice", Reject, Some(StatementId(Digest::of("what?")))));
    assert_eq!(office.hears_one(rejection), "admitted");
}

#[test]
fn an_approval_that_is_gone_gives_nothing_and_still_moves_the_chain() {
    let mut office = Office::new();
    let first = gone(office.record("alice", Approve, None));
    let digest = digest_of(&first);
    assert_eq!(office.hears_one(first), "powerless: its record was gone from the branch when it was first seen");
    let again = changed(office.record("alice", Approve, None), |approval| approval.reason = "again".to_owned());
    assert!(office.hears_one(again).starts_with("refused: "));
    let right = office.record("alice", Approve, Some(digest));
    assert_eq!(office.hears_one(right), "admitted");
}

#[test]
fn a_withdrawal_of_an_approval_takes_effect_whatever_it_names() {
    let mut office = Office::new();
    office.hears_one(office.record("alice", Approve, None));
    let out_of_order = gone(office.record("alice", Withdraw, Some(StatementId(Digest::of("what?")))));
    assert_eq!(office.hears_one(out_of_order), "admitted");
}

#[test]
fn a_withdrawal_of_a_rejection_must_name_it_and_be_there() {
    let mut office = Office::new();
    let rejection = office.record("alice", Reject, None);
    let digest = digest_of(&rejection);
    office.hears_one(rejection);
    assert!(office.hears_one(office.record("alice", Withdraw, None)).starts_with("refused: its `previous`"));
    let ready = office.publishes(ReadyWord::Withdraw, 1);
    let told = office.hears_one(merged(&ready, "alice", "alice@x.example", 50));
    assert_eq!(told, "refused: taking back a rejection must name it, which a merge cannot");
    let missing = gone(changed(office.record("alice", Withdraw, Some(digest)), |a| a.reason = "gone".to_owned()));
    let last = digest_of(&missing);
    assert!(office.hears_one(missing).starts_with("powerless: "));
    assert_eq!(office.hears_one(office.record("alice", Withdraw, Some(last))), "admitted");
}

#[test]
fn an_approval_does_not_replace_ones_own_rejection() {
    let mut office = Office::new();
    let rejection = office.record("alice", Reject, None);
    let digest = digest_of(&rejection);
    office.hears_one(rejection);
    let told = office.hears_one(office.record("alice", Approve, Some(digest)));
    assert_eq!(told, "refused: alice rejected this plan and did not take that back");
}

#[test]
fn nobody_takes_back_what_somebody_else_said() {
    let mut office = Office::new();
    let approval = office.record("alice", Approve, None);
    let digest = digest_of(&approval);
    office.hears_one(approval);
    let told = office.hears_one(office.record("bob", Withdraw, None));
    assert_eq!(told, "powerless: there is nothing of yours to take back");
    let told = office.hears_one(office.record("mallory", Withdraw, Some(digest)));
    assert!(told.starts_with("refused: its `previous` is not mallory's"), "{told}");
}

/// Which key it was is told as well.
#[track_caller]
fn expect_nobodys_key(told: &str, what: &str) {
    assert!(told.starts_with(&format!("refused: the key that signed {what} (")), "{told}");
    assert!(told.ends_with(") belongs to nobody in the policy"), "{told}");
}

#[test]
fn without_approve_statements_are_powerless() {
    let mut office = Office::new();
    for verdict in [Approve, Reject] {
        let mut office = Office::new();
        let told = office.hears_one(office.record("mallory", verdict, None));
        assert_eq!(told, "powerless: mallory does not hold `approve` in prod");
    }
    let known = office.governance.people.get_mut("mallory").expect("a person");
    known.keys.clear();
    let told = office.hears_one(office.record("mallory", Approve, None));
    expect_nobodys_key(&told, "it");
}

#[test]
fn what_is_somebody_elses_does_not_use_a_statement_up() {
    let mut office = Office::new();
    let rejection = office.record("bob", Reject, None);
    let copy = |signer: &str| match &rejection.proof {
        Proof::Record { statement: Statement::Approval(approval), .. } => said(approval.clone(), signer),
        _ => unreachable!(),
    };
    assert_eq!(office.hears_one(copy("mallory")), "refused: it says `bob` but is signed with a key of mallory");
    expect_nobodys_key(&office.hears_one(copy("stranger")), "it");
    let misplaced = Found { folder: None, ..rejection.clone() };
    assert_eq!(office.hears_one(misplaced), "refused: it lies in the folder of another environment than `prod`");
    assert_eq!(office.hears_one(rejection), "admitted");
}

#[test]
fn another_repository_or_plan_is_refused() {
    let mut office = Office::new();
    let fork = changed(office.record("alice", Approve, None), |a| a.repository = RepositoryId(Digest::of("a fork")));
    assert!(office.hears_one(fork).starts_with("refused: it is for another repository"));
    let other = changed(office.record("alice", Approve, None), |a| a.plan = PlanId(Digest::of("another plan")));
    assert!(office.hears_one(other).contains("is not open: it ended, or never was"));
}

#[test]
fn a_key_is_valid_by_the_daemons_clock_alone() {
    let mut office = Office::new();
    let until = Timestamp::UNIX_EPOCH;
    office.governance.people.get_mut("alice").expect("a person").keys[0].valid_until = Some(until);
    let told = office.hears_one(office.record("alice", Approve, None));
    assert_eq!(told, "refused: the key that signed it was valid until 1970-01-01T00:00:00Z");
    office.now = Timestamp::from_second(-1).expect("a time");
    assert_eq!(office.hears_one(office.record("alice", Approve, None)), "admitted");
}

#[test]
fn a_merge_counts_for_whose_key_signed_it_and_whose_address_it_has() {
    let mut office = Office::new();
    let ready = office.publishes(ReadyWord::Approve, 1);
    let told = office.hears_one(merged(&ready, "mallory", "alice@x.example", 50));
    assert_eq!(told, "refused: the merge is signed by mallory but its author is <alice@x.example>");
    let told = office.hears_one(merged(&ready, "stranger", "alice@x.example", 51));
    expect_nobodys_key(&told, "the merge");
    assert_eq!(office.hears_one(merged(&ready, "alice", "Alice@X.example", 52)), "admitted");
}

#[test]
fn a_merged_approval_is_void_if_it_was_published_before_its_makers_newest_statement() {
    let mut office = Office::new();
    let (old, withdraw) = (office.publishes(ReadyWord::Approve, 1), office.publishes(ReadyWord::Withdraw, 1));
    assert_eq!(office.hears_one(merged(&old, "alice", "alice@x.example", 50)), "admitted");
    let (newer, stale) = (office.publishes(ReadyWord::Withdraw, 2), office.publishes(ReadyWord::Approve, 2));
    // The withdrawal that was published before the approval was seen still takes effect …
    assert_eq!(office.hears_one(merged(&withdraw, "alice", "alice@x.example", 51)), "admitted");
    // … but an approval that was, does not return.
    let told = office.hears_one(merged(&stale, "alice", "alice@x.example", 52));
    assert_eq!(told, "refused: the branch it merged was made before alice's newest statement on this plan");
    let told = office.hears_one(merged(&newer, "alice", "alice@x.example", 53));
    assert!(!told.starts_with("admitted"), "nothing is left to take back: {told}");
    let next = office.publishes(ReadyWord::Approve, 3);
    assert_eq!(office.hears_one(merged(&next, "alice", "alice@x.example", 54)), "admitted");
    // bob never said anything: the oldest branch serves him.
    assert_eq!(office.hears_one(merged(&old, "bob", "bob@x.example", 55)), "admitted");
}

#[test]
fn a_merged_rejection_is_never_void() {
    let mut office = Office::new();
    let (approve, reject) = (office.publishes(ReadyWord::Approve, 1), office.publishes(ReadyWord::Reject, 1));
    assert_eq!(office.hears_one(merged(&approve, "alice", "alice@x.example", 50)), "admitted");
    assert_eq!(office.hears_one(merged(&reject, "alice", "alice@x.example", 51)), "admitted");
}

#[test]
fn what_proves_nothing_is_told_with_what_would_count() {
    let mut office = Office::new();
    let ready = office.publishes(ReadyWord::Approve, 1);
    let proof = Proof::Nothing {
        digest: StatementId(Digest::of("x")),
        statement: None,
        ready: Some(ready.clone()),
        why: "it is not signed".to_owned(),
    };
    let found = Found { commit: commit(9), source: Source::Config, path: ready.path.clone(), folder: None, proof };
    let facts =
        Facts { put_back: &BTreeSet::new(), state: &office.state, governance: &office.governance, now: office.now };
    let judged = admit(&facts, std::slice::from_ref(&found));
    let Admission::Refused { why, hint } = &judged[0].admitted else { panic!("{judged:?}") };
    assert_eq!((why.as_str(), hint.as_str()), ("it is not signed", merge_command(&ready.branch).as_str()));
    assert_eq!(office.hears(&[found]).len(), 1);
}

#[test]
fn junk_outside_any_environments_folder_is_nobodys_business() {
    let mut office = Office::new();
    let proof =
        Proof::Nothing { digest: StatementId(Digest::of("x")), statement: None, ready: None, why: "junk".to_owned() };
    let junk = |folder: Option<&str>| Found {
        commit: commit(9),
        source: Source::Config,
        path: "approvals/x.yaml".to_owned(),
        folder: folder.map(|name| name.parse().expect("a name")),
        proof: proof.clone(),
    };
    assert_eq!(office.hears(&[junk(None)]).len(), 0);
    assert_eq!(office.hears(&[junk(Some("nowhere"))]).len(), 1);
    assert!(!office.state.environments.contains_key("nowhere"), "a folder makes no environment");
}

#[test]
fn a_plan_with_the_short_name_of_another_is_never_on_the_journal() {
    let mut office = Office::new();
    let twin: Digest = format!("{}{}", &plan().to_string()[..7 + 12], "0".repeat(52)).parse().expect("a digest");
    let twin = PlanId(twin);
    assert!(twin != plan() && twin.short() == plan().short());
    office.state.open_entry(office.now, Heads { config: commit(1), records: None });
    let refused = office.state.fold(&Event::Planned {
        environment: prod(),
        plan: twin,
        number: 1,
        round: 1,
        kind: PlanKind::Create,
        base: None,
        revision: Some(RevisionId(Digest::of("v1"))),
        commit: commit(1),
        truncated: false,
        contributors: Vec::new(),
        imports: Default::default(),
        removes: Some(Default::default()),
        carries: Vec::new(),
    });
    let what = refused.expect_err("a clash").to_string();
    assert!(what.contains("are both named"), "{what}");
}

#[test]
fn a_merged_request_to_deploy_follows_its_makers_last_word_in_the_environment() {
    let mut office = Office::new();
    let (approve, old) = (office.publishes(ReadyWord::Approve, 1), office.publishes(ReadyWord::Deploy, 1));
    assert_eq!(office.hears_one(merged(&approve, "alice", "alice@x.example", 50)), "admitted");
    let told = office.hears_one(merged(&old, "alice", "alice@x.example", 51));
    assert_eq!(told, "refused: the branch it merged was made before alice's newest statement in prod");
    let next = office.publishes(ReadyWord::Deploy, 2);
    assert_eq!(office.hears_one(merged(&next, "alice", "alice@x.example", 52)), "admitted");
    // Another object with the same words, as anybody can make of some signatures.
    let told = office.hears_one(merged(&next, "alice", "alice@x.example", 53));
    assert_eq!(told, "refused: alice merged this ready-made commit before");
}

#[test]
fn what_is_published_with_the_judgement_of_a_word_comes_after_it() {
    let mut office = Office::new();
    let approve = office.publishes(ReadyWord::Approve, 1);
    assert_eq!(office.hears_one(merged(&approve, "alice", "alice@x.example", 50)), "admitted");
    // In the entry that judged it, as the daemon does once the rules are met.
    let deploy = ReadyMade {
        says: ReadyWord::Deploy,
        commit: commit(200),
        path: "requests/prod/x/deploy-1.yaml".to_owned(),
        ..approve
    };
    office.state.fold(&Event::Ready(deploy.clone())).expect("an event that follows");
    assert_eq!(office.hears_one(merged(&deploy, "alice", "alice@x.example", 51)), "admitted");
}
