//! Who is believed, and who is not.

use super::*;
use crate::config::{Member, Signing, fixture};
use crate::types::{
    CancelOrder, ClOrdId, InstrumentId, Nanos, OpenOrdersQuery, OrderId, OrderRef, Query, Request, SessionId,
    Span,
};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use proptest::prelude::*;

const MEMBER: MemberId = MemberId(1);
const OTHER_MEMBER: MemberId = MemberId(2);
const SIGNED_ACCOUNT: AccountId = AccountId(10);
const SESSION_ACCOUNT: AccountId = AccountId(11);
const OTHER_ACCOUNT: AccountId = AccountId(20);
const KEY: ApiKeyId = ApiKeyId(7);
const OTHER_KEY: ApiKeyId = ApiKeyId(3);
const LOGGED_ON: Authority = Authority { member: MEMBER, logged_on: Some(KEY) };
const NOT_LOGGED_ON: Authority = Authority { member: MEMBER, logged_on: None };

fn signer(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn account(id: AccountId, member: MemberId, signature: SignaturePolicy) -> Account {
    fixture::account(id.0, &format!("account-{id}"), member, signature)
}

fn api_key(id: ApiKeyId, member: MemberId, public_key: [u8; 32], accounts: &[AccountId]) -> ApiKey {
    let accounts: Vec<_> = accounts.iter().map(|account| account.0).collect();
    ApiKey { public_key, ..fixture::key(id, &format!("key-{id}"), member, &accounts, Signing::Sealgate) }
}

fn directory(public_key: [u8; 32]) -> Directory {
    let member = |id: MemberId| Member { id, name: format!("member-{id}"), spki_sha256: Vec::new() };
    Directory::new(
        vec![member(MEMBER), member(OTHER_MEMBER)],
        vec![
            account(SESSION_ACCOUNT, MEMBER, SignaturePolicy::Session),
            account(SIGNED_ACCOUNT, MEMBER, SignaturePolicy::Order),
            account(OTHER_ACCOUNT, OTHER_MEMBER, SignaturePolicy::Order),
        ],
        vec![
            api_key(KEY, MEMBER, public_key, &[SIGNED_ACCOUNT, SESSION_ACCOUNT]),
            api_key(OTHER_KEY, OTHER_MEMBER, signer(2).verifying_key().to_bytes(), &[OTHER_ACCOUNT]),
        ],
        Vec::new(),
        Vec::new(),
    )
    .unwrap()
}

fn verifier() -> Verifier {
    Verifier::new(&directory(signer(1).verifying_key().to_bytes())).unwrap()
}

fn cancel(account: AccountId) -> RequestKind {
    RequestKind::Cancel(CancelOrder {
        account,
        instrument: InstrumentId(1),
        cl_ord_id: ClOrdId::new("c1").unwrap(),
        target: OrderRef::OrderId(OrderId(5)),
    })
}

fn open_orders(account: AccountId) -> RequestKind {
    RequestKind::Query(Query::OpenOrders(OpenOrdersQuery {
        account,
        instrument: None,
        side: None,
        req_id: None,
    }))
}

fn request(kind: RequestKind, key: ApiKeyId) -> Request {
    Request {
        kind,
        session: SessionId::NONE,
        key,
        sent: Nanos(0),
        recv_window: Span::from_secs(5),
        content: [0; 16],
        named: true,
    }
}

fn decide(kind: RequestKind, signature: Option<[u8; 64]>, authority: Authority) -> Result<(), Refusal> {
    let unverified = Unverified { request: request(kind, KEY), signed: b"bytes", signature };
    verifier().verify(unverified, authority).map(|_| ())
}

#[test]
fn a_signed_account_wants_a_signature_on_each_order() {
    let good = signer(1).sign(b"bytes").to_bytes();
    for authority in [LOGGED_ON, NOT_LOGGED_ON] {
        assert_eq!(decide(cancel(SIGNED_ACCOUNT), None, authority), Err(Reject::SignatureMissing.into()));
        assert_eq!(decide(cancel(SIGNED_ACCOUNT), Some(good), authority), Ok(()));
    }
}

#[test]
fn a_session_account_wants_none_after_a_logon_with_the_same_key() {
    assert_eq!(decide(cancel(SESSION_ACCOUNT), None, LOGGED_ON), Ok(()));
    let other_logon = Authority { logged_on: Some(OTHER_KEY), ..LOGGED_ON };
    for authority in [NOT_LOGGED_ON, other_logon] {
        assert_eq!(decide(cancel(SESSION_ACCOUNT), None, authority), Err(Reject::SignatureMissing.into()));
    }
}

#[test]
fn a_private_question_wants_a_logon_or_a_signature_and_a_public_one_wants_nothing() {
    let good = signer(1).sign(b"bytes").to_bytes();
    assert_eq!(decide(open_orders(SIGNED_ACCOUNT), None, LOGGED_ON), Ok(()));
    assert_eq!(decide(open_orders(SIGNED_ACCOUNT), Some(good), NOT_LOGGED_ON), Ok(()));
    assert_eq!(
        decide(open_orders(SIGNED_ACCOUNT), None, NOT_LOGGED_ON),
        Err(Reject::SignatureMissing.into())
    );
    let public = RequestKind::Query(Query::BookTicker { instrument: None });
    assert_eq!(decide(public, None, NOT_LOGGED_ON), Ok(()));
    let unnamed = Unverified { request: request(public, ApiKeyId(0)), signed: b"", signature: None };
    assert!(verifier().verify(unnamed, NOT_LOGGED_ON).is_ok());
}

#[test]
fn a_wrong_signature_is_refused_even_where_none_is_due() {
    let wrong = signer(2).sign(b"bytes").to_bytes();
    for kind in [cancel(SIGNED_ACCOUNT), cancel(SESSION_ACCOUNT), open_orders(SESSION_ACCOUNT)] {
        let refusal = decide(kind, Some(wrong), LOGGED_ON).unwrap_err();
        assert_eq!(refusal.reject, Reject::SignatureInvalid);
        assert_eq!(refusal.detail, Detail::SignedSha256(digest::sha256(b"bytes")));
    }
}

#[test]
fn the_key_of_another_member_is_as_good_as_none() {
    let unverified = Unverified {
        request: request(cancel(OTHER_ACCOUNT), OTHER_KEY),
        signed: b"bytes",
        signature: Some(signer(2).sign(b"bytes").to_bytes()),
    };
    let verifier = verifier();
    assert_eq!(verifier.verify(unverified, LOGGED_ON).unwrap_err(), Reject::KeyUnknown.into());
    let owner = Authority { member: OTHER_MEMBER, logged_on: None };
    assert!(verifier.verify(unverified, owner).is_ok());
}

#[test]
fn a_key_acts_for_its_own_accounts_only() {
    let good = signer(1).sign(b"bytes").to_bytes();
    assert_eq!(decide(cancel(OTHER_ACCOUNT), Some(good), LOGGED_ON), Err(Reject::AccountUnknown.into()));
    assert_eq!(decide(open_orders(OTHER_ACCOUNT), None, LOGGED_ON), Err(Reject::AccountUnknown.into()));
}

#[test]
fn a_logon_is_signed_by_the_key_that_it_names() {
    let (verifier, signature) = (verifier(), signer(1).sign(b"payload").to_bytes());
    assert!(verifier.logon(MEMBER, KEY, b"payload", &signature));
    assert!(!verifier.logon(MEMBER, KEY, b"payloaf", &signature));
    assert!(!verifier.logon(OTHER_MEMBER, KEY, b"payload", &signature), "bound to the certificate's member");
    assert!(!verifier.logon(MEMBER, OTHER_KEY, b"payload", &signature));
    assert!(!verifier.logon(MEMBER, ApiKeyId(99), b"payload", &signature));
}

/// The y coordinates of the eight points of small order, and those of their encodings that are not canonical.
const SMALL_ORDER: [&str; 11] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

fn hex(text: &str) -> [u8; 32] {
    std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
}

/// L, the order of the group, little-endian.
const GROUP_ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

#[test]
fn weak_keys_are_refused_by_name_when_they_are_loaded() {
    for text in SMALL_ORDER {
        assert_eq!(PublicKey::parse(&hex(text)).unwrap_err(), KeyProblem::Weak, "{text}");
    }
    let error = Verifier::new(&directory(hex(SMALL_ORDER[2]))).unwrap_err();
    assert_eq!(error.to_string(), "API key key-7: a weak key, of small order");
}

#[test]
fn keys_that_are_no_points_or_stand_in_two_encodings_are_refused() {
    let mut no_point = [0; 32];
    no_point[0] = 2;
    assert_eq!(PublicKey::parse(&no_point).unwrap_err(), KeyProblem::NotAPoint);
    // y = 3 is a point; 3 + p is the same one written otherwise.
    let mut above_the_prime = hex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    above_the_prime[0] += 3;
    assert_eq!(PublicKey::parse(&above_the_prime).unwrap_err(), KeyProblem::NotCanonical);
}

#[test]
fn a_key_with_a_part_of_small_order_is_refused() {
    let honest = signer(1).verifying_key().to_edwards();
    let small = VerifyingKey::from_bytes(&hex(SMALL_ORDER[4])).unwrap().to_edwards();
    let mixed = (honest + small).compress().to_bytes();
    assert_eq!(PublicKey::parse(&mixed).unwrap_err(), KeyProblem::MixedOrder);
}

#[test]
fn a_signature_whose_r_is_of_small_order_is_refused() {
    let public = PublicKey::parse(&signer(1).verifying_key().to_bytes()).unwrap();
    for r in SMALL_ORDER {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&hex(r));
        assert!(!public.signed(b"bytes", &signature), "{r}");
    }
}

