//! Bounds that are fixed when Sealgate is built, each with the reason for its value. What an operator may
//! tune is in `config.rs`.

use crate::types::Span;

/// Longest signed form of one request. A NewOrderSingle with every field that Sealgate knows has about 300
/// bytes; three times that leaves room for texts and long identifiers, and keeps a ring slot under 1.5 KiB.
pub const SIGNED_BYTES_MAX: usize = 1_024;

/// Longest FIX message, from BeginString to CheckSum: MaxMessageSize(383) of our Logon.
pub const FIX_MESSAGE_BYTES_MAX: usize = 4_096;

/// Longest value that a FIX refusal repeats from the message that it refuses: above every identifier that is taken, so
/// that a refusal is never longer than a message, whatever it refuses.
pub const ECHOED_BYTES_MAX: usize = 64;

/// Longest WebSocket message. Longer ones close the connection with 1009.
pub const WS_MESSAGE_BYTES_MAX: usize = 4_096;

/// Most parameters of one WebSocket request; an order has about 15.
pub const WS_PARAMS_MAX: usize = 64;

/// How often we send a WebSocket ping; Binance does so as often.
pub const WS_PING_EVERY: Span = Span::from_secs(20);

/// How long after the last sign of life of a WebSocket client its connection is closed: three pings missed.
pub const WS_PONG_DEADLINE: Span = Span::from_secs(60);

/// How long we wait for the other half of a WebSocket close.
pub const WS_CLOSE_DEADLINE: Span = Span::from_secs(2);

/// Longest HTTP upgrade request; RFC 9112 §3 asks for 8,000 bytes for the request line alone, but the one
/// path that we serve is short.
pub const UPGRADE_BYTES_MAX: usize = 8_192;

/// Most fields in one FIX message. An order has about 25; our dialect has no deep groups.
pub const FIX_FIELDS_MAX: usize = 128;

/// Most resting orders that one sequenced step matches. A longer sweep goes on in the next step, so that the
/// events of a step are bounded and the output ring can be asked for room beforehand.
pub const FILLS_PER_STEP_MAX: usize = 64;

/// Most events of one step: two per fill, one for each order that self-match prevention or the end of the
/// order closes, and the order's own New with the cancel of the one that it replaces.
pub const EVENTS_PER_STEP_MAX: usize = 3 * FILLS_PER_STEP_MAX + 4;

/// Most that one step for timers does: each closes an order at most, so that its events fit; more goes on in the next
/// step.
pub const TIMERS_PER_STEP_MAX: usize = 64;
/// Shortest dead man's timer: below it a slow network would cancel what nobody left.
pub const CANCEL_ALL_AFTER_MIN: Span = Span::from_millis(100);

/// Longest dead man's timer; Kraken has the same.
pub const CANCEL_ALL_AFTER_MAX: Span = Span::from_secs(24 * 60 * 60);

/// Most orders that one step of a mass cancel closes: an event each, and the report.
pub const CANCELS_PER_STEP_MAX: usize = 2 * FILLS_PER_STEP_MAX;

/// Most orders that one step of a mass cancel looks at, taken or not: some ten microseconds.
pub const CANCELS_SOUGHT_PER_STEP_MAX: usize = 1_024;

/// Most resting orders of one book. Its slab is reserved when the instrument is listed, so that no order pays for
/// its growth; untouched pages cost no memory. The busiest public books hold some ten thousand orders.
pub const ORDERS_PER_BOOK_MAX: usize = 65_536;

/// Most levels a side in a `depth` answer; Binance has 5,000, which would not fit a client's output limit.
pub const DEPTH_LEVELS_MAX: u16 = 1_000;

/// Most market data subscriptions of one connection. Each remembers what it was told of a book, some 3 KiB for the
/// hundred levels that are usual and 32 KiB for a thousand.
pub const MARKET_SUBSCRIPTIONS_MAX: usize = 64;

/// Trades of an instrument that are kept for a FIX session which is being sent old messages; then it is told them, and
/// its session keeps them or ends.
pub const MARKET_TRADES_KEPT_MAX: u64 = 4_096;

/// Most gateways of a server. Each pair of gateway and shard has rings of its own, some ten megabytes once they have
/// been full; eight of each is more than any machine has cores for.
pub const GATEWAYS_MAX: u8 = 8;

