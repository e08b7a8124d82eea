//! Can you afford it: what an order must satisfy before it meets the book.
//!
//! ```text
//!   order ──► instrument and account known, trading, enabled ──► lot, quantity, tick, band, notional
//!                                                            ──► open orders, worst-case position ──► matching
//!   every execution ──► positions, open orders, last trade
//! ```
//!
//! - Reference of the band: the last trade, else the middle of the book, else what was set by command.
//! - Worst case: as if all open orders of the side traded and none of the other.
//! - State follows the events of matching and nothing else, so it is the same in a replay. Integers only, wide enough
//!   for every input.

mod band;
mod exposure;
mod kills;
#[cfg(test)]
mod tests;

use crate::planted::{self, Bug};
use crate::types::{
    AccountId, AccountLimits, AccountState, Detail, Engaged, ExecType, Execution, ExposureState, Instrument,
    InstrumentId, InstrumentState, KillSwitch, KillTarget, Nanos, OrdType, Order, PositionState, Price,
    Refusal, Reject, Side, SmpGroupId,
};
use band::Band;
use exposure::Exposure;
use kills::Kills;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

/// The best prices of a book when an order comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touch {
    /// The best bid.
    pub bid: Option<Price>,
    /// The best ask.
    pub ask: Option<Price>,
}

/// What an order that passed may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The price beyond which a market order takes nothing; `None`: it takes what there is.
    pub band_edge: Option<Price>,
}

#[derive(Debug, Hash)]
struct Listed {
    instrument: Instrument,
    last_trade: Option<Price>,
}

/// Limits, positions and references of a shard.
#[derive(Debug, Default)]
pub struct Risk {
    instruments: BTreeMap<InstrumentId, Listed>,
    /// What each account may do, behind that what it may in one instrument.
    accounts: BTreeMap<(AccountId, Option<InstrumentId>), AccountLimits>,
    /// Sorted, so that it is told and hashed in one order.
    exposures: BTreeMap<(InstrumentId, AccountId), Exposure>,
    kills: Kills,
}

impl Risk {
    /// Whether the account and the instrument are there: asked of orders and cancels alike.
    pub fn known(&self, account: AccountId, instrument: InstrumentId) -> Result<(), Refusal> {
        if !self.accounts.contains_key(&(account, None)) {
            return Err(Reject::AccountNotOnShard.into());
        }
        if !self.instruments.contains_key(&instrument) {
            return Err(Reject::InstrumentNotOnShard.into());
        }
        Ok(())
    }

    /// Whether an order may meet the book.
    pub fn check(&self, order: &Order, touch: Touch) -> Result<Passed, Refusal> {
        let (limits, listed) = self.entering(order)?;
        let band_edge = listed.check_order(order, touch)?;
        let has = self.exposure(order.instrument, order.account);
        check_open_orders(order, limits, &has)?;
        if order.reduce_only && order.side.reducible(has.position) == 0 {
            return Err(Reject::NothingToReduce.into());
        }
        check_position(order, limits, &has.with(order))?;
        Ok(Passed { band_edge })
    }

    /// Whether an open order may become what an amendment makes of it, if that costs it its priority: as a new order
    /// in the place of the one that it was.
    pub fn check_amended(&self, amended: &Order, before: &Order, touch: Touch) -> Result<(), Refusal> {
        let (limits, listed) = self.entering(amended)?;
        listed.check_order(amended, touch)?;
        let has = self.exposure(amended.instrument, amended.account);
        check_position(amended, limits, &has.without(before).with(amended))
    }

    /// Whether an open order may shrink to this quantity. It is no new risk, so the lot is all that counts.
    pub fn check_shrunk(&self, amended: &Order) -> Result<(), Refusal> {
        let listed = self.instruments.get(&amended.instrument).ok_or(Reject::InstrumentNotOnShard)?;
        listed.check_lot(amended)
    }

