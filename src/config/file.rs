//! `sealgate.toml` → [`Config`].
//!
//! Whatever is wrong is refused with file, line, key and what is allowed; nothing is guessed. The keys stand in
//! `schema.rs`, `reader.rs` reads one of them, and here and beside here stands what they mean together.

use super::reader::{ConfigError, Entry, File, Section};
use super::{
    Archive, Caps, Config, ControlSocket, Directory, Durability, Head, JournalFiles, Sockets, TlsFiles,
    Verification, account_limits, instruments, members, placement, threads,
};
use crate::limits::ONCE_IDS_DEFAULT;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// Reads a configuration file.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
        place: path.display().to_string(),
        problem: super::reader::reason(&error),
        allowed: "a readable file in UTF-8; sealgate init writes one".to_owned(),
    })?;
    parse(&text, path)
}

/// Reads a configuration; `path` is for messages, and what relative paths are relative to.
pub fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
    let file = File { path, text };
    let document = DeTable::parse(text).map_err(|error| file.not_toml(&error))?;
    let top = Section::top(&file, document.get_ref())?;
    let listen = listeners(&top)?;
    let topology = threads::read(&top)?;
    let data_dir = top.get("data_dir")?.path()?;
    let files = top.section("journal")?.map_or(Ok(JournalFiles::default()), |section| journal(&section))?;
    Ok(Config {
        environment: top.get("environment")?.name()?,
        durability: match top.get("durability")?.choice()? {
            "memory" => Durability::Memory,
            "process" => Durability::Process,
            _ => Durability::Disk,
        },
        head: top.section("head")?.map(|section| head(&section, &data_dir)).transpose()?,
        encryption: super::encryption::read(&top.required_section("encryption")?, &data_dir)?,
        data_dir,
        tls: tls(&top.required_section("tls")?)?,
        fix_listen: listen.0,
        websocket_listen: listen.1,
        control: top.section("control")?.map_or(Ok(ControlSocket::InDataDir), |section| control(&section))?,
        admin: top.section("admin")?.map(|section| admin(&section)).transpose()?,
        caps: top.section("caps")?.map_or(Ok(Caps::default()), |section| caps(&section))?,
        sockets: top.section("sockets")?.map_or(Ok(Sockets::default()), |section| sockets(&section))?,
        directory: directory(&top)?,
        // After the directory: the readers of instruments and sessions refuse what is wrong with them first.
        placement: placement::read(&top, &topology)?,
        verification: top
            .section("verify")?
            .map_or(Ok(Verification::default()), |section| verify(&section))?,
        once_ids_max: top
            .section("once")?
            .map_or(Ok(ONCE_IDS_DEFAULT), |section| section.get("ids_max")?.integer())?,
        archive: top.section("archive")?.map(|section| archive(&section, &files)).transpose()?,
        journal: files,
        topology,
    })
}

type Address = Option<std::net::SocketAddr>;

fn listeners(top: &Section<'_>) -> Result<(Address, Address), ConfigError> {
    let section = top.required_section("listen")?;
    let address = |name| section.find(name)?.map(|entry| entry.address()).transpose();
    let (fix, websocket): (Address, Address) = (address("fix")?, address("websocket")?);
    if fix.is_none() && websocket.is_none() {
        return Err(section.refuse("nobody could connect", "fix, websocket, or both"));
    }
    if fix == websocket && fix.is_some_and(|address| address.port() != 0) {
        let entry = section.get("websocket")?;
        return Err(
            entry.refuse_but(format!("{} is that of fix too", entry.shown()), "another address or port")
        );
    }
    Ok((fix, websocket))
}

fn head(section: &Section<'_>, data_dir: &Path) -> Result<Head, ConfigError> {
    let file = outside(&section.get("file")?, data_dir)?;
    Ok(Head { file, every: section.get("every")?.duration()? })
}

/// A file that would be worth nothing where the data is.
pub(super) fn outside(entry: &Entry<'_>, data_dir: &Path) -> Result<PathBuf, ConfigError> {
    let path = entry.path()?;
    if path.starts_with(data_dir) {
        let why = format!("{} is inside data_dir, and would be copied with what it protects", entry.shown());
        return Err(entry.refuse_but(why, "a file outside of data_dir"));
    }
    Ok(path)
}

