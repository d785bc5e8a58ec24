//! The HTTP-POST binding (SAML bindings §3.5): a message is base64 in a form field.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Why a form field is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    /// Longer than 131072 octets.
    #[error("the message is longer than 131072 octets")]
    TooLong,
    /// Not base64.
    #[error("the message is not base64")]
    NotBase64,
}

/// The longest message, in octets of base64: the limit of the CEF node.
pub const MAX_LENGTH: usize = 131_072;

/// Decodes a form field. The size is checked before anything else. Line breaks between the lines of base64
/// are allowed (RFC 2045, which the binding names), any other stray character is not.
///
/// # Errors
/// [`BindingError`].
pub fn decode_post(field: &str) -> Result<Vec<u8>, BindingError> {
    if field.len() > MAX_LENGTH {
        return Err(BindingError::TooLong);
    }
    let compact: String;
    let base64 = if field.contains(['\r', '\n']) {
        compact = field.replace(['\r', '\n'], "");
        &compact
    } else {
        field
    };
    STANDARD.decode(base64).map_err(|_| BindingError::NotBase64)
}

/// Encodes a message for the form field.
#[must_use]
pub fn encode_post(xml: &str) -> String {
    STANDARD.encode(xml)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_survives_the_binding() {
        assert_eq!(decode_post(&encode_post("<a>é</a>")).unwrap(), "<a>é</a>".as_bytes());
        assert_eq!(decode_post("PGEv\r\nPg==\r\n").unwrap(), b"<a/>");
    }

    #[test]
    fn the_size_is_checked_before_the_encoding() {
        assert_eq!(decode_post(&"!".repeat(MAX_LENGTH + 1)), Err(BindingError::TooLong));
        assert!(decode_post(&"A".repeat(MAX_LENGTH)).is_ok());
    }

    #[test]
    fn base64_is_strict() {
        for field in
            ["PGEvPg", "PGEvPg=", "PGEv Pg==", "PGEvPg==!", "PGEvPh==", "PGEvPg==PGEvPg==", "%3D", "PG_-"]
        {
            assert_eq!(decode_post(field), Err(BindingError::NotBase64), "{field}");
        }
    }
}
