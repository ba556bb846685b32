//! `bramble compare` as typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::submit::PlanName;
use super::values::Param;

/// Shown under `bramble compare --help`.
const EXAMPLES: &str = "\
Examples:
  bramble compare --example sort --nodes 1,all --plan ranges,textbook
  bramble compare sort.wasm --input numbers.txt --nodes 1,2,4
  bramble compare cipher.wasm -i photo.ppm --secret key=@key.bin \\
      --vary cipher=aes-256-gcm,chacha20-poly1305 --vary engine=wasm,host --nodes 1,all
  bramble compare bubble.wasm merge.wasm -i numbers.txt --repeat 5 --svg sorts.svg --csv sorts.csv

Each combination runs as a job of its own, one after the other, without results of earlier tasks.
Repeats take turns (A B A B), so that a computer that gets warm or busy slows all of them alike.
Time is from the first task's start to the last one's end: compiling and sending are not in it.";

/// `bramble compare`
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct CompareArgs {
    /// The modules to compare: .wasm or .wat files
    #[arg(value_name = "MODULE", required_unless_present = "examples")]
    pub(crate) modules: Vec<PathBuf>,
    /// An example of the gallery to compare, by its name; may be given several times
    #[arg(long = "example", value_name = "NAME")]
    pub(crate) examples: Vec<String>,
    /// The file that all of them work on; examples can do without
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Values of a parameter to compare; with several, all combinations of them
    #[arg(long, value_name = "NAME=A,B,…")]
    pub(crate) vary: Vec<Param>,
    /// Plans to compare, of modules that merge: ranges, textbook (see: bramble submit --help)
    #[arg(
        long,
        value_enum,
        value_name = "PLAN,…",
        value_delimiter = ',',
        hide_possible_values = true,
        conflicts_with = "chunk_size"
    )]
    pub(crate) plan: Vec<PlanName>,
    /// On how many nodes each runs, or on which: numbers, names, all
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "all")]
    pub(crate) nodes: Vec<String>,
    /// How often each combination runs; the table shows the median
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) repeat: u32,

    /// A parameter that is the same for all; may be given several times
    #[arg(short, long = "arg", value_name = "NAME=VALUE", help_heading = "Jobs")]
    pub(crate) params: Vec<Param>,
    /// A secret for the jobs, from a file or the environment; may be given several times
    // Parsed later: what clap refuses, it shows.
    #[arg(long = "secret", value_name = "NAME=@FILE|env:VAR", help_heading = "Jobs")]
    pub(crate) secrets: Vec<String>,
    /// The same for a secret that the jobs must not read either
    #[arg(long = "sealed", value_name = "NAME=@FILE|env:VAR", help_heading = "Jobs")]
    pub(crate) sealed: Vec<String>,
    /// About how large the pieces of the input are, such as 256k
    #[arg(long, value_name = "SIZE", help_heading = "Jobs")]
    pub(crate) chunk_size: Option<String>,
    /// Memory of each task
    #[arg(long, value_name = "SIZE", help_heading = "Jobs")]
    pub(crate) memory: Option<String>,
    /// Processor time of each task
    #[arg(long, value_name = "TIME", help_heading = "Jobs")]
    pub(crate) cpu_time: Option<String>,

    /// Draw the times as bars
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub(crate) svg: Option<PathBuf>,
    /// Write the table for a spreadsheet
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub(crate) csv: Option<PathBuf>,
}

impl CompareArgs {
    /// What would be typed to submit one of the jobs. What is varied is a parameter, or a flag with
    /// its dashes.
    pub(crate) fn submit_words(
        &self,
        which: &Which,
        varied: &[(String, String)],
        nodes: &str,
    ) -> Vec<OsString> {
        let mut words: Vec<OsString> = ["bramble", "submit", "--no-cache"].map(Into::into).into();
        let mut flag = |name: &str, value: OsString| {
            let mut word = OsString::from(format!("--{name}="));
            word.push(value);
            words.push(word);
        };
        flag("nodes", if nodes == "all" { "any".into() } else { nodes.into() });
        if let Some(input) = &self.input {
            flag("input", input.into());
        }
        let fixed = self.params.iter().map(|it| (&it.name, &it.value));
        for (name, value) in fixed.chain(varied.iter().map(|(name, value)| (name, value))) {
            match name.strip_prefix("--") {
                Some(name) => flag(name, value.into()),
                None => flag("arg", format!("{name}={value}").into()),
            }
        }
        for (name, secrets) in [("secret", &self.secrets), ("sealed", &self.sealed)] {
            secrets.iter().for_each(|secret| flag(name, secret.into()));
        }
        let limits = [
            ("chunk-size", &self.chunk_size),
            ("memory", &self.memory),
            ("cpu-time", &self.cpu_time),
        ];
        for (name, value) in limits {
            if let Some(value) = value {
                flag(name, value.into());
            }
        }
        match which {
            Which::Module(path) => words.push(path.into()),
            Which::Example(name) => words.extend(["--example".into(), name.into()]),
        }
        words
    }

    /// All that is to be compared, in the order in which each kind was typed.
    pub(crate) fn all(&self) -> impl Iterator<Item = Which> {
        let modules = self.modules.iter().cloned().map(Which::Module);
        modules.chain(self.examples.iter().cloned().map(Which::Example))
    }
}

/// What is compared: one of them.
#[derive(Clone, Debug)]
pub(crate) enum Which {
    Module(PathBuf),
    Example(String),
}

impl Which {
    /// What it is called in the table.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Module(path) => {
                path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
            }
            Self::Example(name) => name.clone(),
        }
    }
}
