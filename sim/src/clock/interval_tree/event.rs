//! The event tree of an interval tree clock. The tree has a whole number for each point of the interval from 0 to 1. Each machine owns a part
//! of the interval (its [`IdTree`]), and each event of the machine raises numbers in this part.

use std::sync::Arc;

use super::id::IdTree;

/// A whole number for each point of an interval. Either the number is the same everywhere, or the interval is divided into two halves with
/// trees of their own.
///
/// Trees are always in their shortest form. This means two things. First, at least one of the two halves of a node has the number 0 at
/// its root. (If both had more, the smaller of the two numbers would be subtracted from both and added to the number of the node.) Second,
/// instead of a node with two equal leaves there is a single leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventTree {
    /// The same number everywhere.
    Leaf(u64),
    /// A number, a tree for the left half, and a tree for the right half. The number is added to all numbers of both halves.
    Node(u64, Arc<EventTree>, Arc<EventTree>),
}

impl Default for EventTree {
    fn default() -> Self {
        Self::Leaf(0)
    }
}

/// What a new node costs in [`EventTree::grow`], which adds 1 at the cheapest place. Each level of the tree costs 1, and all levels
/// together cost less than one new node. So a place that needs no new node is always cheaper than a place that needs one. (A place needs no
/// new node if it is a leaf that is completely within the machine's part.)
const NEW_NODE_COST: u64 = 1 << 32;

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

    /// Number of nodes, leaves included.
    pub fn nodes(&self) -> u64 {
        match self {
            Self::Leaf(_) => 1,
            Self::Node(_, left, right) => 1 + left.nodes() + right.nodes(),
        }
    }

    /// The same tree with another number at its root.
    fn with_base(&self, base: u64) -> Self {
        match self {
            Self::Leaf(_) => Self::Leaf(base),
            Self::Node(_, left, right) => Self::Node(base, Arc::clone(left), Arc::clone(right)),
        }
    }

    /// The tree with `by` added at each point.
    fn lift(&self, by: u64) -> Self {
        self.with_base(self.base() + by)
    }

    /// Makes a tree from two halves, in its shortest form. `number` is added to all numbers of both halves.
    fn norm(number: u64, left: Self, right: Self) -> Self {
        if let (Self::Leaf(left), Self::Leaf(right)) = (&left, &right)
            && left == right
        {
            return Self::Leaf(number + left);
        }
        // What both halves have in common moves to the number of the node.
        let common = left.base().min(right.base());
        let sink = |tree: Self| match common {
            0 => Arc::new(tree),
            _ => Arc::new(tree.with_base(tree.base() - common)),
        };
        Self::Node(number + common, sink(left), sink(right))
    }

    /// The halves of a tree. They do not contain the number at its root, so both halves of a leaf are the leaf 0.
    fn halves(&self) -> (Self, Self) {
        match self {
            Self::Leaf(_) => (Self::Leaf(0), Self::Leaf(0)),
            Self::Node(_, left, right) => ((**left).clone(), (**right).clone()),
        }
    }

    /// Whether the number of this tree is less than or equal to that of `other` at each point.
    pub fn leq(&self, other: &Self) -> bool {
        self.leq_with(0, other, 0)
    }

    /// The same as [`Self::leq`], after `own_sum` is added to this tree and `other_sum` to `other`. If a tree is a subtree of a larger tree,
    /// its sum is the total of the numbers at all nodes above it.
    fn leq_with(&self, own_sum: u64, other: &Self, other_sum: u64) -> bool {
        let (own_base, other_base) = (own_sum + self.base(), other_sum + other.base());
        if own_base > other_base {
            return false;
        }
        match (self, other) {
            // This tree has the number `own_base` everywhere. `other` has at least `other_base` everywhere, because in the shortest form,
            // the number at the root is the smallest one. And `own_base` is not above `other_base`: that was checked first.
            (Self::Leaf(_), _) => true,
            // Both halves are compared with the same leaf. The calls add the leaf's number themselves, so they get `other_sum`, not
            // `other_base`.
            (Self::Node(_, left, right), Self::Leaf(_)) => {
                left.leq_with(own_base, other, other_sum)
                    && right.leq_with(own_base, other, other_sum)
            }
            (Self::Node(_, left, right), Self::Node(_, other_left, other_right)) => {
                left.leq_with(own_base, other_left, other_base)
                    && right.leq_with(own_base, other_right, other_base)
            }
        }
    }

    /// The tree that has at each point the larger number of this tree and `other`.
    pub fn join(&self, other: &Self) -> Self {
        // The trees with the lower and with the higher base. At some points, `low` can still have the larger number.
        let (low, high) = match self.base() <= other.base() {
            true => (self, other),
            false => (other, self),
        };
        if let (Self::Leaf(_), Self::Leaf(_)) = (low, high) {
            return high.clone();
        }
        let (low_left, low_right) = low.halves();
        let (high_left, high_right) = high.halves();
        // The root of the result gets the base of `low`. The difference between the two bases is added to the halves of `high`.
        let difference = high.base() - low.base();
        Self::norm(
            low.base(),
            low_left.join(&high_left.lift(difference)),
            low_right.join(&high_right.lift(difference)),
        )
    }

    /// Adds an event of the machine that owns the part `id`: raises the number somewhere within this part. First it tries to raise
    /// numbers without adding nodes ([`Self::fill`]). If that changes nothing, it adds 1 somewhere ([`Self::grow`]).
    pub fn event(&self, id: &IdTree) -> Self {
        let filled = self.fill(id);
        match filled == *self {
            true => self.grow(id).0,
            false => filled,
        }
    }

    /// Raises numbers within the part `id` without adding nodes. For example, if the left half of a node is completely within the part, it
    /// becomes a leaf with the largest number of this half. If all numbers of the right half are larger than that, the leaf is raised to the
    /// smallest number of the right half. Returns the same tree if nothing is raised.
    fn fill(&self, id: &IdTree) -> Self {
        match (id, self) {
            (IdTree::Zero, _) | (_, Self::Leaf(_)) => self.clone(),
            (IdTree::One, _) => Self::Leaf(self.max()),
            (IdTree::Halves(own_left, own_right), Self::Node(number, left, right)) => {
                let (filled_left, filled_right) = (left.fill(own_left), right.fill(own_right));
                let is_owned_completely = |half: &IdTree| *half == IdTree::One;
                // A half that is owned completely is now a leaf, and its base is its only number. If the base of the other half (its
                // smallest number) is larger, the leaf is raised to that number.
                let (left_base, right_base) = (filled_left.base(), filled_right.base());
                let higher_leaf = Self::Leaf(left_base.max(right_base));
                let new_left = if is_owned_completely(own_left) {
                    higher_leaf.clone()
                } else {
                    filled_left
                };
                let new_right = if is_owned_completely(own_right) {
                    higher_leaf
                } else {
                    filled_right
                };
                Self::norm(*number, new_left, new_right)
            }
        }
    }

    /// Adds 1 somewhere within the part `id`, such that the tree gets as few new nodes as possible. If several places are equally good, the
    /// one nearest to the root is chosen. Also returns the cost of the place: 1 for each level, and [`NEW_NODE_COST`] for each new node.
    fn grow(&self, id: &IdTree) -> (Self, u64) {
        match (id, self) {
            (IdTree::One, Self::Leaf(number)) => (Self::Leaf(number + 1), 0),
            (IdTree::Halves(own_left, own_right), _) => {
                let new_node_cost = match self {
                    Self::Leaf(_) => NEW_NODE_COST,
                    Self::Node(..) => 0,
                };
                let (left, right) = self.halves();
                let grown_left = (**own_left != IdTree::Zero).then(|| left.grow(own_left));
                let grown_right = (**own_right != IdTree::Zero).then(|| right.grow(own_right));
                // The cheaper half grows. If both cost the same, the right half grows.
                let (left, right, cost) = match (grown_left, grown_right) {
                    (Some((new_left, left_cost)), Some((_, right_cost)))
                        if left_cost < right_cost =>
                    {
                        (new_left, right, left_cost)
                    }
                    (Some((new_left, left_cost)), None) => (new_left, right, left_cost),
                    (_, Some((new_right, right_cost))) => (left, new_right, right_cost),
                    (None, None) => unreachable!("a part has a half that is not empty"),
                };
                let tree = Self::Node(self.base(), Arc::new(left), Arc::new(right));
                (tree, cost + 1 + new_node_cost)
            }
            // Two cases are left, and neither occurs. The part `One` with a node: `fill` would have made this node a leaf, and `event` calls
            // `grow` only if `fill` changed nothing. The part `Zero`: no machine's part is empty, and `grow` does not look into halves in
            // which the machine owns nothing.
            _ => unreachable!("a node that is owned completely, or a part that is empty"),
        }
    }

    /// Length of the tree in bits, in the encoding of the paper (Almeida et al. 2008, section 5.2). The first bits say which kind of node
    /// follows. They also say if one half is 0 everywhere, and such a half takes no further bits.
    pub fn bits(&self) -> u64 {
        const ZERO: EventTree = EventTree::Leaf(0);
        match self {
            Self::Leaf(number) => 1 + number_bits(*number),
            Self::Node(number, left, right) => {
                // One bit says that this is a node. The next 2 bits tell four cases apart. In three of them the node's number is 0: one
                // case for a left half that is 0 everywhere, one for a right half that is 0 everywhere, and one for neither. In the fourth
                // case the number is above 0. Then 1 more bit says whether one of the halves is 0 everywhere, and if so, another bit says
                // which.
                let is_one_half_zero = **left == ZERO || **right == ZERO;
                let kind_bits = match (number, is_one_half_zero) {
                    (0, _) => 1 + 2,
                    (_, true) => 1 + 2 + 1 + 1,
                    (_, false) => 1 + 2 + 1,
                };
                // A number above 0 is encoded like a leaf.
                let own_bits = match number {
                    0 => 0,
                    _ => 1 + number_bits(*number),
                };
                let halves = [left, right].into_iter().filter(|half| ***half != ZERO);
                kind_bits + own_bits + halves.map(|half| half.bits()).sum::<u64>()
            }
        }
    }
}

/// Length of a number in bits: numbers below 4 take 3 bits, the next 8 numbers 5 bits, the next 16 numbers 7 bits, and so on. The first
/// bits (the prefix) say in which of these classes the number is, and the other bits say which number of the class it is.
fn number_bits(number: u64) -> u64 {
    let mut index_in_class = number;
    let mut index_bits = 2;
    let mut prefix_bits = 1;
    while index_in_class >= 1 << index_bits {
        index_in_class -= 1 << index_bits;
        index_bits += 1;
        prefix_bits += 1;
    }
    prefix_bits + index_bits
}