    /// The group of an account inside which its orders do not trade with each other. Who names one must name that.
    pub fn smp_group(&self, account: AccountId, named: Option<SmpGroupId>) -> Result<SmpGroupId, Refusal> {
        let own = self.accounts.get(&(account, None)).map_or(SmpGroupId::NONE, |limits| limits.smp_group);
        match named {
            Some(named) if named != own => Err(bound(Reject::SmpGroupNotOfAccount, own.0.into())),
            _ => Ok(own),
        }
    }

    /// What must hold before an order is looked at: where it goes, and whether it may go there now.
    fn entering(&self, order: &Order) -> Result<(&AccountLimits, &Listed), Refusal> {
        let limits = self.limits(order.account, order.instrument).ok_or(Reject::AccountNotOnShard)?;
        let listed = self.instruments.get(&order.instrument).ok_or(Reject::InstrumentNotOnShard)?;
        if listed.instrument.state == InstrumentState::Halted {
            return Err(Reject::InstrumentHalted.into());
        }
        if !limits.enabled {
            return Err(Reject::AccountDisabled.into());
        }
        self.kills.check(order.account, order.instrument)?;
        Ok((limits, listed))
    }

    /// What holds for an account in an instrument.
    fn limits(&self, account: AccountId, instrument: InstrumentId) -> Option<&AccountLimits> {
        let of_all = self.accounts.get(&(account, None))?;
        Some(self.accounts.get(&(account, Some(instrument))).unwrap_or(of_all))
    }

    fn exposure(&self, instrument: InstrumentId, account: AccountId) -> Exposure {
        self.exposures.get(&(instrument, account)).copied().unwrap_or_default()
    }

    /// Follows an execution: the position and the open orders of its account, the last trade.
    pub fn apply(&mut self, execution: &Execution) {
        let order = &execution.order;
        if execution.exec_type == ExecType::Rejected {
            return;
        }
        if planted::has(Bug::MakerPositionLost) && execution.fill.is_some_and(|fill| fill.maker) {
            return;
        }
        self.exposures.entry((order.instrument, order.account)).or_default().apply(execution);
        let Some(fill) = execution.fill else { return };
        if let Some(listed) = self.instruments.get_mut(&order.instrument) {
            listed.last_trade = Some(fill.price);
        }
    }

    /// Adds an instrument or changes one. What gives its numbers their meaning stays for good: symbol, kind, assets
    /// and scales. A change of these is not taken; the answer tells.
    #[must_use]
    pub fn list(&mut self, instrument: &Instrument) -> bool {
        let Some(listed) = self.instruments.get_mut(&instrument.id) else {
            self.instruments.insert(instrument.id, Listed { instrument: *instrument, last_trade: None });
            return true;
        };
        let known = &listed.instrument;
        let same = identity(known) == identity(instrument);
        if same {
            listed.instrument = *instrument;
        }
        same
    }

    /// Sets what an account may do from now on, in all instruments or in one. Orders that are open stay.
    pub fn limit(&mut self, limits: &AccountLimits) {
        self.accounts.insert((limits.account, limits.instrument), *limits);
    }

    /// Sets the reference for while there is neither a trade nor a middle of the book. Not taken: a reference of an
    /// instrument that is not there, or below zero. Zero takes the reference away.
    #[must_use]
    pub fn refer(&mut self, instrument: InstrumentId, reference: Price) -> bool {
        match self.instruments.get_mut(&instrument) {
            Some(listed) if reference.0 >= 0 => {
                listed.instrument.reference = reference;
                true
            }
            _ => false,
        }
    }

    /// Whether a kill switch is as it is to become, or means what is not here. Engaging one that is engaged already is
    /// something to do if orders are to be canceled.
    pub fn is_idle(&self, switch: &KillSwitch) -> bool {
        let is_known = match switch.target {
            KillTarget::Account(account) => self.accounts.contains_key(&(account, None)),
            KillTarget::Instrument(instrument) => self.instruments.contains_key(&instrument),
        };
        !is_known || (self.kills.has(switch.target) == switch.engaged && !(switch.engaged && switch.cancel))
    }

