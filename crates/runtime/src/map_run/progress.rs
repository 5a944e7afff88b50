//! How far a Map Run is: which children have ended, how, and what follows from that.

use std::collections::BTreeMap;

use engine::Status;
use json::Document;
use store::{MapRunChild, MapRunCounts, MapRunOutcomes, MapRunRecord};

/// Sets of numbers that are mostly runs of neighbours.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Adds a number; says whether it was not there.
    pub(crate) fn insert(&mut self, number: u64) -> bool {
        let before = self.0.range(..=number).next_back().map(|(start, end)| (*start, *end));
        if before.is_some_and(|(_, end)| number < end) {
            return false;
        }
        let start = match before {
            Some((start, end)) if end == number => start,
            _ => number,
        };
        let end = self.0.remove(&(number + 1)).unwrap_or(number + 1);
        self.0.insert(start, end);
        true
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        self.0.range(..=number).next_back().is_some_and(|(_, end)| number < *end)
    }

    /// The least number that is not there.
    pub(crate) fn first_gap(&self) -> u64 {
        self.0.get(&0).copied().unwrap_or(0)
    }
}

/// Which children of a Map Run have ended.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    ended: Ranges,
    pub(crate) items: MapRunCounts,
    pub(crate) executions: MapRunCounts,
    /// The outputs by child, where the result of the state is made of them, and as long as they
    /// are not too many.
    outputs: Option<Outputs>,
    /// The children that had failed, timed out or been aborted before the last redrive of the run.
    before: BTreeMap<u64, Before>,
    /// What is still to be written.
    unwritten: Vec<MapRunChild>,
    unwritten_bytes: usize,
}

/// What a child was before the last redrive of the run.
#[derive(Debug)]
struct Before {
    failures: u64,
    items: u64,
    /// How it ended last.
    status: Status,
}

#[derive(Debug)]
struct Outputs {
    by_child: BTreeMap<u64, Document>,
    bytes: usize,
    bytes_max: usize,
}

impl Progress {
    /// Puts the counts into the record of the run.
    pub(crate) fn write_counts(&self, record: &mut MapRunRecord) {
        record.item_counts = self.items;
        record.execution_counts = self.executions;
    }

    /// Nothing has ended. With a limit, outputs are kept up to so many bytes.
    pub(crate) fn new(output_bytes_max: Option<usize>) -> Progress {
        let outputs = |bytes_max| Outputs { by_child: BTreeMap::new(), bytes: 2, bytes_max };
        Progress { outputs: output_bytes_max.map(outputs), ..Progress::default() }
    }

    /// Takes over what was written before, up to the redrive of that number.
    pub(crate) fn recall(&mut self, outcomes: MapRunOutcomes, redrive_count: u64) {
        let is_over = outcomes.redrive_count < redrive_count;
        for child in outcomes.children {
            if !is_over || child.status == Status::Succeeded {
                self.count(&child);
            } else {
                let failures = self.failures_before(child.index) + 1;
                let before = Before { failures, items: child.items, status: child.status };
                self.before.insert(child.index, before);
            }
        }
    }

    /// Counts the children that the last redrive did not reach, because the run ended before: they
    /// are still what they were.
    pub(crate) fn count_unreached(&mut self) {
        for (index, before) in &self.before {
            if self.ended.insert(*index) {
                self.items.add(before.status, before.items);
                self.executions.add(before.status, 1);
            }
        }
    }

    /// A child has ended. Says whether that is news.
    pub(crate) fn add(&mut self, child: MapRunChild) -> bool {
        if !self.count(&child) {
            return false;
        }
        let bytes = |document: &Option<Document>| document.as_ref().map_or(0, Document::len_bytes);
        self.unwritten_bytes += 64 + bytes(&child.input) + bytes(&child.output);
        self.unwritten.push(child);
        true
    }

    fn count(&mut self, child: &MapRunChild) -> bool {
        if !self.ended.insert(child.index) {
            return false;
        }
        self.items.add(child.status, child.items);
        self.executions.add(child.status, 1);
        if child.status == Status::Succeeded
            && let Some(outputs) = &mut self.outputs
            && let Some(output) = &child.output
        {
            outputs.bytes += output.text().len() + 1;
            outputs.by_child.insert(child.index, output.clone());
            if outputs.bytes > outputs.bytes_max + 1 {
                self.outputs = None;
            }
        }
        true
    }

