//! What an environment of the simulated world can be: a few small numbers, from which its files follow.

use std::collections::BTreeMap;

use countersign::object::{Edit, Entry, Kind, MemoryObjects, Mode, Objects};

use super::drift::Drift;
use super::imports::{BASE, Import};
use super::window::Window;

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
    /// As by default, by a ruleset that carries approvals over.
    Carried,
    /// One approval, and commits that are signed by people who may make them.
    Signed,
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
    /// Whether somebody has to start a deployment.
    pub manual: bool,
    pub window: Window,
    pub drift: Drift,
    /// What it takes over from the other environment.
    pub import: Import,
    /// What the service `main` puts on the host.
    pub main: u8,
    /// What the service `extra` puts there, if it is there.
    pub extra: Option<u8>,
    /// A comment, which changes the revision and nothing else.
    pub note: u8,
}

/// The files of a target, or nothing.
pub type Files = Option<BTreeMap<String, String>>;

impl Setting {
    /// Nothing but some gates and a first service.
    pub fn plain(gates: Gates) -> Self {
        let (window, drift, import) = (Window::None, Drift::Unseen, Import::Nothing);
        Self { gates, manual: false, window, drift, import, main: 0, extra: None, note: 0 }
    }
}

impl Content {
    /// Whether somebody has to start a deployment, as far as this says.
    pub fn is_manual(self) -> bool {
        matches!(self, Self::Present(setting) if setting.manual)
    }

    /// The windows in which a deployment may begin.
    pub fn window(self) -> Window {
        match self {
            Self::Present(setting) => setting.window,
            _ => Window::None,
        }
    }

    /// What becomes of what is found on the host.
    pub fn drift(self) -> Drift {
        match self {
            Self::Present(setting) => setting.drift,
            _ => Drift::Unseen,
        }
    }

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

    /// What each target of the environment holds once this is applied, with what it imports.
    pub fn targets(self, environment: &str, size: Option<u8>) -> BTreeMap<String, Files> {
        let (main, extra) = match self {
            Self::Present(setting) => (Some(setting.main), setting.extra),
            _ => (None, None),
        };
        let size = size.map(|size| size.to_string());
        [("main", main, size.as_deref()), ("extra", extra, None)]
            .into_iter()
            .map(|(service, number, size)| {
                (target(environment, service), number.map(|number| files(service, number, size)))
            })
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
                let size = (setting.import != Import::Nothing).then_some("{{ size }}");
                let services = [("main", Some(setting.main), size), ("extra", setting.extra, None)];
                for (service, number, size) in services {
                    for (path, text) in number.map(|number| files(service, number, size)).unwrap_or_default() {
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
            Gates::Signed => "  requireApproval: true\n  rulesets: [signed]\n",
            Gates::Carried => "  requireApproval: true\n  rulesets: [carried]\n",
            Gates::Idle => "  requireApproval: true\n  rulesets: [idle]\n",
        };
        let imports = match self.import {
            Import::Nothing => String::new(),
            Import::Follows => format!("  imports: [{{ name: {BASE} }}]\n"),
            Import::Pinned(revision) => format!("  imports: [{{ name: {BASE}, revision: \"{revision}\" }}]\n"),
        };
        let values = if environment == BASE { format!("  values: {{ size: {} }}\n", self.main) } else { String::new() };
        let service = |name: &str, more: &str| {
            format!(
                "    - {{ name: {name}, type: files, path: {name}, target: {}{more} }}\n",
                target(environment, name)
            )
        };
        let template = if self.import == Import::Nothing { "" } else { ", template: true" };
        let extra = self.extra.map(|_| service("extra", "")).unwrap_or_default();
        let mode = if self.manual { "manual" } else { "auto" };
        let deploy = format!("  deploy: {{ mode: {mode}, windows: [{}] }}\n", self.window.entries().join(", "));
        let drift = self.drift.yaml();
        format!(
            "# note {}\napiVersion: countersign/v1\nkind: Environment\nmetadata: {{ name: {environment} }}\nspec:\n{gates}{deploy}{drift}{imports}{values}  services:\n{}{extra}",
            self.note,
            service("main", template),
        )
    }
}

pub fn target(environment: &str, service: &str) -> String {
    format!("/srv/{environment}/{service}")
}

fn files(service: &str, number: u8, size: Option<&str>) -> BTreeMap<String, String> {
    let size = size.map(|size| format!("size {size}\n")).unwrap_or_default();
    let app = format!("{service}\nnumber {number}\n{size}");
    BTreeMap::from([("app.txt".to_owned(), app), ("fixed/same.txt".to_owned(), "same\n".to_owned())])
}
