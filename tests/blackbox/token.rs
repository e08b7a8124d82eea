//! The master key in a token, from outside: the real binary, a real PKCS#11 module (Debian's `softhsm2`), tokens of
//! each test's own. The module reads `SOFTHSM2_CONF` of its process, so every process here is a child with one of its
//! own.
//!
//! Without `softhsm2` the tests say so and pass, unless `SEALGATE_SOFTHSM=required`.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
];
const PIN: &str = "81726354";

/// The library, where it is installed.
fn module() -> Option<&'static str> {
    let found = MODULES.into_iter().find(|path| Path::new(path).exists());
    let has_tool = Command::new("softhsm2-util").arg("--version").output().is_ok();
    if let (Some(module), true) = (found, has_tool) {
        return Some(module);
    }
    assert!(std::env::var("SEALGATE_SOFTHSM").unwrap_or_default() != "required", "softhsm2 is not installed");
    println!("SKIPPED: the Debian package softhsm2 is not installed");
    None
}

/// A venue as `sealgate init` writes it, and a token beside it.
struct Site {
    dir: TempDir,
    module: &'static str,
}

impl Site {
    fn new(module: &'static str) -> Self {
        let site = Self { dir: TempDir::new().unwrap(), module };
        assert!(site.sealgate(&["init", site.text("").as_str()]).status.success());
        site.change(|text| {
            text.replace(":9443", ":0")
                .replace(":9444", ":0")
                .replace("#durability = \"disk\"", "durability = \"process\"")
                + QUIET
        });
        std::fs::create_dir(site.path("tokens")).unwrap();
        let conf = format!("directories.tokendir = {}\nlog.level = ERROR\n", site.text("tokens"));
        std::fs::write(site.path("softhsm2.conf"), conf).unwrap();
        let init = ["--init-token", "--free", "--label", "sealgate", "--so-pin", "12345678", "--pin", PIN];
        let made = site.of(Command::new("softhsm2-util").args(init)).output().unwrap();
        assert!(made.status.success(), "{}", said(&made));
        site.write_pin(PIN);
        site
    }

    /// The same with its master key in the token.
    fn with_token(module: &'static str) -> Self {
        let site = Self::new(module);
        site.encryption(&site.token());
        let made = site.sealgate(&["key", "new-master", "--config", &site.text("sealgate.toml")]);
        assert!(made.status.success(), "{}", said(&made));
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn write_pin(&self, pin: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(self.path("pin"), format!("{pin}\n")).unwrap();
        std::fs::set_permissions(self.path("pin"), PermissionsExt::from_mode(0o600)).unwrap();
    }

    /// The keys of `[encryption]` that name the token.
    fn token(&self) -> String {
        format!(
            "provider = \"pkcs11\"\nmodule = \"{}\"\ntoken = \"sealgate\"\nkey = \"master\"\npin_file = \"pin\"\n",
            self.module
        )
    }

    fn change(&self, how: impl Fn(String) -> String) {
        let path = self.path("sealgate.toml");
        std::fs::write(&path, how(std::fs::read_to_string(&path).unwrap())).unwrap();
    }

    /// Puts other keys under `[encryption]`.
    fn encryption(&self, keys: &str) {
        self.change(|text| {
            let (before, rest) = text.split_once("[encryption]").unwrap();
            let (_, after) = rest.split_once("\n[").unwrap();
            format!("{before}[encryption]\n{keys}\n[{after}")
        });
    }

    fn of<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("SOFTHSM2_CONF", self.path("softhsm2.conf")).stdin(Stdio::null())
    }

    fn sealgate(&self, arguments: &[&str]) -> Output {
        self.of(Command::new(env!("CARGO_BIN_EXE_sealgate")).args(arguments)).output().unwrap()
    }

    /// A command that reads the configuration.
    fn configured(&self, words: &str) -> Output {
        let mut arguments: Vec<&str> = words.split(' ').collect();
        let config = self.text("sealgate.toml");
        arguments.extend(["--config", &config]);
        self.sealgate(&arguments)
    }

    /// Why the server does not start.
    fn refused(&self) -> String {
        let output = self.configured("serve");
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        said(&output)
    }

