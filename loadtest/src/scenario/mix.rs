//! What one worker sends: chooses kinds by weight, makes their requests, judges their replies. Entered
//! by the loops for each request.

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;
use std::time::Duration;

use super::Scenario;
use super::checks::{Check, quoted};
use super::kind::Kind;
use super::variables::Values;
use crate::client::{Kept, Reply};
use crate::random::Random;
use crate::request::{Nature, Request};
use crate::tally::Verdict;
use crate::wire::grpc::Code;

/// A worker's view of all kinds.
#[derive(Debug)]
pub(crate) struct Mix {
    kinds: Vec<Kind>,
    requests: Vec<Shelf>,
    /// For each kind, the sum of the weights up to and with its own.
    weights: Vec<u64>,
    chance: RefCell<Random>,
    values: RefCell<Values>,
}

/// The requests of one kind.
#[derive(Debug)]
struct Shelf {
    /// The one for all, and the model of those that vary.
    request: Request,
    /// Those that vary and are not in use.
    idle: RefCell<Vec<Request>>,
    sources: Vec<usize>,
    has_status_check: bool,
}

/// A request for one exchange.
#[derive(Debug)]
pub(crate) struct Drawn<'a> {
    shelf: &'a Shelf,
    /// One of its own, when it varies.
    own: Option<Request>,
}

impl Mix {
    /// What the worker that is number `part` of `parts` asks of `authority`.
    pub(crate) fn new(
        scenario: &Scenario,
        authority: &str,
        seed: u64,
        (part, parts): (u64, u64),
    ) -> Self {
        let Scenario {
            kinds, variables, ..
        } = scenario;
        let authority: Rc<str> = authority.into();
        let shelf = |kind: &Kind| Shelf {
            request: kind.request(&authority),
            idle: RefCell::default(),
            sources: kind.sources(),
            has_status_check: kind
                .checks
                .iter()
                .any(|check| matches!(check, Check::Status(_))),
        };
        let mut sum = 0;
        let mut up_to = |kind: &Kind| {
            sum += u64::from(kind.weight);
            sum
        };
        Self {
            requests: kinds.iter().map(shelf).collect(),
            weights: kinds.iter().map(&mut up_to).collect(),
            kinds: kinds.to_vec(),
            chance: RefCell::new(Random::for_part(seed.wrapping_add(1), part)),
            values: RefCell::new(Values::new(variables, seed, part, parts)),
        }
    }

    /// The kind of the next request.
    pub(crate) fn choose(&self) -> usize {
        match self.weights.as_slice() {
            [_] => 0,
            weights => {
                let sum = *weights.last().expect("there is a kind");
                let at = self.chance.borrow_mut().below(sum);
                weights.partition_point(|&end| end <= at)
            }
        }
    }

    /// A request of a kind, for slot number `slot` of the run.
    pub(crate) fn draw(&self, kind: usize, slot: u64) -> Drawn<'_> {
        let shelf = &self.requests[kind];
        let own = match shelf.request.nature {
            Nature::Fixed(_) => None,
            Nature::Varying => {
                let idle = shelf.idle.borrow_mut().pop();
                let authority = &shelf.request.authority;
                let mut own = idle.unwrap_or_else(|| self.kinds[kind].request(authority));
                let mut values = self.values.borrow_mut();
                for &source in &shelf.sources {
                    values.draw(source, slot);
                }
                self.kinds[kind].fill(&mut own, &values);
                Some(own)
            }
        };
        Drawn { shelf, own }
    }

    /// What a complete reply to a request of this kind is. Without a check of the status, one of 400
    /// or more is a refusal.
    pub(crate) fn judge(&self, kind: usize, reply: &Reply, kept: &Kept) -> Verdict {
        if reply.status >= 400 && !self.requests[kind].has_status_check {
            return Verdict::Refused;
        }
        if let Some(code) = reply.grpc.filter(|&code| code != Code::OK) {
            let remark = kept
                .remark()
                .map(|remark| format!(": {}", quoted(remark.as_bytes())));
            return Verdict::Unsuccessful(format!("{code}{}", remark.unwrap_or_default()));
        }
        for (number, check) in self.kinds[kind].checks.iter().enumerate() {
            if let Err(why) = check.look(reply.status, kept) {
                let text = format!("{check}: {why}");
                return Verdict::Failed { number, text };
            }
        }
        Verdict::Good
    }

    /// How long a slot rests after a request of this kind.
    pub(crate) fn think(&self, kind: usize) -> Option<Duration> {
        let times = self.kinds[kind].think.as_ref()?;
        let (shortest, longest) = (*times.start(), *times.end());
        let share = self.chance.borrow_mut().unit();
        Some(shortest + (longest - shortest).mul_f64(share))
    }
}

