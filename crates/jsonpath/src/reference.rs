//! Reference paths: the paths that can be written to.

use std::sync::Arc;

use json::{Object, Value};

use crate::path::Step;
use crate::{EvaluationError, Path, Root, SyntaxError};

/// A path of plain steps, as in `ResultPath`.
/// See <https://states-language.net/spec.html#ref-paths>.
#[derive(Clone, Debug)]
pub struct ReferencePath {
    text: Arc<str>,
    places: Arc<[Place]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Name(Arc<str>),
    Index(usize),
}

impl ReferencePath {
    /// Compiles a reference path.
    ///
    /// # Errors
    /// Where the text is no path, or one with operators that select several places.
    pub fn parse(text: &str) -> Result<ReferencePath, SyntaxError> {
        let path = Path::parse(text)?;
        let refuse = |message: &str| SyntaxError { message: message.into(), offset: 0 };
        if *path.root() != Root::Input {
            return Err(refuse("A reference path starts with '$' and no name"));
        }
        let places = path.steps().iter().map(|step| match step {
            Step::Name(name) => Ok(Place::Name(name.text.clone())),
            Step::Index(index) => usize::try_from(*index)
                .map(Place::Index)
                .map_err(|_| refuse("A reference path counts from the start only")),
            _ => Err(refuse(
                "A reference path may not use the operators '@', '..', ',', ':', '?' and '*'",
            )),
        });
        Ok(ReferencePath { text: path.text().into(), places: places.collect::<Result<_, _>>()? })
    }

    /// As it is written in the definition.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is `$` alone.
    pub fn is_root(&self) -> bool {
        self.places.is_empty()
    }

    /// The value at this place, where there is one.
    pub fn get(&self, source: &Value) -> Option<Value> {
        let place = self.places.iter().try_fold(source, |value, place| match place {
            Place::Name(name) => value.get(name),
            Place::Index(index) => value.as_array()?.get(*index),
        });
        place.cloned()
    }

    /// `target` with `value` at this place; objects on the way are made where they are missing.
    /// An array takes an item at an index that it has, or at the next one.
    ///
    /// # Errors
    /// [`EvaluationError::NotWritable`] where a step meets something that it cannot enter.
    pub fn put(&self, target: &Value, value: Value) -> Result<Value, EvaluationError> {
        // Down to the place first, then back up, making each container anew around its child.
        let mut containers = Vec::with_capacity(self.places.len());
        let mut next = Some(target);
        for place in self.places.iter() {
            containers.push(next);
            next = match (place, next) {
                (Place::Name(_) | Place::Index(0), None) => None,
                (Place::Name(name), Some(Value::Object(members))) => members.get(name),
                (Place::Index(index), Some(Value::Array(items))) if *index <= items.len() => {
                    items.get(*index)
                }
                _ => return Err(self.not_writable(target)),
            };
        }
        let levels = self.places.iter().zip(containers).rev();
        Ok(levels.fold(value, |child, (place, container)| place.put_into(container, child)))
    }

    fn not_writable(&self, target: &Value) -> EvaluationError {
        let message = format!("Unable to apply ReferencePath {} to input {target}", self.text);
        EvaluationError::NotWritable { message }
    }
}

impl Place {
    /// The container with the child at this place. The container is known to fit.
    fn put_into(&self, container: Option<&Value>, child: Value) -> Value {
        match self {
            Place::Name(name) => {
                let mut members: Object =
                    container.and_then(Value::as_object).cloned().unwrap_or_default();
                members.insert(name.clone(), child);
                members.into()
            }
            Place::Index(index) => {
                let mut items = container.and_then(Value::as_array).unwrap_or_default().to_vec();
                match items.get_mut(*index) {
                    Some(item) => *item = child,
                    None => items.push(child),
                }
                items.into()
            }
        }
    }
}
