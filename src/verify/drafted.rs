//! What is told of drafts: computed again where the draft's commits can be had.
//!
//! A draft is on no branch that the journal names the head of, and its branch may be rewritten or deleted by anybody. So
//! what cannot be looked up is counted and has no consequence: nothing is applied by a draft's plan, and before anything
//! is, the config branch must desire the same, which is proven then.

use super::notes::Attested;
use super::planned::in_words_of;
use super::step::{At, Step};
use super::tree::Expected;
use crate::evidence::contributors::Contributions;
use crate::journal::{Event, NoPlan};
use crate::lifecycle::{DraftCase, DraftWanted, Drafted, draft_wanted, refusals};
use crate::model::{EnvironmentName, Problem};
use crate::object::{ObjectError, Oid, Overlay};

impl Step<'_, '_> {
    /// Called before the event is folded.
    pub(super) fn draft_told(&mut self, name: &EnvironmentName, event: &Event) -> Result<(), ObjectError> {
        let findings = self.notes.findings.len();
        let attested = self.notes.attested.clone();
        let told = match event {
            Event::DraftPlanned { .. } => self.draft_planned(name, event),
            Event::DraftUnplanned { draft, commit, why, problems, .. } => {
                self.draft_unplanned(name, *draft, *commit, *why, problems)
            }
            _ => Ok(()),
        };
        match told {
            // Its branch was rewritten or deleted since, or has an object that is no proper one.
            Err(ObjectError::Missing { .. }) => {}
            Err(ObjectError::Malformed { .. }) if matches!(event, Event::DraftUnplanned { .. }) => {}
            told => return told,
        }
        self.notes.findings.truncate(findings);
        self.notes.attested = attested;
        self.notes.attest(Attested::Drafts);
        Ok(())
    }

    fn draft_planned(&mut self, name: &EnvironmentName, event: &Event) -> Result<(), ObjectError> {
        let Event::DraftPlanned {
            draft: tip,
            settings,
            plan: id,
            kind,
            revision,
            commit,
            truncated,
            contributors,
            imports,
            ..
        } = event
        else {
            return Ok(());
        };
        let place = format!("plan {} of the draft", id.short());
        let at = At::environment(name);
        let env = self.env(name);
        let config = self.entry.heads.config;
        if *commit != config {
            self.violated(at, &place, "was computed from another commit than the config head");
        }
        if env.says_of_draft(*tip, *id, contributors) {
            self.violated(at, &place, "says what was said before");
        }
        let base = self.base_of(name, &env)?;
        let (desired, found) = match self.draft_wanted(name, *tip)? {
            DraftWanted::Change(desired, settings) => (desired, settings),
            other => {
                self.violated(at, &place, format!("nothing was to be planned: {}", in_words(&other)));
                return Ok(());
            }
        };
        let desired = desired.as_deref();
        if found != *settings {
            self.violated(at, &place, "its settings are not those of the merge");
        }
        let merged = desired.map(|desired| desired.revision);
        if merged != *revision {
            let what = format!("its revision is {}, but the merge has {}", in_words_of(*revision), in_words_of(merged));
            self.violated(at, &place, what);
        }
        if desired.map(|desired| desired.sources.clone()).unwrap_or_default() != *imports {
            self.violated(at, format!("{place}: imports"), "are not what is applied in the environments it imports");
        }
        if let Some(desired) = desired {
            for (_, problem) in refusals::owned_targets(&self.place.state, name, desired) {
                self.violated(at, &place, problem.to_string());
            }
        }
        let composed = self.composed(name, &env.once_desired(merged), base.as_deref(), desired, None)?;
        if composed.plan.kind != *kind {
            let what = format!("it says `{}`, but it is a `{}`", kind.name(), composed.plan.kind.name());
            self.violated(at, &place, what);
        }
        if !truncated && composed.previews.iter().any(|(_, preview)| preview.omitted > 0) {
            self.violated(at, &place, "files were left out of its preview, and it does not say `truncated`");
        }
        let Contributions { contributors: known, commits } =
            self.contributions(&env, base.as_deref(), desired, &[config, *tip])?;
        if known != *contributors {
            let what = "the contributors are not those of the commits that changed its inputs";
            self.violated(at, format!("{place}: contributors"), what);
        }
        let document = |plan: crate::plan::Plan| plan.document(*truncated, known, commits, imports.clone());
        let published = self.told("draft.json", name, *id, composed, document)?;
        self.published_drafts.insert(name.clone(), published.between(base.as_deref(), desired));
        Ok(())
    }