    fn start(&self) -> Running<'_> {
        let mut serve = Command::new(env!("CARGO_BIN_EXE_sealgate"));
        serve.arg("serve").arg("--config").arg(self.path("sealgate.toml"));
        let mut process = self.of(&mut serve).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (lines, heard) = (BufReader::new(process.stderr.take().unwrap()).lines(), said.clone());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                heard.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        let running = Running { site: self, process, said };
        running.hears("ready ");
        running
    }

    fn verified(&self) -> String {
        let output = self.configured(&format!("journal verify {}", self.text("data")));
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

/// Threads that leave the cores to the other tests.
const QUIET: &str = "
[[thread]]
agents = [\"gateway-0\", \"shard-0\"]
[[thread]]
agents = [\"journal-0\"]
";

/// A server that does not outlive its test.
struct Running<'a> {
    site: &'a Site,
    process: Child,
    said: Arc<Mutex<String>>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Running<'_> {
    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it says something.
    fn hears(&self, what: &str) -> String {
        let begun = Instant::now();
        loop {
            let said = self.said();
            if said.contains(what) {
                return said;
            }
            assert!(begun.elapsed() < crate::support::PATIENCE, "it never said {what:?}: {said}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn bot(&self, words: &str) -> Output {
        let said = self.said();
        let (_, rest) = said.split_once("websocket=127.0.0.1:").unwrap();
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let (url, home) = (format!("wss://localhost:{port}/ws-api/v3"), self.site.text(""));
        let mut arguments = vec!["bot", "--home", &home, "--url", &url];
        arguments.extend(words.split(' '));
        self.site.sealgate(&arguments)
    }

    fn places(&self, name: &str) {
        let placed = self.bot(&format!("place buy BTC-USD 0.01 @ 99000 --id {name}"));
        assert!(placed.status.success(), "{}", said(&placed));
    }

    /// Enters and cancels until another segment is begun.
    fn fills_a_segment(&self, name: &str) {
        let segments = || {
            let names = std::fs::read_dir(self.site.path("data")).unwrap();
            names
                .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "log"))
                .count()
        };
        let (begun, wanted) = (Instant::now(), segments() + 1);
        for round in 0.. {
            if segments() >= wanted {
                return;
            }
            assert!(begun.elapsed() < 2 * crate::support::PATIENCE, "no segment was begun");
            let orders: String = (0..200)
                .map(|n| format!("place buy BTC-USD 0.01 @ 99000 --id {name}-{round}-{n}\ncancel BTC-USD {name}-{round}-{n}\n"))
                .collect();
            let script = self.site.path("script.bot");
            std::fs::write(&script, orders).unwrap();
            let _ = self.bot(&format!("run --keep-going --script {}", script.display()));
        }
    }

    fn has(&self, names: &[&str]) {
        let told = said(&self.bot("orders BTC-USD"));
        assert!(names.iter().all(|name| told.contains(name)), "{names:?} in {told}");
    }
}

#[test]
fn a_server_trades_crashes_and_comes_back_with_its_master_key_in_a_token() {
    let Some(module) = module() else { return };
    let site = Site::with_token(module);
    let again = site.configured("key new-master");
    assert!(said(&again).contains("has a key with the label \"master\" already"), "{}", said(&again));
    let server = site.start();
    server.places("first");
    drop(server);
    let server = site.start();
    server.has(&["first"]);
    server.places("second");
    let told = server.said();
    drop(server);
    assert!(site.verified().contains("records"), "it is read offline as well");
    let dump = site.configured(&format!("journal dump {}", site.text("data")));
    assert!(said(&dump).contains("\"second\""), "{}", said(&dump));
    assert!(!told.contains(PIN), "nobody is told the PIN: {told}");
    let log = std::fs::read(site.path("data/00000001.log")).unwrap();
    assert!(!log.windows(6).any(|part| part == b"second"), "and the disk tells nothing");
}

#[test]
fn a_token_changes_its_master_key_while_the_server_runs_and_while_none_does() {
    let Some(module) = module() else { return };
    let site = Site::with_token(module);
    let server = site.start();
    server.places("before");
    let rotated = site.configured("key rotate-master");
    assert!(said(&rotated).contains("under the label \"master-retired\""), "{}", said(&rotated));
    server.places("after");
    drop(server);
    let offline = site.configured("key rotate-master");
    assert!(offline.status.success(), "{}", said(&offline));
    assert_ne!(said(&offline).lines().next(), said(&rotated).lines().next(), "another key");
    site.verified();
    site.start().has(&["before", "after"]);
}

#[test]
fn everything_moves_from_a_key_file_into_a_token_and_back() {
    let Some(module) = module() else { return };
    let site = Site::new(module);
    let server = site.start();
    server.places("by-file");
    drop(server);
    let both = site.token() + "key_file = \"master.key\"";
    site.encryption(&both);
    let made = site.configured("key new-master");
    assert!(said(&made).contains("made \"master\" in token \"sealgate\""), "{}", said(&made));
    let server = site.start();
    server.has(&["by-file"]);
    server.places("by-token");
    let moved = site.configured("key rotate-master");
    assert!(said(&moved).contains("master.key.retired-"), "{}", said(&moved));
    assert!(!site.path("master.key").exists());
    server.places("moved");
    drop(server);
    site.encryption(&site.token());
    site.start().has(&["by-file", "by-token", "moved"]);

    site.encryption(&both.replace("\"pkcs11\"", "\"file\""));
    assert!(site.refused().contains("the key file cannot be used"), "there is none yet");
    assert!(site.configured("key new-master").status.success());
    let back = site.configured("key rotate-master");
    assert!(said(&back).contains("under the label \"master-retired\""), "{}", said(&back));
    site.encryption("provider = \"file\"\nkey_file = \"master.key\"");
    site.verified();
    site.start().has(&["by-file", "by-token", "moved"]);
}

#[test]
fn what_is_wrong_with_a_token_is_named_and_costs_nothing() {
    let Some(module) = module() else { return };
    let site = Site::with_token(module);
    site.start().places("kept");
    site.write_pin("00000000");
    let error = site.refused();
    assert!(error.contains("token \"sealgate\" refused the PIN") && !error.contains("00000000"), "{error}");
    let open = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(site.path("pin"), open(0o640)).unwrap();
    assert!(site.refused().contains("pin has mode 0640: it must be its owner's alone"), "{}", site.refused());
    std::fs::remove_file(site.path("pin")).unwrap();
    assert!(site.refused().contains("the PIN cannot be read: read"), "{}", site.refused());
    site.write_pin(PIN);
    for (keys, says) in [
        (site.token().replace(module, "none.so"), "none.so cannot be used: "),
        (site.token().replace(module, "sealgate.toml"), "sealgate.toml cannot be used: "),
        (
            site.token().replace("token = \"sealgate\"", "token = \"another\""),
            "0 tokens are \"another\"; there are: \"sealgate\" (",
        ),
        (site.token().replace("\"master\"", "\"other\""), "has no AES key with the label \"other\""),
        (
            site.token().replace("pin_file = \"pin\"", "pin_env = \"SEALGATE_NO_PIN\""),
            "there is no SEALGATE_NO_PIN in the environment",
        ),
        (site.token().replace("pin_file", "pin_env = \"A\"\npin_file"), "the PIN is in two places"),
        (site.token().replace("token = ", "#token = "), "encryption.token: no token is named"),
        ("provider = \"pkcs11\"\nkey_file = \"master.key\"".to_owned(), "encryption.module: it is missing"),
    ] {
        site.encryption(&keys);
        assert!(site.refused().contains(says), "{says}: {}", site.refused());
    }
    site.encryption(&site.token());
    std::fs::rename(site.path("tokens"), site.path("elsewhere")).unwrap();
    std::fs::create_dir(site.path("tokens")).unwrap();
    assert!(site.refused().contains("0 tokens are \"sealgate\"; there are: none"), "{}", site.refused());
    std::fs::remove_dir(site.path("tokens")).unwrap();
    std::fs::rename(site.path("elsewhere"), site.path("tokens")).unwrap();
    site.start().has(&["kept"]);
}

/// The key of the next segment is made beforehand, so a token that is away is missed a segment ahead: orders are
/// refused, cancels are taken, and both is over when it is back.
#[test]
fn a_token_that_goes_away_while_the_server_runs_is_missed_ahead_and_used_again_when_it_is_back() {
    let Some(module) = module() else { return };
    let site = Site::with_token(module);
    site.change(|text| text + "\n[journal]\nsegment = \"1MiB\"\nsnapshot_every = 0\n");
    // Filling a segment is not to throttle what is asked after it.
    site.change(|text| text.replace("order_rate = \"1000/1s\"", "order_rate = \"100000/1s\""));
    let server = site.start();
    server.places("before");
    std::fs::rename(site.path("tokens"), site.path("away")).unwrap();
    // The key that is ready is used up by the segment after this one.
    server.fills_a_segment("away");
    let told = server.hears("no key for the journal's next segment");
    assert!(told.contains("bring the master key back") && !told.contains(PIN), "{told}");
    let refused = said(&server.bot("place buy BTC-USD 0.01 @ 99000 --id refused"));
    assert!(refused.contains("DiskFull"), "{refused}");
    assert!(server.bot("cancel BTC-USD before").status.success());
    std::fs::rename(site.path("away"), site.path("tokens")).unwrap();
    server.hears("orders are taken");
    server.places("after");
    server.fills_a_segment("back");
    drop(server);
    site.verified();
    site.start().has(&["after"]);
}
