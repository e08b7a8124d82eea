//! One family of system calls a file: sockets, polling, clock, files, pinning.
