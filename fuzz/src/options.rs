//! Options: any number with any bytes is taken or refused, and a refusal changes nothing.

use ferrozmq_base::SocketType;
use ferrozmq_runtime::option::{self, ContextOptions, Read, SocketOptions, TABLE};

use crate::source::Source;

pub(crate) fn target(data: &[u8]) {
    let mut source = Source::new(data);
    let kind = source.socket_type();
    let mut context = ContextOptions::default();
    let mut options = SocketOptions::new(kind, &context);
    while !source.is_empty() {
        let choice = source.byte();
        let number = match choice & 3 {
            0 => i32::from(source.word() as i16),
            1 => i32::from(source.byte()) % 80,
            _ => TABLE[source.below(TABLE.len())].number,
        };
        let value = match choice >> 2 & 3 {
            0 => source.text().to_vec(),
            1 => i32::from(source.word() as i16).to_ne_bytes().to_vec(),
            2 => source.take(8).to_vec(),
            _ => source.body(),
        };
        match choice >> 4 & 3 {
            0 => set_context(&mut context, number, &value),
            _ => set(&mut options, kind, number, (choice < 0xF0).then_some(&value)),
        }
        for number in [number, number.wrapping_add(1)] {
            get(&options, kind, number, value.len());
        }
    }
    // Whatever was set: every option can be read with a buffer of some size, or is not for this type.
    for row in TABLE {
        let _ = option::get(&options, kind, row.number, &mut [0; 4]);
        let _ = option::get(&options, kind, row.number, &mut [0; 8]);
        get(&options, kind, row.number, 300);
    }
    let _ = SocketOptions::new(kind, &context);
}

fn set(options: &mut SocketOptions, kind: SocketType, number: i32, value: Option<&Vec<u8>>) {
    let before = options.clone();
    if option::set(options, kind, number, value.map(Vec::as_slice)).is_err() {
        assert_eq!(*options, before, "option {number} was refused and changed something");
    }
}

fn get(options: &SocketOptions, kind: SocketType, number: i32, size: usize) {
    let mut buffer = vec![0xA5; size];
    match option::get(options, kind, number, &mut buffer) {
        Ok(Read::Done(length)) => {
            assert!(length <= size, "{length} of {size}");
            let mut again = vec![0x5A; size];
            assert_eq!(option::get(options, kind, number, &mut again), Ok(Read::Done(length)));
            assert_eq!(buffer[..length], again[..length], "bytes that nobody wrote");
        }
        Ok(Read::Live(_)) => {}
        Err(_) => assert!(buffer.iter().all(|byte| *byte == 0xA5), "a refused read wrote something"),
    }
}

fn set_context(context: &mut ContextOptions, number: i32, value: &[u8]) {
    let before = context.clone();
    if context.set_bytes(number, value).is_err() {
        assert_eq!(*context, before);
    }
    let mut buffer = vec![0; value.len()];
    let _ = context.get_bytes(number, &mut buffer);
    let _ = context.get(number);
}
