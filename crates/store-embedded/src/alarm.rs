//! Whether damage was met that is to be looked into.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Raised where a read meets what is damaged.
#[derive(Clone)]
pub(crate) struct Alarm(Arc<State>);

struct State {
    is_raised: AtomicBool,
    is_given_up: AtomicBool,
    /// Has the tables looked at.
    call: Box<dyn Fn() + Send + Sync>,
}

impl Alarm {
    /// An alarm that calls this when it is raised, once until [`Alarm::calm`].
    pub(crate) fn new(call: impl Fn() + Send + Sync + 'static) -> Alarm {
        let (is_raised, is_given_up) = (AtomicBool::new(false), AtomicBool::new(false));
        Alarm(Arc::new(State { is_raised, is_given_up, call: Box::new(call) }))
    }

    /// An alarm that nobody hears: what is read is only looked at.
    pub(crate) fn unheard() -> Alarm {
        let alarm = Alarm::new(|| {});
        alarm.give_up();
        alarm
    }

    pub(crate) fn raise(&self) {
        if !self.0.is_raised.swap(true, Ordering::AcqRel) {
            (self.0.call)();
        }
    }

    /// It was looked into.
    pub(crate) fn calm(&self) {
        self.0.is_raised.store(false, Ordering::Release);
    }

    /// Nothing more is done: what cannot be read stays so until somebody repairs it by hand.
    pub(crate) fn give_up(&self) {
        self.0.is_given_up.store(true, Ordering::Release);
    }

    /// Whether it was raised, and nobody has looked into it yet, or can.
    pub(crate) fn is_raised(&self) -> bool {
        self.0.is_raised.load(Ordering::Acquire)
    }

    /// Whether what cannot be read now may be read later.
    pub(crate) fn is_looked_into(&self) -> bool {
        self.is_raised() && !self.0.is_given_up.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Alarm").field("is_raised", &self.is_raised()).finish()
    }
}
