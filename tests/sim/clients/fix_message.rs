//! FIX messages, cut and made by hand. In what is made here `|` stands for SOH.

use sealgate::client::ApiKey;
use sealgate::types::Nanos;

/// A message as it came.
#[derive(Clone, Debug)]
pub struct Message(pub Vec<(u32, String)>);

impl Message {
    pub fn get(&self, tag: u32) -> &str {
        self.0.iter().find(|(known, _)| *known == tag).map_or("", |(_, value)| value)
    }

    pub fn number(&self, tag: u32) -> u32 {
        self.get(tag).parse().unwrap_or(0)
    }

    /// Type and body: what a resend must repeat.
    pub fn body(&self) -> String {
        let header = [8, 9, 34, 43, 49, 52, 56, 97, 122, 10];
        // How long it took is told with the answer, and not when that is sent again.
        let is_body = |tag: &u32| !header.contains(tag) && !(25_010..=25_016).contains(tag);
        let fields = self.0.iter().filter(|(tag, _)| is_body(tag));
        fields.map(|(tag, value)| format!("{tag}={value}|")).collect()
    }

    /// Takes the first message out of what was read.
    pub fn take(input: &mut Vec<u8>) -> Option<Self> {
        let at = input.windows(4).position(|window| window == b"\x0110=")?;
        let end = at + 1 + b"10=000\x01".len();
        if end > input.len() {
            return None;
        }
        let message: Vec<u8> = input.drain(..end).collect();
        let text = String::from_utf8_lossy(&message).into_owned();
        let fields = text.split('\x01').filter_map(|field| field.split_once('='));
        Some(Self(fields.map(|(tag, value)| (tag.parse().unwrap_or(0), value.to_owned())).collect()))
    }
}

/// What stands before the body of a message.
pub struct Header<'a> {
    pub msg_type: &'a str,
    pub number: u32,
    pub sender: &'a str,
    pub now: Nanos,
    /// When it was sent first, of a copy.
    pub first_sent: Option<Nanos>,
    pub poss_resend: bool,
}

/// A message, signed where there is a key.
pub fn message(header: &Header<'_>, body: &str, key: Option<&ApiKey>) -> Vec<u8> {
    let Header { msg_type, number, sender, .. } = header;
    let mut inner = format!("35={msg_type}|34={number}|");
    if header.first_sent.is_some() {
        inner += "43=Y|";
    }
    inner += &format!("49={sender}|52={}|56=SEALGATE|", time(header.now));
    if header.poss_resend {
        inner += "97=Y|";
    }
    if let Some(first) = header.first_sent {
        inner += &format!("122={}|", time(first));
    }
    inner += body;
    let mut inner = inner.replace('|', "\x01").into_bytes();
    if let Some(key) = key {
        let signature = key.sign_base64(&inner);
        inner.extend(format!("93={}\x0189={signature}\x01", signature.len()).bytes());
    }
    let mut message = format!("8=FIX.4.4\x019={}\x01", inner.len()).into_bytes();
    message.extend_from_slice(&inner);
    let sum = message.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    message.extend(format!("10={sum:03}\x01").bytes());
    message
}

/// UTCTimestamp with milliseconds.
pub fn time(at: Nanos) -> String {
    let (days, millis) = (at.as_millis() / 86_400_000, at.as_millis() % 86_400_000);
    // Days since 1970 to a date: Howard Hinnant's civil_from_days.
    let z = days + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + u64::from(month <= 2);
    let (hour, minute) = (millis / 3_600_000, millis / 60_000 % 60);
    format!(
        "{year:04}{month:02}{day:02}-{hour:02}:{minute:02}:{:02}.{:03}",
        millis / 1_000 % 60,
        millis % 1_000
    )
}