    fn draft_unplanned(
        &mut self,
        name: &EnvironmentName,
        tip: Option<Oid>,
        commit: Oid,
        why: NoPlan,
        problems: &[Problem],
    ) -> Result<(), ObjectError> {
        let at = At::environment(name);
        if commit != self.entry.heads.config {
            self.violated(at, "draft", "was held against another commit than the config head");
        }
        let before = self.env(name).draft.as_ref().map(|draft| (Some(draft.tip), draft.unplanned.clone()));
        if before == Some((tip, Some((why, problems.to_vec())))) {
            self.violated(at, "draft", "says what was said before");
        }
        let Some(tip) = tip else {
            self.notes.attest(Attested::Drafts);
            return Ok(());
        };
        match self.draft_wanted(name, tip)? {
            DraftWanted::Nothing(expected) if expected == why => {}
            DraftWanted::Problems(expected) if why == NoPlan::Problems && expected == problems => {}
            // What the operator's settings, the host or the policy refuse.
            DraftWanted::Change(..) if why == NoPlan::Problems => self.notes.attest(Attested::Refusals),
            other => {
                let what = format!("nothing is planned ({why:?}), though {}", in_words(&other));
                self.violated(at, "draft", what);
            }
        }
        Ok(())
    }

    fn draft_wanted(&mut self, name: &EnvironmentName, tip: Oid) -> Result<DraftWanted, ObjectError> {
        // The draft first: what it lacks is told by that.
        self.objects.commit(tip)?;
        let env = self.env(name);
        let base = self.base_of(name, &env)?;
        let is_imported = self.is_imported(name)?;
        let config = self.entry.heads.config;
        let case = DraftCase { name, config, tip, env: &env, base: base.as_deref(), is_imported };
        let overlay = Overlay::new(self.objects);
        draft_wanted(self.graph, &overlay, self.hashes, &self.place.state, case)
    }

    /// The files of a draft's plan. Called once everything is folded.
    pub(super) fn draft_pages(&mut self, name: &EnvironmentName, folder: &str) -> Result<(), ObjectError> {
        let env = self.env(name);
        let Some(drafted) = env.draft_plan().and_then(|plan| plan.drafted) else {
            for file in ["draft.json", "draft.md", "draft.diff", "draft.yaml"] {
                self.expect(format!("{folder}/{file}"), Expected::Absent);
            }
            return Ok(());
        };
        let is_told = |event: &Event| matches!(event, Event::DraftPlanned { environment, .. } if environment == name);
        if !self.entry.events.iter().any(is_told) {
            return Ok(());
        }
        self.draft_settings(name, folder, drafted)?;
        match self.published_drafts.remove(name) {
            Some(published) => self.plan_pages(folder, "draft", &published, Some(drafted.tip)),
            None => {
                for file in ["draft.json", "draft.md", "draft.diff"] {
                    self.expect(format!("{folder}/{file}"), Expected::Attested);
                }
                Ok(())
            }
        }
    }

    /// The settings that the plan is judged by lie on the journal, so that they can be read when the draft is gone.
    fn draft_settings(&mut self, name: &EnvironmentName, folder: &str, drafted: Drafted) -> Result<(), ObjectError> {
        let path = format!("{folder}/draft.yaml");
        let found = crate::object::entry_at(self.objects, self.commit.tree, &path)?.map(|entry| entry.id);
        if found != drafted.settings {
            self.violated(At::environment(name), &path, "is not the settings that the draft's plan names");
        }
        let expected = match drafted.settings {
            Some(settings) => Expected::Bytes(self.objects.blob(settings)?.to_vec()),
            None => Expected::Absent,
        };
        self.expect(path, expected);
        Ok(())
    }
}

fn in_words(wanted: &DraftWanted) -> String {
    match wanted {
        DraftWanted::Nothing(NoPlan::Same) => "the merge changes nothing".to_owned(),
        DraftWanted::Nothing(NoPlan::WithoutEffect) => "the merge has no effect".to_owned(),
        DraftWanted::Nothing(_) => "what the merge desires is in force".to_owned(),
        DraftWanted::Problems(problems) => {
            format!("it cannot be merged or read ({})", problems.first().map(ToString::to_string).unwrap_or_default())
        }
        DraftWanted::Change(Some(desired), _) => format!("the merge desires revision {}", desired.revision.short()),
        DraftWanted::Change(None, _) => "the merge would destroy it".to_owned(),
    }
}
