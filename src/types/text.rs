//! A short text kept in place: no allocation, `Copy`, compared and hashed by its bytes.

use std::fmt;
use std::hash::{Hash, Hasher};

/// At most `N` bytes of UTF-8, stored inline. `N` is at most 255.
#[derive(Clone, Copy)]
pub struct Text<const N: usize> {
    len: u8,
    bytes: [u8; N],
}

/// Why a text was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// More bytes than the text can hold.
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// Bytes that are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
}

impl<const N: usize> Text<N> {
    const FITS: () = assert!(N <= u8::MAX as usize, "the length is one byte");

    /// The text without a byte.
    pub const EMPTY: Self = Self { len: 0, bytes: [0; N] };

    /// Takes `text` whole, or says that it is too long.
    pub fn new(text: &str) -> Result<Self, TextError> {
        let () = Self::FITS;
        if text.len() > N {
            return Err(TextError::TooLong(N));
        }
        let mut bytes = [0; N];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { len: text.len() as u8, bytes })
    }

    /// Takes bytes from the wire.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TextError> {
        if bytes.len() > N {
            return Err(TextError::TooLong(N));
        }
        Self::new(std::str::from_utf8(bytes).map_err(|_| TextError::NotUtf8)?)
    }

    /// As much of the start of `text` as fits, cut at a character. For explanations only, never for identifiers.
    pub fn truncated(text: &str) -> Self {
        let mut end = text.len().min(N);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self::new(&text[..end]).unwrap_or(Self::EMPTY)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Only whole `str`s are ever stored, so the default is never taken.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The bytes of the text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Whether there is no byte in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const N: usize> PartialEq for Text<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl<const N: usize> Eq for Text<N> {}

impl<const N: usize> PartialOrd for Text<N> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> Ord for Text<N> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl<const N: usize> Hash for Text<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_fits_and_refuses_what_does_not() {
        assert_eq!(Text::<4>::new("abcd").unwrap().as_str(), "abcd");
        assert_eq!(Text::<4>::new("abcde"), Err(TextError::TooLong(4)));
        assert_eq!(Text::<4>::from_bytes(&[0xff]), Err(TextError::NotUtf8));
    }

    #[test]
    fn cuts_an_explanation_at_a_character() {
        assert_eq!(Text::<4>::truncated("abcé").as_str(), "abc");
    }
}
