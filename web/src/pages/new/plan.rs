//! What a form asks for, as a job: checked as far as it can be before anything runs.

use bramble_protocol::inputs::{InputRequest, InputView};
use bramble_protocol::{
    JobId, JobPolicy, JobSpec, Limits, Mode, ModuleInfo, ModuleKind, NodeSelector, NodeState,
    Params, Prefer,
};

use super::fields::Fields;
use crate::error::{ApiError, ApiResult};
use crate::state::Head;

/// A job that was asked for.
pub(super) struct Plan {
    /// What it is, but for its input.
    pub(super) spec: JobSpec,
    /// How its input is made, unless it is another job's result or that of a job before.
    pub(super) input: Option<InputRequest>,
}

impl Plan {
    /// The job that a form asks for.
    ///
    /// # Errors
    /// When something typed cannot be.
    pub(super) async fn of(head: &Head, module: &ModuleInfo, fields: &Fields) -> ApiResult<Self> {
        let params = params(module, fields)?;
        let nodes = match fields.number("nodes", "the number of nodes")? {
            Some(count) => NodeSelector::AtMost(count.clamp(1, u32::MAX.into()) as u32),
            None => NodeSelector::Any,
        };
        let from = fields.number("from", "the number of the job whose result it works on")?;
        let again =
            fields.number("like", "the number of a job")?.filter(|_| fields.is_on("same-input"));
        let input = InputRequest {
            upload: upload(fields),
            module: module.digest,
            params: params.clone(),
            secrets: fields.secrets.clone(),
            split: None,
            chunk_bytes: fields.number("chunk-kib", "the size of a chunk")?.map(|it| it << 10),
            nodes: nodes.clone(),
            dry_run: false,
        };
        let name = fields.typed("name").or(module.declared.name.as_deref()).unwrap_or("job");
        let args = fields.raw("args").lines().map(str::trim).filter(|line| !line.is_empty());
        let spec = JobSpec {
            name: name.chars().filter(|c| !c.is_control()).take(100).collect(),
            module: module.digest,
            input: match again {
                Some(job) => {
                    head.handle.job(JobId(job)).await.map_or(JobSpec::NO_INPUT, |it| it.spec.input)
                }
                None => JobSpec::NO_INPUT,
            },
            params,
            secrets: None,
            args: args.filter(|_| module.kind == ModuleKind::Command).map(str::to_owned).collect(),
            command: Default::default(),
            limits: limits(head, fields).await?,
            mode: if fields.is_on("verify") { Mode::Verify } else { Mode::Fast },
            partitions: None,
            result_name: String::new(),
            clock_ms: None,
            policy: JobPolicy {
                input_from: from.map(JobId),
                cache: !fields.is_on("no-cache"),
                prefer: if fields.is_on("thrifty") { Prefer::Energy } else { Prefer::Time },
                ..JobPolicy::default()
            },
            nodes,
        };
        let is_given = from.is_some() || spec.input != JobSpec::NO_INPUT;
        Ok(Self { spec, input: (!is_given).then_some(input) })
    }

    /// The same with its input, and the name of its result.
    pub(super) fn with_input(
        mut self,
        module: &ModuleInfo,
        input: Option<&InputView>,
        file: Option<&str>,
    ) -> JobSpec {
        if let Some(manifest) = input.and_then(|input| input.manifest) {
            self.spec.input = manifest.digest;
        }
        let of_what = match file {
            Some(file) if !file.is_empty() => format!("{}-{file}", self.spec.name),
            _ => self.spec.name.clone(),
        };
        let name = module.declared.result_name(&of_what, &self.spec.params);
        let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
        self.spec.result_name = name.chars().map(plain).take(100).collect();
        self.spec
    }
}

/// The upload that a form names, or the file that came with it.
pub(super) fn upload(fields: &Fields) -> Option<String> {
    let sent = fields.file.as_ref().map(|upload| upload.id.clone());
    sent.or_else(|| fields.typed("upload").map(str::to_owned))
}

/// Parameters as typed; those that are left empty are as the module declares them.
fn params(module: &ModuleInfo, fields: &Fields) -> ApiResult<Params> {
    let mut params = Params::new();
    for declared in module.declared.params.iter().filter(|declared| !declared.secret) {
        let Some(value) = fields.typed(&format!("param-{}", declared.name)) else { continue };
        if declared.default.as_deref() == Some(value) {
            continue;
        }
        if let Some(fault) = declared.fault(value) {
            return Err(ApiError::bad_job(fault).detail(format!("param-{}", declared.name)));
        }
        params.insert(declared.name.clone(), value.to_owned());
    }
    Ok(params)
}

/// What each task may use: as typed, else what is usual on the smallest node that is here.
async fn limits(head: &Head, fields: &Fields) -> ApiResult<Limits> {
    let nodes = head.handle.nodes().await;
    let here = nodes.iter().filter(|node| node.state != NodeState::Lost);
    let smallest = here.filter_map(|node| node.status.memory_bytes_total).min();
    let mut limits = smallest.map_or_else(Limits::default, Limits::default_for);
    if let Some(mib) = fields.number("memory-mib", "the memory of a task")? {
        limits.memory_bytes_max = mib.saturating_mul(1 << 20);
    }
    if let Some(seconds) = fields.number("seconds", "the time of a task")? {
        limits.cpu_ms_max = seconds.saturating_mul(1000);
        limits.wall_ms_max = limits.wall_ms_max.max(limits.cpu_ms_max.saturating_mul(4));
    }
    Ok(limits)
}
