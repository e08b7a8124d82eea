//! The formats of values, and the values that a field may have.

use super::RejectReason;
use crate::wire::fix::text::{is_decimal, parse_bool, parse_int, parse_time, parse_uint};

/// What a value must look like.
pub(super) struct Check {
    pub(super) kind: Kind,
    pub(super) values: Values,
}

/// Which values there are.
pub(super) enum Values {
    /// Any of the format.
    Any,
    /// One of these letters, a bit each.
    Letters(u128),
    /// One of these words, in ascending order.
    Words(&'static [&'static [u8]]),
}

macro_rules! kinds {
    ($($name:ident $xml:literal $doc:literal)*) => {
        /// The format of a field.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind {
            $( #[doc = $doc] $name, )*
        }

        impl Kind {
            /// The name of the format in a QuickFIX dictionary.
            pub const fn xml_name(self) -> &'static str {
                match self {
                    $( Self::$name => $xml, )*
                }
            }
        }
    };
}

kinds! {
    Text "STRING" "Any text."
    Char "CHAR" "One character."
    Chars "MULTIPLECHARVALUE" "Characters, separated by spaces."
    Words "MULTIPLEVALUESTRING" "Words, separated by spaces."
    Bool "BOOLEAN" "`Y` or `N`."
    Int "INT" "A whole number."
    Length "LENGTH" "A number of bytes."
    Seqnum "SEQNUM" "A sequence number."
    Group "NUMINGROUP" "How many entries of a repeating group follow."
    Tagnum "TAGNUM" "A tag."
    Day "DAYOFMONTH" "1 to 31."
    Float "FLOAT" "A decimal."
    Amt "AMT" "An amount of money."
    Qty "QTY" "A quantity."
    Price "PRICE" "A price."
    Offset "PRICEOFFSET" "A difference of prices."
    Percent "PERCENTAGE" "A share of one."
    Time "UTCTIMESTAMP" "`YYYYMMDD-HH:MM:SS`, perhaps with 3, 6 or 9 digits after a point."
    Date "UTCDATEONLY" "`YYYYMMDD`, UTC."
    Localdate "LOCALMKTDATE" "`YYYYMMDD` where the market is."
    Timeonly "UTCTIMEONLY" "`HH:MM:SS`, perhaps with digits after a point, UTC."
    Localtime "LOCALMKTTIME" "`HH:MM:SS` where the market is."
    Monthyear "MONTHYEAR" "`YYYYMM`, `YYYYMMDD` or `YYYYMMwN`."
    Tztimeonly "TZTIMEONLY" "`HH:MM`, perhaps with seconds, and the offset from UTC."
    Tztime "TZTIMESTAMP" "`YYYYMMDD-HH:MM`, perhaps with seconds, and the offset from UTC."
    Currency "CURRENCY" "A currency's code."
    Exchange "EXCHANGE" "A market's code."
    Country "COUNTRY" "A country's code."
    Language "LANGUAGE" "A language's code."
    Data "DATA" "Bytes, as many as the field before it says."
}

impl Check {
    /// Format first, then whether it is one of the values.
    pub(super) fn check(&self, value: &[u8]) -> Result<(), RejectReason> {
        match self.kind {
            Kind::Chars | Kind::Words => {
                let mut words = value.split(|byte| *byte == b' ');
                if words.all(|word| self.kind.has_format(word) && self.values.has(word)) {
                    return Ok(());
                }
                Err(RejectReason::ValueIncorrect)
            }
            kind if !kind.has_format(value) => Err(RejectReason::IncorrectFormat),
            _ if !self.values.has(value) => Err(RejectReason::ValueIncorrect),
            _ => Ok(()),
        }
    }
}

impl Values {
    fn has(&self, value: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Letters(set) => matches!(value, [letter] if *letter < 128 && set >> letter & 1 == 1),
            Self::Words(words) => words.binary_search(&value).is_ok(),
        }
    }
}

impl Kind {
    /// Whether a value, or one word of several, has this format. No value is empty here.
    fn has_format(self, value: &[u8]) -> bool {
        match self {
            Self::Text | Self::Data | Self::Currency | Self::Exchange | Self::Country | Self::Language => {
                true
            }
            Self::Char | Self::Chars => value.len() == 1,
            Self::Words => !value.is_empty(),
            Self::Bool => parse_bool(value).is_some(),
            Self::Int => parse_int(value).is_some(),
            Self::Length | Self::Seqnum | Self::Group | Self::Tagnum => parse_uint(value).is_some(),
            Self::Day => matches!(parse_uint(value), Some(1..=31)),
            Self::Float | Self::Amt | Self::Qty | Self::Price | Self::Offset | Self::Percent => {
                is_decimal(value)
            }
            Self::Time => parse_time(value).is_some(),
            Self::Date | Self::Localdate => value.len() == 8 && is_date(value),
            Self::Timeonly | Self::Localtime => is_time_of_day(value),
            Self::Monthyear => is_month_year(value),
            Self::Tztimeonly => is_zoned(value),
            Self::Tztime => {
                value.len() > 9 && is_date(&value[..8]) && value[8] == b'-' && is_zoned(&value[9..])
            }
        }
    }
}

fn small(text: &[u8]) -> Option<u32> {
    parse_uint(text).and_then(|number| u32::try_from(number).ok())
}

/// A day of any year from 0000 to 9999.
fn is_date(text: &[u8]) -> bool {
    let (Some(year), Some(month), Some(day)) = (small(&text[..4]), small(&text[4..6]), small(&text[6..]))
    else {
        return false;
    };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// `HH:MM:SS`, perhaps with 3 to 9 digits after a point.
fn is_time_of_day(text: &[u8]) -> bool {
    let Some((whole, fraction)) = text.split_at_checked(8) else { return false };
    let seconds = whole[5] == b':' && matches!(small(&whole[6..]), Some(0..=60));
    let digits = match fraction {
        [] => true,
        [b'.', digits @ ..] => (3..=9).contains(&digits.len()) && parse_uint(digits).is_some(),
        _ => false,
    };
    is_hour_and_minute(&whole[..5]) && seconds && digits
}

fn is_hour_and_minute(text: &[u8]) -> bool {
    text.len() == 5
        && text[2] == b':'
        && matches!(small(&text[..2]), Some(0..=23))
        && matches!(small(&text[3..]), Some(0..=59))
}

fn is_month_year(text: &[u8]) -> bool {
    match text.len() {
        6 => matches!(small(&text[4..]), Some(1..=12)) && small(&text[..4]).is_some(),
        8 if text[6] == b'w' => is_month_year(&text[..6]) && (b'1'..=b'5').contains(&text[7]),
        8 => is_date(text),
        _ => false,
    }
}

/// A time of day with or without seconds, and `Z`, or an offset of hours and perhaps minutes, or nothing.
fn is_zoned(text: &[u8]) -> bool {
    let end = text.iter().position(|byte| b"Z+-".contains(byte)).unwrap_or(text.len());
    let (time, zone) = text.split_at(end);
    let hours = |text: &[u8]| text.len() == 2 && matches!(small(text), Some(0..=14));
    let zone = match zone {
        [] | [b'Z'] => true,
        [b'+' | b'-', offset @ ..] => hours(offset) || is_hour_and_minute(offset),
        _ => false,
    };
    zone && (is_hour_and_minute(time) || is_time_of_day(time))
}
