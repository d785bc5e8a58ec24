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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    /// Texts on grounds that occur, by their names in the style sheet.
    const TEXT: &[(&str, &str)] = &[
        ("ink", "ground"),
        ("ink", "surface"),
        ("ink", "raised"),
        ("ink", "warn-soft"),
        ("quiet", "ground"),
        ("quiet", "surface"),
        ("quiet", "soft"),
        ("accent", "ground"),
        ("accent", "surface"),
        ("accent-strong", "surface"),
        ("on-accent", "accent"),
        ("on-accent", "accent-strong"),
        ("on-soft", "soft"),
        ("warn", "surface"),
        ("warn", "warn-soft"),
        ("good", "good-soft"),
    ];
    /// Borders and rings that mean something.
    const SHAPES: &[(&str, &str)] =
        &[("edge", "ground"), ("edge", "surface"), ("focus", "ground"), ("focus", "surface")];

    /// The colours of the light and of the dark theme.
    fn themes() -> Vec<BTreeMap<&'static str, u32>> {
        let style = include_str!("../static/style.css");
        let blocks = style.split(":root {").skip(1).map(|rest| rest.split('}').next().unwrap());
        let colour = |line: &'static str| {
            let (name, value) = line.trim().strip_prefix("--")?.split_once(": #")?;
            Some((name, u32::from_str_radix(value.trim_end_matches(';'), 16).ok()?))
        };
        blocks.map(|block| block.lines().filter_map(colour).collect()).collect()
    }

    /// WCAG 2.2, contrast ratio.
    fn contrast(one: u32, other: u32) -> f64 {
        let luminance = |colour: u32| {
            let channel = |shift: u32| {
                let value = f64::from((colour >> shift) & 0xff) / 255.0;
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
        };
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn every_text_can_be_read_in_both_themes() {
        let themes = themes();
        assert_eq!(themes.len(), 2);
        for theme in &themes {
            for (pairs, least) in [(TEXT, 4.5), (SHAPES, 3.0)] {
                for (text, ground) in pairs {
                    let ratio = contrast(theme[text], theme[ground]);
                    assert!(ratio >= least, "{text} on {ground}: {ratio:.2}");
                }
            }
        }
    }
}
