//! Random requests over months, against a list that is searched from end to end.

use super::*;
use proptest::prelude::*;

/// What the list knows of a request.
#[derive(Clone, Debug)]
struct Naive {
    name: Name,
    signed: Option<(ApiKeyId, [u8; 16])>,
    content: [u8; 16],
    seq: Seq,
    due: Nanos,
    /// Whether the order that it entered is open.
    is_open: bool,
    /// The order that it amended.
    amended: Option<OrderId>,
}

#[derive(Clone, Debug)]
enum Step {
    /// A request: its name, its content, whether the client named it, and what is made of it.
    Request(u8, u8, bool, u8),
    /// One of the open orders closes.
    Close(u8),
    /// Hours pass.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0u8..40, 0u8..3, any::<bool>(), 0u8..4).prop_map(|(n, c, named, made)| Step::Request(n, c, named, made)),
        2 => any::<u8>().prop_map(Step::Close),
        1 => (1u64..20).prop_map(Step::Wait),
    ]
}

#[derive(Default)]
struct Model {
    known: Vec<Naive>,
}

impl Model {
    fn seen(&self, name: &Name, requester: &Requester) -> Option<(&Naive, bool)> {
        let signed = (!requester.named).then_some((requester.key, requester.signed_digest));
        let same = self.known.iter().find(|known| signed.is_some() && known.signed == signed);
        if let Some(known) = same {
            return Some((known, true));
        }
        let known = self.known.iter().find(|known| known.name == *name)?;
        let same = requester.named && known.signed.is_none() && known.content == requester.content;
        Some((known, same))
    }

    fn is_open(&self, of: &Naive) -> bool {
        let order = of.amended.map_or(of.seq, OrderId::seq);
        self.known.iter().any(|known| known.seq == order && known.is_open)
    }

    fn forget(&mut self, time: Nanos) {
        for _ in 0..ONCE_FORGOTTEN_PER_STEP_MAX {
            let Some(oldest) = self.known.first().filter(|oldest| oldest.due <= time) else { return };
            let keeps = self.is_open(oldest);
            let oldest = self.known.remove(0);
            if keeps {
                self.known.push(Naive { due: time + ONCE_RETENTION, ..oldest });
            }
        }
    }
}

proptest! {
    #[test]
    fn the_table_knows_what_the_list_knows(steps in prop::collection::vec(step(), 0..300)) {
        let (mut once, mut model) = (Once::new(SHARD), Model::default());
        let (mut seq, mut now) = (Seq(0), START);
        for step in steps {
            seq = seq.next();
            once.forget(now);
            model.forget(now);
            match step {
                Step::Wait(hours) => now = now + Span::from_secs(hours * 3_600),
                Step::Close(which) => {
                    let open: Vec<Seq> = model.known.iter().filter(|known| known.is_open).map(|known| known.seq).collect();
                    if let Some(at) = open.get(usize::from(which) % open.len().max(1)) {
                        once.close(&order(at.0, OrdStatus::Canceled), seq);
                        model.known.iter_mut().filter(|known| known.seq == *at).for_each(|known| known.is_open = false);
                    }
                }
                Step::Request(n, content, is_named, made) => {
                    let name = name(&format!("n{n}"));
                    let requester =
                        Requester { sent: now, ..if is_named { named(content) } else { unnamed(n / 2 + content) } };
                    let seen = once.seen(&name, &requester);
                    let told = match seen {
                        Seen::Never => None,
                        Seen::Same(known) => Some((once.entry(known).seq, true)),
                        Seen::Other(known) => Some((once.entry(known).seq, false)),
                    };
                    prop_assert_eq!(told, model.seen(&name, &requester).map(|(known, same)| (known.seq, same)));
                    if seen != Seen::Never {
                        continue;
                    }
                    let open = model.known.iter().find(|known| known.is_open).map(|known| OrderId::new(SHARD, known.seq));
                    let (made, amended) = match (made, open) {
                        (0, _) => (Made::Nothing(None), None),
                        (1, Some(order)) => (Made::Amendment(order), Some(order)),
                        (2, _) => (Made::Order(OrdStatus::Rejected), None),
                        _ => (Made::Order(OrdStatus::New), None),
                    };
                    let is_open = made == Made::Order(OrdStatus::New);
                    let known = once.remember(name, &requester, (seq, now), made);
                    if is_open {
                        once.rest(known, 0);
                    }
                    let signed = (!is_named).then_some((requester.key, requester.signed_digest));
                    let (content, due) = (requester.content, now + ONCE_RETENTION);
                    model.known.push(Naive { name, signed, content, seq, due, is_open, amended });
                }
            }
            let ages: Vec<Seq> = once.entries().map(|entry| entry.seq).collect();
            prop_assert_eq!(ages, model.known.iter().map(|known| known.seq).collect::<Vec<_>>());
        }
    }
}
