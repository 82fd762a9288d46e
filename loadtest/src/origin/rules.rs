//! What a request gets: decided from the command line's options, the request's path and chance. Entered
//! once for each request, whatever protocol it came by; it sends nothing.

use std::str::FromStr;
use std::time::Duration;

use super::chance::{Chance, ErrorRate, parse_status};
use super::delay::Delay;
use super::replies::Shape;
use crate::cli::{OriginArgs, parse_body_size};
use crate::random::Random;
use crate::units::{parse_duration, parse_size};

/// What most requests get.
const USUAL: Answer = Answer {
    wait: None,
    manner: Manner::Usual,
};

/// What all requests have in common.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    usual: Wanted,
    errors: Option<ErrorRate>,
    resets: Option<Chance>,
    /// The chunk that `/chunked` means.
    chunk_size: usize,
    /// Nothing of the above makes one request differ from another.
    is_plain: bool,
}

/// A body that comes in drops: so many bytes, then a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drip {
    pub(super) bytes: usize,
    pub(super) pause: Duration,
}

/// What one request asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Wanted {
    shape: Shape,
    drip: Option<Drip>,
    echo: bool,
    delay: Option<Delay>,
    reset: bool,
}

/// What one request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// How long it waits for that.
    pub(super) wait: Option<Duration>,
    pub(super) manner: Manner,
}

/// How a reply is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// As fast as the socket takes it, in the shape of most replies.
    Usual,
    /// The same in another shape.
    Whole(Shape),
    /// In drops.
    Drip(Shape, Drip),
    /// With the request's body in place of ours; the shape's size means nothing.
    Echo(Shape),
    /// Not at all: the connection, or the stream of HTTP/2, is reset.
    Reset,
}

impl Rules {
    /// The rules that these options make.
    pub(super) fn new(args: &OriginArgs) -> Self {
        let chunk_size = args.chunk_size.max(1);
        let usual = Wanted {
            shape: Shape {
                status: args.status,
                size: args.size,
                chunk: args.chunked.then_some(chunk_size),
            },
            drip: args.drip,
            echo: args.echo,
            delay: args.delay,
            reset: false,
        };
        Self {
            is_plain: usual.delay.is_none()
                && usual.drip.is_none()
                && !usual.echo
                && args.error_rate.is_none()
                && args.reset_rate.is_none(),
            usual,
            errors: args.error_rate,
            resets: args.reset_rate,
            chunk_size,
        }
    }

    /// The reply of most requests.
    pub(super) fn usual_shape(&self) -> Shape {
        self.usual.shape
    }

    /// What a request for this target gets.
    ///
    /// # Errors
    /// A sentence for the client whose path asks for what cannot be.
    pub(super) fn answer(&self, target: &[u8], random: &mut Random) -> Result<Answer, String> {
        // The first letters of all words that `read_path` knows.
        let may_wish = matches!(target.get(1), Some(b'c' | b'd' | b'e' | b'r' | b's'));
        if self.is_plain && !may_wish {
            return Ok(USUAL);
        }
        let wanted = self.read_path(target)?;
        if self.is_plain && wanted == self.usual {
            return Ok(USUAL);
        }
        let wait = wanted.delay.map(|delay| delay.draw(random));
        let strikes = |chance: Option<Chance>, random: &mut Random| {
            chance.is_some_and(|chance| chance.strikes(random))
        };
        let manner = if wanted.reset || strikes(self.resets, random) {
            Manner::Reset
        } else if let Some(errors) = self.errors.filter(|it| it.chance.strikes(random)) {
            Manner::Whole(Shape {
                status: errors.status,
                ..wanted.shape
            })
        } else if wanted.echo {
            Manner::Echo(wanted.shape)
        } else {
            match wanted.drip {
                Some(drip) => Manner::Drip(wanted.shape, drip),
                None => Manner::Whole(wanted.shape),
            }
        };
        Ok(Answer { wait, manner })
    }

    /// Words at the beginning of a path that stand for options, up to the first that does not.
    fn read_path(&self, target: &[u8]) -> Result<Wanted, String> {
        let mut wanted = self.usual;
        let path = target
            .split(|&byte| byte == b'?')
            .next()
            .unwrap_or_default();
        let mut words = path.split(|&byte| byte == b'/').skip(1);
        while let Some(word) = words.next() {
            let mut value = || str::from_utf8(words.next().unwrap_or_default()).unwrap_or_default();
            match word {
                b"status" => wanted.shape.status = parse_status(value())?,
                b"size" => wanted.shape.size = parse_body_size(value())?,
                b"chunked" => wanted.shape.chunk = Some(self.chunk_size),
                b"delay" => wanted.delay = Some(value().parse()?),
                b"drip" => wanted.drip = Some(format!("{}/{}", value(), value()).parse()?),
                b"echo" => wanted.echo = true,
                b"reset" => wanted.reset = true,
                _ => break,
            }
        }
        Ok(wanted)
    }
}

