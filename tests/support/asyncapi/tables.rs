//! What the API has: methods, objects, and words.

/// A method: its parameters and results as `name[?]:Schema`, apart by blanks; `?` marks what may be absent.
pub struct Method {
    pub name: &'static str,
    pub summary: &'static str,
    /// Whether it asks for an account, and so has the parameters of [`ASKER`] too.
    pub account: bool,
    pub params: &'static [&'static str],
    /// The schemas that `result` may have.
    pub results: &'static [&'static str],
}

const fn method(
    name: &'static str,
    summary: &'static str,
    account: bool,
    params: &'static [&'static str],
    results: &'static [&'static str],
) -> Method {
    Method { name, summary, account, params, results }
}

/// Who asks; a session that is logged on needs no more than its account's policy demands.
pub const ASKER: &str =
    "account?:AccountName apiKey?:ApiKey recvWindow?:RecvWindow signature?:Signature timestamp?:Time";

/// Methods whose answers tell the state of an account, and as of which number of its streams.
pub const TELLS_STATE: [&str; 4] = ["order.status", "openOrders.status", "account.status", "myTrades"];

/// What every method takes.
pub const EVERY: &str = "returnRateLimits?:Flag timing?:TimingFlag";

const ORDER: &str = "symbol:Symbol side:Side type:OrdType timeInForce?:TimeInForce quantity:Decimal price?:Decimal \
    newClientOrderId?:ClOrdId newOrderRespType?:ResponseType selfTradePreventionMode?:SmpMode goodTillDate?:Time \
    reduceOnly?:Boolean";

const ORDER_NAME: &str = "symbol:Symbol orderId?:OrderId origClientOrderId?:ClOrdId";

pub const METHODS: &[Method] = &[
    method(
        "session.logon",
        "Logs a key on for the whole connection.",
        false,
        &[
            "apiKey:ApiKey timestamp:Time recvWindow?:RecvWindow signature:Signature cancelOnDisconnect?:CancelOn \
         cancelGrace?:Whole",
        ],
        &["Session"],
    ),
    method("session.status", "Tells who is logged on.", false, &[], &["Session"]),
    method("session.logout", "Forgets the key and ends its subscription.", false, &[], &["Session"]),
    method("order.place", "Places an order.", true, &[ORDER], &["OrderAck", "OrderResult"]),
    method("order.test", "Checks an order and places nothing.", true, &[ORDER], &["Empty"]),
    method(
        "order.cancel",
        "Cancels an order.",
        true,
        &[ORDER_NAME, "newClientOrderId?:ClOrdId"],
        &["OrderCanceled"],
    ),
    method(
        "order.cancelReplace",
        "Cancels an order and places another in one step.",
        true,
        &[
            ORDER,
            "cancelReplaceMode:ReplaceMode cancelOrderId?:OrderId cancelOrigClientOrderId?:ClOrdId \
             cancelNewClientOrderId?:ClOrdId",
        ],
        &["Replaced"],
    ),
    method(
        "order.amend.keepPriority",
        "Lowers the quantity of an order, which keeps its place in the book.",
        true,
        &[ORDER_NAME, "newQty:Decimal newClientOrderId?:ClOrdId"],
        &["Amended"],
    ),
    method(
        "openOrders.cancelAll",
        "Cancels the open orders of one instrument or of all, of one side or of both.",
        true,
        &["symbol?:Symbol side?:Side newClientOrderId?:ClOrdId"],
        &["OrderCanceled[]"],
    ),
    method(
        "cancelAllAfter",
        "Cancels all open orders of the account unless it is called again in time.",
        true,
        &["timeout:Whole"],
        &["TimerSet"],
    ),
    method("account.status", "Tells positions, open orders and limits.", true, &[], &["Account"]),
    method("account.rateLimits.orders", "Tells how much of each limit is used.", true, &[], &["RateLimit[]"]),
    method(
        "myTrades",
        "Tells the trades of the account in an instrument, oldest first.",
        true,
        &["symbol:Symbol orderId?:OrderId startTime?:Time endTime?:Time fromId?:Whole limit?:Whole"],
        &["MyTrade[]"],
    ),
    method("order.status", "Tells how an order stands.", true, &[ORDER_NAME], &["OrderStatus"]),
    method(
        "openOrders.status",
        "Lists the open orders of one instrument or of all.",
        true,
        &["symbol?:Symbol"],
        &["OrderStatus[]"],
    ),
    method(
        "depth",
        "Tells the levels of a book, best first.",
        false,
        &["symbol:Symbol limit?:Whole"],
        &["Depth"],
    ),
    method(
        "ticker.book",
        "Tells the best bid and ask of one instrument or of all.",
        false,
        &["symbol?:Symbol"],
        &["BookTicker", "BookTicker[]"],
    ),
    method(
        "exchangeInfo",
        "Tells the rules of one instrument or of all.",
        false,
        &["symbol?:Symbol"],
        &["ExchangeInfo"],
    ),
    method("time", "Tells the server's clock.", false, &[], &["ServerTime"]),
    method("ping", "Answers.", false, &[], &["Empty"]),
    method(
        "userDataStream.subscribe",
        "From now on, or from a number on, tells every change of an order of the key's accounts.",
        false,
        &["from?:Text"],
        &["StreamSubscribed"],
    ),
    method(
        "depth.subscribe",
        "From now on tells the best levels of a book and what changes in them.",
        false,
        &["symbol:Symbol limit?:Whole"],
        &["Subscribed"],
    ),
    method("depth.unsubscribe", "Ends that.", false, &["symbol:Symbol"], &["Empty"]),
    method(
        "ticker.book.subscribe",
        "From now on tells the best bid and ask whenever they change.",
        false,
        &["symbol:Symbol"],
        &["Subscribed"],
    ),
    method("ticker.book.unsubscribe", "Ends that.", false, &["symbol:Symbol"], &["Empty"]),
    method(
        "trades.subscribe",
        "From now on tells each trade of an instrument.",
        false,
        &["symbol:Symbol"],
        &["Subscribed"],
    ),
    method("trades.unsubscribe", "Ends that.", false, &["symbol:Symbol"], &["Empty"]),
    method("userDataStream.unsubscribe", "Ends that.", false, &["subscriptionId?:Whole"], &["Empty"]),
];