    /// Engages or releases a kill switch.
    pub fn switch(&mut self, switch: &KillSwitch, at: Nanos) {
        self.kills.set(switch, at);
    }

    /// The kill switches that are engaged, those of accounts first.
    pub fn engaged(&self) -> impl ExactSizeIterator<Item = Engaged> {
        self.kills.engaged()
    }

    /// The instruments by number.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.instruments.values().map(|listed| &listed.instrument)
    }

    /// What accounts may do, by their numbers; of each what holds in all instruments first.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = &AccountLimits> {
        self.accounts.values()
    }

    /// Positions that were ever opened, by instrument and account.
    pub fn positions(&self) -> impl Iterator<Item = (InstrumentId, AccountId, i128)> {
        self.exposures.iter().map(|((instrument, account), has)| (*instrument, *account, has.position))
    }

    /// What an account has in an instrument: bought less sold.
    pub fn position(&self, instrument: InstrumentId, account: AccountId) -> i128 {
        self.exposures.get(&(instrument, account)).map_or(0, |has| has.position)
    }

    /// How many orders an account has open in an instrument.
    pub fn open_orders(&self, instrument: InstrumentId, account: AccountId) -> u32 {
        self.exposures.get(&(instrument, account)).map_or(0, |has| has.open_orders)
    }

    /// What an account may do and what it has, in every instrument in which it ever had an order.
    pub fn account(&self, account: AccountId) -> Option<AccountState> {
        let mut limits = *self.accounts.get(&(account, None))?;
        limits.enabled &= !self.kills.has(KillTarget::Account(account));
        let own = self.exposures.iter().filter(|((_, of), _)| *of == account);
        let positions = own.map(|((instrument, _), has)| PositionState {
            instrument: *instrument,
            position: has.position,
            open_buy: has.buy.total(),
            open_sell: has.sell.total(),
            open_orders: has.open_orders,
            max_position: self.limits(account, *instrument).map_or(0, |limits| limits.max_position),
        });
        Some(AccountState { limits, positions: positions.collect() })
    }

    /// The price of the last trade.
    pub fn last_trade(&self, instrument: InstrumentId) -> Option<Price> {
        self.instruments.get(&instrument)?.last_trade
    }

    /// The instruments with the prices of their last trades, by number.
    pub fn listed(&self) -> impl ExactSizeIterator<Item = (Instrument, Option<Price>)> {
        self.instruments.values().map(|listed| (listed.instrument, listed.last_trade))
    }

    /// What accounts have and could have, by instrument and account.
    pub fn exposures(&self) -> impl ExactSizeIterator<Item = ExposureState> {
        self.exposures.iter().map(|((instrument, account), has)| has.state(*instrument, *account))
    }

    /// What [`Risk::listed`], [`Risk::accounts`], [`Risk::exposures`] and [`Risk::engaged`] told before.
    pub fn restore(
        listed: Vec<(Instrument, Option<Price>)>,
        accounts: Vec<AccountLimits>,
        exposures: &[ExposureState],
        engaged: Vec<Engaged>,
    ) -> Self {
        let listed = listed.into_iter();
        let keyed = exposures.iter().map(|has| ((has.instrument, has.account), Exposure::from_state(has)));
        Self {
            instruments: listed
                .map(|(instrument, last_trade)| (instrument.id, Listed { instrument, last_trade }))
                .collect(),
            accounts: accounts
                .into_iter()
                .map(|limits| ((limits.account, limits.instrument), limits))
                .collect(),
            exposures: keyed.collect(),
            kills: Kills::restore(engaged),
        }
    }

    /// Feeds a state hash.
    pub fn hash_state(&self, state: &mut impl Hasher) {
        self.instruments.hash(state);
        self.accounts.hash(state);
        self.exposures.hash(state);
        self.kills.hash(state);
    }
}

