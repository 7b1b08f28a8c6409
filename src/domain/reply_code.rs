//! The two ways to say "I have got this" without signing in: the token in a page's link, and the code in a reply.
//!
//! Both are computed from the page's number under a secret key of the installation, so they can be checked after a
//! restart, or on a second node, without being stored anywhere. A link's token is 128 bits nobody can guess. A code
//! is five digits somebody half awake can type: it is weak, and only counts when it comes from the number that was
//! paged, for a page that is still open.
//!
//! The codes are a shuffle of 00000 to 99999 (a keyed permutation): 100,000 consecutive page numbers have 100,000
//! different codes, so a code can't name two pages of one week, and the code leads back to the page's number.
//! Not here: who may use them and until when; the key's file.

use super::id::PageId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The installation's secret, 32 bytes from the operating system's generator.
pub type Key = [u8; 32];

/// How many codes there are: five digits.
pub const CODES: u64 = 100_000;
/// Digits of a code.
pub const CODE_DIGITS: usize = 5;

/// Characters of the secret part of a token: 128 bits in base 32, five bits each.
const TOKEN_CHARS: usize = 26;
/// Characters of a reference's check: 60 bits.
const REFERENCE_CHARS: usize = 12;

/// The token of a page's link, e.g. `p512-k3jq7yd2mzt4bfa6xw5hc2nroe`: the page's number, then 128 bits of an
/// HMAC-SHA256 under `key`, in lower case base 32 (RFC 4648), so that it survives being read out or retyped.
pub fn token(key: &Key, page: PageId) -> String {
    format!("p{}-{}", page.0, tag(key, b"callout page link", page.0, TOKEN_CHARS))
}

/// The page of a token, if this installation made it; compares in constant time. Upper case is taken as lower.
pub fn check_token(key: &Key, given: &str) -> Option<PageId> {
    checked(given, TOKEN_CHARS, "p", |page| token(key, page))
}

/// How a page is named towards mail servers and gateways (Message-ID, delivery receipts), e.g. `page-512-k3jq7yd2mzt4`.
/// The same for each sending of the page, so that a doubled one is recognised; different on each installation, so
/// that a test system's mail never hides a live one. Gives no right to acknowledge.
pub fn reference(key: &Key, page: PageId) -> String {
    format!("page-{}-{}", page.0, tag(key, b"callout page reference", page.0, REFERENCE_CHARS))
}

/// The page of a reference, if this installation made it.
pub fn check_reference(key: &Key, given: &str) -> Option<PageId> {
    checked(given, REFERENCE_CHARS, "page-", |page| reference(key, page))
}

/// A secret name for this installation's inbound addresses (128 bits, 26 characters of base 32): whoever can't guess
/// it can forge neither a reply nor a delivery receipt. `purpose` keeps the names of different gateways apart.
pub fn path_secret(key: &Key, purpose: &str) -> String {
    let mut mac = hmac(key, b"callout inbound path");
    mac.update(purpose.as_bytes());
    base32(&mac.finalize().into_bytes(), TOKEN_CHARS)
}

/// The reply code of a page: five digits, different for any two of 100,000 consecutive page numbers.
pub fn code(key: &Key, page: PageId) -> String {
    format!("{:05}", shuffle(|round, half| mixed(key, round, half), page.0 % CODES))
}

/// The remainder by [`CODES`] of the number of the page with that code; `None` for what is not five digits. The page
/// meant is the one that is still open and has this remainder.
pub fn code_to_page_mod(key: &Key, code: &str) -> Option<u32> {
    if code.len() != CODE_DIGITS || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let page = unshuffle(|round, half| mixed(key, round, half), code.parse().ok()?);
    Some(u32::try_from(page).expect("a remainder by 100,000 fits into 32 bits"))
}

/// Whether that code is the page's; for looking through the few pages that are open.
pub fn is_code_of(key: &Key, given: &str, page: PageId) -> bool {
    bool::from(given.as_bytes().ct_eq(code(key, page).as_bytes()))
}

fn checked(given: &str, secret_chars: usize, prefix: &str, made: impl Fn(PageId) -> String) -> Option<PageId> {
    // A number of 20 digits at most, so that nothing long is copied.
    if given.len() > prefix.len() + 20 + 1 + secret_chars {
        return None;
    }
    let given = given.to_ascii_lowercase();
    let (number, _) = given.strip_prefix(prefix)?.split_once('-')?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let page = PageId(number.parse().ok()?);
    bool::from(given.as_bytes().ct_eq(made(page).as_bytes())).then_some(page)
}

fn hmac(key: &Key, purpose: &[u8]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(purpose);
    // Ends the purpose, so that no purpose followed by data is another purpose.
    mac.update(&[0]);
    mac
}

fn tag(key: &Key, purpose: &[u8], number: u64, chars: usize) -> String {
    let mut mac = hmac(key, purpose);
    mac.update(&number.to_be_bytes());
    base32(&mac.finalize().into_bytes(), chars)
}

/// The first `chars` characters of the bytes in base 32 (RFC 4648 part 6, lower case, no padding).
/// 26 characters hold 130 bits, of which the callers count 128.
fn base32(bytes: &[u8], chars: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    (0..chars)
        .map(|index| {
            let bit = index * 5;
            let two = u16::from(bytes[bit / 8]) << 8 | bytes.get(bit / 8 + 1).map_or(0, |byte| u16::from(*byte));
            char::from(ALPHABET[usize::from(two >> (11 - bit % 8)) & 31])
        })
        .collect()
}

