//! What is counted and timed: histograms per stage, counters, security events.
