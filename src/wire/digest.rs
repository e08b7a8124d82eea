//! SHA-256, and what of a request must be equal in a repetition.

use crate::types::{
    AmendOrder, CancelOrder, CancelScope, ClOrdId, InstrumentId, MassCancel, NewOrder, OrderRef, Query,
    ReplaceOrder, RequestKind, TradesQuery,
};
use aws_lc_rs::digest::{Context, SHA256, SHA512, digest};

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

/// SHA-512 of all `parts`, one after the other.
pub fn sha512(parts: &[&[u8]]) -> [u8; 64] {
    let mut context = Context::new(&SHA512);
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 64];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// Whether `digest` is SHA-256 of `bytes`, in a time that does not tell how much of it is.
pub fn is_sha256_of(bytes: &[u8], digest: &[u8; 32]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(&sha256(bytes), digest).is_ok()
}

/// SHA-256 of `bytes`, cut to its first 16 bytes: enough to tell requests apart.
pub fn sha256_cut(bytes: &[u8]) -> [u8; 16] {
    let mut out = [0; 16];
    out.copy_from_slice(&sha256(bytes)[..16]);
    out
}

/// [`Request::content`](crate::types::Request::content): a digest of what is asked, as understood, and not of how
/// it was written. So `1.50` repeats `1.5`, and a request may be repeated on another session or protocol. A
/// ClOrdID that the gateway made (`named` is false) is left out: the next copy gets another.
pub fn content(kind: &RequestKind, named: bool) -> [u8; 16] {
    let mut form = Form { bytes: [0; Form::MAX], len: 0 };
    match kind {
        RequestKind::New(order) => form.new_order(order, named),
        RequestKind::Cancel(cancel) => form.cancel(cancel, named),
        RequestKind::Amend(amend) => form.amend(amend, named),
        RequestKind::Replace(replace) => form.replace(replace, named),
        RequestKind::MassCancel(cancel) => form.mass_cancel(cancel, named),
        RequestKind::CancelAllAfter(request) => {
            form.put(b"X");
            form.put(&request.account.0.to_be_bytes());
            form.put(&request.timeout.0.to_be_bytes());
        }
        RequestKind::Query(query) => form.query(query),
    }
    sha256_cut(&form.bytes[..form.len])
}

/// The fields of a request one after the other. Each has a fixed length or its length before it, so no two
/// requests have the same form.
struct Form {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl Form {
    /// More than the longest form: two ClOrdIDs with their lengths, and 80 bytes of numbers.
    const MAX: usize = 192;

    fn new_order(&mut self, order: &NewOrder, named: bool) {
        self.put(b"D");
        self.put(&order.account.0.to_be_bytes());
        self.put(&order.instrument.0.to_be_bytes());
        self.name(&order.cl_ord_id, named);
        self.put(&[order.side as u8, order.ord_type as u8, order.time_in_force as u8, order.smp as u8]);
        self.put(&order.price.0.to_be_bytes());
        self.put(&order.qty.0.to_be_bytes());
        self.put(&[u8::from(order.reduce_only)]);
        self.put(&order.expire.0.to_be_bytes());
        self.number(order.smp_group.map(|group| group.0));
    }

    fn cancel(&mut self, cancel: &CancelOrder, named: bool) {
        self.put(b"F");
        self.put(&cancel.account.0.to_be_bytes());
        self.put(&cancel.instrument.0.to_be_bytes());
        self.name(&cancel.cl_ord_id, named);
        self.target(&cancel.target);
    }

    /// What it repeats of the order is not content: it changes nothing.
    fn amend(&mut self, amend: &AmendOrder, named: bool) {
        self.put(b"G");
        self.put(&amend.account.0.to_be_bytes());
        self.put(&amend.instrument.0.to_be_bytes());
        self.name(&amend.cl_ord_id, named);
        self.target(&amend.target);
        self.put(&[u8::from(amend.price.is_some()), u8::from(amend.keep_priority)]);
        self.put(&amend.price.map_or([0; 8], |price| price.0.to_be_bytes()));
        self.put(&amend.qty.0.to_be_bytes());
    }

    /// The label of the cancel is not content: where the client gave none it is another each time.
    fn replace(&mut self, replace: &ReplaceOrder, named: bool) {
        self.put(&[b'R', replace.mode as u8]);
        self.target(&replace.cancel.target);
        self.new_order(&replace.order, named);
    }

    fn mass_cancel(&mut self, cancel: &MassCancel, named: bool) {
        let CancelScope { account, instrument, side, session } = cancel.scope;
        self.put(b"q");
        self.put(&account.0.to_be_bytes());
        self.everywhere_or(instrument);
        self.put(&[side.map_or(0, |side| side as u8)]);
        self.number(session.map(|session| session.0.into()));
        self.name(&cancel.cl_ord_id, named);
    }

