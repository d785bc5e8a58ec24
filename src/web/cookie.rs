//! The cookies. `__Host-eidas_tx_<login>` ties a login to the browser that began it; for clients that have
//! sessions there is `__Host-eidas_sso_<client>`, and `__Host-eidas_out` guards the page of a logout.
//!
//! One cookie per login, so that two tabs do not disturb each other; eight at most, the oldest goes. The
//! store knows only the hash of the value. `SameSite=Lax` is enough because the assertion consumer service
//! needs no cookie and leaves by 303 (docs/adr, D9).

use std::time::Duration;

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Timestamp;
use crate::ids::{self, Random};
use crate::login::vault;

/// The value of a login's cookie: when it was set, and 256 random bits.
pub(crate) struct LoginCookie {
    value: String,
}

impl LoginCookie {
    /// A fresh cookie.
    pub(crate) fn new(random: &dyn Random, now: Timestamp) -> Self {
        Self { value: format!("{}.{}", now.unix(), ids::token(random)) }
    }

    /// Lets the cookie of `login`, whose value stays, last as long as a fresh one.
    pub(crate) fn renew(login: &str, value: &str, answer: &mut HeaderMap) {
        append(answer, &format!("{PREFIX}{login}={value}; Max-Age={MAX_AGE_SECONDS}; {ATTRIBUTES}"));
    }

    /// What the store keeps of it.
    pub(crate) fn hash(&self) -> [u8; 32] {
        vault::digest(&self.value)
    }

    /// Sets the cookie for `login`, and drops the oldest ones that `request` already carries.
    pub(crate) fn set(&self, login: &str, request: &HeaderMap, answer: &mut HeaderMap) {
        let mut present: Vec<_> = all(request).collect();
        present.sort_by_key(|(_, value)| age(value));
        let surplus = (present.len() + 1).saturating_sub(MAX_COOKIES);
        for (old, _) in present.into_iter().take(surplus) {
            remove(old, answer);
        }
        Self::renew(login, &self.value, answer);
    }
}

/// The value of the cookie of `login`, if this browser has one.
pub(crate) fn of_login<'a>(request: &'a HeaderMap, login: &str) -> Option<&'a str> {
    all(request).find(|(name, _)| *name == login).map(|(_, value)| value)
}

/// The logins that this browser has a cookie for, the newest first.
pub(crate) fn logins(request: &HeaderMap) -> Vec<(&str, &str)> {
    let mut present: Vec<_> = all(request).take(4 * MAX_COOKIES).collect();
    present.sort_by_key(|(_, value)| std::cmp::Reverse(age(value)));
    present.truncate(MAX_COOKIES);
    present
}

/// Tells the browser to forget the cookie of `login`.
pub(crate) fn remove(login: &str, answer: &mut HeaderMap) {
    append(answer, &format!("{PREFIX}{login}=; Max-Age=0; {ATTRIBUTES}"));
}

/// Sets the cookie of a session with `client`, which lasts for `lifetime`.
pub(crate) fn set_session(client: &str, value: &str, lifetime: Duration, answer: &mut HeaderMap) {
    let (name, seconds) = (session_name(client), lifetime.as_secs());
    append(answer, &format!("{name}={value}; Max-Age={seconds}; {ATTRIBUTES}"));
}

/// The value of the cookie of the session with `client`.
pub(crate) fn of_session<'a>(request: &'a HeaderMap, client: &str) -> Option<&'a str> {
    session_of(request, client).map(|(_, value)| value)
}

/// Name and value of the cookie of the session with `client`.
pub(crate) fn session_of<'a>(request: &'a HeaderMap, client: &str) -> Option<(&'a str, &'a str)> {
    let wanted = session_name(client);
    sessions(request).find(|(name, _)| *name == wanted)
}

/// Names and values of the cookies of all sessions.
pub(crate) fn sessions(request: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    pairs(request).filter(|(name, _)| name.starts_with(SESSION)).take(MAX_SESSIONS)
}

/// Tells the browser to forget the session with `client`.
pub(crate) fn remove_session(client: &str, answer: &mut HeaderMap) {
    remove_session_named(&session_name(client), answer);
}

/// Tells the browser to forget the session whose cookie has this name.
pub(crate) fn remove_session_named(name: &str, answer: &mut HeaderMap) {
    append(answer, &format!("{name}=; Max-Age=0; {ATTRIBUTES}"));
}

