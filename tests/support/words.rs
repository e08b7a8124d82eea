//! Words that have no place in the repository; `tests/tidy.rs` looks for them.

/// Marks of unfinished work, written so that this file does not hold them.
pub const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("dbg", "!("),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
];

/// Words that have no place in the repository: paths of one machine, hosts of package registries (what is installed
/// from where is the user's choice), and talk about how or by what it was written.
pub const BANNED: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/wo", "rk/"),
    concat!("/tmp/", "wt"),
    concat!("/tmp/", "target"),
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("python", "hosted"),
    concat!("npmjs", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("Cla", "ude"),
    concat!("Anthro", "pic"),
    concat!("Open", "AI"),
    concat!("Chat", "GPT"),
    concat!("Copi", "lot"),
    concat!("language", " model"),
    concat!("sit", "ting"),
];