#[test]
fn the_same_signature_with_the_group_order_added_is_refused() {
    let public = PublicKey::parse(&signer(1).verifying_key().to_bytes()).unwrap();
    let mut signature = signer(1).sign(b"bytes").to_bytes();
    assert!(public.signed(b"bytes", &signature));
    let mut carry = 0u16;
    for (byte, add) in signature[32..].iter_mut().zip(hex(GROUP_ORDER)) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = ((sum & 0xff) as u8, sum >> 8);
    }
    assert!(!public.signed(b"bytes", &signature));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_flipped_bit_anywhere_breaks_a_signature(
        message in proptest::collection::vec(any::<u8>(), 1..200),
        at in any::<proptest::sample::Index>(),
        bit in 0u8..8,
    ) {
        let public = PublicKey::parse(&signer(1).verifying_key().to_bytes()).unwrap();
        let signature = signer(1).sign(&message).to_bytes();
        prop_assert!(public.signed(&message, &signature));
        let mut both = [signature.to_vec(), message.clone()].concat();
        let flipped = at.index(both.len());
        both[flipped] ^= 1 << bit;
        let (wrong, other) = both.split_at(64);
        prop_assert!(!public.signed(other, wrong.try_into().unwrap()));
    }
}

/// With the tables of all keys.
fn verifier_with_tables() -> Verifier {
    let directory = directory(signer(1).verifying_key().to_bytes());
    let (verifier, mut keeper) = Verifier::with_tables(&directory, 1 << 20).unwrap();
    while keeper.turn().made {}
    verifier
}

