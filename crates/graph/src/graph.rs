//! Nodes, edges and regions: what is drawn, before it has places.

/// A node of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(pub usize);

/// A region of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionIndex(pub usize);

/// The graph of a definition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// All nodes, in the order of the text.
    pub nodes: Vec<Node>,
    /// The state machine itself first, then the branches and iterators in it.
    pub regions: Vec<Region>,
}

/// States that transitions lead between: a state machine, a branch of a Parallel state, or the
/// `ItemProcessor` of a Map state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Region {
    /// The state that it is in; none for the state machine.
    pub container: Option<NodeIndex>,
    /// Where it begins; none where `StartAt` is missing.
    pub start: Option<NodeIndex>,
    /// Its nodes, in the order of the text.
    pub nodes: Vec<NodeIndex>,
    /// Its transitions, in the order of the text. There is one at most of a kind between two nodes.
    pub edges: Vec<Edge>,
}

/// A state, or a stand-in for one.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its place in the definition, as diagnostics tell it: `/States/A/Branches[0]/States/B`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its `Type`, as it is written; empty for what is no state.
    pub state_type: String,
    /// What kind of work it is.
    pub icon: Icon,
    /// A second line: the resource, the time of a Wait state, the error of a Fail state.
    pub subtitle: String,
    /// How many attempts its retriers allow beside the first; none without retriers.
    pub retries: Option<u64>,
    /// The regions in it.
    pub regions: Vec<RegionIndex>,
    /// Whether it can be reached from the start of its region.
    pub is_reachable: bool,
}

/// What a node is, for its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// Where the state machine begins.
    Start,
    /// A state that a transition names, and that is not there.
    Missing,
    /// A Pass state.
    Pass,
    /// A Choice state.
    Choice,
    /// A Wait state.
    Wait,
    /// A Succeed state.
    Succeed,
    /// A Fail state.
    Fail,
    /// A Parallel state.
    Parallel,
    /// A Map state, inline.
    Map,
    /// A Map state whose iterations are executions of their own.
    DistributedMap,
    /// A Lambda function.
    Function,
    /// Another execution.
    Nested,
    /// An activity.
    Activity,
    /// A task that waits for its token to come back.
    Callback,
    /// A table of DynamoDB.
    Table,
    /// A queue or a topic.
    Message,
    /// An HTTP endpoint or an API.
    Http,
    /// Any other task, and a state of an unknown type.
    Other,
}

impl Icon {
    /// Its name in the layout's JSON form.
    pub fn name(self) -> &'static str {
        match self {
            Icon::Start => "start",
            Icon::Missing => "missing",
            Icon::Pass => "pass",
            Icon::Choice => "choice",
            Icon::Wait => "wait",
            Icon::Succeed => "succeed",
            Icon::Fail => "fail",
            Icon::Parallel => "parallel",
            Icon::Map => "map",
            Icon::DistributedMap => "distributed-map",
            Icon::Function => "function",
            Icon::Nested => "nested",
            Icon::Activity => "activity",
            Icon::Callback => "callback",
            Icon::Table => "table",
            Icon::Message => "message",
            Icon::Http => "http",
            Icon::Other => "other",
        }
    }
}

/// A transition, or several of a kind between the same nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Where it leaves.
    pub from: NodeIndex,
    /// Where it leads.
    pub to: NodeIndex,
    /// What makes it be taken.
    pub kind: EdgeKind,
    /// When it is taken; none where there is nothing to say.
    pub label: Option<Label>,
    /// The choice rules or catchers that it stands for, by their place in the list.
    pub rules: Vec<usize>,
}

/// What makes a transition be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeKind {
    /// From the mark of the start.
    Start,
    /// `Next`
    Next,
    /// Rules of a Choice state.
    Choice,
    /// `Default`
    Default,
    /// Catchers.
    Catch,
}

impl EdgeKind {
    /// Its name in the layout's JSON form.
    pub fn name(self) -> &'static str {
        match self {
            EdgeKind::Start => "start",
            EdgeKind::Next => "next",
            EdgeKind::Choice => "choice",
            EdgeKind::Default => "default",
            EdgeKind::Catch => "catch",
        }
    }
}

/// What an edge says.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// At most 28 characters.
    pub text: String,
    /// The whole of it.
    pub title: String,
}

impl Graph {
    /// The node.
    pub fn node(&self, index: NodeIndex) -> &Node {
        &self.nodes[index.0]
    }

    /// The region.
    pub fn region(&self, index: RegionIndex) -> &Region {
        &self.regions[index.0]
    }
}
