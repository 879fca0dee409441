//! Over ssh, with a real server.

use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use super::*;

const SSHD: &str = "/usr/sbin/sshd";

/// A server of its own for one user: the one that runs the tests.
struct Server {
    child: Child,
    port: u16,
    said: Arc<Mutex<Vec<String>>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    /// `None` where there is no sshd and we need not have one.
    fn start(folder: &Folder) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            assert!(std::env::var("CI").is_err(), "{SSHD} is missing: install openssh-server");
            println!("skipped: {SSHD} is missing");
            return None;
        }
        // It demands this folder where it is started by root.
        drop(fs::create_dir("/run/sshd"));
        folder.key("host_key", &["-t", "ed25519"]);
        folder.key("user_key", &["-t", "ed25519"]);
        // Where the port was taken by somebody else meanwhile, another one is tried.
        (0..20).find_map(|_| Self::listen(folder)).or_else(|| panic!("no port to listen on"))
    }

    fn listen(folder: &Folder) -> Option<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let mut command = folder.command(SSHD);
        command.args(["-D", "-e", "-f", "/dev/null"]);
        for option in [
            "ListenAddress=127.0.0.1".to_owned(),
            format!("Port={port}"),
            format!("HostKey={}", folder.at("host_key").display()),
            format!("AuthorizedKeysFile={}", folder.at("user_key.pub").display()),
            "PidFile=none".to_owned(),
            "StrictModes=no".to_owned(),
            "UsePAM=no".to_owned(),
            "PasswordAuthentication=no".to_owned(),
            "PermitRootLogin=prohibit-password".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("sshd starts");
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let mut lines = lines.map_while(Result::ok);
        let listens = lines.any(|line| line.starts_with("Server listening on"));
        // Its later words are read, so that it never waits for a reader.
        let said = Arc::<Mutex<Vec<String>>>::default();
        let saying = Arc::clone(&said);
        std::thread::spawn(move || lines.for_each(|line| saying.lock().expect("a lock").push(line)));
        let server = Self { child, port, said };
        if !listens {
            return None;
        }
        let host_key = fs::read_to_string(folder.at("host_key.pub")).expect("a key");
        fs::write(folder.at("known_hosts"), format!("[127.0.0.1]:{port} {host_key}")).expect("written");
        Some(server)
    }
}

impl Server {
    /// How often somebody was let in.
    fn let_in(&self) -> usize {
        self.said.lock().expect("a lock").iter().filter(|line| line.contains("Accepted publickey")).count()
    }
}

fn access(folder: &Folder) -> Access {
    Access::Ssh { key: folder.at("user_key"), known_hosts: folder.at("known_hosts") }
}

fn url(folder: &Folder, port: u16) -> String {
    let whoami = folder.command("id").arg("-un").output().expect("id runs").stdout;
    let user = String::from_utf8(whoami).expect("a name");
    format!("ssh://{}@127.0.0.1:{port}{}", user.trim(), folder.at("remote.git").display())
}

/// A remote behind a server, and the tip of its branch, fetched.
fn served() -> Option<(Server, World, Oid)> {
    let folder = Folder::new();
    let server = Server::start(&folder)?;
    folder.bare_and_clone("remote.git", "work");
    let (url, access) = (url(&folder, server.port), access(&folder));
    let mut world = World::at(folder, &url, access);
    let main = world.fetch(MAIN);
    Some((server, world, main))
}

