//! Pages of the documentation that are made from tables of the code.

use crate::source::repository;
use sealgate::types::reject::{FixAnswer, Reject};
use std::fmt::Write as _;

/// The tables of `docs/rejects.md`.
pub fn rejects() -> String {
    let mut out = String::new();
    let mut stage = "";
    for reject in Reject::ALL {
        let info = reject.info();
        if info.stage != stage {
            stage = info.stage;
            let _ = write!(out, "\n## {stage}\n\n{REJECTS_HEAD}\n");
        }
        let (reject, ord, cxl, business) = match info.fix {
            FixAnswer::Reject(reason) => (reason.to_string(), String::new(), String::new(), String::new()),
            FixAnswer::Application { ord_rej_reason: o, cxl_rej_reason: c, business_reject_reason: b } => {
                (String::new(), o.to_string(), c.to_string(), b.to_string())
            }
            FixAnswer::Never => Default::default(),
        };
        let (status, code) = (info.ws_status, info.ws_code);
        let _ = writeln!(
            out,
            "| {} | `{}` | {reject} | {ord} | {cxl} | {business} | {status} | {code} | {} |",
            info.number, info.name, info.advice
        );
    }
    out.trim_start().to_owned()
}

const REJECTS_HEAD: &str = "| number | name | 373 | 103 | 102 | 380 | status | code | what to do |\n\
                            |---|---|---|---|---|---|---|---|---|";

const BEGIN: &str = "<!-- generated: SEALGATE_BLESS=1 cargo test --test tidy -->\n";
const END: &str = "<!-- end of what is generated -->\n";

/// Compares what stands between the two marks of a page, or writes it there.
pub fn generated(page: &str, right: &str) {
    let path = repository().join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(BEGIN).expect("the page has a begin mark");
    let (there, tail) = rest.split_once(END).expect("the page has an end mark");
    if std::env::var_os("SEALGATE_BLESS").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}{right}{END}{tail}")).unwrap();
    } else {
        assert!(there == right, "{page} is not what the code says; {BEGIN}");
    }
}
