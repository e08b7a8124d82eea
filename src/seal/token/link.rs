//! A session with a token: the library loaded, the token found, its user logged in.

use super::super::KeyError;
use super::super::key_file::OTHERS;
use crate::config::{PinSource, Token};
use crate::sys::secret;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use std::os::unix::ffi::OsStringExt;
use zeroize::Zeroizing;

/// The session.
#[derive(Debug)]
pub(super) struct Link {
    /// Logged in.
    pub(super) session: Session,
    /// The token's label.
    pub(super) token: String,
}

impl Link {
    /// Opens one. `is_again`: there was one and it is lost, so the library must look at its tokens anew.
    pub(super) fn open(token: &Token, is_again: bool) -> Result<Self, KeyError> {
        let module = module(token, is_again)?;
        let (slot, name) = find(&module, token)?;
        let session = module.open_rw_session(slot).map_err(failed("open a session"))?;
        let pin = pin(&token.pin)?;
        match session.login(UserType::User, Some(&pin)) {
            // Another session of this process has: a login holds for all of them.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(Error::Pkcs11(
                why @ (RvError::PinIncorrect
                | RvError::PinInvalid
                | RvError::PinLenRange
                | RvError::PinExpired
                | RvError::PinLocked),
                _,
            )) => return Err(KeyError::WrongPin { token: name, why: short(&why.to_string()) }),
            Err(error) => return Err(failed("log its user in")(error)),
        }
        let mechanisms = module.get_mechanism_list(slot).map_err(failed("tell what it can"))?;
        if !mechanisms.contains(&MechanismType::AES_GCM) {
            return Err(KeyError::Token { doing: "encrypt", why: "it does not have CKM_AES_GCM".to_owned() });
        }
        Ok(Self { session, token: name })
    }
}

/// The library, initialised: once in a process, however often it is asked for.
fn module(token: &Token, is_again: bool) -> Result<Pkcs11, KeyError> {
    let path = &token.module;
    let unusable = |error: Error| KeyError::Module { path: path.clone(), why: error.to_string() };
    let begin = |module: &Pkcs11| module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    let module = Pkcs11::new(path).map_err(unusable)?;
    match begin(&module) {
        Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) if is_again => {
            module.clone().finalize().map_err(unusable)?;
            begin(&module).map_err(unusable)?;
        }
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(unusable(error)),
    }
    Ok(module)
}

/// The one token that the configuration means.
fn find(module: &Pkcs11, token: &Token) -> Result<(Slot, String), KeyError> {
    let failed_to = || failed("be found");
    let (mut fit, mut there) = (Vec::new(), Vec::new());
    for slot in module.get_slots_with_initialized_token().map_err(failed_to())? {
        let info = module.get_token_info(slot).map_err(failed_to())?;
        let (label, serial) = (info.label().trim_end().to_owned(), info.serial_number().trim_end());
        there.push(format!("{label:?} ({serial})"));
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        if is(&token.label, &label) && is(&token.serial, serial) {
            fit.push((slot, label));
        }
    }
    match <[_; 1]>::try_from(fit) {
        Ok([found]) => Ok(found),
        Err(fit) => Err(KeyError::NotOneToken {
            found: fit.len(),
            wanted: wanted(token),
            there: if there.is_empty() { "none".to_owned() } else { there.join(", ") },
        }),
    }
}

fn wanted(token: &Token) -> String {
    match (&token.label, &token.serial) {
        (Some(label), Some(serial)) => format!("{label:?} with the number {serial}"),
        (Some(label), None) => format!("{label:?}"),
        (None, serial) => format!("of the number {}", serial.as_deref().unwrap_or_default()),
    }
}

/// Reads the PIN where it is. What stood in memory is zeroed.
fn pin(source: &PinSource) -> Result<AuthPin, KeyError> {
    let bytes = match source {
        PinSource::File(path) => {
            let (bytes, mode) = secret::read_file(path).map_err(KeyError::PinUnreadable)?;
            let bytes = Zeroizing::new(bytes);
            if mode & OTHERS != 0 {
                return Err(KeyError::Mode { path: path.clone(), mode });
            }
            bytes
        }
        PinSource::Environment(name) => {
            let value = std::env::var_os(name).ok_or_else(|| KeyError::NoPin(name.clone()))?;
            Zeroizing::new(value.into_vec())
        }
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| KeyError::NotAPin)?;
    Ok(AuthPin::new(text.trim_end().into()))
}

/// Whether an error is about the way to the token and not about what it was given.
pub(super) fn is_lost(error: &Error) -> bool {
    use RvError as E;
    matches!(
        error,
        Error::Pkcs11(
            E::CryptokiNotInitialized
                | E::DeviceError
                | E::DeviceMemory
                | E::DeviceRemoved
                | E::FunctionFailed
                | E::GeneralError
                | E::HostMemory
                | E::KeyHandleInvalid
                | E::ObjectHandleInvalid
                | E::OperationActive
                | E::SessionClosed
                | E::SessionHandleInvalid
                | E::SlotIdInvalid
                | E::TokenNotPresent
                | E::TokenNotRecognized
                | E::UserNotLoggedIn,
            _
        )
    )
}

/// Names an error of the token.
pub(super) fn failed(doing: &'static str) -> impl FnOnce(Error) -> KeyError {
    move |error| {
        let why = match &error {
            Error::Pkcs11(code, function) => format!("{function}: {}", short(&code.to_string())),
            other => other.to_string(),
        };
        KeyError::Token { doing, why }
    }
}

/// The library explains its codes at length; the first sentence says it.
fn short(text: &str) -> String {
    text.split(". ").next().unwrap_or(text).trim_end_matches('.').to_owned()
}
