//! Subscriptions: a compressed prefix tree from topics to whatever is kept about them.
//!
//! The nodes lie in one vector and every operation is a loop, dropping included, so that the length of a topic
//! costs no stack. Every node but the root holds a whole topic and has a value or at least two children. Splitting
//! an edge copies as many bytes as the new topic has; a match looks at each byte of the message's topic once.
use ferrozmq_base::{OutOfMemory, PipeId, msg::copied};
use std::collections::{BTreeMap, BTreeSet};

const ROOT: u32 = 0;

/// What a tree keeps about a topic.
pub(crate) trait Value: Default {
    /// Nothing is kept: the topic may go.
    fn is_vacant(&self) -> bool;
}

/// The number of times that the socket subscribed.
impl Value for u64 {
    fn is_vacant(&self) -> bool {
        *self == 0
    }
}

/// The pipes that subscribed, in order.
impl Value for Vec<PipeId> {
    fn is_vacant(&self) -> bool {
        self.is_empty()
    }
}

#[derive(Debug, Default)]
struct Node<V> {
    topic: Box<[u8]>,
    parent: u32,
    /// By the byte that follows this node's topic, in order.
    children: Vec<(u8, u32)>,
    value: V,
}

/// A map from topics to values that finds all prefixes of a message at once.
#[derive(Debug)]
pub(crate) struct PrefixTree<V> {
    nodes: Vec<Node<V>>,
    free: Vec<u32>,
}

impl<V: Value> Default for PrefixTree<V> {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], free: Vec::new() }
    }
}

impl<V: Value> PrefixTree<V> {
    fn node(&self, at: u32) -> &Node<V> {
        &self.nodes[at as usize]
    }

    fn node_mut(&mut self, at: u32) -> &mut Node<V> {
        &mut self.nodes[at as usize]
    }

    fn child(&self, at: u32, byte: u8) -> Option<u32> {
        let children = &self.node(at).children;
        let i = children.binary_search_by_key(&byte, |c| c.0).ok()?;
        Some(children[i].1)
    }

    pub(crate) fn value(&self, at: u32) -> &V {
        &self.node(at).value
    }

    pub(crate) fn value_mut(&mut self, at: u32) -> &mut V {
        &mut self.node_mut(at).value
    }

    pub(crate) fn topic(&self, at: u32) -> &[u8] {
        &self.node(at).topic
    }

    /// Shows `visit` the value of each prefix of `topic`, the shortest first, until it returns false.
    #[inline]
    fn walk(&self, topic: &[u8], mut visit: impl FnMut(&V) -> bool) {
        let mut node = self.node(ROOT);
        let mut depth = 0;
        loop {
            if !visit(&node.value) || node.children.is_empty() || depth == topic.len() {
                return;
            }
            let Ok(i) = node.children.binary_search_by_key(&topic[depth], |c| c.0) else { return };
            let child = self.node(node.children[i].1);
            let end = child.topic.len();
            if topic.len() < end || topic[depth..end] != child.topic[depth..] {
                return;
            }
            node = child;
            depth = end;
        }
    }

    /// Shows `visit` the value of each prefix of `topic`.
    #[inline]
    pub(crate) fn prefixes(&self, topic: &[u8], mut visit: impl FnMut(&V)) {
        self.walk(topic, |value| {
            visit(value);
            true
        });
    }

    /// Whether a prefix of `topic` has a value.
    #[inline]
    pub(crate) fn matches(&self, topic: &[u8]) -> bool {
        let mut found = false;
        self.walk(topic, |value| {
            found = !value.is_vacant();
            !found
        });
        found
    }

    /// The node of exactly this topic.
    pub(crate) fn find(&self, topic: &[u8]) -> Option<u32> {
        let mut at = ROOT;
        let mut depth = 0;
        while depth < topic.len() {
            at = self.child(at, topic[depth])?;
            let known = &self.node(at).topic;
            if topic.len() < known.len() || topic[depth..known.len()] != known[depth..] {
                return None;
            }
            depth = known.len();
        }
        Some(at)
    }

