//! `[[member.account.limit]]`.

use super::{Kind, Section, optional, required};

/// What an account may do in one instrument.
pub(super) const LIMIT: Section = Section {
    name: "member.account.limit",
    repeats: true,
    says: "What the account above it may do in one instrument. Orders that are open when a limit is lowered stay.",
    keys: &[
        required("symbol", Kind::Text("the symbol of an `[[instrument]]`"), "Where."),
        optional(
            "max_position",
            Kind::Amount("`qty_scale`"),
            "no limit",
            "Most that the position could become, long or short, if all open orders of a side traded.",
        ),
        optional("max_open_orders", Kind::Integer(1, 1_000_000), "that of the account", "Most open orders."),
    ],
};
