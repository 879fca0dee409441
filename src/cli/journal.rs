//! The journal as a command reads it: the files of its tip, which one signature covers. Its history is folded by
//! nobody but the daemon and the proof; here, one environment costs the same among ten and among ten thousand.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::CliError;
use super::clone::{ConfigClone, Tips};
use crate::digest::RevisionId;
use crate::evidence::signature::commit_signer;
use crate::journal::pages::environment_folder;
use crate::journal::read::{line, read_entry};
use crate::journal::{DeploymentDocument, Event, JournalEntry, Layout, Status, yaml_out};
use crate::lifecycle::{Phase, accepted_in_words, draft_branch, pinned_in_words};
use crate::model::{EnvironmentName, Governance, Problems, PublicKey};
use crate::object::{Commit, Entry, Mode, Objects, Oid, entry_at};
use crate::plan::PlanDocument;
use crate::revision::governance::governance_folder;
use crate::revision::resolve::below;
use crate::revision::{Hashes, resolve_governance};

/// So many entries are looked at for what operators decided.
const LOOKED_BACK: usize = 200;

/// The journal at its tip.
pub struct JournalTip<'a> {
    clone: &'a ConfigClone,
    tips: Tips,
    tree: Oid,
    entry: JournalEntry,
    /// The policy that entry was written under, or brought into force.
    pub policy: u64,
    /// That policy.
    pub governance: Governance,
}

impl<'a> JournalTip<'a> {
    /// Opens the journal at the tip that was fetched.
    ///
    /// # Errors
    /// Where the tip is no entry, is not signed by a journal key that the config branch's policy names, or does not
    /// follow the tip that was seen before.
    pub fn open(clone: &'a ConfigClone, tips: Tips) -> Result<Self, CliError> {
        let objects = clone.objects();
        // Gate: whoever may write the branch is not thereby the daemon.
        check_signer(clone, &tips, &objects.commit(tips.journal)?)?;
        super::rewound::check(clone, &tips)?;
        let read = read_entry(objects, tips.journal)?;
        let policy = admitted(&read.entry).unwrap_or(read.entry.policy);
        let governance = in_force(objects, read.commit.tree, policy)?;
        Ok(Self { clone, tips, tree: read.commit.tree, entry: read.entry, policy, governance })
    }

