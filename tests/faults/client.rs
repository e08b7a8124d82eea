//! The client of one account through all lives of the server: connects, hears what it missed, sends again what has no
//! outcome, asks for what it was told, and trades until the line goes dead.

use crate::fix::{Fix, Memory};
use crate::ledger::{Ledger, Outcome, Side, What};
use crate::line::wait;
use crate::rng::Rng;
use crate::server::Addresses;
use crate::site::{Member, Protocol};
use crate::websocket::WebSocket;
use std::io;

/// Requests on their way at once.
const WINDOW: usize = 6;

/// Open orders from which on they are canceled rather than entered.
const OPEN_MAX: usize = 40;

/// Requests of earlier times that are sent again after each start.
const REPEATED: u64 = 3;

/// Traded on a shard each.
const SYMBOLS: [&str; 2] = ["BTC-USD", "BTC-PERP"];

/// The client.
pub struct Client {
    pub member: Member,
    pub ledger: Ledger,
    memory: Memory,
    rng: Rng,
    /// Orders that may be open: name, symbol and side.
    resting: Vec<(String, &'static str, Side)>,
}

/// Its connections to one life of the server.
pub struct Connected<'a> {
    trader: Trader<'a>,
    listener: WebSocket,
    ledger: &'a mut Ledger,
    rng: &'a mut Rng,
    resting: &'a mut Vec<(String, &'static str, Side)>,
    waiting: Vec<String>,
}

enum Trader<'a> {
    Fix(Fix<'a>),
    WebSocket(WebSocket),
}

impl Client {
    pub fn new(member: &Member, rng: Rng) -> Self {
        let (ledger, memory) = (Ledger::new(&member.account), Memory::default());
        Self { member: member.clone(), ledger, memory, rng, resting: Vec::new() }
    }

    /// Executions that were owed to its session, and did not come.
    pub fn owed(&self) -> Vec<String> {
        self.memory.owed()
    }

    /// Connects, and leaves nothing open of what was before.
    pub fn connect(&mut self, to: Addresses) -> io::Result<Connected<'_>> {
        let Self { member, ledger, memory, rng, resting } = self;
        let (member, account) = (&*member, member.account.clone());
        let of = |step: &'static str| {
            let account = account.clone();
            move |error: io::Error| io::Error::other(format!("{account}, {step}: {error}"))
        };
        let mut listener = WebSocket::connect(to, member).map_err(of("connecting to listen"))?;
        listener.resume(ledger).map_err(of("resuming"))?;
        listener.verify(ledger).map_err(of("asking for orders"))?;
        let trader = match member.protocol {
            Protocol::Fix => Fix::connect(to, member, memory, ledger).map(Trader::Fix),
            Protocol::WebSocket => WebSocket::connect(to, member).map(Trader::WebSocket),
        };
        let trader = trader.map_err(of("connecting to trade"))?;
        let mut connected = Connected { trader, listener, ledger, rng, resting, waiting: Vec::new() };
        connected.resolve().map_err(of("sending again what is open"))?;
        connected.repeat().map_err(of("repeating"))?;
        Ok(connected)
    }
}