    fn query(&mut self, query: &Query) {
        match query {
            Query::Order(query) => {
                self.put(b"H");
                self.put(&query.account.0.to_be_bytes());
                self.put(&query.instrument.0.to_be_bytes());
                self.target(&query.target);
            }
            Query::OpenOrders(query) => {
                self.put(b"O");
                self.put(&query.account.0.to_be_bytes());
                self.everywhere_or(query.instrument);
                self.put(&[query.side.map_or(0, |side| side as u8)]);
            }
            Query::Trades(query) => self.trades(query),
            Query::Account(account) => {
                self.put(b"A");
                self.put(&account.0.to_be_bytes());
            }
            Query::RateLimits(account) => {
                self.put(b"L");
                self.put(&account.0.to_be_bytes());
            }
            Query::Stream(query) => {
                self.put(b"S");
                self.put(&query.account.0.to_be_bytes());
                self.put(&query.after.0.to_be_bytes());
            }
            Query::Test(order) => {
                self.put(b"?");
                self.new_order(order, true);
            }
            Query::Depth { instrument, levels } => {
                self.put(b"V");
                self.put(&instrument.0.to_be_bytes());
                self.put(&levels.to_be_bytes());
            }
            Query::Book(instrument) => {
                self.put(b"B");
                self.put(&instrument.0.to_be_bytes());
            }
            Query::BookTicker { instrument } => {
                self.put(b"T");
                self.everywhere_or(*instrument);
            }
        }
    }

    fn trades(&mut self, query: &TradesQuery) {
        self.put(b"E");
        self.put(&query.account.0.to_be_bytes());
        self.put(&query.instrument.0.to_be_bytes());
        for bound in [
            query.order.map(|order| order.0),
            query.from.map(|trade| trade.0),
            query.start.map(|at| at.0),
            query.end.map(|at| at.0),
        ] {
            self.put(&[u8::from(bound.is_some())]);
            self.put(&bound.unwrap_or_default().to_be_bytes());
        }
        self.put(&query.limit.to_be_bytes());
    }

    fn everywhere_or(&mut self, instrument: Option<InstrumentId>) {
        self.put(&instrument.map_or([0; 2], |id| id.0.to_be_bytes()));
    }

    fn number(&mut self, number: Option<u32>) {
        self.put(&[u8::from(number.is_some())]);
        self.put(&number.unwrap_or_default().to_be_bytes());
    }

    fn target(&mut self, target: &OrderRef) {
        match target {
            OrderRef::OrderId(id) => {
                self.put(&[u8::MAX]); // No name is that long.
                self.put(&id.0.to_be_bytes());
            }
            OrderRef::ClOrdId(id) => self.name(id, true),
        }
    }

    fn name(&mut self, name: &ClOrdId, named: bool) {
        let name = if named { name.as_bytes() } else { &[] };
        self.put(&[name.len() as u8]);
        self.put(name);
    }