    /// The node of this topic, made if need be. It stays while its value is not vacant.
    pub(crate) fn insert(&mut self, topic: &[u8]) -> Result<u32, OutOfMemory> {
        let mut at = ROOT;
        let mut depth = 0;
        while depth < topic.len() {
            let Some(child) = self.child(at, topic[depth]) else {
                let added = self.make(at, topic);
                match added {
                    Ok(node) => self.attach(node),
                    // Perhaps it was made a fork for this one.
                    Err(OutOfMemory) => self.prune(at),
                }
                return added;
            };
            let known = &self.node(child).topic;
            let common = depth + common_prefix(&topic[depth..], &known[depth..]);
            at = if common < known.len() { self.split(child, &topic[..common])? } else { child };
            depth = common;
        }
        Ok(at)
    }

    /// Makes a childless node that its parent does not know yet.
    fn make(&mut self, parent: u32, topic: &[u8]) -> Result<u32, OutOfMemory> {
        let topic = copied(topic)?.into_boxed_slice();
        let node = Node { topic, parent, children: Vec::new(), value: V::default() };
        if let Some(at) = self.free.pop() {
            *self.node_mut(at) = node;
            return Ok(at);
        }
        self.nodes.try_reserve(1).map_err(|_| OutOfMemory)?;
        self.nodes.push(node);
        Ok((self.nodes.len() - 1) as u32)
    }

    /// Puts a node into its parent's list.
    fn attach(&mut self, at: u32) {
        let parent = self.node(at).parent;
        let byte = self.node(at).topic[self.node(parent).topic.len()];
        let siblings = &mut self.node_mut(parent).children;
        let i = siblings.partition_point(|c| c.0 < byte);
        siblings.insert(i, (byte, at));
    }

    /// Puts a node for `topic`, a proper prefix of the child's, between the child and its parent.
    fn split(&mut self, child: u32, topic: &[u8]) -> Result<u32, OutOfMemory> {
        let middle = self.make(self.node(child).parent, topic)?;
        self.detach(child);
        self.attach(middle);
        let byte = self.node(child).topic[topic.len()];
        self.node_mut(middle).children.push((byte, child));
        self.node_mut(child).parent = middle;
        Ok(middle)
    }

    /// Takes a node out of its parent's list.
    fn detach(&mut self, at: u32) {
        let parent = self.node(at).parent;
        let byte = self.node(at).topic[self.node(parent).topic.len()];
        self.node_mut(parent).children.retain(|c| c.0 != byte);
    }

    /// Removes the node if its value is vacant, and its parent if that was only a fork.
    pub(crate) fn prune(&mut self, at: u32) {
        if at == ROOT || !self.node(at).value.is_vacant() {
            return;
        }
        let parent = self.node(at).parent;
        match self.node(at).children.len() {
            0 => {
                self.detach(at);
                self.release(at);
                self.join(parent);
            }
            1 => self.join(at),
            _ => {}
        }
    }

    /// Removes a vacant node with one child by giving the child to its parent.
    fn join(&mut self, at: u32) {
        let node = self.node(at);
        if at == ROOT || !node.value.is_vacant() || node.children.len() != 1 {
            return;
        }
        let (parent, child) = (node.parent, node.children[0].1);
        let byte = node.topic[self.node(parent).topic.len()];
        self.node_mut(child).parent = parent;
        for entry in self.node_mut(parent).children.iter_mut().filter(|c| c.0 == byte) {
            entry.1 = child;
        }
        self.release(at);
    }

    fn release(&mut self, at: u32) {
        *self.node_mut(at) = Node::default();
        self.free.push(at);
    }

    /// The topics with a value, in lexicographic order.
    pub(crate) fn topics(&self) -> impl Iterator<Item = &[u8]> {
        let mut stack = vec![ROOT];
        std::iter::from_fn(move || {
            while let Some(at) = stack.pop() {
                let node = self.node(at);
                stack.extend(node.children.iter().rev().map(|c| c.1));
                if !node.value.is_vacant() {
                    return Some(&*node.topic);
                }
            }
            None
        })
    }
}

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// What became of a cancelled subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removed {
    /// The pipe had no such subscription.
    NotFound,
    /// Other pipes have the topic still.
    OthersRemain,
    /// It was the last one of the topic.
    Last,
}

/// The subscriptions of a publisher's peers: for each topic the set of pipes that want it.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    tree: PrefixTree<Vec<PipeId>>,
    by_pipe: BTreeMap<PipeId, Share>,
    topics: usize,
}

/// What a pipe has of the tree.
#[derive(Debug, Default)]
struct Share {
    /// The nodes that it is in; stable while it is.
    nodes: BTreeSet<u32>,
    bytes: u64,
}

