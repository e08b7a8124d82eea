//! SHA-256, and what of a request must be equal in a repetition.

use crate::types::{CancelOrder, ClOrdId, NewOrder, OrderRef, Query, RequestKind};
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
    /// More than the longest form: two ClOrdIDs with their lengths, and 40 bytes of numbers.
    const MAX: usize = 128;

    fn new_order(&mut self, order: &NewOrder, named: bool) {
        self.put(b"D");
        self.put(&order.account.0.to_be_bytes());
        self.put(&order.instrument.0.to_be_bytes());
        self.name(&order.cl_ord_id, named);
        self.put(&[order.side as u8, order.ord_type as u8, order.time_in_force as u8, order.smp as u8]);
        self.put(&order.price.0.to_be_bytes());
        self.put(&order.qty.0.to_be_bytes());
    }

    fn cancel(&mut self, cancel: &CancelOrder, named: bool) {
        self.put(b"F");
        self.put(&cancel.account.0.to_be_bytes());
        self.put(&cancel.instrument.0.to_be_bytes());
        self.name(&cancel.cl_ord_id, named);
        self.target(&cancel.target);
    }

    fn query(&mut self, query: &Query) {
        match query {
            Query::Order { account, instrument, target } => {
                self.put(b"H");
                self.put(&account.0.to_be_bytes());
                self.put(&instrument.0.to_be_bytes());
                self.target(target);
            }
            Query::OpenOrders { account, instrument } => {
                self.put(b"O");
                self.put(&account.0.to_be_bytes());
                self.put(&instrument.map_or([0; 2], |id| id.0.to_be_bytes()));
            }
            Query::Depth { instrument, levels } => {
                self.put(b"V");
                self.put(&instrument.0.to_be_bytes());
                self.put(&levels.to_be_bytes());
            }
            Query::BookTicker { instrument } => {
                self.put(b"T");
                self.put(&instrument.map_or([0; 2], |id| id.0.to_be_bytes()));
            }
        }
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
    use crate::types::{AccountId, InstrumentId, OrdType, OrderId, Price, Qty, Side, SmpMode, TimeInForce};

    fn order(name: &str) -> NewOrder {
        NewOrder {
            account: AccountId(u32::MAX),
            instrument: InstrumentId(7),
            cl_ord_id: ClOrdId::new(name).unwrap(),
            side: Side::Buy,
            ord_type: OrdType::Limit,
            time_in_force: TimeInForce::Gtc,
            smp: SmpMode::default(),
            price: Price(i64::MAX),
            qty: Qty(u64::MAX),
        }
    }

    fn cancel(name: &str, target: OrderRef) -> RequestKind {
        let cl_ord_id = ClOrdId::new(name).unwrap();
        RequestKind::Cancel(CancelOrder {
            account: AccountId(1),
            instrument: InstrumentId(7),
            cl_ord_id,
            target,
        })
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
            NewOrder { price: Price(1), ..base },
            NewOrder { qty: Qty(1), ..base },
        ];
        let digests = variants.map(|order| content(&RequestKind::New(order), true));
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
        assert_ne!(by_name, by_number);
    }
}
