//! `job!`, which turns functions into a job.

/// Defines a job: its name, what it says of itself, and its functions.
///
/// The keys stand in this order, and all but `name` and `about` may be left out:
///
/// | key | type | |
/// |---|---|---|
/// | `name` | `&'static str` | short name of the job |
/// | `about` | `&'static str` | one sentence on what it does |
/// | `input` | [`InputKind`](crate::InputKind) | what its input should be; anything when left out |
/// | `split` | [`Split`](crate::Split) | where its input may be cut; after lines when left out |
/// | `params` | array of [`Param`](crate::Param) | its parameters, as [`params!`](crate::params!) declares them; others are then refused |
/// | `result` | [`ResultKind`](crate::ResultKind) | what its result is |
/// | `map` | [`MapFn`](crate::MapFn) | works on one chunk |
/// | `map_bytes` | [`MapBytesFn`](crate::MapBytesFn) | the same for small chunks |
/// | `map_pairs` | [`MapPairsFn`](crate::MapPairsFn) | turns one chunk into keys and values; give one of the three |
/// | `combine` | [`CombineFn`](crate::CombineFn) | shrinks pairs on their way |
/// | `reduce` | [`ReduceFn`](crate::ReduceFn) | turns all pairs of a partition into its part of the result |
/// | `ranges` | [`RangesFn`](crate::RangesFn) | chooses key ranges, for jobs that merge or reduce |
/// | `merge` | [`MergeFn`](crate::MergeFn) | joins the parts of one key range |
/// | `merge_when` | a parameter's name and `&[…]` of its values | merges only then |
/// | `plan` | [`PlanFn`](crate::PlanFn) | cuts the input, with `split: Split::Guest` |
/// | `cut` | [`CutFn`](crate::CutFn) | makes the chunks, with `split: Split::Guest` |
///
/// It defines `pub static JOB: Job`, which [`local`](crate::local) runs in tests. Compiled to
/// WebAssembly it also exports what the host calls, and puts the declaration into the module's
/// custom section `bramble:manifest`.
#[macro_export]
macro_rules! job {
    (
        name: $name:expr,
        about: $about:expr
        $(, input: $input:expr)?
        $(, split: $split:expr)?
        $(, params: $params:expr)?
        $(, result: $result:expr)?
        $(, map: $map:path)?
        $(, map_bytes: $map_bytes:path)?
        $(, map_pairs: $map_pairs:path)?
        $(, combine: $combine:path)?
        $(, reduce: $reduce:path)?
        $(, ranges: $ranges:path)?
        $(, merge: $merge:path)?
        $(, merge_when: $merge_when:expr)?
        $(, plan: $plan:path)?
        $(, cut: $cut:path)?
        $(,)?
    ) => {
        /// The job that this crate is.
        pub static JOB: $crate::Job = {
            const DECLARATION: $crate::Declaration = $crate::Declaration {
                name: $name,
                about: $about,
                input: $crate::__first!($($input,)? $crate::InputKind::ANY),
                split: $crate::__first!($($split,)? $crate::Split::Lines),
                params: &$crate::__first!($($params,)? []),
                result: $crate::__first!($(Some($result),)? None),
                merge_when: $crate::__first!($(Some($merge_when),)? None),
            };
            const JSON: [u8; DECLARATION.json_len()] = DECLARATION.json();
            #[cfg(target_family = "wasm")]
            #[unsafe(link_section = "bramble:manifest")]
            #[used]
            static SECTION: [u8; JSON.len()] = JSON;
            const JOB: $crate::Job = $crate::Job {
                declaration: DECLARATION,
                manifest: match ::core::str::from_utf8(&JSON) {
                    Ok(text) => text,
                    Err(_) => panic!("JSON is text"),
                },
                map: $crate::__first!($(Some($map),)? None),
                map_bytes: $crate::__first!($(Some($map_bytes),)? None),
                map_pairs: $crate::__first!($(Some($map_pairs),)? None),
                combine: $crate::__first!($(Some($combine),)? None),
                reduce: $crate::__first!($(Some($reduce),)? None),
                ranges: $crate::__first!($(Some($ranges),)? None),
                merge: $crate::__first!($(Some($merge),)? None),
                plan: $crate::__first!($(Some($plan),)? None),
                cut: $crate::__first!($(Some($cut),)? None),
            };
            const _: () = JOB.check();
            JOB
        };
        $($crate::__export!(map $map);)?
        $($crate::__export!(map_bytes $map_bytes);)?
        $($crate::__export!(map_pairs $map_pairs);)?
        $($crate::__export!(combine $combine);)?
        $($crate::__export!(reduce $reduce);)?
        $($crate::__export!(ranges $ranges);)?
        $($crate::__export!(merge $merge);)?
        $($crate::__export!(plan $plan);)?
        $($crate::__export!(cut $cut);)?
    };
    ($($other:tt)*) => {
        compile_error!(
            "job! takes these keys, in this order: name, about, input, split, params, result, map \
             or map_bytes or map_pairs, combine, reduce, ranges, merge, merge_when, plan or cut; \
             all but name, about and one map may be left out"
        );
    };
}

