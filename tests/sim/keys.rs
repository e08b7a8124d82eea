//! Keys that a seed draws, so that a run of it writes the same bytes again. The master key "wraps" by leaving as it is.

use crate::rng::Rng;
use sealgate::seal::{KeyError, KeyProvider, Vault};
use sealgate::sys::secret::Secret;
use sealgate::wire::record::{MasterId, Wrapped};

#[derive(Debug)]
struct Seeded(Rng);

/// The vault of a run: it outlives every crash, so no key is drawn twice. In some runs nothing is encrypted.
pub fn vault(seed: u64) -> Vault {
    if seed.is_multiple_of(3) {
        return Vault::none();
    }
    Vault::new(Box::new(Seeded(Rng::new(!seed))))
}

impl KeyProvider for Seeded {
    fn current(&self) -> MasterId {
        MasterId([1; 16])
    }

    fn draw(&mut self, bytes: &mut [u8]) -> Result<(), KeyError> {
        bytes
            .chunks_mut(8)
            .for_each(|chunk| chunk.copy_from_slice(&self.0.next().to_le_bytes()[..chunk.len()]));
        Ok(())
    }

    fn wrap(&mut self, key: &Secret, _context: &[u8]) -> Result<Wrapped, KeyError> {
        Wrapped::new(key.bytes()).ok_or(KeyError::NoKey)
    }

    fn unwrap(&mut self, _id: MasterId, wrapped: &Wrapped, _context: &[u8]) -> Result<Secret, KeyError> {
        Ok(Secret::take(&mut wrapped.as_bytes().to_vec())?)
    }

    fn begin_rotation(&mut self) -> Result<(), KeyError> {
        Err(KeyError::NoKey)
    }

    fn finish_rotation(&mut self) -> Result<String, KeyError> {
        Err(KeyError::NoKey)
    }

    fn retire(&mut self) -> Result<String, KeyError> {
        Err(KeyError::NoKey)
    }
}
