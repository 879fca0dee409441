//! Writing to the journal: events become one entry, one commit, one compare-and-set.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::load::branch_ref;
use super::{Daemon, TickError};
use crate::digest::{Digest, PlanId, canonical_json};
use crate::git::sign::{NewCommit, write_commit};
use crate::git::{RefResult, RefUpdate};
use crate::journal::pages::{self, PlanPage};
use crate::journal::read::governance_of;
use crate::journal::{
    AUTHOR, DeploymentDocument, ENTRY, Event, FORMAT, Heads, Journal, JournalEntry, Status, yaml_out,
};
use crate::lifecycle::{EnvironmentState, State, draft_verdict_on, verdict_on};
use crate::model::{EnvironmentName, Gates, Governance, ServiceName};
use crate::object::{
    Edit, Entry, Kind, MemoryObjects, Mode, ObjectError, Objects, Oid, Overlay, edit_tree, entry_at, files_below,
};
use crate::parallel;
use crate::plan::PlanDocument;
use crate::plan::preview::Preview;
use crate::policy::Verdict;
use crate::revision::resolve::below;

/// A commit of this daemon, not yet signed.
pub(super) fn new_commit<'a>(tree: Oid, parents: &'a [Oid], time: Timestamp, message: &'a str) -> NewCommit<'a> {
    NewCommit { tree, parents, name: AUTHOR.0, email: AUTHOR.1, time, message }
}

/// Files of the journal by path; `None` for one that shall not be there.
type Files = BTreeMap<String, Option<Vec<u8>>>;

/// An entry in the making. Its events are folded into the state as they are added.
pub(super) struct Draft {
    pub heads: Heads,
    pub time: Timestamp,
    policy: u64,
    events: Vec<Event>,
    touched: BTreeSet<EnvironmentName>,
    plans: BTreeMap<EnvironmentName, PlanFiles>,
    drafts: BTreeMap<EnvironmentName, PlanFiles>,
    files: Files,
    /// Objects beside its files, stored with them.
    pub objects: MemoryObjects,
}

/// What the pages of a newly planned change are made of.
pub(super) struct PlanFiles {
    pub document: PlanDocument,
    pub previews: Vec<(ServiceName, Preview)>,
    pub leaves: Option<Gates>,
    pub enters: Option<Gates>,
    pub values: String,
}

impl PlanFiles {
    fn page<'a>(&'a self, gates: &'a [pages::GateChange], limit: usize, draft: Option<Oid>) -> PlanPage<'a> {
        PlanPage { document: &self.document, previews: &self.previews, gates, values: &self.values, limit, draft }
    }
}

impl Draft {
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Adds what the pages of a plan are made of; its event must be in this entry.
    pub fn with_plan(&mut self, environment: &EnvironmentName, files: PlanFiles) {
        self.plans.insert(environment.clone(), files);
    }

    /// As [`Draft::with_plan`], of a draft's plan.
    pub fn with_draft(&mut self, environment: &EnvironmentName, files: PlanFiles) {
        self.drafts.insert(environment.clone(), files);
    }

    /// The environments that its events are about.
    pub fn touched_environments(&self) -> Vec<EnvironmentName> {
        self.touched.iter().cloned().collect()
    }

    /// A plan that this entry publishes for an environment.
    pub fn plan_document(&self, environment: &EnvironmentName, plan: PlanId) -> Option<&PlanDocument> {
        let published = [&self.plans, &self.drafts].into_iter().filter_map(|plans| plans.get(environment));
        published.map(|files| &files.document).find(|document| document.digest == plan)
    }

    /// Tells the ready-made commits, which come last, in the order of their environments, whoever got theirs first. What is
    /// folded of one has no bearing on another.
    pub fn order_ready(&mut self) {
        let of = |event: &Event| match event {
            Event::Ready(ready) => Some(ready.environment.clone()),
            _ => None,
        };
        let first = self.events.iter().position(|event| of(event).is_some()).unwrap_or(self.events.len());
        self.events[first..].sort_by_cached_key(of);
    }

    /// Adds a file of the journal.
    pub fn with_file(&mut self, path: String, bytes: Vec<u8>) {
        self.files.insert(path, Some(bytes));
    }
}

