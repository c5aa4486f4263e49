//! Datagrams of a RADIO and addresses of a DGRAM: what is found lies within what was given, and is written back the same.

use ferrozmq_proto::udp::{GROUP_DATAGRAM_MAX, begin_group, parse_peer, peer_frame, split_group};

pub(crate) fn target(data: &[u8]) {
    let holds = data.first().is_some_and(|length| usize::from(*length) < data.len());
    match split_group(data) {
        Some((group, body)) => {
            assert!(holds && data.len() <= GROUP_DATAGRAM_MAX);
            let mut written = vec![1; 3];
            assert!(begin_group(group, &mut written));
            written.extend_from_slice(body);
            assert_eq!(written, data);
        }
        None => assert!(!holds || data.len() > GROUP_DATAGRAM_MAX),
    }
    if let Some(peer) = parse_peer(data) {
        assert_ne!(peer.port(), 0);
        assert!(data.is_ascii() && data.iter().filter(|byte| **byte == 0).count() <= 1);
        let frame = peer_frame(peer);
        assert_eq!(frame.last(), Some(&0));
        assert_eq!(parse_peer(&frame), Some(peer));
        assert_eq!(parse_peer(&frame[..frame.len() - 1]), Some(peer));
    }
}
