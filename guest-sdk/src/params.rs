//! Parameters with types.

use crate::{JobError, JobResult, host, quote};

/// What the values of a parameter are, as far as they are checked before a job starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// A number, maybe with a fraction or an exponent.
    Number,
    /// `true` or `false`.
    Boolean,
}

/// A type that a parameter may have.
pub trait ParamValue: Sized {
    /// What its values are.
    const KIND: ParamKind;
    /// The smallest integer.
    const MIN: Option<i64> = None;
    /// The largest integer.
    const MAX: Option<u64> = None;
    /// Whether the job can do without.
    const OPTIONAL: bool = false;

    /// Reads what the user gave.
    ///
    /// # Errors
    /// Says what the value should be.
    fn from_text(text: &str) -> Result<Self, String>;

    /// What an optional one is when the user gave nothing.
    fn absent() -> Option<Self> {
        None
    }
}

macro_rules! integers {
    ($($type:ty)*) => { $(
        impl ParamValue for $type {
            const KIND: ParamKind = ParamKind::Integer;
            const MIN: Option<i64> = Some(<$type>::MIN as i64);
            const MAX: Option<u64> = Some(<$type>::MAX as u64);

            fn from_text(text: &str) -> Result<Self, String> {
                let (min, max) = (<$type>::MIN, <$type>::MAX);
                text.parse().map_err(|_| format!("it is a whole number from {min} to {max}"))
            }
        }
    )* };
}

integers! { u8 u16 u32 u64 i8 i16 i32 i64 usize }

macro_rules! fractions {
    ($($type:ty)*) => { $(
        impl ParamValue for $type {
            const KIND: ParamKind = ParamKind::Number;

            fn from_text(text: &str) -> Result<Self, String> {
                let number = text.parse().ok().filter(|number: &Self| number.is_finite());
                number.ok_or_else(|| "it is a number, such as 2.5".into())
            }
        }
    )* };
}

fractions! { f32 f64 }

impl ParamValue for bool {
    const KIND: ParamKind = ParamKind::Boolean;

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "say true or false".into())
    }
}