impl Daemon {
    /// The journal that was loaded in this tick.
    pub(super) fn journal(&self) -> Result<&Journal, TickError> {
        self.journal.as_ref().ok_or(TickError::Conflict)
    }

    pub(super) fn state(&self) -> Result<&State, TickError> {
        Ok(&self.journal()?.state)
    }

    pub(super) fn governance(&self) -> Result<Arc<Governance>, TickError> {
        Ok(Arc::clone(&self.journal()?.governance))
    }

    /// The clock in whole seconds: what commits can carry.
    pub(super) fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }

    pub(super) fn draft(&self, heads: Heads) -> Draft {
        let policy = self.journal.as_ref().and_then(|journal| journal.state.policy).map_or(0, |policy| policy.version);
        Draft {
            heads,
            time: self.now(),
            policy,
            events: Vec::new(),
            touched: BTreeSet::new(),
            plans: BTreeMap::new(),
            drafts: BTreeMap::new(),
            files: BTreeMap::new(),
            objects: MemoryObjects::default(),
        }
    }

    /// Adds an event: from here on the state in memory has it. If the entry cannot be written the state is dropped and
    /// read again.
    pub(super) fn emit(&mut self, draft: &mut Draft, event: Event) -> Result<(), TickError> {
        let journal = self.journal.as_mut().ok_or(TickError::Conflict)?;
        if draft.events.is_empty() {
            journal.state.open_entry(draft.time, draft.heads);
        }
        let moves_targets = matches!(event, Event::Claimed(_) | Event::Outcome { .. });
        let owner = event.environment().filter(|_| moves_targets);
        let before = owner.map(|owner| journal.state.targets.of(owner)).unwrap_or_default();
        if let Err(error) = journal.state.fold(&event) {
            self.journal = None;
            return Err(error.into());
        }
        if event.moves_policy() {
            journal.governance = governance_of(self.objects.as_ref(), &self.hashes, &journal.state)?;
        }
        let after = owner.map(|owner| journal.state.targets.of(owner)).unwrap_or_default();
        self.moved_targets.extend(before.symmetric_difference(&after).cloned());
        if event.moves_policy() || matches!(event, Event::HistoryAccepted { .. }) {
            self.agenda.everything();
        } else if let Some(name) = event.environment() {
            self.agenda.touch(name);
        }
        draft.touched.extend(journal.state.touched_by(&event));
        draft.events.push(event);
        Ok(())
    }

    /// Writes the entry and moves the journal to it, if it is still where it was read.
    pub(super) fn append(&mut self, draft: Draft) -> Result<(), TickError> {
        if draft.is_empty() {
            return Ok(());
        }
        self.append_later(draft)?;
        self.push_entries()
    }

    /// Writes the entry, to be pushed with the next one or by [`Daemon::push_entries`]: each push costs the other side the
    /// same, however many entries it brings. Until then nothing may be done that rests on it.
    pub(super) fn append_later(&mut self, draft: Draft) -> Result<(), TickError> {
        let parent = self.journal()?.tip;
        self.append_at(draft, Some(parent))
    }

    /// As [`Daemon::append_later`], where this is on the journal's branch and shall be replaced; `None`: nothing is.
    pub(super) fn append_at(&mut self, draft: Draft, found: Option<Oid>) -> Result<(), TickError> {
        if draft.is_empty() {
            return Ok(());
        }
        let written = self.write_next(draft);
        self.unless_behind(written)?;
        self.unpushed.get_or_insert(found);
        Ok(())
    }

    fn write_next(&mut self, draft: Draft) -> Result<(), TickError> {
        let parent = self.journal()?.tip;
        let previous = self.raw_tip(parent)?;
        let message = pages::commit_message(&draft.events);
        let (commit, _) = self.write_entry(draft, Some((parent, previous)), &message)?;
        if let Some(journal) = self.journal.as_mut() {
            journal.tip = commit;
        }
        Ok(())
    }

    /// Pushes the entries that are written, all of them or none.
    pub(super) fn push_entries(&mut self) -> Result<(), TickError> {
        let Some(found) = self.unpushed else { return Ok(()) };
        let tip = self.journal()?.tip;
        let pushed = self.push_journal(found, tip);
        self.unless_behind(pushed)?;
        self.unpushed = None;
        self.remember(|tips| tips.journal = Some(tip))
    }

    /// Where that failed the state in memory is ahead of the journal: it is forgotten.
    pub(super) fn unless_behind<T>(&mut self, result: Result<T, TickError>) -> Result<T, TickError> {
        if result.is_err() {
            self.journal = None;
            self.unpushed = None;
            self.settled = None;
        }
        result
    }

    fn push_journal(&mut self, expected: Option<Oid>, commit: Oid) -> Result<(), TickError> {
        let name = branch_ref(&self.config.journal);
        let update = RefUpdate { name: name.clone(), expected, new: Some(commit) };
        let mut results = self.push(std::slice::from_ref(&update))?;
        match results.pop() {
            Some(RefResult::Done) => {
                self.fetched.insert(name, commit);
                Ok(())
            }
            Some(RefResult::Refused { reason }) => Err(TickError::Refused { reference: name, reason }),
            Some(RefResult::Stale) | None => Err(TickError::Conflict),
        }
    }

    /// Starts the journal with its first entry: the pinned policy comes into force.
    pub(super) fn begin_journal(&mut self, heads: Heads, governance: Governance) -> Result<(), TickError> {
        let events = vec![
            Event::Started {
                nonce: self.config.nonce.clone(),
                journal: self.config.journal.clone(),
                branch: self.config.branch.clone(),
                root: format!("/{}", self.config.root),
                layout: self.config.layout,
                prefix: self.config.prefix.clone(),
                policy: self.config.policy,
            },
            Event::PolicyAdmitted { version: 1, revision: self.config.policy, commit: heads.config },
        ];
        let mut draft = self.draft(heads);
        self.policy_files(&mut draft, 1, heads.config)?;
        draft.events = events;
        let message = pages::commit_message(&draft.events);
        // The state does not exist before its first entry does: the entry is written first, then read.
        let files = draft.files.keys().cloned().collect::<Vec<_>>();
        tracing::debug!(files = files.len(), "first entry");
        let (commit, entry) = self.write_entry(draft, None, &message)?;
        let state = State::begin(&entry)?;
        self.push_journal(None, commit)?;
        self.journal = Some(Journal { tip: commit, state, governance: Arc::new(governance) });
        self.seen = None;
        self.remember(|tips| tips.journal = Some(commit))
    }

    /// Each policy version in full, so that the journal can be read without the config branch.
    pub(super) fn policy_files(&self, draft: &mut Draft, version: u64, commit: Oid) -> Result<(), TickError> {
        let tree = self.objects.commit(commit)?.tree;
        let path = below(&self.config.root, EnvironmentName::GOVERNANCE);
        if let Some(Entry { mode: Mode::Tree, id }) = entry_at(self.objects.as_ref(), tree, &path)? {
            for (name, entry) in files_below(self.objects.as_ref(), id)? {
                let bytes = self.objects.blob(entry.id)?.to_vec();
                draft.files.insert(format!("policy/{version}/{name}"), Some(bytes));
            }
        }
        Ok(())
    }

    /// Builds the entry's commit: the tree before, with exactly the files that the entry names.
    fn write_entry(
        &mut self,
        mut draft: Draft,
        parent: Option<(Oid, Digest)>,
        message: &str,
    ) -> Result<(Oid, JournalEntry), TickError> {
        let store = Arc::clone(&self.objects);
        // Written at the end, all at once.
        let written = Overlay::on(draft.objects.clone(), store.as_ref());
        let objects = &written;
        let old_tree = match parent {
            Some((parent, _)) => Some(objects.commit(parent)?.tree),
            None => None,
        };
        self.render(&mut draft)?;
        let (memory, store) = (written.memory(), store.as_ref());
        let all: Vec<(&String, &Option<Vec<u8>>)> = draft.files.iter().collect();
        // What becomes of a file, and its digest; nothing where it stays as it is.
        let edited = parallel::map(&all, |(path, bytes)| -> Result<_, ObjectError> {
            let old = old_tree.map_or(Ok(None), |tree| entry_at(store, tree, path))?;
            Ok(match bytes {
                Some(bytes) => {
                    let entry = Entry { mode: Mode::File, id: memory.write(Kind::Blob, bytes)? };
                    (old != Some(entry)).then(|| (Edit::Put(entry), Some(Digest::of(bytes))))
                }
                None => old.map(|_| (Edit::Remove, None)),
            })
        });
        let mut edits = BTreeMap::new();
        let mut files = BTreeMap::new();
        for ((path, _), edited) in all.into_iter().zip(edited) {
            if let Some((edit, digest)) = edited? {
                edits.insert(path.clone(), edit);
                files.insert(path.clone(), digest);
            }
        }
        let entry = JournalEntry {
            format: FORMAT,
            sequence: parent.map_or(0, |_| self.journal.as_ref().map_or(0, |journal| journal.state.sequence)),
            previous: parent.map(|(_, digest)| digest),
            time: draft.time,
            heads: draft.heads,
            policy: draft.policy,
            events: draft.events,
            files,
        };
        let id = objects.write(Kind::Blob, &canonical_json(&entry))?;
        edits.insert(ENTRY.to_owned(), Edit::Put(Entry { mode: Mode::File, id }));
        let tree = edit_tree(objects, old_tree, &edits)?;
        let parents: Vec<Oid> = parent.map(|(parent, _)| parent).into_iter().collect();
        let (commit, _) = write_commit(objects, &new_commit(tree, &parents, entry.time, message), Some(&self.key))
            .map_err(|error| TickError::Sign(error.to_string()))?;
        written.keep()?;
        Ok((commit, entry))
    }

    /// The verdict on the plan that a status speaks of.
    pub(super) fn verdict(&self, name: &EnvironmentName, env: &EnvironmentState) -> Result<Option<Verdict>, TickError> {
        let governance = self.governance()?;
        Ok(verdict_on(self.objects.as_ref(), &self.config.root, &governance, name, env)?)
    }

    /// The verdict on the plan of a draft.
    pub(super) fn draft_verdict(
        &self,
        name: &EnvironmentName,
        env: &EnvironmentState,
    ) -> Result<Option<Verdict>, TickError> {
        let governance = self.governance()?;
        Ok(draft_verdict_on(self.objects.as_ref(), &self.config.root, &governance, name, env)?)
    }

    /// Renders the pages of everything this entry touches.
    fn render(&mut self, draft: &mut Draft) -> Result<(), TickError> {
        if self.journal.is_none() {
            return Ok(());
        }
        self.know_everything()?;
        let Some(journal) = self.journal.as_ref() else { return Ok(()) };
        let touched: Vec<&EnvironmentName> = draft.touched.iter().collect();
        let (objects, root, limit) = (self.objects.as_ref(), self.config.root.as_str(), self.config.preview_limit);
        let written = parallel::map(&touched, |name| environment_files(objects, root, journal, draft, limit, name));
        let mut statuses = Vec::with_capacity(written.len());
        for written in written {
            let (status, files) = written?;
            statuses.push(status);
            draft.files.extend(files);
        }
        let (Some(journal), Some(overview)) = (self.journal.as_ref(), self.overview.as_mut()) else { return Ok(()) };
        let overview = Arc::make_mut(overview);
        for status in statuses {
            overview.set(&status);
        }
        overview.set_governance(&journal.state);
        overview.set_alarms(&journal.state);
        draft.files.insert("README.md".to_owned(), Some(pages::root_page(overview).into_bytes()));
        Ok(())
    }

    /// After the journal was read anew, the overview needs the status of everything once.
    fn know_everything(&mut self) -> Result<(), TickError> {
        if self.overview.is_some() {
            return Ok(());
        }
        let mut overview = pages::Overview::new(self.state()?);
        for name in self.state()?.environments.keys() {
            overview.set(&self.status(name)?);
        }
        self.overview = Some(Arc::new(overview));
        Ok(())
    }

    /// Where an environment stands.
    pub(super) fn status(&self, name: &EnvironmentName) -> Result<Status, TickError> {
        let env = self.state()?.environment(name);
        status_of(self.objects.as_ref(), &self.config.root, self.journal()?, name, &env)
    }

    /// Adds the files of a deployment: its plan, what met each rule, and the raw evidence.
    pub(super) fn deployment_files(
        &self,
        draft: &mut Draft,
        name: &EnvironmentName,
        document: &DeploymentDocument,
        evidence: BTreeMap<String, Vec<u8>>,
        plan: Option<&PlanDocument>,
    ) -> Result<(), TickError> {
        let folder =
            format!("{}/history/{}", pages::environment_folder(self.state()?.start.layout, name), document.number);
        draft.with_file(format!("{folder}/deployment.yaml"), yaml_out::to_yaml(document).into_bytes());
        for (file, bytes) in evidence {
            draft.with_file(format!("{folder}/{file}"), bytes);
        }
        if let Some(plan) = plan {
            draft.with_file(format!("{folder}/plan.json"), plan.to_file());
        }
        Ok(())
    }

    /// A file of the journal as it is at its tip.
    pub(super) fn journal_file(&self, path: &str) -> Result<Option<Vec<u8>>, TickError> {
        let tree = self.objects.commit(self.journal()?.tip)?.tree;
        match entry_at(self.objects.as_ref(), tree, path)? {
            Some(entry) if entry.mode == Mode::File => Ok(Some(self.objects.blob(entry.id)?.to_vec())),
            _ => Ok(None),
        }
    }
}

