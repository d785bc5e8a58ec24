//! The static files, embedded in the binary.

/// A static file.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The content.
    pub body: &'static [u8],
}

/// The file `/static/{name}`, if there is one.
#[must_use]
pub fn asset(name: &str) -> Option<Asset> {
    let (content_type, body): (_, &'static [u8]) = match name {
        "style.css" => ("text/css; charset=utf-8", include_bytes!("../static/style.css")),
        "mark.svg" => ("image/svg+xml", include_bytes!("../static/mark.svg")),
        _ => return None,
    };
    Some(Asset { content_type, body })
}
