//! What is traded: prices that rest and prices that cross, quantities, as text in the instrument's own terms.

use super::args::VenueArgs;
use super::speaker::Action;
use crate::config::Config;
use crate::types::{Decimal, Instrument, Scale};

/// The instrument of a run whose server is our own, and what `sealgate init` sets up.
pub const SYMBOL: &str = "BTC-PERP";

/// Levels of a side on which orders rest.
const LEVELS: i64 = 200;

/// Orders rest so many hundredths of a percent away from the price, on both sides.
const DISTANCE_BPS: i64 = 50;

/// An instrument and where its orders go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Symbol(55).
    pub symbol: String,
    /// OrderQty(38) of orders that rest.
    pub qty: String,
    /// What an amendment lowers it to.
    pub lowered: String,
    scale: Scale,
    /// In units of the scale, as is the tick.
    price: i64,
    tick: i64,
}

impl Terms {
    /// Those of [`SYMBOL`] as it is set up here.
    pub fn own() -> Self {
        Self {
            symbol: SYMBOL.to_owned(),
            qty: "0.002".to_owned(),
            lowered: "0.001".to_owned(),
            scale: Scale(1),
            price: 1_000_000,
            tick: 5,
        }
    }

    /// What the flags say, else the configuration.
    pub fn of(args: &VenueArgs, config: Option<&Config>) -> Result<Self, String> {
        let instruments = config.map_or(&[][..], |config| config.directory.instruments());
        let known = instruments.iter().find(|known| known.symbol.as_str() == args.symbol);
        if known.is_none() && !instruments.is_empty() {
            return Err(format!("--symbol {}: the configuration has no such instrument", args.symbol));
        }
        let default = match known {
            Some(instrument) => Self::configured(instrument),
            None if args.symbol == SYMBOL => Self::own(),
            None if args.price.is_some() && args.tick.is_some() && args.qty.is_some() => Self::own(),
            None => {
                return Err(format!(
                    "--symbol {}: no configuration is at hand, so --price, --tick and --qty are wanted too",
                    args.symbol
                ));
            }
        };
        Self { symbol: args.symbol.clone(), ..default }.changed(args)
    }

    fn configured(instrument: &Instrument) -> Self {
        let qty = |lots: u64| instrument.qty_scale.text(i128::from(instrument.lot.0) * i128::from(lots));
        Self {
            symbol: instrument.symbol.as_str().to_owned(),
            qty: qty(2),
            lowered: qty(1),
            scale: instrument.price_scale,
            price: instrument.reference.0,
            tick: instrument.tick.0,
        }
    }

    fn changed(mut self, args: &VenueArgs) -> Result<Self, String> {
        if let Some(text) = &args.tick {
            let tick = positive("--tick", text)?;
            // The price is in units of the tick's scale then, or of its own if that is the finer one.
            let price = args.price.as_ref().map(|price| positive("--price", price)).transpose()?;
            self.rescale(tick.scale.max(price.map_or(self.scale.0, |price| price.scale)));
            self.tick = units("--tick", tick, self.scale)?;
        }
        if let Some(text) = &args.price {
            self.price = units("--price", positive("--price", text)?, self.scale)?;
        }
        if let Some(text) = &args.qty {
            let Decimal { mantissa, scale } = positive("--qty", text)?;
            if mantissa % 2 != 0 {
                return Err(format!("--qty {text}: twice a quantity that is allowed is wanted"));
            }
            let text = |mantissa: i64| Scale(scale).text(i128::from(mantissa));
            (self.qty, self.lowered) = (text(mantissa), text(mantissa / 2));
        }
        if self.price <= 0 {
            return Err(format!("--symbol {}: it has no reference price, so --price is wanted", self.symbol));
        }
        // On the grid, with room below for all that rests.
        self.price -= self.price % self.tick;
        if self.price <= self.distance() + (LEVELS + 1) * self.tick {
            return Err(format!(
                "--price: it is below {LEVELS} ticks, which leaves no room for orders that rest"
            ));
        }
        Ok(self)
    }

