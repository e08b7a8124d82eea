//! `sealgate journal dump`: a line of JSON a record.

use super::keys::Access;
use super::redact::redact;
use super::{finished, json, refused};
use crate::run::journal::walk::{JournalFault, walk};
use crate::types::{AccountId, Command, Event, KillTarget, RequestKind};
use crate::wire::record::{self, DecodeError, Place, Record, Stream};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// What is shown.
pub struct Shown {
    /// Records from this number of their stream on.
    pub from: u64,
    /// Steps of one account.
    pub account: Option<AccountId>,
    /// Not what others must not see.
    pub redact: bool,
}

/// Shows records of a journal.
pub fn run(dir: &Path, access: &Access, shown: &Shown, out: &mut impl Write) -> ExitCode {
    let mut written = Ok(());
    let walked = access.hold(dir).and_then(|folder| {
        walk(&folder, &access.vault, |place, record| {
            if record.seq.0 >= shown.from && written.is_ok() {
                let line = line(place, record, shown).map_err(|why| JournalFault::Body { place, why })?;
                written = line.map_or(Ok(()), |line| writeln!(out, "{line}"));
            }
            Ok(())
        })
    });
    match (walked, written) {
        (_, Err(error)) => finished(Err::<(), io::Error>(error)),
        (Err(fault), _) => refused(dir, &fault),
        (Ok(_), Ok(())) => ExitCode::SUCCESS,
    }
}

/// One record; `None` if it does not concern the account.
fn line(place: Place, record: &Record<'_>, shown: &Shown) -> Result<Option<Value>, DecodeError> {
    let account = shown.account;
    let body = match record.stream {
        Stream::Shard(_) => {
            let step = record::decode_step(record)?;
            let events = step.events.clone().collect::<Result<Vec<_>, _>>()?;
            if account.is_some_and(|account| !concerns(&step.command, &events, account)) {
                return Ok(None);
            }
            json::step(&step, &events)
        }
        _ if account.is_some() => return Ok(None),
        Stream::Gateway(_) => json::session(&record::decode_session(record)?),
        Stream::Log => json::log(&record::decode_log(record)?),
    };
    let mut line = json!({
        "segment": place.segment,
        "offset": place.offset,
        "stream": record.stream.to_string(),
        "seq": record.seq.0,
        "time": json::time(record.time),
        "type": format!("{:?}", record.record_type),
    });
    if let (Value::Object(line), Value::Object(body)) = (&mut line, body) {
        line.extend(body);
    }
    if shown.redact {
        redact(&mut line);
    }
    Ok(Some(line))
}

fn concerns(command: &Command, events: &[Event], account: AccountId) -> bool {
    let by_command = match command {
        Command::New(_, order) => RequestKind::New(*order).account() == Some(account),
        Command::Cancel(_, cancel) => RequestKind::Cancel(*cancel).account() == Some(account),
        Command::Amend(_, amend) => amend.account == account,
        Command::Replace(_, replace) => replace.order.account == account,
        Command::MassCancel(_, cancel) => cancel.scope.account == account,
        Command::CancelAllAfter(_, request) => request.account == account,
        Command::Account(limits) => limits.account == account,
        Command::Kill(switch) => switch.target == KillTarget::Account(account),
        Command::Continue(_) | Command::Instrument(_) | Command::Reference(..) => false,
        Command::SessionBegan(_) | Command::SessionEnded(_) | Command::Restarted | Command::Timers => false,
    };
    by_command || events.iter().any(|event| event.account() == Some(account))
}
