//! Commands that tell shells and manuals of the others, as typed.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  bramble completions bash > ~/.local/share/bash-completion/completions/bramble
  bramble completions fish > ~/.config/fish/completions/bramble.fish
  bramble completions zsh > ~/.zfunc/_bramble      in a directory that $fpath names

Debian's packages bring them.";

/// `bramble completions`
#[derive(Args, Debug)]
#[command(after_long_help = COMPLETIONS_EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub(crate) shell: Shell,
}

/// `bramble man`
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// A directory that is there, such as /usr/local/share/man/man1
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
}
