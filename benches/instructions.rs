//! How many instructions each stage takes for one message: the gate of the latency budgets that noise cannot move.
//!
//! ```text
//!   for each stage:  valgrind --tool=callgrind … this program, --stage NAME ─► instructions ÷ messages
//!                    against benches/instructions.toml ─► less, the same, or more: then it fails
//! ```
//!
//! `cargo run --release --example instructions` compares, and with `SEALGATE_BLESS=1` writes what it has counted.
//! It needs Debian's `valgrind`. What is counted is what the compiler made of the code, so the file names the
//! compiler, and what another one makes is shown and not judged. No stage here signs, encrypts or verifies. What
//! libraries choose by the processor is fixed: glibc's copying and the SHA-256 of aws-lc to what every x86-64 has;
//! callgrind itself shows each newer processor as the same one, with AVX2.

mod support;

use sealgate::decode;
use sealgate::decode::ws::{Caller, Decoder};
use sealgate::journal::append::Appender;
use sealgate::limit::Limiter;
use sealgate::limits::JOURNAL_RING_BYTES;
use sealgate::report;
use sealgate::report::ws::{Pending, Reply, Reporter};
use sealgate::ring::{bytes, letters};
use sealgate::run::rings::{InputReader, InputWriter};
use sealgate::session::fix::{Collected, Incoming, Outgoing};
use sealgate::types::*;
use sealgate::wire::fix::{Index, Message, Taken, take};
use sealgate::wire::json::RequestId;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, ExitCode};
use std::sync::Arc;
use support::book::Desk;
use support::flow::MIX;
use support::messages::{SPEAKER, established, fix_order, websocket_order};
use support::venue::Venue;
use support::{MEMBER, NOW, ORDER_SIGNED, accepted, directory, new_order, request, requester, signed_bytes};

/// Messages before counting, and those that are counted: a multiple of the mix.
const WARM: usize = 200;
const COUNTED: usize = 1_000;
/// Requests that a shard has had before that.
const SHARD_WARM: usize = 10_000;
/// How many thousandths more than the file says are no difference: what a change elsewhere moves when the compiler
/// divides the code anew.
const TOLERATED: u64 = 40;
/// Where an event stands.
const AT: EventRef = EventRef { shard: ShardId(0), seq: Seq(1), index: 0 };