impl Listed {
    /// The order against the rules of its instrument; gives the edge of the band on its side.
    fn check_order(&self, order: &Order, touch: Touch) -> Result<Option<Price>, Refusal> {
        let rules = &self.instrument;
        self.check_lot(order)?;
        if order.qty > rules.max_qty && !planted::has(Bug::QtyUnlimited) {
            return Err(bound(Reject::QtyTooLarge, rules.max_qty.0));
        }
        let reference = self.reference(touch);
        let band = reference.and_then(|reference| Band::around(reference, rules));
        let measured = match order.ord_type {
            OrdType::Market => reference.or(touch.opposite(order.side)),
            OrdType::Limit | OrdType::LimitMaker => {
                check_price(order.price, rules, band)?;
                Some(order.price)
            }
        };
        let notional = measured.map_or(0, |price| price.times(order.qty).0);
        if notional > i128::from(rules.max_notional) {
            return Err(bound(Reject::NotionalTooLarge, rules.max_notional));
        }
        Ok(band.map(|band| band.worst(order.side)))
    }

    fn check_lot(&self, order: &Order) -> Result<(), Refusal> {
        let lot = self.instrument.lot;
        if order.qty.is_zero() || lot.is_zero() || !order.qty.0.is_multiple_of(lot.0) {
            return Err(bound(Reject::QtyOffLot, lot.0));
        }
        Ok(())
    }

    /// The price around which the band lies.
    fn reference(&self, touch: Touch) -> Option<Price> {
        let set = Some(self.instrument.reference).filter(|reference| reference.0 > 0);
        self.last_trade.or(touch.middle()).or(set)
    }
}

impl Touch {
    fn middle(self) -> Option<Price> {
        Some(Price(self.bid?.0.midpoint(self.ask?.0)))
    }

    fn opposite(self, side: Side) -> Option<Price> {
        match side {
            Side::Buy => self.ask,
            Side::Sell => self.bid,
        }
    }
}

/// What of an instrument never changes: orders, positions and stored results are told in its terms.
fn identity(of: &Instrument) -> impl PartialEq + use<> {
    (of.symbol, of.kind, of.base, of.quote, of.price_scale, of.qty_scale)
}

fn check_price(price: Price, rules: &Instrument, band: Option<Band>) -> Result<(), Refusal> {
    if price.0 <= 0 || rules.tick.0 <= 0 || price.0 % rules.tick.0 != 0 {
        return Err(Refusal::with(Reject::PriceOffTick, Detail::Bound(rules.tick.0)));
    }
    match band.filter(|band| !band.contains(price)) {
        None => Ok(()),
        Some(band) => Err(Refusal::with(Reject::PriceOutsideBand, Detail::Bound(band.nearest(price).0))),
    }
}

/// Only an order that may rest takes one of the places.
fn check_open_orders(order: &Order, limits: &AccountLimits, has: &Exposure) -> Result<(), Refusal> {
    let may_rest = order.ord_type.may_rest(order.time_in_force);
    let more = u32::from(planted::has(Bug::OpenOrdersOffByOne));
    if may_rest && has.open_orders >= limits.max_open_orders + more {
        return Err(bound(Reject::TooManyOpenOrders, limits.max_open_orders.into()));
    }
    Ok(())
}

/// The worst case with the order against what its account may have.
fn check_position(order: &Order, limits: &AccountLimits, with: &Exposure) -> Result<(), Refusal> {
    let unlimited = limits.max_position == 0 || planted::has(Bug::PositionUnlimited);
    if !unlimited && with.worst_case(order.side) > i128::from(limits.max_position) {
        return Err(bound(Reject::PositionLimit, limits.max_position));
    }
    Ok(())
}

fn bound(reject: Reject, bound: u64) -> Refusal {
    Refusal::with(reject, Detail::Bound(i64::try_from(bound).unwrap_or(i64::MAX)))
}