/// The value of the cookie that guards the page of a logout.
pub(crate) fn of_logout(request: &HeaderMap) -> Option<&str> {
    pairs(request).find(|(name, _)| *name == LOGOUT).map(|(_, value)| value)
}

/// Sets the cookie that guards the page of a logout.
pub(crate) fn set_logout(value: &str, answer: &mut HeaderMap) {
    append(answer, &format!("{LOGOUT}={value}; Max-Age={MAX_AGE_SECONDS}; {ATTRIBUTES}"));
}

/// The page of a logout has done its work.
pub(crate) fn remove_logout(answer: &mut HeaderMap) {
    append(answer, &format!("{LOGOUT}=; Max-Age=0; {ATTRIBUTES}"));
}

/// A part of a hash, since a client's own identifier can be long.
fn session_name(client: &str) -> String {
    let hash = URL_SAFE_NO_PAD.encode(vault::digest(client));
    format!("{SESSION}{}", hash.get(..16).unwrap_or_default())
}

/// Login and value of each login's cookie.
fn all(request: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    pairs(request)
        .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?, value)))
        .filter(|(login, _)| is_login(login))
}

/// Name and value of each cookie.
fn pairs(request: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    request
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

/// Whether `text` can be a login's name: what [`ids::handle`] makes.
pub(crate) fn is_login(text: &str) -> bool {
    text.len() == 22 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn age(value: &str) -> i64 {
    value.split_once('.').and_then(|(at, _)| at.parse().ok()).unwrap_or(0)
}

fn append(answer: &mut HeaderMap, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        answer.append(SET_COOKIE, value);
    }
}

const PREFIX: &str = "__Host-eidas_tx_";
const SESSION: &str = "__Host-eidas_sso_";
const LOGOUT: &str = "__Host-eidas_out";
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";
const MAX_AGE_SECONDS: u32 = 900;
const MAX_COOKIES: usize = 8;
const MAX_SESSIONS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::CountingRandom;

    fn request(cookies: &[(String, i64)]) -> HeaderMap {
        let text: Vec<_> = cookies.iter().map(|(login, at)| format!("{PREFIX}{login}={at}.x")).collect();
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_str(&format!("other=1; {}", text.join("; "))).unwrap());
        headers
    }

    fn set_cookies(answer: &HeaderMap) -> Vec<&str> {
        answer.get_all(SET_COOKIE).into_iter().map(|v| v.to_str().unwrap()).collect()
    }

    #[test]
    fn a_cookie_has_every_protection() {
        let cookie = LoginCookie::new(&CountingRandom::default(), Timestamp::from_unix(1000));
        let login = ids::handle(&CountingRandom::default());
        let mut answer = HeaderMap::new();
        cookie.set(&login, &HeaderMap::new(), &mut answer);
        let [set] = set_cookies(&answer)[..] else { panic!("one cookie") };
        assert!(set.starts_with(&format!("__Host-eidas_tx_{login}=1000.")), "{set}");
        assert!(set.ends_with("; Max-Age=900; Path=/; Secure; HttpOnly; SameSite=Lax"), "{set}");
    }

    #[test]
    fn the_ninth_login_drops_the_oldest() {
        let random = CountingRandom::default();
        let mut present: Vec<_> = (0..8).map(|n| (ids::handle(&random), 100 + n)).collect();
        present.rotate_left(3);
        let oldest = present.iter().min_by_key(|(_, at)| *at).unwrap().0.clone();
        let mut answer = HeaderMap::new();
        LoginCookie::new(&random, Timestamp::from_unix(500)).set("L", &request(&present), &mut answer);
        let sent = set_cookies(&answer);
        assert_eq!(sent.len(), 2);
        assert!(sent[0].starts_with(&format!("{PREFIX}{oldest}=; Max-Age=0;")), "{}", sent[0]);
    }

    #[test]
    fn only_the_cookie_of_the_login_counts() {
        let random = CountingRandom::default();
        let (mine, other) = (ids::handle(&random), ids::handle(&random));
        let headers = request(&[(mine.clone(), 7)]);
        assert_eq!(of_login(&headers, &mine), Some("7.x"));
        assert_eq!(of_login(&headers, &other), None);
        assert_eq!(logins(&headers), [(mine.as_str(), "7.x")]);
    }
}
