//! When the kernel had what a read gives: software receive timestamps of a TCP socket (SO_TIMESTAMPING).
//!
//! ```text
//!   packet ─► the kernel takes it: stamped here ─► it waits in the socket ─► recvmsg ─► bytes, and when the last came
//! ```
//!
//! So the time that bytes waited in the kernel can be told from the time that their sender took. The stamps are of
//! CLOCK_REALTIME, as are those of [`super::clock::Clock`] within some tens of nanoseconds. Cost: the kernel stamps
//! every packet of the machine while one socket asks for it, and a read has a few more words to copy.

#![allow(unsafe_code)]

use super::tally;
use crate::types::Nanos;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Room for the one control message that is asked for, and its head.
const CONTROL_WORDS: usize = 16;

/// Asks for the stamps; a kernel or a network device that has none refuses, or gives none.
pub fn enable(socket: BorrowedFd<'_>) -> io::Result<()> {
    tally::called();
    let flags: libc::c_uint = libc::SOF_TIMESTAMPING_RX_SOFTWARE | libc::SOF_TIMESTAMPING_SOFTWARE;
    // SAFETY: `flags` lives through the call, and its length is told.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPING,
            (&raw const flags).cast(),
            size_of_val(&flags) as libc::socklen_t,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Reads as `read` does: how many bytes, and when the kernel had the last of them, where it says so. It is for the
/// caller to count the call.
pub fn read(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, Option<Nanos>)> {
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // Words, so that the heads of control messages are aligned.
    let mut control = [0u64; CONTROL_WORDS];
    // SAFETY: msghdr consists of integers and pointers, for which all zeros is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    // SAFETY: `message` points to one part of `buffer` and to `control`, each with its length; all live through the
    // call, and the kernel writes no more than the lengths say.
    let count = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) };
    if count < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((count as usize, stamp(&message)))
}

/// The stamp among the control messages.
fn stamp(message: &libc::msghdr) -> Option<Nanos> {
    // SAFETY: the kernel has filled `message`, whose control buffer lives as long as it does.
    let mut head = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !head.is_null() {
        // SAFETY: it is not null, so it points to a head inside of the control buffer.
        let (level, kind) = unsafe { ((*head).cmsg_level, (*head).cmsg_type) };
        if (level, kind) == (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING) {
            // SAFETY: this kind carries three timespecs, of which the first is the software stamp.
            let at: libc::timespec =
                unsafe { libc::CMSG_DATA(head).cast::<libc::timespec>().read_unaligned() };
            let nanos = u64::try_from(at.tv_sec).ok()?.checked_mul(1_000_000_000)?;
            return nanos.checked_add(u64::try_from(at.tv_nsec).ok()?).filter(|at| *at > 0).map(Nanos);
        }
        // SAFETY: as for the first.
        head = unsafe { libc::CMSG_NXTHDR(message, head) };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::Clock;
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd as _;

    #[test]
    fn bytes_come_with_the_time_at_which_the_kernel_had_them() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (receiver, _) = listener.accept().unwrap();
        let mut buffer = [0; 16];
        enable(receiver.as_fd()).unwrap();
        let before = Clock::new().now();
        sender.write_all(b"ping").unwrap();
        let (count, at) = read(receiver.as_fd(), &mut buffer).unwrap();
        let after = Clock::new().now();
        assert_eq!(&buffer[..count], b"ping");
        let at = at.expect("loopback is stamped");
        let slack = 1_000_000;
        assert!(before.0 <= at.0 + slack && at.0 <= after.0 + slack, "{before:?} {at:?} {after:?}");
        drop(sender);
        assert_eq!(read(receiver.as_fd(), &mut buffer).unwrap(), (0, None));
    }

    #[test]
    fn a_socket_that_has_nothing_says_so() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_nonblocking(true).unwrap();
        let error = read(stream.as_fd(), &mut [0; 16]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
