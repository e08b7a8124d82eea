//! Compiles the shims over QuickFIX C++: its codec, and an acceptor.

fn main() {
    println!("cargo::rerun-if-changed=src/quickfix.cpp");
    println!("cargo::rerun-if-changed=src/acceptor.cpp");
    // Its headers are older than C++17, which took exception specifications away.
    let mut shim = cc::Build::new();
    shim.cpp(true)
        .std("c++14")
        .opt_level(3)
        .flag("-Wno-deprecated")
        .file("src/quickfix.cpp")
        .file("src/acceptor.cpp")
        .compile("quickfix_shim");
    println!("cargo::rustc-link-lib=quickfix");
}
