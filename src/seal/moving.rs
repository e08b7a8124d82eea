//! Master keys on their way from one provider to another, such as from a file into a token.
//!
//! ```text
//!   a new data key ─► wrapped by `to`          a data key ─► opened by whichever has its master key
//!   rotation       ─► every data key wrapped by `to` ─► all keys of `from` are put away
//! ```

use super::{KeyError, KeyProvider};
use crate::sys::secret::Secret;
use crate::wire::record::{MasterId, Wrapped};

/// Both providers as one.
#[derive(Debug)]
pub struct Moving {
    /// Wraps.
    to: Box<dyn KeyProvider>,
    /// Opens what it once wrapped.
    from: Box<dyn KeyProvider>,
    /// The rotation that ends it is done.
    is_done: bool,
}

impl Moving {
    /// What `from` has wrapped opens still; what is new is wrapped by `to`.
    pub fn new(to: Box<dyn KeyProvider>, from: Box<dyn KeyProvider>) -> Self {
        Self { to, from, is_done: false }
    }
}

impl KeyProvider for Moving {
    fn current(&self) -> MasterId {
        self.to.current()
    }

    fn draw(&mut self, bytes: &mut [u8]) -> Result<(), KeyError> {
        self.to.draw(bytes)
    }

    fn wrap(&mut self, key: &Secret, context: &[u8]) -> Result<Wrapped, KeyError> {
        self.to.wrap(key, context)
    }

    fn unwrap(&mut self, id: MasterId, wrapped: &Wrapped, context: &[u8]) -> Result<Secret, KeyError> {
        match self.to.unwrap(id, wrapped, context) {
            Err(KeyError::UnknownMaster(_)) => self.from.unwrap(id, wrapped, context),
            opened => opened,
        }
    }

    /// The key to which everything is moved is new enough, so none is made.
    fn begin_rotation(&mut self) -> Result<(), KeyError> {
        if self.is_done { self.to.begin_rotation() } else { Ok(()) }
    }

    fn finish_rotation(&mut self) -> Result<String, KeyError> {
        if self.is_done {
            return self.to.finish_rotation();
        }
        let put_away = self.from.retire()?;
        self.is_done = true;
        Ok(put_away)
    }

    fn retire(&mut self) -> Result<String, KeyError> {
        self.to.retire()
    }
}
