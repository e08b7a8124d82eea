//! Which message comes next: orders, cancels, and orders that trade, in the shares that were asked for.

use super::speaker::Action;
use std::collections::VecDeque;
use std::str::FromStr;

/// Parts of each kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    new: u64,
    cancel: u64,
    amend: u64,
    cross: u64,
}

/// Deals out messages.
pub struct Mix {
    shares: Shares,
    /// What each connection has in the book.
    resting: Vec<Resting>,
    /// Which side the next order that trades takes.
    crosses: u64,
}

/// The orders of a connection that rest, each with the number that is its name and its side; the oldest first.
#[derive(Default)]
struct Resting {
    fresh: VecDeque<(u64, bool)>,
    /// They have the name that their amendment gave them.
    amended: VecDeque<(u64, bool)>,
}

/// Orders that a connection leaves to rest before it cancels, whatever the shares say.
const RESTING_MAX: usize = 10_000;

impl Default for Shares {
    fn default() -> Self {
        Self { new: 1, cancel: 1, amend: 0, cross: 0 }
    }
}

impl FromStr for Shares {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut shares = Self { new: 0, cancel: 0, amend: 0, cross: 0 };
        for part in text.split(',') {
            let (name, count) = part.split_once('=').unwrap_or((part, "1"));
            let count = count.parse().ok().filter(|count| *count <= 1_000_000);
            let count: u64 =
                count.ok_or_else(|| format!("{part}: a share is a whole number up to a million"))?;
            *match name {
                "new" => &mut shares.new,
                "cancel" => &mut shares.cancel,
                "amend" => &mut shares.amend,
                "cross" => &mut shares.cross,
                _ => {
                    return Err(format!(
                        "{name}: new, cancel, amend and cross can be mixed, such as new=9,cancel=9,amend=4,cross=2"
                    ));
                }
            } = count;
        }
        match (shares.new, shares.cross) {
            (0, 0) => Err("without new or cross there is nothing to cancel or amend".to_owned()),
            _ => Ok(shares),
        }
    }
}

impl Resting {
    fn count(&self) -> usize {
        self.fresh.len() + self.amended.len()
    }

    /// Takes the oldest out.
    fn oldest(&mut self) -> Option<(u64, bool)> {
        match (self.fresh.front(), self.amended.front()) {
            (Some(fresh), Some(amended)) if amended < fresh => self.amended.pop_front(),
            (Some(_), _) => self.fresh.pop_front(),
            (None, _) => self.amended.pop_front(),
        }
    }
}

impl Mix {
    /// For so many connections.
    pub fn new(shares: Shares, connections: usize) -> Self {
        let resting = (0..connections).map(|_| Resting::default()).collect();
        Self { shares, resting, crosses: 0 }
    }

    /// Takes the oldest order of a connection that rests, to cancel it.
    pub fn oldest(&mut self, connection: usize) -> Option<(u64, bool)> {
        self.resting[connection].oldest()
    }

    /// The message `number`, which `connection` sends. What there is no order for is a new one.
    pub fn next(&mut self, connection: usize, number: u64) -> Action {
        let Shares { new, cancel, amend, cross } = self.shares;
        // Each connection goes through the shares by itself, in small steps, so that kinds are spread out.
        let turn = number / self.resting.len() as u64;
        let resting = &mut self.resting[connection];
        let place = turn % (new + cancel + amend + cross);
        if place < cross {
            self.crosses += 1;
            return Action::Cross { buys: self.crosses % 2 == 1 };
        }
        if (place < cross + cancel || resting.count() >= RESTING_MAX)
            && let Some((order, buys)) = resting.oldest()
        {
            return Action::Cancel { order, buys };
        }
        if (cross + cancel..cross + cancel + amend).contains(&place)
            && let Some((order, buys)) = resting.fresh.pop_front()
        {
            resting.amended.push_back((number, buys));
            return Action::Amend { order, buys };
        }
        if new == 0 {
            self.crosses += 1;
            return Action::Cross { buys: self.crosses % 2 == 1 };
        }
        let buys = turn.is_multiple_of(2);
        resting.fresh.push_back((number, buys));
        Action::New { buys }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cancel_is_of_an_order_of_the_same_connection_that_was_sent_before_it() {
        let mut mix = Mix::new("new=5,cancel=3,amend=2,cross=2".parse().unwrap(), 3);
        let mut sent = [const { Vec::new() }; 3];
        let (mut kinds, mut amended) = ([0; 4], Vec::new());
        for number in 1..3_000 {
            let connection = (number % 3) as usize;
            match mix.next(connection, number) {
                Action::New { .. } => {
                    sent[connection].push(number);
                    kinds[0] += 1;
                }
                Action::Cancel { order, .. } => {
                    assert!(sent[connection].contains(&order));
                    sent[connection].retain(|known| *known != order);
                    kinds[1] += 1;
                }
                Action::Amend { order, .. } => {
                    assert!(sent[connection].contains(&order) && !amended.contains(&order), "once each");
                    sent[connection].retain(|known| *known != order);
                    sent[connection].push(number);
                    amended.push(number);
                    kinds[3] += 1;
                }
                Action::Cross { .. } => kinds[2] += 1,
            }
        }
        assert!(kinds[0] > 1_100 && kinds[1] > 700 && kinds[2] > 450 && kinds[3] > 450, "{kinds:?}");
    }

    #[test]
    fn shares_that_make_no_sense_are_refused_by_name() {
        for (text, why) in [
            (
                "new=1,modify",
                "modify: new, cancel, amend and cross can be mixed, such as new=9,cancel=9,amend=4,cross=2",
            ),
            ("new=many", "new=many: a share is a whole number up to a million"),
            ("cancel=1", "without new or cross there is nothing to cancel or amend"),
        ] {
            assert_eq!(text.parse::<Shares>().unwrap_err(), why);
        }
    }
}
