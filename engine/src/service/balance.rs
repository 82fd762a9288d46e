//! Whose turn it is: a pure choice among weighted members, randomness passed in.

use std::cell::Cell;

use corelane_config::Balance;

/// Chooses among the members of a service or subset.
#[derive(Debug)]
pub(crate) struct Balancer {
    members: Vec<Member>,
    total: i64,
    balance: Balance,
}

#[derive(Debug)]
struct Member {
    index: usize,
    weight: i64,
    /// How far it is ahead of (or behind) its share.
    credit: Cell<i64>,
}

impl Balancer {
    /// A balancer over `(index, weight)` pairs; a weight of 0 takes no part.
    pub(crate) fn new(
        balance: Balance,
        members: impl Iterator<Item = (usize, u32)>,
        start: usize,
    ) -> Self {
        let member = |(index, weight): (usize, u32)| Member {
            index,
            weight: i64::from(weight),
            credit: Cell::new(0),
        };
        let mut members: Vec<_> = members
            .filter(|(_, weight)| *weight > 0)
            .map(member)
            .collect();
        if !members.is_empty() {
            let turn = start % members.len();
            members.rotate_left(turn);
        }
        let total = members.iter().map(|member| member.weight).sum();
        Self {
            members,
            total,
            balance,
        }
    }

    /// The next member's index; not `avoid`, where there is another one.
    pub(crate) fn pick(&self, avoid: Option<usize>, random: u64) -> Option<usize> {
        let others = self
            .members
            .iter()
            .any(|member| Some(member.index) != avoid);
        let avoid = avoid.filter(|_| others);
        match (&self.members[..], self.balance) {
            ([], _) => None,
            ([only], _) => Some(only.index),
            (_, Balance::RoundRobin) => self.in_turn(avoid),
            (_, Balance::Random) => self.at_random(avoid, random),
        }
    }

    /// Smooth weighted round robin: everybody gains its weight, whoever is ahead is taken and pays
    /// the total. Over `total` picks each has exactly its share, well mixed.
    fn in_turn(&self, avoid: Option<usize>) -> Option<usize> {
        let mut best: Option<&Member> = None;
        for member in &self.members {
            member.credit.set(member.credit.get() + member.weight);
            let ahead = best.is_none_or(|best| member.credit.get() > best.credit.get());
            if Some(member.index) != avoid && ahead {
                best = Some(member);
            }
        }
        let best = best?;
        best.credit.set(best.credit.get() - self.total);
        Some(best.index)
    }

    fn at_random(&self, avoid: Option<usize>, random: u64) -> Option<usize> {
        let open = || {
            self.members
                .iter()
                .filter(|member| Some(member.index) != avoid)
        };
        let total: i64 = open().map(|member| member.weight).sum();
        // Multiply-shift: maps the random number onto 0..total without a division.
        let mut point =
            i64::try_from((u128::from(random) * total.unsigned_abs() as u128) >> 64).ok()?;
        for member in open() {
            point -= member.weight;
            if point < 0 {
                return Some(member.index);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(balancer: &Balancer, count: usize) -> Vec<usize> {
        (0..count)
            .map(|_| balancer.pick(None, 0).unwrap())
            .collect()
    }

    fn in_turn(weights: &[u32]) -> Balancer {
        Balancer::new(Balance::RoundRobin, weights.iter().copied().enumerate(), 0)
    }

    #[test]
    fn round_robin_gives_each_exactly_its_share() {
        let taken = picks(&in_turn(&[5, 1, 2, 0]), 800);
        let count = |index| taken.iter().filter(|&&taken| taken == index).count();
        assert_eq!([count(0), count(1), count(2), count(3)], [500, 100, 200, 0]);
        assert_ne!(
            taken[..3],
            [0, 0, 0],
            "a heavy member does not come in one run"
        );
    }

    #[test]
    fn the_avoided_one_is_taken_only_when_alone() {
        let balancer = in_turn(&[1, 1]);
        for _ in 0..10 {
            assert_eq!(balancer.pick(Some(0), 0), Some(1));
        }
        assert_eq!(in_turn(&[1]).pick(Some(0), 0), Some(0));
        assert_eq!(in_turn(&[]).pick(None, 0), None);
        assert_eq!(in_turn(&[0]).pick(None, 0), None);
    }

    #[test]
    fn workers_may_begin_elsewhere() {
        let balancer = Balancer::new(Balance::RoundRobin, [(0, 1), (1, 1), (2, 1)].into_iter(), 1);
        assert_eq!(picks(&balancer, 3), [1, 2, 0]);
    }

    #[test]
    fn random_follows_the_weights_over_its_whole_range() {
        let balancer = Balancer::new(Balance::Random, [(0, 1), (1, 3)].into_iter(), 0);
        let steps = 1000u64;
        let pick = |step: u64| balancer.pick(None, step * (u64::MAX / steps)).unwrap();
        let second = (0..steps).filter(|&step| pick(step) == 1).count();
        assert!((749..=751).contains(&second), "{second} of {steps}");
        assert_eq!(balancer.pick(None, u64::MAX), Some(1));
    }
}
