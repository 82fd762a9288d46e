//! State that outlives a configuration, in cells found by identity.
//!
//! A snapshot is replaced as a whole; a split's position, a limit's bucket or a health verdict must
//! not be. Such state lies in a cell with a kind and a name. A new generation adopts the cells that
//! it still names; a cell that no generation names any more is dropped with the last one that did.
//! Cells can be listed and described, for the admin API and for a successor process.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// State with an identity that outlives a configuration.
pub trait Cell: Any + Send + Sync {
    /// The state as it is now, in words that another process could adopt it from.
    fn describe(&self) -> serde_json::Value;
}

/// All cells of a process.
#[derive(Default)]
pub struct Registry {
    cells: Mutex<Cells>,
}

#[derive(Default)]
struct Cells {
    by_name: BTreeMap<Identity, Weak<dyn Cell>>,
    /// When there are this many in all, those that nobody names any more are removed.
    sweep_at: usize,
}

/// Kind and name of a cell.
type Identity = (&'static str, String);

impl Registry {
    /// The cell of this kind and name: the one that is there, or a new one that `make` builds.
    ///
    /// One kind has one type: a cell of another type under the same kind is replaced.
    pub fn adopt<T: Cell>(
        &self,
        kind: &'static str,
        name: &str,
        make: impl FnOnce() -> T,
    ) -> Arc<T> {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (kind, name.to_owned());
        if let Some(cell) = cells.by_name.get(&key).and_then(Weak::upgrade) {
            let any: Arc<dyn Any + Send + Sync> = cell;
            if let Ok(found) = any.downcast::<T>() {
                return found;
            }
        }
        let cell = Arc::new(make());
        let shared: Arc<dyn Cell> = cell.clone();
        cells.insert(key, Arc::downgrade(&shared));
        cell
    }

    /// Kind, name and state of every cell that is in use.
    pub fn list(&self) -> Vec<(&'static str, String, serde_json::Value)> {
        let cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells
            .by_name
            .iter()
            .filter_map(|((kind, name), cell)| {
                Some((*kind, name.clone(), cell.upgrade()?.describe()))
            })
            .collect()
    }
}

impl Cells {
    fn insert(&mut self, key: Identity, cell: Weak<dyn Cell>) {
        if self.by_name.len() >= self.sweep_at {
            self.by_name.retain(|_, cell| cell.strong_count() > 0);
            // A walk over all for each that comes would make large configurations slow to prepare.
            self.sweep_at = 2 * self.by_name.len() + 1;
        }
        self.by_name.insert(key, cell);
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Count(AtomicU64);
    impl Cell for Count {
        fn describe(&self) -> serde_json::Value {
            self.0.load(Ordering::Relaxed).into()
        }
    }

    #[test]
    fn a_cell_lives_as_long_as_somebody_names_it() {
        let registry = Registry::default();
        let first = registry.adopt("count", "a", || Count(AtomicU64::new(7)));
        let second = registry.adopt("count", "a", || Count(AtomicU64::new(0)));
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(registry.list(), [("count", "a".to_owned(), 7.into())]);
        drop((first, second));
        let third = registry.adopt("count", "a", || Count(AtomicU64::new(0)));
        assert_eq!(third.0.load(Ordering::Relaxed), 0);
    }
}
