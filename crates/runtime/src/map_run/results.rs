//! The results of a Map Run, page by page, for its `ResultWriter`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use engine::Status;
use json::Document;
use store::{MapRunChild, StoreError};

use super::children::{Family, Names};
use crate::shell::{Backoff, Shell};
use crate::{ChildResult, OperationalError, ResultSource};

/// Reads the results of a run from what is stored of its children.
pub(crate) struct StoredResults {
    pub(crate) shell: Arc<Shell>,
    pub(crate) family: Arc<Family>,
    /// The last row that was read.
    after: Option<u64>,
    children: VecDeque<(u64, MapRunChild)>,
    /// The page in the making, which stays where the store fails meanwhile.
    page: Vec<ChildResult>,
}

/// Results that are given at a time.
const PAGE: usize = 100;

impl StoredResults {
    pub(crate) fn new(shell: Arc<Shell>, family: Arc<Family>) -> StoredResults {
        StoredResults { shell, family, after: None, children: VecDeque::new(), page: Vec::new() }
    }

    async fn page(&mut self) -> Result<Vec<ChildResult>, StoreError> {
        while self.page.len() < PAGE {
            match self.children.front().cloned() {
                Some((redrive_count, child)) => {
                    let result = self.result(redrive_count, child).await?;
                    self.children.pop_front();
                    self.page.extend(result);
                }
                None if !self.page.is_empty() => break,
                None => {
                    let Names { scope, run, .. } = &self.family.names;
                    let rows = self.shell.map_run_outcomes(scope, *run, self.after).await?;
                    let Some((last, rows)) = rows else { break };
                    self.after = Some(last);
                    for row in rows {
                        let redrive_count = row.redrive_count;
                        self.children
                            .extend(row.children.into_iter().map(|it| (redrive_count, it)));
                    }
                }
            }
        }
        Ok(std::mem::take(&mut self.page))
    }

    /// None where a later redrive has another result of the child.
    async fn result(
        &self,
        redrive_count: u64,
        child: MapRunChild,
    ) -> Result<Option<ChildResult>, StoreError> {
        let family = &self.family;
        let is_over =
            redrive_count < family.redrive_count && child.status != engine::Status::Succeeded;
        if is_over {
            return Ok(None);
        }
        let name = family.names.child_name(child.index, redrive_count);
        let arn = family.names.child_arn(&name);
        let (input, output, failure) = match child.input {
            Some(input) => (input, child.output, child.failure),
            None => {
                let header = match self.shell.store.find_execution(&arn).await? {
                    Some(id) => self.shell.store.header(id).await?,
                    None => None,
                };
                let Some(header) = header else {
                    return Err(StoreError::Corrupt(format!("{arn} is not there")));
                };
                let described = self.shell.description(header).await?;
                (described.input, described.output, described.failure)
            }
        };
        Ok(Some(ChildResult {
            index: child.index,
            execution_arn: arn,
            name,
            state_machine_arn: family.state_machine_arn.clone(),
            status: Some(child.status),
            input,
            output,
            failure,
            start: Some(child.start),
            stop: Some(child.stop),
            redrive_count,
        }))
    }
}

/// The result of a Map state without a `ResultWriter`: the outputs in the order of the items, and
/// of children that did not succeed what describes them; none where that is too large.
pub(crate) async fn gathered(
    shell: &Arc<Shell>,
    family: &Arc<Family>,
) -> Result<Option<Document>, StoreError> {
    let mut results = StoredResults::new(shell.clone(), family.clone());
    let mut rows: BTreeMap<u64, String> = BTreeMap::new();
    let mut length = 2;
    loop {
        let page = results.page().await?;
        if page.is_empty() {
            break;
        }
        for result in page {
            let row = match (&result.output, result.status) {
                (Some(output), Some(Status::Succeeded)) => output.text().to_owned(),
                _ => result.described().to_text(),
            };
            length += row.len() + 1;
            if length > shell.config.limits.payload_bytes_max + 1 {
                return Ok(None);
            }
            rows.insert(result.index, row);
        }
    }
    let rows: Vec<String> = rows.into_values().collect();
    Ok(Some(Document::from_trusted_text(&format!("[{}]", rows.join(",")))))
}

#[async_trait]
impl ResultSource for StoredResults {
    async fn next(&mut self) -> Result<Vec<ChildResult>, OperationalError> {
        let mut backoff = Backoff::default();
        loop {
            self.shell.check_open()?;
            match self.page().await {
                Ok(page) => return Ok(page),
                Err(error) if !error.is_passing() => return Err(error.into()),
                Err(error) => {
                    if !backoff.pause(&self.shell, &error).await {
                        return Err(error.into());
                    }
                }
            }
        }
    }
}
