//! A published plan: computed again from what was applied and what is desired.

use std::collections::BTreeSet;

use super::notes::Attested;
use super::step::{At, Step};
use super::wanted::Wanted;
use crate::digest::PlanId;
use crate::evidence::contributors::{Contributions, contributions_in};
use crate::journal::Event;
use crate::lifecycle::{EnvironmentState, JudgeError, OpenPlan, judge_plan, refusals};
use crate::model::{EnvironmentName, Gates, RulesetName, ServiceKind, ServiceName};
use crate::object::{ObjectError, Oid};
use crate::plan::compose::{self, Composed, Place};
use crate::plan::preview::Preview;
use crate::plan::{Action, Plan, PlanDocument, PlanKind, ServiceContent, ServiceLine, ServicePlan, files, values_diff};
use crate::revision::{InputFile, Resolved};

/// What the pages of a plan are made of.
pub(super) struct PublishedPlan {
    pub document: PlanDocument,
    pub previews: Vec<(ServiceName, Preview)>,
    pub leaves: Option<Gates>,
    pub enters: Option<Gates>,
    pub values: String,
    /// Whether the previews above are those that were shown.
    pub is_proven: bool,
}

impl PublishedPlan {
    /// With what its pages say of the settings of both sides.
    pub(super) fn between(self, base: Option<&Resolved>, desired: Option<&Resolved>) -> Self {
        let gates = |side: Option<&Resolved>| side.map(|side| side.environment.gates.clone());
        Self { values: values_diff(base, desired), leaves: gates(base), enters: gates(desired), ..self }
    }
}

impl Step<'_, '_> {
    /// Called before the event is folded.
    pub(super) fn planned(&mut self, name: &EnvironmentName, event: &Event) -> Result<(), ObjectError> {
        let Event::Planned {
            plan: id, commit, kind, revision, truncated, contributors, imports, removes, carries, ..
        } = event
        else {
            return Ok(());
        };
        let place = format!("plan {}", id.short());
        let at = At::environment(name);
        let env = self.env(name);
        if *commit != self.entry.heads.config {
            self.violated(at, &place, "was computed from another commit than the config head");
        }
        let desired = match self.wanted(name, &env)? {
            Wanted::Present(desired) => Some(desired),
            Wanted::Destroyed => None,
            other => {
                self.violated(at, &place, format!("nothing was to be planned: {}", in_words(&other)));
                return Ok(());
            }
        };
        let found = desired.as_deref().map(|desired| desired.revision);
        if found != *revision {
            let what = format!("its revision is {}, but the commit has {}", in_words_of(*revision), in_words_of(found));
            self.violated(at, &place, what);
        }
        if desired.as_deref().map(|desired| desired.sources.clone()).unwrap_or_default() != *imports {
            self.violated(at, format!("{place}: imports"), "are not what is applied in the environments it imports");
        }
        let is_imported = self.is_imported(name)?;
        // What is in force already is planned where somebody asked for it, or where the settings have the host looked at.
        let again = found.filter(|found| env.is_at(*found, is_imported)).map(|_| env.kind_towards_itself());
        if again == Some(PlanKind::Drift) {
            let planned = self.in_force(name, &env)?.and_then(|gates| gates.drift).is_some_and(|drift| !drift.correct);
            if !planned {
                self.violated(at, &place, "what is desired is in force already");
            }
            if env.current.is_none() && !env.told.is_due(self.entry.time) {
                self.violated(at, &place, "what the host does by itself was told again before its time");
            }
        }
        if again.is_none() && env.redeploy.is_some() {
            self.violated(at, &place, "somebody's wish to redeploy should have ended: another change is desired");
        }
        if env.plans.iter().any(|open| open.kind.is_towards_itself() != again.is_some()) {
            self.violated(at, &place, "plans of something else are still open: the round should have gone up");
        }
        if env.plans.iter().any(|open| open.revision != *revision) {
            self.violated(at, &place, "plans for another revision are still open: the round should have gone up");
        }
        if env.says(*id, contributors, carries) {
            self.violated(at, &place, "says what was said before");
        }
        if env.deployment.is_some() {
            self.violated(at, &place, "a deployment that failed is to be retried or superseded first");
        }
        if let Some(desired) = &desired {
            for (_, problem) in refusals::owned_targets(&self.place.state, name, desired) {
                self.violated(at, &place, problem.to_string());
            }
        }
        let base = self.base_of(name, &env)?;
        if env.exists() && base.is_none() {
            self.violated(at, &place, "what was applied last cannot be found again");
            return Ok(());
        }
        if let (Some(base), Some(desired), false) = (&base, &desired, env.uncertain)
            && !is_imported
            && again.is_none()
            && compose::is_without_effect(base, desired)
        {
            self.violated(at, &place, "the change has no effect and was to be recorded without a plan");
        }
        let desired = desired.as_deref();
        let composed = self.composed(name, &env, base.as_deref(), desired, again)?;
        if composed.plan.kind != *kind {
            let what = format!("it says `{}`, but it is a `{}`", kind.name(), composed.plan.kind.name());
            self.violated(at, &place, what);
        }
        if !truncated && composed.previews.iter().any(|(_, preview)| preview.omitted > 0) {
            self.violated(at, &place, "files were left out of its preview, and it does not say `truncated`");
        }
        let found = self.contributions(&env, base.as_deref(), desired, &[self.entry.heads.config])?;
        let Contributions { contributors: known, commits } =
            env.with_asker(composed.plan.kind, &self.place.governance, found);
        if known != *contributors {
            let what = "the contributors are not those of the commits that changed its inputs";
            self.violated(at, format!("{place}: contributors"), what);
        }
        if commits.is_empty() && !env.uncertain && again.is_none() {
            self.violated(at, &place, "no commit made this change");
        }
        self.carrying(name, &env, event, carries)?;
        let takes_away = composed.removes.clone();
        let published = self.told("plan.json", name, *id, composed, |plan| {
            let document = plan.document(*truncated, known, commits, imports.clone());
            PlanDocument { carries: carries.clone(), ..document }
        })?;
        let removed = (takes_away.as_ref(), removes.as_ref());
        self.removed(name, &place, removed, base.as_deref(), published.is_proven);
        let plan = &published.document.plan;
        if plan.kind == PlanKind::Drift && plan.services.iter().all(|service| service.action == Action::None) {
            self.violated(at, &place, "nothing is said to have drifted");
        }
        // At once, and not with the other pages: an entry may plan everything.
        self.plan_pages(&self.folder(name), "plan", &published.between(base.as_deref(), desired), None)
    }

