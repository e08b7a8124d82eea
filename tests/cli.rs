//! The command line as its users meet it: exit codes, one line for each failure, a server that starts and stops.

#![allow(clippy::unwrap_used)] // A test may panic; clippy sees only the functions marked as tests.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use tempfile::TempDir;

fn sealgate() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sealgate"))
}

fn run(arguments: &[&str]) -> Output {
    sealgate().args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Threads that leave the cores to the other tests.
const QUIET: &str = "
[[thread]]
agents = [\"gateway-0\", \"shard-0\"]
[[thread]]
agents = [\"journal-0\"]
";

/// A server that does not outlive its test.
struct Server {
    process: Child,
    said: BufReader<ChildStderr>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Starts one and gives it with the line that it prints when it is ready.
    fn start(dir: &Path) -> (Self, String) {
        let mut process = serve(dir).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(process.stderr.take().unwrap());
        let mut server = Self { process, said };
        let mut line = String::new();
        while !line.starts_with("ready") {
            line.clear();
            assert!(server.said.read_line(&mut line).unwrap() > 0, "the server ended");
        }
        (server, line)
    }

    /// Sends SIGTERM and gives the exit code with what was said until then.
    fn terminate(mut self) -> (Option<i32>, String) {
        let sent = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let mut said = String::new();
        self.said.read_to_string(&mut said).unwrap();
        (self.process.wait().unwrap().code(), said)
    }
}

/// A folder as `sealgate init` writes it, with ports that the kernel chooses and a journal that need not be synced.
fn venue() -> TempDir {
    let dir = TempDir::new().unwrap();
    let written = run(&["init", dir.path().to_str().unwrap()]);
    assert!(written.status.success(), "{}", stderr(&written));
    change(dir.path(), |text| {
        text.replace(":9443", ":0")
            .replace(":9444", ":0")
            .replace("#durability = \"disk\"", "durability = \"process\"")
            + QUIET
    });
    dir
}

fn change(dir: &Path, how: impl Fn(String) -> String) {
    let path = dir.join("sealgate.toml");
    std::fs::write(&path, how(std::fs::read_to_string(&path).unwrap())).unwrap();
}

fn serve(dir: &Path) -> Command {
    let mut command = sealgate();
    command.args(["serve", "--config"]).arg(dir.join("sealgate.toml"));
    command
}

#[test]
fn wrong_usage_exits_with_2_and_shows_what_is_right() {
    let wrong = run(&["serve", "--port", "1"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("Usage: sealgate serve"), "{}", stderr(&wrong));
}

#[test]
fn a_wrong_configuration_is_refused_in_one_line_before_anything_is_opened() {
    let dir = venue();
    change(dir.path(), |text| {
        text.replace("price_scale = 2\nqty_scale = 5", "price_scale = 99\nqty_scale = 5")
    });
    let refused = serve(dir.path()).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = stderr(&refused);
    let start = format!("sealgate: {}/sealgate.toml:", dir.path().display());
    let end = ": instrument.price_scale: 99; allowed: a whole number from 0 to 12\n";
    assert!(said.starts_with(&start) && said.ends_with(end) && said.lines().count() == 1, "{said}");
    assert!(!dir.path().join("data").exists());
}

#[test]
fn init_writes_over_nothing() {
    let dir = venue();
    let again = run(&["init", dir.path().to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("there is a configuration already"), "{}", stderr(&again));
}

#[test]
fn a_key_is_shown_as_it_was_when_it_was_made_and_signs() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("key.pem");
    let file = file.to_str().unwrap();
    let (made, shown) = (run(&["key", "new", file]), run(&["key", "public", file]));
    assert!(made.status.success() && made.stdout == shown.stdout, "{}", stderr(&shown));
    let signed = run(&["key", "sign", file, "--text", "8=FIX|", "--soh", "|"]);
    assert_eq!(signed.stdout.len(), 89, "88 characters of base64 and a newline");
    assert!(stderr(&signed).starts_with("sha256 ") && stderr(&signed).ends_with(" of 6 bytes\n"));
}

#[test]
fn a_dictionary_is_printed_or_written_where_it_is_wanted() {
    let printed = run(&["fix-dictionary", "--version", "4.4"]);
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(text.starts_with("<?xml") && text.contains("name=\"NewOrderSingle\""), "{text}");
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("new");
    let written = run(&["fix-dictionary", "--version", "5.0SP2", "--out", folder.to_str().unwrap()]);
    assert!(written.status.success(), "{}", stderr(&written));
    let paths = String::from_utf8(written.stdout).unwrap();
    let names: Vec<_> = paths.lines().filter_map(|path| path.rsplit('/').next()).collect();
    assert_eq!(names, ["FIXT11.xml", "FIX50SP2.xml"]);
    assert!(std::fs::read_to_string(folder.join("FIXT11.xml")).unwrap().contains("type=\"FIXT\""));
    let none = run(&["fix-dictionary", "--version", "4.4", "--transport"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(stderr(&none).contains("leave out --transport"), "{}", stderr(&none));
    assert_eq!(run(&["fix-dictionary", "--version", "4.1"]).status.code(), Some(2));
}

#[test]
fn a_server_does_not_start_on_the_development_ca_unless_it_is_told_to() {
    let dir = venue();
    let certs = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs");
    for name in ["ca.pem", "server.pem", "server-key.pem"] {
        std::fs::copy(certs.join(name), dir.path().join(name)).unwrap();
    }
    let refused = serve(dir.path()).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("this is the development CA"), "{}", stderr(&refused));
}

#[test]
fn a_server_says_where_it_listens_and_stops_when_it_is_told_to() {
    let dir = venue();
    let (server, ready) = Server::start(dir.path());
    for name in ["fix", "websocket"] {
        let address = ready.split_whitespace().find_map(|word| word.strip_prefix(&format!("{name}=")));
        std::net::TcpStream::connect(address.unwrap()).unwrap();
    }
    let (code, said) = server.terminate();
    assert_eq!((code, said.lines().last()), (Some(0), Some("stopped")), "{said}");
}

#[test]
fn a_server_that_was_stopped_starts_again_on_its_journal() {
    let dir = venue();
    for _ in 0..2 {
        let (server, _) = Server::start(dir.path());
        assert_eq!(server.terminate().0, Some(0));
    }
}

#[test]
fn a_second_server_on_the_same_journal_is_refused() {
    let dir = venue();
    let (first, _) = Server::start(dir.path());
    let second = serve(dir.path()).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("data is in use: another server"), "{}", stderr(&second));
    assert_eq!(first.terminate().0, Some(0));
}
