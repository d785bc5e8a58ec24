//! Content keys: wrapping under an agreed key (ConcatKDF, AES key wrap) and AES-GCM content.

use openssl::aes::{AesKey, unwrap_key, wrap_key};
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};

use super::{ContentAlgorithm, DigestAlgorithm, KeyError, KeyWrapAlgorithm};
use crate::ids::{Random, octets};
use crate::secret::Secret;

const IV_OCTETS: usize = 12;
const TAG_OCTETS: usize = 16;

/// ConcatKDF (NIST SP 800-56A §5.8.1, XML Encryption 1.1 §5.4.1): `octets` of
/// H(1‖Z‖OtherInfo) ‖ H(2‖Z‖OtherInfo) ‖ …
pub(crate) fn concat_kdf(
    digest: DigestAlgorithm,
    z: &[u8],
    other_info: &[u8],
    octets: usize,
) -> Secret<Vec<u8>> {
    let mut key = Vec::with_capacity(octets + digest.size());
    let mut counter = 0u32;
    while key.len() < octets {
        counter += 1;
        key.extend(digest.digest(&[&counter.to_be_bytes(), z, other_info].concat()));
    }
    key.truncate(octets);
    Secret::new(key)
}

/// AES key wrap with the default initial value (RFC 3394).
pub(crate) fn wrap(how: KeyWrapAlgorithm, kek: &[u8], content_key: &[u8]) -> Result<Vec<u8>, KeyError> {
    if kek.len() != how.key_octets() || !content_key.len().is_multiple_of(8) || content_key.len() < 16 {
        return Err(KeyError::Operation);
    }
    let kek = AesKey::new_encrypt(kek).map_err(|_| KeyError::Operation)?;
    let mut out = vec![0; content_key.len() + 8];
    match wrap_key(&kek, None, &mut out, content_key) {
        Ok(written) if written == out.len() => Ok(out),
        _ => Err(KeyError::Operation),
    }
}

/// The inverse of [`wrap`]. The buffer is always of full size: `unwrap_key` writes all of it.
pub(crate) fn unwrap(how: KeyWrapAlgorithm, kek: &[u8], wrapped: &[u8]) -> Result<Secret<Vec<u8>>, KeyError> {
    if kek.len() != how.key_octets()
        || !wrapped.len().is_multiple_of(8)
        || !(24..=64).contains(&wrapped.len())
    {
        return Err(KeyError::Operation);
    }
    let kek = AesKey::new_decrypt(kek).map_err(|_| KeyError::Operation)?;
    let mut out = vec![0; wrapped.len() - 8];
    match unwrap_key(&kek, None, &mut out, wrapped) {
        Ok(written) if written == out.len() => Ok(Secret::new(out)),
        _ => Err(KeyError::Operation),
    }
}

/// Encrypts content: IV ‖ ciphertext ‖ tag (XML Encryption 1.1 §5.2.4).
pub(crate) fn encrypt_content(
    how: ContentAlgorithm,
    key: &[u8],
    plaintext: &[u8],
    random: &dyn Random,
) -> Result<Vec<u8>, KeyError> {
    let iv = octets::<IV_OCTETS>(random);
    let mut tag = [0; TAG_OCTETS];
    let ciphertext = encrypt_aead(cipher(how), key, Some(&iv), &[], plaintext, &mut tag)?;
    Ok([&iv[..], &ciphertext, &tag].concat())
}

/// The inverse of [`encrypt_content`].
pub(crate) fn decrypt_content(
    how: ContentAlgorithm,
    key: &[u8],
    content: &[u8],
) -> Result<Vec<u8>, KeyError> {
    if key.len() != how.key_octets() {
        return Err(KeyError::Operation);
    }
    let (iv, rest) = content.split_at_checked(IV_OCTETS).ok_or(KeyError::Operation)?;
    let at = rest.len().checked_sub(TAG_OCTETS).ok_or(KeyError::Operation)?;
    let (ciphertext, tag) = rest.split_at_checked(at).ok_or(KeyError::Operation)?;
    Ok(decrypt_aead(cipher(how), key, Some(iv), &[], ciphertext, tag)?)
}

fn cipher(how: ContentAlgorithm) -> Cipher {
    match how {
        ContentAlgorithm::Aes128Gcm => Cipher::aes_128_gcm(),
        ContentAlgorithm::Aes192Gcm => Cipher::aes_192_gcm(),
        ContentAlgorithm::Aes256Gcm => Cipher::aes_256_gcm(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn key_wrap_gives_the_value_of_rfc_3394_4_6() {
        let kek = hex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
        let data = hex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F");
        let wrapped = wrap(KeyWrapAlgorithm::Aes256, &kek, &data).unwrap();
        assert_eq!(
            wrapped,
            hex("28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21")
        );
        assert_eq!(unwrap(KeyWrapAlgorithm::Aes256, &kek, &wrapped).unwrap().expose(), &data);
        let mut changed = wrapped.clone();
        changed[3] ^= 1;
        assert!(unwrap(KeyWrapAlgorithm::Aes256, &kek, &changed).is_err());
        assert!(unwrap(KeyWrapAlgorithm::Aes256, &kek, &wrapped[..39]).is_err());
    }

    #[test]
    fn gcm_content_with_a_cut_or_changed_tag_is_refused() {
        let random = crate::ids::CountingRandom::default();
        for how in ContentAlgorithm::ALL {
            let key = vec![7; how.key_octets()];
            let content = encrypt_content(how, &key, b"plain", &random).unwrap();
            assert_eq!(decrypt_content(how, &key, &content).unwrap(), b"plain");
            assert!(decrypt_content(how, &key, &content[..content.len() - 1]).is_err());
            assert!(decrypt_content(how, &key, &content[..27]).is_err());
            let mut changed = content.clone();
            *changed.last_mut().unwrap() ^= 1;
            assert!(decrypt_content(how, &key, &changed).is_err());
        }
    }
}
