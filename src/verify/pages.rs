//! What people were shown: rendered again from the fold.

use std::sync::Arc;

use super::planned::PublishedPlan;
use super::step::{At, Step};
use super::tree::Expected;
use crate::journal::pages::{self, Overview, PlanPage};
use crate::journal::{Status, yaml_out};
use crate::lifecycle::{EnvironmentState, JudgeError};
use crate::model::EnvironmentName;
use crate::object::{ObjectError, Oid};
use crate::policy::Verdict;

/// The display limit where the operator sets none: a preview cut at another one is attested.
const USUAL_LIMIT: usize = 256 * 1024;

impl Step<'_, '_> {
    /// Called once everything is folded.
    pub(super) fn pages(&mut self) -> Result<(), ObjectError> {
        let mut known = match self.place.overview.take() {
            Some(overview) => overview,
            None => Arc::new(self.overview()?),
        };
        let overview = Arc::make_mut(&mut known);
        for name in self.touched() {
            let env = self.env(&name);
            let status = self.status(&name, &env)?;
            let folder = self.folder(&name);
            let yaml = yaml_out::to_yaml(&status).into_bytes();
            let page = pages::environment_page(&self.place.state, &status, &env).into_bytes();
            self.expect(format!("{folder}/status.yaml"), Expected::Bytes(yaml));
            self.expect(format!("{folder}/README.md"), Expected::Bytes(page));
            let waits = env.current.is_some() || env.deployment.is_some();
            if !waits {
                for file in ["plan.json", "plan.md", "plan.diff"] {
                    self.expect(format!("{folder}/{file}"), Expected::Absent);
                }
            }
            self.draft_pages(&name, &folder)?;
            overview.set(&status);
        }
        overview.set_governance(&self.place.state);
        overview.set_alarms(&self.place.state);
        self.expect("README.md".to_owned(), Expected::Bytes(pages::root_page(overview).into_bytes()));
        self.place.overview = Some(known);
        Ok(())
    }

    /// The three files of a plan: `plan.json` and so on, or `draft.json`.
    pub(super) fn plan_pages(
        &mut self,
        folder: &str,
        file: &str,
        plan: &PublishedPlan,
        draft: Option<Oid>,
    ) -> Result<(), ObjectError> {
        self.expect(format!("{folder}/{file}.json"), Expected::Bytes(plan.document.to_file()));
        let truncated = plan.document.truncated;
        let gates = pages::gate_changes(plan.leaves.as_ref(), plan.enters.as_ref());
        let limit = if truncated { USUAL_LIMIT } else { usize::MAX };
        let page = PlanPage {
            document: &plan.document,
            previews: &plan.previews,
            gates: &gates,
            values: &plan.values,
            limit,
            draft,
        };
        for (file, text) in
            [(format!("{file}.md"), pages::plan_page(&page)), (format!("{file}.diff"), pages::plan_diff(&page))]
        {
            let path = format!("{folder}/{file}");
            // Where it was cut is the operator's limit, which is not on the journal.
            let elsewhere = truncated && self.file(&path)?.is_some_and(|found| *found != *text.as_bytes());
            let is_known = plan.is_proven && !elsewhere;
            let expected = if is_known { Expected::Bytes(text.into_bytes()) } else { Expected::Attested };
            self.expect(path, expected);
        }
        Ok(())
    }

    fn overview(&mut self) -> Result<Overview, ObjectError> {
        let mut overview = Overview::new(&self.place.state);
        let names: Vec<EnvironmentName> = self.place.state.environments.keys().cloned().collect();
        for name in names {
            let env = self.env(&name);
            overview.set(&self.status(&name, &env)?);
        }
        Ok(overview)
    }

    fn status(&mut self, name: &EnvironmentName, env: &EnvironmentState) -> Result<Status, ObjectError> {
        let verdicts = self.verdicts(name, env);
        let verdict = self.judged(name, &verdicts.plan)?;
        let of_draft = self.judged(name, &verdicts.draft)?;
        let status = Status::of(&self.place.state, &self.place.governance, name, env, verdict);
        Ok(status.with_draft(env, of_draft))
    }

    fn judged<'v>(
        &mut self,
        name: &EnvironmentName,
        verdict: &'v Result<Option<Verdict>, JudgeError>,
    ) -> Result<Option<&'v Verdict>, ObjectError> {
        match verdict {
            Ok(verdict) => Ok(verdict.as_ref()),
            Err(JudgeError::Object(error)) => Err(error.clone()),
            Err(error) => {
                let what = format!("its plan cannot be judged: {error}");
                self.violated(At::environment(name), "status.yaml", what);
                Ok(None)
            }
        }
    }
}
