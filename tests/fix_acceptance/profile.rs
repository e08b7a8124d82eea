//! `acceptor.toml`: how the acceptor under test is set up. Each key is a setting of the product's session.

use super::compare::Compare;
use sealgate::session::fix::Settings;
use sealgate::types::{SessionId, Span};
use sealgate::wire::fix::{Dictionary, Precision, Validation, Version};
use std::path::Path;

/// A set-up.
pub struct Profile {
    /// How messages are compared.
    pub compare: Compare,
    /// The session.
    pub settings: Settings,
}

impl Profile {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        Keys(table).profile()
    }
}

struct Keys(toml::Table);

impl Keys {
    fn profile(mut self) -> Result<Profile, String> {
        let begin_string = self.text("begin_string", "")?;
        let version = self.text("default_appl_ver_id", "")?;
        let is_fixt = begin_string.starts_with("FIXT");
        let ours = self.text("sender_comp_id", "")?;
        let theirs = self.text("target_comp_id", "")?;
        let compare = match &self.text("compare", "strict")?[..] {
            "strict" => Compare::Strict,
            "lax" => Compare::Lax,
            other => return Err(format!("compare = {other:?}")),
        };
        let settings = Settings {
            session: SessionId(1),
            dictionary: dictionary(&begin_string, &version)
                .ok_or_else(|| format!("{begin_string} {version} has no dictionary"))?,
            default_appl_ver_id: version.into_bytes(),
            accepts: &[b"D", b"d"],
            resends: true,
            reset_on_logon: self.flag("reset_on_logon", false)?,
            reset_on_disconnect: self.flag("reset_on_disconnect", false)?,
            validation: self.validation()?,
            validate_checksum: self.flag("validate_checksum", true)?,
            reject_garbled_message: self.flag("reject_garbled_message", false)?,
            precision: self.precision()?,
            next_expected_msg_seq_num: self.flag("next_expected_msg_seq_num", false)?,
            last_msg_seq_num_processed: self.flag("last_msg_seq_num_processed", false)?,
            resend_request_chunk_size: self.number("resend_request_chunk_size", 0)?,
            business_reject_appl_ver_id: self.flag("business_reject_appl_ver_id", is_fixt)?,
            // Of our own scripts.
            reset_allowed: self.flag("reset_allowed", true)?,
            heartbeat_secs: (self.number("heartbeat_min", 0)?, self.number("heartbeat_max", u32::MAX)?),
            sending_time_window: Span::from_secs(self.number("sending_time_window", 120)?.into()),
            ..Settings::initiator(&ours, &theirs)
        };
        for key in self.0.keys() {
            println!("note: acceptor.toml of {ours} to {theirs} has a key that is not known: {key}");
        }
        Ok(Profile { compare, settings })
    }

    fn validation(&mut self) -> Result<Validation, String> {
        Ok(Validation {
            on: self.flag("validate", true)?,
            user_defined_fields: self.flag("validate_user_defined_fields", true)?,
            fields_have_values: self.flag("validate_fields_have_values", true)?,
            fields_out_of_order: self.flag("validate_fields_out_of_order", true)?,
        })
    }

    fn precision(&mut self) -> Result<Precision, String> {
        match &self.text("timestamp_precision", "millis")?[..] {
            "seconds" => Ok(Precision::Seconds),
            "millis" => Ok(Precision::Millis),
            "micros" => Ok(Precision::Micros),
            "nanos" => Ok(Precision::Nanos),
            other => Err(format!("timestamp_precision = {other:?}")),
        }
    }

    fn text(&mut self, key: &str, default: &str) -> Result<String, String> {
        match self.0.remove(key) {
            None => Ok(default.to_owned()),
            Some(toml::Value::String(text)) => Ok(text),
            Some(other) => Ok(other.to_string()),
        }
    }

    fn flag(&mut self, key: &str, default: bool) -> Result<bool, String> {
        match self.0.remove(key) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| format!("{key} = {value} is no boolean")),
        }
    }

    fn number(&mut self, key: &str, default: u32) -> Result<u32, String> {
        match self.0.remove(key) {
            None => Ok(default),
            Some(value) => value
                .as_integer()
                .and_then(|number| u32::try_from(number).ok())
                .ok_or_else(|| format!("{key} = {value} is no number")),
        }
    }
}

fn dictionary(begin_string: &str, version: &str) -> Option<&'static Dictionary> {
    Version::of_session(begin_string.as_bytes(), Some(version.as_bytes())).map(Dictionary::standard)
}
