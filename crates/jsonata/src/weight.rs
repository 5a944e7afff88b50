//! Which expressions are light: their work is at most a small multiple of the size of what they
//! read, so that they can be evaluated where others wait.
//!
//! Does not: tell how long a light expression takes, or that another one takes long.

use crate::node::{Call, Kind, Node, Operator, Stage};

/// An expression of more nodes is not light, however light each of them is.
const NODES_MAX: u32 = 256;

/// Functions that go through their arguments once and call nothing. Sorted.
const LIGHT_FUNCTIONS: [&str; 41] = [
    "abs",
    "append",
    "average",
    "base64decode",
    "base64encode",
    "boolean",
    "ceil",
    "contains",
    "count",
    "exists",
    "floor",
    "formatNumber",
    "fromMillis",
    "hash",
    "join",
    "keys",
    "length",
    "lookup",
    "lowercase",
    "max",
    "merge",
    "millis",
    "min",
    "not",
    "now",
    "number",
    "parse",
    "power",
    "random",
    "round",
    "split",
    "sqrt",
    "string",
    "substring",
    "substringAfter",
    "substringBefore",
    "sum",
    "trim",
    "type",
    "uppercase",
    "uuid",
];

/// Whether the tree is light.
pub(crate) fn is_light(node: &Node) -> bool {
    Look { nodes_left: NODES_MAX }.is_light(node)
}

struct Look {
    nodes_left: u32,
}

impl Look {
    fn is_light(&mut self, node: &Node) -> bool {
        let Some(left) = self.nodes_left.checked_sub(1) else { return false };
        self.nodes_left = left;
        let is_light = match &node.kind {
            Kind::Literal(_)
            | Kind::Number(_)
            | Kind::Name(_)
            | Kind::Context
            | Kind::Root
            | Kind::Variable(_) => true,
            Kind::Path(path) => self.path(&path.steps),
            Kind::Array(items) => self.all(items),
            Kind::Object(pairs) => {
                pairs.iter().all(|(name, value)| self.is_light(name) && self.is_light(value))
            }
            Kind::Negate(operand) => self.is_light(operand),
            Kind::Binary(Operator::Range, _) => false,
            Kind::Binary(_, operands) => self.is_light(&operands.0) && self.is_light(&operands.1),
            Kind::Condition(condition) => {
                let branches = [&condition.then, &condition.otherwise];
                self.is_light(&condition.condition)
                    && branches.into_iter().flatten().all(|branch| self.is_light(branch))
            }
            Kind::Block(block) => self.all(&block.expressions),
            Kind::Call(call) => self.call(call),
            Kind::Regex(_)
            | Kind::Wildcard
            | Kind::Descendants
            | Kind::Parent(..)
            // What is bound may be doubled again and again.
            | Kind::Bind(..)
            | Kind::Apply(_)
            | Kind::Partial(_)
            | Kind::Lambda(_)
            | Kind::Transform(_)
            | Kind::Sort(_) => false,
        };
        is_light && has_light_extras(node)
    }

    fn all(&mut self, nodes: &[Node]) -> bool {
        nodes.iter().all(|node| self.is_light(node))
    }

    /// Each step after the first is evaluated for every item, so that it may be no more than a
    /// name.
    fn path(&mut self, steps: &[Node]) -> bool {
        let Some((first, others)) = steps.split_first() else { return true };
        self.is_light(first)
            && others.iter().all(|step| matches!(step.kind, Kind::Name(_)) && self.is_light(step))
    }

    fn call(&mut self, call: &Call) -> bool {
        let Kind::Variable(function) = &call.procedure.kind else { return false };
        let is_known =
            function.places.is_empty() && LIGHT_FUNCTIONS.binary_search(&&*function.name).is_ok();
        is_known && self.all(&call.arguments)
    }
}

/// Whether nothing hangs on the node but indexes such as `[0]`.
fn has_light_extras(node: &Node) -> bool {
    let is_index = |stage: &Stage| match stage {
        Stage::Filter(predicate) => match &predicate.kind {
            Kind::Number(_) => true,
            Kind::Negate(operand) => matches!(operand.kind, Kind::Number(_)),
            _ => false,
        },
        Stage::Index(_) => false,
    };
    let is_bound = node.extras.as_ref().is_some_and(|extras| {
        extras.group.is_some() || extras.focus.is_some() || extras.index.is_some()
    });
    !is_bound && node.predicates().iter().chain(node.stages()).all(is_index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Expression;

    #[test]
    fn the_light_functions_are_sorted() {
        assert!(LIGHT_FUNCTIONS.is_sorted());
    }

    #[test]
    fn what_reads_once_is_light_and_what_goes_on_and_on_is_not() {
        for light in [
            "1 + 2",
            "$states.input.a.b[0].c",
            "$states.input.list[-1]",
            "{'a': $count($states.input.items), 'b': [1, $x ? 'y' : null]}",
            "$substring($string($states.result), 0, 10) & $uuid()",
            "($sum($states.input.n) > 3 and $a in [4, 5])",
        ] {
            assert!(!Expression::parse(light).unwrap().needs().may_be_long, "{light}");
        }
        let long = format!("[{}1]", "1, ".repeat(300));
        for heavy in [
            "[1..200000]",
            "$map($states.input.a, function($v) { $v })",
            "$states.input.a[b = $x]",
            "$states.input.a.{'b': $y}",
            "$states.input.**",
            "$states.input.a^(b)",
            "$states.input.a{b: $sum(c)}",
            "$contains($x, /(a+)+b/)",
            "$pad('x', 1000000)",
            "($f := function($n) { $f($n) }; $f(1))",
            "($sum := function($n) { $n }; $sum(1))",
            "$range(1, 1000000, 1)",
            "$x ~> $uppercase",
            "($a := $x & $x; $a := $a & $a; $a)",
            &long,
        ] {
            assert!(Expression::parse(heavy).unwrap().needs().may_be_long, "{heavy}");
        }
    }
}
