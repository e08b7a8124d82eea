"""Makes the signing vectors of Sealgate, with no line of Sealgate in it: the oracle of tests/blackbox/signing.rs.

    python3 tests/vectors/make.py        (needs the package `cryptography`)

Ed25519 signatures are deterministic, so a second run writes the same bytes. The functions between the marks
`# -- name` and `# --` stand in docs/signing.md too, word for word; a test compares them.
"""

import base64
import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

# The key of the published example of a FIX logon: the whole world knows it, so it protects nothing.
PKCS8 = "MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u"
KEY = load_der_private_key(base64.b64decode(PKCS8), password=None)
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
SENT = "20261124-09:30:00.000"

# -- sign
def sign(key: Ed25519PrivateKey, payload: bytes) -> str:
    return base64.b64encode(key.sign(payload)).decode()
# --


# -- fix logon
def fix_logon_payload(sender: str, target: str, msg_seq_num: int, sending_time: str) -> bytes:
    return "\x01".join(["A", sender, target, str(msg_seq_num), sending_time]).encode()
# --


# -- fix order
def fix_message(key: Ed25519PrivateKey, fields: list[tuple[int, str]]) -> bytes:
    """`fields`: 35, the rest of the header, the body. Adds 93 and 89, then 8, 9 and 10 around it."""
    signed = "".join(f"{tag}={value}\x01" for tag, value in fields).encode()
    signature = sign(key, signed)
    body = signed + f"93={len(signature)}\x0189={signature}\x01".encode()
    message = f"8=FIX.4.4\x019={len(body)}\x01".encode() + body
    return message + f"10={sum(message) % 256:03}\x01".encode()
# --


# -- websocket
def websocket_payload(method: str, params: dict) -> bytes:
    """A number must be written here as json.dumps writes it; a string is the safe choice for prices."""
    pairs = sorted((name, value) for name, value in params.items() if name != "signature")
    return "&".join([f"method={method}"] + [f"{name}={value}" for name, value in pairs]).encode()
# --


# -- websocket binance
def binance_payload(params: dict) -> bytes:
    pairs = sorted((name, value) for name, value in params.items() if name != "signature")
    return "&".join(f"{name}={value}" for name, value in pairs).encode()
# --


def join(fields):
    return "".join(f"{tag}={value}\x01" for tag, value in fields).encode()


def frame(body: bytes) -> bytes:
    """8, 9 and 10 around what is given, right or wrong."""
    message = b"8=FIX.4.4\x019=%d\x01" % len(body) + body
    return message + b"10=%03d\x01" % (sum(message) % 256)


def order(changes=()):
    body = {11: "mm-1", 1: "ALICE-1", 55: "BTC-USD", 54: "1", 60: SENT, 38: "0.5", 40: "2", 44: "60000.10", 59: "1"}
    body.update(changes)
    header = [(35, "D"), (34, "2"), (49, "ALICE"), (52, SENT), (56, "SEALGATE")]
    return header + list(body.items())


CANCEL = [(35, "F"), (34, "3"), (49, "ALICE"), (52, SENT), (56, "SEALGATE"), (11, "mm-2"), (41, "mm-1"),
          (1, "ALICE-1"), (55, "BTC-USD"), (54, "1"), (60, SENT)]


def fix_vector(name, message, signed, signature, outcome="Verified"):
    return {
        "name": name,
        "message": message.decode(),
        "signed": signed.decode(),
        "signed_sha256": hashlib.sha256(signed).hexdigest(),
        "signature": signature,
        "outcome": outcome,
    }


def signed_vector(name, fields):
    signed = join(fields)
    return fix_vector(name, fix_message(KEY, fields), signed, sign(KEY, signed))


def forged_vector(name, fields, payload, outcome="SignatureInvalid"):
    """The signature of another payload than the message's own."""
    signature = sign(KEY, payload)
    return with_signature(name, fields, signature, outcome)


def with_signature(name, fields, signature, outcome="SignatureInvalid"):
    signed = join(fields)
    return fix_vector(name, frame(signed + join([(93, len(signature)), (89, signature)])), signed, signature, outcome)


def malleated(signature):
    """The group order added to S: verifiers that do not look take it for another signature of the same message."""
    raw = base64.b64decode(signature)
    s = int.from_bytes(raw[32:], "little") + GROUP_ORDER
    return base64.b64encode(raw[:32] + s.to_bytes(32, "little")).decode()


