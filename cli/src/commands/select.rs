//! From what was typed to the jobs that are meant.

use bramble_protocol::JobId;
use bramble_protocol::api::JobView;

use crate::args::values::JobSelector;
use crate::client::Client;
use crate::error::{CliError, CliResult, Slug};

/// The one job that is meant.
///
/// # Errors
/// When a range is given, there is no job at all, or the head cannot be reached.
pub(crate) fn one(client: &Client, selector: JobSelector) -> CliResult<JobId> {
    match selector {
        JobSelector::Last => Ok(newest(client)?.id),
        JobSelector::Range(first, last) if first == last => Ok(first),
        range @ JobSelector::Range(..) => {
            Err(CliError::usage(format!("`{range}` names several jobs; this works on one"))
                .help("use a number like 17, or last"))
        }
    }
}

/// All jobs that are meant, each once, in the order in which they were typed. Of a range those
/// that exist; of a single number that job, or an error.
///
/// # Errors
/// When a job that is named does not exist, or the head cannot be reached.
pub(crate) fn all(client: &Client, selectors: &[JobSelector]) -> CliResult<Vec<JobView>> {
    let mut chosen: Vec<JobView> = Vec::new();
    for selector in selectors {
        let found = match selector {
            JobSelector::Last => vec![newest(client)?],
            JobSelector::Range(first, last) if first == last => vec![client.job(*first)?],
            JobSelector::Range(first, last) => {
                let mut found = client.jobs()?;
                found.retain(|job| (*first..=*last).contains(&job.id));
                found.sort_by_key(|job| job.id);
                if found.is_empty() {
                    let what = format!("there is no job {selector}");
                    return Err(CliError::new(Slug::NoSuchJob, what)
                        .help("those that there are: bramble jobs"));
                }
                found
            }
        };
        for job in found {
            if chosen.iter().all(|known| known.id != job.id) {
                chosen.push(job);
            }
        }
    }
    Ok(chosen)
}

fn newest(client: &Client) -> CliResult<JobView> {
    client.jobs()?.into_iter().max_by_key(|job| job.id).ok_or_else(|| {
        CliError::new(Slug::NoSuchJob, "no job has been submitted yet")
            .help("submit one: bramble submit --example sort")
    })
}
