//! The world: a server, a host, a clock, daemons, and the ledger of what people did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use countersign::digest::{Digest, StatementId};
use countersign::git::memory::MemoryServer;
use countersign::git::sign::{NewCommit, with_signature};
use countersign::journal::Journal;
use countersign::lifecycle::Index;
use countersign::object::{Edit, Entry, Kind, MemoryObjects, Mode, Objects, Oid, edit_tree};
use countersign::reconcile::TickError;
use countersign::revision::{Hashes, resolve_governance};
use countersign::verify::{Tips, Verdict, prove};
use jiff::Timestamp;

use super::baton::{Order, Point};
use super::book::Book;
use super::charter::{Charter, GOVERNANCE};
use super::content::{Content, ENVIRONMENTS, Gates};
use super::counts::Counts;
use super::drafter::Draft;
use super::host::Host;
use super::ledger::{Branch, Deed, Ledger, Said};
use super::people::{self, email};
use super::process::{CONFIG, Folder, JOURNAL, Process, RECORDS, Surroundings};
use super::signed::Signature;
use super::window::{HALF, Window};

/// How often the daemons are let run until nothing changes any more.
const MOST_ROUNDS: usize = 20;

pub struct World {
    pub surroundings: Surroundings,
    pub ledger: Ledger,
    pub book: Book,
    pub processes: Vec<Process>,
    /// The daemon that moved last.
    pub mover: Option<&'static str>,
    /// Claims that an operator let another daemon settle.
    pub taken_over: BTreeSet<String>,
    /// Whether the remote shows rewritten history just now.
    pub rewound: bool,
    pub log: Vec<String>,
    pub claims: usize,
    pub switches: usize,
    pub corrections: usize,
    /// How many plans were made of what changed on the host, and because somebody asked.
    pub again: [usize; 2],
    /// How many policies came into force after the first.
    pub policies: usize,
    /// What the drafts are by now.
    pub drafts: BTreeMap<&'static str, Draft>,
    /// How often what is rare happened.
    pub counts: Counts,
    folders: u64,
}

/// A commit that somebody makes.
#[derive(Debug, Clone)]
pub struct Work<'a> {
    pub author: &'a str,
    pub signer: Option<&'a str>,
    /// What it merges.
    pub merges: Vec<Oid>,
    pub edits: BTreeMap<String, Edit>,
    pub message: String,
}

impl<'a> Work<'a> {
    /// One that changes nothing yet.
    pub fn of(author: &'a str, signer: Option<&'a str>, message: String) -> Self {
        Self { author, signer, merges: Vec::new(), edits: BTreeMap::new(), message }
    }
}

