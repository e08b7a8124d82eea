//! One of everything that can stand in a journal, for tests.

use super::{
    Damage, Link, LogRecord, Place, Record, TAG_BYTES, encode_log, encode_session, encode_step, frame, parse,
    seal,
};
use crate::limits::{EVENTS_PER_STEP_MAX, RECORD_BYTES_MAX, SIGNED_BYTES_MAX};
use crate::types::*;

/// A text of full length.
pub fn long<const N: usize>() -> Text<N> {
    Text::new(&"x".repeat(N)).unwrap()
}

pub fn requester() -> Requester {
    Requester {
        session: SessionId(3),
        number: MsgSeqNum(u32::MAX),
        logon: LogonId(u64::MAX),
        key: ApiKeyId(7),
        sent: Nanos(1_700_000_000_000_000_000),
        recv_window: Span::from_secs(5),
        content: [0xc0; 16],
        signed_digest: [0x5d; 16],
        named: true,
    }
}

pub fn new_order() -> NewOrder {
    NewOrder {
        account: AccountId(9),
        instrument: InstrumentId(2),
        cl_ord_id: long(),
        side: Side::Sell,
        ord_type: OrdType::LimitMaker,
        time_in_force: TimeInForce::Gtc,
        smp: SmpMode::ExpireBoth,
        smp_group: Some(SmpGroupId(6)),
        reduce_only: true,
        expire: Nanos(11),
        price: Price(-5),
        qty: Qty(u64::MAX),
    }
}

pub fn instrument() -> Instrument {
    Instrument {
        id: InstrumentId(2),
        symbol: long(),
        kind: InstrumentKind::Option,
        base: Text::new("BTC").unwrap(),
        quote: long(),
        price_scale: Scale(2),
        qty_scale: Scale::MAX,
        tick: Price(5),
        lot: Qty(10),
        max_qty: Qty(1_000),
        max_notional: 1 << 60,
        band_bps: 500,
        reference: Price(0),
        state: InstrumentState::Halted,
    }
}

pub fn limits() -> AccountLimits {
    let (account, smp_group) = (AccountId(9), SmpGroupId(6));
    AccountLimits {
        account,
        instrument: None,
        max_open_orders: 10,
        max_position: 0,
        smp_group,
        enabled: false,
    }
}

pub fn order() -> Order {
    let new = new_order();
    let NewOrder { account, instrument, cl_ord_id, side, ord_type, time_in_force, smp, price, qty, .. } = new;
    Order {
        id: OrderId::new(ShardId(1), Seq(5)),
        cl_ord_id,
        account,
        instrument,
        session: SessionId(3),
        lease: Some(LeaseId::Logon(LogonId(77))),
        side,
        ord_type,
        time_in_force,
        smp,
        smp_group: SmpGroupId(6),
        reduce_only: new.reduce_only,
        expire: new.expire,
        price,
        qty,
        cum_qty: Qty(1),
        prevented_qty: Qty(2),
        cum_quote: Notional(i128::MIN),
        status: OrdStatus::PartiallyFilled,
        created: Nanos(5),
        updated: Nanos(6),
    }
}

/// The longest event: everything optional is there.
pub fn execution(detail: Detail) -> Execution {
    Execution {
        appl_seq_num: ApplSeqNum(u64::MAX),
        exec_type: ExecType::Trade,
        order: order(),
        cancel_id: Some(long()),
        cancel_session: SessionId(4),
        fill: Some(Fill { trade_id: TradeId(77), price: Price(1), qty: Qty(1), maker: true }),
        cause: Some(Cause::SelfMatch),
        refusal: Some(Refusal { reject: Reject::PriceOutsideBand, detail }),
        replaced: Some(Replaced {
            orig_cl_ord_id: long(),
            orig_qty: Qty(9),
            orig_price: Price(8),
            kept_priority: true,
        }),
        prevented: Some(Prevented { qty: Qty(2), price: Price(3), counter: OrderId(4), maker: true }),
    }
}