impl Deref for Drawn<'_> {
    type Target = Request;

    fn deref(&self) -> &Request {
        self.own.as_ref().unwrap_or(&self.shelf.request)
    }
}

impl Drop for Drawn<'_> {
    fn drop(&mut self) {
        if let Some(own) = self.own.take() {
            self.shelf.idle.borrow_mut().push(own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::kind::Body;
    use crate::scenario::template::Template;
    use crate::scenario::variables::{Place, Source, Variables};
    use bytes::Bytes;

    fn kind(weight: u32, target: Template<Place>) -> Kind {
        Kind {
            name: weight.to_string(),
            weight,
            method: "GET".to_owned(),
            authority: None,
            target,
            fields: Vec::new(),
            body: Body::Fixed(Bytes::new()),
            is_grpc: false,
            think: None,
            checks: Vec::new(),
        }
    }

    fn mix(kinds: &[Kind], variables: &Variables) -> Mix {
        let scenario = Scenario {
            name: None,
            kinds: kinds.to_vec(),
            variables: variables.clone(),
        };
        Mix::new(&scenario, "host", 1, (0, 1))
    }

    #[test]
    fn kinds_come_by_weight() {
        let kinds = [1, 7, 2].map(|weight| kind(weight, Template::plain("/")));
        let mix = mix(&kinds, &Variables::default());
        let mut counts = [0u32; 3];
        for _ in 0..10_000 {
            counts[mix.choose()] += 1;
        }
        for (count, share) in counts.into_iter().zip([0.1_f64, 0.7, 0.2]) {
            let deviation = (10_000.0 * share * (1.0 - share)).sqrt();
            let distance = (f64::from(count) - 10_000.0 * share).abs();
            assert!(distance < 5.0 * deviation, "{counts:?}");
        }
    }

    #[test]
    fn requests_that_vary_are_given_back_and_used_again() {
        let variables = Variables::new(vec![("n".to_owned(), Source::Sequence(1))]);
        let target = Template::parse("/${n}").unwrap();
        let target = target.resolve(|name| variables.meaning(name)).unwrap();
        let mix = mix(&[kind(1, target)], &variables);
        let (first, second) = (mix.draw(0, 0), mix.draw(0, 0));
        assert_eq!(
            (first.target.as_str(), second.target.as_str()),
            ("/1", "/2")
        );
        let memory = first.target.as_ptr();
        drop(first);
        let third = mix.draw(0, 0);
        assert_eq!(
            (third.target.as_str(), third.target.as_ptr()),
            ("/3", memory)
        );
    }

    #[test]
    fn a_status_is_judged_by_its_check_or_else_by_its_class() {
        let reply = |status| Reply {
            status,
            bytes: 0,
            grpc: None,
        };
        let mut plain = kind(1, Template::plain("/"));
        let judge = |kind: &Kind, status| {
            let mix = mix(std::slice::from_ref(kind), &Variables::default());
            mix.judge(0, &reply(status), &Kept::default())
        };
        assert_eq!(judge(&plain, 302), Verdict::Good);
        assert_eq!(judge(&plain, 404), Verdict::Refused);
        plain.checks = vec![Check::Status(vec![404..=404])];
        assert_eq!(judge(&plain, 404), Verdict::Good);
        let text = "status is 404: it was 200".to_owned();
        assert_eq!(judge(&plain, 200), Verdict::Failed { number: 0, text });
    }

    #[test]
    fn thinking_takes_a_time_between_the_bounds() {
        let mut kind = kind(1, Template::plain("/"));
        let (shortest, longest) = (Duration::from_millis(10), Duration::from_millis(30));
        kind.think = Some(shortest..=longest);
        let mix = mix(&[kind], &Variables::default());
        let times: Vec<_> = (0..200).filter_map(|_| mix.think(0)).collect();
        assert!(times.iter().all(|time| (shortest..=longest).contains(time)));
        let mean = times.iter().sum::<Duration>() / 200;
        assert!(
            mean.abs_diff(Duration::from_millis(20)) < Duration::from_millis(3),
            "{mean:?}"
        );
    }
}
