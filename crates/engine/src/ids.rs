//! Identifiers and instants.

use std::fmt;
use std::sync::Arc;

/// An instant: milliseconds since 1970-01-01T00:00:00Z, as precise as AWS's answers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The instant so many milliseconds later; the last instant where that is too late to say.
    pub fn plus_milliseconds(self, milliseconds: u64) -> Timestamp {
        Timestamp(self.0.saturating_add_unsigned(milliseconds))
    }

    /// The instant so many seconds later; the last instant where that is too late to say.
    pub fn plus_seconds(self, seconds: u64) -> Timestamp {
        self.plus_milliseconds(seconds.saturating_mul(1_000))
    }
}

/// What ownership goes by where several nodes share a store: two bytes of the ids of executions. A
/// home is held by one node, or by none, and the node that holds it drives all executions in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Home(pub u16);

/// The number of an execution in the store: its start in milliseconds (48 bits, so that ids sort
/// by start), its home (16 bits), then 64 random bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutionId(pub [u8; 16]);

impl ExecutionId {
    /// An id for an execution that starts then, in a random home where none is given.
    pub fn new(
        start: Timestamp,
        home: Option<Home>,
        random: &mut dyn rand_core::Rng,
    ) -> ExecutionId {
        let mut id = ExecutionId::first(start);
        random.fill_bytes(&mut id.0[6..]);
        if let Some(Home(home)) = home {
            id.0[6..8].copy_from_slice(&home.to_be_bytes());
        }
        id
    }

    /// The home of the execution.
    pub fn home(self) -> Home {
        Home(u16::from_be_bytes([self.0[6], self.0[7]]))
    }

    /// The least id that an execution can have that starts then.
    pub fn first(start: Timestamp) -> ExecutionId {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&start.0.to_be_bytes()[2..]);
        ExecutionId(bytes)
    }

    /// When the execution started.
    pub fn start(self) -> Timestamp {
        let mut bytes = [0; 8];
        bytes[2..].copy_from_slice(&self.0[..6]);
        Timestamp(i64::from_be_bytes(bytes))
    }
}

impl fmt::Display for ExecutionId {
    /// 32 hexadecimal digits.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for ExecutionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The `id` of a history event: 1, 2, … without gaps. 0 stands for "no event".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u64);

impl EventId {
    /// Before the first event.
    pub const NONE: EventId = EventId(0);

    /// The one after it.
    pub fn next(self) -> EventId {
        EventId(self.0 + 1)
    }
}

/// The number of a frame, never used twice within an execution. The root is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameId(pub u32);

impl FrameId {
    /// The frame of the top level.
    pub const ROOT: FrameId = FrameId(0);
}

/// One attempt of a Task state: its frame, and its `…Scheduled` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// Whose task it is.
    pub frame: FrameId,
    /// The event that began the attempt.
    pub scheduled: EventId,
}

/// What a worker proves its task with: the execution, the attempt, and 128 random bits, so that it
/// can be found without a table and cannot be guessed. 96 characters of hexadecimal text or fewer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaskToken(pub Arc<str>);

impl TaskToken {
    /// A token for an attempt.
    pub fn new(execution: ExecutionId, task: TaskId, random: &mut dyn rand_core::Rng) -> TaskToken {
        let mut secret = [0; 16];
        random.fill_bytes(&mut secret);
        let secret = u128::from_be_bytes(secret);
        let TaskId { frame, scheduled } = task;
        TaskToken(format!("{execution}{:08x}{:016x}{secret:032x}", frame.0, scheduled.0).into())
    }

    /// The execution and the attempt that it names, where it has the form of a token. Whether the
    /// attempt bears this very token is for the execution to say.
    pub fn task(&self) -> Option<(ExecutionId, TaskId)> {
        let text = &*self.0;
        if text.len() != 88 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let execution = u128::from_str_radix(&text[..32], 16).ok()?;
        let frame = u32::from_str_radix(&text[32..40], 16).ok()?;
        let scheduled = u64::from_str_radix(&text[40..56], 16).ok()?;
        let task = TaskId { frame: FrameId(frame), scheduled: EventId(scheduled) };
        Some((ExecutionId(execution.to_be_bytes()), task))
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    use super::*;

    #[test]
    fn an_id_tells_its_start_and_its_home() {
        let start = Timestamp(1_700_000_000_123);
        let random = || ChaCha8Rng::from_seed([1; 32]);
        let anywhere = ExecutionId::new(start, None, &mut random());
        let at_home = ExecutionId::new(start, Some(Home(0xABCD)), &mut random());
        assert_eq!([anywhere.start(), at_home.start()], [start; 2]);
        assert_eq!(at_home.home(), Home(0xABCD));
        assert_ne!(anywhere.home(), Home(0xABCD));
        assert_eq!(at_home.0[8..], anywhere.0[8..], "the rest is drawn alike");
        assert!(ExecutionId::first(start) <= at_home);
        assert!(at_home < ExecutionId::first(start.plus_milliseconds(1)));
    }
}
