//! Messages: any sequence of operations leaves every message with the bytes that a vector would have.

use ferrozmq_base::{Kind, Msg};

use crate::source::Source;

#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    body: Vec<u8>,
    more: bool,
    routing_id: u32,
}

const SLOTS: usize = 4;

pub(crate) fn target(data: &[u8]) {
    let mut source = Source::new(data);
    let mut messages: [Msg; SLOTS] = std::array::from_fn(|_| Msg::new());
    let mut models: [Model; SLOTS] = Default::default();
    for _ in 0..200 {
        if source.is_empty() {
            break;
        }
        let operation = source.below(16);
        let at = source.below(SLOTS);
        step(operation, at, &mut source, &mut messages, &mut models);
        for (message, model) in messages.iter().zip(&models) {
            assert_eq!(message.as_slice(), model.body, "after operation {operation}");
            assert_eq!((message.len(), message.is_empty()), (model.body.len(), model.body.is_empty()));
            assert_eq!((message.more(), message.routing_id()), (model.more, model.routing_id));
        }
    }
}

fn step(
    operation: usize,
    at: usize,
    source: &mut Source<'_>,
    messages: &mut [Msg; SLOTS],
    models: &mut [Model; SLOTS],
) {
    let fresh = |body: &[u8]| Model { body: body.to_vec(), ..Model::default() };
    match operation {
        0 => {
            let body = source.body();
            messages[at] = Msg::copy_from(&body).expect("memory");
            models[at] = fresh(&body);
        }
        1 => {
            let body = source.body();
            messages[at].assign(&body).expect("memory");
            models[at] = fresh(&body);
        }
        2 => {
            let body = source.body();
            models[at] = fresh(&body);
            messages[at] = Msg::from_vec(body);
        }
        3 => {
            let size = usize::from(source.word());
            messages[at] = Msg::with_size(size).expect("memory");
            models[at] = fresh(&vec![0; size]);
        }
        4 => {
            messages[at] =
                Msg::from_static(b"a constant body that is longer than what lies in a message itself");
            models[at] = fresh(b"a constant body that is longer than what lies in a message itself");
        }
        5 | 6 => {
            let to = source.below(SLOTS);
            let shared = messages[at].share();
            assert_eq!(shared.as_slice(), models[at].body);
            messages[to] = shared;
            models[to] = Model {
                more: messages[to].more(),
                routing_id: messages[to].routing_id(),
                ..models[at].clone()
            };
        }
        7 => {
            let to = source.below(SLOTS);
            let taken = messages[at].take();
            let model = std::mem::take(&mut models[at]);
            messages[to] = taken;
            models[to] = model;
        }
        8 => {
            messages[at].clear();
            models[at] = Model::default();
        }
        9 => {
            let more = source.flag();
            messages[at].set_more(more);
            models[at].more = more;
        }
        10 => {
            let id = u32::from(source.word());
            messages[at].set_routing_id(id);
            models[at].routing_id = id;
        }
        11 => {
            let byte = source.byte();
            if let Some(body) = messages[at].as_mut_slice() {
                body.fill(byte);
                models[at].body.fill(byte);
            }
        }
        12 => {
            let body = messages[at].take().into_vec().expect("memory");
            let model = std::mem::take(&mut models[at]);
            assert_eq!(body, model.body);
            messages[at] = Msg::from_vec(body);
            models[at] = fresh(&model.body);
        }
        13 => {
            let body = messages[at].take().into_bytes();
            let model = std::mem::take(&mut models[at]);
            assert_eq!(body, model.body);
            messages[at] = Msg::from_bytes(body);
            models[at] = fresh(&model.body);
        }
        14 => {
            if let Some(content) = messages[at].content() {
                assert!(messages[at].is_shared());
                let to = source.below(SLOTS);
                messages[to] = Msg::from_content(content);
                models[to] = fresh(&models[at].body.clone());
            }
        }
        _ => {
            let topic = source.text();
            messages[at] = Msg::command(Kind::Subscribe, topic).expect("memory");
            assert_eq!(messages[at].kind(), Kind::Subscribe);
            models[at] = fresh(topic);
        }
    }
}
