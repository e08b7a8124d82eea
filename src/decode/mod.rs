//! A message that is in sequence → `Request`.
