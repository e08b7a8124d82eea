//! Who trades: price-time priority books.