    fn rescale(&mut self, places: u8) {
        let more = places.saturating_sub(self.scale.0).min(Scale::MAX.0 - self.scale.0);
        let factor = 10i64.pow(u32::from(more));
        self.scale = Scale(self.scale.0 + more);
        (self.price, self.tick) = (self.price.saturating_mul(factor), self.tick.saturating_mul(factor));
    }

    fn distance(&self) -> i64 {
        let away = self.price / 10_000 * DISTANCE_BPS;
        (away - away % self.tick).max(self.tick)
    }

    /// The price of message `number`.
    pub fn price(&self, action: Action, number: u64) -> String {
        let level = (number % LEVELS as u64) as i64 * self.tick;
        let at = match action {
            Action::New { buys: true } => self.price - self.distance() - level,
            Action::New { buys: false } => self.price + self.distance() + level,
            // An amendment says the price again.
            Action::Amend { order, buys } => return self.price(Action::New { buys }, order),
            Action::Cross { .. } | Action::Cancel { .. } => self.price,
        };
        self.scale.text(i128::from(at))
    }
}

fn positive(flag: &str, text: &str) -> Result<Decimal, String> {
    let number: Decimal = text.parse().map_err(|error| format!("{flag} {text}: {error}"))?;
    if number.mantissa > 0 && number.scale <= Scale::MAX.0 {
        Ok(number)
    } else {
        Err(format!(
            "{flag} {text}: a positive number with at most {} decimal places is wanted",
            Scale::MAX.0
        ))
    }
}

fn units(flag: &str, number: Decimal, scale: Scale) -> Result<i64, String> {
    number.at_scale(scale).map_err(|error| format!("{flag}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(symbol: &str, [price, tick, qty]: [Option<&str>; 3]) -> VenueArgs {
        let own = |text: Option<&str>| text.map(str::to_owned);
        VenueArgs {
            config: None,
            connect: None,
            home: None,
            member: Vec::new(),
            symbol: symbol.to_owned(),
            price: own(price),
            tick: own(tick),
            qty: own(qty),
            plain: false,
        }
    }

    #[test]
    fn orders_rest_on_both_sides_of_the_price_and_cross_at_it() {
        let terms = Terms::own();
        let new = |buys, number| terms.price(Action::New { buys }, number);
        assert_eq!((new(true, 0), new(true, 201)), ("99500.0".to_owned(), "99499.5".to_owned()));
        assert_eq!((new(false, 0), new(false, 199)), ("100500.0".to_owned(), "100599.5".to_owned()));
        assert_eq!(terms.price(Action::Cross { buys: true }, 7), "100000.0");
        assert_eq!(terms.price(Action::Amend { order: 1, buys: true }, 7), new(true, 1));
    }

    #[test]
    fn flags_say_what_no_configuration_does() {
        let terms = Terms::of(&args("ETH", [Some("2000"), Some("0.01"), Some("0.4")]), None).unwrap();
        assert_eq!(terms.price(Action::New { buys: true }, 1), "1989.99");
        assert_eq!((terms.symbol, terms.qty, terms.lowered), ("ETH".into(), "0.4".into(), "0.2".into()));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_flag() {
        for (symbol, flags, why) in [
            ("ETH", [Some("2000"), None, None], "--symbol ETH: no configuration is at hand"),
            (SYMBOL, [Some("-1"), None, None], "--price -1: a positive number"),
            (SYMBOL, [None, Some("x"), None], "--tick x: not a plain decimal number"),
            (SYMBOL, [None, None, Some("0.003")], "--qty 0.003: twice a quantity"),
            (SYMBOL, [Some("100"), None, None], "--price: it is below 200 ticks"),
        ] {
            let said = Terms::of(&args(symbol, flags), None).unwrap_err();
            assert!(said.starts_with(why), "{said}");
        }
    }
}