/// What was given, else what stands last.
#[doc(hidden)]
#[macro_export]
macro_rules! __first {
    ($first:expr $(, $otherwise:expr)?) => {
        $first
    };
}

/// Exports one interface of a job.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    (map $map:path) => {
        $crate::__export!(mapper, export_mapper, call_map;
            fn run(task: Task, input: &Source, output: &Sink) -> Result<(), JobError>);
    };
    (map_bytes $map:path) => {
        $crate::__export!(mapper_bytes, export_mapper_bytes, call_map_bytes;
            fn run(task: Task, chunk: Vec<u8>) -> Result<Vec<u8>, JobError>);
    };
    (map_pairs $map:path) => {
        $crate::__export!(mapper_pairs, export_mapper_pairs, call_map_pairs;
            fn run(task: Task, input: &Source, output: &Emitter) -> Result<(), JobError>);
    };
    (combine $combine:path) => {
        $crate::__export!(combiner, export_combiner, call_combine;
            fn run(task: Task, input: &Groups, output: &Emitter) -> Result<(), JobError>);
    };
    (reduce $reduce:path) => {
        $crate::__export!(reducer, export_reducer, call_reduce;
            fn run(task: Task, input: &Groups, output: &Sink) -> Result<(), JobError>);
    };
    (ranges $ranges:path) => {
        $crate::__export!(partitioner, export_partitioner, call_ranges;
            fn ranges(task: Task, sample: &Source) -> Result<Vec<u8>, JobError>);
    };
    (merge $merge:path) => {
        $crate::__export!(merger, export_merger, call_merge;
            fn run(task: Task, inputs: Vec<Source>, output: &Sink) -> Result<(), JobError>);
    };
    (plan $plan:path) => {
        $crate::__export!(planner, export_planner, call_plan;
            fn split(input: &Source, wanted_bytes: u64) -> Result<Vec<Span>, JobError>);
    };
    (cut $cut:path) => {
        $crate::__export!(cutter, export_cutter, call_cut;
            fn cut(input: &Source, wanted_bytes: u64) -> Result<Vec<Vec<Piece>>, JobError>);
    };
    (
        $interface:ident, $export:ident, $call:ident;
        fn $function:ident($($arg:ident: $type:ty),*) -> $result:ty
    ) => {
        const _: () = {
            use $crate::__bindings::{$call, $interface, imports::bramble::job};
            use job::{io::{Emitter, Groups, Sink, Source}, types::{JobError, Piece, Span, Task}};

            struct Exported;

            impl $interface::exports::bramble::job::$interface::Guest for Exported {
                fn $function($($arg: $type),*) -> $result {
                    $call(&JOB, $($arg),*)
                }
            }

            $interface::$export!(Exported with_types_in $crate::__bindings::$interface);
        };
    };
}

/// Outside of WebAssembly nothing is exported.
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($($any:tt)*) => {};
}
