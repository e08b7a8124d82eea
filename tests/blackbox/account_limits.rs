//! Limits of an account in single instruments, at the instrument's own scale.

use crate::support::Setup;
use sealgate::client::{NewOrder, ws};
use sealgate::types::{Reject, Side};

const LIMITS: &str = r#"
[[member.account.limit]]
symbol = "BTC-USD"
max_position = "0.05"

[[member.account.limit]]
symbol = "BTC-PERP"
max_position = "3"
max_open_orders = 2
"#;

/// The configuration of a venue in which alice's account has these limits.
fn limited(limits: &str) -> Setup {
    let key = "[[member.api_key]]\nid = 1\n";
    Setup::new().file(key, &format!("{limits}\n{key}"))
}

async fn placed(bot: &ws::Client, symbol: &str, side: Side, qty: &str, price: &str) -> Option<Reject> {
    let order = NewOrder::limit(symbol, side, qty.parse().unwrap(), price.parse().unwrap());
    bot.place(&order).await.err().map(|error| error.reject().expect("a refusal"))
}

#[tokio::test]
async fn each_instrument_has_the_limit_that_is_said_of_it() {
    let venue = limited(LIMITS).start();
    let bot = venue.websocket("alice").await;
    assert_eq!(placed(&bot, "BTC-USD", Side::Buy, "0.05", "99000").await, None);
    assert_eq!(placed(&bot, "BTC-USD", Side::Buy, "0.00001", "99000").await, Some(Reject::PositionLimit));
    assert_eq!(placed(&bot, "BTC-USD", Side::Sell, "0.05", "100500").await, None, "the other side");
    assert_eq!(placed(&bot, "BTC-PERP", Side::Buy, "3.001", "99000").await, Some(Reject::PositionLimit));
    assert_eq!(placed(&bot, "BTC-PERP", Side::Buy, "1", "99000").await, None);
    assert_eq!(placed(&bot, "BTC-PERP", Side::Buy, "1", "98000").await, None);
    assert_eq!(placed(&bot, "BTC-PERP", Side::Buy, "1", "97000").await, Some(Reject::TooManyOpenOrders));
    let status = bot.account(None).await.unwrap();
    let told = status.positions.iter().map(|has| (has.symbol.as_str(), has.max_position.to_string()));
    let told: Vec<_> = told.collect();
    assert_eq!(told, [("BTC-USD", "0.05000".to_owned()), ("BTC-PERP", "3.000".to_owned())]);
    let other = venue.websocket("bob").await;
    assert_eq!(placed(&other, "BTC-USD", Side::Buy, "0.06", "99000").await, None, "another account has none");
}

#[tokio::test]
async fn a_limit_that_is_changed_or_taken_away_counts_from_the_next_start() {
    let mut venue = limited(LIMITS).start();
    let bot = venue.websocket("alice").await;
    assert_eq!(placed(&bot, "BTC-USD", Side::Buy, "0.06", "99000").await, Some(Reject::PositionLimit));
    venue.stop();
    let limits: Vec<_> = venue.config().directory.limits().to_vec();
    venue.adjust(move |config| {
        let rest = limits[1..].to_vec();
        config.directory = config.directory.clone().with_limits(rest);
    });
    venue.start_again();
    let bot = venue.websocket("alice").await;
    assert_eq!(placed(&bot, "BTC-USD", Side::Buy, "0.06", "99000").await, None);
    assert_eq!(placed(&bot, "BTC-PERP", Side::Buy, "4", "99000").await, Some(Reject::PositionLimit));
}

#[test]
fn a_limit_that_is_wrong_is_refused_by_line_and_key() {
    for (limits, says) in [
        ("[[member.account.limit]]\nsymbol = \"DOGE-USD\"\n", "there is no instrument \"DOGE-USD\""),
        ("[[member.account.limit]]\nsymbol = \"BTC-USD\"\nmax_position = \"0.000001\"\n", "max_position"),
        ("[[member.account.limit]]\nmax_position = \"1\"\n", "symbol"),
        (
            "[[member.account.limit]]\nsymbol = \"BTC-USD\"\n[[member.account.limit]]\nsymbol = \"BTC-USD\"\n",
            "has a limit of this account already",
        ),
        ("max_position = 5\n", "max_position"),
    ] {
        let setup = limited(limits);
        let refused = setup.refused();
        assert!(refused.contains(says) && refused.contains("sealgate.toml:"), "{refused}");
    }
}
