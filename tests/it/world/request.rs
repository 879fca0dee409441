//! Requests signed by hand: what `ssh-keygen` makes of the documented bytes.

use countersign::digest::StatementId;
use countersign::model::{Maker, Request, RequestAction};

use super::World;

/// A request to be signed.
#[derive(Debug, Clone)]
pub struct Ask {
    request: Request,
    previous: Option<StatementId>,
    key: String,
    path: Option<String>,
}

impl Ask {
    /// Anything else that it says.
    pub fn saying(mut self, change: impl FnOnce(&mut Request)) -> Self {
        change(&mut self.request);
        self
    }

    /// With a reason.
    pub fn because(self, reason: &str) -> Self {
        self.saying(|request| reason.clone_into(&mut request.reason))
    }

    /// The statement before this one.
    pub fn previous(mut self, previous: Option<StatementId>) -> Self {
        self.previous = previous;
        self
    }

    /// Signed with the key of another name.
    pub fn signed_with(mut self, key: &str) -> Self {
        self.key = key.to_owned();
        self
    }

    /// Put somewhere else.
    pub fn path(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }
}

impl World {
    /// As soon as a claim arrives on the remote, the config branch is moved there to `commit`.
    pub fn move_main_when_claimed(&self, commit: &str) {
        self.when_claimed(&format!("git update-ref refs/heads/main {commit}"));
    }

    /// As soon as a claim arrives on the remote, this line runs there.
    pub fn when_claimed(&self, line: &str) {
        let script = format!(
            "unset GIT_QUARANTINE_PATH\nif git show countersign/journal:entry.json | grep -q '\"event\":\"claimed\"'; then {line}; fi"
        );
        self.hook("post-receive", &script);
    }

    /// A request of a person, which names what the journal knows as their last statement in the environment.
    #[track_caller]
    pub fn request(&self, who: &str, environment: &str, action: RequestAction) -> Ask {
        let status = self.status(environment);
        let by = who.parse().expect("a name");
        let previous = status.last_statements.get(&by).copied();
        Ask {
            request: Request {
                repository: status.repository,
                environment: status.environment,
                action,
                reason: String::new(),
                maker: Maker::Signed { by, previous: None, signature: String::new() },
            },
            previous,
            key: who.to_owned(),
            path: None,
        }
    }

    /// Signs it; its digest and the text of its file.
    #[track_caller]
    pub fn sign_request(&self, ask: &Ask) -> (StatementId, String) {
        let mut request = ask.request.clone();
        let Maker::Signed { by, .. } = &request.maker else { panic!("nobody signs a ready-made record") };
        let by = by.clone();
        request.maker = Maker::Signed { by: by.clone(), previous: ask.previous, signature: String::new() };
        let signature = self.ssh_sign(&ask.key, "statement-v1@countersign", &request.signed_bytes());
        request.maker = Maker::Signed { by, previous: ask.previous, signature };
        (request.digest(), request.to_yaml())
    }

    /// Writes it into a clone, without committing it; its digest.
    #[track_caller]
    pub fn put_request(&self, who: &str, ask: &Ask) -> StatementId {
        let (digest, text) = self.sign_request(ask);
        let usual = format!("requests/{}/{}.yaml", ask.request.environment, digest.0.short());
        self.write(who, ask.path.as_deref().unwrap_or(&usual), text);
        digest
    }

    /// Signs it and pushes it from a person's clone.
    #[track_caller]
    pub fn ask(&mut self, who: &str, ask: &Ask) -> &mut Self {
        self.pull(who);
        self.put_request(who, ask);
        self.push(who)
    }
}