def fix_orders():
    fields, signed = order(), join(order())
    signature = sign(KEY, signed)
    sorted_trailer = frame(signed + join([(89, signature), (93, 88)]))
    early = frame(join(fields[:5] + [(93, 88), (89, signature)] + fields[5:]))
    copy = [(35, "D"), (34, "2"), (43, "Y"), (49, "ALICE"), (52, "20261124-09:31:00.000"), (56, "SEALGATE"),
            (122, SENT)] + fields[5:]
    return [
        signed_vector("a limit order", fields),
        fix_vector("a limit order, 89 before 93 as libraries write it that sort the trailer", sorted_trailer, signed, signature),
        signed_vector("a cancel", CANCEL),
        signed_vector("a market order", [f for f in order({40: "1"}) if f[0] not in (44, 59)]),
        signed_vector("a Text(58) that looks like a signature field", order({58: "see 93=88 and 89=AAAA, not signed"})),
        signed_vector("a PossDup copy, signed anew because 43, 52 and 122 are signed", copy),
        fix_vector("no signature", frame(signed), signed, None, "SignatureMissing"),
        forged_vector("another price than the one that was signed", order({44: "6000.10"}), signed),
        forged_vector("signed with 8= and 9= before it, a common mistake", fields,
                      b"8=FIX.4.4\x019=%d\x01" % (len(signed) + 98) + signed),
        forged_vector("signed without the last SOH, a common mistake", fields, signed[:-1]),
        with_signature("the same signature with the group order added to S", fields, malleated(signature)),
        with_signature("a signature of zeros", fields, base64.b64encode(bytes(64)).decode()),
        with_signature("a signature in the URL alphabet", fields, base64.urlsafe_b64encode(b"\xff" * 64).decode(), "FieldFormat"),
        fix_vector("a signature that does not stand before CheckSum", early, signed, signature, "FieldOutOfOrder"),
    ]


def fix_logons():
    def vector(name, sender, target, number, sent, whole=False):
        payload = fix_logon_payload(sender, target, number, sent)
        signature = sign(KEY, payload)
        fields = [(35, "A"), (34, str(number)), (49, sender), (52, sent), (56, target), (95, str(len(signature))),
                  (96, signature), (98, "0"), (108, "30"), (141, "Y"), (553, "alice-key")]
        message = fix_message(KEY, fields) if whole else frame(join(fields))
        return {"name": name, "message": message.decode(), "payload": payload.decode(), "signature": signature}

    known = vector("the published example", "EXAMPLE", "SPOT", 1, "20240627-11:17:25.223")
    assert known["signature"] == "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA=="
    return [
        known,
        vector("a logon to Sealgate", "ALICE", "SEALGATE", 1, SENT),
        vector("a logon that is signed as a whole, too", "ALICE", "SEALGATE", 1, SENT, whole=True),
    ]


def websocket():
    place = {
        "symbol": "BTC-USD", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "60000.10",
        "quantity": "0.5", "newClientOrderId": "bot-1", "recvWindow": 5000, "timestamp": 1795512600000,
        "apiKey": "alice-key",
    }
    cancel = {"symbol": "BTC-USD", "origClientOrderId": "bot-1", "timestamp": 1795512600100, "apiKey": "alice-key"}
    logon = {"apiKey": "alice-key", "timestamp": 1795512600000}

    def vector(name, method, params, signing="sealgate"):
        payload = websocket_payload(method, params) if signing == "sealgate" else binance_payload(params)
        signature = sign(KEY, payload)
        request = json.dumps({"id": 1, "method": method, "params": {**params, "signature": signature}})
        return {"name": name, "signing": signing, "request": request, "payload": payload.decode(), "signature": signature}

    return [
        vector("order.place", "order.place", place),
        vector("order.place, parameters in another order", "order.place", dict(reversed(list(place.items())))),
        vector("order.cancel", "order.cancel", cancel),
        vector("order.status has the parameters of order.cancel and another signature", "order.status", cancel),
        vector("session.logon", "session.logon", logon),
        vector("order.place as Binance signs it", "order.place", place, "binance"),
        vector("order.cancel as Binance signs it", "order.cancel", cancel, "binance"),
        vector("order.status as Binance signs it: the signature of the cancel", "order.status", cancel, "binance"),
        vector("session.logon as Binance signs it", "session.logon", logon, "binance"),
    ]


def main():
    key = {
        "pkcs8": PKCS8,
        "secret": KEY.private_bytes_raw().hex(),
        "public": KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex(),
    }
    for name, vectors in [("fix-logon", fix_logons()), ("fix-order", fix_orders()), ("websocket", websocket())]:
        path = Path(__file__).with_name(f"{name}.json")
        path.write_text(json.dumps({"key": key, "vectors": vectors}, indent=2) + "\n")


if __name__ == "__main__":
    main()
