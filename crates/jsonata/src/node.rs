//! The tree of an expression.

use std::sync::Arc;

use crate::pattern::Pattern;
use crate::signature::Signature;

/// An expression, or a step of a path, with what hangs on it.
#[derive(Debug)]
pub(crate) struct Node {
    /// What it is.
    pub(crate) kind: Kind,
    /// Bytes of the text before its end, for error messages.
    pub(crate) position: u32,
    /// The longest way down, itself included.
    pub(crate) height: u16,
    /// Followed by `[]`: a sequence of one item stays an array.
    pub(crate) keep_array: bool,
    /// Its results are tuples: items together with what is bound to variables or to parents.
    pub(crate) tuple: bool,
    /// An array constructor in a path, whose array is one item.
    pub(crate) array_constructor: bool,
    /// What few nodes have.
    pub(crate) extras: Option<Box<Extras>>,
}

/// What can hang on a node.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// Filters of an expression that is no step.
    pub(crate) predicates: Vec<Stage>,
    /// Filters and index bindings of a step, in order.
    pub(crate) stages: Vec<Stage>,
    /// `{…}` after it.
    pub(crate) group: Option<Group>,
    /// `@$name`
    pub(crate) focus: Option<Binding>,
    /// `#$name`
    pub(crate) index: Option<Binding>,
    /// The step's input is what a `%` further on means: that use, and its key in tuples, known
    /// after [`crate::scope`].
    pub(crate) ancestor: Option<(AncestorId, TupleKey)>,
    /// The `%` inside that have not found their step yet.
    pub(crate) seeking: Vec<AncestorId>,
}

/// A use of `%`, by its number in the text.
pub(crate) type AncestorId = usize;

/// A variable that each tuple of a path binds.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    /// Without `$`.
    pub(crate) name: Arc<str>,
    /// Its key in tuples, known after [`crate::scope`].
    pub(crate) key: TupleKey,
}

/// What a tuple's value is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TupleKey {
    /// A variable, by the number of its name.
    Variable(u32),
    /// The parent that `%` means.
    Ancestor(u32),
}

/// What happens to the result of a step.
#[derive(Debug)]
pub(crate) enum Stage {
    /// `[…]`
    Filter(Node),
    /// `#$name` after a filter.
    Index(Binding),
}

/// `{key: value, …}` after an expression.
#[derive(Debug)]
pub(crate) struct Group {
    /// Keys and values.
    pub(crate) pairs: Vec<(Node, Node)>,
    /// For error messages.
    pub(crate) position: u32,
}

/// The kinds of expression.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A string, boolean or null.
    Literal(json::Value),
    /// A number.
    Number(f64),
    /// A regular expression.
    Regex(Arc<Pattern>),
    /// Steps.
    Path(Path),
    /// A field, as a step.
    Name(Arc<str>),
    /// `*`
    Wildcard,
    /// `**`
    Descendants,
    /// `%`; the key is known after [`crate::scope`].
    Parent(AncestorId, TupleKey),
    /// `$`
    Context,
    /// `$$`
    Root,
    /// `$name`
    Variable(Variable),
    /// `[a, b..c]`
    Array(Vec<Node>),
    /// `{a: b}`
    Object(Vec<(Node, Node)>),
    /// `-a`
    Negate(Box<Node>),
    /// Two operands.
    Binary(Operator, Box<(Node, Node)>),
    /// `a ? b : c`
    Condition(Box<Condition>),
    /// `(a; b)`
    Block(Block),
    /// `$a := b`
    Bind(Variable, Box<Node>),
    /// `a ~> b`
    Apply(Box<(Node, Node)>),
    /// `f(a)`
    Call(Box<Call>),
    /// `f(a, ?)`
    Partial(Box<Partial>),
    /// `function($a){b}`
    Lambda(Arc<Lambda>),
    /// `|a|b,c|`
    Transform(Arc<Transform>),
    /// `^(a, >b)`, as a step.
    Sort(Vec<Term>),
}

/// Steps, each applied to the items that the one before it gave.
#[derive(Debug)]
pub(crate) struct Path {
    /// At least one.
    pub(crate) steps: Vec<Node>,
    /// A step has `[]`: the result stays an array.
    pub(crate) keep_singleton: bool,
    /// How many steps come before the first whose results are tuples; known after
    /// [`crate::scope`].
    pub(crate) plain_steps: usize,
}

/// A variable and where its value is, in the order to look.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    /// Without `$`.
    pub(crate) name: Arc<str>,
    /// Places in the frames around; several, because an inner one may not be assigned yet.
    pub(crate) places: Vec<Place>,
    /// Its number among the names that are looked up outside.
    pub(crate) external: u32,
}

/// Where a variable is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// How many frames out.
    pub(crate) hops: u32,
    /// Where in that frame.
    pub(crate) slot: Slot,
}

/// Where in a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot {
    /// At that index.
    Index(u32),
    /// In the tuple.
    Tuple(TupleKey),
}

/// Operators of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Concatenate,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    And,
    Or,
    Range,
}

