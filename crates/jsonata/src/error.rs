//! What is wrong with an expression, or with its evaluation.

use crate::messages::template;

/// Why a text is not an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct SyntaxError {
    /// `S0201` and the like.
    pub code: &'static str,
    /// In words, those of the reference implementation.
    pub message: String,
    /// How many characters of the text were read when it was noticed.
    pub position: usize,
    /// What stands there, where that is known.
    pub token: Option<String>,
}

impl SyntaxError {
    /// At that byte; [`SyntaxError::count_characters`] turns it into characters.
    pub(crate) fn new(code: &'static str, position: usize) -> Self {
        let message = template(code).to_owned();
        SyntaxError { code, message, position, token: None }
    }

    /// Names what stands there.
    pub(crate) fn with_token(mut self, token: String) -> Self {
        fill(&mut self.message, "token", &token);
        self.token = Some(token);
        self
    }

    /// Fills that place of the message.
    pub(crate) fn with(mut self, place: &str, text: &str) -> Self {
        fill(&mut self.message, place, text);
        self
    }

    /// Fills that place of the message with a text that is JSON already.
    pub(crate) fn with_json(mut self, place: &str, json: &str) -> Self {
        self.message = self.message.replace(&format!("{{{{{place}}}}}"), json);
        self
    }

    /// Turns the position from bytes into characters of `text`.
    pub(crate) fn count_characters(mut self, text: &str) -> Self {
        self.position = characters(text, self.position);
        self
    }
}

/// Why an evaluation ended without a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct EvaluationError {
    /// `T` and four digits for types, `D` for values, `U` for limits.
    pub code: &'static str,
    /// In words, those of the reference implementation.
    pub message: String,
    /// Characters of the expression before the end of what failed, where that is known.
    pub position: Option<usize>,
    /// The operator or function, where that is known.
    pub token: Option<String>,
}

/// An error on its way up: what surrounds it may add where it was. Boxed, so that a result that
/// holds a value is not larger than the value.
pub(crate) type Failure = Box<FailureFacts>;

/// The facts of an error.
#[derive(Clone, Debug)]
pub(crate) struct FailureFacts {
    /// Its code.
    pub(crate) code: &'static str,
    /// The function or operator.
    pub(crate) token: Option<String>,
    /// Bytes of the expression before its end.
    pub(crate) position: Option<usize>,
    // The places of the message, with texts that are written already.
    places: Vec<(&'static str, String)>,
    message: Option<String>,
}

impl FailureFacts {
    /// Without facts.
    pub(crate) fn new(code: &'static str) -> Failure {
        Box::new(FailureFacts {
            code,
            token: None,
            position: None,
            places: Vec::new(),
            message: None,
        })
    }

    /// With its whole message.
    pub(crate) fn with_message(code: &'static str, message: impl Into<String>) -> Failure {
        let mut failure = FailureFacts::new(code);
        failure.message = Some(message.into());
        failure
    }

    /// Fills a place of the message with a text that is JSON already.
    pub(crate) fn with(
        mut self: Box<Self>,
        place: &'static str,
        json: impl Into<String>,
    ) -> Failure {
        self.places.push((place, json.into()));
        self
    }

    /// Says where, unless something further inside has said so.
    pub(crate) fn at(mut self: Box<Self>, position: u32) -> Failure {
        self.position.get_or_insert(position as usize);
        self
    }

    /// Names the function or operator, unless something further inside has.
    pub(crate) fn of(mut self: Box<Self>, token: &str) -> Failure {
        self.token.get_or_insert_with(|| token.to_owned());
        self
    }

    /// The message, as far as it is known.
    pub(crate) fn message(&self) -> String {
        if let Some(message) = &self.message {
            return message.clone();
        }
        let mut message = template(self.code).to_owned();
        fill(&mut message, "token", self.token.as_deref().unwrap_or("undefined"));
        for (place, json) in &self.places {
            message = message.replace(&format!("{{{{{{{place}}}}}}}"), json);
            message = message.replace(&format!("{{{{{place}}}}}"), json);
        }
        message
    }

    /// The error that the caller sees; `text` is the expression.
    pub(crate) fn publish(self, text: &str) -> EvaluationError {
        EvaluationError {
            code: self.code,
            message: self.message(),
            position: self.position.map(|position| characters(text, position)),
            token: self.token,
        }
    }
}

/// Fills a place with a text: bare between three braces, quoted between two.
fn fill(message: &mut String, place: &str, text: &str) {
    let bare = format!("{{{{{{{place}}}}}}}");
    let quoted = format!("{{{{{place}}}}}");
    if message.contains(&bare) {
        *message = message.replace(&bare, text);
    }
    if message.contains(&quoted) {
        *message = message.replace(&quoted, &json::Value::from(text).to_text());
    }
}

fn characters(text: &str, bytes: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < bytes).count()
}
