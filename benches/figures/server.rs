//! A real `sshd` on this machine, for one user and one key.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use countersign::git::command::Access;

use super::world::World;

const SSHD: &str = "/usr/sbin/sshd";

pub struct Server {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    /// `None` where there is no sshd on this machine.
    pub fn start(world: &World) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            return None;
        }
        // It demands this folder where it is started by root.
        drop(fs::create_dir("/run/sshd"));
        let folder = world.folder.join("ssh");
        fs::create_dir_all(&folder).expect("a folder");
        for name in ["host_key", "user_key"] {
            let path = folder.join(name);
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path);
            assert!(path.exists() || keygen.status().expect("ssh-keygen runs").success());
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let mut command = Command::new(SSHD);
        command.args(["-D", "-e", "-f", "/dev/null"]);
        for option in [
            "ListenAddress=127.0.0.1".to_owned(),
            format!("Port={port}"),
            format!("HostKey={}", folder.join("host_key").display()),
            format!("AuthorizedKeysFile={}", folder.join("user_key.pub").display()),
            "PidFile=none".to_owned(),
            "StrictModes=no".to_owned(),
            "UsePAM=no".to_owned(),
            "PermitRootLogin=prohibit-password".to_owned(),
            // Nobody waits for the pairs to be measured.
            "MaxStartups=100".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("sshd starts");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
        let listens = lines.any(|line| line.starts_with("Server listening on"));
        std::thread::spawn(move || lines.for_each(drop));
        assert!(listens, "sshd does not listen");
        let host_key = fs::read_to_string(folder.join("host_key.pub")).expect("a key");
        fs::write(folder.join("known_hosts"), format!("[127.0.0.1]:{port} {host_key}")).expect("written");
        Some(Self { child, folder, port })
    }

    /// The world's remote, by way of this server.
    pub fn url(&self, world: &World) -> String {
        let whoami = Command::new("id").arg("-un").output().expect("id runs").stdout;
        let user = String::from_utf8(whoami).expect("a name");
        format!("ssh://{}@127.0.0.1:{}{}", user.trim(), self.port, world.remote().display())
    }

    pub fn access(&self) -> Access {
        Access::Ssh { key: self.folder.join("user_key"), known_hosts: self.folder.join("known_hosts") }
    }

    /// What git itself is told, to be let in with the same key.
    pub fn command(&self) -> String {
        let (key, hosts) = (self.folder.join("user_key"), self.folder.join("known_hosts"));
        format!(
            "ssh -F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -o UserKnownHostsFile={} -i {}",
            hosts.display(),
            key.display()
        )
    }
}