impl Operator {
    /// The operator of that text.
    pub(crate) fn of(text: &str) -> Option<Operator> {
        Some(match text {
            "+" => Operator::Add,
            "-" => Operator::Subtract,
            "*" => Operator::Multiply,
            "/" => Operator::Divide,
            "%" => Operator::Remainder,
            "&" => Operator::Concatenate,
            "=" => Operator::Equal,
            "!=" => Operator::NotEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterOrEqual,
            "in" => Operator::In,
            "and" => Operator::And,
            "or" => Operator::Or,
            ".." => Operator::Range,
            _ => return None,
        })
    }

    /// How it is written.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Remainder => "%",
            Operator::Concatenate => "&",
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::In => "in",
            Operator::And => "and",
            Operator::Or => "or",
            Operator::Range => "..",
        }
    }
}

/// `a ? b : c`, or one of the operators that stand for such a condition.
#[derive(Debug)]
pub(crate) struct Condition {
    /// When `then` is taken.
    pub(crate) test: Test,
    /// What is tested.
    pub(crate) condition: Node,
    /// Absent where the tested value itself is the result.
    pub(crate) then: Option<Node>,
    /// Absent in `a ? b`.
    pub(crate) otherwise: Option<Node>,
}

/// What a condition asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    /// Whether the value is true, by the rules of `$boolean`.
    IsTrue,
    /// Whether there is a value.
    Exists,
}

/// Expressions in order; the last one is the result.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// In order.
    pub(crate) expressions: Vec<Node>,
    /// How many variables its frame holds; none: no frame.
    pub(crate) slots: u32,
}

/// `f(a)`
#[derive(Debug)]
pub(crate) struct Call {
    /// The function.
    pub(crate) procedure: Node,
    /// Its arguments.
    pub(crate) arguments: Vec<Node>,
    /// Where a field is called: the function that may have been meant.
    pub(crate) meant: Option<Variable>,
}

/// `f(a, ?)`
#[derive(Debug)]
pub(crate) struct Partial {
    /// The function.
    pub(crate) procedure: Node,
    /// Its arguments; `None` for `?`.
    pub(crate) arguments: Vec<Option<Node>>,
    /// Where a field is called: the function that may have been meant.
    pub(crate) meant: Option<Variable>,
}

/// `function($a)<s:s>{b}`
#[derive(Debug)]
pub(crate) struct Lambda {
    /// Names without `$`. Their values are the first slots of the frame.
    pub(crate) parameters: Vec<Arc<str>>,
    /// Where in the frame each parameter is; the same slot for a name that comes twice.
    pub(crate) parameter_slots: Vec<u32>,
    /// What arguments it takes.
    pub(crate) signature: Option<Signature>,
    /// What it computes.
    pub(crate) body: Node,
    /// How many variables its frame holds; none: no frame.
    pub(crate) slots: u32,
}

/// `|pattern|update,delete|`
#[derive(Debug)]
pub(crate) struct Transform {
    /// What to change.
    pub(crate) pattern: Node,
    /// What to put in.
    pub(crate) update: Node,
    /// What to take out.
    pub(crate) delete: Option<Node>,
    /// `$clone`, which may have been assigned.
    pub(crate) clone: Variable,
    /// For error messages.
    pub(crate) position: u32,
}

/// A term of an order.
#[derive(Debug)]
pub(crate) struct Term {
    /// `>`
    pub(crate) descending: bool,
    /// What to order by.
    pub(crate) expression: Node,
}

impl Node {
    /// A node over children of that height (0: none).
    pub(crate) fn new(kind: Kind, position: usize, height: u16) -> Node {
        Node {
            kind,
            // Texts are far shorter than 4 GiB; the parser checks it.
            position: position as u32,
            height: height.saturating_add(1),
            keep_array: false,
            tuple: false,
            array_constructor: false,
            extras: None,
        }
    }

    /// What hangs on it, made if there is nothing yet.
    pub(crate) fn extras_mut(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }

    /// The `%` inside that have not found their step yet.
    pub(crate) fn seeking(&self) -> &[AncestorId] {
        self.extras.as_ref().map_or(&[], |extras| &extras.seeking)
    }

    /// Filters of an expression that is no step.
    pub(crate) fn predicates(&self) -> &[Stage] {
        self.extras.as_ref().map_or(&[], |extras| &extras.predicates)
    }

    /// Filters and index bindings of a step.
    pub(crate) fn stages(&self) -> &[Stage] {
        self.extras.as_ref().map_or(&[], |extras| &extras.stages)
    }

    /// `{…}` after it.
    pub(crate) fn group(&self) -> Option<&Group> {
        self.extras.as_ref().and_then(|extras| extras.group.as_ref())
    }

    /// Whether its value is tuples rather than items.
    pub(crate) fn yields_tuples(&self) -> bool {
        self.tuple && matches!(self.kind, Kind::Block(_) | Kind::Path(_))
    }

    /// Whether nothing hangs on it.
    pub(crate) fn is_bare(&self) -> bool {
        self.extras.is_none() && !self.keep_array && !self.tuple
    }
}

impl Path {
    /// A path of those steps.
    pub(crate) fn new(steps: Vec<Node>, keep_singleton: bool) -> Path {
        let plain_steps = steps.len();
        Path { steps, keep_singleton, plain_steps }
    }
}
