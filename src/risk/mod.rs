//! Can you afford it: limits, price band, holds.
