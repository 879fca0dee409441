//! People who approve, reject and withdraw: by merging a ready-made branch or by a signed record, in time or long after
//! the plan they looked at has ended.

use std::collections::BTreeMap;

use countersign::digest::StatementId;
use countersign::journal::ReadyWord;
use countersign::model::{Approval, ApprovalVerdict, Maker};

use super::chapter::Published;
use super::charter::GOVERNANCE;
use super::content::ENVIRONMENTS;
use super::dice::Dice;
use super::ledger::{Branch, Said};
use super::merger::{self, Word, mergeable};
use super::people::{PEOPLE, key};
use super::world::{Work, World, put};

/// What somebody means to say.
#[derive(Debug, Clone)]
pub struct Meaning {
    pub person: &'static str,
    pub environment: &'static str,
    pub published: Published,
    pub verdict: ApprovalVerdict,
    /// Whether it shall be deployed as well.
    pub deploy: bool,
    /// The key that signs it.
    pub key: &'static str,
}

impl Meaning {
    /// What is merged to say so: that it be deployed as well only where a branch offers it.
    pub fn word(&self, world: &World) -> Word<'_> {
        let Self { environment, published, .. } = self;
        let plain = ReadyWord::ALL.into_iter().find(|says| says.name() == self.verdict.name()).unwrap();
        let both = ReadyWord::ApproveAndDeploy;
        let says = if self.deploy && mergeable(world, published, both).is_some() { both } else { plain };
        Word { environment, published, says }
    }

    fn said(&self, path: String, previous: Option<StatementId>, digest: StatementId) -> Said {
        Said {
            person: self.person,
            environment: self.environment,
            plan: self.published.plan,
            occurrence: self.published.occurrence,
            verdict: self.verdict,
            deploy: self.deploy,
            key: self.key,
            by_record: true,
            digest,
            previous,
            path,
        }
    }
}

/// Somebody looks at a plan, mostly the one that waits, and means something.
pub fn mean(dice: &mut Dice, world: &World) -> Option<Meaning> {
    let law = world.book.environments[GOVERNANCE].current().is_some() && dice.percent(50);
    let environment = if law { GOVERNANCE } else { *dice.pick(&ENVIRONMENTS) };
    let book = &world.book.environments[environment];
    let published = match book.drafts.current().filter(|_| dice.percent(50)).or(book.current()) {
        Some(current) if dice.percent(85) => current.clone(),
        _ if book.published.is_empty() => return None,
        _ => dice.pick(&book.published).clone(),
    };
    let person = if dice.percent(80) { PEOPLE[dice.below(3)] } else { *dice.pick(&PEOPLE) };
    let verdict = match dice.below(100) {
        0..80 => ApprovalVerdict::Approve,
        80..90 => ApprovalVerdict::Reject,
        _ => ApprovalVerdict::Withdraw,
    };
    let manual = environment != GOVERNANCE
        && (book.in_force(&world.ledger, environment).is_manual() || world.ledger.now(environment).is_manual());
    let deploy =
        verdict == ApprovalVerdict::Approve && environment != GOVERNANCE && dice.percent(if manual { 40 } else { 15 });
    // Mostly the key that the policy names; sometimes the one that it named before, or will name.
    let named = world.book.charter().key_of(person).unwrap_or(person);
    let key = if dice.percent(4) { person } else { named };
    Some(Meaning { person, environment, published, verdict, deploy, key })
}

/// Somebody who may rejects what runs or waits in an environment, or takes back what they said on it.
pub fn speak_in(dice: &mut Dice, world: &mut World, environment: &'static str) {
    let book = &world.book.environments[environment];
    let running = book.running.as_ref().map(|running| &running.published);
    let Some(published) = running.or(book.current()).cloned() else { return };
    let person = PEOPLE[dice.below(3)];
    let Some(key) = world.book.charter().key_of(person) else { return };
    let verdict = if dice.percent(70) { ApprovalVerdict::Reject } else { ApprovalVerdict::Withdraw };
    let previous = world.book.chains.get(&(published.plan, person.to_owned())).copied();
    let meaning = Meaning { person, environment, published, verdict, deploy: false, key };
    record(world, &meaning, previous, if dice.percent(80) { Branch::Config } else { Branch::Records });
}

