//! Puts the pages of all workers together, on a thread of its own. Entered once for each run; a second
//! becomes a row of the series when every worker has told it.

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;

use super::ledger::Page;
use crate::tally::{Row, Tally};

/// The numbers of the whole run.
#[derive(Debug)]
pub(super) struct Collected {
    /// Everything counted, over all workers.
    pub(super) tally: Tally,
    /// The run second by second, without gaps.
    pub(super) series: Vec<Row>,
}

/// What has been told so far.
struct Collector {
    collected: Collected,
    kinds: usize,
    /// Seconds that some worker has not told yet.
    open: BTreeMap<u32, Tally>,
    /// For each worker, the first second that it has not told as a whole.
    told: Vec<u32>,
}

/// Reads pages until no worker can send any more. `on_row` is shown each row when it is complete, unless
/// the run has ended within its second.
pub(super) fn collect(
    pages: &Receiver<Page>,
    workers: usize,
    kinds: usize,
    mut on_row: impl FnMut(&Row),
) -> Collected {
    let mut collector = Collector {
        collected: Collected {
            tally: Tally::new(kinds),
            series: Vec::new(),
        },
        kinds,
        open: BTreeMap::new(),
        told: vec![0; workers],
    };
    for page in pages {
        collector.take(&page);
        let complete = collector.told.iter().copied().min().unwrap_or(0);
        collector.close_until(complete, &mut on_row);
    }
    let end = collector.open.keys().last().map_or(0, |last| last + 1);
    collector.close_until(end, &mut |_| {});
    collector.collected
}

impl Collector {
    fn take(&mut self, page: &Page) {
        let kinds = self.kinds;
        self.open
            .entry(page.second)
            .or_insert_with(|| Tally::new(kinds))
            .merge(&page.tally);
        self.told[page.worker] = page.second + u32::from(page.is_whole);
    }

    /// Makes rows of all seconds before `end` that are none yet.
    fn close_until(&mut self, end: u32, on_row: &mut impl FnMut(&Row)) {
        let next = |series: &[Row]| series.last().map_or(0, |row| row.second + 1);
        for second in next(&self.collected.series)..end {
            let tally = self.open.remove(&second);
            let tally = tally.unwrap_or_else(|| Tally::new(self.kinds));
            let row = Row::new(second, &tally.total());
            on_row(&row);
            self.collected.tally.merge(&tally);
            self.collected.series.push(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn page(worker: usize, second: u32, due: u64) -> Page {
        let mut tally = Tally::new(1);
        tally.kinds[0].due = due;
        tally.connections.opened = 1;
        Page {
            worker,
            second,
            is_whole: true,
            tally,
        }
    }

    fn last_page(worker: usize, second: u32, due: u64) -> Page {
        Page {
            is_whole: false,
            ..page(worker, second, due)
        }
    }

    #[test]
    fn a_row_waits_for_all_workers_and_gaps_are_rows_too() {
        let (sender, pages) = mpsc::channel();
        for page in [
            page(0, 0, 1),
            page(0, 1, 2),
            page(1, 0, 10),
            page(0, 2, 3),
            last_page(1, 3, 20),
            last_page(0, 3, 4),
        ] {
            sender.send(page).unwrap();
        }
        drop(sender);
        let mut shown = Vec::new();
        let collected = collect(&pages, 2, 1, |row| shown.push((row.second, row.due)));
        assert_eq!(shown, [(0, 11), (1, 2), (2, 3)]);
        let rows: Vec<_> = collected.series.iter().map(|row| row.due).collect();
        assert_eq!(rows, [11, 2, 3, 24]);
        assert_eq!(collected.tally.kinds[0].due, 40);
        assert_eq!(collected.tally.connections.opened, 6);
    }

    #[test]
    fn a_row_is_shown_as_soon_as_it_is_complete() {
        let (sender, pages) = mpsc::channel();
        let (rows, shown) = mpsc::channel();
        let collecting = std::thread::spawn(move || {
            collect(&pages, 2, 1, |row| rows.send(row.due).unwrap());
        });
        sender.send(page(0, 0, 1)).unwrap();
        sender.send(page(1, 0, 2)).unwrap();
        assert_eq!(shown.recv(), Ok(3));
        drop(sender);
        collecting.join().unwrap();
    }
}
