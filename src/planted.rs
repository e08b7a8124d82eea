//! Bugs that are planted to see whether the simulator finds them. The checkers are checked.
//!
//! Each stands behind a `has` at the one place where somebody could have made it. Without the feature `planted`, which
//! only the simulator's own tests switch on, that is a constant `false` and nothing is left of it in the program; with
//! it, a thread has the bug that it planted, or none. `docs/simulation.md` lists at which seed each is found.

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The journal says that records are durable before it syncs them.
    AnswerBeforeSync,
    /// The journal does not sync.
    SyncSkipped,
    /// The journal takes an error of a sync for a success.
    SyncErrorIgnored,
    /// A gateway tells events without asking how far they are durable.
    WatermarkIgnored,
    /// A full segment is not synced before the next one is begun.
    SegmentNotSynced,
    /// A new file has its name before what stands in it is durable.
    FileNotSynced,
    /// The name of a new file is not durable.
    NameNotSynced,
    /// A session log's records are written behind the steps that they precede.
    SessionLogLast,
    /// The checksum of a record is not looked at.
    ChecksumIgnored,
    /// Recovery cuts whatever it cannot read, also in front of whole records.
    TailCutTooFar,
    /// Recovery leaves a torn tail where it is and writes over it.
    TornTailKept,
    /// A repeated request is not recognised.
    DedupeLost,
    /// A repeated name is taken for a repetition, whatever the request says.
    ContentIgnored,
    /// A request that is too old is executed.
    WindowIgnored,
    /// A client's message is taken without a record of its number.
    InboundNotLogged,
    /// After a restart numbers go on behind the last message that is known, not behind those that were reserved.
    NumberReused,
    /// Numbers without a message are not filled over.
    GapNotFilled,
    /// A message of the venue's own leaves before it is in the session log.
    OwnNotDurable,
    /// What is sent again tells the first event of its step.
    ResendOtherBody,
    /// What a session was owed when the last run ended is forgotten.
    DebtForgotten,
    /// Of what a session was owed, only executions are told.
    ReportForgotten,
    /// What may have been told before is not marked.
    NotMarked,
    /// A gateway refuses as busy what it has put into the ring.
    RefusedAndExecuted,
    /// One open order more than there may be.
    OpenOrdersOffByOne,
    /// The limit of a position is not looked at.
    PositionUnlimited,
    /// The largest quantity of an order is not looked at.
    QtyUnlimited,
    /// The last in the queue is hit first.
    PriorityInverted,
    /// Trades are at the taker's price.
    TakerPrice,
    /// What is left of an order that was hit stays what it was.
    FilledTwice,
    /// Accounts trade with themselves.
    SelfMatch,
    /// The time of an order passes unnoticed.
    NeverExpires,
    /// A canceled order stays in the book.
    CancelLost,
    /// Positions do not follow the resting side.
    MakerPositionLost,
    /// An account may ask once more than its limit says.
    RateOffByOne,
    /// A restart gives accounts a new budget for their windows.
    RatesForgotten,
    /// A restart gives accounts a new budget for their day.
    DayForgotten,
    /// The market is not told that a level shrank because an order of it was canceled.
    BookUpdateLost,
    /// An update of a book begins with the last id that was told, not with the one behind it.
    UpdateIdRepeated,
    /// A trade that a subscriber is told counts for two.
    TradeSkipped,
    /// Who resumes a stream gets one execution too few.
    ResumeOffByOne,
    /// An order that closed is not known any more to who asks for it.
    ClosedForgotten,
    /// An order loses its place where it only gets smaller.
    AmendLosesPlace,
    /// An amendment is not measured against the limits of its account.
    AmendUnchecked,
    /// A mass cancel of one side takes both.
    SideIgnored,
    /// A mass cancel counts one order less than it canceled.
    CancelsMiscounted,
    /// The shards do not hear that a session has ended.
    EndUntold,
    /// The orders of a session that ended are canceled at once, whatever grace was agreed on.
    GraceIgnored,
    /// A WebSocket logon takes over what a logon of another key left.
    LeaseOfOthers,
    /// Of the orders of a session that ended one stays.
    LeaseKeepsOne,
    /// The dead man's timer runs out and nothing is canceled.
    DeadManDeaf,
    /// While the disk is full, cancels are refused too.
    FullForCancels,
    /// A disk that has room again is still taken for full.
    FullForEver,
    /// A snapshot leaves out how far the FIX sessions are.
    SnapshotForgets,
}

#[cfg(feature = "planted")]
mod switch {
    use super::Bug;
    use std::cell::Cell;

    impl Bug {
        /// All of them.
        pub const ALL: [Self; 53] = [
            Self::AnswerBeforeSync,
            Self::SyncSkipped,
            Self::SyncErrorIgnored,
            Self::WatermarkIgnored,
            Self::SegmentNotSynced,
            Self::FileNotSynced,
            Self::NameNotSynced,
            Self::SessionLogLast,
            Self::ChecksumIgnored,
            Self::TailCutTooFar,
            Self::TornTailKept,
            Self::DedupeLost,
            Self::ContentIgnored,
            Self::WindowIgnored,
            Self::InboundNotLogged,
            Self::NumberReused,
            Self::GapNotFilled,
            Self::OwnNotDurable,
            Self::ResendOtherBody,
            Self::DebtForgotten,
            Self::ReportForgotten,
            Self::NotMarked,
            Self::RefusedAndExecuted,
            Self::OpenOrdersOffByOne,
            Self::PositionUnlimited,
            Self::QtyUnlimited,
            Self::PriorityInverted,
            Self::TakerPrice,
            Self::FilledTwice,
            Self::SelfMatch,
            Self::NeverExpires,
            Self::CancelLost,
            Self::MakerPositionLost,
            Self::RateOffByOne,
            Self::RatesForgotten,
            Self::DayForgotten,
            Self::BookUpdateLost,
            Self::UpdateIdRepeated,
            Self::TradeSkipped,
            Self::ResumeOffByOne,
            Self::ClosedForgotten,
            Self::AmendLosesPlace,
            Self::AmendUnchecked,
            Self::SideIgnored,
            Self::CancelsMiscounted,
            Self::EndUntold,
            Self::GraceIgnored,
            Self::LeaseOfOthers,
            Self::LeaseKeepsOne,
            Self::DeadManDeaf,
            Self::FullForCancels,
            Self::FullForEver,
            Self::SnapshotForgets,
        ];
    }

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Plants a bug in what this thread runs, in the place of the one that was there.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }

    /// Whether this thread has it.
    pub fn has(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
}

#[cfg(feature = "planted")]
pub use switch::{has, plant};

/// Nobody has it.
#[cfg(not(feature = "planted"))]
#[inline(always)]
pub const fn has(_: Bug) -> bool {
    false
}
