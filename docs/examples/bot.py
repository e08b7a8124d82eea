#!/usr/bin/env python3
"""A bot on Sealgate's WebSocket API: logs on, follows its executions, places an order and cancels it.

    pip install websockets cryptography
    sealgate init DIR && sealgate serve --config DIR/sealgate.toml &
    python bot.py DIR [wss://localhost:9443/ws-api/v3]
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import ssl
import sys
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from websockets.asyncio.client import ClientConnection, connect

MEMBER = "alice"


class Refused(Exception):
    """The server refused a request: it did not execute and never will."""


def tls(folder: Path) -> ssl.SSLContext:
    """TLS 1.3, the server's certificate checked against our CA, with a certificate of our own."""
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(folder / f"{MEMBER}.pem", folder / f"{MEMBER}-key.pem")
    return context


def load_key(path: Path) -> Ed25519PrivateKey:
    """The private half of the API key."""
    key = load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey), f"{path} is not an Ed25519 key"
    return key


def signed(method: str, params: dict[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """Adds key, time and signature. Signed is the method, then all parameters, sorted by name."""
    params = params | {"apiKey": MEMBER, "timestamp": time.time_ns() // 1_000_000}
    payload = f"method={method}&" + "&".join(f"{name}={params[name]}" for name in sorted(params))
    return params | {"signature": base64.b64encode(key.sign(payload.encode())).decode()}


class Bot:
    """Requests find their answers by `id`; everything else that comes is an execution."""

    def __init__(self, socket: ClientConnection, key: Ed25519PrivateKey) -> None:
        self.socket, self.key = socket, key
        self.ids = itertools.count(1)
        self.waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.reader = asyncio.create_task(self.read())

    async def read(self) -> None:
        async for text in self.socket:
            message = json.loads(text)
            if "event" in message:
                self.on_event(message["event"])
            else:
                self.waiting.pop(message["id"]).set_result(message)

    def on_event(self, event: dict[str, Any]) -> None:
        if event["e"] == "executionReport":
            print(f"execution: {event['c']} {event['x']} {event['X']} {event['l']} @ {event['L']}")

    async def call(self, method: str, params: dict[str, Any] | None = None, sign: bool = True) -> Any:
        """Sends a request and waits for its result. No answer in time leaves the outcome of an order unknown:
        ask for it with `order.status`, or send it again with the same newClientOrderId."""
        request: dict[str, Any] = {"id": next(self.ids), "method": method}
        if sign:
            request["params"] = signed(method, params or {}, self.key)
        elif params:
            request["params"] = params
        answer = self.waiting[request["id"]] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps(request))
        message = await asyncio.wait_for(answer, timeout=10)
        if "error" in message:
            raise Refused(f"{message['error']['code']} {message['error']['msg']}")
        return message["result"]


async def main(folder: Path, url: str) -> None:
    async with connect(url, ssl=tls(folder), compression=None) as socket:
        bot = Bot(socket, load_key(folder / f"{MEMBER}-api-key.pem"))
        await bot.call("session.logon")
        await bot.call("userDataStream.subscribe", sign=False)
        order = {"symbol": "BTC-USD", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
                 "quantity": "0.01", "price": "99000.00", "newClientOrderId": f"py-{time.time_ns()}"}
        placed = await bot.call("order.place", order)
        print(f"placed: order {placed['orderId']}")
        canceled = await bot.call("order.cancel", {"symbol": "BTC-USD", "orderId": placed["orderId"]})
        print(f"canceled: order {canceled['orderId']} {canceled['status']}")
        bot.reader.cancel()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "wss://localhost:9443/ws-api/v3"))
