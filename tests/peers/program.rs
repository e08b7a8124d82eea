//! Programs of others: compiled, started, and gone when the test is, however it ends.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Whether all is here that these tests need. If not, it says what, and fails where it must not be missing.
pub fn is_equipped() -> bool {
    let wanted = std::env::var("SEALGATE_PEERS").unwrap_or_default();
    if wanted == "skip" {
        println!("SKIPPED: SEALGATE_PEERS=skip");
        return false;
    }
    let has = |path: &str| Path::new(path).exists();
    let runs = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let needed = [
        ("g++", runs("g++")),
        ("libquickfix-dev", has("/usr/include/quickfix/Session.h")),
        ("libssl-dev", has("/usr/include/openssl/evp.h")),
        ("stunnel4", has("/usr/bin/stunnel")),
        ("util-linux", runs("setpriv")),
    ];
    let missing: Vec<_> = needed.iter().filter(|(_, is_here)| !is_here).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return true;
    }
    let what = format!("the Debian packages {} are not installed", missing.join(", "));
    assert!(wanted != "required", "{what}");
    println!("SKIPPED: {what}");
    false
}

/// Compiles a program of this folder, unless the one of the last run is newer than its sources.
pub fn compile(name: &str) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap();
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
    let (source, header) = (here.join(format!("{name}.cpp")), here.join("signing.hpp"));
    let built = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("peers-{name}"));
    let changed = |path: &Path| path.metadata().and_then(|metadata| metadata.modified());
    if changed(&built).is_ok_and(|at| at > changed(&source).unwrap() && at > changed(&header).unwrap()) {
        return built;
    }
    // Its headers are older than C++17, which took exception specifications away.
    let mut compiler = Command::new("g++");
    compiler
        .args(["-std=c++14", "-O1", "-Wall", "-Wextra", "-Wno-deprecated", "-o"])
        .arg(&built)
        .arg(&source);
    let output = compiler.args(["-lquickfix", "-lcrypto", "-lpthread"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{name}.cpp: {said}");
    built
}

/// A running program.
pub struct Program {
    name: String,
    process: Child,
    said: BufReader<ChildStdout>,
}

impl Program {
    /// Starts it. It dies with the thread that started it, even if that is killed.
    pub fn start(program: &Path, arguments: &[&str]) -> Self {
        let name = program.file_name().unwrap().to_string_lossy().into_owned();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program).args(arguments);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        Self { name, process, said }
    }

    /// The next line that it prints.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        let count = self.said.read_line(&mut line).unwrap();
        assert!(count > 0, "{} ended: {:?}", self.name, self.process.wait());
        line.trim_end().to_owned()
    }

    /// Writes a line to its stdin.
    pub fn say(&mut self, line: &str) {
        writeln!(self.process.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits until it has ended well.
    #[track_caller]
    pub fn wait(mut self) {
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{}: {status}", self.name);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One end of TLS, by stunnel, as `docs/signing.md` shows it.
pub struct Tunnel {
    /// A name for its section.
    pub name: String,
    /// Where it listens.
    pub accept: u16,
    /// Where it connects to.
    pub connect: u16,
    /// Its own certificate and key, `NAME.pem` and `NAME-key.pem`.
    pub certificate: String,
    /// Whether it speaks TLS on the side where it connects.
    pub is_client: bool,
}

/// Starts stunnel with these tunnels; returns when they listen.
pub fn stunnel(folder: &Path, tunnels: &[Tunnel]) -> Program {
    let mut text =
        "foreground = yes\npid =\ndebug = crit\nsocket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\n"
            .to_owned();
    for Tunnel { name, accept, connect, certificate, is_client } in tunnels {
        let place = folder.display();
        let _ = write!(
            text,
            "[{name}]\naccept = 127.0.0.1:{accept}\nconnect = 127.0.0.1:{connect}\nsslVersionMin = TLSv1.3\n\
             CAfile = {place}/ca.pem\nverifyChain = yes\ncert = {place}/{certificate}.pem\n\
             key = {place}/{certificate}-key.pem\n"
        );
        if *is_client {
            text.push_str("client = yes\ncheckHost = localhost\n");
        }
    }
    let file = folder.join("stunnel.conf");
    std::fs::write(&file, text).unwrap();
    let program = Program::start(Path::new("/usr/bin/stunnel"), &[file.to_str().unwrap()]);
    tunnels.iter().for_each(|tunnel| wait_for(tunnel.accept));
    program
}

/// Waits until something listens there.
pub fn wait_for(port: u16) {
    let started = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(started.elapsed() < Duration::from_secs(10), "nothing listens on port {port}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A port that nobody has, for a program that must be told one.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
