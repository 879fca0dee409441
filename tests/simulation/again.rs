//! Plans towards what is in force already: of what changed on the host, and because somebody asked.

use countersign::plan::PlanKind;

use super::chapter::Published;
use super::charter::Charter;
use super::drift::Drift;
use super::promise::left;
use super::request::{Asked, Wish};
use super::rules::may_force;
use super::world::World;

impl World {
    /// The wish of which a plan is.
    fn wish(&self, environment: &str, published: &Published) -> Option<&Asked> {
        let wish = self.book.environments[environment].redeploy.filter(|_| published.kind == PlanKind::Redeploy)?;
        self.ledger.ever_asked().find(|asked| asked.digest == wish)
    }

    /// Who wished for it: one of those who contributed.
    pub fn wisher(&self, environment: &str, published: &Published) -> Option<&'static str> {
        self.wish(environment, published).map(|asked| asked.person)
    }

    /// What a plan towards what is in force already lacks of its reason, under a policy.
    pub fn unfounded(&self, environment: &'static str, published: &Published, charter: &Charter) -> Option<String> {
        let book = &self.book.environments[environment];
        match published.kind {
            PlanKind::Drift => {
                let is_planned = left(book, &self.ledger, environment).drift() == Drift::Planned;
                (!is_planned).then(|| "nobody wants drift planned".to_owned())
            }
            PlanKind::Redeploy => {
                let Some(asked) = self.wish(environment, published) else {
                    return Some("nobody asked that it be deployed again".to_owned());
                };
                let is_of_this =
                    matches!(asked.wish, Wish::Redeploy { number } if Some(number) == book.applied.map(|(n, _)| n));
                if !is_of_this || asked.environment != environment {
                    return Some(format!("{} asked for something else", asked.person));
                }
                let may = charter.key_of(asked.person) == Some(asked.key) && may_force(charter, asked.person);
                (!may).then(|| format!("{} asked for it, who may not", asked.person))
            }
            _ => None,
        }
    }

    /// A plan is published: one towards what is in force already has a reason.
    pub fn check_again(&mut self, environment: &'static str, at: usize) -> Result<(), String> {
        let published = self.book.environments[environment].published[at].clone();
        let wrong = |why: &str| Err(format!("{environment}: {} was planned, but {why}", published.plan.short()));
        let book = &self.book.environments[environment];
        let (before, after) =
            (left(book, &self.ledger, environment), self.ledger.content(published.commit, environment));
        match published.kind {
            PlanKind::Drift => self.again[0] += 1,
            PlanKind::Redeploy => self.again[1] += 1,
            _ => return Ok(()),
        }
        if after.has_effect_after(before) {
            return wrong("it is said to change nothing");
        }
        let book = &self.book.environments[environment];
        if published.kind == PlanKind::Drift {
            if let Some(why) = self.unfounded(environment, &published, &self.book.charter()) {
                return wrong(&why);
            }
            let applied = before.targets(environment, self.ledger.size(book.applied_source));
            if published
                .shown
                .is_some_and(|shown| applied.iter().all(|(t, files)| files.is_none() || shown[t] == *files))
            {
                return wrong("nothing had changed on the host");
            }
        } else if book.redeploy.is_none() {
            return wrong("nobody asked that it be deployed again");
        }
        Ok(())
    }

    /// In a quiet world in which nothing else is desired than what is in force: whether a plan may wait all the same.
    ///
    /// # Errors
    /// What should be planned and is not.
    pub fn planned_again(&self, environment: &'static str) -> Result<Option<PlanKind>, String> {
        let book = &self.book.environments[environment];
        let open = book.current().map(|open| open.kind);
        if book.redeploy.is_some() {
            return match open {
                Some(PlanKind::Redeploy) => Ok(open),
                _ => Err("somebody asked that it be deployed again, and that is not planned".to_owned()),
            };
        }
        let is_looked_at = left(book, &self.ledger, environment).drift() == Drift::Planned;
        let (drifted, waits) = (self.drifted(environment), book.told.is_too_soon(self.now().as_second()));
        match open {
            Some(PlanKind::Drift) if is_looked_at && (waits || !drifted.is_empty()) => Ok(open),
            None if is_looked_at && !waits && !drifted.is_empty() => {
                Err(format!("{drifted:?} changed on the host, and that is not planned"))
            }
            _ => Ok(None),
        }
    }
}