/// Objects, as `name[?]:Schema`.
pub const OBJECTS: &[(&str, &str, &str)] = &[
    ("Empty", "Nothing to tell.", ""),
    (
        "Session",
        "Who is logged on.",
        "apiKey:NullableText authorizedSince:NullableMillis cancelGrace:Integer cancelOnDisconnect:CancelOn \
         connectedSince:Millis returnRateLimits:Boolean serverTime:Millis timing:Boolean userDataStream:Boolean",
    ),
    (
        "Timing",
        "When the request passed each stage of the server; what it did not pass is left out.",
        "received:Nanos verified?:Nanos limited?:Nanos sequenced?:Nanos matched?:Nanos durable?:Nanos sent:Nanos",
    ),
    ("ServerTime", "The server's clock.", "serverTime:Millis"),
    ("TimerSet", "When all orders are canceled; 0: never.", "serverTime:Millis triggerTime:Millis"),
    ("Subscribed", "The subscription's number.", "subscriptionId:Integer"),
    (
        "OrderAck",
        "An order was taken.",
        "symbol:Symbol orderId:OrderId orderListId:Integer clientOrderId:ClOrdId transactTime:Millis",
    ),
    (
        "OrderResult",
        "An order was taken, and what became of it at once.",
        "symbol:Symbol orderId:OrderId orderListId:Integer clientOrderId:ClOrdId transactTime:Millis price:Number \
         origQty:Number executedQty:Number origQuoteOrderQty:Number cummulativeQuoteQty:Number status:OrdStatus \
         timeInForce:TimeInForce type:OrdType side:Side selfTradePreventionMode:SmpMode workingTime?:Millis \
         cancelCause?:Cause preventedQuantity?:Number tradeGroupId?:Integer goodTillDate?:Millis reduceOnly?:Boolean \
         reason?:Text fills?:Fill[] fillsOmitted?:Integer",
    ),
    (
        "OrderCanceled",
        "An order as its cancel left it.",
        "symbol:Symbol origClientOrderId:ClOrdId orderId:OrderId orderListId:Integer clientOrderId:ClOrdId \
         transactTime:Millis price:Number origQty:Number executedQty:Number origQuoteOrderQty:Number \
         cummulativeQuoteQty:Number status:OrdStatus timeInForce:TimeInForce type:OrdType side:Side \
         selfTradePreventionMode:SmpMode \
         cancelCause?:Cause preventedQuantity?:Number tradeGroupId?:Integer goodTillDate?:Millis reduceOnly?:Boolean",
    ),
    (
        "OrderStatus",
        "An order as it stands.",
        "symbol:Symbol orderId:OrderId orderListId:Integer clientOrderId:ClOrdId price:Number origQty:Number \
         executedQty:Number origQuoteOrderQty:Number cummulativeQuoteQty:Number status:OrdStatus \
         timeInForce:TimeInForce type:OrdType side:Side selfTradePreventionMode:SmpMode stopPrice:Number \
         icebergQty:Number time:Millis updateTime:Millis isWorking:Boolean workingTime:Millis \
         cancelCause?:Cause preventedQuantity?:Number tradeGroupId?:Integer goodTillDate?:Millis reduceOnly?:Boolean",
    ),
    (
        "Replaced",
        "What became of both halves.",
        "cancelResult:HalfResult newOrderResult:HalfResult cancelResponse:OrderCanceled newOrderResponse:Placed",
    ),
    (
        "Amended",
        "An order after its quantity was lowered.",
        "transactTime:Millis executionId?:Integer keptPriority?:Boolean amendedOrder:AmendedOrder",
    ),
    (
        "AmendedOrder",
        "The order.",
        "symbol:Symbol orderId:OrderId orderListId:Integer origClientOrderId?:ClOrdId clientOrderId:ClOrdId \
         price:Number qty:Number executedQty:Number preventedQty:Number quoteOrderQty:Number \
         cumulativeQuoteQty:Number status:OrdStatus timeInForce:TimeInForce type:OrdType side:Side \
         workingTime:Millis selfTradePreventionMode:SmpMode tradeGroupId?:Integer goodTillDate?:Millis \
         reduceOnly?:Boolean",
    ),
    (
        "Account",
        "What an account has and may do.",
        "account:AccountName canTrade:Boolean defaultSelfTradePreventionMode:SmpMode tradeGroupId?:Integer \
         maxOpenOrders:Integer openOrders:Integer positions:Position[]",
    ),
    (
        "Position",
        "What it has in an instrument.",
        "symbol:Symbol positionAmt:Number openOrders:Integer openBuyQty:Number openSellQty:Number maxPosition:Number",
    ),
    (
        "MyTrade",
        "A trade of the account.",
        "symbol:Symbol id:Integer orderId:OrderId orderListId:Integer price:Number qty:Number quoteQty:Number \
         commission:Number commissionAsset:Text time:Millis isBuyer:Boolean isMaker:Boolean isBestMatch:Boolean",
    ),
    (
        "Fill",
        "A trade that an order made when it came in.",
        "price:Number qty:Number commission:Number commissionAsset:Text tradeId:Integer",
    ),
    ("Depth", "A book.", "lastUpdateId:Integer bids:Level[] asks:Level[]"),
    (
        "BookTicker",
        "The best of a book; zeros for an empty side.",
        "symbol:Symbol bidPrice:Number bidQty:Number askPrice:Number askQty:Number",
    ),
    (
        "ExchangeInfo",
        "The rules of the venue.",
        "timezone:Text serverTime:Millis environment:Text rateLimits:RateLimit[] exchangeFilters:Any[] \
         symbols:SymbolInfo[]",
    ),
    (
        "RateLimit",
        "How much of a limit is used; its window slides.",
        "rateLimitType:RateLimitType interval:Interval intervalNum:Integer limit:Integer count?:Integer",
    ),
    (
        "ErrorData",
        "The refusal by its name, and its facts.",
        "name:Reject field?:Text tag?:Integer sha256?:Text serverTime?:Millis timestamp?:Millis skewMillis?:Integer \
         retryAfter?:Millis waitMillis?:Integer orderId?:OrderId bound?:Integer orderStatus?:OrdStatus symbol?:Symbol \
         clientOrderId?:ClOrdId canceledOrders?:Integer failed?:Any cancelResult?:HalfResult \
         newOrderResult?:HalfResult cancelResponse?:Any newOrderResponse?:Any",
    ),
    (
        "Error",
        "Why a request was refused; it never executes later, but for -1007.",
        "code:Integer msg:Text data:ErrorData",
    ),
    (
        "ExecutionReport",
        "A change of an order, with Binance's one-letter names.",
        "e:ExecutionReportName E:Millis s:Symbol c:Text S:Side o:OrdType f:TimeInForce q:Number p:Number P:Number \
         F:Number g:Integer C:Text x:ExecType X:OrdStatus r:Text i:Integer l:Number z:Number L:Number n:Number N:Nothing \
         t:Integer T:Millis I:Integer w:Boolean m:Boolean M:Boolean O:Millis Z:Number Y:Number Q:Number W?:Millis \
         V:SmpMode cancelCause?:Cause keptPriority?:Boolean A?:Number B?:Number u?:Integer U?:Integer Cs?:Symbol pL?:Number \
         pl?:Number pY?:Number preventedAsMaker?:Boolean tradeGroupId?:Integer goodTillDate?:Millis reduceOnly?:Boolean \
         applId:ApplId applSeqNum:Integer",
    ),
    (
        "DepthSnapshot",
        "A book as it is: the beginning of a subscription.",
        "e:DepthSnapshotName E:Millis s:Symbol lastUpdateId:Integer bids:Level[] asks:Level[]",
    ),
    (
        "StreamSubscribed",
        "The subscription's number, and the number behind which each stream goes on.",
        "subscriptionId:Integer streams:StreamPosition[]",
    ),
    ("StreamPosition", "A place in a private stream.", "applId:ApplId applSeqNum:Integer"),
    (
        "StreamHeartbeat",
        "How far the private streams of a subscription are.",
        "e:StreamHeartbeatName E:Millis streams:StreamPosition[]",
    ),
    (
        "StreamTerminated",
        "Why a subscription has ended: it cannot be told what comes next.",
        "e:StreamTerminatedName E:Millis reason:Text",
    ),
    (
        "DepthUpdate",
        "The levels that have changed, zero where one is gone; U is u of the update before, plus 1.",
        "e:DepthUpdateName E:Millis s:Symbol U:Integer u:Integer b:Level[] a:Level[]",
    ),
    (
        "BookTickerEvent",
        "The best of a book; zeros for an empty side.",
        "e:BookTickerName E:Millis s:Symbol u:Integer b:Number B:Number a:Number A:Number",
    ),
    (
        "PublicTrade",
        "A trade; m: the buyer was resting. n counts the trades of the subscription.",
        "e:TradeName E:Millis s:Symbol t:Integer n:Integer u:Integer p:Number q:Number T:Millis m:Boolean",
    ),
];

/// What is told to who has subscribed: the word in `e`, the schema, and what it is.
pub const EVENTS: &[(&str, &str, &str)] = &[
    ("executionReport", "ExecutionReport", "Tells a change of an order to who has subscribed."),
    ("streamHeartbeat", "StreamHeartbeat", "Tells how far private streams are."),
    ("eventStreamTerminated", "StreamTerminated", "Tells that a subscription has ended."),
    ("depthSnapshot", "DepthSnapshot", "Tells a book to who has subscribed to it."),
    ("depthUpdate", "DepthUpdate", "Tells what has changed in a book."),
    ("bookTicker", "BookTickerEvent", "Tells the best bid and ask."),
    ("trade", "PublicTrade", "Tells a trade."),
];