fn tls(section: &Section<'_>) -> Result<TlsFiles, ConfigError> {
    Ok(TlsFiles {
        certificate: section.get("certificate")?.readable_file()?,
        key: section.get("key")?.readable_file()?,
        client_roots: section.get("client_roots")?.readable_file()?,
    })
}

fn control(section: &Section<'_>) -> Result<ControlSocket, ConfigError> {
    let socket = section.find("socket")?.map(|entry| entry.path()).transpose()?;
    Ok(match (section.get("enabled")?.boolean()?, socket) {
        (false, _) => ControlSocket::Disabled,
        (true, None) => ControlSocket::InDataDir,
        (true, Some(path)) => ControlSocket::At(path),
    })
}

/// Who reads figures is asked for nothing, so other machines must be let in by name.
fn admin(section: &Section<'_>) -> Result<std::net::SocketAddr, ConfigError> {
    let listen = section.get("listen")?;
    let address = listen.address()?;
    if address.ip().is_loopback() || section.get("remote")?.boolean()? {
        return Ok(address);
    }
    let what =
        format!("{} can be reached from other machines, and nobody is asked who he is", listen.shown());
    Err(listen.refuse_but(what, "a loopback address, or remote = true and a firewall"))
}

fn caps(section: &Section<'_>) -> Result<Caps, ConfigError> {
    let output = section.get("output_bytes")?;
    Ok(Caps {
        connections: section.get("connections")?.integer()?,
        messages_per_second: section.get("messages_per_second")?.integer()?,
        output_bytes: usize::try_from(output.size()?).map_err(|_| output.refuse(output.shown()))?,
        stream_heartbeat: section.get("stream_heartbeat")?.duration()?,
    })
}

fn sockets(section: &Section<'_>) -> Result<Sockets, ConfigError> {
    let busy_poll = section.get("busy_poll")?;
    let span = busy_poll.duration()?;
    if !span.0.is_multiple_of(1_000) {
        return Err(busy_poll.refuse_but(busy_poll.shown(), "whole microseconds"));
    }
    Ok(Sockets {
        kernel_timestamps: section.get("kernel_timestamps")?.boolean()?,
        no_delay: section.get("no_delay")?.boolean()?,
        quick_ack: section.get("quick_ack")?.boolean()?,
        busy_poll: span,
    })
}

fn journal(section: &Section<'_>) -> Result<JournalFiles, ConfigError> {
    Ok(JournalFiles {
        segment_bytes: section.get("segment")?.size()?,
        snapshot_every: section.get("snapshot_every")?.integer()?,
        snapshots: section.get("snapshots")?.integer()?,
    })
}

fn archive(section: &Section<'_>, files: &JournalFiles) -> Result<Archive, ConfigError> {
    if files.snapshot_every == 0 {
        return Err(
            section.refuse("without snapshots every segment is needed", "[journal] snapshot_every from 1 on")
        );
    }
    let (dir, keep_for) = (section.get("dir")?.path()?, section.get("keep_for")?.duration()?);
    Ok(Archive { dir, keep_for, keep: section.get("keep")?.integer()? })
}

fn verify(section: &Section<'_>) -> Result<Verification, ConfigError> {
    let tables = section.get("tables")?;
    let bytes_max = usize::try_from(tables.size()?).map_err(|_| tables.refuse(tables.shown()))?;
    Ok(match section.get("method")?.choice()? {
        "dalek" => Verification::Dalek,
        _ => Verification::Tables { bytes_max },
    })
}

fn directory(top: &Section<'_>) -> Result<Directory, ConfigError> {
    let all = members::read(top)?;
    let instruments = instruments::read(top)?;
    let limits = account_limits::read(top, &all.accounts, &instruments)?;
    // The readers have refused by line what does not fit together; this is the same rule once more, for whoever
    // builds a directory without a file.
    Directory::new(all.members, all.accounts, all.keys, all.sessions, instruments)
        .map(|directory| directory.with_limits(limits))
        .map_err(|error| top.refuse_at("member", error.to_string(), "what the directory can look up"))
}