/// What runs once for each message.
type Stage = Box<dyn FnMut()>;
/// What a stage is called, and how it is set up.
type Row = (&'static str, fn() -> Stage);

/// In path order.
const STAGES: [Row; 10] = [
    ("session: a FIX order in sequence", session),
    ("decode: FIX NewOrderSingle", decode_fix),
    ("decode: WebSocket order.place", decode_websocket),
    ("limit: an order passes", limit),
    ("ring: push and pop", ring),
    ("matching: a request of the mix", matching),
    ("sequence, once, risk and matching: a request of the mix", shard),
    ("journal: append a step", journal),
    ("report: FIX ExecutionReport", report_fix),
    ("report: WebSocket executionReport and answer", report_websocket),
];

fn session() -> Stage {
    let messages: Vec<_> = (2..).map(|n| fix_order(MsgSeqNum(n))).take(WARM + COUNTED).collect();
    let (mut session, mut index, mut out) = (established(), Index::new(), Collected::forgetting());
    let mut messages = messages.into_iter();
    Box::new(move || {
        let bytes = messages.next().expect("one is there for each");
        let Taken::Message(message) = take(black_box(&bytes), true, &mut index) else { panic!("a message") };
        assert_eq!(session.receive(&message, NOW, &mut out), Incoming::Deliver);
        // Its memory is given back when nothing is counted.
        std::mem::forget(bytes);
    })
}

fn decode_fix() -> Stage {
    let (directory, bytes) = (directory(), fix_order(MsgSeqNum(2)));
    let bytes: &'static [u8] = bytes.leak();
    let index: &'static mut Index = Box::leak(Box::new(Index::new()));
    let message = Message::parse(bytes, index).expect("a message");
    Box::new(move || {
        black_box(decode::fix::decode(black_box(&message), SPEAKER, &directory).expect("an order"));
    })
}

fn decode_websocket() -> Stage {
    let mut decoder = Decoder::new(Arc::new(directory()), GatewayId(0));
    let (text, caller) =
        (websocket_order(), Caller { member: MEMBER, logged_on: None, received: NOW, token: 1 });
    Box::new(move || {
        black_box(&decoder.decode(black_box(&text), &caller).expect("a request"));
    })
}

fn limit() -> Stage {
    let (limiter, mut now) = (Limiter::new(&directory()), NOW);
    let order = Unverified { request: request(ORDER_SIGNED), signed: &[], signature: None };
    Box::new(move || {
        now = now + Span::from_millis(1);
        black_box(&limiter.check(Verified::attest(black_box(order)), now).expect("its slot is free"));
    })
}

fn ring() -> Stage {
    let (mut writer, mut reader): (InputWriter, InputReader) = letters::ring(64);
    let command = Command::New(requester(1, NOW), new_order(1, ORDER_SIGNED, Side::Buy));
    let origin =
        Origin { gateway: GatewayId(0), conn: ConnId::new(1, 1), token: 1, stamps: Stamps::default() };
    let signed = signed_bytes();
    let input = ShardInput::Command { origin: Some(origin), command, signature: signed.signature };
    Box::new(move || {
        assert!(writer.push(black_box(&input), signed.bytes).is_done());
        let letter = reader.front().expect("it is there");
        black_box((*letter.value(), letter.bytes().len()));
        letter.release();
    })
}

fn matching() -> Stage {
    let (mut desk, mut steps) = (Desk::new(), MIX.iter().cycle());
    Box::new(move || desk.step(*steps.next().expect("they go round")))
}

fn shard() -> Stage {
    let (mut venue, mut steps) = (Venue::new(SHARD_WARM), MIX.iter().cycle());
    Box::new(move || venue.step(*steps.next().expect("they go round")))
}

fn journal() -> Stage {
    let new = new_order(1, ORDER_SIGNED, Side::Buy);
    let (command, events) = (Command::New(requester(1, NOW), new), [Event::Execution(accepted(&new))]);
    let (mut appender, (mut writer, mut reader)) = (Appender::default(), bytes::ring(JOURNAL_RING_BYTES));
    Box::new(move || {
        let signed = signed_bytes();
        let record = appender.step(ShardId(0), Seq(1), NOW, black_box(&command), &signed, &events);
        assert!(writer.push(record).is_done());
        reader.front().expect("it is there").release();
    })
}

fn report_fix() -> Stage {
    let (directory, mut session) = (directory(), established());
    let (mut body, mut out) = (Vec::new(), Collected::forgetting());
    let event = Event::Execution(accepted(&new_order(1, ORDER_SIGNED, Side::Buy)));
    Box::new(move || {
        body.clear();
        out.wire.clear();
        let told = report::fix::event(black_box(&event), AT, NOW, &directory, &mut body);
        let msg_type = told.expect("sessions hear of it");
        let report = Outgoing { msg_type, body: &body, event: Some(AT), poss_resend: false, sign: None };
        session.send(&report, NOW, &mut out);
    })
}

fn report_websocket() -> Stage {
    let (reporter, mut out) = (Reporter::new(Arc::new(directory())), Vec::new());
    let new = new_order(1, ORDER_SIGNED, Side::Buy);
    let (kind, execution) = (RequestKind::New(new), accepted(&new));
    let event = Event::Execution(execution);
    Box::new(move || {
        out.clear();
        reporter.execution_report(0, black_box(&execution), AT, NOW, &mut out);
        let mut pending = Pending::new(black_box(&kind), ResponseType::Full);
        pending.hear(&event, AT);
        let to = Reply { id: RequestId::Integer(1), limits: None, timing: None, as_of: None };
        reporter.executed(&to, &pending, NOW, &mut out);
    })
}

fn main() -> ExitCode {
    let asked = std::env::args().skip_while(|arg| arg != "--stage").nth(1);
    match asked.and_then(|name| STAGES.iter().find(|(known, _)| *known == name)) {
        Some((_, stage)) => {
            let mut stage = stage();
            run(&mut stage, WARM);
            counted(&mut stage, COUNTED);
            ExitCode::SUCCESS
        }
        None => gate(),
    }
}

/// Callgrind counts what runs inside of this function, which it knows by its name.
#[inline(never)]
fn counted(stage: &mut Stage, messages: usize) {
    run(stage, messages);
}

fn run(stage: &mut Stage, messages: usize) {
    (0..messages).for_each(|_| stage());
}

/// Counts each stage, and compares.
fn gate() -> ExitCode {
    let blessed = Blessed::read();
    let counts: Vec<(&str, u64)> = STAGES.iter().map(|(name, _)| (*name, count(name))).collect();
    if std::env::var_os("SEALGATE_BLESS").is_some() {
        Blessed::write(&counts);
    }
    let mut more = 0;
    println!("{:>9} {:>9} {:>8}  {:<60}", "counted", "blessed", "‰", "instructions a message");
    for (name, count) in counts {
        let Some(before) = blessed.counts.get(name) else {
            println!("{count:>9} {:>9} {:>8}  {name}", "none", "");
            continue;
        };
        let is_more = count * 1_000 > before * (1_000 + TOLERATED);
        more += usize::from(is_more);
        let change = (count as i64 - *before as i64) * 1_000 / *before as i64;
        println!("{count:>9} {before:>9} {change:>+8}  {name}{}", if is_more { "  ◄ more" } else { "" });
    }
    verdict(more, &blessed.compiler)
}

fn verdict(more: usize, blessed_by: &str) -> ExitCode {
    let compiler = compiler();
    if more == 0 || std::env::var_os("SEALGATE_BLESS").is_some() {
        return ExitCode::SUCCESS;
    }
    if compiler != blessed_by {
        println!("Not judged: {blessed_by} was counted, and this is {compiler}.");
        return ExitCode::SUCCESS;
    }
    println!(
        "{more} of the stages take more than {TOLERATED} ‰ more instructions than {FILE} says. If that is the price \
         of something that is worth it, write the new counts and commit them with it:\n    \
         SEALGATE_BLESS=1 cargo run --release --example instructions"
    );
    ExitCode::FAILURE
}

/// Instructions of one message, as callgrind counts them.
fn count(stage: &str) -> u64 {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("callgrind.out");
    let done = Process::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--toggle-collect=*instructions*counted*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe().expect("the kernel tells"))
        .args(["--stage", stage])
        .env("GLIBC_TUNABLES", PLAIN_GLIBC)
        .env("OPENSSL_ia32cap", PLAIN_AWS_LC)
        .output();
    let done = done.unwrap_or_else(|why| panic!("valgrind (Debian's package of that name): {why}"));
    assert!(done.status.success(), "{stage}: {}", String::from_utf8_lossy(&done.stderr));
    let text = std::fs::read_to_string(&out).expect("callgrind has written it");
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse::<u64>().ok());
    total.expect("callgrind tells the sum") / COUNTED as u64
}

