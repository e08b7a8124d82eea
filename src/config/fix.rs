//! How a FIX session behaves: the rules that an operator may set for each.

use super::pem;
use super::reader::{ConfigError, Section};
use super::schedule::{Schedule, parse_time};
use crate::types::{FixVersion, Precision, Span};

/// The rules of one session; each is explained where its key is, in [`super::schema`].
#[derive(Clone, Debug)]
pub struct FixRules {
    /// The version of FIX.
    pub version: FixVersion,
    /// Whether both sequences start at 1 again when a connection has ended.
    pub reset_on_disconnect: bool,
    /// Whether a second genuine Logon with the same certificate takes the session.
    pub takeover: bool,
    /// So many refused Logons in a row lock the session; 0: never.
    pub max_logon_failures: u32,
    /// For how long.
    pub logon_lockout: Span,
    /// SHA-256 of Password(554).
    pub password_sha256: Option<[u8; 32]>,
    /// Which parts of the dictionary's check are made.
    pub validate: FixChecks,
    /// Whether a garbled message whose number can be read is refused rather than ignored.
    pub reject_garbled_message: bool,
    /// Digits of the times that are sent.
    pub timestamp_precision: Precision,
    /// Whether NextExpectedMsgSeqNum(789) is used.
    pub next_expected_msg_seq_num: bool,
    /// Whether LastMsgSeqNumProcessed(369) stands in each header.
    pub last_msg_seq_num_processed: bool,
    /// Whether ExecutionReports tell ApplID(1180) and ApplSeqNum(1181).
    pub appl_seq_num: bool,
    /// Most messages that one ResendRequest asks for; 0: all.
    pub resend_request_chunk_size: u32,
    /// Whether DefaultApplVerID(1137) stands in a BusinessMessageReject.
    pub business_reject_appl_ver_id: bool,
    /// Most ResendRequests that are answered in a minute.
    pub resends_per_minute: u32,
    /// Most bytes that are sent again in a minute.
    pub resend_bytes_per_minute: u64,
    /// Whether answers carry the times of their requests.
    pub timing: bool,
    /// When the session is open; `None`: always.
    pub schedule: Option<Schedule>,
}

/// Parts of the check of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixChecks {
    /// The dictionary at all.
    pub on: bool,
    /// Unknown tags from 5000 on.
    pub user_defined_fields: bool,
    /// Fields without a value.
    pub fields_have_values: bool,
    /// The order of header, body and trailer.
    pub fields_out_of_order: bool,
    /// CheckSum(10).
    pub checksum: bool,
}

impl Default for FixRules {
    /// What holds where the configuration says nothing; a test compares it with the schema.
    fn default() -> Self {
        Self {
            version: FixVersion::Fix44,
            reset_on_disconnect: false,
            takeover: false,
            max_logon_failures: 10,
            logon_lockout: Span::from_secs(60),
            password_sha256: None,
            validate: FixChecks {
                on: true,
                user_defined_fields: true,
                fields_have_values: true,
                fields_out_of_order: true,
                checksum: true,
            },
            reject_garbled_message: false,
            timestamp_precision: Precision::Millis,
            next_expected_msg_seq_num: false,
            last_msg_seq_num_processed: false,
            appl_seq_num: false,
            resend_request_chunk_size: 0,
            business_reject_appl_ver_id: false,
            resends_per_minute: 600,
            resend_bytes_per_minute: 64 * 1024 * 1024,
            timing: false,
            schedule: None,
        }
    }
}

/// Reads the rules of a `[[member.fix_session]]`.
pub(super) fn rules(section: &Section<'_>) -> Result<FixRules, ConfigError> {
    let flag = |name| section.get(name)?.boolean();
    let entry = section.get("version")?;
    let version = FixVersion::named(entry.choice()?).ok_or_else(|| entry.refuse("it is not known"))?;
    let appl_seq_num = section.find("appl_seq_num")?;
    Ok(FixRules {
        version,
        reset_on_disconnect: flag("reset_on_disconnect")?,
        takeover: flag("takeover")?,
        max_logon_failures: section.get("max_logon_failures")?.integer()?,
        logon_lockout: section.get("logon_lockout")?.duration()?,
        password_sha256: password(section)?,
        validate: FixChecks {
            on: flag("validate")?,
            user_defined_fields: flag("validate_user_defined_fields")?,
            fields_have_values: flag("validate_fields_have_values")?,
            fields_out_of_order: flag("validate_fields_out_of_order")?,
            checksum: flag("validate_checksum")?,
        },
        reject_garbled_message: flag("reject_garbled_message")?,
        timestamp_precision: match section.get("timestamp_precision")?.choice()? {
            "seconds" => Precision::Seconds,
            "micros" => Precision::Micros,
            "nanos" => Precision::Nanos,
            _ => Precision::Millis,
        },
        next_expected_msg_seq_num: flag("next_expected_msg_seq_num")?,
        last_msg_seq_num_processed: flag("last_msg_seq_num_processed")?,
        appl_seq_num: match appl_seq_num {
            Some(entry) => entry.boolean()?,
            None => version >= FixVersion::Fix50Sp1,
        },
        resend_request_chunk_size: section.get("resend_request_chunk_size")?.integer()?,
        business_reject_appl_ver_id: flag("business_reject_appl_ver_id")?,
        resends_per_minute: section.get("resends_per_minute")?.integer()?,
        resend_bytes_per_minute: section.get("resend_bytes_per_minute")?.size()?,
        timing: flag("timing")?,
        schedule: schedule(section)?,
    })
}

fn password(section: &Section<'_>) -> Result<Option<[u8; 32]>, ConfigError> {
    let Some(entry) = section.find("password_sha256")? else { return Ok(None) };
    // What stands there is not repeated: it may be the password by mistake.
    let digest = pem::sha256_hex(entry.text()?).ok_or_else(|| entry.refuse("it is no SHA-256"))?;
    Ok(Some(digest))
}

fn schedule(section: &Section<'_>) -> Result<Option<Schedule>, ConfigError> {
    let times = ["schedule_start", "schedule_end"].map(|name| {
        let entry = section.get(name)?;
        parse_time(entry.text()?).ok_or_else(|| entry.refuse_but(entry.shown(), "\"HH:MM\" or \"HH:MM:SS\""))
    });
    let [start, end] = times;
    let (start, end) = (start?, end?);
    let zone = section.get("schedule_zone")?;
    let days = section.find("schedule_days")?;
    let mut chosen = Vec::new();
    for day in days.iter().map(|days| days.list()).collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
        chosen.push(day.text()?.to_owned());
    }
    let Some(days) = days else { return Ok(None) };
    let schedule = Schedule::new(&chosen, start, end, zone.text()?);
    match schedule {
        Ok(schedule) => Ok(Some(schedule)),
        Err(super::schedule::ScheduleError::Zone) => {
            Err(zone.refuse_but(zone.shown(), "an IANA name, such as \"Europe/London\""))
        }
        Err(super::schedule::ScheduleError::Days) => {
            Err(days.refuse("at least one day, each as it is listed"))
        }
    }
}
