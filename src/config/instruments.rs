//! `[[instrument]]` → [`Instrument`]: amounts at the instrument's own scales.

use super::members::Unique;
use super::reader::{ConfigError, Entry, Section};
use crate::types::{
    Instrument, InstrumentId, InstrumentKind, InstrumentState, Price, Qty, Scale, Symbol, Text,
};

/// Reads all `[[instrument]]`s.
pub(super) fn read(top: &Section<'_>) -> Result<Vec<Instrument>, ConfigError> {
    let (mut ids, mut symbols) = (Unique::default(), Unique::default());
    let sections = top.sections("instrument")?;
    if sections.is_empty() {
        return Err(top.refuse_at("instrument", "there is no instrument to trade", "[[instrument]]"));
    }
    sections.iter().map(|section| instrument(section, &mut ids, &mut symbols)).collect()
}

fn instrument(
    section: &Section<'_>,
    ids: &mut Unique<u16>,
    symbols: &mut Unique<String>,
) -> Result<Instrument, ConfigError> {
    let (id, symbol) = (section.get("id")?, section.get("symbol")?);
    let price_scale = Scale(section.get("price_scale")?.integer()?);
    let qty_scale = Scale(section.get("qty_scale")?.integer()?);
    let (tick, lot) = (section.get("tick")?.amount(price_scale)?, section.get("lot")?.amount(qty_scale)?);
    let max_qty = multiple(&section.get("max_qty")?, qty_scale, lot, "lot")?;
    let reference = section.find("reference")?;
    let reference = reference.map_or(Ok(0), |entry| multiple(&entry, price_scale, tick, "tick"))?;
    let notional_scale = Scale(price_scale.0 + qty_scale.0);
    symbols.take_shown(&symbol, symbol.name()?)?;
    Ok(Instrument {
        id: InstrumentId(ids.take_shown(&id, id.integer()?)?),
        symbol: text(&symbol)?,
        kind: match section.get("kind")?.choice()? {
            "spot" => InstrumentKind::Spot,
            "perpetual" => InstrumentKind::Perpetual,
            "future" => InstrumentKind::Future,
            _ => InstrumentKind::Option,
        },
        base: text(&section.get("base")?)?,
        quote: text(&section.get("quote")?)?,
        price_scale,
        qty_scale,
        tick: Price(tick),
        lot: Qty(lot.unsigned_abs()),
        max_qty: Qty(max_qty.unsigned_abs()),
        max_notional: section.get("max_notional")?.amount(notional_scale)?.unsigned_abs(),
        band_bps: section.get("price_band")?.percent()?,
        reference: Price(reference),
        state: match section.get("state")?.choice()? {
            "halted" => InstrumentState::Halted,
            _ => InstrumentState::Trading,
        },
    })
}

fn text(entry: &Entry<'_>) -> Result<Symbol, ConfigError> {
    Text::new(&entry.name()?).map_err(|error| entry.refuse(error.to_string()))
}

fn multiple(entry: &Entry<'_>, scale: Scale, step: i64, name: &str) -> Result<i64, ConfigError> {
    let units = entry.amount(scale)?;
    if units % step == 0 {
        return Ok(units);
    }
    Err(entry.refuse_but(
        format!("{} is not a multiple of {name}", entry.shown()),
        format!("a multiple of {}", scale.text(i128::from(step))),
    ))
}
