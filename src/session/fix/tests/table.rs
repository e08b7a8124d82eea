//! The table of states in the documentation is the one in the code.

use super::super::{Act, Input, State, decide};

const PAGE: &str = include_str!("../../../../docs/fix-session.md");

fn cell(state: State, input: Input) -> String {
    match decide(state, input) {
        (Act::Ignore, next) if next == state => "·".to_owned(),
        (act, next) if next == state => format!("{act:?}"),
        (act, next) => format!("{act:?} → {next:?}"),
    }
}

fn row(input: Input) -> String {
    let cells: Vec<_> = State::ALL.iter().map(|state| cell(*state, input)).collect();
    format!("| {input:?} | {} |", cells.join(" | "))
}

#[test]
fn every_cell_of_the_documented_table_is_what_the_code_does() {
    let head = format!("| | {} |", State::ALL.map(|state| format!("{state:?}")).join(" | "));
    let mut lines = PAGE.lines().skip_while(|line| *line != head);
    assert_eq!(lines.next(), Some(&head[..]), "docs/fix-session.md has no table of states");
    lines.next();
    let documented: Vec<_> = lines.take_while(|line| line.starts_with('|')).collect();
    let coded: Vec<_> = Input::ALL.map(row).to_vec();
    assert_eq!(documented, coded, "the table should be\n{head}\n{}", coded.join("\n"));
}

#[test]
fn a_lost_connection_ends_every_state() {
    assert!(State::ALL.iter().all(|state| decide(*state, Input::Lost).1 == State::Idle));
}

#[test]
fn nothing_is_taken_before_logon_or_after_logout() {
    for state in [State::Idle, State::LogonSent, State::LogoutSent] {
        for input in [Input::Next, Input::Ahead, Input::Reset] {
            assert!(matches!(decide(state, input).0, Act::Ignore | Act::Close), "{state:?} {input:?}");
        }
    }
}