/// Most shards of a server; see [`GATEWAYS_MAX`].
pub const SHARDS_MAX: u8 = 8;

/// Slots of the ring from one gateway to another, for connections that go over: a burst of clients that come back.
pub const HANDOVER_SLOTS: usize = 256;

/// Most trades in a `myTrades` answer; Binance has the same.
pub const TRADES_MAX: u16 = 1_000;

/// Most orders that the answer to `openOrders.cancelAll` lists; it counts the others.
pub const CANCELS_LISTED_MAX: usize = 500;

/// Slots of the ring from a gateway to a shard: a burst of one message per connection on a busy gateway.
pub const SHARD_INPUT_SLOTS: usize = 1_024;

/// Slots of the ring from a shard to a gateway.
pub const SHARD_OUTPUT_SLOTS: usize = 16_384;

/// Bytes of the ring from a shard or a gateway to its journal agent: thousands of records, so that a sync of
/// a slow disk does not stop the shard.
pub const JOURNAL_RING_BYTES: usize = 16 * 1024 * 1024;

/// Longest journal record: the most events of a step, with the command and its signed bytes.
pub const RECORD_BYTES_MAX: usize = 128 * 1024;

/// Size of a journal segment, preallocated, where its operator says nothing.
pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// How far the clock of a client may run ahead of ours before its request is refused.
pub const CLOCK_AHEAD_MAX: Span = Span::from_secs(1);

/// `recvWindow` where a request names none.
pub const RECV_WINDOW_DEFAULT: Span = Span::from_secs(5);

/// Longest `recvWindow`; Binance allows the same.
pub const RECV_WINDOW_MAX: Span = Span::from_secs(60);

/// How long the result of a request is kept, so that a repetition gets it again.
pub const ONCE_RETENTION: Span = Span::from_secs(24 * 60 * 60);

/// Most fills kept with the result of one request, so that a repetition is answered in full.
pub const ONCE_FILLS_MAX: usize = FILLS_PER_STEP_MAX;

/// Requests that a shard remembers where its operator says nothing: a gigabyte, once they have been made.
pub const ONCE_IDS_DEFAULT: usize = 10_000_000;

/// The part of them that is kept for cancels: one in so many.
pub const ONCE_IDS_FOR_CANCELS: usize = 16;

/// Steps of one long sweep that are read back to answer a repetition of it, beside its last: the trades of more are not
/// told again.
pub const RECALLED_STEPS_MAX: u16 = 4;

/// Most remembered results that one command forgets. A command adds one, so any number above one catches up.
pub const ONCE_FORGOTTEN_PER_STEP_MAX: usize = 4;

/// FIX outbound numbers reserved at a time: one session log record serves so many messages, and so many
/// numbers at most are gap-filled after a crash.
pub const OUTBOUND_BLOCK: u32 = 1_024;

/// Most messages of a FIX session that can be sent again; older ones are gap-filled. A gateway keeps 40 bytes of
/// each: a busy day of a market maker fits, and a session that never resets takes no more than 40 MiB.
pub const RESENDABLE_MAX: usize = 1 << 20;

/// Most reports that may wait for a FIX session which asks for its open orders (AF): those of a full book. More
/// questions are refused until it has read some.
pub const REPORTS_WAITING_MAX: usize = ORDERS_PER_BOOK_MAX;

/// Most executions of an account on a shard from which its private stream can be resumed. The shard keeps eight bytes
/// of each: a busy day of most bots fits, and an account takes no more than two megabytes a shard.
pub const STREAM_RESUMABLE_MAX: usize = 1 << 18;

/// Most FIX connections of a gateway that hear the private streams of one account: an event is told to each of them in
/// one go, and may cost each a record of the session log.
pub const STREAM_HEARERS_MAX: usize = 8;

/// Executions of a subscriber that catches up which are read back at a time, so that others are read for, too.
pub const STREAM_READS_MAX: usize = 8;

/// Subscribers of a gateway that are read for in one turn.
pub const STREAM_READERS_MAX: usize = 8;

/// Most executions that are read back for one API key in a minute; a resumed stream goes on in the next. As many as can
/// be resumed at all.
pub const STREAM_READS_PER_MINUTE: u32 = STREAM_RESUMABLE_MAX as u32;

