//! How many events each part of the interval has seen.

use std::sync::Arc;

use super::id::IdTree;

/// A number of events for each point of an interval: the same everywhere, or a number for all and more for its two halves. Trees are
/// always in their shortest form: one of the halves has a part with 0, and two equal halves without parts are one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventTree {
    /// The same number everywhere.
    Leaf(u64),
    /// A number, and trees for the left and the right half to which it is added.
    Node(u64, Arc<EventTree>, Arc<EventTree>),
}

impl Default for EventTree {
    fn default() -> Self {
        Self::Leaf(0)
    }
}

/// What a new node costs in [`EventTree::grow`]. It is more than the depth of any tree.
const NEW_NODE: u64 = 1 << 32;

impl EventTree {
    /// The number at the root. In the shortest form, it is the smallest number of the tree.
    fn base(&self) -> u64 {
        match *self {
            Self::Leaf(number) | Self::Node(number, ..) => number,
        }
    }

    /// The largest number of the tree.
    pub fn max(&self) -> u64 {
        match self {
            Self::Leaf(number) => *number,
            Self::Node(number, left, right) => number + left.max().max(right.max()),
        }
    }

    /// Number of leaves and inner nodes.
    pub fn nodes(&self) -> u64 {
        match self {
            Self::Leaf(_) => 1,
            Self::Node(_, left, right) => 1 + left.nodes() + right.nodes(),
        }
    }

    fn with_base(&self, base: u64) -> Self {
        match self {
            Self::Leaf(_) => Self::Leaf(base),
            Self::Node(_, left, right) => Self::Node(base, Arc::clone(left), Arc::clone(right)),
        }
    }

    fn lift(&self, by: u64) -> Self {
        self.with_base(self.base() + by)
    }

    /// Makes a node in its shortest form.
    fn norm(number: u64, left: Self, right: Self) -> Self {
        if let (Self::Leaf(left), Self::Leaf(right)) = (&left, &right)
            && left == right
        {
            return Self::Leaf(number + left);
        }
        let least = left.base().min(right.base());
        let sink = |tree: Self| match least {
            0 => Arc::new(tree),
            _ => Arc::new(tree.with_base(tree.base() - least)),
        };
        Self::Node(number + least, sink(left), sink(right))
    }

    /// The halves of a tree. Those of a leaf are 0.
    fn halves(&self) -> (Self, Self) {
        match self {
            Self::Leaf(_) => (Self::Leaf(0), Self::Leaf(0)),
            Self::Node(_, left, right) => ((**left).clone(), (**right).clone()),
        }
    }

    /// Whether no point has a larger number than in `other`.
    pub fn leq(&self, other: &Self) -> bool {
        self.leq_above(0, other, 0)
    }

    /// Whether no point has a larger number than in `other`, if `own` is added to the one and `others` to the other.
    fn leq_above(&self, own: u64, other: &Self, others: u64) -> bool {
        let (base, others_base) = (own + self.base(), others + other.base());
        if base > others_base {
            return false;
        }
        match (self, other) {
            (Self::Leaf(_), _) => true,
            (Self::Node(_, left, right), Self::Leaf(_)) => {
                left.leq_above(base, other, others) && right.leq_above(base, other, others)
            }
            (Self::Node(_, left, right), Self::Node(_, others_left, others_right)) => {
                left.leq_above(base, others_left, others_base)
                    && right.leq_above(base, others_right, others_base)
            }
        }
    }

    /// The larger number at each point.
    pub fn join(&self, other: &Self) -> Self {
        let (low, high) = match self.base() <= other.base() {
            true => (self, other),
            false => (other, self),
        };
        if let (Self::Leaf(_), Self::Leaf(_)) = (low, high) {
            return high.clone();
        }
        let (low_left, low_right) = low.halves();
        let (high_left, high_right) = high.halves();
        let above = high.base() - low.base();
        Self::norm(
            low.base(),
            low_left.join(&high_left.lift(above)),
            low_right.join(&high_right.lift(above)),
        )
    }