    /// The journal as an entry before the tip left it: the tip's signature covers all that it follows.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn at(&self, entry: Oid) -> Result<Self, CliError> {
        let read = read_entry(self.clone.objects(), entry)?;
        let (tips, governance) = (Tips { journal: entry, ..self.tips.clone() }, self.governance.clone());
        Ok(Self { clone: self.clone, tips, tree: read.commit.tree, entry: read.entry, policy: self.policy, governance })
    }

    /// What the journal's first entry says.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn start(&self) -> Result<crate::lifecycle::State, CliError> {
        self.clone.start(self.tips.journal)
    }

    /// What was fetched.
    pub fn tips(&self) -> &Tips {
        &self.tips
    }

    /// The repository's identity, as the journal's first entry gives it.
    ///
    /// # Errors
    /// Where the journal cannot be read back to its beginning.
    pub fn repository(&self) -> Result<crate::digest::RepositoryId, CliError> {
        Ok(self.clone.start(self.tips.journal)?.repository)
    }

    /// When the daemon last wrote something.
    pub fn time(&self) -> Timestamp {
        self.entry.time
    }

    /// What operators decided about history of late, newest first: everybody should know.
    ///
    /// # Errors
    /// Where an entry cannot be read.
    pub fn decided(&self) -> Result<Vec<(Timestamp, String)>, CliError> {
        let mut found = Vec::new();
        let mut at = Some(self.tips.journal);
        for _ in 0..LOOKED_BACK {
            let Some(id) = at else { break };
            let read = read_entry(self.clone.objects(), id)?;
            for event in read.entry.events.iter().rev() {
                let words = match event {
                    Event::HistoryAccepted { branch, old, new } => accepted_in_words(branch, *old, *new),
                    Event::PolicyPinned { version, revision, .. } => pinned_in_words(*version, *revision),
                    _ => continue,
                };
                found.push((read.entry.time, words));
            }
            at = read.commit.parents.first().copied();
        }
        Ok(found)
    }

    /// The config commit that the daemon looked at when it last wrote something.
    pub fn looked_at(&self) -> Oid {
        self.entry.heads.config
    }

    /// The records commit that it looked at then, where there was one.
    pub fn looked_at_records(&self) -> Option<Oid> {
        self.entry.heads.records
    }

    /// Every environment that the journal knows and of which there is something to say.
    ///
    /// # Errors
    /// Where one cannot be read.
    pub fn statuses(&self) -> Result<Vec<Status>, CliError> {
        let mut statuses = Vec::new();
        for name in self.environments()? {
            statuses.extend(self.status(&name)?.filter(is_worth_telling));
        }
        Ok(statuses)
    }

    /// The environments that the journal has a folder for.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn environments(&self) -> Result<Vec<EnvironmentName>, CliError> {
        let mut names = Vec::new();
        for (name, id) in self.folders("environments")? {
            match name.parse::<EnvironmentName>() {
                // A folder of two digits may be an environment of that name, or a shard.
                Ok(name) if self.has_status(id)? => names.push(name),
                _ => {
                    for (name, id) in self.folders(&format!("environments/{name}"))? {
                        if let Ok(name) = name.parse::<EnvironmentName>()
                            && self.has_status(id)?
                        {
                            names.push(name);
                        }
                    }
                }
            }
        }
        names.sort();
        Ok(names)
    }

    fn has_status(&self, folder: Oid) -> Result<bool, CliError> {
        Ok(self.clone.objects().tree(folder)?.entries.contains_key("status.yaml"))
    }

    fn folders(&self, path: &str) -> Result<BTreeMap<String, Oid>, CliError> {
        let objects = self.clone.objects();
        let entries = match entry_at(objects, self.tree, path)? {
            Some(Entry { mode: Mode::Tree, id }) => objects.tree(id)?.entries,
            _ => BTreeMap::new(),
        };
        Ok(entries.into_iter().filter(|(_, e)| e.mode == Mode::Tree).map(|(name, e)| (name, e.id)).collect())
    }

    /// Where an environment stands; `None` where the journal never heard of it.
    ///
    /// # Errors
    /// Where its status cannot be read, or is that of another environment.
    pub fn status(&self, name: &EnvironmentName) -> Result<Option<Status>, CliError> {
        let Some(status) = self.yaml::<Status>(name, "status.yaml")? else {
            return if name.is_governance() { self.first_policy().map(Some) } else { Ok(None) };
        };
        if status.environment != *name {
            return Err(CliError::failed(format!("the journal's status of {name} is that of {}", status.environment)));
        }
        Ok(Some(status))
    }

    /// As [`JournalTip::status`], where there must be one.
    ///
    /// # Errors
    /// Where there is none.
    pub fn known(&self, name: &EnvironmentName) -> Result<Status, CliError> {
        match self.status(name)? {
            Some(status) => Ok(status),
            None => Err(CliError::failed(format!("the journal knows no environment `{name}`")).hint(self.near(name)?)),
        }
    }

    fn near(&self, name: &EnvironmentName) -> Result<String, CliError> {
        let all = self.environments()?;
        let start: String = name.as_str().chars().take(3).collect();
        let near: Vec<String> =
            all.iter().filter(|one| one.as_str().starts_with(&start)).take(5).map(ToString::to_string).collect();
        if !near.is_empty() {
            return Ok(format!("perhaps {}", near.join(", ")));
        }
        Ok("countersign status lists those it knows; a new one appears once its folder is pushed".to_owned())
    }

    /// As [`JournalTip::known`], of the draft: the status as it would be if it were merged now.
    ///
    /// # Errors
    /// Where there is none that the daemon looked at (exit code 1).
    pub fn known_draft(&self, name: &EnvironmentName) -> Result<Status, CliError> {
        if name.is_governance() {
            return Err(CliError::failed("drafts of the policy are not planned in this version")
                .hint("push it to a branch of another name, and merge that"));
        }
        let draft = self.status(name)?.and_then(|status| status.as_if_merged());
        draft.ok_or_else(|| {
            let branch = draft_branch(name);
            CliError::refused(format!("the journal knows no draft of {name}"))
                .hint(format!("push one, and the daemon plans it: git push {} HEAD:{branch}", self.clone.remote))
        })
    }

    /// The clone.
    pub fn config_clone(&self) -> &'a ConfigClone {
        self.clone
    }

    /// `plan.json`, held against its own digest.
    ///
    /// # Errors
    /// Where it cannot be read, or does not have the digest that the status names.
    pub fn plan(&self, status: &Status) -> Result<Option<PlanDocument>, CliError> {
        let Some(plan) = &status.plan else { return Ok(None) };
        let name = &status.environment;
        let bad = |what: &str| CliError::failed(format!("plan {} of {name} on the journal {what}", plan.short));
        let file = if status.of_draft.is_some() { "draft.json" } else { "plan.json" };
        let bytes = self.file(name, file)?.ok_or_else(|| bad("is missing"))?;
        let document: PlanDocument =
            serde_json::from_slice(&bytes).map_err(|error| bad(&format!("cannot be read: {error}")))?;
        // Gate: what is signed is a digest, so what is shown must have exactly that digest.
        let found = document.plan.id();
        if found != plan.digest || document.digest != plan.digest || document.short != plan.digest.short() {
            return Err(bad(&format!("is not what its digest says: it is {found}, not {}", plan.digest))
                .hint("do not approve it; tell whoever runs the daemon"));
        }
        if document.plan.environment != *name || document.plan.repository != status.repository {
            return Err(bad(&format!("is for {} of {}", document.plan.environment, document.plan.repository)));
        }
        Ok(Some(document))
    }

    /// `plan.diff`, or `draft.diff` where the status speaks of a draft's plan; safe to show.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn plan_diff(&self, status: &Status) -> Result<String, CliError> {
        let name = &status.environment;
        let bytes = self.file(name, if status.of_draft.is_some() { "draft.diff" } else { "plan.diff" })?;
        let bytes = bytes.ok_or_else(|| CliError::failed(format!("the diff of {name} is missing on the journal")))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // It was made safe when it was written; one that was not is not ours.
        Ok(if crate::text::is_safe_lines(&text) { text } else { crate::text::escape_lines(&text) })
    }

    /// The numbers of an environment's deployments, in ascending order.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub fn deployments(&self, name: &EnvironmentName) -> Result<Vec<u64>, CliError> {
        let mut numbers = Vec::new();
        for layout in [Layout::Flat, Layout::Sharded] {
            let folders = self.folders(&format!("{}/history", environment_folder(layout, name)))?;
            numbers.extend(folders.keys().filter_map(|number| number.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// `deployment.yaml` of a deployment.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn deployment(&self, name: &EnvironmentName, number: u64) -> Result<Option<DeploymentDocument>, CliError> {
        self.yaml(name, &format!("history/{number}/deployment.yaml"))
    }

    /// The config commit that the policy in force was read from, and its revision.
    ///
    /// # Errors
    /// Where the journal cannot be read back to the entry that says so.
    pub fn policy_from(&self) -> Result<(Oid, RevisionId), CliError> {
        let mut found = None;
        self.entries(&mut |_, entry| {
            found = entry.events.iter().find_map(|event| match event {
                Event::PolicyAdmitted { version, revision, commit }
                | Event::PolicyPinned { version, revision, commit }
                    if *version == self.policy =>
                {
                    Some((*commit, *revision))
                }
                _ => None,
            });
            found.is_none()
        })?;
        found.ok_or_else(|| CliError::failed(format!("no entry of the journal brings policy {}", self.policy)))
    }

    /// Every entry, from the newest back to the first, until `wants_more` says no.
    ///
    /// # Errors
    /// Where one cannot be read.
    pub fn entries(&self, wants_more: &mut dyn FnMut(Oid, JournalEntry) -> bool) -> Result<(), CliError> {
        let mut at = Some(self.tips.journal);
        while let Some(id) = at {
            let read = read_entry(self.clone.objects(), id)?;
            at = read.commit.parents.first().copied();
            if !wants_more(id, read.entry) {
                break;
            }
        }
        Ok(())
    }

    /// `plan.json` of a deployment.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn deployed_plan(&self, name: &EnvironmentName, number: u64) -> Result<Option<PlanDocument>, CliError> {
        let file = format!("history/{number}/plan.json");
        let Some(bytes) = self.file(name, &file)? else { return Ok(None) };
        let unreadable = |error| CliError::failed(format!("{file} of {name} on the journal cannot be read: {error}"));
        serde_json::from_slice(&bytes).map(Some).map_err(unreadable)
    }

    fn yaml<T: serde::de::DeserializeOwned>(&self, name: &EnvironmentName, file: &str) -> Result<Option<T>, CliError> {
        let Some(bytes) = self.file(name, file)? else { return Ok(None) };
        let unreadable =
            |why: String| CliError::failed(format!("{file} of {name} on the journal cannot be read: {why}"));
        yaml_out::from_yaml(&bytes).map(Some).map_err(unreadable)
    }

    /// A file of an environment's folder, in either layout.
    fn file(&self, name: &EnvironmentName, file: &str) -> Result<Option<Arc<[u8]>>, CliError> {
        let objects = self.clone.objects();
        for layout in [Layout::Flat, Layout::Sharded] {
            let path = format!("{}/{file}", environment_folder(layout, name));
            if let Some(Entry { mode: Mode::File, id }) = entry_at(objects, self.tree, &path)? {
                return Ok(Some(objects.blob(id)?));
            }
        }
        Ok(None)
    }

    /// The status of the policy while no change of it was ever seen.
    fn first_policy(&self) -> Result<Status, CliError> {
        let start = self.clone.start(self.tips.journal)?;
        Ok(Status {
            repository: start.repository,
            environment: EnvironmentName::governance(),
            phase: Phase::Synced,
            applied: None,
            in_force_at: None,
            desired: Some(start.start.policy),
            plan: None,
            waiting_on: Vec::new(),
            carries_over: Vec::new(),
            statements: Vec::new(),
            branches: BTreeMap::new(),
            problems: Vec::new(),
            last: None,
            corrections: None,
            manual: false,
            hold: None,
            suspended: None,
            last_statements: BTreeMap::new(),
            policy: self.policy,
            draft: None,
            of_draft: None,
        })
    }
}