#[test]
fn what_waited_has_the_verdict_that_it_has_alone_whoever_stands_beside_it() {
    let mut verifier = verifier_with_tables();
    let messages: [[u8; 1]; known::TOGETHER_MAX] = std::array::from_fn(|at| [at as u8]);
    let signatures = messages.map(|message| signer(if message == [3] { 2 } else { 1 }).sign(&message));
    for (message, signature) in messages.iter().zip(&signatures) {
        verifier.tell_ahead(MEMBER, KEY, message, &signature.to_bytes());
    }
    assert_eq!(verifier.room_ahead(), 0);
    verifier.tell_ahead(MEMBER, KEY, b"one too many", &[0; 64]);
    verifier.find_ahead();
    // In any order.
    for (message, signature) in messages.iter().zip(&signatures).rev() {
        let good = verifier.logon(MEMBER, KEY, message, &signature.to_bytes());
        assert_eq!(good, *message != [3], "{message:?}");
    }
    assert_eq!(verifier.counts(), Counts { by_table: 8, together: 8, by_dalek: 0 });
    assert!(verifier.logon(MEMBER, KEY, &messages[0], &signatures[0].to_bytes()), "a second time, alone");
    assert_eq!(verifier.counts(), Counts { by_table: 9, together: 8, by_dalek: 0 });
}