pub fn details() -> Vec<Detail> {
    vec![
        Detail::None,
        Detail::RetryAfter(Span(1)),
        Detail::Field(long()),
        Detail::Tag(44),
        Detail::SignedSha256([0xab; 32]),
        Detail::Clocks { server: Nanos(2), sent: Nanos(1) },
        Detail::OrderId(OrderId(5)),
        Detail::Bound(-1),
    ]
}

pub fn events() -> Vec<Event> {
    let reject = CancelRejected {
        account: AccountId(9),
        instrument: InstrumentId(2),
        session: SessionId(3),
        cl_ord_id: long(),
        orig_cl_ord_id: Some(long()),
        order_id: None,
        status: OrdStatus::Rejected,
        response_to: CxlRejResponseTo::Replace,
        refusal: Reject::OrderUnknown.into(),
    };
    let canceled = MassCanceled {
        id: OrderId(8),
        scope: scope(),
        by: SessionId(3),
        cl_ord_id: long(),
        canceled: 7,
        refusal: Some(Reject::AccountNotOnShard.into()),
    };
    let mut events: Vec<_> =
        details().into_iter().map(|detail| Event::Execution(execution(detail))).collect();
    events.extend([
        Event::Execution(Execution::bare(ExecType::New, order())),
        Event::CancelRejected(reject),
        Event::MassCanceled(canceled),
        Event::CancelAllAfter(CancelAllAfterSet { account: AccountId(9), at: Some(Nanos(5)), refusal: None }),
        Event::Instrument(instrument()),
        Event::Account(limits()),
        Event::Reference(InstrumentId(2), Price(i64::MAX)),
        Event::Kill(kill(KillTarget::Instrument(InstrumentId(2)))),
    ]);
    events
}

pub fn scope() -> CancelScope {
    CancelScope {
        account: AccountId(9),
        instrument: Some(InstrumentId(2)),
        side: Some(Side::Sell),
        session: Some(SessionId(3)),
    }
}

fn kill(target: KillTarget) -> KillSwitch {
    KillSwitch { target, engaged: true, cancel: true, uid: 1_000 }
}

fn amend() -> AmendOrder {
    AmendOrder {
        account: AccountId(9),
        instrument: InstrumentId(2),
        cl_ord_id: long(),
        target: OrderRef::ClOrdId(long()),
        price: Some(Price(3)),
        qty: Qty(4),
        keep_priority: true,
        unchanged: Unchanged { side: Some(Side::Sell), expire: Some(Nanos(5)), ..Unchanged::default() },
    }
}

pub fn commands() -> Vec<Command> {
    let cancel = |target| CancelOrder {
        account: AccountId(9),
        instrument: InstrumentId(2),
        cl_ord_id: Text::new("c-1").unwrap(),
        target,
    };
    vec![
        Command::New(requester(), new_order()),
        Command::Cancel(requester(), cancel(OrderRef::OrderId(OrderId(5)))),
        Command::Cancel(requester(), cancel(OrderRef::ClOrdId(long()))),
        Command::Continue(Continue::Order { instrument: InstrumentId(2), order: OrderId(5) }),
        Command::Continue(Continue::Cancels(CancelScope { instrument: None, side: None, ..scope() })),
        Command::Amend(requester(), amend()),
        Command::Amend(requester(), AmendOrder { price: None, unchanged: Unchanged::default(), ..amend() }),
        Command::Replace(
            requester(),
            ReplaceOrder {
                cancel: cancel(OrderRef::ClOrdId(long())),
                order: new_order(),
                mode: ReplaceMode::AllowFailure,
            },
        ),
        Command::CancelAllAfter(
            requester(),
            CancelAllAfter { account: AccountId(9), timeout: Span::from_secs(5) },
        ),
        Command::MassCancel(requester(), MassCancel { scope: scope(), cl_ord_id: long() }),
        Command::Instrument(instrument()),
        Command::Account(limits()),
        Command::Reference(InstrumentId(2), Price(7)),
        Command::Timers,
        Command::SessionBegan(SessionBegan {
            lease: LeaseId::Session(SessionId(3)),
            logon: LogonId(5),
            key: ApiKeyId(7),
            terms: CancelTerms { on: CancelOn::Both, grace: Span::from_secs(1) },
        }),
        Command::SessionEnded(SessionEnded { logon: LogonId(5), end: SessionEnd::Logout }),
        Command::Restarted,
        Command::Kill(kill(KillTarget::Account(AccountId(9)))),
        Command::Kill(kill(KillTarget::Instrument(InstrumentId(2)))),
        Command::Continue(Continue::Book(InstrumentId(2))),
    ]
}