/// Somebody of the team who said nothing yet approves what waits.
fn mean_well(dice: &mut Dice, world: &World) -> Option<Meaning> {
    let waits = |name: &&'static str| world.book.environments[*name].current().is_some();
    let waiting: Vec<&'static str> = ENVIRONMENTS.into_iter().chain([GOVERNANCE]).filter(|name| waits(name)).collect();
    let environment = *waiting.get(dice.below(waiting.len()))?;
    let published = world.book.environments[environment].current()?.clone();
    let spoke = |person: &&str| world.ledger.said().any(|s| s.person == *person && s.plan == published.plan);
    let silent: Vec<&'static str> = PEOPLE[..3].iter().copied().filter(|person| !spoke(person)).collect();
    let person = *silent.get(dice.below(silent.len()))?;
    let key = world.book.charter().key_of(person)?;
    Some(Meaning { person, environment, published, verdict: ApprovalVerdict::Approve, deploy: false, key })
}

pub fn speak(dice: &mut Dice, world: &mut World) {
    let well = if dice.percent(60) { mean_well(dice, world) } else { None };
    let Some(meaning) = well.or_else(|| mean(dice, world)) else { return };
    // A change of the policy takes records, and most people know.
    if dice.percent(if meaning.environment == GOVERNANCE { 10 } else { 50 }) {
        let also = mean(dice, world).filter(|also| dice.percent(15) && also.environment != meaning.environment);
        let also = also.map(|also| Meaning { person: meaning.person, key: meaning.key, ..also });
        merge(world, &[Some(meaning), also].into_iter().flatten().collect::<Vec<_>>());
        return;
    }
    let last = world.ledger.said().filter(|said| said.person == meaning.person && said.plan == meaning.published.plan);
    let own = last.last().map(|said| said.digest);
    let shown = world.book.chains.get(&(meaning.published.plan, meaning.person.to_owned())).copied();
    let previous = if dice.percent(85) { shown } else { own };
    let branch = if dice.percent(80) { Branch::Config } else { Branch::Records };
    record(world, &meaning, previous, branch);
}

/// Merges the newest ready-made commits of what somebody means, as their branches have them, in one signed merge. Gives
/// whether there were any to merge.
pub fn merge(world: &mut World, meanings: &[Meaning]) -> bool {
    let Some(Meaning { person, key, .. }) = meanings.first() else { return false };
    let words: Vec<Word<'_>> = meanings.iter().map(|meaning| meaning.word(world)).collect();
    merger::merge(world, person, key, &words)
}

/// A record that its maker signed.
pub fn signed(world: &World, meaning: &Meaning, previous: Option<StatementId>) -> Approval {
    let mut approval = Approval {
        repository: world.book.repository.unwrap(),
        environment: meaning.environment.parse().unwrap(),
        plan: meaning.published.plan,
        verdict: meaning.verdict,
        deploy: meaning.deploy,
        reason: "looked at it".to_owned(),
        acknowledge: Vec::new(),
        maker: Maker::Signed { by: meaning.person.parse().unwrap(), previous, signature: String::new() },
    };
    let signature = key(meaning.key).sign("statement-v1@countersign", &approval.signed_bytes()).unwrap();
    if let Maker::Signed { signature: place, .. } = &mut approval.maker {
        *place = signature;
    }
    approval
}

/// Commits a signed record.
pub fn record(world: &mut World, meaning: &Meaning, previous: Option<StatementId>, branch: Branch) {
    let Meaning { person, environment, published, verdict, .. } = meaning;
    let approval = signed(world, meaning, previous);
    if world.ledger.said().any(|said| said.digest == approval.digest()) {
        // Word for word what they said before: the same statement, not another.
        return;
    }
    let count = world.ledger.said().count();
    let path = format!("approvals/{environment}/{}/{person}-{count}.yaml", published.plan.short());
    world.note(format!(
        "{person} records {} of {} {environment} on {branch:?}",
        verdict.name(),
        published.plan.short()
    ));
    let said = meaning.said(path.clone(), previous, approval.digest());
    let work = Work {
        author: person,
        signer: None,
        merges: Vec::new(),
        edits: BTreeMap::from([(path, put(&world.objects(), &approval.to_yaml()))]),
        message: format!("{} {}", verdict.name(), published.plan.short()),
    };
    let mut deed = world.deed(vec![said]);
    deed.branch = branch;
    world.commit(work, deed);
}
