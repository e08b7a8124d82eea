//! The versions of FIX that Sealgate speaks, and the names by which they are told apart.

/// A version of the application's messages. From 5.0 on the session's messages are those of FIXT.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// FIX.4.2
    Fix42,
    /// FIX.4.3
    Fix43,
    /// FIX.4.4
    Fix44,
    /// FIX.5.0
    Fix50,
    /// FIX.5.0 SP1
    Fix50Sp1,
    /// FIX.5.0 SP2
    Fix50Sp2,
}

/// Version, its name in commands and configuration, its ApplVerID(1128).
const NAMES: [(Version, &str, &[u8]); 6] = [
    (Version::Fix42, "4.2", b"4"),
    (Version::Fix43, "4.3", b"5"),
    (Version::Fix44, "4.4", b"6"),
    (Version::Fix50, "5.0", b"7"),
    (Version::Fix50Sp1, "5.0SP1", b"8"),
    (Version::Fix50Sp2, "5.0SP2", b"9"),
];

impl Version {
    /// All of them, the oldest first.
    pub const ALL: [Self; 6] =
        [Self::Fix42, Self::Fix43, Self::Fix44, Self::Fix50, Self::Fix50Sp1, Self::Fix50Sp2];

    /// `4.2`, `4.3`, `4.4`, `5.0`, `5.0SP1`, `5.0SP2`: as commands and the configuration have it.
    pub const fn name(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// The version of this [`name`](Self::name).
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, known, _)| *known == name).map(|(version, ..)| *version)
    }

    /// BeginString(8) of its sessions.
    pub const fn begin_string(self) -> &'static str {
        match self {
            Self::Fix42 => "FIX.4.2",
            Self::Fix43 => "FIX.4.3",
            Self::Fix44 => "FIX.4.4",
            Self::Fix50 | Self::Fix50Sp1 | Self::Fix50Sp2 => "FIXT.1.1",
        }
    }

    /// Whether its sessions are those of FIXT.1.1, with DefaultApplVerID(1137) in the Logon.
    pub const fn is_fixt(self) -> bool {
        matches!(self, Self::Fix50 | Self::Fix50Sp1 | Self::Fix50Sp2)
    }

    /// ApplVerID(1128) and DefaultApplVerID(1137).
    pub const fn appl_ver_id(self) -> &'static [u8] {
        NAMES[self as usize].2
    }

    /// The version of this ApplVerID(1128).
    pub fn of_appl_ver_id(id: &[u8]) -> Option<Self> {
        NAMES.iter().find(|(.., known)| *known == id).map(|(version, ..)| *version)
    }

    /// The version of a session: its BeginString(8) and, for FIXT.1.1, its DefaultApplVerID(1137).
    pub fn of_session(begin_string: &[u8], default_appl_ver_id: Option<&[u8]>) -> Option<Self> {
        let version =
            Self::ALL.into_iter().find(|version| version.begin_string().as_bytes() == begin_string)?;
        match version.is_fixt() {
            true => Self::of_appl_ver_id(default_appl_ver_id?).filter(|version| version.is_fixt()),
            false => Some(version),
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
