//! Two scales of time, made from two clocks that cannot both be trusted.
//!
//! The machine's *wall clock* tells the time of day, and may be set to anything at any moment. Its
//! *running clock* counts what has passed since the machine was started, suspended or not; it never
//! goes back and never jumps, and says nothing about the day.
//!
//! Promises: the *shown* scale, which timestamps are taken from, follows the wall clock, never goes
//! back and never stands still; a jump ahead beyond [`DOUBTED_BEYOND`] is not believed before it
//! has stayed for [`CONFIRMED_AFTER`]. The scale of *timers* is the running clock and a constant.
//!
//! Does not: read a clock. All numbers are microseconds: at half speed, milliseconds would be lost
//! between two readings.
//! See `docs/decisions/0021-two-scales-of-time.md`.

const SECOND: i64 = 1_000_000;

/// Smaller steps of the wall clock are followed and not told.
const TOLD_BEYOND: i64 = SECOND;

/// A jump ahead beyond this is doubted: five minutes.
const DOUBTED_BEYOND: i64 = 5 * 60 * SECOND;

/// How long a jump must have stayed to be believed, by the running clock: a minute.
const CONFIRMED_AFTER: i64 = 60 * SECOND;

/// How long after its start a machine may still be looking for the time of day: ten minutes. In
/// this time the scale of timers follows the steps of the wall clock ahead, since it was guessed
/// from a clock that nobody had set.
const MACHINE_IS_YOUNG: i64 = 10 * 60 * SECOND;

/// Both clocks at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// Since 1970.
    pub(super) wall: i64,
    /// Since some moment that is the same until the machine is started again.
    pub(super) running: i64,
}

/// What a start needs of the lives before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Offsets {
    /// From the running clock to what is believed to be the time of day.
    pub(super) day: i64,
    /// From the running clock to the scale of timers.
    pub(super) timers: i64,
}

/// What is known of the clocks when a life begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Before {
    /// Nothing is stored that a wrong clock could harm.
    Nothing,
    /// There are executions, and it is not known what the clocks said before.
    Unknown,
    /// The machine was not started again since.
    SameStart(Offsets),
    /// The machine was started again, or it is another one.
    OtherStart(Offsets),
}

/// What the wall clock did, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// It is behind where it was.
    Back(i64),
    /// It is ahead, so far that it is not believed yet.
    Doubted(i64),
    /// It is ahead, and believed.
    Ahead(i64),
}

/// The two scales.
#[derive(Debug)]
pub(super) struct Scales {
    offsets: Offsets,
    /// The last reading of the running clock, and what was shown then.
    running: i64,
    shown: i64,
    doubt: Option<Doubt>,
    /// When the wall clock of a machine that was started again may be trusted, if it stays.
    trusted_from: i64,
}

/// A jump ahead that is not believed yet.
#[derive(Debug)]
struct Doubt {
    /// From the running clock to the wall clock, as it was first seen.
    offset: i64,
    /// By the running clock.
    since: i64,
}

impl Scales {
    /// The scales at the start of a life, and what the wall clock did since the last one.
    pub(super) fn begin(reading: Reading, before: Before) -> (Scales, Option<Step>) {
        let Reading { wall, running } = reading;
        let now = wall - running;
        let (offsets, trusted_from) = match before {
            Before::Nothing => (Offsets { day: now, timers: now }, running),
            Before::Unknown => (Offsets { day: now, timers: now }, running + CONFIRMED_AFTER),
            Before::SameStart(offsets) => (offsets, running),
            Before::OtherStart(offsets) => {
                // What the wall clock was set back by stays; time that a machine did not know of
                // is made good by its start.
                let ahead = (offsets.timers - offsets.day).max(0);
                (Offsets { day: now, timers: now + ahead }, running + CONFIRMED_AFTER)
            }
        };
        let shown = running + offsets.day;
        let mut scales = Scales { offsets, running, shown, doubt: None, trusted_from };
        let step = scales.read(reading);
        (scales, step)
    }

