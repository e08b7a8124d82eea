#!/usr/bin/env python3
"""A client of Sealgate's WebSocket API: mutual TLS, signed orders, executions. One file, to copy or to install.

    pip install websockets cryptography
    sealgate init DIR && sealgate serve --config DIR/sealgate.toml &
    python sealgate.py DIR [wss://localhost:9443/ws-api/v3]
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import ssl
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Union

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

Number = Union[str, Decimal, int]
Side = Literal["BUY", "SELL"]
Json = dict[str, Any]

TIMEOUT = 10.0


class Refused(Exception):
    """The server refused a request: it did not execute and never will. All names: docs/rejects.md."""

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        super().__init__(f"{error['code']} {error['msg']}")
        self.status = status
        self.code: int = error["code"]
        self.data: Json = error.get("data", {})
        self.name: str = self.data.get("name", "")

    @property
    def retry_after(self) -> float | None:
        """Seconds until a limit lets the next request through."""
        wait = self.data.get("waitMillis")
        return None if wait is None else wait / 1000


class OutcomeUnknown(Exception):
    """An order or a cancel was sent and its answer was lost: it may have executed. Ask with `status`, or send the same
    again under the same name: it executes at most once."""

    def __init__(self, client_order_id: str, why: str) -> None:
        super().__init__(f"the outcome of {client_order_id} is unknown: {why}")
        self.client_order_id = client_order_id


class Closed(Exception):
    """The connection ended. A question was not answered; no order is in question."""


class NotSent(Closed):
    """There was no connection, so nothing was sent."""


@dataclass(frozen=True)
class Credentials:
    """What a member proves itself with: a certificate for the connection, an API key for each order."""

    api_key: str
    key: Ed25519PrivateKey
    tls: ssl.SSLContext

    @classmethod
    def from_folder(cls, folder: str | Path, member: str) -> Credentials:
        """Of a folder as `sealgate init` writes it."""
        folder = Path(folder)
        key = load_pem_private_key((folder / f"{member}-api-key.pem").read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{member}-api-key.pem is not an Ed25519 key")
        tls = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        tls.minimum_version = ssl.TLSVersion.TLSv1_3
        tls.load_cert_chain(folder / f"{member}.pem", folder / f"{member}-key.pem")
        return cls(member, key, tls)

    def signed(self, method: str, params: Mapping[str, Any], timestamp: int) -> Json:
        """Adds key, time and signature. Signed is the method, then all parameters, sorted by name."""
        complete = {**params, "apiKey": self.api_key, "timestamp": timestamp}
        signature = self.key.sign(payload(method, complete).encode())
        return {**complete, "signature": base64.b64encode(signature).decode()}


def payload(method: str, params: Mapping[str, Any]) -> str:
    """The text that a signature covers (docs/signing.md)."""
    return "&".join([f"method={method}", *(f"{name}={params[name]}" for name in sorted(params))])


class Client:
    """A connection, to be used with `async with`. Requests of several tasks may be under way at once: answers find
    them by `id`."""

    def __init__(self, url: str, credentials: Credentials, timeout: float = TIMEOUT) -> None:
        self._url, self._credentials, self._timeout = url, credentials, timeout
        self._ids = itertools.count(1)
        self._names = (f"py-{time.time_ns():x}-{n}" for n in itertools.count(1))
        self._waiting: dict[int, asyncio.Future[Json]] = {}
        self._events: asyncio.Queue[Json | None] = asyncio.Queue()
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Client:
        self._socket = await connect(self._url, ssl=self._credentials.tls, compression=None)
        self._reader = asyncio.create_task(self._read(self._socket))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader

    async def _read(self, socket: ClientConnection) -> None:
        why = "the connection ended"
        try:
            async for text in socket:
                message: Json = json.loads(text)
                if "event" in message:
                    self._events.put_nowait(message["event"])
                elif (answer := self._waiting.pop(message["id"], None)) and not answer.done():
                    answer.set_result(message)
        except ConnectionClosed as closed:
            why = str(closed)
        self._socket = None
        for answer in self._waiting.values():
            answer.set_exception(Closed(why))
        self._waiting.clear()
        self._events.put_nowait(None)

    async def call(self, method: str, params: Mapping[str, Any] | None = None, sign: bool = True) -> Any:
        """Any method: sends a request, signed, and gives its `result`."""
        params = {name: str(value) if isinstance(value, Decimal) else value for name, value in (params or {}).items()}
        if sign:
            params = self._credentials.signed(method, params, time.time_ns() // 1_000_000)
        if self._socket is None:
            raise NotSent("not connected")
        request: Json = {"id": next(self._ids), "method": method}
        if params:
            request["params"] = params
        future = self._waiting[request["id"]] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send(json.dumps(request))
            answer = await asyncio.wait_for(future, self._timeout)
        except ConnectionClosed as closed:
            raise Closed(str(closed)) from closed
        finally:
            self._waiting.pop(request["id"], None)
        if "error" in answer:
            raise Refused(answer["status"], answer["error"])
        return answer["result"]

    async def _act(self, method: str, params: Json) -> Json:
        """A request that changes something: it has a name, by which it executes at most once."""
        name = params.setdefault("newClientOrderId", next(self._names))
        try:
            result: Json = await self.call(method, params)
        except NotSent:
            raise
        except (Closed, asyncio.TimeoutError) as lost:
            raise OutcomeUnknown(name, str(lost) or "no answer in time") from lost
        except Refused as refusal:
            if refusal.name == "OutcomeUnknown":
                raise OutcomeUnknown(name, str(refusal)) from refusal
            raise
        return result

    async def logon(self) -> None:
        """Proves the API key for the whole connection."""
        await self.call("session.logon")

    async def place(self, symbol: str, side: Side, quantity: Number, price: Number | None = None, **more: Any) -> Json:
        """A limit order; without a price a market order. `more`: what else order.place takes, such as timeInForce,
        type or newClientOrderId."""
        params: Json = {"symbol": symbol, "side": side, "quantity": str(quantity), **more}
        params.setdefault("type", "MARKET" if price is None else "LIMIT")
        if price is not None:
            params["price"] = str(price)
        return await self._act("order.place", params)

    async def cancel(self, symbol: str, order: int | str, **more: Any) -> Json:
        """Cancels an order, by its orderId (a number) or the newClientOrderId that it was placed with (a text)."""
        return await self._act("order.cancel", {"symbol": symbol, **_order(order), **more})

    async def status(self, symbol: str, order: int | str) -> Json:
        """How an order stands, also after it closed."""
        result: Json = await self.call("order.status", {"symbol": symbol, **_order(order)})
        return result

    async def open_orders(self, symbol: str | None = None) -> list[Json]:
        """The open orders in one instrument, or in all."""
        result: list[Json] = await self.call("openOrders.status", {"symbol": symbol} if symbol else {})
        return result

    async def subscribe(self) -> None:
        """From now on `executions` tells every change of an order of the key's accounts. Log on first."""
        await self.call("userDataStream.subscribe", sign=False)

    async def executions(self) -> AsyncIterator[Json]:
        """The executions, as they happen, until the connection ends."""
        while (event := await self._events.get()) is not None:
            if event["e"] == "executionReport":
                yield event


def _order(order: int | str) -> Json:
    return {"orderId": order} if isinstance(order, int) else {"origClientOrderId": order}


async def example(folder: str, url: str) -> None:
    """Logs on, follows the executions, places an order and cancels it."""

    async def follow(venue: Client) -> None:
        async for event in venue.executions():
            print(f"execution: {event['c']} {event['x']} {event['X']} {event['l']} @ {event['L']}")

    async with Client(url, Credentials.from_folder(folder, "alice")) as venue:
        await venue.logon()
        await venue.subscribe()
        following = asyncio.create_task(follow(venue))
        placed = await venue.place("BTC-USD", "BUY", "0.01", Decimal("99000.00"))
        print(f"placed: order {placed['orderId']}")
        canceled = await venue.cancel("BTC-USD", placed["orderId"])
        print(f"canceled: order {canceled['orderId']} {canceled['status']}")
    await following


def run() -> None:
    """What `sealgate-bot` starts."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    asyncio.run(example(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "wss://localhost:9443/ws-api/v3"))


if __name__ == "__main__":
    run()
