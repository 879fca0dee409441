use super::*;
use crate::git::testing::Folder;

fn daemon(state: &Path, url: &str, access: Access) -> GitCommand {
    let home = GitHome::create(state).expect("a home");
    let repository = state.join("cache.git");
    git2::Repository::init_bare(&repository).expect("a repository");
    let url = RemoteUrl::parse(url).expect("a URL");
    GitCommand::for_daemon(&home, &repository, &url, access).expect("a command")
}

/// The environment and the configuration that a program started by git sees.
fn seen(git: &GitCommand) -> String {
    let script = "!env | grep -v -e ^PWD -e ^SHLVL -e ^_= -e ^PATH= -e _proxy= -e _PROXY= -e ^SSL_ -e ^GIT_SSL_ | sort";
    let mut command = git.command().expect("a command");
    command.args(["-c", &format!("alias.seen={script}"), "seen"]);
    let output = process::run(command, Vec::new(), git.limits, &mut |_| {}).expect("it runs");
    assert!(output.success(), "{}", output.message());
    output.text()
}

#[test]
fn the_daemon_s_git_sees_nothing_of_its_surroundings() {
    let state = tempfile::tempdir().expect("a folder");
    let git = daemon(state.path(), "/srv/config.git", Access::Open);
    let names: Vec<String> = seen(&git).lines().filter_map(|line| Some(line.split_once('=')?.0.to_owned())).collect();
    insta::assert_snapshot!(names.join(" "), @"GIT_ATTR_NOSYSTEM GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM GIT_DIR GIT_EXEC_PATH GIT_NO_REPLACE_OBJECTS GIT_PREFIX GIT_TERMINAL_PROMPT HOME LC_ALL XDG_CONFIG_HOME");
    let listed = git.run(["config", "--list", "--show-scope"]).expect("it runs");
    assert!(!listed.text().contains("system\t"));
    let global: Vec<_> = listed.text().lines().filter(|l| l.starts_with("global")).map(str::to_owned).collect();
    assert_eq!(global, ["global\tsafe.directory=*"]);
}

#[test]
fn only_the_protocol_of_the_remote_is_allowed() {
    let state = tempfile::tempdir().expect("a folder");
    let git = daemon(state.path(), "https://git.example/x", Access::Open);
    for url in ["/srv/config.git", "ext::touch /tmp/x", "ssh://127.0.0.1:1/x", "http://127.0.0.1:1/x"] {
        let output = git.run(["ls-remote", "--", url]).expect("it runs");
        assert!(output.stderr.contains("not allowed"), "{url}: {}", output.stderr);
    }
}

#[test]
fn ssh_is_told_which_key_and_which_hosts_and_nothing_else() {
    let access = Access::Ssh { key: "/etc/my keys/id".into(), known_hosts: "/etc/known_hosts".into() };
    let state = Path::new("/var/lib/countersign/config/git-home");
    let command = ssh_command(&access, state).expect("a command");
    insta::assert_snapshot!(command, @r#"ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=15 -o ServerAliveInterval=15 -o ServerAliveCountMax=4 -o ClearAllForwardings=yes -o PermitLocalCommand=no -F /dev/null -o IdentitiesOnly=yes -o IdentityAgent=none -o UpdateHostKeys=no -o GlobalKnownHostsFile=/dev/null -o 'UserKnownHostsFile="/etc/known_hosts"' -o 'IdentityFile="/etc/my keys/id"' -o ControlMaster=auto -o ControlPersist=300 -o 'ControlPath="/var/lib/countersign/config/git-home/ssh"'"#);
    // A socket has but so long a name.
    let long = format!("/var/{}", "x".repeat(90));
    assert!(!ssh_command(&access, Path::new(&long)).expect("a command").contains("Control"));
    assert!(!ssh_command(&access, Path::new("/%h")).expect("a command").contains("Control"));
    insta::assert_snapshot!(ssh_command(&Access::Open, state).expect("a command"), @"ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=15 -o ServerAliveInterval=15 -o ServerAliveCountMax=4 -o ClearAllForwardings=yes -o PermitLocalCommand=no");
}

#[test]
fn paths_that_mean_something_else_to_ssh_are_refused() {
    for path in ["id", "~/.ssh/id", "/x'; touch /tmp/x; '", "/x\" \"y", "/%h/id", "/${HOME}/id", "/a\nb", "/a\\b"] {
        let access = Access::Ssh { key: path.into(), known_hosts: "/k".into() };
        let error = ssh_command(&access, Path::new("/state")).expect_err(path);
        assert!(error.to_string().starts_with(&format!("`{path}` cannot be given to ssh: ")), "{error}");
        let access = Access::Ssh { key: "/k".into(), known_hosts: path.into() };
        assert!(ssh_command(&access, Path::new("/state")).is_err(), "{path}");
    }
}

#[test]
fn a_token_goes_through_the_environment_and_never_through_the_arguments() {
    let state = tempfile::tempdir().expect("a folder");
    let token = state.path().join("token");
    std::fs::write(&token, "s3cret\nsecond line\n").expect("a file");
    let access = Access::Https { user: "bot".into(), token: token.clone(), authorities: Some("/etc/ca.pem".into()) };
    let git = daemon(state.path(), "https://git.example/x", access);
    let command = git.command().expect("a command");
    assert!(!command.get_args().any(|argument| argument.to_string_lossy().contains("s3cret")));
    // `printf bot:s3cret | base64`
    let get = |name| git.run(["config", "--get", name]).expect("it runs").text();
    assert_eq!(get("http.extraHeader"), "Authorization: Basic Ym90OnMzY3JldA==\n");
    assert_eq!(get("http.sslCAInfo"), "/etc/ca.pem\n");

    std::fs::write(&token, "\n").expect("a file");
    let error = git.run(["version"]).expect_err("an empty token");
    assert!(error.to_string().ends_with("is empty or not plain ASCII"), "{error}");
    std::fs::remove_file(&token).expect("removed");
    let error = git.run(["version"]).expect_err("no token");
    assert!(error.to_string().ends_with("cannot be read"), "{error}");
}

#[test]
fn base64_is_that_of_the_standard() {
    for (text, expected) in
        [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")]
    {
        assert_eq!(base64(text.as_bytes()), expected);
    }
    assert_eq!(base64(&[0xfb, 0xef, 0xff]), "++//");
}

#[test]
fn a_person_s_git_is_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let git = GitCommand::in_clone(folder.path()).with_variable("THEIRS", "kept");
    let home = std::env::var("HOME").unwrap_or_default();
    let seen = seen(&git);
    assert!(seen.contains(&format!("HOME={home}\n")) && seen.contains("THEIRS=kept\n"), "{seen}");
    assert!(!seen.contains("GIT_CONFIG_GLOBAL"), "{seen}");
}

#[test]
fn a_program_is_found_where_the_path_has_it() {
    let folder = Folder::new();
    let at = |path: &str| folder.at(path);
    let [first, _] = ["first/git", "second/git"].map(|path| folder.program(path, ""));
    for path in ["plain", "folder/git"] {
        std::fs::create_dir_all(at(path)).expect("a folder");
    }
    std::fs::write(at("plain/git"), "").expect("written");
    let found = |folders: &[PathBuf]| in_folders(&std::env::join_paths(folders).expect("a path"), "git");
    let all = ["none", "plain", "folder", "first", "second"].map(at);
    assert_eq!(found(&all), Some(first));
    assert_eq!(found(&all[..3]), None);
    assert_eq!(found(&["first".into(), "".into()]), None);
}
