//! The examples of the documentation, as their readers run them: on the folder of `sealgate init`.

use crate::support::websocket::resting;
use crate::support::{Venue, Ws};
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

fn run(mut bot: Command, venue: &Venue) -> String {
    let Output { status, stdout, stderr } = bot.arg(venue.folder()).arg(venue.url()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{status}\n{out}\n{err}");
    out.into_owned()
}

fn placed_canceled_and_heard_of_both(said: &str) {
    let begins = |start: &str| said.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!((begins("placed: order"), begins("canceled: order")), (1, 1), "{said}");
    assert_eq!(begins("execution: "), 2, "{said}");
}

/// A program on the SDK, where Cargo puts examples; built if this test was built alone.
fn rust(example: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let profile = here.parent().and_then(Path::parent).unwrap();
    let bot = profile.join("examples").join(example);
    if !bot.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--example", example]).current_dir(REPOSITORY);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success());
    }
    bot
}

#[test]
fn the_rust_bot_places_cancels_and_prints_executions() {
    placed_canceled_and_heard_of_both(&run(Command::new(rust("bot")), &Venue::start()));
}

#[test]
fn the_market_maker_quotes_amends_and_cancels_over_fix() {
    let venue = Venue::start();
    let mut maker = Command::new(rust("maker"));
    let output = maker.arg(venue.folder()).arg(format!("localhost:{}", venue.fix_addr().port())).output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    for line in ["amended: 0.01000 kept its place: Some(true)", "canceled: 1"] {
        assert!(said.lines().any(|told| told == line), "{said}");
    }
}

#[test]
fn the_book_follows_the_market_line_by_line() {
    let venue = Venue::start();
    let mut program = Command::new(rust("book"));
    program.arg(venue.folder()).arg(venue.url()).stdout(std::process::Stdio::piped());
    let mut program = program.spawn().unwrap();
    let mut lines = std::io::BufReader::new(program.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "bid nothing, ask nothing");
    Ws::logged_on(&venue, "bob").place(&resting("b1"));
    assert_eq!(lines.next().unwrap().unwrap(), "bid 0.01000 @ 99000.00, ask nothing");
    program.kill().unwrap();
    program.wait().unwrap();
}

/// A Python with the packages of the example, if there is one. `SEALGATE_PYTHON` names it; `.ci/run` makes one.
fn python() -> Option<Command> {
    let python = std::env::var("SEALGATE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let packages = Command::new(&python).args(["-c", "import websockets, cryptography"]).output();
    if packages.is_ok_and(|probe| probe.status.success()) {
        let mut command = Command::new(python);
        command.env("PYTHONPATH", Path::new(REPOSITORY).join("docs/examples/python"));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        return Some(command);
    }
    println!("skipped: {python} has not the packages websockets and cryptography; set SEALGATE_PYTHON");
    None
}

#[test]
fn the_python_bot_places_cancels_and_prints_executions() {
    let Some(mut bot) = python() else { return };
    bot.arg(Path::new(REPOSITORY).join("docs/examples/python/sealgate.py"));
    placed_canceled_and_heard_of_both(&run(bot, &Venue::start()));
}

/// What a bot does with the package, beyond the example in it.
const PYTHON_BOT: &str = r#"
import asyncio, sys
from decimal import Decimal
from sealgate import Client, Credentials, NotSent, Refused

async def main(folder: str, url: str) -> None:
    async with Client(url, Credentials.from_folder(folder, "alice")) as venue:
        await venue.logon()
        placed = await venue.place("BTC-USD", "BUY", Decimal("0.01"), "99000", newClientOrderId="mine")
        again = await venue.place("BTC-USD", "BUY", Decimal("0.010"), "99000.00", newClientOrderId="mine")
        assert placed["orderId"] == again["orderId"], "a repetition is the same order"
        assert (await venue.status("BTC-USD", "mine"))["status"] == "NEW"
        assert [order["clientOrderId"] for order in await venue.open_orders()] == ["mine"]
        try:
            await venue.place("BTC-USD", "SELL", "0.01", "1")
            raise AssertionError("the price is outside of the band")
        except Refused as refusal:
            assert (refusal.name, refusal.code, refusal.status) == ("PriceOutsideBand", -1013, 400)
        depth = await venue.call("depth", {"symbol": "BTC-USD"}, sign=False)
        assert depth["bids"] == [["99000.00", "0.01000"]]
        assert (await venue.cancel("BTC-USD", placed["orderId"]))["status"] == "CANCELED"
    try:
        await venue.place("BTC-USD", "BUY", "0.01", "99000", newClientOrderId="late")
        raise AssertionError("the connection is closed")
    except NotSent:
        pass

asyncio.run(main(sys.argv[1], sys.argv[2]))
"#;

#[test]
fn the_python_package_tells_repetitions_refusals_and_what_was_not_sent() {
    let Some(mut bot) = python() else { return };
    bot.args(["-c", PYTHON_BOT]);
    run(bot, &Venue::start());
}

/// Signs each vector that has the method in its signed form.
const PYTHON_VECTORS: &str = r#"
import base64, json, sys
from cryptography.hazmat.primitives.serialization import load_der_private_key
from sealgate import payload

vectors = json.load(open(sys.argv[1]))
key = load_der_private_key(base64.b64decode(vectors["key"]["pkcs8"]), None)
signed = 0
for vector in vectors["vectors"]:
    if vector["signing"] == "sealgate" and "signature" in vector:
        request = json.loads(vector["request"], parse_float=str)
        params = {k: v for k, v in request.get("params", {}).items() if k != "signature"}
        if any(isinstance(value, bool) for value in params.values()):
            continue
        text = payload(request["method"], params)
        assert text == vector["payload"], (vector["name"], text)
        assert base64.b64encode(key.sign(text.encode())).decode() == vector["signature"], vector["name"]
        signed += 1
print(signed)
"#;

#[test]
fn the_python_package_signs_the_vectors() {
    let Some(mut signer) = python() else { return };
    let vectors = Path::new(REPOSITORY).join("tests/vectors/websocket.json");
    let Output { status, stdout, stderr } =
        signer.args(["-c", PYTHON_VECTORS]).arg(vectors).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    assert!(String::from_utf8_lossy(&stdout).trim().parse::<u32>().unwrap() >= 3);
}
