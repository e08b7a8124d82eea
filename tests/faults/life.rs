//! One life of a server after the other, in the same folder, with the same clients: `kill -9` ends each of them.

use crate::audit::{self, Journal};
use crate::client::{Client, Connected};
use crate::ledger::Counts;
use crate::rng::Rng;
use crate::server::{Addresses, Process, send};
use crate::site::Site;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long clients trade at most before a kill.
const LIFE_MAX: Duration = Duration::from_millis(200);

/// How long a server takes to say on stderr why it ended a line.
const WORD: Duration = Duration::from_millis(300);

/// The venue and its clients.
pub struct Lives {
    pub site: Site,
    pub clients: Vec<Client>,
    pub tally: Tally,
    rng: Rng,
    /// How long the last start took that was not disturbed.
    start: Duration,
    /// And how long its clients took then until they traded.
    catch_up: Duration,
    breaches: Vec<String>,
}

/// When the kills met the server, and in what state that left it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub kills: u32,
    /// Before it took connections: while it read the journal, and began its key.
    pub while_starting: u32,
    /// While its clients logged on, heard again, sent again.
    pub while_catching_up: u32,
    /// While all of them traded.
    pub while_trading: u32,
    /// While a segment was begun, and the file of the next one made.
    pub while_changing_segments: u32,
    /// While a snapshot was written.
    pub while_writing_snapshots: u32,
    /// Starts that took up a snapshot.
    pub from_snapshot: u32,
}

/// From when on the time to a kill counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Spawned,
    Ready,
    Trading,
}

