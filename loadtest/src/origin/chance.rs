//! How often something happens: `1%`, `0.05%`. Entered with a text from the command line, and then once
//! for each reply.

use std::str::FromStr;

use crate::random::Random;

/// A share of all requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Chance {
    /// From 0 to 1.
    share: f64,
}

impl Chance {
    /// Whether it happens this time.
    pub(super) fn strikes(self, random: &mut Random) -> bool {
        random.unit() <= self.share
    }
}

impl FromStr for Chance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text
            .strip_suffix('%')
            .and_then(|number| number.parse().ok());
        match number {
            Some(percent @ 0.0..=100.0) => Ok(Self {
                share: percent / 100.0,
            }),
            _ => Err("expected a percentage from 0% to 100%".to_owned()),
        }
    }
}

/// A share of all requests that is answered with an error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ErrorRate {
    pub(super) chance: Chance,
    pub(super) status: u16,
}

impl FromStr for ErrorRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (chance, status) = text.split_once(':').unwrap_or((text, "503"));
        Ok(Self {
            chance: chance.parse()?,
            status: parse_status(status)?,
        })
    }
}

/// Reads the status of a final reply.
///
/// # Errors
/// A sentence for the user.
pub(crate) fn parse_status(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(status @ 200..=599) => Ok(status),
        _ => Err("expected a status from 200 to 599".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strikes(text: &str) -> usize {
        let chance: Chance = text.parse().unwrap();
        let mut random = Random::new(5);
        (0..100_000).filter(|_| chance.strikes(&mut random)).count()
    }

    #[test]
    fn chances_strike_as_often_as_they_say() {
        assert_eq!((strikes("0%"), strikes("100%")), (0, 100_000));
        assert!((900..1100).contains(&strikes("1%")));
        assert!((20..80).contains(&strikes("0.05%")));
    }

    #[test]
    fn errors_have_a_status() {
        let rate: ErrorRate = "1%".parse().unwrap();
        assert_eq!(rate.status, 503);
        let rate: ErrorRate = "2.5%:429".parse().unwrap();
        assert_eq!((rate.status, rate.chance), (429, "2.5%".parse().unwrap()));
    }

    #[test]
    fn refuses_what_is_no_share() {
        for text in ["1", "%", "-1%", "101%", "NaN%", "1%%"] {
            assert!(text.parse::<Chance>().is_err(), "{text}");
        }
        for text in ["1%:", "1%:101", "1%:600", "1%:x", ":503"] {
            assert!(text.parse::<ErrorRate>().is_err(), "{text}");
        }
    }
}
