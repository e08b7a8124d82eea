//! `[[member.account.limit]]` → [`AccountLimits`] of one instrument: quantities at the instrument's own scale.

use super::Account;
use super::reader::{ConfigError, Section};
use crate::types::{AccountLimits, Instrument};

/// Reads them below all members. `accounts` stand in the order of the file, as the readers of members left them.
pub(super) fn read(
    top: &Section<'_>,
    accounts: &[Account],
    instruments: &[Instrument],
) -> Result<Vec<AccountLimits>, ConfigError> {
    let (mut limits, mut accounts) = (Vec::new(), accounts.iter());
    for member in top.sections("member")? {
        for (section, account) in member.sections("account")?.into_iter().zip(&mut accounts) {
            let first = limits.len();
            for section in section.sections("limit")? {
                let limit = limit(&section, account, instruments)?;
                if limits[first..].iter().any(|known: &AccountLimits| known.instrument == limit.instrument) {
                    let symbol = section.get("symbol")?;
                    let problem = format!("{} has a limit of this account already", symbol.shown());
                    return Err(symbol.refuse_but(problem, "one limit for each instrument"));
                }
                limits.push(limit);
            }
        }
    }
    Ok(limits)
}

fn limit(
    section: &Section<'_>,
    account: &Account,
    instruments: &[Instrument],
) -> Result<AccountLimits, ConfigError> {
    let symbol = section.get("symbol")?;
    let name = symbol.text()?;
    let Some(instrument) = instruments.iter().find(|known| known.symbol.as_str() == name) else {
        let known: Vec<&str> = instruments.iter().map(|known| known.symbol.as_str()).collect();
        let problem = format!("there is no instrument {}", symbol.shown());
        return Err(symbol.refuse_but(problem, known.join(", ")));
    };
    let max_position = section.find("max_position")?;
    let max_open_orders = section.find("max_open_orders")?;
    Ok(AccountLimits {
        instrument: Some(instrument.id),
        max_position: max_position.map_or(Ok(0), |entry| entry.amount(instrument.qty_scale))?.unsigned_abs(),
        max_open_orders: max_open_orders
            .map_or(Ok(account.limits.max_open_orders), |entry| entry.integer())?,
        ..account.limits
    })
}