/// An environment that was only ever mistaken for one has nothing to tell.
fn is_worth_telling(status: &Status) -> bool {
    let is_policy_at_rest = status.environment.is_governance() && status.phase == Phase::Synced;
    !is_policy_at_rest && has_something(status)
}

fn has_something(status: &Status) -> bool {
    let waits = status.draft.as_ref().is_some_and(|draft| draft.phase != Phase::Synced);
    status.phase != Phase::Synced || status.applied.is_some() || status.last.is_some() || waits
}

/// The policy that an entry brings into force.
fn admitted(entry: &JournalEntry) -> Option<u64> {
    let versions = entry.events.iter().filter_map(|event| match event {
        Event::PolicyAdmitted { version, .. } | Event::PolicyPinned { version, .. } => Some(*version),
        _ => None,
    });
    versions.max()
}

/// The policy of this version, as the journal holds it in full.
fn in_force(objects: &dyn Objects, tree: Oid, version: u64) -> Result<Governance, CliError> {
    let files = files_in(objects, tree, &format!("policy/{version}"))?;
    let mut documents = BTreeMap::new();
    for (path, id) in files {
        documents.insert(format!("{}/{path}", EnvironmentName::GOVERNANCE), objects.blob(id)?.to_vec());
    }
    Governance::read(&documents).map_err(|Problems(problems)| {
        let first = problems.first().map(ToString::to_string).unwrap_or_default();
        CliError::failed(format!("policy {version} on the journal cannot be read: {first}"))
    })
}