    /// Goes on to that moment. Says what the wall clock did since the last one.
    pub(super) fn read(&mut self, reading: Reading) -> Option<Step> {
        let passed = (reading.running - self.running).max(0);
        self.running += passed;
        let step = self.follow(Reading { running: self.running, ..reading });
        let day = self.running + self.offsets.day;
        self.shown = if self.shown + passed <= day {
            day
        } else {
            // Ahead of the day: at half speed until it is level, rounded up so as not to stand.
            (self.shown + (passed + 1) / 2).max(day)
        };
        step
    }

    fn follow(&mut self, reading: Reading) -> Option<Step> {
        let offset = reading.wall - reading.running;
        let ahead = offset - self.offsets.day;
        if ahead <= DOUBTED_BEYOND {
            self.doubt = None;
            self.believe(offset);
            return if ahead < -TOLD_BEYOND {
                Some(Step::Back(-ahead))
            } else {
                (ahead > TOLD_BEYOND).then_some(Step::Ahead(ahead))
            };
        }
        match &self.doubt {
            Some(doubt) if (offset - doubt.offset).abs() <= DOUBTED_BEYOND => {
                if reading.running - doubt.since < CONFIRMED_AFTER {
                    return None;
                }
                self.doubt = None;
                self.believe(offset);
                Some(Step::Ahead(ahead))
            }
            _ => {
                self.doubt = Some(Doubt { offset, since: reading.running });
                Some(Step::Doubted(ahead))
            }
        }
    }

    fn believe(&mut self, offset: i64) {
        let ahead = offset - self.offsets.day;
        self.offsets.day = offset;
        if self.running < MACHINE_IS_YOUNG && ahead > TOLD_BEYOND {
            self.offsets.timers = self.offsets.timers.max(offset);
        }
    }

    /// What is shown, at the last reading.
    pub(super) fn shown(&self) -> i64 {
        self.shown
    }

    /// The day as it is believed at the last reading. Behind what is shown after a step back.
    pub(super) fn day(&self) -> i64 {
        self.running + self.offsets.day
    }

    /// The scale of timers, at the last reading.
    pub(super) fn timers(&self) -> i64 {
        self.running + self.offsets.timers
    }

    pub(super) fn offsets(&self) -> Offsets {
        self.offsets
    }

