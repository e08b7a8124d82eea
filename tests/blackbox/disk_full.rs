//! A disk that fills up under the server: orders are refused by name, cancels are taken, and it recovers by itself.

use crate::support::fix::buy;
use crate::support::websocket::{refusal, resting};
use crate::support::{Fix, Setup, Ws};
use sealgate::admin::client::Control;
use sealgate::admin::protocol::Request;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const MIB: usize = 1 << 20;

/// A file system of its own with so many mebibytes, for as long as this lives. `None`: this user may not mount.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, mebibytes: usize) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let size = format!("size={mebibytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|done| done.status.success()).then(|| Self(at.to_owned()))
    }

    /// Fills it up to the last page.
    fn fill(&self) {
        let _ = std::fs::write(self.0.join("ballast"), vec![1; 64 * MIB]);
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn cancel(ws: &mut Ws, name: &str) -> serde_json::Value {
    ws.call("order.cancel", &[("symbol", "BTC-USD"), ("origClientOrderId", name)])
}

/// Waits until something is so.
fn until(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(90), "it never came to that");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Enters and cancels until an order is refused because the next segment cannot be made.
fn until_refused(ws: &mut Ws, names: &mut impl Iterator<Item = String>) {
    until(|| {
        let name = names.next().unwrap();
        let answer = ws.call("order.place", &resting(&name));
        if answer["status"] == 200 {
            assert_eq!(cancel(ws, &name)["status"], 200);
            return false;
        }
        assert_eq!(refusal(&answer), ("DiskFull".to_owned(), -1008));
        true
    });
}

/// Nothing makes room: what sessions have to log takes from the reserve until that is used up, then the server stops by
/// name. Nothing that was answered is lost, and with room it starts again.
#[test]
fn a_reserve_that_is_used_up_stops_the_server_by_name_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&dir.path().join("disk"), 8) else {
        return eprintln!("not run: this user may not mount a small file system");
    };
    let data = disk.0.join("data");
    let setup = Setup::new()
        .adjust(move |config| (config.data_dir, config.journal.segment_bytes) = (data, MIB as u64))
        .order_rate(1_000_000, sealgate::types::Span::from_secs(1));
    let mut venue = setup.start();
    let mut ws = Ws::logged_on(&venue, "alice");
    assert_eq!(ws.call("order.place", &resting("kept"))["status"], 200);
    until(|| disk.0.join("data/spare.tmp").exists());
    disk.fill();
    let mut names = (0..).map(|n| format!("o{n}"));
    until_refused(&mut ws, &mut names);
    drop(ws);
    let mut fix = Fix::logged_on(&venue, "bob");
    until(|| {
        for name in names.by_ref().take(50) {
            let order = fix.message("D", buy(&name), true);
            // The server may be gone in the middle of it.
            let _ = fix.stream.write_all(&order).and_then(|()| fix.stream.flush());
        }
        venue.has_failed()
    });
    let fault = venue.fault();
    assert!(fault.contains("cannot be begun, and the reserve is used up: allocate "), "{fault}");
    disk.make_room();
    venue.start_again();
    let mut ws = Ws::logged_on(&venue, "alice");
    assert_eq!(ws.call("order.place", &resting("kept"))["repeated"], true, "it was taken");
    assert_eq!(ws.call("order.place", &resting("after"))["status"], 200, "and orders are taken again");
    drop(ws);
    venue.stop();
}

#[test]
fn a_full_disk_refuses_orders_keeps_cancels_and_is_left_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&dir.path().join("disk"), 8) else {
        // The simulator fills disks for everybody: tests/sim.
        return eprintln!("not run: this user may not mount a small file system");
    };
    let data = disk.0.join("data");
    let setup = Setup::new()
        .adjust(move |config| (config.data_dir, config.journal.segment_bytes) = (data, MIB as u64));
    let mut venue = setup.start();
    let data = disk.0.join("data");
    let (mut ws, mut fix) = (Ws::logged_on(&venue, "alice"), Fix::logged_on(&venue, "bob"));
    for name in ["a", "b", "c"] {
        assert_eq!(ws.call("order.place", &resting(name))["status"], 200);
    }
    // The next segment stands ready, so the disk may be full and nobody hears of it yet.
    until(|| data.join("spare.tmp").exists());
    disk.fill();
    let mut names = (0..).map(|n| format!("o{n}"));
    until_refused(&mut ws, &mut names);
    assert!(data.join("00000002.log").exists() && !data.join("00000003.log").exists());
    let figures =
        Control::connect(&venue.config().control_socket().unwrap()).unwrap().ask(&Request::Stats).unwrap();
    let meter = |agent, name| super::stats::meter(&figures, agent, name);
    assert_eq!(meter("journal-stock", "disk_full"), 1, "{figures}");
    assert!(meter("journal-stock", "disk_free_bytes") < MIB as u64, "{figures}");
    assert!((1..MIB as u64).contains(&meter("journal-0", "segment_bytes_left")), "{figures}");
    let told = fix.enter(buy("refused"));
    assert_eq!(
        (told.get(39), told.get(103), told.get(58).starts_with("DiskFull")),
        ("8", "99", true),
        "{told:?}"
    );
    let again = ws.call("order.place", &resting("b"));
    assert_eq!((&again["status"], &again["repeated"]), (&200.into(), &true.into()), "it was taken: {again}");
    assert_eq!(cancel(&mut ws, "a")["status"], 200);
    let all = ws.call("openOrders.cancelAll", &[("symbol", "BTC-USD")]);
    assert_eq!(
        (all["status"].as_i64(), all["result"].as_array().map(Vec::len)),
        (Some(200), Some(2)),
        "{all}"
    );
    disk.make_room();
    until(|| data.join("spare.tmp").exists());
    until(|| ws.call("order.place", &resting("again"))["status"] == 200);
    let told = fix.enter(buy("again"));
    assert_eq!(told.get(39), "0", "{told:?}");
    drop((ws, fix));
    venue.stop();
    venue.start_again();
    let mut ws = Ws::logged_on(&venue, "alice");
    assert_eq!(ws.call("order.place", &resting("again"))["repeated"], true, "nothing was lost");
    drop(ws);
    venue.stop();
}
