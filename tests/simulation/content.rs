//! What an environment of the simulated world can be: a few small numbers, from which its files follow.

use std::collections::BTreeMap;

use countersign::object::{Edit, Entry, Kind, MemoryObjects, Mode, Objects};

pub const ENVIRONMENTS: [&str; 2] = ["acme-prod", "beta"];

/// Which gates an environment sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gates {
    /// It says nothing.
    Default,
    /// One approval, by a signed record.
    Recorded,
    /// One approval, also by who contributed.
    Own,
    /// `requireApproval: false`.
    Off,
    /// A ruleset that is not enabled.
    Idle,
}

/// What an environment is at a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// There is no folder.
    Absent,
    /// The folder is there without its `environment.yaml`.
    Unmarked,
    /// `environment.yaml` cannot be read.
    Broken,
    Present(Setting),
}

/// A readable environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    pub gates: Gates,
    /// What the service `main` puts on the host.
    pub main: u8,
    /// What the service `extra` puts there, if it is there.
    pub extra: Option<u8>,
    /// A comment, which changes the revision and nothing else.
    pub note: u8,
}

/// The files of a target, or nothing.
pub type Files = Option<BTreeMap<String, String>>;

impl Content {
    pub fn gates(self) -> Option<Gates> {
        match self {
            Self::Present(setting) => Some(setting.gates),
            _ => None,
        }
    }

    /// Whether it can be read and applied.
    pub fn is_sound(self) -> bool {
        matches!(self, Self::Absent | Self::Present(_))
    }

    /// Whether applying it in the place of another changes anything that matters.
    pub fn has_effect_after(self, other: Self) -> bool {
        let essence = |content| match content {
            Self::Present(setting) => Some(Setting { note: 0, ..setting }),
            _ => None,
        };
        essence(self) != essence(other)
    }

    /// What each target of the environment holds once this is applied.
    pub fn targets(self, environment: &str) -> BTreeMap<String, Files> {
        let (main, extra) = match self {
            Self::Present(setting) => (Some(setting.main), setting.extra),
            _ => (None, None),
        };
        [("main", main), ("extra", extra)]
            .into_iter()
            .map(|(service, number)| (target(environment, service), number.map(|number| files(service, number))))
            .collect()
    }

    /// The edits that make the environment's folder this.
    pub fn edits(self, environment: &str, objects: &MemoryObjects) -> BTreeMap<String, Edit> {
        let folder = format!("environments/{environment}");
        let mut edits = BTreeMap::from([(folder.clone(), Edit::Remove)]);
        let mut put = |path: &str, text: &str| {
            let id = objects.write(Kind::Blob, text.as_bytes()).unwrap();
            edits.insert(format!("{folder}/{path}"), Edit::Put(Entry { mode: Mode::File, id }));
        };
        match self {
            Self::Absent => {}
            Self::Unmarked => put("main/app.txt", "main\n"),
            Self::Broken => {
                put("main/app.txt", "main\n");
                put("environment.yaml", "kind: Environment\nkind: Environment\n");
            }
            Self::Present(setting) => {
                put("environment.yaml", &setting.yaml(environment));
                let services = [("main", Some(setting.main)), ("extra", setting.extra)];
                for (service, number) in services {
                    for (path, text) in number.map(|number| files(service, number)).unwrap_or_default() {
                        put(&format!("{service}/{path}"), &text);
                    }
                }
            }
        }
        edits
    }
}

impl Setting {
    fn yaml(self, environment: &str) -> String {
        let gates = match self.gates {
            Gates::Default => "",
            Gates::Recorded => "  requireApproval: true\n  rulesets: [recorded]\n",
            Gates::Own => "  requireApproval: true\n  rulesets: [own]\n",
            Gates::Off => "  requireApproval: false\n",
            Gates::Idle => "  requireApproval: true\n  rulesets: [idle]\n",
        };
        let service = |name: &str| {
            format!("    - {{ name: {name}, type: files, path: {name}, target: {} }}\n", target(environment, name))
        };
        let extra = self.extra.map(|_| service("extra")).unwrap_or_default();
        format!(
            "# note {}\napiVersion: countersign/v1\nkind: Environment\nmetadata: {{ name: {environment} }}\nspec:\n{gates}  services:\n{}{extra}",
            self.note,
            service("main"),
        )
    }
}

pub fn target(environment: &str, service: &str) -> String {
    format!("/srv/{environment}/{service}")
}

fn files(service: &str, number: u8) -> BTreeMap<String, String> {
    let app = format!("{service}\nnumber {number}\n");
    BTreeMap::from([("app.txt".to_owned(), app), ("fixed/same.txt".to_owned(), "same\n".to_owned())])
}