/// What a subscription takes beside the bytes of its topic, roughly.
pub(crate) const PLACE: u64 = 128;

impl Subscriptions {
    /// Adds a pipe to a topic; true if the topic is new.
    pub(crate) fn add(&mut self, topic: &[u8], id: PipeId) -> Result<bool, OutOfMemory> {
        let at = self.tree.insert(topic)?;
        let pipes = self.tree.value_mut(at);
        let Err(i) = pipes.binary_search(&id) else { return Ok(false) };
        let is_new = pipes.is_empty();
        pipes.insert(i, id);
        let share = self.by_pipe.entry(id).or_default();
        share.nodes.insert(at);
        share.bytes += topic.len() as u64 + PLACE;
        self.topics += usize::from(is_new);
        Ok(is_new)
    }

    /// The memory that the subscriptions of a pipe take, as if nobody else had them.
    pub(crate) fn bytes_of(&self, id: PipeId) -> u64 {
        self.by_pipe.get(&id).map_or(0, |share| share.bytes)
    }

    pub(crate) fn remove(&mut self, topic: &[u8], id: PipeId) -> Removed {
        let Some(at) = self.tree.find(topic) else { return Removed::NotFound };
        if let Some(share) = self.by_pipe.get_mut(&id)
            && share.nodes.remove(&at)
        {
            share.bytes -= topic.len() as u64 + PLACE;
            if share.nodes.is_empty() {
                self.by_pipe.remove(&id);
            }
        }
        self.remove_at(at, id)
    }

    fn remove_at(&mut self, at: u32, id: PipeId) -> Removed {
        let pipes = self.tree.value_mut(at);
        let Ok(i) = pipes.binary_search(&id) else { return Removed::NotFound };
        pipes.remove(i);
        if !pipes.is_empty() {
            return Removed::OthersRemain;
        }
        self.topics -= 1;
        self.tree.prune(at);
        Removed::Last
    }

    /// Removes all subscriptions of a pipe, in lexicographic order; `removed(topic, was_last)` is told of each.
    pub(crate) fn remove_pipe(&mut self, id: PipeId, mut removed: impl FnMut(&[u8], bool)) {
        let Some(share) = self.by_pipe.remove(&id) else { return };
        let mut nodes: Vec<u32> = share.nodes.into_iter().collect();
        nodes.sort_unstable_by(|a, b| self.tree.topic(*a).cmp(self.tree.topic(*b)));
        for at in nodes {
            removed(self.tree.topic(at), self.tree.value(at).len() == 1);
            self.remove_at(at, id);
        }
    }

    /// Shows `visit` each pipe that wants a message with this topic, once for each subscription that matches.
    #[inline]
    pub(crate) fn matching(&self, topic: &[u8], mut visit: impl FnMut(PipeId)) {
        self.tree.prefixes(topic, |pipes| pipes.iter().for_each(|id| visit(*id)));
    }

    /// The number of pipes with a subscription.
    pub(crate) fn pipes(&self) -> usize {
        self.by_pipe.len()
    }