impl Connected<'_> {
    /// Sends again what has no outcome.
    fn resolve(&mut self) -> io::Result<()> {
        for name in self.ledger.open() {
            if let Some(request) = self.ledger.request_mut(&name) {
                request.is_sent_again = true;
            }
            self.send_again(&name)?;
            if self.ledger.request(&name).is_some_and(|request| request.outcome.is_none()) {
                self.ledger.breach(format!("{name} has no outcome though it was sent again"));
            }
            self.waiting.push(name);
        }
        self.digest();
        Ok(())
    }

    /// Sends again what was accepted long ago; over WebSocket the very bytes that somebody could have captured.
    fn repeat(&mut self) -> io::Result<()> {
        for _ in 0..REPEATED {
            let name = self.ledger.name_of(self.rng.next());
            let Some(request) = self.ledger.request(&name) else { continue };
            if !matches!(request.outcome, Some(Outcome::Accepted(_))) {
                continue;
            }
            let before = self.ledger.counts.repeated;
            match &mut self.trader {
                Trader::Fix(fix) => fix.repeat(self.ledger, &name)?,
                Trader::WebSocket(ws) => {
                    ws.replay(self.ledger, &name)?;
                    wait("the answer to a captured request", || {
                        let settled = ws.settle(self.ledger)?;
                        Ok((settled > 0 || self.ledger.counts.repeated > before).then_some(()))
                    })?;
                }
            }
        }
        Ok(())
    }

    fn send_again(&mut self, name: &str) -> io::Result<()> {
        match &mut self.trader {
            Trader::Fix(fix) => fix.repeat(self.ledger, name),
            Trader::WebSocket(ws) => {
                ws.enter(self.ledger, name)?;
                wait("the answer to what was sent again", || Ok((ws.settle(self.ledger)? > 0).then_some(())))
            }
        }
    }

    /// Sends what there is room for, takes what has come.
    pub fn trade(&mut self) -> io::Result<()> {
        while self.waiting.len() < WINDOW {
            let name = self.decide();
            self.waiting.push(name.clone());
            match &mut self.trader {
                Trader::Fix(fix) => fix.enter(self.ledger, &name, false)?,
                Trader::WebSocket(ws) => ws.enter(self.ledger, &name)?,
            }
        }
        self.take()
    }

    /// Takes what has come.
    pub fn take(&mut self) -> io::Result<()> {
        let taken = match &mut self.trader {
            Trader::Fix(fix) => fix.take(self.ledger),
            Trader::WebSocket(ws) => ws.settle(self.ledger),
        };
        self.digest();
        let heard = self.listener.settle(self.ledger);
        taken.and(heard).map(|_| ())
    }

    /// Waits until everything is answered and heard.
    pub fn finish(&mut self) -> io::Result<()> {
        wait("the last answers", || {
            self.take()?;
            Ok(self.waiting.is_empty().then_some(()))
        })?;
        self.listener.verify(self.ledger)?;
        self.listener.hears_all(self.ledger)
    }

    /// Takes everything that the server said before it ended.
    pub fn drain(&mut self) {
        while self.take().is_ok() {}
        while self.listener.settle(self.ledger).is_ok() {}
    }

    /// What the answers mean for what is open.
    fn digest(&mut self) {
        let (ledger, resting) = (&*self.ledger, &mut *self.resting);
        self.waiting.retain(|name| {
            let Some(request) = ledger.request(name) else { return false };
            let Some(outcome) = &request.outcome else { return true };
            let is_accepted = matches!(outcome, Outcome::Accepted(_));
            match &request.what {
                What::New { side, .. } | What::Amend { side, .. } if is_accepted => {
                    resting.push((name.clone(), request.symbol, *side));
                }
                _ => {}
            }
            false
        });
    }

    fn decide(&mut self) -> String {
        let rng = &mut *self.rng;
        let (symbol, side) = (rng.pick(&SYMBOLS), rng.pick(&Side::BOTH));
        let open = self.resting.len();
        let what = match rng.below(100) {
            _ if open > OPEN_MAX => return self.cancel(0),
            0..20 if open > 0 => {
                let at = rng.index(open);
                return self.cancel(at);
            }
            20..35 if open > 0 => {
                let at = rng.index(open);
                let (orig, symbol, side) = self.resting.swap_remove(at);
                let qty = 1 + rng.below(8) as u32;
                return self.ledger.ask(symbol, What::Amend { orig, side, qty });
            }
            // Where they meet, and where nobody comes.
            35..70 => What::New { side, price: 100_000, qty: 1 + rng.below(9) as u32 },
            _ => {
                let price = if side == Side::Buy { 99_000 } else { 101_000 };
                What::New { side, price, qty: 5 + rng.below(5) as u32 }
            }
        };
        self.ledger.ask(symbol, what)
    }

    fn cancel(&mut self, at: usize) -> String {
        let (orig, symbol, _) = self.resting.swap_remove(at);
        self.ledger.ask(symbol, What::Cancel { orig })
    }
}