    /// The rulesets that carry approvals over, as the plan's pages say, are those that the policy in force asks for.
    fn carrying(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        event: &Event,
        carries: &[RulesetName],
    ) -> Result<(), ObjectError> {
        let nobody_asks = self.place.governance.rulesets.values().all(|ruleset| ruleset.reapprove_on_change);
        if nobody_asks && carries.is_empty() {
            return Ok(());
        }
        let Some(open) = OpenPlan::of(event, self.entry.time) else { return Ok(()) };
        let root = &self.place.state.start.root;
        let place = format!("plan {}: carries", open.id.short());
        match judge_plan(self.objects, root, &self.place.governance, name, env, &open) {
            Ok(verdict) if verdict.carries == carries => {}
            Ok(_) => self.violated(At::environment(name), place, "are not the rulesets that carry approvals over"),
            Err(JudgeError::Object(error)) => return Err(error),
            Err(error) => self.violated(At::environment(name), place, format!("the plan cannot be judged: {error}")),
        }
        Ok(())
    }

    /// What the plan takes away: what is found on the host comes on top of what the repository says, as attested.
    ///
    /// Gate: what a deployment set is no such find. Told here, its deletion later would be none that is added, and
    /// approvals of this plan would carry over to it.
    fn removed(
        &mut self,
        name: &EnvironmentName,
        place: &str,
        (known, told): (Option<&BTreeSet<String>>, Option<&BTreeSet<String>>),
        base: Option<&Resolved>,
        is_proven: bool,
    ) {
        let is_right = match (known, told) {
            _ if known == told => true,
            (Some(known), Some(told)) => {
                let set = everything_set(name, base);
                !is_proven && known.is_subset(told) && told.difference(known).all(|found| !set.contains(found))
            }
            (Some(_), None) => !is_proven,
            (None, _) => false,
        };
        if !is_right {
            self.violated(At::environment(name), format!("{place}: removes"), "is not what the plan takes away");
        }
    }

