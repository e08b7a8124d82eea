//! What happened in a run, as one number: two runs of a seed have the same.

/// FNV-1a over everything that is noted.
#[derive(Clone, Debug)]
pub struct Trace(u64, bool);

impl Trace {
    pub fn new(aloud: bool) -> Self {
        Self(0xcbf2_9ce4_8422_2325, aloud)
    }

    pub fn note(&mut self, what: &str, bytes: &[u8]) {
        for byte in what.bytes().chain(bytes.iter().copied()) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
        if self.1 {
            let text = String::from_utf8_lossy(bytes).replace('\x01', "|");
            eprintln!("{what} {}", text.trim());
        }
    }

    pub fn hash(&self) -> u64 {
        self.0
    }
}