    /// The number of distinct topics.
    pub(crate) fn count(&self) -> usize {
        self.topics
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferrozmq_base::pipe::{Rx, Tx};
    use ferrozmq_base::{Pipe, Pipes};
    use proptest::prelude::*;

    fn pipes(n: usize) -> Vec<PipeId> {
        let mut pipes = Pipes::new();
        (0..n).map(|_| pipes.insert(Pipe::new(Tx::Closed, Rx::Closed))).collect()
    }

    #[test]
    fn topics_of_16_megabytes_come_and_go() {
        let id = pipes(1)[0];
        let mut subscriptions = Subscriptions::default();
        let long = vec![b'a'; 16 << 20];
        assert_eq!(subscriptions.add(&long, id), Ok(true));
        assert_eq!(subscriptions.add(&long[..1 << 20], id), Ok(true));
        assert_eq!(subscriptions.add(&long, id), Ok(false));
        let mut matches = 0;
        subscriptions.matching(&long, |_| matches += 1);
        assert_eq!(matches, 2);
        assert_eq!(subscriptions.remove(&long, id), Removed::Last);
        assert_eq!(subscriptions.remove(&long, id), Removed::NotFound);
        subscriptions.add(&long, id).unwrap();
        let mut ended = Vec::new();
        subscriptions.remove_pipe(id, |topic, _| ended.push(topic.len()));
        assert_eq!(ended, [1 << 20, 16 << 20]);
        subscriptions.add(&long, id).unwrap();
    }

    #[test]
    fn a_chain_of_thousands_of_prefixes() {
        let id = pipes(1)[0];
        let mut subscriptions = Subscriptions::default();
        let long = vec![b'a'; 5_000];
        for end in (0..long.len()).rev() {
            subscriptions.add(&long[..end], id).unwrap();
        }
        assert_eq!(subscriptions.count(), 5_000);
        assert_eq!(subscriptions.tree.topics().count(), 5_000);
        for end in (0..5_000).step_by(2) {
            assert_eq!(subscriptions.remove(&long[..end], id), Removed::Last);
        }
        let mut matches = 0;
        subscriptions.matching(&long, |_| matches += 1);
        assert_eq!(matches, 2_500);
    }

    #[derive(Clone, Debug)]
    enum Op {
        Add(Vec<u8>, usize),
        Remove(Vec<u8>, usize),
        RemovePipe(usize),
        Match(Vec<u8>),
    }

    fn topic() -> impl Strategy<Value = Vec<u8>> {
        // Few letters, so that prefixes and forks are common.
        proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'b'), Just(0xff)], 0..7)
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            5 => (topic(), 0..4usize).prop_map(|(t, p)| Op::Add(t, p)),
            4 => (topic(), 0..4usize).prop_map(|(t, p)| Op::Remove(t, p)),
            1 => (0..4usize).prop_map(Op::RemovePipe),
            4 => topic().prop_map(Op::Match),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn does_what_a_list_of_subscriptions_does(ops in proptest::collection::vec(op(), 1..80)) {
            let ids = pipes(4);
            let mut subscriptions = Subscriptions::default();
            let mut model: BTreeSet<(Vec<u8>, PipeId)> = BTreeSet::new();
            for op in ops {
                match op {
                    Op::Add(topic, p) => {
                        let is_new = !model.iter().any(|(t, _)| *t == topic);
                        model.insert((topic.clone(), ids[p]));
                        prop_assert_eq!(subscriptions.add(&topic, ids[p]), Ok(is_new));
                    }
                    Op::Remove(topic, p) => {
                        let found = model.remove(&(topic.clone(), ids[p]));
                        let remain = model.iter().any(|(t, _)| *t == topic);
                        let expected = match (found, remain) {
                            (false, _) => Removed::NotFound,
                            (true, true) => Removed::OthersRemain,
                            (true, false) => Removed::Last,
                        };
                        prop_assert_eq!(subscriptions.remove(&topic, ids[p]), expected);
                    }
                    Op::RemovePipe(p) => {
                        let mut got = Vec::new();
                        subscriptions.remove_pipe(ids[p], |t, last| got.push((t.to_vec(), last)));
                        let topics: Vec<_> =
                            model.iter().filter(|(_, id)| *id == ids[p]).map(|(t, _)| t.clone()).collect();
                        model.retain(|(_, id)| *id != ids[p]);
                        let expected: Vec<_> = topics
                            .into_iter()
                            .map(|t| { let last = !model.iter().any(|(other, _)| *other == t); (t, last) })
                            .collect();
                        prop_assert_eq!(got, expected);
                    }
                    Op::Match(topic) => {
                        let mut got = Vec::new();
                        subscriptions.matching(&topic, |id| got.push(id));
                        got.sort_unstable();
                        let mut expected: Vec<_> =
                            model.iter().filter(|(t, _)| topic.starts_with(t)).map(|(_, id)| *id).collect();
                        expected.sort_unstable();
                        prop_assert_eq!(subscriptions.tree.matches(&topic), !expected.is_empty());
                        prop_assert_eq!(got, expected);
                    }
                }
                let topics: BTreeSet<_> = model.iter().map(|(t, _)| t.clone()).collect();
                prop_assert_eq!(subscriptions.count(), topics.len());
                prop_assert!(subscriptions.tree.topics().eq(topics.iter().map(|t| &t[..])));
                // No node is kept without need: at most one fork for each topic, and the root.
                let nodes = subscriptions.tree.nodes.len() - subscriptions.tree.free.len();
                prop_assert!(nodes <= 2 * topics.len() + 1);
            }
        }
    }
}
