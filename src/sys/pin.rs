//! Threads on cores: a pinned thread keeps its caches, and nobody makes it wait.

#![allow(unsafe_code)]

use std::io;

/// The cores that this process may use, by their numbers, ascending.
pub fn usable_cores() -> io::Result<Vec<usize>> {
    let mut set = empty_set();
    // SAFETY: `set` is a cpu_set_t of the size that is told, and the kernel only writes into it.
    if unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: CPU_ISSET reads the bit of a number below CPU_SETSIZE.
    let is_usable = |&core: &usize| unsafe { libc::CPU_ISSET(core, &set) };
    Ok((0..libc::CPU_SETSIZE as usize).filter(is_usable).collect())
}

/// How many cores this process may use; 1 where the kernel does not tell.
pub fn cores() -> usize {
    usable_cores().map_or(1, |cores| cores.len().max(1))
}

/// Lets the calling thread run on this core alone.
pub fn pin_to_core(core: usize) -> io::Result<()> {
    if core >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("there is no core {core}")));
    }
    let mut set = empty_set();
    // SAFETY: CPU_SET writes the bit of a number below CPU_SETSIZE, as was checked.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: `set` is a cpu_set_t of the size that is told, and the kernel only reads it; 0 is the calling thread.
    match unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Lets the calling thread run only while nobody else wants its core.
pub fn stand_back() -> io::Result<()> {
    let param = libc::sched_param { sched_priority: 0 };
    // SAFETY: `param` is what the kernel reads, and lives beyond the call; 0 is the calling thread.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &param) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn empty_set() -> libc::cpu_set_t {
    // SAFETY: cpu_set_t is an array of integers, for which all zeros is a value: the empty set.
    unsafe { std::mem::zeroed() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_may_use_its_core_alone() {
        let last = *usable_cores().unwrap().last().unwrap();
        let pinned = std::thread::spawn(move || {
            pin_to_core(last).unwrap();
            usable_cores().unwrap()
        });
        assert_eq!(pinned.join().unwrap(), [last]);
        assert!(cores() >= 1);
    }

    #[test]
    fn a_thread_may_stand_back() {
        std::thread::spawn(|| stand_back().unwrap()).join().unwrap();
    }

    #[test]
    fn a_core_that_is_not_there_is_refused() {
        assert!(pin_to_core(1_000_000).is_err());
        assert!(pin_to_core(libc::CPU_SETSIZE as usize - 1).is_err());
    }
}
