//! A weighted split between services, exact over the whole process.
//!
//! The order of the targets is laid out once; one shared counter says how far all workers together
//! have come. This is the one shared write of a split route's request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use corelane_config::Weighted;
use crossbeam::utils::CachePadded;

use super::balance::Balancer;
use crate::registry::{Cell, Registry};

/// The longest order that is laid out; larger sums of weights are scaled down to it.
const ORDER_MOST: u64 = 10_000;

/// The position of a split, shared by all workers and kept over reloads.
#[derive(Debug, Default)]
pub(crate) struct Position(CachePadded<AtomicU64>);

impl Cell for Position {
    fn describe(&self) -> serde_json::Value {
        self.0.load(Ordering::Relaxed).into()
    }
}

/// Chooses among the targets of a route.
#[derive(Debug)]
pub(crate) struct Split {
    order: Box<[u16]>,
    position: Arc<Position>,
}

impl Split {
    /// The split of the route `name` over `targets`; `None` when one target takes everything.
    pub(crate) fn new(registry: &Registry, name: &str, targets: &[Weighted]) -> Option<Self> {
        if targets.iter().filter(|target| target.weight > 0).count() < 2 {
            return None;
        }
        let weights: Vec<u32> = targets.iter().map(|target| target.weight).collect();
        let position = registry.adopt("split", name, Position::default);
        Some(Self {
            order: order(&weights),
            position,
        })
    }

    /// The index of the target whose turn it is.
    pub(crate) fn next(&self) -> usize {
        let position = self.position.0.fetch_add(1, Ordering::Relaxed);
        let length = self.order.len() as u64;
        self.order[usize::try_from(position % length).unwrap_or(0)].into()
    }
}

fn order(weights: &[u32]) -> Box<[u16]> {
    let divisor = weights.iter().copied().map(u64::from).fold(0, gcd).max(1);
    let sum: u64 = weights
        .iter()
        .map(|&weight| u64::from(weight) / divisor)
        .sum();
    let scaled = |weight: u32| {
        let weight = u64::from(weight) / divisor;
        if sum <= ORDER_MOST {
            weight
        } else {
            (weight * ORDER_MOST / sum).max(u64::from(weight > 0))
        }
    };
    let members: Vec<_> = weights
        .iter()
        .map(|&weight| u32::try_from(scaled(weight)).unwrap_or(u32::MAX))
        .enumerate()
        .collect();
    let length: u64 = members.iter().map(|&(_, weight)| u64::from(weight)).sum();
    let turns = Balancer::new(corelane_config::Balance::RoundRobin, members.into_iter(), 0);
    (0..length)
        .filter_map(|_| {
            turns
                .pick(None, 0)
                .and_then(|index| u16::try_from(index).ok())
        })
        .collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use corelane_config::ServiceId;

    fn targets(weights: &[u32]) -> Vec<Weighted> {
        let target = |&weight: &u32| Weighted {
            service: ServiceId(0),
            subset: None,
            weight,
        };
        weights.iter().map(target).collect()
    }

    #[test]
    fn any_thousand_requests_of_95_to_5_give_50_to_the_second() {
        let registry = Registry::default();
        let split = Split::new(&registry, "r", &targets(&[95, 5])).unwrap();
        for _ in 0..7 {
            let second = (0..1000).filter(|_| split.next() == 1).count();
            assert!((49..=51).contains(&second), "{second}");
            split.next();
        }
    }

    #[test]
    fn threads_share_one_position_and_a_reload_keeps_it() {
        let registry = Registry::default();
        let counts: Vec<usize> = std::thread::scope(|scope| {
            let count = || {
                let split = Split::new(&registry, "r", &targets(&[3, 1])).unwrap();
                (0..2000).filter(|_| split.next() == 1).count()
            };
            let keep = Split::new(&registry, "r", &targets(&[3, 1])).unwrap();
            let threads: Vec<_> = (0..2).map(|_| scope.spawn(count)).collect();
            let counts = threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect();
            drop(keep);
            counts
        });
        assert_eq!(counts.iter().sum::<usize>(), 1000);
    }

    #[test]
    fn huge_weights_are_scaled_and_small_ones_survive() {
        let order = order(&[4_000_000_000, 1]);
        assert!(order.len() as u64 <= ORDER_MOST + 1);
        assert_eq!(order.iter().filter(|&&index| index == 1).count(), 1);
    }

    #[test]
    fn one_target_needs_no_split() {
        let registry = Registry::default();
        assert!(Split::new(&registry, "r", &targets(&[10, 0])).is_none());
        assert!(registry.list().is_empty());
    }
}
