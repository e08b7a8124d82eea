//! QuickFIX C++ through `quickfix.cpp`.

use std::ffi::{CString, c_char, c_int, c_void};

unsafe extern "C" {
    fn quickfix_dictionary(xml: *const c_char, length: usize) -> *const c_void;
    fn quickfix_decode(dictionary: *const c_void, bytes: *const c_char, length: usize) -> c_int;
    fn quickfix_encode(
        tags: *const c_int,
        values: *const *const c_char,
        count: usize,
        out: *mut c_char,
        room: usize,
    ) -> usize;
}

/// A data dictionary. It is never freed: the program is short.
pub struct Dictionary(*const c_void);

impl Dictionary {
    /// Reads one.
    pub fn new(xml: &str) -> Self {
        // SAFETY: the text outlives the call, which copies it.
        let dictionary = unsafe { quickfix_dictionary(xml.as_ptr().cast(), xml.len()) };
        assert!(!dictionary.is_null(), "QuickFIX takes the dictionary");
        Self(dictionary)
    }

    /// Parses and validates a message; 0 if it is refused.
    pub fn decode(&self, bytes: &[u8]) -> usize {
        // SAFETY: the dictionary is one, and the bytes outlive the call, which copies them.
        unsafe { quickfix_decode(self.0, bytes.as_ptr().cast(), bytes.len()) as usize }
    }
}

/// Fields as the shim takes them.
pub struct Fields {
    tags: Vec<c_int>,
    values: Vec<*const c_char>,
    _owned: Vec<CString>,
}

impl Fields {
    /// Copies them.
    pub fn new(fields: &[(u32, &str)]) -> Self {
        let owned: Vec<_> =
            fields.iter().map(|(_, value)| CString::new(*value).expect("no zero byte")).collect();
        let values = owned.iter().map(|value| value.as_ptr()).collect();
        Self { tags: fields.iter().map(|(tag, _)| *tag as c_int).collect(), values, _owned: owned }
    }

    /// Writes an ExecutionReport; its length.
    pub fn encode(&self, out: &mut [u8]) -> usize {
        // SAFETY: there are as many tags as values, each value ends with zero, and no more than `out` holds is written.
        unsafe {
            let (tags, values) = (self.tags.as_ptr(), self.values.as_ptr());
            quickfix_encode(tags, values, self.tags.len(), out.as_mut_ptr().cast(), out.len())
        }
    }
}
