//! Values that were replaced or removed leave the files of the folder.
//!
//! A tree keeps them until its tables are merged, and the log until its segments are used again.
//! Where a value was a secret, that is too long.

use std::io::ErrorKind;

use lsm_tree::AbstractTree;
use store::StoreError;

use super::{Writer, outlook_of};
use crate::database::{Database, LOG_FOLDER, Table};
use crate::error::store_error;
use crate::keeper::TABLE_BYTES;
use crate::log::TORN;

impl Writer {
    /// Writes the index anew, and an empty log, and lets go of all that was before.
    pub(super) fn forget(&mut self) -> Result<(), StoreError> {
        if self.broken.is_some() {
            return Err(self.refusal());
        }
        self.shared.read(rewrite)?;
        // Merged tables are removed when the last who may read them lets go of them.
        self.shared.reopen(|_| Ok(())).map_err(|error| {
            self.breaks(&error.to_string(), outlook_of(&error));
            self.refusal()
        })?;
        let place = self.shared.folder.place(self.shared.folder.database());
        match place.disk.unlink(&place.path.join(LOG_FOLDER).join(TORN)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(StoreError::Refused(format!("what was dropped of the log stays: {error}")))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

fn rewrite(database: &Database) -> Result<(), StoreError> {
    let failed = |error| store_error("cannot write the index anew", &error);
    database.flush().map_err(failed)?;
    let view = database.view();
    view.tree(Table::Index).major_compact(TABLE_BYTES, view.number()).map_err(failed)
}