/// The plain files below a folder, by path, with what they hold.
fn files_in(objects: &dyn Objects, tree: Oid, folder: &str) -> Result<BTreeMap<String, Oid>, CliError> {
    match entry_at(objects, tree, folder)? {
        Some(Entry { mode: Mode::Tree, id }) => {
            Ok(crate::object::files_below(objects, id)?.into_iter().map(|(path, entry)| (path, entry.id)).collect())
        }
        _ => Ok(BTreeMap::new()),
    }
}

fn check_signer(clone: &ConfigClone, tips: &Tips, commit: &Commit) -> Result<(), CliError> {
    let refused = |why: String| {
        CliError::failed(format!(
            "the tip of {} ({}) is not to be trusted: {why}",
            clone.journal,
            commit.id.short()
        ))
        .hint("the daemon puts back what it did not write: try again in a minute, and if it stays so tell whoever runs it")
    };
    let key = match commit_signer(commit) {
        Ok(Some(key)) => key,
        Ok(None) => return Err(refused("it is not signed".to_owned())),
        Err(error) => return Err(refused(error.to_string())),
    };
    let governance = newest_readable(clone, tips)?;
    if governance.policy.journal_keys.contains(&key) || is_named_in_force(clone, tips, &key)? {
        return Ok(());
    }
    Err(refused(format!("the key that signed it is no journal key of governance/policy.yaml on {}", clone.branch)))
}

