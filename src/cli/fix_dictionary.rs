//! `sealgate fix-dictionary`: Sealgate's dialect of FIX as an XML dictionary that clients' engines load.

use super::problem;
use crate::wire::fix::{Dictionary, Version};
use clap::builder::PossibleValuesParser;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Print Sealgate's dialect of FIX as a QuickFIX dictionary.
#[derive(clap::Args)]
pub struct Args {
    /// Version of the application's messages; from 5.0 on the session's are those of FIXT.1.1.
    #[arg(long, value_name = "VERSION", default_value = "4.4",
          value_parser = PossibleValuesParser::new(Version::ALL.map(Version::name)))]
    version: String,
    /// Print the session's dictionary instead (TransportDataDictionary), from 5.0 on.
    #[arg(long)]
    transport: bool,
    /// Write all files that the version needs into this folder instead, and print their paths.
    #[arg(long, value_name = "FOLDER", conflicts_with = "transport")]
    out: Option<PathBuf>,
    /// The standard's messages instead of Sealgate's dialect: what sessions check that take the standard as it is.
    #[arg(long)]
    standard: bool,
}

/// Runs it.
pub fn run(args: Args) -> ExitCode {
    let version = Version::named(&args.version).unwrap_or(Version::Fix44);
    let dictionary = if args.standard { Dictionary::standard(version) } else { Dictionary::of(version) };
    if let Some(folder) = &args.out {
        return write(dictionary, folder);
    }
    let text = match (args.transport, dictionary.transport_xml()) {
        (false, _) => dictionary.xml().to_string(),
        (true, Some(transport)) => transport.to_string(),
        (true, None) => {
            let what = format!("{version} has no transport of its own");
            return problem(
                what,
                "its session messages stand in its one dictionary",
                "leave out --transport",
            );
        }
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => problem("the dictionary was not written", error, "write it into a folder with --out"),
    }
}

fn write(dictionary: &Dictionary, folder: &Path) -> ExitCode {
    for xml in dictionary.transport_xml().into_iter().chain([dictionary.xml()]) {
        let path = folder.join(xml.file_name());
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, xml.to_string()));
        if let Err(error) = written {
            return problem(path.display(), error, "name a folder that can be written");
        }
        println!("{}", path.display());
    }
    ExitCode::SUCCESS
}