#[test]
fn references_fetch_and_push_as_locally() {
    let Some((_server, mut world, main)) = served() else { return };
    let (ours, theirs) = (world.commit(main, "ours"), world.commit(main, "theirs"));
    let made = [update(JOURNAL, None, Some(ours)), update("refs/heads/theirs", None, Some(theirs))];
    assert_eq!(world.remote.push(&made).expect("an answer"), [RefResult::Done, RefResult::Done]);
    assert_eq!(world.remote.references().expect("references")[JOURNAL], ours);
    let stale = [update(JOURNAL, Some(main), Some(theirs)), update("refs/heads/theirs", Some(theirs), None)];
    assert_eq!(world.remote.push(&stale).expect("an answer"), [RefResult::Stale, RefResult::Done]);

    let race = format!("unset GIT_QUARANTINE_PATH; exec git update-ref {MAIN} {theirs} {main}");
    world.folder.hook("remote.git", "pre-receive", &race);
    assert_eq!(world.remote.push(&[update(MAIN, Some(main), Some(ours))]).expect("an answer"), [RefResult::Stale]);

    world.folder.hook("remote.git", "pre-receive", "echo closed for today >&2; exit 1");
    let answer = world.remote.push(&[update(MAIN, Some(theirs), Some(main))]).expect("an answer");
    assert_eq!(answer, [RefResult::Refused { reason: "pre-receive hook declined: closed for today".into() }]);

    world.folder.hook("remote.git", "pre-receive", "kill -9 $PPID");
    let error = world.remote.push(&[update(MAIN, Some(theirs), Some(main))]).expect_err("lost");
    assert!(matches!(error, RemoteError::AnswerLost { .. }), "{error}");

    fs::remove_dir_all(world.folder.at("remote.git")).expect("removed");
    let error = world.remote.push(&[update(MAIN, Some(theirs), Some(main))]).expect_err("away");
    assert!(matches!(error, RemoteError::Away { .. }), "{error}");
}

#[test]
fn a_foreign_host_key_a_foreign_user_key_and_no_server_are_away() {
    let folder = Folder::new();
    let Some(server) = Server::start(&folder) else { return };
    folder.bare_and_clone("remote.git", "work");
    let url = url(&folder, server.port);
    let other: PathBuf = folder.key("other_key", &["-t", "ed25519"]);
    let ask = |access: Access| {
        let error = World::at(Folder::new(), &url, access).remote.references().expect_err("away");
        assert!(matches!(error, RemoteError::Away { .. }), "{error}");
        error.to_string()
    };
    let known_hosts = folder.at("known_hosts");
    assert!(ask(Access::Ssh { key: other, known_hosts: known_hosts.clone() }).contains("Permission denied"));
    let empty = folder.at("empty");
    fs::write(&empty, "").expect("written");
    let said = ask(Access::Ssh { key: folder.at("user_key"), known_hosts: empty });
    assert!(said.contains("Host key verification failed"), "{said}");
    drop(server);
    let said = ask(access(&folder));
    assert!(said.contains("Connection refused"), "{said}");
}

#[test]
fn one_connection_is_held_and_a_broken_one_is_made_anew() {
    let Some((server, mut world, main)) = served() else { return };
    let ours = world.commit(main, "ours");
    assert_eq!(world.remote.push(&[update(JOURNAL, None, Some(ours))]).expect("an answer"), [RefResult::Done]);
    assert_eq!(world.remote.references().expect("references")[JOURNAL], ours);
    assert_eq!(server.let_in(), 1, "fetch, push and a look, through one connection");

    // What is left of a connection that broke is only its socket.
    let held = world.folder.at("state/git-home/ssh");
    let mut check = world.folder.command("ssh");
    check.args(["-O", "check", "-o"]).arg(format!("ControlPath={}", held.display())).arg("x");
    let said = String::from_utf8(check.output().expect("ssh runs").stderr).expect("text");
    let master = said.trim().strip_prefix("Master running (pid=").and_then(|rest| rest.strip_suffix(')'));
    let master = master.unwrap_or_else(|| panic!("no connection is held: {said}"));
    assert!(world.folder.command("kill").args(["-9", master]).status().expect("kill runs").success());
    while UnixStream::connect(&held).is_ok() {
        std::thread::yield_now();
    }
    assert!(held.exists(), "a killed connection leaves its socket");
    assert_eq!(world.remote.references().expect("references")[JOURNAL], ours);
}