impl ParamValue for String {
    const KIND: ParamKind = ParamKind::Text;

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl<T: ParamValue> ParamValue for Option<T> {
    const KIND: ParamKind = T::KIND;
    const MIN: Option<i64> = T::MIN;
    const MAX: Option<u64> = T::MAX;
    const OPTIONAL: bool = true;

    fn from_text(text: &str) -> Result<Self, String> {
        T::from_text(text).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

/// Reads one field of [`params!`](crate::params!).
#[doc(hidden)]
pub fn read_param<T: ParamValue>(name: &str, default: Option<&str>) -> JobResult<T> {
    let given = host::param(name);
    let Some(text) = given.as_deref().or(default) else {
        return T::absent().ok_or_else(|| {
            JobError::BadParam(format!("`{name}` is missing: give it by --arg {name}=VALUE"))
        });
    };
    T::from_text(text)
        .map_err(|why| JobError::BadParam(format!("`{name}` cannot be {}; {why}", quote(text))))
}

/// A literal as the text of a parameter: without the quotes, if it has any.
#[doc(hidden)]
pub const fn unquoted(literal: &'static str) -> &'static str {
    let bytes = literal.as_bytes();
    if bytes[0] != b'"' {
        return literal;
    }
    let mut at = 0;
    while at < bytes.len() {
        assert!(bytes[at] != b'\\', "a default must be plain text");
        at += 1;
    }
    literal.split_at(1).1.split_at(literal.len() - 2).0
}

/// Declares a job's parameters as a struct.
///
/// Each field has a name, a type ([`ParamValue`]), and maybe a default and the only values allowed;
/// what stands before it as documentation is what users are shown. A field of type `Option` need
/// not be given, one without a default must be. Values are checked before the job starts, and
/// again when they are read.
///
/// ```
/// use bramble_guest::prelude::*;
///
/// bramble_guest::params! {
///     struct Params {
///         /// How many letters a word must have.
///         letters: u32 = 4,
///         /// What comes between words.
///         between: String = "space" in ["space", "line"],
///         /// Only words that start so.
///         start: Option<String>,
///     }
/// }
///
/// bramble_guest::job! {
///     name: "long-words",
///     about: "Finds long words.",
///     params: Params::DECLARED,
///     map: map,
/// }
///
/// fn map(_: &Task, input: &mut Input, output: &mut Output) -> JobResult {
///     let params = Params::read()?;
///     let start = params.start.unwrap_or_default();
///     let between = if params.between == "line" { '\n' } else { ' ' };
///     for line in input.text_lines() {
///         for word in line?.split_whitespace() {
///             if word.chars().count() >= params.letters as usize && word.starts_with(&start) {
///                 write!(output, "{word}{between}")?;
///             }
///         }
///     }
///     Ok(())
/// }
///
/// let run = bramble_guest::local::Run::new(&JOB);
/// assert_eq!(run.whole(&[b"some words are long"]).unwrap(), b"some words long ");
/// let run = run.arg("letters", "5").arg("between", "line");
/// assert_eq!(run.whole(&[b"some words are long"]).unwrap(), b"words\n");
/// assert!(run.arg("letters", "many").whole(&[b""]).is_err());
/// ```
#[macro_export]
macro_rules! params {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $struct:ident { $(
            $(#[doc = $help:literal])*
            $name:ident: $type:ty $(= $default:literal $(in [$($choice:literal),+ $(,)?])?)?
        ),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $visibility struct $struct { $(
            $(#[doc = $help])*
            $visibility $name: $type
        ),+ }

        impl $struct {
            /// What `params` of `job!` is given.
            $visibility const DECLARED: [$crate::Param; [$(stringify!($name)),+].len()] = [$(
                $crate::Param::of::<$type>(stringify!($name), concat!($($help),*))
                    $(
                        .default($crate::unquoted(stringify!($default)))
                        $(.choices(&[$($choice),+]))?
                    )?
            ),+];

            /// Reads what the user gave.
            ///
            /// # Errors
            /// `JobError::BadParam` names the parameter that is missing or unusable.
            $visibility fn read() -> $crate::JobResult<Self> {
                Ok(Self { $(
                    $name: $crate::read_param::<$type>(
                        stringify!($name),
                        $crate::__first!(
                            $(Some($crate::unquoted(stringify!($default))),)? None
                        ),
                    )?
                ),+ })
            }
        }
    };
    ($($other:tt)*) => {
        compile_error!(
            "params! takes a struct whose fields are `name: Type`, `name: Type = default` or \
             `name: Type = default in [values]`; defaults and values are literals"
        );
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Param;

    crate::params! {
        /// For the tests.
        struct Params {
            /// How far.
            shift: i16 = -3,
            /// Which
            /// way.
            way: String = "up" in ["up", "down"],
            scale: f64,
            limit: Option<u32>,
            strict: bool = false,
        }
    }

    #[test]
    fn a_struct_becomes_a_declaration() {
        let declared = [
            Param::of::<i16>("shift", "How far.").default("-3"),
            Param::of::<String>("way", "Which way.").default("up").choices(&["up", "down"]),
            Param::of::<f64>("scale", ""),
            Param::of::<Option<u32>>("limit", ""),
            Param::of::<bool>("strict", "").default("false"),
        ];
        assert_eq!(Params::DECLARED, declared);
        assert!(declared[2].required && !declared[0].required && !declared[3].required);
        assert_eq!((declared[0].min, declared[0].max), (Some(-32768), Some(32767)));
    }

    #[test]
    fn what_the_user_gave_is_read_with_its_type() {
        let read = |args: &[(&str, &str)]| crate::local::with_params(args, Params::read);
        let params = read(&[("scale", "0.5"), ("limit", "7"), ("shift", "12")]).unwrap();
        let way = "up".to_owned();
        let expected = Params { shift: 12, way, scale: 0.5, limit: Some(7), strict: false };
        assert_eq!(params, expected);
        assert_eq!(read(&[("scale", "1")]).unwrap().limit, None);
        for (args, expected) in [
            (&[][..], "`scale` is missing"),
            (&[("scale", "x")], "`scale` cannot be `x`; it is a number"),
            (&[("scale", "1"), ("shift", "40000")], "from -32768 to 32767"),
            (&[("scale", "1"), ("limit", "-1")], "from 0 to 4294967295"),
            (&[("scale", "1"), ("strict", "yes")], "say true or false"),
        ] {
            match read(args) {
                Err(JobError::BadParam(message)) => {
                    assert!(message.contains(expected), "{message}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
