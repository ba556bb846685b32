//! What a job may ask for, checked before anything is looked up. No I/O. What depends on the
//! module or the cluster is the scheduler's to judge.

use bramble_protocol::{JobSpec, NodeSelector, Params};

use crate::error::{ApiError, ApiResult};
use crate::limits;

/// Cleans the names of a job and refuses what is out of bounds.
pub(crate) fn accept(mut spec: JobSpec) -> ApiResult<JobSpec> {
    spec.name = printable(spec.name.trim());
    if !(1..=limits::JOB_NAME_CHARS_MAX).contains(&spec.name.chars().count()) {
        return Err(ApiError::bad_job(format!(
            "a job's name must have 1 to {} characters",
            limits::JOB_NAME_CHARS_MAX
        )));
    }
    spec.result_name = file_name(&spec.result_name);
    let fault = params_fault(&spec.params)
        .or_else(|| args_fault(&spec.args))
        .or_else(|| args_fault(spec.command.merge_args.as_deref().unwrap_or_default()))
        .or_else(|| spec.command.fault())
        .or_else(|| nodes_fault(&spec.nodes))
        .or_else(|| spec.limits.fault())
        .or_else(|| spec.clock_fault())
        .or_else(|| spec.policy.fault());
    fault.map_or(Ok(spec), |fault| Err(ApiError::bad_job(fault)))
}

fn params_fault(params: &Params) -> Option<String> {
    if params.len() > limits::PARAMS_MAX {
        return Some(format!("a job may have at most {} parameters", limits::PARAMS_MAX));
    }
    params.iter().find_map(|(name, value)| {
        let usable = |c: char| is_printable(c) && !c.is_whitespace() && c != '=';
        if !(1..=limits::PARAM_NAME_BYTES_MAX).contains(&name.len()) || !name.chars().all(usable) {
            let shown: String = printable(name).chars().take(80).collect();
            return Some(format!("`{shown}` cannot be the name of a parameter"));
        }
        text_fault(&format!("parameter `{name}`"), value)
    })
}

fn args_fault(args: &[String]) -> Option<String> {
    if args.len() > limits::ARGS_MAX {
        return Some(format!("a job may have at most {} arguments", limits::ARGS_MAX));
    }
    let numbered = args.iter().enumerate();
    numbered
        .into_iter()
        .find_map(|(place, arg)| text_fault(&format!("argument {}", place + 1), arg))
}

/// A zero byte would end the text early where a guest reads it as its environment.
fn text_fault(what: &str, text: &str) -> Option<String> {
    if text.len() > limits::PARAM_VALUE_BYTES_MAX {
        return Some(format!(
            "{what} is {} bytes long, allowed are {}",
            text.len(),
            limits::PARAM_VALUE_BYTES_MAX
        ));
    }
    text.contains('\0').then(|| format!("{what} holds a zero byte"))
}

fn nodes_fault(nodes: &NodeSelector) -> Option<String> {
    matches!(nodes, NodeSelector::Named(names) if names.len() > limits::NODES_MAX)
        .then(|| format!("a job may name at most {} nodes", limits::NODES_MAX))
}

/// A name without a path or anything a terminal or shell might trip over. Empty stays empty: the
/// user was not asked for one.
fn file_name(text: &str) -> String {
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean = printable(last.trim());
    let mut name = clean.trim_start_matches(['.', '-', '~']).to_owned();
    name.truncate(name.floor_char_boundary(limits::RESULT_NAME_BYTES_MAX));
    name
}

/// A text that was sent, without what a terminal would obey.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if is_printable(c) { c } else { '_' }).collect()
}

/// Not a control character, nor one that turns or hides the text around it.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use bramble_protocol::{Digest, Limits};

    use super::*;

    fn spec() -> JobSpec {
        JobSpec {
            name: "sort".into(),
            module: Digest::of(b"module"),
            input: Digest::of(b"input"),
            params: Params::new(),
            args: vec![],
            command: Default::default(),
            nodes: NodeSelector::Any,
            limits: Limits::default(),
            mode: bramble_protocol::Mode::Fast,
            partitions: None,
            result_name: String::new(),
            secrets: None,
            clock_ms: None,
            policy: Default::default(),
        }
    }

    fn refused(change: impl FnOnce(&mut JobSpec)) -> bool {
        let mut spec = spec();
        change(&mut spec);
        accept(spec).is_err()
    }

    fn param(name: &str, value: &str) -> Params {
        Params::from([(name.into(), value.into())])
    }

    #[test]
    fn a_sound_job_passes_unchanged() {
        assert_eq!(accept(spec()).unwrap(), spec());
    }

    #[test]
    fn names_lose_what_a_terminal_would_obey() {
        let mut spec = spec();
        spec.name = " a\u{1b}[2Jb\u{202e} ".into();
        assert_eq!(accept(spec).unwrap().name, "a_[2Jb_");
        assert!(refused(|spec| spec.name = "  ".into()));
        assert!(refused(|spec| spec.name = "x".repeat(101)));
    }

    #[test]
    fn a_result_is_a_plain_file_in_the_users_directory() {
        for (asked, given) in [
            ("../../etc/passwd", "passwd"),
            (r"C:\Windows\x.txt", "x.txt"),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("sorted.txt", "sorted.txt"),
            ("..", ""),
            ("", ""),
            ("a\nb", "a_b"),
        ] {
            assert_eq!(file_name(asked), given, "{asked}");
        }
        assert_eq!(file_name(&"ж".repeat(200)).len(), limits::RESULT_NAME_BYTES_MAX);
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        assert!(refused(|spec| spec.params = param("", "x")));
        assert!(refused(|spec| spec.params = param("a=b", "x")));
        assert!(refused(|spec| spec.params = param("a", &"x".repeat(4097))));
        assert!(refused(|spec| spec.params = param("a", "x\0y")));
        assert!(refused(|spec| {
            spec.params = (0..65).map(|n| (format!("p{n}"), String::new())).collect();
        }));
        assert!(refused(|spec| spec.args = vec![String::new(); 65]));
        assert!(refused(|spec| spec.args = vec!["x".repeat(4097)]));
        assert!(refused(|spec| spec.nodes = NodeSelector::Named(vec!["p1".into(); 1001])));
        assert!(refused(|spec| spec.limits.attempts_max = 0));
    }
}
