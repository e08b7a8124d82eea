//! Lock-free rings between agents, and the account rate ring that all gateways share.
