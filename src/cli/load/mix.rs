//! Which message comes next: orders, cancels, and orders that trade, in the shares that were asked for.

use super::speaker::Action;
use std::collections::VecDeque;
use std::str::FromStr;

/// Parts of each kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    new: u64,
    cancel: u64,
    cross: u64,
}

/// Deals out messages.
pub struct Mix {
    shares: Shares,
    /// For each connection its orders that rest, the oldest first.
    resting: Vec<VecDeque<(u64, bool)>>,
    /// Which side the next order that trades takes.
    crosses: u64,
}

/// Orders that a connection leaves to rest before it cancels, whatever the shares say.
const RESTING_MAX: usize = 10_000;

impl Default for Shares {
    fn default() -> Self {
        Self { new: 1, cancel: 1, cross: 0 }
    }
}

impl FromStr for Shares {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut shares = Self { new: 0, cancel: 0, cross: 0 };
        for part in text.split(',') {
            let (name, count) = part.split_once('=').unwrap_or((part, "1"));
            let count = count.parse().ok().filter(|count| *count <= 1_000_000);
            let count: u64 =
                count.ok_or_else(|| format!("{part}: a share is a whole number up to a million"))?;
            *match name {
                "new" => &mut shares.new,
                "cancel" => &mut shares.cancel,
                "cross" => &mut shares.cross,
                _ => {
                    return Err(format!(
                        "{name}: new, cancel and cross can be mixed, such as new=9,cancel=9,cross=2"
                    ));
                }
            } = count;
        }
        match shares.new + shares.cross {
            0 => Err("without new or cross there is nothing to cancel".to_owned()),
            _ => Ok(shares),
        }
    }
}

impl Mix {
    /// For so many connections.
    pub fn new(shares: Shares, connections: usize) -> Self {
        Self { shares, resting: vec![VecDeque::new(); connections], crosses: 0 }
    }

    /// The message `number`, which `connection` sends.
    pub fn next(&mut self, connection: usize, number: u64) -> Action {
        let Shares { new, cancel, cross } = self.shares;
        // Each connection goes through the shares by itself, in small steps, so that kinds are spread out.
        let turn = number / self.resting.len() as u64;
        let resting = &mut self.resting[connection];
        let place = turn % (new + cancel + cross);
        if place < cross {
            self.crosses += 1;
            return Action::Cross { buys: self.crosses % 2 == 1 };
        }
        if (place < cross + cancel || resting.len() >= RESTING_MAX)
            && let Some((order, buys)) = resting.pop_front()
        {
            return Action::Cancel { order, buys };
        }
        if new == 0 {
            self.crosses += 1;
            return Action::Cross { buys: self.crosses % 2 == 1 };
        }
        let buys = turn.is_multiple_of(2);
        resting.push_back((number, buys));
        Action::New { buys }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cancel_is_of_an_order_of_the_same_connection_that_was_sent_before_it() {
        let mut mix = Mix::new("new=5,cancel=3,cross=2".parse().unwrap(), 3);
        let mut sent = [const { Vec::new() }; 3];
        let mut kinds = [0; 3];
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
                Action::Cross { .. } => kinds[2] += 1,
            }
        }
        assert!(kinds[0] > 1_400 && kinds[1] > 800 && kinds[2] > 500, "{kinds:?}");
    }

    #[test]
    fn shares_that_make_no_sense_are_refused_by_name() {
        for (text, why) in [
            ("new=1,amend", "amend: new, cancel and cross can be mixed, such as new=9,cancel=9,cross=2"),
            ("new=many", "new=many: a share is a whole number up to a million"),
            ("cancel=1", "without new or cross there is nothing to cancel"),
        ] {
            assert_eq!(text.parse::<Shares>().unwrap_err(), why);
        }
    }
}
