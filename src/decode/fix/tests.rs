//! What a message says, and what it must not say.

mod market;

use super::*;
use crate::config::{Member, SignaturePolicy, Signing, fixture};
use crate::types::{
    CancelOrder, ClOrdId, Detail, InstrumentId, MemberId, MsgSeqNum, Nanos, NewOrder, OrdType, OrderId,
    OrderRef, Price, Qty, Scale, Side, SmpMode, TimeInForce, samples,
};
use crate::wire::fix::{
    FIX44, Index, Opening, Precision, PutFields, Template, Validation, Verdict, finish, finish_signed,
};
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;

const SENT: Nanos = Nanos(1_719_487_045_223_000_000);
const SPEAKER: Speaker = Speaker { session: SessionId(4), key: ApiKeyId(7) };

const LIMIT: &[(u32, &str)] = &[
    (11, "mm-1"),
    (40, "2"),
    (54, "1"),
    (55, "BTC-USD"),
    (60, "20240627-11:17:25.223"),
    (38, "0.5"),
    (44, "60000.10"),
];

const CANCEL: &[(u32, &str)] =
    &[(11, "mm-2"), (54, "1"), (55, "BTC-USD"), (60, "20240627-11:17:25.223"), (41, "mm-1")];

fn directory() -> Directory {
    let member = |id| Member { id, name: format!("member-{id}"), spki_sha256: Vec::new() };
    let (ours, theirs) = (MemberId(1), MemberId(2));
    // The first account of the key is not the lowest.
    let key = fixture::key(SPEAKER.key, "mm-key", ours, &[2, 1], Signing::Sealgate);
    let account = |id, name, member| fixture::account(id, name, member, SignaturePolicy::Order);
    let accounts = vec![account(1, "alpha", ours), account(2, "beta", ours), account(5, "their", theirs)];
    let instrument = Instrument { id: InstrumentId(3), qty_scale: Scale(4), ..samples::instrument() };
    Directory::new(vec![member(ours), member(theirs)], accounts, vec![key], Vec::new(), vec![instrument])
        .unwrap()
}

fn message(msg_type: &str, fields: &[(u32, &str)], signed: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let (msg_type, number) = (msg_type.as_bytes(), MsgSeqNum(12));
    let opening = Opening { msg_type, number, sent: SENT, poss_dup: None, poss_resend: false };
    let begun = Template::new(b"FIX.4.4", b"MM1", b"SEALGATE", Precision::Millis).begin(&mut out, &opening);
    for (tag, value) in fields {
        out.put(*tag, value.as_bytes());
    }
    if signed {
        finish_signed(&mut out, begun, &|bytes| SigningKey::from_bytes(&[1; 32]).sign(bytes).to_bytes());
    } else {
        finish(&mut out, begun);
    }
    out
}

fn request_of(bytes: &[u8]) -> Result<Request, Refusal> {
    let mut index = Index::new();
    let message = Message::parse(bytes, &mut index).unwrap();
    decode(&message, SPEAKER, &directory()).map(|unverified| unverified.request)
}