/// Most bytes that are held for a subscriber whose last missed executions are read back.
pub const STREAM_HELD_BYTES_MAX: usize = 64 * 1024;

/// Most executions that a shard names at a time to a gateway that resumes a private stream.
pub const STREAM_PAGE_MAX: usize = 64;

/// Bodies that a gateway asks its journal for at a time, for resends.
pub const READ_BACK_SLOTS: usize = 256;

/// How long a request waits for its outcome before it is told that it cannot be told: Binance's time for -1007.
pub const OUTCOME_DEADLINE: Span = Span::from_secs(10);

/// Time between the TCP connection and the end of the TLS handshake.
pub const HANDSHAKE_DEADLINE: Span = Span::from_secs(5);

/// Time between the end of the handshake and a Logon, or the end of the WebSocket upgrade.
pub const LOGON_DEADLINE: Span = Span::from_secs(10);

/// Most drop copy sessions that hear of one account: one event is told to each of them in one go, and the session log
/// must have room for all.
pub const DROP_COPIES_PER_ACCOUNT_MAX: usize = 8;

/// Longest request to the control socket; the longest that makes sense, a session with all of its keys, has some 1,500
/// bytes.
pub const CONTROL_REQUEST_BYTES_MAX: usize = 16 * 1024;

/// Most connections at a time to the control socket, and to the admin listener: an operator, a monitor, and their
/// scripts.
pub const CONTROL_CONNECTIONS_MAX: usize = 16;

/// How long a connection to one of them may be silent, or not take its answer.
pub const CONTROL_IDLE_MAX: Span = Span::from_secs(60);

/// How long a gateway has to do what the control plane asks: it waits for nothing but its turn, which even a machine
/// that is far too busy gives it a few times a second.
pub const CONTROL_ANSWER_MAX: Span = Span::from_secs(5);

/// How long shards have to engage a kill switch: a book of a million orders is empty by then, and whoever asked is
/// still there to hear it.
pub const KILL_ANSWER_MAX: Span = Span::from_secs(20);

/// Slots of the rings between the control plane and an agent: one thing at a time is asked.
pub const CONTROL_SLOTS: usize = 4;

const _: () = assert!(WS_PONG_DEADLINE.0 > 2 * WS_PING_EVERY.0, "one lost ping closes nothing");
const _: () = assert!(16 * ECHOED_BYTES_MAX < FIX_MESSAGE_BYTES_MAX / 2, "a refusal repeats some ten fields");
const _: () = assert!(SIGNED_BYTES_MAX <= u16::MAX as usize, "a record tells their length in two bytes");
const _: () = assert!(SHARD_OUTPUT_SLOTS > 4 * EVENTS_PER_STEP_MAX, "several steps fit, or nothing moves");
const _: () = assert!(JOURNAL_RING_BYTES > 8 * RECORD_BYTES_MAX, "several longest records fit");
const _: () = assert!(SEGMENT_BYTES > 16 * RECORD_BYTES_MAX as u64, "a segment holds many records");
const _: () = assert!(
    EVENTS_PER_STEP_MAX * 512 + 2 * SIGNED_BYTES_MAX < RECORD_BYTES_MAX,
    "the longest step fits a record"
);
const _: () = assert!(TIMERS_PER_STEP_MAX <= EVENTS_PER_STEP_MAX, "a timer makes one event at most");
const _: () = assert!(CANCELS_PER_STEP_MAX < EVENTS_PER_STEP_MAX, "the report follows the last cancel");
const _: () = assert!(ORDERS_PER_BOOK_MAX < u32::MAX as usize, "a place in the book is 32 bits");
const _: () =
    assert!(ONCE_FORGOTTEN_PER_STEP_MAX > 1, "more is forgotten than comes, or memory never shrinks");
const _: () = assert!(
    ORDERS_PER_BOOK_MAX / FILLS_PER_STEP_MAX < u16::MAX as usize,
    "the steps of a request are counted in two bytes"
);
const _: () = assert!(
    ONCE_RETENTION.0 > RECV_WINDOW_MAX.0 + CLOCK_AHEAD_MAX.0,
    "a result is kept for as long as its request could be valid"
);
