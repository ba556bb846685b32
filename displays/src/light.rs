//! What a status light shows.

use crate::shown::{Shown, State};

/// How often a light may change, in milliseconds: patterns are made of such steps.
pub const STEP_MS: u64 = 250;

/// A colour, as far as light goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// Red, from 0 to 255.
    pub red: u8,
    /// Green, from 0 to 255.
    pub green: u8,
    /// Blue, from 0 to 255.
    pub blue: u8,
}

impl Colour {
    /// No light.
    pub const BLACK: Self = Self::new(0, 0, 0);
    /// All the light there is.
    pub const WHITE: Self = Self::new(255, 255, 255);
    const RED: Self = Self::new(255, 0, 0);
    /// Light-emitting diodes are brighter in green: this looks yellow.
    const YELLOW: Self = Self::new(255, 140, 0);
    const GREEN: Self = Self::new(0, 255, 0);
    const BLUE: Self = Self::new(0, 60, 255);

    const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// The same colour with so much of its light. What gives light at all keeps a little of it.
    #[must_use]
    pub fn dimmed_to(self, percent: u8) -> Self {
        let dim = |value: u8| {
            let dimmed = u16::from(value) * u16::from(percent.min(100)) / 100;
            // At most `value`.
            if value == 255 && percent > 0 { dimmed.max(1) as u8 } else { dimmed as u8 }
        };
        Self::new(dim(self.red), dim(self.green), dim(self.blue))
    }
}

/// When a light is lit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// All the time.
    Steady,
    /// A short flash every two seconds.
    Flash,
    /// One second lit, one second dark.
    Slow,
    /// Two flashes a second.
    Fast,
}

impl Pattern {
    /// Whether it is lit in this step, counted from any moment.
    pub const fn is_lit(self, step: u64) -> bool {
        match self {
            Self::Steady => true,
            Self::Flash => step.is_multiple_of(8),
            Self::Slow => (step / 4).is_multiple_of(2),
            Self::Fast => step.is_multiple_of(2),
        }
    }
}

/// What a light shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Light {
    /// In this colour,
    pub colour: Colour,
    /// at these times.
    pub pattern: Pattern,
}

impl Light {
    /// For a light of any colour. Patterns differ as colours do, for those who see no difference
    /// between red and green.
    pub fn of(shown: &Shown) -> Self {
        let state = State::of(shown);
        let pattern = match state {
            State::Trouble if shown.alarm.is_none() => Pattern::Slow,
            State::Waiting if shown.jobs.running + shown.jobs.waiting == 0 => Pattern::Steady,
            _ => Self::in_state(state).pattern,
        };
        Self { pattern, ..Self::in_state(state) }
    }

    /// For a light of one colour, where only the pattern tells.
    pub fn of_one_colour(shown: &Shown) -> Self {
        let pattern = match State::of(shown) {
            State::Idle => Pattern::Flash,
            state => Self::in_state(state).pattern,
        };
        Self { colour: Colour::WHITE, pattern }
    }

    /// The usual light of a state.
    pub const fn in_state(state: State) -> Self {
        let (colour, pattern) = match state {
            State::Idle => (Colour::GREEN, Pattern::Steady),
            State::Working => (Colour::BLUE, Pattern::Steady),
            State::Waiting => (Colour::YELLOW, Pattern::Slow),
            State::Trouble => (Colour::RED, Pattern::Fast),
            State::Off => (Colour::BLACK, Pattern::Steady),
        };
        Self { colour, pattern }
    }

    /// Its colour in this step.
    pub const fn at(&self, step: u64) -> Colour {
        if self.pattern.is_lit(step) { self.colour } else { Colour::BLACK }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shown::{JobCounts, NodeCounts};

    fn lit(pattern: Pattern) -> String {
        (0..16).map(|step| if pattern.is_lit(step) { '#' } else { '.' }).collect()
    }

    #[test]
    fn patterns_are_told_apart_at_a_glance() {
        assert_eq!(lit(Pattern::Steady), "################");
        assert_eq!(lit(Pattern::Flash), "#.......#.......");
        assert_eq!(lit(Pattern::Slow), "####....####....");
        assert_eq!(lit(Pattern::Fast), "#.#.#.#.#.#.#.#.");
    }

    #[test]
    fn each_state_has_a_light_of_its_own() {
        let lights = State::ALL.map(Light::in_state);
        for (index, light) in lights.iter().enumerate() {
            assert!(!lights[..index].contains(light), "{light:?}");
        }
    }

    #[test]
    fn an_alarm_is_more_urgent_than_a_lost_node_and_a_job_than_none() {
        let nodes = NodeCounts { here: 3, all: 4, hot: 0, lost: 1 };
        let lost = Shown { nodes, ..Shown::default() };
        assert_eq!(Light::of(&lost).pattern, Pattern::Slow);
        let alarm = Shown { alarm: Some("p3 under-voltage".into()), ..lost };
        assert_eq!(Light::of(&alarm), Light { colour: Colour::RED, pattern: Pattern::Fast });
        let alone = Shown::default();
        assert_eq!(Light::of(&alone), Light { colour: Colour::YELLOW, pattern: Pattern::Steady });
        let jobs = JobCounts { running: 0, waiting: 2 };
        assert_eq!(Light::of(&Shown { jobs, ..alone }).pattern, Pattern::Slow);
    }

    #[test]
    fn one_colour_tells_idle_from_working() {
        let nodes = NodeCounts { here: 1, all: 1, ..NodeCounts::default() };
        let idle = Shown { nodes, ..Shown::default() };
        let jobs = JobCounts { running: 1, waiting: 0 };
        let working = Shown { jobs, ..idle.clone() };
        assert_eq!(Light::of_one_colour(&idle).pattern, Pattern::Flash);
        assert_eq!(Light::of_one_colour(&working).pattern, Pattern::Steady);
    }

    proptest! {
        #[test]
        fn a_dimmed_colour_is_never_brighter_and_goes_out_only_at_nothing(
            (red, green, blue) in any::<(u8, u8, u8)>(), percent in any::<u8>(),
        ) {
            let dimmed = Colour { red, green, blue }.dimmed_to(percent);
            prop_assert!(dimmed.red <= red && dimmed.green <= green && dimmed.blue <= blue);
            prop_assert_eq!(Colour::RED.dimmed_to(percent) == Colour::BLACK, percent == 0);
        }
    }
}