/// Rounds of the shuffle. Eight are ample for a network whose halves are remade by HMAC each time.
const ROUNDS: u8 = 8;
/// The two halves of a number below 100,000: 250 times 400.
const LEFT: u64 = 250;
const RIGHT: u64 = 400;

/// A Feistel network over mixed radix: the halves take turns adding a keyed function of the other half, each modulo
/// its own size. Adding can be undone by subtracting, so every number comes up exactly once, whatever `mixed` is.
fn shuffle(mixed: impl Fn(u8, u64) -> u64, number: u64) -> u64 {
    let (mut left, mut right) = (number / RIGHT, number % RIGHT);
    for round in 0..ROUNDS {
        if round % 2 == 0 {
            left = (left + mixed(round, right) % LEFT) % LEFT;
        } else {
            right = (right + mixed(round, left) % RIGHT) % RIGHT;
        }
    }
    left * RIGHT + right
}

fn unshuffle(mixed: impl Fn(u8, u64) -> u64, number: u64) -> u64 {
    let (mut left, mut right) = (number / RIGHT, number % RIGHT);
    for round in (0..ROUNDS).rev() {
        if round % 2 == 0 {
            left = (left + LEFT - mixed(round, right) % LEFT) % LEFT;
        } else {
            right = (right + RIGHT - mixed(round, left) % RIGHT) % RIGHT;
        }
    }
    left * RIGHT + right
}

fn mixed(key: &Key, round: u8, half: u64) -> u64 {
    let mut mac = hmac(key, b"callout reply code");
    mac.update(&[round]);
    mac.update(&half.to_be_bytes());
    let bytes = mac.finalize().into_bytes();
    u64::from_be_bytes(bytes[..8].try_into().expect("eight bytes of thirty-two"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    const KEY: Key = [7; 32];

    #[test]
    fn base32_is_that_of_the_standard() {
        // RFC 4648 part 10: "foobar" is MZXW6YTBOI.
        assert_eq!(base32(b"foobar", 10), "mzxw6ytboi");
    }

    #[test]
    fn the_shuffle_is_a_permutation_and_leads_back() {
        // What `mixed` says is looked up instead of computed 1.6 million times over.
        let rounds: Vec<Vec<u64>> =
            (0..ROUNDS).map(|round| (0..RIGHT).map(|half| mixed(&KEY, round, half)).collect()).collect();
        let mixed = |round: u8, half: u64| rounds[usize::from(round)][usize::try_from(half).unwrap()];
        let mut seen = vec![false; usize::try_from(CODES).unwrap()];
        for number in 0..CODES {
            let code = shuffle(mixed, number);
            assert!(!std::mem::replace(&mut seen[usize::try_from(code).unwrap()], true), "{code} came up twice");
            assert_eq!(unshuffle(mixed, code), number);
        }
    }

    #[test]
    fn tokens_stay_as_they_are_across_versions() {
        // A page sent by yesterday's version must still be acknowledged by today's. The values were computed by a
        // second implementation (Python's hmac and base64).
        assert_eq!(token(&KEY, PageId(512)), "p512-n53yqykay6wlp2q3ryjpjs47de");
        assert_eq!(reference(&KEY, PageId(512)), "page-512-mw3s7e7vdlv7");
        assert_eq!(code(&KEY, PageId(512)), "66369");
    }

    #[test]
    fn a_token_is_not_a_reference_and_neither_serves_another_page() {
        let good = token(&KEY, PageId(512));
        assert_eq!(check_token(&KEY, &good), Some(PageId(512)));
        assert_eq!(check_token(&KEY, &good.to_uppercase()), Some(PageId(512)));
        assert_eq!(check_token(&[8; 32], &good), None);
        assert_eq!(check_token(&KEY, &good.replacen("p512", "p513", 1)), None);
        assert_eq!(check_token(&KEY, &good.replacen("p512", "p0512", 1)), None);
        assert_eq!(check_token(&KEY, &good[..good.len() - 1]), None);
        assert_eq!(check_token(&KEY, &format!("{good}a")), None);
        assert_eq!(check_token(&KEY, &reference(&KEY, PageId(512))), None);
        assert_eq!(check_reference(&KEY, &reference(&KEY, PageId(512))), Some(PageId(512)));
        for odd in ["", "p", "p-", "p1", "p+1-x", "P-512", "é", &"9".repeat(10_000)] {
            assert_eq!(check_token(&KEY, odd), None, "{odd:.20}");
        }
    }

    proptest! {
        #[test]
        fn any_changed_character_spoils_a_token(page: u64, key: [u8; 32], at in 0_usize..26, to in "[a-z2-7]") {
            let good = token(&key, PageId(page));
            prop_assert_eq!(check_token(&key, &good), Some(PageId(page)));
            let at = good.len() - 26 + at;
            let mut bad = good.clone();
            bad.replace_range(at..=at, &to);
            prop_assume!(bad != good);
            prop_assert_eq!(check_token(&key, &bad), None);
        }

        #[test]
        fn pages_close_together_have_different_codes_that_lead_back(key: [u8; 32], page: u64, apart in 1_u64..CODES) {
            let page = PageId(page.min(u64::MAX - CODES));
            let code_here = code(&key, page);
            prop_assert_ne!(&code_here, &code(&key, PageId(page.0 + apart)));
            prop_assert_eq!(code_to_page_mod(&key, &code_here).map(u64::from), Some(page.0 % CODES));
            prop_assert!(is_code_of(&key, &code_here, page));
        }

        #[test]
        fn nothing_given_as_a_token_or_code_panics(given in ".{0,80}") {
            let _ = (check_token(&KEY, &given), check_reference(&KEY, &given), code_to_page_mod(&KEY, &given));
        }
    }
}
