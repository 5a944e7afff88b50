//! How the writer has damaged tables mended, and what it does beside its groups.

use std::thread::JoinHandle;

use store::StoreError;

use super::{Outlook, Writer, outlook_of};
use crate::agenda_reads::AgendaSlice;
use crate::agendas::Scan;
use crate::mend::{self, Copy};
use crate::queue::{Request, closed};
use crate::removals::ROWS_AT_ONCE;

/// As many agendas are read at once after a start: a fraction of a millisecond's work.
const SCAN_ROWS: usize = 512;

/// After so many looks at all tables that found nothing, damage is left to an operator.
const FUTILE_LOOKS_MAX: u32 = 3;

/// What the writer knows of damage.
#[derive(Default)]
pub(super) struct Mending {
    /// The thread that looks at the tables.
    examiner: Option<JoinHandle<()>>,
    /// Looks that found nothing.
    futile_looks: u32,
    /// The scan waits for tables to be mended.
    is_scan_held_up: bool,
    /// What could not be checked, and waits for the same.
    held_up: Vec<Request>,
}

impl Writer {
    /// Has all tables looked at, on a thread of its own, since one of them is damaged.
    pub(super) fn examine(&mut self) {
        if self.mending.futile_looks >= FUTILE_LOOKS_MAX {
            self.shared.alarm.give_up();
            return self.go_on();
        }
        if self.mending.examiner.as_ref().is_some_and(|it| !it.is_finished()) {
            return;
        }
        let Ok(tables) = self.shared.read(|database| Ok(database.tables())) else { return };
        let (shared, path) = (self.shared.clone(), self.shared.folder.database());
        let work = move || {
            let copies = mend::copies(&path, &tables);
            shared.queue.push(Request::Mend(copies));
        };
        let thread = std::thread::Builder::new().name("store-examine".to_owned());
        match thread.spawn(work) {
            Ok(examiner) => self.mending.examiner = Some(examiner),
            Err(error) => tracing::error!(%error, "tables cannot be examined"),
        }
    }

    /// Answers a request that could not be checked; or keeps it until tables are mended, where what
    /// it met is looked into.
    pub(super) fn refuse(&mut self, request: Request, error: StoreError) {
        match error {
            StoreError::Corrupt(_) if self.shared.alarm.is_looked_into() => {
                self.mending.held_up.push(request)
            }
            error => request.refuse(error),
        }
    }

    /// Puts mended tables in place, for which the database is opened anew.
    pub(super) fn mend(&mut self, copies: Vec<Copy>) {
        let tables = self.shared.read(|database| Ok(database.tables())).unwrap_or_default();
        // Some may have been merged or dropped meanwhile.
        let there = |copy: &Copy| tables.contains(&(copy.table, copy.number));
        let copies: Vec<_> = copies.into_iter().filter(there).collect();
        if copies.is_empty() {
            self.mending.futile_looks += 1;
        } else {
            self.mending.futile_looks = 0;
            match self.shared.reopen(|path| mend::put_in_place(path, &copies)) {
                Ok(()) => tracing::warn!(tables = copies.len(), "damaged tables are mended"),
                Err(error) => self.breaks(&error.to_string(), outlook_of(&error)),
            }
        }
        self.calm();
    }

    /// Lets everything go on that waited for tables to be mended.
    pub(super) fn calm(&mut self) {
        self.shared.alarm.calm();
        self.go_on();
    }

    fn go_on(&mut self) {
        self.mending.is_scan_held_up = false;
        self.carried.append(&mut self.mending.held_up);
        self.shared.readers.wake();
    }

    /// Whether there is something to do beside the groups.
    pub(super) fn is_busy(&self) -> bool {
        let scans = matches!(self.shared.agendas.lock().scan(), Scan::Begun | Scan::Behind(_));
        !self.cleanup.is_empty() || scans && !self.mending.is_scan_held_up
    }

    /// Does a little of that.
    pub(super) fn do_other_work(&mut self) {
        self.scan();
        let rows = self.cleanup.take(ROWS_AT_ONCE);
        if !rows.is_empty() && self.broken.is_none() {
            self.write_alone(rows);
        }
    }

    /// Takes up a slice of the agendas that were there at the start.
    fn scan(&mut self) {
        let scan = *self.shared.agendas.lock().scan();
        let after = match scan {
            _ if self.broken.is_some() || self.mending.is_scan_held_up => return,
            Scan::Begun => None,
            Scan::Behind(id) => Some(id),
            Scan::Done => return,
        };
        let slice = self.shared.read(|database| database.agendas_after(after, SCAN_ROWS));
        match slice {
            Ok(AgendaSlice { rows, unreadable, next }) => {
                let scan = next.map_or(Scan::Done, Scan::Behind);
                for (id, error) in &unreadable {
                    tracing::error!(execution = %id, %error, "an agenda cannot be read: the \
                        execution is quarantined");
                }
                if scan == Scan::Done {
                    self.tell_lost_agendas();
                }
                self.shared.agendas.lock().take_up(rows, &unreadable, scan);
            }
            Err(error @ StoreError::Corrupt(_)) => {
                // Goes on when the tables are mended, or where nothing can be found in them.
                self.mending.is_scan_held_up = true;
                if !self.shared.alarm.is_looked_into() {
                    tracing::error!(%error, "agendas behind this place cannot be read");
                    self.shared.agendas.lock().take_up(Vec::new(), &[], Scan::Done);
                }
            }
            Err(error) => self.breaks(&error.to_string(), Outlook::Room),
        }
    }

    /// Tells which open executions are quarantined, since nobody knows what comes next in them.
    fn tell_lost_agendas(&self) {
        let lost = self.shared.read(|database| database.lost_agendas());
        let lost = lost.inspect_err(|error| tracing::error!(%error, "executions cannot be read"));
        for (header, error) in lost.unwrap_or_default() {
            tracing::error!(execution = %header.arn, %error, "an agenda is lost: the execution is \
                quarantined");
            self.shared.agendas.lock().quarantine(&header);
        }
    }

    /// Writes what else is to be written before the end.
    pub(super) fn finish_other_work(&mut self) {
        while !self.cleanup.is_empty() && self.broken.is_none() {
            let rows = self.cleanup.take(ROWS_AT_ONCE);
            if !rows.is_empty() {
                self.write_alone(rows);
            }
        }
    }

    /// Waits for the thread that looks at tables, whose folder is let go of.
    pub(super) fn end_examination(&mut self) {
        for request in self.mending.held_up.drain(..) {
            request.refuse(closed());
        }
        self.shared.readers.wake();
        if let Some(examiner) = self.mending.examiner.take() {
            // It has no panics but those of the engine, which it catches.
            let _ = examiner.join();
        }
    }
}
