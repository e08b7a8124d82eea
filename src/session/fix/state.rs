//! The states of a session, what can happen, and what is done then: one exhaustive table.
//!
//! `docs/fix-session.md` shows the same table; a test compares the two cell by cell.

/// Where a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// No connection. Application messages still take numbers and are recorded, so the peer gets them by
    /// ResendRequest.
    Idle,
    /// Initiator: our Logon is out, the answer is not in.
    LogonSent,
    /// Established, and nothing is missing from the peer.
    Active,
    /// Established; messages of the peer are missing and our ResendRequest is out. Later messages wait.
    Recovering,
    /// Our Logout is out. Nothing is taken any more; the connection is closed by the peer's Logout, or soon.
    LogoutSent,
}

/// What can happen to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// Initiator: we want a session.
    Connect,
    /// A Logon: for an acceptor without a connection, one that the caller has found genuine.
    Logon,
    /// A Logout, whatever its number.
    Logout,
    /// A ResendRequest, whatever its number: both sides may miss something at once.
    ResendRequest,
    /// A SequenceReset without GapFillFlag: its number does not count.
    Reset,
    /// A message with the number that we expect.
    Next,
    /// A message with a higher number.
    Ahead,
    /// A message with a lower number and PossDupFlag=Y.
    Duplicate,
    /// A message with a lower number that claims to be new.
    Behind,
    /// A message whose CompIDs, SendingTime or OrigSendingTime are not those of this session.
    Foreign,
    /// A message of another FIX version, or without MsgSeqNum.
    Unreadable,
    /// What was missing has come.
    GapClosed,
    /// What is missing was asked for 2 × HeartBtInt ago, and nothing of it has come since.
    Stalled,
    /// Nothing came for 1.2 × HeartBtInt.
    Quiet,
    /// Nothing came for 2.4 × HeartBtInt.
    Dead,
    /// The answer to our Logon or Logout is overdue.
    Overdue,
    /// The hours of the session are over.
    Closing,
    /// We want to end the session.
    Stop,
    /// The connection is gone.
    Lost,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Nothing.
    Ignore,
    /// Send Logon.
    SayLogon,
    /// The session is established; an acceptor answers with Logon.
    Establish,
    /// The caller judges the Logon as it would a first one.
    Judge,
    /// Take the message: check it, use up its number, answer or deliver it.
    Take,
    /// Keep the message and send ResendRequest.
    AskResend,
    /// Keep the message; what is before it was asked for.
    Hold,
    /// What was kept can be taken now.
    Drain,
    /// Send again what was asked for.
    Replay,
    /// Expect another number.
    Renumber,
    /// Send Reject and Logout.
    RefuseForeign,
    /// Send Logout with the reason.
    RefuseUnreadable,
    /// Send Logout with both numbers, close.
    RefuseBehind,
    /// Send TestRequest.
    Probe,
    /// Send Logout.
    SayLogout,
    /// Answer with Logout, close.
    AnswerLogout,
    /// Close.
    Close,
    /// Forget what belonged to the connection.
    Forget,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Idle, Self::LogonSent, Self::Active, Self::Recovering, Self::LogoutSent];

    /// Whether both sides have logged on and neither has said Logout.
    pub const fn is_established(self) -> bool {
        matches!(self, Self::Active | Self::Recovering)
    }
}

impl Input {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Connect,
        Self::Logon,
        Self::Logout,
        Self::ResendRequest,
        Self::Reset,
        Self::Next,
        Self::Ahead,
        Self::Duplicate,
        Self::Behind,
        Self::Foreign,
        Self::Unreadable,
        Self::GapClosed,
        Self::Stalled,
        Self::Quiet,
        Self::Dead,
        Self::Overdue,
        Self::Closing,
        Self::Stop,
        Self::Lost,
    ];
}

/// The table: what is done, and the next state.
pub const fn decide(state: State, input: Input) -> (Act, State) {
    match state {
        State::Idle => idle(input),
        State::LogonSent => logon_sent(input),
        State::Active | State::Recovering => established(state, input),
        State::LogoutSent => logout_sent(input),
    }
}

const fn idle(input: Input) -> (Act, State) {
    use Input as I;
    match input {
        I::Connect => (Act::SayLogon, State::LogonSent),
        I::Logon => (Act::Establish, State::Active),
        I::Logout | I::ResendRequest | I::Reset | I::Next | I::Ahead | I::Duplicate | I::Behind => {
            (Act::Ignore, State::Idle)
        }
        I::Foreign | I::Unreadable | I::GapClosed | I::Stalled | I::Quiet | I::Dead | I::Overdue => {
            (Act::Ignore, State::Idle)
        }
        I::Closing | I::Stop | I::Lost => (Act::Ignore, State::Idle),
    }
}

const fn logon_sent(input: Input) -> (Act, State) {
    use Input as I;
    match input {
        I::Logon => (Act::Establish, State::Active),
        I::Logout | I::ResendRequest | I::Reset | I::Next | I::Ahead | I::Duplicate | I::Behind => {
            (Act::Close, State::Idle)
        }
        I::Foreign | I::Unreadable | I::Overdue | I::Closing | I::Stop => (Act::Close, State::Idle),
        I::Connect | I::GapClosed | I::Stalled | I::Quiet | I::Dead => (Act::Ignore, State::LogonSent),
        I::Lost => (Act::Forget, State::Idle),
    }
}

/// Active and Recovering differ in what a gap means.
const fn established(state: State, input: Input) -> (Act, State) {
    use Input as I;
    use State::{Idle, LogoutSent, Recovering};
    match input {
        I::Logon => (Act::Judge, state),
        I::Logout => (Act::AnswerLogout, Idle),
        I::ResendRequest => (Act::Replay, state),
        I::Reset => (Act::Renumber, state),
        I::Next => (Act::Take, state),
        I::Ahead if matches!(state, Recovering) => (Act::Hold, Recovering),
        I::Ahead => (Act::AskResend, Recovering),
        I::Behind => (Act::RefuseBehind, Idle),
        I::Foreign => (Act::RefuseForeign, LogoutSent),
        I::Unreadable => (Act::RefuseUnreadable, LogoutSent),
        I::GapClosed if matches!(state, Recovering) => (Act::Drain, State::Active),
        I::Stalled if matches!(state, Recovering) => (Act::AskResend, Recovering),
        I::Quiet => (Act::Probe, state),
        I::Dead => (Act::Close, Idle),
        I::Closing | I::Stop => (Act::SayLogout, LogoutSent),
        I::Lost => (Act::Forget, Idle),
        I::Connect | I::Duplicate | I::GapClosed | I::Stalled | I::Overdue => (Act::Ignore, state),
    }
}

const fn logout_sent(input: Input) -> (Act, State) {
    use Input as I;
    match input {
        I::ResendRequest => (Act::Replay, State::LogoutSent),
        I::Logout | I::Dead | I::Overdue => (Act::Close, State::Idle),
        I::Connect | I::Logon | I::Reset | I::Next | I::Ahead | I::Duplicate | I::Behind => {
            (Act::Ignore, State::LogoutSent)
        }
        I::Foreign | I::Unreadable | I::GapClosed | I::Stalled | I::Quiet | I::Closing | I::Stop => {
            (Act::Ignore, State::LogoutSent)
        }
        I::Lost => (Act::Forget, State::Idle),
    }
}
