//! Draws the Mandelbrot set: a picture in strips, some of which take much longer than others.
//!
//! Each task draws some rows and writes them as a PNG file of their own; the merge stacks them.
//! The picture is the same whatever the height of the strips.

mod picture;
mod set;

use bramble_guest::prelude::*;

bramble_guest::params! {
    struct Params {
        /// The middle of the picture: its real part.
        x: f64 = -0.7,
        /// The middle of the picture: its imaginary part.
        y: f64 = 0,
        /// How wide the picture is in the plane of numbers; smaller values look closer.
        across: f64 = 3,
        /// Width of the picture in pixels: 1 to 20000.
        width: u32 = 1200,
        /// Height of the picture in pixels: 1 to 20000.
        height: u32 = 800,
        /// After so many steps a point counts as part of the set: 1 to 10000000.
        iterations: u32 = 1000,
        /// How many rows of pixels a task draws.
        rows: u32 = 16,
    }
}

bramble_guest::job! {
    name: "mandelbrot",
    about: "Draws the Mandelbrot set, or a part of it.",
    input: InputKind::NONE,
    split: Split::Guest,
    params: Params::DECLARED,
    result: ResultKind::IMAGE,
    map: map,
    merge: merge,
    cut: cut,
}

/// So many pixels a side make a picture of a few hundred megabytes in memory.
const SIDE_MAX: u32 = 20_000;
/// A strip is held in memory, with a byte for each pixel.
const STRIP_PIXELS_MAX: u32 = 16 << 20;
/// Some minutes for a strip.
const ITERATIONS_MAX: u32 = 10_000_000;

impl Params {
    fn checked() -> JobResult<Self> {
        let params = Self::read()?;
        let within = |name: &str, value: u32, max: u32| {
            let bad = || JobError::bad_param(format!("`{name}` goes from 1 to {max}"));
            if (1..=max).contains(&value) { Ok(()) } else { Err(bad()) }
        };
        within("width", params.width, SIDE_MAX)?;
        within("height", params.height, SIDE_MAX)?;
        within("iterations", params.iterations, ITERATIONS_MAX)?;
        within("rows", params.rows, STRIP_PIXELS_MAX / params.width)?;
        if params.across <= 0.0 {
            return Err(JobError::bad_param("`across` must be above 0"));
        }
        Ok(params)
    }

    fn view(&self) -> set::View {
        set::View {
            x: self.x,
            y: self.y,
            pixel: self.across / f64::from(self.width),
            width: self.width,
            height: self.height,
        }
    }
}

/// A chunk is a first row, and the row after the last.
fn cut(_input: &mut Input, _wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
    let params = Params::checked()?;
    let strips = (0..params.height).step_by(params.rows as usize).map(|from| {
        let end = params.height.min(from.saturating_add(params.rows));
        vec![Piece::numbers(&[u64::from(from), u64::from(end)])]
    });
    Ok(strips.collect())
}

fn map(_task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    let params = Params::checked()?;
    let view = params.view();
    let [from, end] = input.all_numbers()?;
    let mut colours = Vec::new();
    for row in from..end {
        let steps = view.steps_of_row(row as u32, params.iterations);
        colours.extend(steps.iter().map(|steps| picture::colour(*steps, params.iterations)));
        progress(row + 1 - from, end - from);
    }
    let strip = picture::encoded(params.width, &colours)?;
    host::preview("image/png", &picture::small(params.width, &colours)?);
    output.put(&strip);
    Ok(())
}

fn merge(_task: &Task, parts: Vec<Input>, output: &mut Output) -> JobResult {
    picture::stack(parts, output)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bramble_guest::local::Run;

    fn run(args: &[(&str, &str)]) -> Run {
        args.iter().fold(Run::new(&JOB), |run, (name, value)| run.arg(name, value))
    }

    fn drawn(args: &[(&str, &str)]) -> JobResult<Vec<u8>> {
        run(args).whole_in_any_chunks(b"")
    }

    #[test]
    fn the_picture_is_the_same_whatever_the_strips() {
        let of = |rows| {
            let sizes = [("width", "61"), ("height", "43"), ("iterations", "200")];
            let png = drawn(&[&sizes[..], &[("rows", rows)]].concat()).unwrap();
            picture::decoded(&png).unwrap()
        };
        let (width, height, colours) = of("43");
        assert_eq!((width, height, colours.len()), (61, 43, 61 * 43));
        for rows in ["1", "7", "16", "1000"] {
            assert_eq!(of(rows), (width, height, colours.clone()), "{rows} rows");
        }
    }

    #[test]
    fn the_number_of_strips_alone_changes_no_byte_of_a_stacked_picture() {
        let sizes = [("width", "90"), ("height", "60"), ("iterations", "100")];
        let of = |rows| drawn(&[&sizes[..], &[("rows", rows)]].concat()).unwrap();
        assert!(of("60") == of("7") && of("7") == of("1"));
    }

    #[test]
    fn parts_may_be_stacked_in_any_groups() {
        let run = run(&[("width", "40"), ("height", "30"), ("rows", "4"), ("iterations", "50")]);
        let strips = run.made(b"", 1).unwrap();
        let parts: Vec<Vec<u8>> =
            strips.iter().map(|strip| run.map(strip).unwrap().concat()).collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let (upper, lower) = parts.split_at(3);
        let (upper, lower) = (run.merge(upper).unwrap(), run.merge(lower).unwrap());
        assert!(run.merge(&[&upper, &lower]).unwrap() == run.merge(&parts).unwrap());
    }

    #[test]
    fn each_strip_shows_a_small_picture() {
        let run =
            run(&[("width", "1000"), ("height", "200"), ("rows", "100"), ("iterations", "9")]);
        let strips = run.made(b"", 1).unwrap();
        run.map(&strips[0]).unwrap();
        let (media, png) = run.previews().remove(0);
        let (width, height, _) = picture::decoded(&png).unwrap();
        assert_eq!(media, "image/png");
        assert!(png.len() <= 64 << 10 && width * 100 == height * 1000, "{width} by {height}");
    }

    #[test]
    fn unusable_parameters_are_named() {
        let bad = [
            ("width", "0", "1 to 20000"),
            ("height", "20001", "1 to 20000"),
            ("rows", "0", "`rows` goes from 1"),
            ("iterations", "0", "`iterations` goes from 1"),
            ("across", "0", "above 0"),
            ("across", "-1", "above 0"),
            ("x", "NaN", "a number"),
            ("y", "inf", "a number"),
        ];
        for (name, value, expected) in bad {
            match drawn(&[(name, value)]) {
                Err(JobError::BadParam(message)) => {
                    assert!(message.contains(expected), "{message}");
                }
                other => panic!("{name} {value}: {:?}", other.map(|png| png.len())),
            }
        }
        assert!(drawn(&[("width", "20000"), ("rows", "1000")]).is_err());
    }

    #[test]
    fn a_strip_that_is_no_picture_is_refused() {
        for bad in [&b""[..], b"no picture", &[0; 100]] {
            assert!(run(&[]).merge(&[bad]).is_err());
        }
    }
}