    fn put(&mut self, part: &[u8]) {
        self.bytes[self.len..self.len + part.len()].copy_from_slice(part);
        self.len += part.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{
        AccountId, Nanos, OrdType, OrderId, Price, Qty, ReplaceMode, SessionId, Side, SmpGroupId, SmpMode,
        TimeInForce, Unchanged,
    };

    fn order(name: &str) -> NewOrder {
        NewOrder {
            account: AccountId(u32::MAX),
            instrument: InstrumentId(7),
            cl_ord_id: ClOrdId::new(name).unwrap(),
            side: Side::Buy,
            ord_type: OrdType::Limit,
            time_in_force: TimeInForce::Gtc,
            smp: SmpMode::default(),
            smp_group: None,
            reduce_only: false,
            expire: Nanos(0),
            price: Price(i64::MAX),
            qty: Qty(u64::MAX),
        }
    }

    fn cancel_order(name: &str, target: OrderRef) -> CancelOrder {
        let cl_ord_id = ClOrdId::new(name).unwrap();
        CancelOrder { account: AccountId(1), instrument: InstrumentId(7), cl_ord_id, target }
    }

    fn cancel(name: &str, target: OrderRef) -> RequestKind {
        RequestKind::Cancel(cancel_order(name, target))
    }

    #[test]
    fn sha256_is_the_one_of_the_standard() {
        let abc = sha256(b"abc");
        assert_eq!(abc[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(sha256_cut(b"abc"), abc[..16]);
    }

    #[test]
    fn every_field_of_an_order_is_part_of_its_content() {
        let base = order("a");
        let variants = [
            base,
            NewOrder { account: AccountId(2), ..base },
            NewOrder { instrument: InstrumentId(8), ..base },
            order("b"),
            NewOrder { side: Side::Sell, ..base },
            NewOrder { ord_type: OrdType::LimitMaker, ..base },
            NewOrder { time_in_force: TimeInForce::Ioc, ..base },
            NewOrder { smp: SmpMode::None, ..base },
            NewOrder { smp_group: Some(SmpGroupId(0)), ..base },
            NewOrder { smp_group: Some(SmpGroupId(1)), ..base },
            NewOrder { reduce_only: true, ..base },
            NewOrder { expire: Nanos(1), ..base },
            NewOrder { price: Price(1), ..base },
            NewOrder { qty: Qty(1), ..base },
        ];
        let digests = variants.map(|order| content(&RequestKind::New(order), true));
        for (at, digest) in digests.iter().enumerate() {
            assert!(!digests[..at].contains(digest), "{at}");
        }
    }

    #[test]
    fn every_field_of_an_amendment_and_of_a_replacement_is_part_of_its_content() {
        let target = OrderRef::OrderId(OrderId(4));
        let amend = AmendOrder {
            account: AccountId(1),
            instrument: InstrumentId(7),
            cl_ord_id: ClOrdId::new("a").unwrap(),
            target,
            price: Some(Price(5)),
            qty: Qty(5),
            keep_priority: false,
            unchanged: Unchanged::default(),
        };
        let replace = ReplaceOrder {
            cancel: cancel_order("c", target),
            order: order("a"),
            mode: ReplaceMode::StopOnFailure,
        };
        let other = OrderRef::OrderId(OrderId(5));
        let kinds = [
            RequestKind::Amend(amend),
            RequestKind::Amend(AmendOrder { target: other, ..amend }),
            RequestKind::Amend(AmendOrder { price: None, ..amend }),
            RequestKind::Amend(AmendOrder { price: Some(Price(0)), ..amend }),
            RequestKind::Amend(AmendOrder { qty: Qty(6), ..amend }),
            RequestKind::Amend(AmendOrder { keep_priority: true, ..amend }),
            RequestKind::Replace(replace),
            RequestKind::Replace(ReplaceOrder { mode: ReplaceMode::AllowFailure, ..replace }),
            RequestKind::Replace(ReplaceOrder { cancel: cancel_order("c", other), ..replace }),
            RequestKind::Replace(ReplaceOrder { order: order("b"), ..replace }),
        ];
        let digests = kinds.map(|kind| content(&kind, true));
        for (at, digest) in digests.iter().enumerate() {
            assert!(!digests[..at].contains(digest), "{at}");
        }
        let relabelled = ReplaceOrder { cancel: cancel_order("d", target), ..replace };
        assert_eq!(content(&RequestKind::Replace(relabelled), true), digests[6], "a label is no content");
    }

    #[test]
    fn every_field_of_a_mass_cancel_is_part_of_its_content() {
        let scope = CancelScope { account: AccountId(1), instrument: None, side: None, session: None };
        let scopes = [
            scope,
            CancelScope { account: AccountId(2), ..scope },
            CancelScope { instrument: Some(InstrumentId(1)), ..scope },
            CancelScope { side: Some(Side::Buy), ..scope },
            CancelScope { side: Some(Side::Sell), ..scope },
            CancelScope { session: Some(SessionId(0)), ..scope },
        ];
        let cl_ord_id = ClOrdId::new("m").unwrap();
        let digests =
            scopes.map(|scope| content(&RequestKind::MassCancel(MassCancel { scope, cl_ord_id }), true));
        for (at, digest) in digests.iter().enumerate() {
            assert!(!digests[..at].contains(digest), "{at}");
        }
    }

    #[test]
    fn a_name_that_the_gateway_made_is_not_content() {
        let unnamed = |name| content(&RequestKind::New(order(name)), false);
        assert_eq!(unnamed("0-1"), unnamed("0-2"));
    }

    #[test]
    fn the_longest_forms_fit() {
        let longest = "x".repeat(36);
        content(&RequestKind::New(order(&longest)), true);
        let target = OrderRef::ClOrdId(ClOrdId::new(&longest).unwrap());
        let by_name = content(&cancel(&longest, target), true);
        let by_number = content(&cancel(&longest, OrderRef::OrderId(OrderId(u64::MAX))), true);
        let (cancel, mode) = (cancel_order(&longest, target), ReplaceMode::AllowFailure);
        content(&RequestKind::Replace(ReplaceOrder { cancel, order: order(&longest), mode }), true);
        assert_ne!(by_name, by_number);
    }
}