    /// Adds an event to the part `id`.
    pub fn event(&self, id: &IdTree) -> Self {
        let filled = self.fill(id);
        match filled == *self {
            true => self.grow(id).0,
            false => filled,
        }
    }

    /// Makes the tree smaller by raising numbers within the part `id`.
    fn fill(&self, id: &IdTree) -> Self {
        match (id, self) {
            (IdTree::Zero, _) | (_, Self::Leaf(_)) => self.clone(),
            (IdTree::One, _) => Self::Leaf(self.max()),
            (IdTree::Halves(own_left, own_right), Self::Node(number, left, right)) => {
                let (filled_left, filled_right) = (left.fill(own_left), right.fill(own_right));
                let is_all = |id: &IdTree| *id == IdTree::One;
                // A half that is owned completely is raised to the smallest number of the other half.
                let other = [filled_left.base(), filled_right.base()];
                let raise = |tree: Self, other: u64| Self::Leaf(tree.base().max(other));
                let new_left = if is_all(own_left) {
                    raise(filled_left, other[1])
                } else {
                    filled_left
                };
                let new_right = if is_all(own_right) {
                    raise(filled_right, other[0])
                } else {
                    filled_right
                };
                Self::norm(*number, new_left, new_right)
            }
        }
    }

    /// Adds 1 somewhere in the part `id`, where it makes the tree largest the least. Returns the cost too.
    fn grow(&self, id: &IdTree) -> (Self, u64) {
        match (id, self) {
            (IdTree::One, Self::Leaf(number)) => (Self::Leaf(number + 1), 0),
            (IdTree::Halves(own_left, own_right), _) => {
                let new_node = match self {
                    Self::Leaf(_) => NEW_NODE,
                    Self::Node(..) => 0,
                };
                let (left, right) = self.halves();
                let grown_left = (**own_left != IdTree::Zero).then(|| left.grow(own_left));
                let grown_right = (**own_right != IdTree::Zero).then(|| right.grow(own_right));
                let (left, right, cost) = match (grown_left, grown_right) {
                    (Some((grown, cost)), other)
                        if other.as_ref().is_none_or(|other| cost < other.1) =>
                    {
                        (grown, right, cost)
                    }
                    (_, Some((grown, cost))) => (left, grown, cost),
                    _ => unreachable!("a part has a half that is not empty"),
                };
                let tree = Self::Node(self.base(), Arc::new(left), Arc::new(right));
                (tree, cost + 1 + new_node)
            }
            _ => unreachable!("an owned part without halves has been filled"),
        }
    }

    /// Length of the tree in bits, in the encoding of the source (section 5.2).
    pub fn bits(&self) -> u64 {
        const ZERO: EventTree = EventTree::Leaf(0);
        match self {
            Self::Leaf(number) => 1 + number_bits(*number),
            Self::Node(0, left, right) => {
                let halves = [left, right].into_iter().filter(|half| ***half != ZERO);
                3 + halves.map(|half| half.bits()).sum::<u64>()
            }
            Self::Node(number, left, right) => {
                let one_is_zero = **left == ZERO || **right == ZERO;
                let halves = [left, right].into_iter().filter(|half| ***half != ZERO);
                let kind = if one_is_zero { 5 } else { 4 };
                // The number is a leaf of its own.
                kind + 1 + number_bits(*number) + halves.map(|half| half.bits()).sum::<u64>()
            }
        }
    }
}

/// Length of a number in bits: numbers below 4 take 3 bits, the next 8 numbers 5, the next 16 numbers 7, and so on.
fn number_bits(mut number: u64) -> u64 {
    let mut width = 2;
    let mut prefix = 1;
    while number >= 1 << width {
        number -= 1 << width;
        width += 1;
        prefix += 1;
    }
    prefix + width
}