impl FromStr for Drip {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (bytes, pause) = (text.split_once('/'))
            .ok_or_else(|| "expected a size and a pause, such as 1KiB/100ms".to_owned())?;
        match parse_size(bytes)?.try_into() {
            Ok(bytes @ 1..) => Ok(Self {
                bytes,
                pause: parse_duration(pause)?,
            }),
            _ => Err("a drop has one byte at least".to_owned()),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    /// The rules of `origin` with these options.
    pub(crate) fn rules(options: &[&str]) -> Rules {
        let words = ["corelane-loadtest", "origin"];
        let cli = Cli::try_parse_from(words.iter().chain(options)).unwrap();
        match cli.command {
            Command::Origin(args) => Rules::new(&args),
            _ => panic!("expected origin"),
        }
    }

    fn answer(options: &[&str], target: &str) -> Result<Answer, String> {
        rules(options).answer(target.as_bytes(), &mut Random::new(1))
    }

    fn shape(status: u16, size: usize, chunk: Option<usize>) -> Shape {
        Shape {
            status,
            size,
            chunk,
        }
    }

    #[test]
    fn without_options_every_path_gets_the_usual() {
        for target in [
            "/",
            "*",
            "/x",
            "/x/status/503",
            "/sta",
            "/delays",
            "/?status/503",
        ] {
            assert_eq!(answer(&[], target), Ok(USUAL), "{target}");
        }
    }

    #[test]
    fn words_of_a_path_stand_for_options_up_to_the_first_that_does_not() {
        let ms = Duration::from_millis;
        let drip = Drip {
            bytes: 1024,
            pause: ms(100),
        };
        let whole = |status, size, chunk| Manner::Whole(shape(status, size, chunk));
        let cases = [
            ("/status/503", None, whole(503, 1024, None)),
            ("/size/64KiB?x", None, whole(200, 65_536, None)),
            ("/chunked/size/3/", None, whole(200, 3, Some(4096))),
            (
                "/delay/20ms/x/status/503",
                Some(ms(20)),
                whole(200, 1024, None),
            ),
            (
                "/drip/1KiB/100ms/status/404",
                None,
                Manner::Drip(shape(404, 1024, None), drip),
            ),
            ("/echo", None, Manner::Echo(shape(200, 1024, None))),
            ("/delay/1ms/reset", Some(ms(1)), Manner::Reset),
        ];
        for (target, wait, manner) in cases {
            let expected = Ok(Answer { wait, manner });
            assert_eq!(answer(&[], target), expected, "{target}");
        }
    }

    #[test]
    fn values_that_cannot_be_are_told_to_the_client() {
        for (target, part) in [
            ("/status/1000", "200 to 599"),
            ("/status", "200 to 599"),
            ("/size/1TB", "unit"),
            ("/size/257MiB", "at most 256 MiB"),
            ("/delay/5", "unit"),
            ("/drip/1KiB", "number"),
            ("/drip/0/1s", "one byte"),
            ("/size/\u{fc}", "number"),
        ] {
            let why = answer(&[], target).unwrap_err();
            assert!(why.contains(part), "{target}: {why}");
        }
    }

    #[test]
    fn options_hold_for_all_and_a_path_has_the_last_word() {
        let options = [
            "--status", "404", "--size", "7", "--delay", "5ms", "--drip", "1/1s",
        ];
        let drip = Drip {
            bytes: 1,
            pause: Duration::from_secs(1),
        };
        let manner = Manner::Drip(shape(404, 7, None), drip);
        let other = |ms| {
            let wait = Some(Duration::from_millis(ms));
            Ok(Answer { wait, manner })
        };
        assert_eq!(answer(&options, "/"), other(5));
        assert_eq!(answer(&options, "/delay/9ms"), other(9));
    }

    #[test]
    fn errors_and_resets_strike_a_share_of_the_requests() {
        let rules = rules(&["--error-rate", "10%:500", "--reset-rate", "20%"]);
        let mut random = Random::new(4);
        let (mut errors, mut resets) = (0, 0);
        for _ in 0..10_000 {
            match rules.answer(b"/", &mut random).unwrap().manner {
                Manner::Reset => resets += 1,
                Manner::Whole(shape) if shape.status == 500 => errors += 1,
                Manner::Whole(_) => {}
                other => panic!("{other:?}"),
            }
        }
        // Of the requests that are not reset, a tenth.
        assert!((1900..2100).contains(&resets), "{resets}");
        assert!((720..880).contains(&errors), "{errors}");
    }
}
