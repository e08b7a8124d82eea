//! The signing vectors of both protocols, made by a program that shares no line with this one
//! (`tests/vectors/make.py`), against the code that decides in production; and the snippets of `docs/signing.md`
//! against the functions that made them.

use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{Signer, SigningKey};
use sealgate::config::{Account, ApiKey, Directory, Member, RateLimits, SignaturePolicy, Signing};
use sealgate::decode;
use sealgate::decode::fix::Speaker;
use sealgate::session::fix::LogonAsk;
use sealgate::types::{
    AccountId, AccountLimits, ApiKeyId, Detail, Instrument, InstrumentId, InstrumentKind, InstrumentState,
    MemberId, Price, Qty, Refusal, Scale, SessionId, Span, Symbol,
};
use sealgate::verify::{Authority, Verifier};
use sealgate::wire::digest::sha256;
use sealgate::wire::fix::{FIX44, Framed, Index, Message, Validation, Verdict, frame};
use sealgate::wire::json::{Reader, signed_form};
use serde_json::Value;

const MEMBER: MemberId = MemberId(1);
const KEY: ApiKeyId = ApiKeyId(21);
const AUTHORITY: Authority = Authority { member: MEMBER, logged_on: Some(KEY) };

fn file(name: &str) -> String {
    let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn vectors(name: &str) -> (SigningKey, Vec<Value>) {
    let file: Value = serde_json::from_str(&file(&format!("tests/vectors/{name}.json"))).unwrap();
    let pkcs8 = base64_bytes(text(&file["key"], "pkcs8"));
    let key = SigningKey::from_pkcs8_der(&pkcs8).unwrap();
    assert_eq!(hex(key.as_bytes()), text(&file["key"], "secret"));
    assert_eq!(hex(key.verifying_key().as_bytes()), text(&file["key"], "public"));
    let vectors = file["vectors"].as_array().unwrap().clone();
    assert!(!vectors.is_empty());
    (key, vectors)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64_bytes(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

fn directory(public_key: [u8; 32]) -> Directory {
    let (account, rate) = (AccountId(11), (10, Span::from_secs(1)));
    let account = Account {
        id: account,
        name: "ALICE-1".to_owned(),
        member: MEMBER,
        signature: SignaturePolicy::Order,
        rates: RateLimits { orders: rate, orders_per_day: None, cancels: rate, queries: rate },
        limits: AccountLimits {
            account,
            instrument: None,
            max_open_orders: 10,
            max_position: 0,
            smp_group: Default::default(),
            enabled: true,
        },
    };
    let key = ApiKey {
        id: KEY,
        name: "alice-key".to_owned(),
        member: MEMBER,
        public_key,
        accounts: vec![account.id],
        signing: Signing::Sealgate,
        cancel: Default::default(),
    };
    let instrument = Instrument {
        id: InstrumentId(1),
        symbol: Symbol::new("BTC-USD").unwrap(),
        kind: InstrumentKind::Spot,
        base: Symbol::new("BTC").unwrap(),
        quote: Symbol::new("USD").unwrap(),
        price_scale: Scale(2),
        qty_scale: Scale(4),
        tick: Price(1),
        lot: Qty(1),
        max_qty: Qty(1_000_000),
        max_notional: u64::MAX,
        band_bps: 0,
        reference: Price(0),
        state: InstrumentState::Trading,
    };
    let member = Member { id: MEMBER, name: "ALICE".to_owned(), spki_sha256: Vec::new() };
    Directory::new(vec![member], vec![account], vec![key], Vec::new(), vec![instrument]).unwrap()
}

/// What a gateway does with a message of a session: frame, index, validate, decode, verify.
fn decide(bytes: &[u8], directory: &Directory) -> Result<(), Refusal> {
    assert_eq!(frame(bytes), Framed::Message(bytes.len()), "one message and nothing after it");
    let mut index = Index::new();
    let message = Message::parse(bytes, &mut index).unwrap();
    if let Verdict::Fault(fault) = FIX44.validate(&message, Validation::FULL) {
        return Err(fault.reason.reject().into());
    }
    let speaker = Speaker { session: SessionId(31), key: KEY };
    let unverified = decode::fix::decode(&message, speaker, directory)?;
    Verifier::new(directory).unwrap().verify(unverified, AUTHORITY).map(|_| ())
}

#[test]
fn fix_orders_are_decided_as_the_vectors_say() {
    let (key, vectors) = vectors("fix-order");
    let directory = directory(key.verifying_key().to_bytes());
    for vector in &vectors {
        let name = text(vector, "name");
        let outcome = match decide(text(vector, "message").as_bytes(), &directory) {
            Ok(()) => "Verified".to_owned(),
            Err(refusal) => {
                if let Detail::SignedSha256(digest) = refusal.detail {
                    assert_eq!(hex(&digest), text(vector, "signed_sha256"), "{name}");
                }
                refusal.reject.info().name.to_owned()
            }
        };
        assert_eq!(outcome, text(vector, "outcome"), "{name}");
    }
}

#[test]
fn fix_orders_are_signed_over_the_bytes_that_the_vectors_say() {
    let (key, vectors) = vectors("fix-order");
    for vector in vectors.iter().filter(|vector| vector["outcome"] == "Verified") {
        let (bytes, name) = (text(vector, "message").as_bytes(), text(vector, "name"));
        let mut index = Index::new();
        let signed = Message::parse(bytes, &mut index).unwrap().signed().unwrap();
        assert_eq!(signed.bytes, text(vector, "signed").as_bytes(), "{name}");
        assert_eq!(hex(&sha256(signed.bytes)), text(vector, "signed_sha256"), "{name}");
        let signature = decode::signature(text(vector, "signature").as_bytes()).unwrap();
        assert_eq!(signature, key.sign(signed.bytes).to_bytes(), "{name}");
    }
}

#[test]
fn fix_logons_are_signed_over_the_bytes_that_the_vectors_say() {
    let (key, vectors) = vectors("fix-logon");
    let verifier = Verifier::new(&directory(key.verifying_key().to_bytes())).unwrap();
    let mut signed_as_a_whole = 0;
    for vector in &vectors {
        let bytes = text(vector, "message").as_bytes();
        assert_eq!(frame(bytes), Framed::Message(bytes.len()));
        let mut index = Index::new();
        let ask = LogonAsk::read(&Message::parse(bytes, &mut index).unwrap(), &FIX44).unwrap();
        let mut payload = Vec::new();
        ask.payload(&mut payload);
        assert_eq!(payload, text(vector, "payload").as_bytes());
        let signature = decode::signature(ask.raw_data.unwrap()).unwrap();
        assert_eq!(signature, key.sign(&payload).to_bytes());
        assert!(verifier.logon(MEMBER, KEY, &payload, &signature));
        if let Ok(whole) = ask.signed {
            let signature = decode::signature(whole.signature).unwrap();
            assert!(verifier.logon(MEMBER, KEY, whole.bytes, &signature));
            signed_as_a_whole += 1;
        }
    }
    assert_eq!(signed_as_a_whole, 1);
}

#[test]
fn websocket_requests_are_signed_over_the_bytes_that_the_vectors_say() {
    let (key, vectors) = vectors("websocket");
    let mut reader = Reader::new();
    for vector in &vectors {
        let request = reader.read(text(vector, "request")).unwrap();
        let method = (text(vector, "signing") == "sealgate").then_some(request.method);
        let mut payload = Vec::new();
        let params = request.params.iter().map(|(name, value)| (name, value.as_written()));
        signed_form(method, params, &mut payload).unwrap();
        assert_eq!(String::from_utf8_lossy(&payload), text(vector, "payload"));
        let signature = request.params.get("signature").unwrap().as_written();
        assert_eq!(signature, text(vector, "signature"));
        let signature = decode::signature(signature.as_bytes()).unwrap();
        assert_eq!(signature, key.sign(&payload).to_bytes(), "{}", text(vector, "name"));
    }
}

#[test]
fn one_binance_signature_fits_a_cancel_and_a_status_request_and_ours_does_not() {
    let (_, vectors) = vectors("websocket");
    let signatures = |signing: &str, method: &str| {
        let of = vectors.iter().find(|vector| {
            let request: Value = serde_json::from_str(text(vector, "request")).unwrap();
            text(vector, "signing") == signing && request["method"] == method
        });
        text(of.unwrap(), "signature").to_owned()
    };
    let both = |signing| (signatures(signing, "order.cancel"), signatures(signing, "order.status"));
    let (cancel, status) = both("binance");
    assert_eq!(cancel, status);
    let (cancel, status) = both("sealgate");
    assert_ne!(cancel, status);
}

#[test]
fn the_snippets_of_the_signing_page_are_the_functions_that_made_the_vectors() {
    let (maker, page) = (file("tests/vectors/make.py"), file("docs/signing.md"));
    let snippets: Vec<_> = maker
        .split("# -- ")
        .skip(1)
        .filter_map(|part| part.split_once('\n'))
        .filter_map(|(_, code)| code.split_once("# --\n"))
        .map(|(code, _)| code)
        .collect();
    assert_eq!(snippets.len(), 5);
    for code in snippets {
        assert!(page.contains(code), "docs/signing.md should have:\n\n{code}");
    }
}

#[test]
fn the_pages_show_messages_of_the_vectors() {
    let (signing, protocol) = (file("docs/signing.md"), file("docs/protocol-fix.md"));
    let plain = |page: &str| page.replace("\n    ", "").replace('|', "\u{1}");
    let shown = |page: &str, what: &str| assert!(plain(page).contains(what), "a page should have {what:?}");
    let (_, logons) = vectors("fix-logon");
    let (_, orders) = vectors("fix-order");
    let (_, requests) = vectors("websocket");
    shown(&signing, text(&logons[0], "payload"));
    shown(&signing, text(&logons[0], "signature"));
    shown(&signing, text(&orders[0], "message"));
    shown(&signing, text(&orders[0], "signed"));
    shown(&signing, text(&requests[0], "payload"));
    shown(&signing, text(&requests[0], "signature"));
    for vector in [&logons[1], &orders[0], &orders[2]] {
        shown(&protocol, text(vector, "message"));
    }
}
