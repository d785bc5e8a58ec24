//! Identifiers and other unguessable words, drawn from a source that is passed in.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A source of random octets.
pub trait Random: Send + Sync {
    /// Fills `buffer`.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(
        clippy::expect_used,
        reason = "without randomness nothing here is safe; getrandom fails only where the system has none"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system gives random octets");
    }
}

/// A predictable source, for tests: octet `n` of the stream is derived from a counter, so two runs draw the
/// same words.
#[derive(Debug, Default)]
pub struct CountingRandom(std::sync::atomic::AtomicU64);

impl Random for CountingRandom {
    fn fill(&self, buffer: &mut [u8]) {
        for octet in buffer {
            let n = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            // The finalizer of SplitMix64: spreads the counter so that words do not look alike.
            let mut z = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            *octet = (z >> 56) as u8;
        }
    }
}

/// `N` random octets.
pub fn octets<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut buffer = [0; N];
    random.fill(&mut buffer);
    buffer
}

/// A 256-bit token in base64url, 43 characters: codes, access tokens, handles, cookie values.
pub fn token(random: &dyn Random) -> String {
    URL_SAFE_NO_PAD.encode(octets::<32>(random))
}

/// A short handle of 128 bits in base64url, 22 characters.
pub fn handle(random: &dyn Random) -> String {
    URL_SAFE_NO_PAD.encode(octets::<16>(random))
}

/// Eight decimal digits, for a person to copy from a mail: each of the hundred million as likely as the others.
pub fn digits(random: &dyn Random) -> String {
    let mut digits = String::with_capacity(8);
    while digits.len() < 8 {
        // Draws of 250 and above would favour the first digits, so they are drawn again.
        let [draw] = octets::<1>(random);
        if draw < 250 {
            digits.push(char::from(b'0' + draw % 10));
        }
    }
    digits
}

/// A SAML message identifier: an `xs:NCName` with 128 random bits (SAML core §1.3.4).
pub fn message_id(random: &dyn Random) -> String {
    let mut id = String::with_capacity(33);
    id.push('_');
    for octet in octets::<16>(random) {
        let _ = write!(id, "{octet:02x}");
    }
    id
}

/// A reference number for a person to read out on the telephone: eight characters without the ones
/// that look alike (`0 O 1 I L U`), as in `7F3K-92QD`.
pub fn reference(random: &dyn Random) -> String {
    const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ?!";
    const LETTERS: usize = 30;
    let mut reference = String::with_capacity(9);
    while reference.len() < 9 {
        if reference.len() == 4 {
            reference.push('-');
        }
        // Draws over 240 would favour the first letters, so they are drawn again.
        let [draw] = octets::<1>(random);
        if let Some(letter) = ALPHABET.get(usize::from(draw) % LETTERS).filter(|_| draw < 240) {
            reference.push(char::from(*letter));
        }
    }
    reference
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_the_form_their_specifications_want() {
        let random = CountingRandom::default();
        assert_eq!(token(&random).len(), 43);
        assert_eq!(handle(&random).len(), 22);
        let id = message_id(&random);
        assert!(id.len() == 33 && id.starts_with('_') && id[1..].bytes().all(|b| b.is_ascii_hexdigit()));
        let digits = digits(&random);
        assert!(digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit()));
        let reference = reference(&random);
        assert_eq!(reference.len(), 9);
        assert!(reference.bytes().all(|b| b == b'-' || b"23456789ABCDEFGHJKMNPQRSTVWXYZ".contains(&b)));
    }

    #[test]
    fn no_two_words_are_alike() {
        let words: std::collections::BTreeSet<_> = (0..1000).map(|_| token(&SystemRandom)).collect();
        assert_eq!(words.len(), 1000);
    }
}