/// Whoever waits, and kills.
struct Killer {
    since: Since,
    begin: Sender<i32>,
    has_struck: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Lives {
    pub fn new(durability: &str, seed: u64) -> Self {
        let (site, mut rng) = (Site::new(durability), Rng::new(seed));
        let clients = site.members.iter().map(|member| Client::new(member, rng.fork())).collect();
        let (tally, breaches) = (Tally::default(), Vec::new());
        let (start, catch_up) = (Duration::from_millis(50), Duration::from_millis(50));
        Self { site, clients, tally, rng, start, catch_up, breaches }
    }

    /// Starts the server, and kills it at a random moment: while it starts, while its clients catch up, or while they
    /// trade. How long the first two take is known from the time before, so that all of it is met.
    pub fn kill_at_random(&mut self) {
        let (since, most) = match self.rng.below(5) {
            0 => (Since::Spawned, self.start),
            1 => (Since::Ready, self.catch_up),
            _ => (Since::Trading, LIFE_MAX),
        };
        let after = Duration::from_micros(self.rng.below(most.as_micros() as u64));
        self.one_life(&[], since, after);
    }

    /// Lets its clients trade for so long, and kills it.
    pub fn live(&mut self, behind: &[String], life: Duration) {
        self.one_life(behind, Since::Trading, life);
    }

    /// Lets its clients trade until it ends by itself; how, and with which words.
    pub fn until_it_ends(&mut self, behind: &[String]) -> (ExitStatus, String) {
        let mut process = Process::spawn(&self.site, behind);
        let to = process.ready().unwrap_or_else(|| panic!("{}", process.words()));
        go_on(&mut self.clients, to, || {}, |_| {});
        let status = process.ended();
        (status, process.words())
    }

    /// Takes it that the server ended by itself, if it did so with these words.
    pub fn excuse(&mut self, words: &str) {
        self.breaches.retain(|breach| !breach.contains(words));
    }

    fn one_life(&mut self, behind: &[String], since: Since, after: Duration) {
        let began = Instant::now();
        let mut process = Process::spawn(&self.site, behind);
        let killer = Killer::new(since, after);
        killer.reached(Since::Spawned, process.pid());
        let (mut reached, mut stumbled) = (None, None);
        if let Some(to) = process.ready() {
            self.start = began.elapsed();
            reached = Some(Since::Ready);
            killer.reached(Since::Ready, process.pid());
            let trading = || {
                reached = Some(Since::Trading);
                self.catch_up = began.elapsed() - self.start;
                killer.reached(Since::Trading, process.pid());
            };
            go_on(&mut self.clients, to, trading, |error| {
                if !killer.has_struck() {
                    stumbled = Some(error);
                    // It has a word to say on that, though not at once.
                    std::thread::sleep(WORD);
                }
                // It does not outlive its clients, whatever they stumbled over.
                killer.reached(since, process.pid());
            });
        }
        killer.done();
        let status = process.ended();
        if let Some(error) = stumbled {
            let said = process.words();
            self.breaches.push(format!("a line ended though nobody killed the server: {error}\n{said}"));
        }
        if status.signal() != Some(libc::SIGKILL) {
            self.breaches.push(format!("it ended by itself with {status}:\n{}", process.words()));
        }
        self.count(&process, reached);
    }

    fn count(&mut self, process: &Process, reached: Option<Since>) {
        let tally = &mut self.tally;
        tally.kills += 1;
        match reached {
            None => tally.while_starting += 1,
            Some(Since::Trading) => tally.while_trading += 1,
            Some(_) => tally.while_catching_up += 1,
        }
        let said = |start: &str| process.said.iter().any(|line| line.starts_with(start));
        tally.from_snapshot += u32::from(said("took up the snapshot"));
        let has_begun = !self.site.files(".log").is_empty();
        tally.while_changing_segments += u32::from(has_begun && self.site.files("spare.tmp").is_empty());
        tally.while_writing_snapshots += u32::from(!self.site.files(".snap.tmp").is_empty());
        let complaints = process.said.iter().filter(|line| line.contains("no snapshot"));
        self.breaches.extend(complaints.cloned());
    }

    /// Starts it once more, lets everybody finish, and stops it in order. Everything that was told is compared.
    pub fn finish(&mut self) {
        let mut process = Process::spawn(&self.site, &[]);
        let to = process.ready().unwrap_or_else(|| panic!("{}", process.words()));
        let mut connected: Vec<_> =
            self.clients.iter_mut().map(|client| client.connect(to).unwrap()).collect();
        let begun = Instant::now();
        while begun.elapsed() < LIFE_MAX {
            connected.iter_mut().for_each(|client| client.trade().unwrap());
        }
        // Whoever finishes may still trade with another: so all of them come to rest, and then all are asked.
        for _ in 0..2 {
            connected.iter_mut().for_each(|client| client.finish().unwrap());
        }
        drop(connected);
        self.breaches.extend(self.clients.iter().flat_map(Client::owed));
        process.kill(libc::SIGTERM);
        let status = process.ended();
        assert!(status.success(), "{status}: {}", process.words());
    }

    /// Starts it once more, lets everybody finish, and compares all that was told with the journal.
    #[track_caller]
    pub fn assert_nothing_is_lost(&mut self) -> Journal {
        self.finish();
        let journal = audit::read(&self.site);
        for (at, client) in self.clients.iter_mut().enumerate() {
            journal.compare(at as u64 + 1, &mut client.ledger);
        }
        let mut breaches = self.breaches();
        breaches.extend(journal.unbalanced());
        println!("{:#?}\n{:#?}\n{} records", self.tally, self.counts(), journal.records);
        assert!(breaches.is_empty(), "{}", breaches.join("\n"));
        journal
    }

    /// Everything that does not hold.
    pub fn breaches(&self) -> Vec<String> {
        let clients = self.clients.iter().flat_map(|client| &client.ledger.breaches);
        self.breaches.iter().chain(clients).cloned().collect()
    }

    pub fn counts(&self) -> Counts {
        self.clients.iter().fold(Counts::default(), |sum, client| sum.and(client.ledger.counts))
    }
}

/// Clients connect and trade until a line ends; what the server said before its end is taken.
fn go_on(clients: &mut [Client], to: Addresses, trading: impl FnOnce(), ended: impl FnOnce(io::Error)) {
    let mut connected = Vec::new();
    let met = clients.iter_mut().try_for_each(|client| {
        connected.push(client.connect(to)?);
        Ok(())
    });
    let mut met: io::Result<()> = met.inspect(|()| trading());
    while met.is_ok() {
        met = connected.iter_mut().try_for_each(Connected::trade);
    }
    if let Err(error) = met {
        ended(error);
    }
    connected.iter_mut().for_each(Connected::drain);
}

impl Killer {
    fn new(since: Since, after: Duration) -> Self {
        let (begin, begun) = channel();
        let has_struck = Arc::new(AtomicBool::new(false));
        let strikes = has_struck.clone();
        let kill = move || {
            let Ok(pid) = begun.recv() else { return };
            std::thread::sleep(after);
            strikes.store(true, Ordering::SeqCst);
            send(pid, libc::SIGKILL);
        };
        Self { since, begin, has_struck, thread: std::thread::spawn(kill) }
    }

    fn has_struck(&self) -> bool {
        self.has_struck.load(Ordering::SeqCst)
    }

    fn reached(&self, moment: Since, pid: i32) {
        if moment == self.since {
            // It may have struck already.
            let _ = self.begin.send(pid);
        }
    }

    fn done(self) {
        drop(self.begin);
        self.thread.join().unwrap();
    }
}
