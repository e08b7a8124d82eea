//! Where the actions come from: the command line, a file, or stdin.
//!
//! A file is read whole and every line of it checked before anything connects: a script with a word wrong in its
//! last line places nothing. Stdin is taken line by line, so that another program can drive a bot through it.

use super::Failure;
use super::grammar::{self, Action};
use std::collections::VecDeque;
use std::io::BufRead as _;
use std::path::Path;
use tokio::sync::mpsc;

/// Lines that wait for the bot; a program that is faster waits too.
const LINES_WAITING_MAX: usize = 64;

/// Longer lines are refused: no action has so many words.
const LINE_BYTES_MAX: usize = 4_096;

/// An action and where it stands.
#[derive(Debug)]
pub struct Line {
    /// `FILE:LINE`; `None` on the command line.
    pub place: Option<String>,
    /// What to do.
    pub action: Action,
}

/// The actions of a run, in order.
#[derive(Debug)]
pub enum Lines {
    /// All of them are known and right.
    Read(VecDeque<Line>),
    /// They come as somebody writes them.
    Streamed(mpsc::Receiver<Result<Line, Failure>>),
}

impl Lines {
    /// The command line.
    pub fn one(action: Action) -> Self {
        Self::Read(VecDeque::from([Line { place: None, action }]))
    }

    /// A script; `-` is stdin.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::Streamed(stream()));
        }
        let name = path.display();
        let text =
            std::fs::read_to_string(path).map_err(|error| Failure::Usage(format!("{name}: {error}")))?;
        let lines = text.lines().enumerate();
        let lines = lines.filter_map(|(at, text)| line(&format!("{name}:{}", at + 1), text).transpose());
        Ok(Self::Read(lines.collect::<Result<_, _>>()?))
    }

    /// The next one; a line of stdin may be wrong.
    pub async fn next(&mut self) -> Option<Result<Line, Failure>> {
        match self {
            Self::Read(lines) => lines.pop_front().map(Ok),
            Self::Streamed(lines) => lines.recv().await,
        }
    }
}

/// The action of a line; none on a line that is empty or holds a comment only.
fn line(place: &str, text: &str) -> Result<Option<Line>, Failure> {
    let wrong = |why: String| Failure::Usage(format!("{place}: {why}"));
    if text.len() > LINE_BYTES_MAX {
        return Err(wrong(format!("longer than {LINE_BYTES_MAX} bytes")));
    }
    let words: Vec<_> = text.split_whitespace().take_while(|word| !word.starts_with('#')).collect();
    if words.is_empty() {
        return Ok(None);
    }
    let action = grammar::parse(words).map_err(wrong)?;
    Ok(Some(Line { place: Some(place.to_owned()), action }))
}

/// Reads stdin on a thread of its own, since nothing can take back a read that blocks.
fn stream() -> mpsc::Receiver<Result<Line, Failure>> {
    let (to, lines) = mpsc::channel(LINES_WAITING_MAX);
    std::thread::spawn(move || {
        for (at, text) in std::io::stdin().lock().lines().enumerate() {
            let place = format!("-:{}", at + 1);
            let line = match text {
                Ok(text) => line(&place, &text),
                Err(error) => Err(Failure::Usage(format!("{place}: {error}"))),
            };
            let Some(line) = line.transpose() else { continue };
            let last = line.is_err();
            if to.blocking_send(line).is_err() || last {
                break;
            }
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        match line("quotes.bot:7", text) {
            Err(Failure::Usage(why)) => why,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn comments_and_empty_lines_are_passed_over() {
        assert!(line("s:1", "").unwrap().is_none());
        assert!(line("s:1", "  # place buy").unwrap().is_none());
        let with_comment = line("s:1", "wait 5s # so that the others come first").unwrap().unwrap();
        assert_eq!(with_comment.action, grammar::parse(["wait", "5s"]).unwrap());
    }

    #[test]
    fn a_wrong_line_is_named_with_its_place_and_what_would_be_right() {
        let unknown = wrong("plcae buy BTC-USD 1");
        assert!(
            unknown.starts_with("quotes.bot:7: \"plcae\" is no action; allowed: place, amend,"),
            "{unknown}"
        );
        let side = wrong("place bid BTC-USD 1");
        assert!(side.ends_with("\"bid\" is not allowed; allowed: buy, sell"), "{side}");
        let number = wrong("place buy BTC-USD 1e3");
        assert!(number.contains("not a plain decimal number"), "{number}");
        assert!(wrong("place buy BTC-USD").contains("is missing"));
        assert!(wrong("place buy BTC-USD 1 @").contains("one price is wanted"));
        assert!(wrong("place buy BTC-USD 1 --tif ioc").contains("go with a price"));
        assert!(wrong("cancel BTC-USD 7 --hard").contains("does not belong here"));
        assert!(wrong("wait 5").contains("a whole number and its unit"));
        assert!(wrong("expect filled").contains("allowed: NEW,"));
        assert!(wrong("run --script other.bot").contains("is no action"));
        for text in ["place bid BTC-USD 1", "place buy", "wait x", "cancel", "market", "market breadth"] {
            assert_eq!(wrong(text).lines().count(), 1, "{text}");
        }
    }
}
