//! What the journal says of drafts, and when what was said about the plan of one goes on: as long as nothing else was planned,
//! done, closed or reopened there between the moment that it was told and the moment that it became the config branch's.

use std::collections::BTreeSet;

use countersign::digest::{PlanId, RevisionId};
use countersign::journal::Event;
use countersign::object::Oid;

use super::book::News;
use super::carried::makers;
use super::chapter::{EnvironmentBook, Published};
use super::people::{PEOPLE, email};
use super::world::World;

/// The times at which something was the plan of a draft are counted from here: no occurrence on the config branch is as late.
pub const FIRST: u64 = 1 << 32;

/// What people pushed to drafts.
#[derive(Debug, Clone, Default)]
pub struct DraftDeed {
    /// Everybody who says that they had a hand in it, in this commit or one below it.
    pub hands: BTreeSet<&'static str>,
    /// The keys that signed these commits.
    pub signatures: Vec<Option<&'static str>>,
}

/// The plans of an environment's drafts.
#[derive(Debug, Clone, Default)]
pub struct Drafts {
    pub told: Vec<Drafted>,
    /// The one that can be approved.
    pub current: Option<usize>,
}

/// A plan of a draft.
#[derive(Debug, Clone)]
pub struct Drafted {
    pub published: Published,
    /// The draft's tip.
    pub tip: Oid,
    /// The revision of what was open on the config branch beside it.
    beside: Option<Option<RevisionId>>,
    pub ended: bool,
}

impl Drafts {
    /// The plan that people can look at.
    pub fn current(&self) -> Option<&Published> {
        self.current.map(|at| &self.told[at]).filter(|told| !told.ended).map(|told| &told.published)
    }

    /// The newest of this digest.
    pub fn find(&mut self, plan: PlanId) -> Option<&mut Published> {
        self.told.iter_mut().rev().find(|told| told.published.plan == plan).map(|told| &mut told.published)
    }

    /// The number was consumed, or the change dropped: what was said on drafts counts no more.
    pub fn end(&mut self) {
        self.told.iter_mut().for_each(|told| told.ended = true);
    }

    /// Something is planned on the config branch. Gives the plan of a draft that this is, if it is one.
    pub fn planned(&mut self, plan: PlanId, revision: Option<RevisionId>) -> Option<Published> {
        let mine = self.told.iter().rev().find(|told| told.published.plan == plan && !told.ended);
        let mine = mine.map(|told| told.published.clone());
        for told in &mut self.told {
            // The same change whose host is another now is no other: what was said counts once it is as it was again.
            let is_other = told.published.revision != revision && told.beside != Some(revision);
            told.ended |= told.published.plan == plan || is_other;
        }
        mine
    }
}

impl EnvironmentBook {
    /// Follows what is told of a draft.
    pub fn follow_draft(&mut self, name: &'static str, event: &Event, place: usize) -> Option<News> {
        match event {
            Event::DraftPlanned { plan, commit, draft, contributors, .. } => {
                let beside = self.current().map(|open| open.revision);
                let named = contributors.iter().map(|one| one.email.clone());
                let known = self.drafts.told.iter().position(|told| told.published.plan == *plan && !told.ended);
                let at = known.unwrap_or(self.drafts.told.len());
                if known.is_none() {
                    let published = Published::told(event, (FIRST + at as u64, self.change), place)?;
                    self.drafts.told.push(Drafted { published, tip: *draft, beside, ended: false });
                }
                let told = &mut self.drafts.told[at];
                (told.tip, told.published.commit) = (*draft, *commit);
                told.published.makers = makers(contributors);
                told.published.named.extend(named);
                self.drafts.current = Some(at);
                Some(News::Drafted { environment: name, at })
            }
            Event::DraftUnplanned { .. } => {
                self.drafts.current = None;
                None
            }
            _ => None,
        }
    }
}

impl Published {
    /// Whoever worked on a draft, going by what its plan names, and on those before it.
    pub fn workers(&self) -> impl Iterator<Item = &'static str> {
        let named = PEOPLE.into_iter().filter(|person| self.named.contains(&email(person)));
        named.chain(self.drafted_by.iter().copied())
    }

    /// Whether who said something about this plan then said it about this one.
    pub fn covers(&self, plan: PlanId, occurrence: u64) -> bool {
        plan == self.plan && (occurrence == self.occurrence || self.also.contains(&occurrence))
    }

    /// The plan of a draft became this one: what was said on it goes on, and whoever it named stays a contributor.
    pub fn follow_draft(&mut self, draft: Published, place: usize) {
        self.drafted_by.extend(draft.workers());
        self.also.extend(draft.also);
        self.also.insert(draft.occurrence);
        self.ready.extend(draft.ready);
        if draft.makers != self.makers {
            self.renewed = place;
        }
    }
}

impl World {
    /// Everybody who worked on a draft is named by its plan, and whoever worked on the rest of the change.
    pub fn check_drafted(&self, environment: &'static str, at: usize) -> Result<(), String> {
        let Drafted { published, tip, .. } = &self.book.environments[environment].drafts.told[at];
        let charter = self.book.charter();
        let Some(draft) = self.ledger.drafts.get(tip) else {
            return Err(format!("{environment}: the draft {tip} is planned, which nobody pushed"));
        };
        let signers = draft.signatures.iter().flatten().filter_map(|key| charter.owner_of(key));
        let mut hands: BTreeSet<&str> = draft.hands.iter().copied().chain(signers).collect();
        hands.extend(self.contributors(environment, published, published.commit, &charter));
        match hands.iter().find(|hand| !published.named.contains(&email(hand))) {
            Some(hand) => Err(format!(
                "{environment}: {} of the draft does not name {hand}, who contributed",
                published.plan.short()
            )),
            None => Ok(()),
        }
    }
}