    /// Whether the day may be wrong: nothing is to be removed for its age now.
    pub(super) fn is_doubted(&self) -> bool {
        self.doubt.is_some() || self.running < self.trusted_from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_000 * SECOND;
    /// The running clock of a machine that was started long ago.
    const OLD: i64 = 1_000_000 * SECOND;
    const MINUTE: i64 = 60 * SECOND;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const JUMPS: [i64; 4] = [MINUTE, HOUR, DAY, 3_652 * DAY];

    fn at(passed: i64, jump: i64) -> Reading {
        Reading { wall: START + passed + jump, running: OLD + passed }
    }

    fn begun() -> Scales {
        let (scales, step) = Scales::begin(at(0, 0), Before::Nothing);
        assert_eq!((step, scales.shown(), scales.timers()), (None, START, START));
        scales
    }

    #[test]
    fn timers_run_with_the_machine_whatever_the_wall_clock_does() {
        for jump in JUMPS.into_iter().flat_map(|jump| [jump, -jump]) {
            let mut scales = begun();
            for seconds in 1..400 {
                let jump = if seconds > 10 { jump } else { 0 };
                scales.read(at(seconds * SECOND, jump));
                assert_eq!(scales.timers(), START + seconds * SECOND);
            }
        }
    }

    #[test]
    fn a_jump_ahead_is_believed_after_a_minute() {
        for jump in JUMPS {
            let mut scales = begun();
            let first = scales.read(at(10 * SECOND, jump));
            if jump <= DOUBTED_BEYOND {
                assert_eq!(first, Some(Step::Ahead(jump)));
                assert_eq!(scales.shown(), START + 10 * SECOND + jump);
                continue;
            }
            assert_eq!(first, Some(Step::Doubted(jump)));
            assert!(scales.is_doubted());
            assert_eq!(scales.read(at(69 * SECOND, jump)), None);
            assert_eq!(scales.shown(), START + 69 * SECOND);
            assert_eq!(scales.read(at(70 * SECOND, jump)), Some(Step::Ahead(jump)));
            assert!(!scales.is_doubted());
            assert_eq!(scales.shown(), START + 70 * SECOND + jump);
        }
    }

    #[test]
    fn a_jump_that_is_taken_back_has_never_been() {
        let mut scales = begun();
        assert_eq!(scales.read(at(SECOND, DAY)), Some(Step::Doubted(DAY)));
        assert_eq!(scales.read(at(50 * SECOND, 0)), None);
        assert!(!scales.is_doubted());
        // Nor is a second one that is far from the first a confirmation of it.
        assert_eq!(scales.read(at(51 * SECOND, DAY)), Some(Step::Doubted(DAY)));
        assert_eq!(scales.read(at(200 * SECOND, 2 * DAY)), Some(Step::Doubted(2 * DAY)));
        assert_eq!(scales.shown(), START + 200 * SECOND);
    }

    #[test]
    fn after_a_step_back_time_goes_on_at_half_speed_until_it_is_level() {
        let mut scales = begun();
        scales.read(at(10 * SECOND, 0));
        assert_eq!(scales.read(at(10 * SECOND, -MINUTE)), Some(Step::Back(MINUTE)));
        let mut last = scales.shown();
        assert_eq!((last, scales.day()), (START + 10 * SECOND, START + 10 * SECOND - MINUTE));
        for passed in 11..=130 {
            scales.read(at(passed * SECOND, -MINUTE));
            assert_eq!(scales.shown() - last, SECOND / 2, "after {passed} s");
            last = scales.shown();
        }
        scales.read(at(131 * SECOND, -MINUTE));
        assert_eq!(scales.shown(), START + 71 * SECOND);
        // A microsecond is enough to be seen.
        let mut scales = begun();
        scales.read(at(1, -MINUTE));
        assert!(scales.shown() > START);
    }

    #[test]
    fn a_start_goes_on_where_the_last_life_ended() {
        let offsets = Offsets { day: START - OLD, timers: START - OLD + HOUR };
        for (jump, doubted) in [(-DAY, false), (0, false), (MINUTE, false), (DAY, true)] {
            let before = Before::SameStart(offsets);
            let (scales, _) = Scales::begin(at(HOUR, jump), before);
            assert_eq!(scales.timers(), START + 2 * HOUR);
            assert_eq!(scales.is_doubted(), doubted, "{jump}");
            assert_eq!(scales.shown(), START + HOUR + if doubted { 0 } else { jump.max(0) });
        }
        // Started again: only the wall clock tells what has passed, and is held against itself.
        let reading = Reading { wall: START + DAY, running: HOUR };
        let (mut scales, _) = Scales::begin(reading, Before::OtherStart(offsets));
        assert_eq!((scales.shown(), scales.timers()), (START + DAY, START + DAY + HOUR));
        assert!(scales.is_doubted());
        scales.read(Reading { wall: reading.wall + MINUTE, running: reading.running + MINUTE });
        assert!(!scales.is_doubted());
    }

    #[test]
    fn timers_follow_the_first_steps_of_a_machine_that_was_just_started() {
        let reading = Reading { wall: 20 * SECOND, running: 20 * SECOND };
        let (mut scales, _) = Scales::begin(reading, Before::Unknown);
        let reading = |running| Reading { wall: START + running, running };
        assert_eq!(scales.read(reading(MINUTE)), Some(Step::Doubted(START)));
        assert_eq!(scales.timers(), MINUTE);
        assert_eq!(scales.read(reading(2 * MINUTE)), Some(Step::Ahead(START)));
        assert_eq!(scales.timers(), START + 2 * MINUTE);
    }
}