/// Where an environment stands by the journal.
fn status_of(
    objects: &dyn Objects,
    root: &str,
    journal: &Journal,
    name: &EnvironmentName,
    env: &EnvironmentState,
) -> Result<Status, TickError> {
    let verdict = verdict_on(objects, root, &journal.governance, name, env)?;
    let drafted = draft_verdict_on(objects, root, &journal.governance, name, env)?;
    let status = Status::of(&journal.state, &journal.governance, name, env, verdict.as_ref());
    Ok(status.with_draft(env, drafted.as_ref()))
}

/// An environment's status, and the files of the journal that tell of it.
fn environment_files(
    objects: &dyn Objects,
    root: &str,
    journal: &Journal,
    draft: &Draft,
    limit: usize,
    name: &EnvironmentName,
) -> Result<(Status, Files), TickError> {
    let env = journal.state.environment(name);
    let status = status_of(objects, root, journal, name, &env)?;
    let folder = pages::environment_folder(journal.state.start.layout, name);
    let mut files = BTreeMap::new();
    let mut put = |file: &str, bytes: Option<Vec<u8>>| {
        files.insert(format!("{folder}/{file}"), bytes);
    };
    put("status.yaml", Some(yaml_out::to_yaml(&status).into_bytes()));
    put("README.md", Some(pages::environment_page(&journal.state, &status, &env).into_bytes()));
    let waits = env.current.is_some() || env.deployment.is_some();
    if !waits {
        for file in ["plan.json", "plan.md", "plan.diff"] {
            put(file, None);
        }
    }
    if let Some(plan) = draft.plans.get(name).filter(|_| waits) {
        let gates = pages::gate_changes(plan.leaves.as_ref(), plan.enters.as_ref());
        let page = plan.page(&gates, limit, None);
        put("plan.json", Some(plan.document.to_file()));
        put("plan.md", Some(pages::plan_page(&page).into_bytes()));
        put("plan.diff", Some(pages::plan_diff(&page).into_bytes()));
    }
    let drafted = env.draft_plan().and_then(|plan| plan.drafted);
    if drafted.is_none() {
        for file in ["draft.json", "draft.md", "draft.diff", "draft.yaml"] {
            put(file, None);
        }
    }
    if let (Some(plan), Some(drafted)) = (draft.drafts.get(name), drafted) {
        let gates = pages::gate_changes(plan.leaves.as_ref(), plan.enters.as_ref());
        let page = plan.page(&gates, limit, Some(drafted.tip));
        let settings = drafted.settings.map(|settings| objects.blob(settings)).transpose()?;
        put("draft.json", Some(plan.document.to_file()));
        put("draft.md", Some(pages::plan_page(&page).into_bytes()));
        put("draft.diff", Some(pages::plan_diff(&page).into_bytes()));
        put("draft.yaml", settings.map(|settings| settings.to_vec()));
    }
    Ok((status, files))
}
