//! Somebody sets the clock of the machine: the real process, with a system clock that a test can set.

use crate::support::PATIENCE;
use sealgate::client::{ApiKey, NewOrder, fix, tls, ws};
use sealgate::types::{Side, Span};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// In place of the C library's: the system clock and the seconds that stand in a file.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    static volatile signed char *seconds;
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    if (!seconds) {
        int file = open(getenv("SECONDS_AHEAD"), O_RDONLY);
        seconds = mmap(NULL, 1, PROT_READ, MAP_SHARED, file, 0);
        close(file);
    }
    int done = real(id, time);
    if (id == CLOCK_REALTIME) time->tv_sec += *seconds;
    return done;
}
"#;

/// Threads that leave the cores to the other tests.
const QUIET: &str = "
[[thread]]
agents = [\"gateway-0\", \"shard-0\"]
[[thread]]
agents = [\"journal-0\"]
";

/// A server whose clock can be set, and that does not outlive its test.
struct Server {
    dir: TempDir,
    process: Child,
    fix: String,
    websocket: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn shim(dir: &Path) -> PathBuf {
    let (source, library) = (dir.join("clock.c"), dir.join("clock.so"));
    std::fs::write(&source, SHIM).unwrap();
    let mut compile = Command::new("cc");
    compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).arg("-ldl");
    assert!(compile.status().unwrap().success());
    library
}

impl Server {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        sealgate::cli::init::write(dir.path()).unwrap();
        let path = dir.path().join("sealgate.toml");
        let text = std::fs::read_to_string(&path).unwrap().replace(":9443", ":0").replace(":9444", ":0");
        std::fs::write(&path, text + QUIET).unwrap();
        std::fs::write(dir.path().join("ahead"), [0]).unwrap();
        let mut serve = Command::new(env!("CARGO_BIN_EXE_sealgate"));
        serve.arg("serve").arg("--config").arg(&path).stderr(Stdio::piped()).stdin(Stdio::null());
        serve.env("LD_PRELOAD", shim(dir.path())).env("SECONDS_AHEAD", dir.path().join("ahead"));
        let mut process = serve.spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let ready = lines.into_iter().find(|line| line.starts_with("ready ")).expect("it starts");
        let port = |name: &str| {
            let address = ready.split_once(&format!("{name}=127.0.0.1:")).unwrap().1;
            format!("localhost:{}", address.split(' ').next().unwrap())
        };
        Self { fix: port("fix"), websocket: format!("wss://{}/ws-api/v3", port("websocket")), dir, process }
    }

    /// Sets the system clock, by seconds from the true one.
    fn set_clock(&self, ahead: i8) {
        // In place: a new file would not be seen.
        std::fs::OpenOptions::new()
            .write(true)
            .open(self.dir.path().join("ahead"))
            .and_then(|mut file| std::io::Write::write_all(&mut file, &ahead.to_le_bytes()))
            .unwrap();
    }

    fn key(&self, member: &str) -> ApiKey {
        ApiKey::from_folder(self.dir.path(), member).unwrap()
    }

    fn tls(&self, member: &str) -> std::sync::Arc<rustls::ClientConfig> {
        tls::Files::of_member(self.dir.path(), member).load().unwrap()
    }
}

/// Waits until the server's clock is so far ahead of ours.
async fn comes_to(bot: &ws::Client, ahead: std::ops::Range<i64>) {
    let until = Instant::now() + PATIENCE;
    loop {
        let theirs = bot.time().await.unwrap().as_millis() as i64;
        let apart = theirs - crate::support::now_millis() as i64;
        if ahead.contains(&(apart / 1_000)) {
            return;
        }
        assert!(Instant::now() < until, "{apart} ms");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The connection that was there serves on, and is told the time as it is now.
async fn goes_on(maker: &fix::Client, reports: &mut fix::Reports) {
    let received = tokio::time::timeout(PATIENCE, reports.next()).await.expect("an answer");
    let fix::Received { report, sent, .. } = received.unwrap_or_else(|| panic!("{}", maker.why_closed()));
    assert!(matches!(report, fix::Report::Execution(_)), "{report:?}");
    let ahead = sent.since(crate::support::now());
    assert!(ahead > Span::from_secs(40) && ahead < Span::from_secs(56), "{ahead:?}");
}

#[tokio::test]
async fn a_clock_that_is_set_drops_no_session_and_stamps_follow_it() {
    let server = Server::start();
    let options = ws::Options { recv_window: Some(Duration::from_secs(60)), ..ws::Options::default() };
    let bot = ws::Client::connect_with(&server.websocket, server.tls("alice"), server.key("alice"), options);
    let bot = bot.await.unwrap();
    bot.logon().await.unwrap();
    let options = fix::Options {
        heartbeat_secs: 5,
        recv_window: Some(Duration::from_secs(60)),
        ..fix::Options::default()
    };
    let session = fix::CompIds { sender: "BOB", target: "SEALGATE" };
    let (maker, mut reports) =
        fix::Client::connect_with(&server.fix, session, server.tls("bob"), server.key("bob"), options)
            .await
            .unwrap();

    // Twelve seconds of silence end a session with this heartbeat.
    server.set_clock(55);
    comes_to(&bot, 54..56).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let order =
        |price: &str| NewOrder::limit("BTC-USD", Side::Buy, "0.01".parse().unwrap(), price.parse().unwrap());
    bot.place(&order("99000")).await.expect("the connection that was there serves on");
    maker.place(&order("99001")).await.unwrap();
    goes_on(&maker, &mut reports).await;

    // Back again: time goes on at half speed, and timers do not.
    server.set_clock(0);
    tokio::time::sleep(Duration::from_secs(14)).await;
    comes_to(&bot, 40..54).await;
    bot.place(&order("99002")).await.unwrap();
    maker.place(&order("99003")).await.unwrap();
    goes_on(&maker, &mut reports).await;
}
