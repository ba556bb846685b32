//! What was done, by whom, from where.

use axum::Json;
use axum::extract::{Query, State};
use bramble_accounts::{Deed, Deeds};
use bramble_protocol::account::AuditList;
use serde::Deserialize;

use crate::access::Asker;
use crate::error::{ApiError, ApiResult};
use crate::limits;
use crate::routes::now_ms;
use crate::state::{Head, Shared, blocking};

/// Which entries somebody wants.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    count: Option<usize>,
    before: Option<u64>,
    who: Option<String>,
    action: Option<String>,
}

/// `GET /audit`: the latest entries first.
pub(crate) async fn list(
    State(head): State<Head>,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> ApiResult<Json<AuditList>> {
    let Query(wanted) = wanted.map_err(|error| {
        ApiError::bad_request("the question is not `?count=N&before=N&who=NAME&action=NAME`")
            .detail(error.body_text())
    })?;
    let deeds = Deeds {
        count: wanted.count.unwrap_or(100).min(limits::AUDIT_ENTRIES_MAX),
        before: wanted.before.map(|number| number.min(i64::MAX as u64)),
        who: wanted.who,
        action: wanted.action,
    };
    let accounts = head.accounts.clone();
    blocking(move || Ok(accounts.audit(&deeds)?)).await.map(Json)
}

impl Shared {
    /// Writes down what whoever asks has done.
    pub(crate) async fn note(&self, asker: &Asker, action: &str, subject: &str, detail: &str) {
        let (who, from) = (asker.name(), asker.from);
        self.record(Deed { who, from, action, subject, detail }).await;
    }

    /// Writes something down. What was done stays done when that fails.
    pub(crate) async fn record(&self, deed: Deed<'_>) {
        let Deed { who, from, action, subject, detail } = deed;
        let [who, action, subject, detail] = [who, action, subject, detail].map(str::to_owned);
        let accounts = self.accounts.clone();
        let written = blocking(move || {
            let deed =
                Deed { who: &who, from, action: &action, subject: &subject, detail: &detail };
            Ok(accounts.record(&deed, now_ms())?)
        });
        if let Err(error) = written.await {
            tracing::error!("the audit log cannot be written: {error:?}");
        }
    }
}
