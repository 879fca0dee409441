//! People and their clones: what they write, commit, push and merge.

use std::path::PathBuf;

use super::World;
use super::setup::document;

/// What an environment asks for unless a scenario says otherwise.
const APPROVED_BY_STANDARD: &str = "requireApproval: true\nrulesets: [standard]\n";

impl World {
    /// A person's clone, made when it is first asked for: commits in it are signed with the person's key.
    #[track_caller]
    pub fn clone_of(&self, who: &str) -> PathBuf {
        let folder = self.at(who);
        if !folder.exists() {
            self.make_clone(who, who, &[]);
        }
        folder
    }

    /// One more clone, as `who`, with more arguments for `git clone`.
    #[track_caller]
    pub fn make_clone(&self, folder: &str, who: &str, arguments: &[&str]) {
        let mut command = self.command("git");
        command.args(["clone", "--quiet"]).args(arguments);
        let key = format!("user.signingKey={}", self.at(format!("{who}.key.pub")).display());
        let (name, email) = (format!("user.name={who}"), format!("user.email={who}@x.example"));
        for setting in [&name, &email, &key, "gpg.format=ssh", "commit.gpgSign=true", "push.default=upstream"] {
            command.args(["-c", setting]);
        }
        let run = self.run({
            command.arg(format!("file://{}", self.at("remote.git").display())).arg(folder);
            command
        });
        assert!(run.succeeded(), "{run}");
        // The signature is made with the private key, which git finds beside the public one.
        assert!(self.at(format!("{who}.key")).exists(), "{who} has no key");
    }

    /// Writes a file in a clone.
    pub fn write(&self, who: &str, path: &str, text: impl AsRef<[u8]>) {
        let path = self.clone_of(who).join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    /// Writes an environment that `standard` guards into a clone: one service of type `files`, one file.
    pub fn environment(&mut self, who: &str, name: &str, content: &str) -> &mut Self {
        self.environment_with(who, name, content, APPROVED_BY_STANDARD)
    }

    /// As [`World::environment`], with other gate settings.
    pub fn environment_with(&mut self, who: &str, name: &str, content: &str, spec: &str) -> &mut Self {
        let target = self.target(name).display().to_string();
        self.environment_at(who, name, content, spec, &target)
    }

    /// As [`World::environment_with`], with another target.
    pub fn environment_at(&mut self, who: &str, name: &str, content: &str, spec: &str, target: &str) -> &mut Self {
        let spec = spec.trim_end();
        let services = format!("services:\n  - name: config\n    type: files\n    path: config\n    target: {target}");
        let text = document("Environment", name, &format!("{spec}\n{services}\n"));
        self.write(who, &format!("environments/{name}/environment.yaml"), text);
        self.write(who, &format!("environments/{name}/config/app.conf"), content);
        self
    }

    /// Writes any file into a clone, as part of a chain.
    pub fn file(&mut self, who: &str, path: &str, text: &str) -> &mut Self {
        self.write(who, path, text);
        self
    }

    /// Commits everything in a clone and pushes it, on top of what is there by then.
    #[track_caller]
    pub fn push(&mut self, who: &str) -> &mut Self {
        self.shell(who, "git add --all && git commit --quiet -m change");
        self.shell(who, "git pull --quiet --no-rebase --no-edit && git push --quiet");
        self
    }

    /// The environment's `app.conf` becomes this, is committed and pushed.
    #[track_caller]
    pub fn change(&mut self, who: &str, environment: &str, content: &str) -> &mut Self {
        self.pull(who);
        self.write(who, &format!("environments/{environment}/config/app.conf"), content);
        self.push(who)
    }

    /// Brings a clone up to date.
    #[track_caller]
    pub fn pull(&mut self, who: &str) -> &mut Self {
        self.shell(who, "git pull --quiet --ff-only");
        self
    }

    /// Removes something in a clone, commits and pushes.
    #[track_caller]
    pub fn remove(&mut self, who: &str, path: &str) -> &mut Self {
        self.pull(who);
        self.shell(who, &format!("git rm -r --quiet {path} && git commit --quiet -m remove && git push --quiet"));
        self
    }

    /// The exact command of the status: a signed merge of the newest ready-made branch.
    #[track_caller]
    pub fn approve_by_merge(&mut self, who: &str, environment: &str) -> &mut Self {
        self.merge(who, environment, "approve")
    }

    /// As [`World::approve_by_merge`], saying no.
    #[track_caller]
    pub fn reject_by_merge(&mut self, who: &str, environment: &str) -> &mut Self {
        self.merge(who, environment, "reject")
    }

    /// Merges the newest ready-made branch of a verdict: `approve`, `reject`, `withdraw`.
    #[track_caller]
    pub fn merge(&mut self, who: &str, environment: &str, verdict: &str) -> &mut Self {
        let branch = self.ready(verdict, environment);
        let line = countersign::lifecycle::merge_command(&branch);
        self.shell(who, &line);
        self
    }

    /// The ready-made branch of a verdict, which must be there.
    #[track_caller]
    pub fn ready(&self, verdict: &str, environment: &str) -> String {
        let branches = self.branches(&format!("countersign/{verdict}/{environment}/"));
        assert_eq!(branches.len(), 1, "ready-made branches to {verdict} {environment}: {branches:?}\n{}", self.said());
        branches.into_iter().next().expect("one")
    }
}
