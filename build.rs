//! Compiles the text of the FIX dictionary into the static tables of `wire::fix::dictionary`.

#[path = "src/wire/fix/dictionary/compile.rs"]
mod compile;
#[path = "src/wire/fix/dictionary/source.rs"]
mod source;

use std::path::Path;
use std::{env, fs};

const FOLDER: &str = "src/wire/fix/dictionary";

fn main() {
    let text = |file: &str| {
        let path = format!("{FOLDER}/{file}");
        println!("cargo::rerun-if-changed={path}");
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    println!("cargo::rerun-if-changed=build.rs");
    let source = source::read(&text("fields.fix"), &text("messages.fix"), &text("dialect.fix"));
    for file in ["compile.rs", "source.rs"] {
        println!("cargo::rerun-if-changed={FOLDER}/{file}");
    }
    let tables = compile::compile(&source);
    let folder = env::var_os("OUT_DIR").expect("cargo names the folder");
    let write = |file: &str, bytes: &[u8]| {
        let path = Path::new(&folder).join(file);
        fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    };
    write("tables.rs", tables.code.as_bytes());
    write("members.bin", &tables.members);
    write("slots.bin", &tables.slots);
}