pub fn session_records() -> Vec<SessionRecord<'static>> {
    let (session, number, sent) = (SessionId(3), MsgSeqNum(4), Nanos(8));
    let event = EventRef { shard: ShardId(0), seq: Seq(9), index: 2 };
    vec![
        SessionRecord::Inbound { session, number },
        SessionRecord::InboundNext { session, next: number },
        SessionRecord::Outbound { session, number, sent, body: OutboundBody::Event(event) },
        SessionRecord::Outbound { session, number, sent, body: OutboundBody::Own(b"3\x0145=4\x01") },
        SessionRecord::Outbound { session, number, sent, body: OutboundBody::Own(b"") },
        SessionRecord::Reserved { session, upto: number },
        SessionRecord::Reset { session },
        SessionRecord::Told { session, event },
        SessionRecord::Request { session, number, msg_type: long(), cl_ord_id: long() },
        SessionRecord::Answered { session, number },
    ]
}

/// The longest step that there can be.
pub fn longest_step() -> Vec<u8> {
    let signed = SignedBytes::new(&[b'x'; SIGNED_BYTES_MAX], Some([7; 64]));
    let event = Event::Execution(execution(Detail::SignedSha256([0xff; 32])));
    step(ShardId(0), 1, &commands()[2], &signed, &[event; EVENTS_PER_STEP_MAX])
}

/// A step without its checksum.
pub fn step(
    shard: ShardId,
    seq: u64,
    command: &Command,
    signed: &SignedBytes<'_>,
    events: &[Event],
) -> Vec<u8> {
    let mut out = vec![0xee; RECORD_BYTES_MAX];
    let extent = encode_step(&mut out, shard, Seq(seq), Nanos(1_000 + seq), command, signed, events);
    out.truncate(extent);
    out
}

/// A record of a session log without its checksum.
pub fn session(gateway: GatewayId, seq: u64, record: &SessionRecord<'_>) -> Vec<u8> {
    let mut out = vec![0xee; RECORD_BYTES_MAX];
    let extent = encode_session(&mut out, gateway, Seq(seq), Nanos(1_000 + seq), record);
    out.truncate(extent);
    out
}

/// A record of the log itself without its checksum.
pub fn started(seq: u64) -> Vec<u8> {
    let mut out = vec![0xee; RECORD_BYTES_MAX];
    let extent = encode_log(&mut out, Seq(seq), Nanos(1_000 + seq), &LogRecord::Started { cut: 12 });
    out.truncate(extent);
    out
}

/// A small journal's records, one of every type, without checksums, in the order of their writing.
pub fn every_record() -> Vec<Vec<u8>> {
    let signed = SignedBytes::new(b"11=a\x0138=1\x01", Some([0x51; 64]));
    let mut records = vec![started(1)];
    for (seq, record) in (1..).zip(session_records()) {
        records.push(session(GatewayId(0), seq, &record));
    }
    for (seq, command) in (1..).zip(commands()) {
        let events = events();
        let events = &events[..(seq as usize).min(events.len())];
        records.push(step(ShardId(0), seq, &command, &signed, events));
    }
    records.push(step(ShardId(1), 1, &commands()[3], &SignedBytes::NONE, &[]));
    records
}

/// Seals a record as it is where nothing is encrypted.
pub fn seal_plain(record: &mut [u8], place: Place, link: &Link) -> Link {
    seal(record, place, link, |_, _| Ok::<_, ()>([0; TAG_BYTES])).unwrap()
}

/// Opens one that was sealed so.
pub fn open_plain(bytes: &[u8], place: Place) -> Result<Record<'_>, Damage> {
    parse(frame(bytes, place)?.sealed())
}
