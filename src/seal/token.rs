//! Master keys in a token that they never leave: PKCS#11.
//!
//! ```text
//!   data key ──► C_Encrypt, AES-GCM under the master key, its context authenticated ──► nonce, ciphertext, tag
//! ```
//!
//! A master key is an AES-256 key of the token under the configured label, which the token gives to nobody. Where
//! several have the label, the one with the greatest CKA_ID wraps: a rotation makes one whose CKA_ID begins with the
//! time, and gives the earlier ones another label when nothing is wrapped with them any more.
//!
//! A token may go away and come back while the server runs: whatever it refuses because of that is asked once more over
//! a new session. Only a PIN that it refused is never tried again.

mod link;

use super::cipher::{KEY_BYTES, NONCE_BYTES, random};
use super::{KeyError, KeyProvider};
use crate::config::Token;
use crate::sys::clock::Clock;
use crate::sys::secret::Secret;
use crate::wire::digest::sha256;
use crate::wire::record::{MasterId, TAG_BYTES, Wrapped};
use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use link::Link;
use zeroize::Zeroizing;

/// What is put behind the label of a master key that wraps nothing any more.
const RETIRED: &str = "-retired";

/// The provider.
#[derive(Debug)]
pub struct TokenKeys {
    token: Token,
    /// `None`: it was lost.
    link: Option<Link>,
    /// The current one first.
    masters: Vec<Master>,
    /// It refused the PIN, so it is not asked again.
    is_refused: bool,
}

#[derive(Debug)]
struct Master {
    id: MasterId,
    handle: ObjectHandle,
    cka_id: Vec<u8>,
}

impl TokenKeys {
    /// Logs in to the token and finds the master keys.
    pub fn open(token: &Token) -> Result<Self, KeyError> {
        let keys = Self::log_in(token)?;
        if keys.masters.is_empty() {
            return Err(KeyError::NoTokenKey { token: keys.name(), key: token.key.clone() });
        }
        Ok(keys)
    }

    /// The same for keys from which everything may have been moved away already.
    pub fn open_earlier(token: &Token) -> Result<Option<Self>, KeyError> {
        Ok(Some(Self::log_in(token)?).filter(|keys| !keys.masters.is_empty()))
    }

    /// Makes a master key in the token; there must be none. Tells which token it is.
    pub fn create(token: &Token) -> Result<String, KeyError> {
        let mut keys = Self::log_in(token)?;
        if !keys.masters.is_empty() {
            return Err(KeyError::TokenKeyThere { token: keys.name(), key: token.key.clone() });
        }
        keys.generate()?;
        Ok(keys.name())
    }

    fn log_in(token: &Token) -> Result<Self, KeyError> {
        let mut keys = Self { token: token.clone(), link: None, masters: Vec::new(), is_refused: false };
        keys.connect(false)?;
        Ok(keys)
    }

    fn name(&self) -> String {
        self.link.as_ref().map(|link| link.token.clone()).unwrap_or_default()
    }

    /// Connects, and finds the keys again: their handles are those of a session.
    fn connect(&mut self, is_again: bool) -> Result<(), KeyError> {
        if self.is_refused {
            let why = "it did before".to_owned();
            return Err(KeyError::WrongPin { token: self.token.label.clone().unwrap_or_default(), why });
        }
        let link = Link::open(&self.token, is_again);
        self.is_refused = matches!(link, Err(KeyError::WrongPin { .. }));
        let link = link?;
        self.masters = masters(&link, &self.token.key)?;
        self.link = Some(link);
        Ok(())
    }

    /// Asks the token for something with master key `id`; once more over a new session, if the one that there was is
    /// lost.
    fn ask<T>(
        &mut self,
        id: MasterId,
        doing: &'static str,
        call: impl Fn(&Link, ObjectHandle) -> Result<T, Error>,
    ) -> Result<T, Refused> {
        for is_again in [false, true] {
            if self.link.is_none() {
                self.connect(is_again).map_err(Refused::Key)?;
            }
            let Some(link) = &self.link else { break };
            let master = self.masters.iter().find(|master| master.id == id);
            let handle = master.ok_or(Refused::Key(KeyError::UnknownMaster(id)))?.handle;
            match call(link, handle) {
                Ok(done) => return Ok(done),
                Err(error) if link::is_lost(&error) && !is_again => self.link = None,
                Err(error) if link::is_lost(&error) => {
                    self.link = None;
                    return Err(Refused::Key(link::failed(doing)(error)));
                }
                Err(error) => return Err(Refused::Data(error)),
            }
        }
        Err(Refused::Key(KeyError::NoKey))
    }

    fn generate(&mut self) -> Result<(), KeyError> {
        let mut cka_id = Clock::new().now().0.to_be_bytes().to_vec();
        cka_id.resize(16, 0);
        random(&mut cka_id[8..])?;
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::ValueLen((KEY_BYTES as u64).into()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Label(self.token.key.as_bytes().to_vec()),
            Attribute::Id(cka_id),
        ];
        let link = self.link.as_ref().ok_or(KeyError::NoKey)?;
        let made = link.session.generate_key(&Mechanism::AesKeyGen, &template);
        made.map_err(link::failed("make a key"))?;
        self.masters = masters(link, &self.token.key)?;
        Ok(())
    }

