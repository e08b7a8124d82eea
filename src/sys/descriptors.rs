//! How many sockets and files the process may have open at once. getrlimit and setrlimit.

#![allow(unsafe_code)]

use std::io;

/// Raises it as far as it may be raised without asking an administrator; how far that is. What a shell gives, 1,024, is
/// kept that low for programs that use `select`.
pub fn raise() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call writes into `limit`, which lives through it.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the call reads `limit`, which lives through it.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(limit.rlim_cur)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_raised_cannot_be_raised_further() {
        let raised = raise().unwrap();
        assert!(raised > 0);
        assert_eq!(raise().unwrap(), raised);
    }
}