#[test]
fn a_verdict_that_was_found_is_given_for_these_bytes_of_this_key_only() {
    let mut verifier = verifier_with_tables();
    let [one, two] = [b"one", b"two"].map(|message| signer(1).sign(message).to_bytes());
    verifier.tell_ahead(MEMBER, KEY, b"one", &one);
    verifier.tell_ahead(MEMBER, KEY, b"two", &two);
    verifier.find_ahead();
    assert!(!verifier.logon(MEMBER, KEY, b"two", &one));
    assert!(!verifier.logon(MEMBER, KEY, b"on", &one));
    assert!(!verifier.logon(OTHER_MEMBER, OTHER_KEY, b"one", &one));
    assert_eq!(verifier.counts().together, 0);
    assert!(verifier.logon(MEMBER, KEY, b"one", &one) && verifier.logon(MEMBER, KEY, b"two", &two));
    assert_eq!(verifier.counts().together, 2);
}

#[test]
fn verdicts_that_nobody_asks_for_make_room_for_those_of_the_rounds_after_them() {
    let mut verifier = verifier_with_tables();
    for round in 0..9u8 {
        let messages = [[round, 0], [round, 1]];
        let signatures = messages.map(|message| signer(1).sign(&message).to_bytes());
        for (message, signature) in messages.iter().zip(&signatures) {
            verifier.tell_ahead(MEMBER, KEY, message, signature);
        }
        verifier.find_ahead();
        assert!(verifier.logon(MEMBER, KEY, &messages[1], &signatures[1]));
        assert_eq!(verifier.counts().together, u64::from(round) + 1);
    }
}

#[test]
fn what_waits_alone_or_has_no_table_waits_for_its_turn() {
    let (one, two) = (signer(1).sign(b"one").to_bytes(), signer(1).sign(b"two").to_bytes());
    let mut alone = verifier_with_tables();
    alone.tell_ahead(MEMBER, KEY, b"one", &one);
    alone.tell_ahead(OTHER_MEMBER, KEY, b"two", &two);
    alone.find_ahead();
    assert!(alone.logon(MEMBER, KEY, b"one", &one) && alone.logon(MEMBER, KEY, b"two", &two));
    assert_eq!(alone.counts(), Counts { by_table: 2, together: 0, by_dalek: 0 });

    let directory = directory(signer(1).verifying_key().to_bytes());
    let (mut without_table, _) = Verifier::with_tables(&directory, 0).unwrap();
    without_table.tell_ahead(MEMBER, KEY, b"one", &one);
    without_table.tell_ahead(MEMBER, KEY, b"two", &two);
    without_table.find_ahead();
    assert!(without_table.logon(MEMBER, KEY, b"one", &one));
    assert_eq!(without_table.counts(), Counts { by_table: 0, together: 0, by_dalek: 1 });
    assert_eq!(verifier().room_ahead(), 0, "where dalek decides all nothing is looked at ahead");
}
