//! The horizon: executions that started before it are gone, but for those that are kept.
//!
//! What ended long ago is removed by a step of the horizon, which is one row, however much is
//! removed. Whatever is still wanted of what lies behind it gets a row of its own, and its places
//! in lists another letter. From then on nobody sees the rows of the others, and the trees let go
//! of them when it costs least: tables in which there is nothing else are dropped, and merging
//! leaves out what it meets. Ids are never given twice: what is gone is gone for good.

use std::fmt;
use std::panic::RefUnwindSafe;
use std::sync::Arc;

use engine::ExecutionId;
use lsm_tree::compaction::filter::{CompactionFilter, Context, Factory, ItemAccessor, Verdict};
use lsm_tree::{AbstractTree, AnyTree, Slice, Table as TreeTable};
use parking_lot::Mutex;

use crate::database::Table;
use crate::keys::{self, Owner};

/// All of a tree, whatever its number.
const NEWEST: u64 = u64::MAX;

/// The last execution that is gone, if it is not kept, and the tree that says what is kept.
pub(crate) struct Horizon {
    last: Mutex<ExecutionId>,
    /// None before the tree is open, and after it is let go of: the tree has this too.
    index: Mutex<Option<AnyTree>>,
}

impl RefUnwindSafe for Horizon {}

impl Default for Horizon {
    fn default() -> Horizon {
        Horizon { last: Mutex::new(ExecutionId([0; 16])), index: Mutex::default() }
    }
}

impl Horizon {
    /// The last execution behind it.
    pub(crate) fn last(&self) -> ExecutionId {
        *self.last.lock()
    }

    /// Moves it, after that was written.
    pub(crate) fn set(&self, last: ExecutionId) {
        *self.last.lock() = last;
    }

    pub(crate) fn set_index(&self, index: Option<AnyTree>) {
        *self.index.lock() = index;
    }

    /// How merging leaves out what is gone.
    pub(crate) fn filter(self: &Arc<Self>, table: Table) -> Arc<dyn Factory> {
        Arc::new(Filters { horizon: self.clone(), table })
    }

    /// Key ranges in which there is nothing but what is gone, each of whole tables. Tables must not
    /// come in meanwhile.
    pub(crate) fn gone_ranges(
        &self,
        table: Table,
        tables: &[TreeTable],
    ) -> Result<Vec<(Slice, Slice)>, lsm_tree::Error> {
        let (last, index) = (self.last(), self.index.lock().clone());
        let Some(index) = index else { return Ok(Vec::new()) };
        let mut spans: Vec<Span> =
            tables.iter().filter_map(|it| Span::of(table, it)).filter(|it| it.to <= last).collect();
        spans.sort_by(|one, other| one.first.cmp(&other.first));
        let mut ranges: Vec<Span> = Vec::new();
        for span in spans {
            let joined = ranges.last().filter(|it| it.is_beside(&span)).map(|it| it.joined(&span));
            if let (Some(joined), Some(range)) = (joined, ranges.last_mut())
                && !joined.holds_kept(&index)?
            {
                *range = joined;
            } else if !span.holds_kept(&index)? {
                ranges.push(span);
            }
        }
        Ok(ranges.into_iter().map(|span| (span.first, span.last)).collect())
    }
}

/// Keys that have one beginning, and the executions that they can be of.
struct Span {
    first: Slice,
    last: Slice,
    /// How long the beginning is that all of its keys have.
    prefix: usize,
    from: ExecutionId,
    to: ExecutionId,
    /// Whether rows of what is kept are elsewhere.
    is_for_others: bool,
}

impl Span {
    /// The span of a table, if all of its keys say whose they are and are in the order of ids.
    fn of(table: Table, found: &TreeTable) -> Option<Span> {
        let (first, last) = (found.metadata.key_range.min(), found.metadata.key_range.max());
        let (one, other) = (keys::owner(table, first)?, keys::owner(table, last)?);
        let (Owner::Key { id: one, prefix, is_listing }, Owner::Key { id: other, .. }) =
            (one, other)
        else {
            return None;
        };
        let is_one = first[..prefix] == *last.get(..prefix)?;
        is_one.then(|| Span {
            first: first.clone(),
            last: last.clone(),
            prefix,
            from: one.min(other),
            to: one.max(other),
            is_for_others: is_listing,
        })
    }

    fn is_beside(&self, next: &Span) -> bool {
        self.first[..self.prefix] == *next.first.get(..self.prefix).unwrap_or_default()
    }

    fn joined(&self, next: &Span) -> Span {
        Span {
            first: self.first.clone(),
            last: self.last.clone().max(next.last.clone()),
            prefix: self.prefix,
            from: self.from.min(next.from),
            to: self.to.max(next.to),
            is_for_others: self.is_for_others,
        }
    }

    fn holds_kept(&self, index: &AnyTree) -> Result<bool, lsm_tree::Error> {
        if self.is_for_others {
            return Ok(false);
        }
        let range = keys::kept(self.from)..=keys::kept(self.to);
        match index.range(range, NEWEST, None).next() {
            Some(row) => lsm_tree::Guard::key(row).map(|_| true),
            None => Ok(false),
        }
    }
}

struct Filters {
    horizon: Arc<Horizon>,
    table: Table,
}

impl Factory for Filters {
    fn name(&self) -> &'static str {
        "gone executions"
    }

    fn make_filter(&self, _context: &Context) -> Box<dyn CompactionFilter> {
        let index = self.horizon.index.lock().clone();
        let last = self.horizon.last();
        Box::new(Filter { table: self.table, last, index, decided: None })
    }
}

impl fmt::Debug for Filters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Filters").field("table", &self.table).finish_non_exhaustive()
    }
}

/// Leaves out rows of executions that are gone.
struct Filter {
    table: Table,
    last: ExecutionId,
    index: Option<AnyTree>,
    /// The last answer: rows of one execution come one after the other.
    decided: Option<(ExecutionId, bool)>,
}

impl Filter {
    fn is_gone(&mut self, id: ExecutionId) -> Result<bool, lsm_tree::Error> {
        if let Some((decided, is_gone)) = self.decided
            && decided == id
        {
            return Ok(is_gone);
        }
        let Some(index) = &self.index else { return Ok(false) };
        let is_gone = !index.contains_key(keys::kept(id), NEWEST)?;
        self.decided = Some((id, is_gone));
        Ok(is_gone)
    }
}

impl CompactionFilter for Filter {
    fn filter_item(
        &mut self,
        item: ItemAccessor<'_>,
        _context: &Context,
    ) -> Result<Verdict, lsm_tree::Error> {
        let (id, is_listing) = match keys::owner(self.table, item.key()) {
            Some(Owner::Key { id, is_listing, .. }) => (Some(id), is_listing),
            Some(Owner::Value) => (keys::execution_id(&item.value()?), false),
            None => (None, false),
        };
        match id {
            Some(id) if id <= self.last && (is_listing || self.is_gone(id)?) => {
                Ok(Verdict::Destroy)
            }
            Some(_) | None => Ok(Verdict::Keep),
        }
    }
}