/// Copying without the wide registers and the long moves that processors have or not.
const PLAIN_GLIBC: &str =
    "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-AVX_Fast_Unaligned_Load,-AVX512F,-AVX512VL,-ERMS,-FSRM";
/// No instruction beyond the base of x86-64 in the SHA-256 of aws-lc.
const PLAIN_AWS_LC: &str = "0:0";

/// The file of the counts.
const FILE: &str = "benches/instructions.toml";

/// What was counted when somebody last looked.
struct Blessed {
    compiler: String,
    counts: BTreeMap<String, u64>,
}

impl Blessed {
    fn path() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)
    }

    fn read() -> Self {
        let text = std::fs::read_to_string(Self::path()).unwrap_or_default();
        let table: toml::Table = text.parse().expect("the file of counts is TOML");
        let compiler = table.get("compiler").and_then(|name| name.as_str()).unwrap_or_default().to_owned();
        let counts = table.get("instructions").and_then(|counts| counts.as_table()).into_iter().flatten();
        let counts =
            counts.filter_map(|(name, count)| Some((name.clone(), count.as_integer()?.try_into().ok()?)));
        Self { compiler, counts: counts.collect() }
    }

    fn write(counts: &[(&str, u64)]) {
        let lines: String = counts.iter().map(|(name, count)| format!("\"{name}\" = {count}\n")).collect();
        let head = "# Instructions that each stage takes for one message: benches/instructions.rs.";
        let text = format!("{head}\ncompiler = \"{}\"\n\n[instructions]\n{lines}", compiler());
        std::fs::write(Self::path(), text).expect("the file of counts can be written");
        println!("{FILE} says what was counted.");
    }
}

/// Which compiler this is.
fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let told = Process::new(rustc).arg("--version").output().expect("the compiler tells its version");
    String::from_utf8_lossy(&told.stdout).trim().to_owned()
}