    /// Gives the keys behind the first `kept` another label, and tells which.
    fn put_away(&mut self, kept: usize) -> Result<String, KeyError> {
        let label = format!("{}{RETIRED}", self.token.key);
        let link = self.link.as_ref().ok_or(KeyError::NoKey)?;
        for master in self.masters.iter().skip(kept) {
            let changed = [Attribute::Label(label.as_bytes().to_vec())];
            let renamed = link.session.update_attributes(master.handle, &changed);
            renamed.map_err(link::failed("give a key another label"))?;
        }
        self.masters.truncate(kept);
        Ok(format!("in token {:?}, under the label {label:?}", link.token))
    }
}

/// Why the token did not do something.
enum Refused {
    /// It is not there, or what it needs is not.
    Key(KeyError),
    /// It is there, and says no to what it was given.
    Data(Error),
}

impl Refused {
    fn named(self, doing: &'static str) -> KeyError {
        match self {
            Self::Key(error) => error,
            Self::Data(error) => link::failed(doing)(error),
        }
    }
}

/// The keys under a label, the current one first.
fn masters(link: &Link, label: &str) -> Result<Vec<Master>, KeyError> {
    let failed = || link::failed("find the master key");
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Label(label.as_bytes().to_vec()),
    ];
    let wrong = |why| KeyError::NotAMaster { token: link.token.clone(), key: label.to_owned(), why };
    let wanted = [AttributeType::Id, AttributeType::Sensitive, AttributeType::Extractable];
    let mut masters = Vec::<Master>::new();
    for handle in link.session.find_objects(&template).map_err(failed())? {
        let mut cka_id = Vec::new();
        for attribute in link.session.get_attributes(handle, &wanted).map_err(failed())? {
            match attribute {
                Attribute::Id(id) => cka_id = id,
                Attribute::Sensitive(false) | Attribute::Extractable(true) => {
                    return Err(wrong("it could be read out of the token (CKA_SENSITIVE, CKA_EXTRACTABLE)"));
                }
                _ => {}
            }
        }
        let mut id = [0; 16];
        id.copy_from_slice(&sha256(&[b"sealgate token key\0".as_slice(), &cka_id].concat())[..16]);
        masters.push(Master { id: MasterId(id), handle, cka_id });
    }
    masters.sort_by(|one, other| other.cka_id.cmp(&one.cka_id));
    match masters.windows(2).any(|pair| pair[0].cka_id == pair[1].cka_id) {
        true => Err(wrong("several have the same CKA_ID")),
        false => Ok(masters),
    }
}

impl KeyProvider for TokenKeys {
    fn current(&self) -> MasterId {
        self.masters.first().map_or(MasterId([0; 16]), |master| master.id)
    }

    fn wrap(&mut self, key: &Secret, context: &[u8]) -> Result<Wrapped, KeyError> {
        const DOING: &str = "encrypt a data key";
        let id = self.current();
        let sealed = self.ask(id, DOING, |link, master| {
            // A token that draws nonces itself writes its own over this one.
            let mut nonce = [0; NONCE_BYTES];
            random(&mut nonce).map_err(|_| Error::NotSupported)?;
            let params = GcmParams::new(&mut nonce, context, tag_bits())?;
            let sealed = link.session.encrypt(&Mechanism::AesGcm(params), master, key.bytes())?;
            Ok([nonce.as_slice(), &sealed].concat())
        });
        let sealed = sealed.map_err(|refused| refused.named(DOING))?;
        Wrapped::new(&sealed).ok_or(KeyError::Unwrap(id))
    }

    fn unwrap(&mut self, id: MasterId, wrapped: &Wrapped, context: &[u8]) -> Result<Secret, KeyError> {
        let (nonce, sealed) =
            wrapped.as_bytes().split_first_chunk::<NONCE_BYTES>().ok_or(KeyError::Unwrap(id))?;
        let opened = self.ask(id, "decrypt a data key", |link, master| {
            let mut nonce = *nonce;
            let params = GcmParams::new(&mut nonce, context, tag_bits())?;
            link.session.decrypt(&Mechanism::AesGcm(params), master, sealed).map(Zeroizing::new)
        });
        match opened {
            Ok(mut key) if key.len() == KEY_BYTES => Ok(Secret::take(&mut key)?),
            Ok(_) | Err(Refused::Data(_)) => Err(KeyError::Unwrap(id)),
            Err(Refused::Key(error)) => Err(error),
        }
    }

    fn begin_rotation(&mut self) -> Result<(), KeyError> {
        // What is there now, and over a session that works: a key is never made twice because of a lost one.
        self.link = None;
        self.connect(true)?;
        if self.masters.len() == 1 { self.generate() } else { Ok(()) }
    }

    fn finish_rotation(&mut self) -> Result<String, KeyError> {
        self.put_away(1)
    }

    fn retire(&mut self) -> Result<String, KeyError> {
        self.put_away(0)
    }
}

fn tag_bits() -> cryptoki::types::Ulong {
    (TAG_BYTES as u64 * 8).into()
}