impl World {
    /// A world with the first policy and these environments, without a journal and without daemons.
    pub fn new(environments: &[(&'static str, Content)]) -> Self {
        Self::under(Charter::FIRST, environments)
    }

    /// The same under another policy.
    pub fn under(charter: Charter, environments: &[(&'static str, Content)]) -> Self {
        let server = MemoryServer::new();
        let objects = server.objects();
        let edits = charter.edits(objects);
        let tree = edit_tree(objects, None, &edits).unwrap();
        let (policy, governance) = resolve_governance(objects, &Hashes::default(), "", tree).unwrap();
        governance.unwrap();
        let surroundings = Surroundings {
            server,
            host: Host::default(),
            clock: Arc::new(AtomicI64::new(1_800_000_000)),
            policy: policy.unwrap(),
            late: Arc::default(),
            proofs: None,
            is_thorough: false,
            ready_limit: 200,
            rests: false,
        };
        let mut world = Self {
            surroundings,
            ledger: Ledger::default(),
            book: Book::new(),
            processes: Vec::new(),
            mover: None,
            taken_over: BTreeSet::new(),
            rewound: false,
            log: Vec::new(),
            claims: 0,
            switches: 0,
            corrections: 0,
            again: [0; 2],
            policies: 0,
            drafts: BTreeMap::new(),
            counts: Counts::default(),
            folders: 0,
        };
        let contents = ENVIRONMENTS.iter().map(|name| (*name, Content::Absent)).collect();
        let work = Work { author: "alice", signer: None, merges: vec![], edits, message: "Begin".to_owned() };
        let deed = Deed {
            branch: Branch::Config,
            contents,
            charter,
            hands: BTreeSet::new(),
            touched: BTreeSet::new(),
            signatures: Vec::new(),
            said: Vec::new(),
            asked: Vec::new(),
        };
        world.commit(work, deed);
        let signed = environments.iter().any(|(_, content)| content.gates() == Some(Gates::Signed));
        let signature = if signed { Signature::By("dave") } else { Signature::None };
        world.change_signed("dave", environments, None, signature);
        world
    }

    pub fn objects(&self) -> MemoryObjects {
        self.surroundings.server.objects().clone()
    }

    pub fn note(&mut self, text: impl Into<String>) {
        self.log.push(text.into());
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_second(self.surroundings.clock.load(Ordering::SeqCst)).unwrap()
    }

    pub fn pass(&self, seconds: i64) {
        self.surroundings.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    /// The first push that is still on its way gets there, if there is one.
    pub fn arrive(&mut self) -> Result<bool, String> {
        let mut late = self.surroundings.late.lock().unwrap();
        if late.is_empty() {
            return Ok(false);
        }
        let push = late.remove(0);
        drop(late);
        self.note(format!("a late push of {} arrives", push.daemon));
        push.arrive(&self.surroundings.server);
        // It was made from what was on the host then, not from what its daemon saw last.
        self.mover = None;
        self.check()?;
        Ok(true)
    }

    pub fn config_tip(&self) -> Oid {
        self.surroundings.server.get(CONFIG).unwrap()
    }

    /// Commits on top of a branch and enters the deed. A merged statement gets the digest of its merge.
    pub fn commit(&mut self, work: Work<'_>, deed: Deed) -> Oid {
        let (tree, parents) = self.tree_of(&work, deed.branch);
        let raw = self.raw_commit(&work, tree, &parents);
        let signature = work.signer.map(people::key_name);
        self.enter(&work, &raw, signature, deed)
    }

    /// What a commit on top of a branch holds, and what it follows.
    pub fn tree_of(&self, work: &Work<'_>, branch: Branch) -> (Oid, Vec<Oid>) {
        let objects = self.objects();
        let tip = self.surroundings.server.get(branch.name());
        let before = tip.map(|tip| objects.commit(tip).unwrap().tree);
        let tree = edit_tree(&objects, before, &work.edits).unwrap();
        (tree, tip.into_iter().chain(work.merges.iter().copied()).collect())
    }

    /// Pushes a commit, and enters the deed.
    pub fn enter(&mut self, work: &Work<'_>, raw: &[u8], signature: Option<&'static str>, mut deed: Deed) -> Oid {
        let id = self.objects().write(Kind::Commit, raw).unwrap();
        let merge = StatementId(Digest::of(raw));
        deed.said.iter_mut().filter(|said| !said.by_record).for_each(|said| said.digest = merge);
        deed.asked.iter_mut().filter(|asked| !asked.by_record).for_each(|asked| asked.digest = merge);
        deed.hands.extend(people::PEOPLE.into_iter().filter(|person| work.author == *person));
        if deed.signatures.is_empty() {
            deed.signatures.push(signature);
        }
        let name = deed.branch.name();
        self.ledger.add(id, deed);
        self.surroundings.server.set(name, Some(id));
        id
    }

    /// The raw bytes of a commit, signed or not.
    pub fn raw_commit(&self, work: &Work<'_>, tree: Oid, parents: &[Oid]) -> Vec<u8> {
        let (address, time) = (email(work.author), self.now());
        let commit = NewCommit { tree, parents, name: work.author, email: &address, time, message: &work.message };
        let payload = commit.payload().unwrap();
        match work.signer {
            Some(signer) => {
                let pem = people::key(signer).sign("git", &payload).unwrap();
                with_signature(&payload, &pem).unwrap()
            }
            None => payload,
        }
    }

    /// Pushes new content, unsigned.
    pub fn change(
        &mut self,
        author: &'static str,
        changes: &[(&'static str, Content)],
        co_author: Option<&'static str>,
    ) {
        self.change_signed(author, changes, co_author, Signature::None);
    }

    /// Pushes new content.
    pub fn change_signed(
        &mut self,
        author: &'static str,
        changes: &[(&'static str, Content)],
        co_author: Option<&'static str>,
        signature: Signature,
    ) {
        let objects = self.objects();
        let mut contents = self.ledger.all_now();
        let mut edits = BTreeMap::new();
        let mut touched = BTreeSet::new();
        for (name, content) in changes {
            if contents.insert(name, *content) != Some(*content) {
                touched.insert(*name);
                edits.extend(content.edits(name, &objects));
            }
        }
        if touched.is_empty() {
            return;
        }
        let trailer = co_author.map(|name| format!("\n\nCo-authored-by: {name} <{}>", email(name))).unwrap_or_default();
        let work = Work {
            author,
            signer: signature.key(),
            merges: Vec::new(),
            edits,
            message: format!("Change {}{trailer}", touched.iter().copied().collect::<Vec<_>>().join(", ")),
        };
        let hands = co_author.into_iter().collect();
        let deed = Deed { contents, hands, touched, ..self.deed(Vec::new()) };
        match signature {
            Signature::Spoiled(_) => self.commit_spoiled(work, deed),
            _ => self.commit(work, deed),
        };
    }

    /// Pushes another policy.
    pub fn change_policy(&mut self, author: &'static str, charter: Charter) {
        if self.ledger.charter_now() == charter {
            return;
        }
        let edits = charter.edits(&self.objects());
        let message = "Change the policy".to_owned();
        let deed = Deed { charter, touched: BTreeSet::from([GOVERNANCE]), ..self.deed(Vec::new()) };
        self.commit(Work { author, signer: None, merges: Vec::new(), edits, message }, deed);
    }

    /// A deed on the config branch that changes no environment.
    pub fn deed(&self, said: Vec<Said>) -> Deed {
        let contents = self.ledger.all_now();
        let (hands, touched) = (BTreeSet::new(), BTreeSet::new());
        let (charter, asked) = (self.ledger.charter_now(), Vec::new());
        let signatures = Vec::new();
        Deed { branch: Branch::Config, contents, charter, hands, touched, signatures, said, asked }
    }

    /// A new state folder.
    pub fn folder(&mut self) -> Folder {
        self.folders += 1;
        Folder::new(self.folders)
    }

    /// Starts a daemon in this folder, in the place of the one of that name, if there is one.
    pub fn start(&mut self, name: &'static str, folder: Folder, take_over: Option<String>) {
        let start_journal = self.book.len() == 0;
        let process = Process::start(name, &self.surroundings, folder, start_journal, take_over);
        match self.processes.iter().position(|process| process.name == name) {
            Some(at) => {
                self.processes[at].kill();
                self.processes[at] = process;
            }
            None => self.processes.push(process),
        }
    }

    /// Lets a daemon go on, and checks what came of it.
    pub fn order(&mut self, at: usize, order: Order) -> Result<Point, String> {
        self.mover = Some(self.processes[at].name);
        let point = self.processes[at].order(order);
        self.check()?;
        let ended = self.processes[at].ended();
        if let Some(Err(error)) = ended {
            self.note(format!("{} ended its round: {error}", self.processes[at].name));
            let expected = match &error {
                TickError::Remote(_) | TickError::Conflict | TickError::Disk(_) => true,
                TickError::Tampered { .. } => self.rewound,
                TickError::ForeignKey { .. } => !self.may_write(at),
                _ => false,
            };
            if !expected {
                return Err(format!("{} could not finish its round: {error}", self.processes[at].name));
            }
        }
        Ok(point)
    }

    /// Whether the policy in force names a daemon's key.
    fn may_write(&self, at: usize) -> bool {
        let place = people::DAEMONS.iter().position(|name| *name == self.processes[at].name);
        place.is_some_and(|place| self.book.charter().daemons[place])
    }

    /// Lets a daemon run until it is idle. Gives whether its round ended well.
    pub fn run(&mut self, at: usize) -> Result<(), String> {
        loop {
            match self.order(at, Order::Go(usize::MAX))? {
                Point::Idle => return Ok(()),
                Point::Gone => return Err("a daemon died by itself".to_owned()),
                _ => {}
            }
        }
    }

    /// No more pushes, everything healthy: runs until nothing changes, and holds what is left against the promise.
    /// With `again`, also that a restart changes nothing.
    pub fn quiet(&mut self, again: bool) -> Result<(), String> {
        self.note("the world becomes quiet");
        while self.arrive()? {}
        for at in 0..self.processes.len() {
            if self.processes[at].point() == Point::Gone {
                let (name, folder) = (self.processes[at].name, self.processes[at].folder.clone());
                self.start(name, folder, None);
            }
        }
        self.settle()?;
        while let Some((claim, at)) = self.orphan() {
            self.note(format!("{} is told to take over {claim}", self.processes[at].name));
            let (name, folder) = (self.processes[at].name, self.processes[at].folder.clone());
            self.taken_over.insert(claim.clone());
            self.start(name, folder, Some(claim));
            self.settle()?;
        }
        self.check_quiet()?;
        self.prove()?;
        if again { self.quiet_after_restart() } else { Ok(()) }
    }

    /// The offline proof finds nothing wrong either.
    fn prove(&self) -> Result<(), String> {
        let Surroundings { server, policy, .. } = &self.surroundings;
        let (Some(journal), config, records) = (server.get(JOURNAL), self.config_tip(), server.get(RECORDS)) else {
            return Err("there is no journal".to_owned());
        };
        let state =
            Journal::read(server.objects(), &Hashes::default(), journal).map_err(|error| error.to_string())?.state;
        if state.index != Index::of(state.environments.iter()) {
            return Err(format!("the index is not what follows from the environments: {:#?}", state.index));
        }
        let report = prove(server.objects(), Tips { journal, config, records }, Some(*policy), None);
        if report.verdict == Verdict::Proven {
            return Ok(());
        }
        Err(format!("`verify` does not prove it: {:?} {:#?} {:#?}", report.verdict, report.findings, report.missing))
    }

    /// Ticking again changes nothing, in the same folder and in a fresh one.
    fn quiet_after_restart(&mut self) -> Result<(), String> {
        let (name, folder) = (self.processes[0].name, self.processes[0].folder.clone());
        if self.surroundings.host.state().all_hands() > 0 {
            // What somebody changed on the host is seen when a daemon starts.
            self.start(name, folder, None);
            self.settle()?;
        }
        let before = self.surroundings.server.references();
        for fresh in [false, true] {
            let (name, folder) = (self.processes[0].name, self.processes[0].folder.clone());
            let folder = if fresh { self.folder() } else { folder };
            self.start(name, folder, None);
            self.run(0)?;
            if self.surroundings.server.references() != before {
                let what = self.surroundings.server.get(JOURNAL).unwrap();
                let subject = self.objects().commit(what).unwrap().message;
                return Err(format!("a quiet world was changed by a restart (fresh folder: {fresh}): {subject}"));
            }
        }
        Ok(())
    }

    pub fn settle(&mut self) -> Result<(), String> {
        // A round that is on its way has looked at the remote already.
        for at in 0..self.processes.len() {
            if self.processes[at].point() != Point::Idle {
                self.run(at)?;
            }
        }
        for _ in 0..MOST_ROUNDS {
            let before = self.surroundings.server.references();
            // Longer than any retry waits, and once while every window is open that ever is.
            let halves =
                if self.ledger.all_now().values().chain(&self.ledger_in_force()).any(|c| c.window() != Window::None) {
                    2
                } else {
                    1
                };
            self.pass(if halves == 1 { HALF } else { 0 });
            for _ in 0..halves {
                self.pass(HALF);
                for at in 0..self.processes.len() {
                    self.run(at)?;
                }
            }
            if self.surroundings.server.references() == before {
                return Ok(());
            }
        }
        Err(format!("the world does not become quiet within {MOST_ROUNDS} rounds"))
    }

    fn ledger_in_force(&self) -> Vec<Content> {
        let books = self.book.environments.iter().filter(|(name, _)| **name != GOVERNANCE);
        books.map(|(name, book)| book.in_force(&self.ledger, name)).collect()
    }

    /// A claim whose daemon lost its folder, and the daemon that shall settle it.
    fn orphan(&self) -> Option<(String, usize)> {
        let claimed = self.book.environments.iter().find_map(|(name, book)| Some((name, book.claim()?)))?;
        let (name, claimed) = claimed;
        let lives = (0..self.processes.len())
            .any(|at| self.may_write(at) && self.processes[at].folder.instance == claimed.instance);
        let claim = format!("{name}/{}.{}", claimed.number, claimed.attempt);
        (!lives && !self.taken_over.contains(&claim)).then_some((claim, 0))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.processes.iter_mut().for_each(Process::kill);
        }
    }
}

/// Puts a file.
pub fn put(objects: &MemoryObjects, text: &str) -> Edit {
    let id = objects.write(Kind::Blob, text.as_bytes()).unwrap();
    Edit::Put(Entry { mode: Mode::File, id })
}
