//! The SDK that bots, the demo and the tests use.