    pub(crate) fn failures_before(&self, child: u64) -> u64 {
        self.before.get(&child).map_or(0, |before| before.failures)
    }

    pub(crate) fn has_ended(&self, child: u64) -> bool {
        self.ended.contains(child)
    }

    /// All children before it have ended.
    pub(crate) fn first_open(&self) -> u64 {
        self.ended.first_gap()
    }

    /// Whether the outputs of children are needed.
    pub(crate) fn keeps_outputs(&self) -> bool {
        self.outputs.is_some()
    }

    /// The outputs in the order of the items; none where they are too large together.
    pub(crate) fn result(&self) -> Option<Document> {
        let outputs = self.outputs.as_ref()?;
        let texts: Vec<&str> = outputs.by_child.values().map(Document::text).collect();
        Some(Document::from_trusted_text(&format!("[{}]", texts.join(","))))
    }

    pub(crate) fn unwritten(&self) -> usize {
        self.unwritten.len()
    }

    pub(crate) fn unwritten_bytes(&self) -> usize {
        self.unwritten_bytes
    }

    /// What is to be written now.
    pub(crate) fn take_unwritten(&mut self) -> Vec<MapRunChild> {
        self.unwritten_bytes = 0;
        std::mem::take(&mut self.unwritten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_one_range() {
        let mut ranges = Ranges::default();
        for (number, is_new, gap) in
            [(1, true, 0), (3, true, 0), (1, false, 0), (0, true, 2), (2, true, 4), (3, false, 4)]
        {
            assert_eq!(ranges.insert(number), is_new, "{number}");
            assert_eq!(ranges.first_gap(), gap, "{number}");
            assert!(ranges.contains(number) && !ranges.contains(number + 10));
        }
        assert_eq!(ranges.0, BTreeMap::from([(0, 4)]));
    }

    fn child(index: u64, status: Status, output: &str) -> MapRunChild {
        MapRunChild {
            index,
            items: 2,
            status,
            start: engine::Timestamp(1),
            stop: engine::Timestamp(2),
            input: None,
            output: Some(Document::from_trusted_text(output)),
            failure: None,
        }
    }

    #[test]
    fn outputs_come_in_the_order_of_the_items_up_to_a_limit() {
        let mut progress = Progress::new(Some(7));
        assert_eq!(progress.result().map(|result| result.text().to_owned()), Some("[]".into()));
        assert!(progress.add(child(1, Status::Succeeded, "22")));
        assert!(progress.add(child(0, Status::Succeeded, "11")));
        assert!(!progress.add(child(0, Status::Succeeded, "33")));
        assert_eq!(progress.result().map(|it| it.text().to_owned()), Some("[11,22]".into()));
        assert!(progress.add(child(2, Status::Succeeded, "0")));
        assert_eq!(progress.result(), None);
        assert_eq!((progress.items.succeeded, progress.executions.succeeded), (6, 3));
        assert_eq!(progress.take_unwritten().len(), 3);
    }

    #[test]
    fn a_redrive_forgets_what_was_unsuccessful() {
        let outcomes = |redrive_count| MapRunOutcomes {
            redrive_count,
            mark: None,
            children: vec![child(0, Status::Succeeded, "1"), child(1, Status::Failed, "1")],
        };
        let mut progress = Progress::new(None);
        progress.recall(outcomes(0), 1);
        assert_eq!((progress.has_ended(0), progress.has_ended(1)), (true, false));
        progress.recall(outcomes(1), 1);
        assert!(progress.has_ended(1));
        assert_eq!((progress.items.succeeded, progress.items.failed), (2, 2));
    }

    #[test]
    fn a_child_that_a_redrive_did_not_reach_counts_as_it_was() {
        let row = |redrive_count, children| MapRunOutcomes { redrive_count, mark: None, children };
        let mut progress = Progress::new(None);
        let first = vec![child(0, Status::Failed, "1"), child(1, Status::Aborted, "1")];
        progress.recall(row(0, first), 1);
        progress.recall(row(1, vec![child(0, Status::Failed, "1")]), 1);
        assert_eq!((progress.items.failed, progress.items.aborted), (2, 0));
        progress.count_unreached();
        progress.count_unreached();
        assert_eq!((progress.items.failed, progress.items.aborted), (2, 2));
        assert_eq!((progress.executions.failed, progress.executions.aborted), (1, 1));
    }
}