/// Whether the policy that the tip was written under names this key, and the config branch once had exactly that
/// policy: while a change of the keys waits, the branch names others than those in force. What the journal alone says
/// of itself counts for nothing.
fn is_named_in_force(clone: &ConfigClone, tips: &Tips, key: &PublicKey) -> Result<bool, CliError> {
    let objects = clone.objects();
    let read = read_entry(objects, tips.journal)?;
    // Gate: a key that was retired, because it was stolen perhaps, does not come back by an entry that says so.
    let version = read.entry.policy;
    for id in line(objects, tips.journal, None)? {
        let entry = read_entry(objects, id)?.entry;
        if entry.policy > version || (id != tips.journal && admitted(&entry).is_some_and(|later| later > version)) {
            return Ok(false);
        }
    }
    let in_force = files_in(objects, read.commit.tree, &format!("policy/{version}"))?;
    let hashes = Hashes::default();
    let (mut open, mut met) = (VecDeque::from([tips.config]), HashSet::new());
    while let Some(id) = open.pop_front() {
        let commit = objects.commit(id)?;
        if let Ok(folder) = governance_folder(objects, &hashes, &tips.root, commit.tree)?
            && folder.files.iter().map(|file| (file.path.clone(), file.blob)).collect::<BTreeMap<_, _>>() == in_force
        {
            return Ok(folder.governance.is_ok_and(|governance| governance.policy.journal_keys.contains(key)));
        }
        open.extend(commit.parents.into_iter().filter(|parent| met.insert(*parent)));
    }
    Ok(false)
}

/// The config branch's policy; where somebody pushed one that cannot be read, the newest before it that can.
fn newest_readable(clone: &ConfigClone, tips: &Tips) -> Result<Governance, CliError> {
    let objects = clone.objects();
    let hashes = Hashes::default();
    let mut at = Some(tips.config);
    let mut tried = None;
    let mut first: Option<Problems> = None;
    while let Some(id) = at {
        let commit = objects.commit(id)?;
        let folder = entry_at(objects, commit.tree, &below(&tips.root, EnvironmentName::GOVERNANCE))?;
        if first.is_none() || folder != tried {
            match resolve_governance(objects, &hashes, &tips.root, commit.tree)?.1 {
                Ok(governance) => return Ok(governance),
                Err(problems) => first = first.or(Some(problems)),
            }
        }
        tried = folder;
        at = commit.parents.first().copied();
    }
    let problems = first.map(|problems| problems.to_string()).unwrap_or_default();
    Err(CliError::failed(format!("{} never had a policy that can be read: {problems}", clone.branch))
        .hint("if governance/ is in a folder: git config countersign.root FOLDER"))
}
