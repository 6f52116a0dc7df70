//! The institution's registrar at work: records and assets of its own are put in batches, row by row judged, and what the
//! chain then says of each is proven before the answer.
//! It refuses to know how a record or an asset is kept, and to write for a sector that the institution does not answer for.

mod assets;
mod records;

pub(crate) use assets::AssetsService;

use crate::audit::Audit;
use crate::config::Clock;
use crate::convert::{self, SectorName};
use crate::error::{ApiError, Reason};
use crate::institution::AssetRegister;
use crate::keeper::RecordKeeper;
use crate::records::Answerer;
use crate::sectors::Sectors;
use crate::triggers::Engine;
use crate::view::HomeState;
use comity_model::state::StatePath;
use comity_model::{Height, MemberId};
use comity_proto::v1;
use comity_verify::state::ProvenAt;
use futures::{StreamExt, TryStreamExt};
use std::sync::Arc;

/// Proofs that are asked for at once.
const PROOFS_AT_ONCE: usize = 16;
/// The rules that a standing value passed.
const RULES: &[&str] = &["COMMIT_POWER", "STATE_PROOF"];

/// Puts the institution's own records and assets.
pub(crate) struct Registrar {
    pub(crate) institution: MemberId,
    pub(crate) sectors: Arc<Sectors>,
    pub(crate) keeper: RecordKeeper,
    pub(crate) assets: AssetRegister,
    pub(crate) answerer: Arc<Answerer>,
    pub(crate) home: HomeState,
    pub(crate) audit: Audit,
    pub(crate) engine: Arc<Engine>,
    pub(crate) clock: Clock,
}

/// Rows in order, each with its index in the request, and those that were refused.
struct Judged<T> {
    rows: Vec<(u32, T)>,
    errors: Vec<v1::RowError>,
}

impl<T> Default for Judged<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), errors: Vec::new() }
    }
}

impl<T> Judged<T> {
    fn judge(&mut self, index: u32, row: Result<T, ApiError>) {
        match row {
            Ok(row) => self.rows.push((index, row)),
            Err(error) => self.errors.push(row_error(index, &error)),
        }
    }
}

/// Why a row is refused, for the registrar.
fn row_error(index: u32, error: &ApiError) -> v1::RowError {
    v1::RowError {
        index,
        reason: error.reason().as_str().to_owned(),
        message: error.message().to_owned(),
        field: error.metadata("field").unwrap_or_default().to_owned(),
    }
}

/// A row that names what an earlier one names.
fn repeated() -> ApiError {
    ApiError::new(Reason::RowRepeated, "An earlier row of the batch names the same.")
}

/// A batch's rows with their indices, within its bounds.
fn indexed<T>(rows: Vec<T>, most: usize) -> Result<impl Iterator<Item = (u32, T)>, ApiError> {
    if rows.is_empty() || rows.len() > most {
        return Err(ApiError::argument("rows", format!("A batch has 1 to {most} rows.")));
    }
    Ok((0u32..).zip(rows))
}

impl Registrar {
    /// The sector that a request is about, if the institution answers for it.
    async fn sector(&self, parent: &str) -> Result<SectorName, ApiError> {
        let name = SectorName::parse(parent)?;
        if name.member != self.institution {
            let message = format!("This gateway keeps what {} answers for; ask the other one's.", self.institution);
            return Err(ApiError::argument("parent", message));
        }
        self.answerer.check_kept(&name.sector).await?;
        Ok(name)
    }

    /// Proves, under the header of `height` or the latest, that the chain says at every path what `stands` accepts, and
    /// says where. `wanted` is not empty.
    async fn prove<T>(
        &self,
        height: Option<Height>,
        wanted: &[(StatePath, T)],
        stands: impl Fn(&T, &[u8]) -> bool,
    ) -> Result<ProvenAt, ApiError> {
        let header = match height {
            Some(height) => self.home.view().header_soon(height).await?,
            None => self.home.view().fresh().await?,
        };
        let asked: Vec<_> = wanted.iter().map(|(path, _)| self.home.under(path, header.clone())).collect();
        let mut answers = futures::stream::iter(asked).buffered(PROOFS_AT_ONCE);
        let mut proven = None;
        for (_, wanted) in wanted {
            let Some(stood) = answers.try_next().await? else { break };
            let standing = stood.what;
            if !standing.value().is_some_and(|value| stands(wanted, value.value())) {
                let message = "The chain says otherwise of a row by now: another call changed it meanwhile. Try again.";
                return Err(ApiError::new(Reason::Contended, message));
            }
            proven = Some(standing.at().clone());
        }
        proven.ok_or_else(|| ApiError::fault("nothing was to be proven"))
    }

    /// Where it was proven, for the answer.
    fn proof(&self, at: &ProvenAt) -> v1::Proof {
        convert::proof(at, self.home.view().anchor(), RULES)
    }
}
