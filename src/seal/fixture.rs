//! A vault for tests: what one of them sealed, all of them open.

use super::{KeyFile, Vault};

/// The vault.
pub fn vault() -> Vault {
    Vault::new(Box::new(KeyFile::fixed(7)))
}

/// One with another master key.
pub fn other_vault() -> Vault {
    Vault::new(Box::new(KeyFile::fixed(8)))
}
