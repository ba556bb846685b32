//! Modules: received, inspected, and only then kept.

use std::io;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use bramble_protocol::account::Role;
use bramble_protocol::api::ModuleResponse;
use bramble_protocol::{Digest, ModuleInfo, ProblemKind};
use bramble_scheduler::ModuleRefusal;
use bramble_store::{Staged, Store, StoreError, Touched};

use crate::access::Asker;
use crate::body::{BodyReader, announced, refusal};
use crate::error::{ApiError, ApiResult};
use crate::limits;
use crate::routes::now_ms;
use crate::state::{Head, Shared, blocking};
use crate::stored::{quarantine, unreadable};

/// `POST /modules`: the body is the module.
pub(crate) async fn upload(
    State(head): State<Head>,
    asker: Asker,
    request: Request,
) -> ApiResult<Json<ModuleResponse>> {
    announced(request.headers(), limits::MODULE_BYTES_MAX)?;
    head.take_module(&asker, request.into_body()).await.map(Json)
}

/// Whether the store holds the module, and soundly: a damaged one is set aside, so that the bytes
/// that have just come replace it.
fn is_here(store: &Store, digest: &Digest) -> ApiResult<bool> {
    let has = || Ok(store.touch(digest).map_err(ApiError::fault)? != Touched::Missing);
    if !has()? {
        return Ok(false);
    }
    quarantine(store, digest);
    has()
}

fn stage(store: &Store, mut reader: impl io::Read) -> ApiResult<Staged> {
    let mut writer = store.stage().map_err(ApiError::fault)?;
    io::copy(&mut reader, &mut writer)
        .map_err(|error| refusal(&error).unwrap_or_else(|| ApiError::fault(error)))?;
    writer.finish().map_err(ApiError::fault)
}

impl Shared {
    /// Receives a module, inspects it, and keeps it if it is sound.
    ///
    /// # Errors
    /// When it is none, too long, or whoever asks may not send more.
    pub(crate) async fn take_module(&self, asker: &Asker, body: Body) -> ApiResult<ModuleResponse> {
        self.may_send(asker).await?;
        let place = self.uploads.take().await;
        let reader = BodyReader::new(body, limits::MODULE_BYTES_MAX);
        let reader = self.counted(asker, reader);
        let (staged, known) = self
            .with_store(move |store| {
                let staged = stage(store, reader)?;
                let known = is_here(store, &staged.object().digest)?;
                drop(place);
                Ok((staged, known))
            })
            .await?;
        let digest = staged.object().digest;
        let sender = asker.signed_in()?;
        // Whoever sends a module for the first time waits as if nobody had, and is told so.
        let known = known
            && (sender.role == Role::Admin || self.holds_module(&sender.user, digest).await?);
        if known && let Some(module) = self.infos.get(&digest) {
            return Ok(ModuleResponse { module, known });
        }
        let module = self.inspect_staged(staged).await?;
        let (accounts, user) = (self.accounts.clone(), sender.user.clone());
        blocking(move || Ok(accounts.hold(&user, &[digest], now_ms())?)).await?;
        self.infos.keep(module.clone());
        tracing::info!(module = %digest, "module {} accepted", digest.short());
        Ok(ModuleResponse { module, known })
    }

    async fn holds_module(&self, user: &str, digest: Digest) -> ApiResult<bool> {
        let (accounts, user) = (self.accounts.clone(), user.to_owned());
        blocking(move || Ok(accounts.not_held(&user, &[digest])?.is_empty())).await
    }

    /// Sees that a user may make a job of a module: that he has sent it.
    pub(crate) async fn check_module_held(&self, user: &str, digest: Digest) -> ApiResult<()> {
        match self.holds_module(user, digest).await? {
            true => Ok(()),
            false => Err(no_module(&digest)),
        }
    }

    /// Inspects a module that has been received, and keeps it if it is sound.
    async fn inspect_staged(&self, staged: Staged) -> ApiResult<ModuleInfo> {
        let (modules, digest) = (self.modules.clone(), staged.object().digest);
        let known = blocking(move || Ok(modules.known_refusal(&digest))).await?;
        if let Some(refusal) = known {
            return Err(refused(refusal));
        }
        let place = self.inspection_place().await?;
        let (store, modules) = (self.store.clone(), self.modules.clone());
        blocking(move || {
            let bytes = std::fs::read(staged.path()).map_err(ApiError::fault)?;
            let module = modules.inspect(&bytes).map_err(refused)?;
            store.commit(vec![staged]).map_err(ApiError::fault)?;
            drop(place);
            Ok(module)
        })
        .await
    }

    /// A place among those who inspect.
    pub(crate) async fn inspection_place(&self) -> ApiResult<tokio::sync::OwnedSemaphorePermit> {
        self.inspections
            .take_soon(limits::INSPECTIONS_WAITING_MAX)
            .await
            .ok_or_else(|| ApiError::busy("too many modules wait to be inspected"))
    }

    /// What a stored module is. Inspects it again when that was forgotten, as after a restart.
    ///
    /// # Errors
    /// When it is not stored, or cannot be run as a job.
    pub(crate) async fn module_info(&self, digest: Digest) -> ApiResult<ModuleInfo> {
        // It counts as used now, so that it is not removed before the job is known.
        let touch = move |store: &Store| store.touch(&digest).map_err(ApiError::fault);
        let touched = self.with_store(touch).await?;
        if touched != Touched::Missing
            && let Some(module) = self.infos.get(&digest)
        {
            return Ok(module);
        }
        let place = self.inspection_place().await?;
        let (store, modules) = (self.store.clone(), self.modules.clone());
        let module = blocking(move || {
            let bytes = store
                .get_by_digest(&digest, limits::MODULE_BYTES_MAX)
                .map_err(|error| unreadable_module(&store, &digest, error))?;
            let module = modules.inspect(&bytes).map_err(refused);
            drop(place);
            module
        })
        .await?;
        self.infos.keep(module.clone());
        Ok(module)
    }
}

fn unreadable_module(store: &Store, digest: &Digest, error: StoreError) -> ApiError {
    match error {
        StoreError::Missing { .. } => no_module(digest),
        StoreError::TooLarge { .. } => {
            ApiError::bad_job(format!("object {} is too long to be a module", digest.short()))
        }
        _ => unreadable(store, error),
    }
}

fn no_module(digest: &Digest) -> ApiError {
    ApiError::bad_job(format!("module {} is not on the head", digest.short()))
        .help("submit with the module's file, which sends it")
}

fn refused(refusal: ModuleRefusal) -> ApiError {
    let ModuleRefusal { title, detail, help } = refusal;
    let error = ApiError::new(ProblemKind::BadModule, title);
    let error = detail.into_iter().fold(error, ApiError::detail);
    help.into_iter().fold(error, ApiError::help)
}
