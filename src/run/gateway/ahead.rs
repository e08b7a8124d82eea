//! What waits behind the message in hand: its signatures are verified together with that of the one in hand.
//!
//! Nothing is decided here. Each message is taken in its turn as if nobody had looked at it, and asks for its verdict
//! then; where it is another message than it seemed, its verdict is found as that of one that came alone.

use crate::decode;
use crate::types::{ApiKeyId, MemberId};
use crate::verify::Verifier;
use crate::wire::fix::{Index, Message, Taken, take};

/// Who signs what waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signer {
    /// The member of the certificate.
    pub member: MemberId,
    /// The key of the logon.
    pub key: ApiKeyId,
}

/// Looks at a message and at those behind it, as many as are verified together. Returns how many it looked at.
pub(super) fn look_ahead(
    message: &Message<'_>,
    mut behind: &[u8],
    signer: Signer,
    index: &mut Index,
    verifier: &mut Verifier,
) -> usize {
    let mut seen = 1;
    // Whose orders are not signed has nothing to be verified.
    if behind.is_empty() || verifier.room_ahead() == 0 || !tell(message, signer, verifier) {
        return seen;
    }
    while verifier.room_ahead() > 0
        && let Taken::Message(message) = take(behind, false, index)
    {
        tell(&message, signer, verifier);
        behind = &behind[message.bytes().len()..];
        seen += 1;
    }
    verifier.find_ahead();
    seen
}

/// Tells of a message, if it has a signature.
fn tell(message: &Message<'_>, signer: Signer, verifier: &mut Verifier) -> bool {
    let Ok(signed) = message.signed() else { return false };
    let Some(signature) = decode::signature(signed.signature) else { return false };
    verifier.tell_ahead(signer.member, signer.key, signed.bytes, &signature);
    true
}