    /// Holds the published document in this file against the plan as computed again: what differs only by what may have been
    /// found on the host is taken from the document, as attested.
    pub(super) fn told(
        &mut self,
        file: &str,
        name: &EnvironmentName,
        id: PlanId,
        composed: Composed,
        document: impl FnOnce(Plan) -> PlanDocument,
    ) -> Result<PublishedPlan, ObjectError> {
        let at = At::environment(name);
        let path = format!("{}/{file}", self.folder(name));
        let bytes = self.file(&path)?.unwrap_or_default();
        let told = serde_json::from_slice::<PlanDocument>(&bytes).map(|document| document.plan.services);
        let told = told.ok().filter(|told| told.len() == composed.plan.services.len());
        let mut plan = composed.plan;
        let mut is_proven = true;
        for (line, told) in plan.services.iter_mut().zip(told.unwrap_or_default()) {
            let live = told.preview != line.preview;
            let again = line.action == Action::None && told.action == Action::Update;
            if live && (told.action == line.action || again) {
                *line = ServiceLine { action: told.action, preview: told.preview, ..line.clone() };
                self.notes.attest(Attested::Previews);
                is_proven = false;
            }
        }
        let document = document(plan);
        if document.digest != id {
            let what = format!("the plan computed again is {}: it sets something else", document.digest.short());
            self.violated(at, format!("plan {}", id.short()), what);
        }
        Ok(PublishedPlan {
            document,
            previews: composed.previews,
            leaves: None,
            enters: None,
            values: String::new(),
            is_proven,
        })
    }

    /// The plan as it is without any difference on the host.
    pub(super) fn composed(
        &self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        base: Option<&Resolved>,
        desired: Option<&Resolved>,
        again: Option<PlanKind>,
    ) -> Result<Composed, ObjectError> {
        let changes = compose::changes(name, base, desired);
        let mut services = Vec::new();
        for change in &changes {
            let Some(content) = change.desired.as_ref().or(change.base.as_ref()) else { continue };
            let ServiceKind::Files(service) = &content.service.kind;
            let (old, new) = (change.base.as_ref(), change.desired.as_ref());
            let (old, new) = (old.map(files_of), new.map(files_of));
            services.push(ServicePlan {
                action: files::action(old, new),
                effect: files::effect(&service.target, new),
                preview: files::preview(self.objects, &service.target, old, new, &[])?,
                removes: files::removes(&service.target, old, new, &[]),
            });
        }
        let kind = match again {
            Some(kind) => kind,
            None => self.place.state.kind_of(self.objects, self.hashes, name, base, desired)?,
        };
        let place = Place {
            repository: self.place.state.repository,
            environment: name,
            number: env.next_number(),
            round: env.round,
            base: env.base(),
        };
        Ok(compose::compose(place, kind, desired, changes, services))
    }

    pub(super) fn contributions(
        &self,
        env: &EnvironmentState,
        base: Option<&Resolved>,
        desired: Option<&Resolved>,
        heads: &[Oid],
    ) -> Result<Contributions, ObjectError> {
        let root = &self.place.state.start.root;
        let from = env.applied.as_ref().map(|applied| applied.commit);
        let ranges = compose::ranges(root, base, desired, from, heads);
        contributions_in(self.graph, self.objects, &self.place.governance, &ranges)
    }
}

fn files_of(content: &ServiceContent) -> &[InputFile] {
    &content.files
}

/// All that a revision sets on its host, as it would be told if it were taken away.
fn everything_set(name: &EnvironmentName, base: Option<&Resolved>) -> BTreeSet<String> {
    let services = compose::changes(name, base, None);
    let services = services.iter().filter_map(|change| change.base.as_ref());
    let all = services.flat_map(|content| {
        let ServiceKind::Files(service) = &content.service.kind;
        files::removes(&service.target, Some(&content.files), None, &[])
    });
    all.collect()
}

pub(super) fn in_words(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Nothing => "there is no environment of this name".to_owned(),
        Wanted::Gone => "there is nothing, and nothing is desired".to_owned(),
        Wanted::Destroyed => "it shall be gone".to_owned(),
        Wanted::Present(desired) => format!("revision {} is desired", desired.revision.short()),
        Wanted::Problems(problems) => {
            format!("it cannot be read ({})", problems.first().map(ToString::to_string).unwrap_or_default())
        }
    }
}

pub(super) fn in_words_of(revision: Option<crate::digest::RevisionId>) -> String {
    revision.map_or_else(|| "none".to_owned(), |revision| revision.to_string())
}
