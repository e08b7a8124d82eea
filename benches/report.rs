//! What report costs: telling that an order was accepted, in each message that does.
//!
//! Row of `docs/numbers.md`: report. An ExecutionReport leaves with its number, header and trailer, which are the
//! session's; the record in the session log is dropped here. WebSocket texts are framed by the session afterwards.

mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use sealgate::report;
use sealgate::report::ws::{Pending, Reply, Reporter};
use sealgate::session::fix::{Collected, Outgoing};
use sealgate::types::*;
use sealgate::wire::fix::{Opening, Precision, PutFields, Template, finish, tag};
use sealgate::wire::json::RequestId;
use std::hint::black_box;
use std::sync::Arc;
use support::messages::established;
use support::{NOW, ORDER_SIGNED, ORDERS_PER_SECOND, accepted, directory, new_order};

const AT: EventRef = EventRef { shard: ShardId(0), seq: Seq(1), index: 0 };

fn order() -> NewOrder {
    new_order(1, ORDER_SIGNED, Side::Buy)
}

fn fix(c: &mut Criterion) {
    let (directory, mut session) = (directory(), established());
    let (mut body, mut out) = (Vec::new(), Collected::forgetting());
    let event = Event::Execution(accepted(&order()));
    c.bench_function("report/fix ExecutionReport", |b| {
        b.iter(|| {
            body.clear();
            out.wire.clear();
            let msg_type = report::fix::event(black_box(&event), AT, NOW, &directory, &mut body);
            let msg_type = msg_type.expect("sessions hear of it");
            let report = Outgoing { msg_type, body: &body, event: Some(AT), poss_resend: false, sign: None };
            session.send(&report, NOW, &mut out);
            black_box(out.wire.len())
        });
    });
}

/// The same message from fields that stand ready: what the codec alone costs.
fn codec(c: &mut Criterion) {
    let mut template = Template::new(b"FIX.4.4", b"SEALGATE", b"ALICE", Precision::Millis);
    let fields: [(u32, &[u8]); 15] = [
        (tag::ORDER_ID, b"1204"),
        (tag::CL_ORD_ID, b"bench-00000000000001"),
        (tag::EXEC_ID, b"0-1204-1"),
        (tag::EXEC_TYPE, b"0"),
        (tag::ORD_STATUS, b"0"),
        (tag::ACCOUNT, b"ALICE-1"),
        (tag::SYMBOL, b"BTC-USD"),
        (tag::SIDE, b"1"),
        (tag::ORDER_QTY, b"0.5000"),
        (tag::ORD_TYPE, b"2"),
        (tag::PRICE, b"60000.00"),
        (tag::TIME_IN_FORCE, b"1"),
        (tag::LEAVES_QTY, b"0.5000"),
        (tag::CUM_QTY, b"0.0000"),
        (tag::AVG_PX, b"0.00"),
    ];
    let mut out = Vec::new();
    c.bench_function("report/codec: encode ExecutionReport", |b| {
        b.iter(|| {
            out.clear();
            let opening = Opening {
                msg_type: b"8",
                number: black_box(MsgSeqNum(1_204)),
                sent: black_box(NOW),
                poss_dup: None,
                poss_resend: false,
            };
            let begun = template.begin(&mut out, &opening);
            for (tag, value) in black_box(&fields) {
                out.put_text(*tag, value);
            }
            out.put_time(tag::TRANSACT_TIME, black_box(NOW));
            finish(&mut out, begun);
            black_box(out.len())
        });
    });
}

/// What an answer tells beside the order, unless the client wants none of it.
fn limits() -> [RateLimitUse; 3] {
    [RateLimitType::Orders, RateLimitType::Cancels, RateLimitType::Queries].map(|kind| RateLimitUse {
        kind,
        window: Span::from_secs(1),
        limit: ORDERS_PER_SECOND,
        count: 1,
    })
}

fn websocket(c: &mut Criterion) {
    let (reporter, limits, mut out) = (Reporter::new(Arc::new(directory())), limits(), Vec::new());
    let execution = accepted(&order());
    c.bench_function("report/websocket executionReport", |b| {
        b.iter(|| {
            out.clear();
            reporter.execution_report(0, black_box(&execution), AT, NOW, &mut out);
            black_box(out.len())
        });
    });
    let (kind, event) = (RequestKind::New(order()), Event::Execution(execution));
    let to = Reply { id: RequestId::Integer(1), limits: Some(&limits), timing: None, as_of: None };
    c.bench_function("report/websocket answer to order.place", |b| {
        b.iter(|| {
            out.clear();
            let mut pending = Pending::new(black_box(&kind), ResponseType::Full);
            pending.hear(&event, AT);
            reporter.executed(&to, &pending, NOW, &mut out);
            black_box(out.len())
        });
    });
}

criterion_group!(benches, fix, codec, websocket);
criterion_main!(benches);
