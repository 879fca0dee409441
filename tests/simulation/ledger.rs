//! The history of the config and records branches as those who made it know it: what each commit changed, who had a
//! hand in it, and what it says if it says anything. The model judges by this and never reads it back out of git.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use countersign::digest::{PlanId, StatementId};
use countersign::model::ApprovalVerdict;
use countersign::object::Oid;

use super::charter::{Charter, GOVERNANCE};
use super::content::Content;
use super::drafts::DraftDeed;
use super::process::{CONFIG, RECORDS};
use super::request::Asked;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branch {
    Config,
    Records,
}

impl Branch {
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => CONFIG,
            Self::Records => RECORDS,
        }
    }
}

/// One commit.
#[derive(Debug, Clone)]
pub struct Deed {
    pub branch: Branch,
    /// What every environment is after it.
    pub contents: BTreeMap<&'static str, Content>,
    /// What the policy is after it.
    pub charter: Charter,
    /// Everybody who says that they had a hand in it.
    pub hands: BTreeSet<&'static str>,
    /// The environments whose folder it changed; the policy is one of them.
    pub touched: BTreeSet<&'static str>,
    /// The key that signed each commit that it is made of; nothing for one without a good signature.
    pub signatures: Vec<Option<&'static str>>,
    /// What it says, with evidence that must be accepted; nothing where the evidence is bad. Several things where
    /// several ready-made commits are merged at once.
    pub said: Vec<Said>,
    /// What it asks for, likewise.
    pub asked: Vec<Asked>,
}

/// A statement with good evidence.
#[derive(Debug, Clone)]
pub struct Said {
    pub person: &'static str,
    pub environment: &'static str,
    pub plan: PlanId,
    /// Which occurrence of a change its maker had before their eyes: see [`crate::book`].
    pub occurrence: u64,
    pub verdict: ApprovalVerdict,
    /// Whether it asks for the deployment too.
    pub deploy: bool,
    /// The key that signed it.
    pub key: &'static str,
    pub by_record: bool,
    pub digest: StatementId,
    pub previous: Option<StatementId>,
    pub path: String,
}

#[derive(Default)]
pub struct Ledger {
    deeds: Vec<Deed>,
    commits: HashMap<Oid, usize>,
    /// Records that somebody deleted or changed.
    pub spoiled: BTreeSet<String>,
    /// The commits of drafts.
    pub drafts: HashMap<Oid, DraftDeed>,
}

impl Ledger {
    pub fn add(&mut self, commit: Oid, deed: Deed) {
        self.commits.insert(commit, self.deeds.len());
        self.deeds.push(deed);
    }

    pub fn place(&self, commit: Oid) -> usize {
        *self.commits.get(&commit).unwrap_or_else(|| panic!("{commit} is no commit that anybody made"))
    }

    /// What an environment is at a config commit.
    pub fn content(&self, commit: Oid, environment: &str) -> Content {
        self.deeds[self.place(commit)].contents[environment]
    }

    /// What the policy is at a config commit.
    pub fn charter(&self, commit: Oid) -> Charter {
        self.deeds[self.place(commit)].charter
    }

    /// What the policy shall be by now.
    pub fn charter_now(&self) -> Charter {
        self.deeds.last().unwrap().charter
    }

    /// Every policy that was ever pushed.
    pub fn charters(&self) -> Vec<Charter> {
        self.deeds.iter().map(|deed| deed.charter).collect()
    }

    /// Whether two config commits have the same in a place.
    pub fn is_same(&self, place: &str, one: Oid, other: Oid) -> bool {
        match place {
            GOVERNANCE => self.charter(one) == self.charter(other),
            _ => self.content(one, place) == self.content(other, place),
        }
    }

    /// What it is now.
    pub fn now(&self, environment: &str) -> Content {
        self.deeds.last().unwrap().contents[environment]
    }

    /// What every environment is now.
    pub fn all_now(&self) -> BTreeMap<&'static str, Content> {
        self.deeds.last().unwrap().contents.clone()
    }

    /// Everything an environment ever was.
    pub fn ever(&self, environment: &str) -> Vec<Content> {
        self.deeds.iter().map(|deed| deed.contents[environment]).collect()
    }

    /// Everything that was said, in the order in which it was.
    pub fn said(&self) -> impl Iterator<Item = &Said> {
        self.deeds.iter().flat_map(|deed| &deed.said)
    }

    /// What is said in the history of these tips.
    pub fn visible(&self, tips: (Oid, Option<Oid>)) -> impl Iterator<Item = &Said> {
        self.visible_deeds(tips).flat_map(|(_, deed)| &deed.said)
    }

    /// What is asked for in the history of these tips, each with its place in time.
    pub fn asked(&self, tips: (Oid, Option<Oid>)) -> impl Iterator<Item = (usize, &Asked)> {
        self.visible_deeds(tips).flat_map(|(at, deed)| deed.asked.iter().map(move |asked| (at, asked)))
    }

    /// Everything that was ever asked for.
    pub fn ever_asked(&self) -> impl Iterator<Item = &Asked> {
        self.deeds.iter().flat_map(|deed| &deed.asked)
    }

    /// Whether a statement was made by merging.
    pub fn is_merge(&self, statement: StatementId) -> bool {
        let said = self.said().map(|said| (said.digest, said.by_record));
        let mut all = said.chain(self.ever_asked().map(|asked| (asked.digest, asked.by_record)));
        all.any(|(digest, by_record)| digest == statement && !by_record)
    }

    fn visible_deeds(&self, (config, records): (Oid, Option<Oid>)) -> impl Iterator<Item = (usize, &Deed)> {
        let (config, records) = (self.place(config), records.map(|tip| self.place(tip)));
        let seen = move |(at, deed): &(usize, &Deed)| match deed.branch {
            Branch::Config => *at <= config,
            Branch::Records => records.is_some_and(|records| *at <= records),
        };
        self.deeds.iter().enumerate().filter(seen)
    }

    /// What made an environment what it became after one config commit (nothing: the beginning) and up to another.
    pub fn changes(&self, environment: &str, after: Option<Oid>, upto: Oid) -> impl Iterator<Item = &Deed> {
        let first = after.map_or(0, |commit| self.place(commit) + 1);
        let upto = self.place(upto);
        let range = if first <= upto { &self.deeds[first..=upto] } else { &[] };
        range.iter().filter(move |deed| deed.touched.contains(environment))
    }
}