/// The fields of `base`, with those of `changes` in their place or added; an empty value takes a field out.
fn with<'a>(base: &[(u32, &'a str)], changes: &[(u32, &'a str)]) -> Vec<(u32, &'a str)> {
    let kept = base.iter().filter(|(tag, _)| changes.iter().all(|(changed, _)| changed != tag));
    kept.chain(changes.iter().filter(|(_, value)| !value.is_empty())).copied().collect()
}

fn order(changes: &[(u32, &str)]) -> Result<NewOrder, Refusal> {
    match request_of(&message("D", &with(LIMIT, changes), true))?.kind {
        RequestKind::New(order) => Ok(order),
        other => panic!("{other:?}"),
    }
}

fn cancel(changes: &[(u32, &str)]) -> Result<CancelOrder, Refusal> {
    match request_of(&message("F", &with(CANCEL, changes), true))?.kind {
        RequestKind::Cancel(cancel) => Ok(cancel),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_limit_order_is_understood_field_by_field() {
    let bytes = message("D", LIMIT, true);
    let request = request_of(&bytes).unwrap();
    let kind = RequestKind::New(NewOrder {
        smp_group: None,
        reduce_only: false,
        expire: Nanos(0),
        account: AccountId(2),
        instrument: InstrumentId(3),
        cl_ord_id: ClOrdId::new("mm-1").unwrap(),
        side: Side::Buy,
        ord_type: OrdType::Limit,
        time_in_force: TimeInForce::Gtc,
        smp: SmpMode::ExpireTaker,
        price: Price(6_000_010),
        qty: Qty(5_000),
    });
    let expected = Request {
        kind,
        session: SPEAKER.session,
        key: SPEAKER.key,
        sent: SENT,
        recv_window: RECV_WINDOW_DEFAULT,
        content: digest::content(&kind, true),
        named: true,
    };
    assert_eq!(request, expected);
}

#[test]
fn a_cancel_is_understood_field_by_field() {
    let cancel = cancel(&[]).unwrap();
    assert_eq!(cancel.cl_ord_id.as_str(), "mm-2");
    assert_eq!(cancel.target, OrderRef::ClOrdId(ClOrdId::new("mm-1").unwrap()));
    assert_eq!((cancel.account, cancel.instrument), (AccountId(2), InstrumentId(3)));
}

#[test]
fn the_account_is_the_first_of_the_key_or_one_that_the_key_may_act_for() {
    assert_eq!(order(&[]).unwrap().account, AccountId(2));
    assert_eq!(order(&[(1, "alpha")]).unwrap().account, AccountId(1));
    for foreign in ["their", "nobody", "Alpha"] {
        assert_eq!(order(&[(1, foreign)]), Err(Refusal::tag(Reject::AccountUnknown, 1)));
        assert_eq!(cancel(&[(1, foreign)]), Err(Refusal::tag(Reject::AccountUnknown, 1)));
    }
}

#[test]
fn order_types_and_times_in_force_go_together_as_the_table_says() {
    use OrdType::{Limit, LimitMaker, Market};
    use TimeInForce::{Fok, Gtc, Ioc};
    let read = |fields: &[(u32, &str)]| order(fields).map(|o| (o.ord_type, o.time_in_force));
    assert_eq!(read(&[]), Ok((Limit, Gtc)));
    assert_eq!(read(&[(59, "1")]), Ok((Limit, Gtc)));
    assert_eq!(read(&[(59, "3")]), Ok((Limit, Ioc)));
    assert_eq!(read(&[(59, "4")]), Ok((Limit, Fok)));
    assert_eq!(read(&[(18, "6")]), Ok((LimitMaker, Gtc)));
    assert_eq!(read(&[(18, "6"), (59, "1")]), Ok((LimitMaker, Gtc)));
    assert_eq!(read(&[(40, "1"), (44, "")]), Ok((Market, Ioc)));
    assert_eq!(read(&[(40, "1"), (44, ""), (59, "3")]), Ok((Market, Ioc)));

    let refused = |reject, tag| Err(Refusal::tag(reject, tag));
    assert_eq!(read(&[(59, "0")]), refused(Reject::TimeInForceUnsupported, 59));
    assert_eq!(read(&[(18, "6"), (59, "3")]), refused(Reject::TimeInForceUnsupported, 59));
    assert_eq!(read(&[(40, "1"), (44, ""), (59, "1")]), refused(Reject::TimeInForceUnsupported, 59));
    assert_eq!(read(&[(40, "3")]), refused(Reject::OrderTypeUnsupported, 40));
    assert_eq!(read(&[(18, "G")]), refused(Reject::OrderTypeUnsupported, 18));
    assert_eq!(read(&[(18, "6 G")]), refused(Reject::OrderTypeUnsupported, 18));
    assert_eq!(read(&[(40, "1"), (44, ""), (18, "6")]), refused(Reject::ParameterConflict, 18));
    assert_eq!(read(&[(40, "1")]), refused(Reject::ParameterConflict, 44));
    assert_eq!(read(&[(44, "")]), refused(Reject::FieldMissing, 44));
}

#[test]
fn prices_and_quantities_are_exact_at_the_scale_of_the_instrument() {
    assert_eq!(order(&[(44, "60000.1000")]).unwrap().price, Price(6_000_010));
    for bad in ["60000.101", "0", "-1", "1e3", "+1", "1.", ".5", "99999999999999999999", "NaN", "1 "] {
        assert_eq!(order(&[(44, bad)]), Err(Refusal::tag(Reject::PriceMalformed, 44)), "{bad}");
    }
    for bad in ["0.00001", "0", "-0.5", "1,5", "9223372036854775807", "0x10"] {
        assert_eq!(order(&[(38, bad)]), Err(Refusal::tag(Reject::QtyMalformed, 38)), "{bad}");
    }
}

#[test]
fn names_are_plain_and_known() {
    for (bad, reject) in [("a b", Reject::ClOrdIdInvalid), (&"x".repeat(37), Reject::ClOrdIdInvalid)] {
        assert_eq!(order(&[(11, bad)]), Err(Refusal::tag(reject, 11)));
        assert_eq!(cancel(&[(41, bad)]), Err(Refusal::tag(reject, 41)));
    }
    assert_eq!(order(&[(55, "BTC-USDT")]), Err(Refusal::tag(Reject::SymbolUnknown, 55)));
    for side in ["3", "B", "11"] {
        assert_eq!(order(&[(54, side)]), Err(Refusal::tag(Reject::SideInvalid, 54)));
    }
}

#[test]
fn windows_and_self_match_prevention_have_their_ranges() {
    let window =
        |text| request_of(&message("D", &with(LIMIT, &[(25_000, text)]), true)).map(|r| r.recv_window);
    assert_eq!(window("250"), Ok(Span::from_millis(250)));
    assert_eq!(window("60000"), Ok(RECV_WINDOW_MAX));
    for bad in ["0", "60001", "9999999999999999999"] {
        assert_eq!(window(bad), Err(Refusal::tag(Reject::FieldValue, 25_000)), "{bad}");
    }
    assert_eq!(window("5s"), Err(Refusal::tag(Reject::FieldFormat, 25_000)));
    assert_eq!(order(&[(25_001, "4")]).unwrap().smp, SmpMode::ExpireBoth);
    assert_eq!(order(&[(25_001, "6")]), Err(Refusal::tag(Reject::FieldValue, 25_001)));
}

#[test]
fn a_cancel_names_its_order_by_one_of_two_fields_and_order_id_goes_first() {
    let by_number = Ok(OrderRef::OrderId(OrderId(77)));
    let target = |fields: &[(u32, &str)]| cancel(fields).map(|cancel| cancel.target);
    assert_eq!(target(&[(37, "77")]), by_number);
    assert_eq!(target(&[(41, ""), (37, "77")]), by_number);
    assert_eq!(target(&[(41, "")]), Err(Refusal::tag(Reject::OrderRefMissing, 41)));
    assert_eq!(target(&[(37, "NONE")]), Err(Refusal::tag(Reject::OrderUnknown, 37)));
}

#[test]
fn nothing_is_ignored_repeated_or_empty() {
    let refused = |fields: &[(u32, &str)]| request_of(&message("D", fields, true)).map(|_| ());
    for unknown in [99, 111, 432, 9_999, 37] {
        let fields = with(LIMIT, &[(unknown, "1")]);
        assert_eq!(refused(&fields), Err(Refusal::tag(Reject::FieldNotForMessage, unknown)));
    }
    let twice = [LIMIT, &[(54, "2")]].concat();
    assert_eq!(refused(&twice), Err(Refusal::tag(Reject::FieldRepeated, 54)));
    let empty = [&with(LIMIT, &[(44, "")])[..], &[(44, "")]].concat();
    assert_eq!(refused(&empty), Err(Refusal::tag(Reject::FieldEmpty, 44)));
    assert_eq!(refused(&with(LIMIT, &[(60, "yesterday")])), Err(Refusal::tag(Reject::FieldFormat, 60)));
    assert_eq!(refused(&with(LIMIT, &[(21, "3")])), Err(Refusal::tag(Reject::FieldValue, 21)));
    for required in [11, 38, 40, 54, 55] {
        let without = with(LIMIT, &[(required, "")]);
        assert_eq!(refused(&without), Err(Refusal::tag(Reject::FieldMissing, required)));
    }
    assert_eq!(request_of(&message("R", LIMIT, true)), Err(Reject::UnsupportedMessage.into()));
}

#[test]
fn the_signature_covers_one_slice_of_what_was_received() {
    for (signed, bytes) in [(true, message("D", LIMIT, true)), (false, message("D", LIMIT, false))] {
        let mut index = Index::new();
        let message = Message::parse(&bytes, &mut index).unwrap();
        let unverified = decode(&message, SPEAKER, &directory()).unwrap();
        let text = String::from_utf8_lossy(unverified.signed).replace('\x01', "|");
        assert!(text.starts_with("35=D|34=12|") && text.ends_with("|44=60000.10|"), "{text}");
        let expected = signed.then(|| SigningKey::from_bytes(&[1; 32]).sign(unverified.signed).to_bytes());
        assert_eq!(unverified.signature, expected);
    }
}

#[test]
fn a_signature_in_the_wrong_place_or_shape_is_refused() {
    let signature = "A".repeat(86) + "==";
    let refused =
        |fields: &[(u32, &str)]| request_of(&message("D", &[LIMIT, fields].concat(), false)).unwrap_err();
    assert_eq!(refused(&[(93, "88")]), Refusal::tag(Reject::FieldOutOfOrder, 89));
    let early = [(93, "88"), (89, signature.as_str()), (58, "x")];
    assert_eq!(refused(&early), Refusal::tag(Reject::FieldOutOfOrder, 89));
    assert_eq!(refused(&[(89, &signature), (93, "87")]), Refusal::tag(Reject::FieldFormat, 93));
    assert_eq!(refused(&[(93, "4"), (89, "AAA=")]), Refusal::tag(Reject::FieldFormat, 89));
}

#[test]
fn a_message_that_is_longer_than_its_evidence_may_be_is_refused() {
    let text = "x".repeat(SIGNED_BYTES_MAX);
    let bytes = message("D", &with(LIMIT, &[(58, &text)]), true);
    assert_eq!(request_of(&bytes), Err(Reject::MessageTooLong.into()));
}

#[test]
fn the_dictionary_and_the_decoder_allow_the_same_fields() {
    let any_order = Validation { fields_out_of_order: false, ..Validation::FULL };
    for (msg_type, base) in [("D", LIMIT), ("F", CANCEL)] {
        for tag in FIX44.tags() {
            let bytes = message(msg_type, &with(base, &[(tag, "1")]), false);
            let mut index = Index::new();
            let message = Message::parse(&bytes, &mut index).unwrap();
            let by_dictionary = match FIX44.validate(&message, any_order) {
                Verdict::Fault(fault) => fault.reason.reject() == Reject::FieldNotForMessage,
                Verdict::Good(_) | Verdict::Unsupported => false,
            };
            let by_decoder = decode(&message, SPEAKER, &directory()).map(|_| ())
                == Err(Refusal::tag(Reject::FieldNotForMessage, tag));
            assert_eq!(by_dictionary, by_decoder, "{msg_type} {tag}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_soup_of_fields_is_understood_or_refused_and_never_a_panic(
        msg_type in prop_oneof![Just("D"), Just("F"), Just("8")],
        fields in proptest::collection::vec(
            (
                prop_oneof![
                    proptest::sample::select(new_order::TAGS.list()),
                    proptest::sample::select(cancel::TAGS.list()),
                    1u32..26_000,
                ],
                prop_oneof![
                    "[ -~]{0,40}",
                    "-?[0-9]{0,20}\\.?[0-9]{0,20}",
                    Just("BTC-USD".to_owned()),
                    Just("alpha".to_owned()),
                    Just("20240627-11:17:25".to_owned()),
                    "[0-9]",
                ],
            ),
            0..30,
        ),
        signed in any::<bool>(),
    ) {
        let fields: Vec<_> = fields.iter().map(|(tag, value)| (*tag, value.as_str())).collect();
        let bytes = message(msg_type, &fields, signed);
        let mut index = Index::new();
        if let Ok(message) = Message::parse(&bytes, &mut index) {
            match decode(&message, SPEAKER, &directory()) {
                Ok(unverified) => prop_assert!(unverified.signed.len() <= SIGNED_BYTES_MAX),
                Err(refusal) => prop_assert!(!matches!(refusal.detail, Detail::Field(_))),
            }
        }
    }

    #[test]
    fn a_good_order_with_a_spoilt_field_never_panics(at in 0..LIMIT.len(), value in "\\PC{0,50}") {
        let mut fields = LIMIT.to_vec();
        fields[at].1 = &value;
        let _ = request_of(&message("D", &fields, true));
    }
}
