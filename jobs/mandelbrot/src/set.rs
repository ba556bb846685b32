//! The Mandelbrot set: after how many steps a point leaves it.
//!
//! Only sums, differences and products of `f64` are used, whose bits are the same on every
//! machine (IEEE 754).

/// Points that are computed side by side, so that a processor can do several at once.
const LANES: usize = 8;
/// Steps between two looks at whether all points have left.
const STEPS: u32 = 8;

/// Which part of the plane is seen, and at how many pixels.
#[derive(Clone, Copy)]
pub(crate) struct View {
    /// Middle of the picture, real part.
    pub(crate) x: f64,
    /// Middle of the picture, imaginary part.
    pub(crate) y: f64,
    /// Side of a pixel in the plane.
    pub(crate) pixel: f64,
    /// Pixels of a row.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
}

impl View {
    /// The steps of each pixel of a row, at its middle; rows are counted from the top.
    pub(crate) fn steps_of_row(&self, row: u32, steps_max: u32) -> Vec<u32> {
        let from_middle = |place: u32, count: u32| f64::from(place) + 0.5 - f64::from(count) * 0.5;
        let y = self.y - from_middle(row, self.height) * self.pixel;
        let mut steps = Vec::with_capacity(self.width as usize + LANES);
        for first in (0..self.width).step_by(LANES) {
            let xs = std::array::from_fn(|lane| {
                self.x + from_middle(first + lane as u32, self.width) * self.pixel
            });
            steps.extend(steps_of(&xs, y, steps_max));
        }
        steps.truncate(self.width as usize);
        steps
    }
}

/// How many of the numbers 0, c, c² + c, … lie within the circle of radius 2 before the first that
/// does not, `steps_max` at most; for several c at once.
///
/// A number outside never comes back: from there on each is farther out, until it is no number,
/// which compares as outside too. So no lane needs to be stopped.
fn steps_of(xs: &[f64; LANES], y: f64, steps_max: u32) -> [u32; LANES] {
    let (mut re, mut im) = ([0.0; LANES], [0.0; LANES]);
    let mut counts = [0_u64; LANES];
    let mut done = 0;
    while done < steps_max {
        let before = counts;
        for _ in 0..STEPS.min(steps_max - done) {
            for lane in 0..LANES {
                let (re2, im2) = (re[lane] * re[lane], im[lane] * im[lane]);
                counts[lane] += u64::from(re2 + im2 <= 4.0);
                im[lane] = 2.0 * re[lane] * im[lane] + y;
                re[lane] = re2 - im2 + xs[lane];
            }
        }
        if counts == before {
            break;
        }
        done += STEPS;
    }
    counts.map(|count| count as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(x: f64, y: f64, max: u32) -> u32 {
        steps_of(&[x; LANES], y, max)[LANES - 1]
    }

    #[test]
    fn pi_hides_in_the_steps_near_the_neck_of_the_set() {
        // Steps at −3/4 + εi approach π / ε: A. Klebanoff, "π in the Mandelbrot set", Fractals 9
        // (2001), whose table has 3, 33, 315, 3143, 31417, 314160.
        let expected =
            [(1.0, 3), (0.1, 33), (0.01, 315), (0.001, 3143), (1e-4, 31417), (1e-5, 314_160)];
        for (epsilon, count) in expected {
            assert_eq!(steps(-0.75, epsilon, 1_000_000), count, "{epsilon}");
        }
    }

    #[test]
    fn points_of_the_set_never_leave_it() {
        // A fixed point, a cycle of two, the tip of the antenna, the cusp.
        for (x, y) in [(0.0, 0.0), (-1.0, 0.0), (-2.0, 0.0), (0.25, 0.0), (0.0, 1.0)] {
            assert_eq!(steps(x, y, 10_001), 10_001, "{x} {y}");
        }
    }

    #[test]
    fn lanes_and_rounds_make_no_difference() {
        let view = View { x: -0.7, y: 0.1, pixel: 0.013, width: 101, height: 77 };
        for max in [1, 7, 8, 9, 100] {
            for row in [0, 40, 76] {
                let y = 0.1 - (f64::from(row) + 0.5 - 38.5) * 0.013;
                let simple = (0..101).map(|column| {
                    let x = -0.7 + (f64::from(column) + 0.5 - 50.5) * 0.013;
                    let (mut re, mut im, mut count) = (0.0_f64, 0.0_f64, 0);
                    while count < max && re * re + im * im <= 4.0 {
                        (re, im) = (re * re - im * im + x, 2.0 * re * im + y);
                        count += 1;
                    }
                    count
                });
                assert_eq!(view.steps_of_row(row, max), simple.collect::<Vec<u32>>());
            }
        }
    }

    #[test]
    fn far_outside_nothing_is_counted_but_the_start() {
        assert_eq!(steps(1e300, 1e300, 1000), 1);
        assert_eq!(steps(3.0, 0.0, 1000), 1);
    }
}
