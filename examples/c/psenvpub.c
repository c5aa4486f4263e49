/*  A publisher of messages in envelopes: the first frame is the topic, the second the content.
 *
 *  PUBLISHER  PUB, bound
 *  INTERVAL   milliseconds between two rounds
 */

#include "zhelpers.h"

int main (void)
{
    void *context = s_context ();
    void *publisher = s_socket (context, ZMQ_PUB);
    s_bind (publisher, "PUBLISHER", "tcp://*:5563");

    long interval_ms = s_number ("INTERVAL", 1000);
    while (!s_is_interrupted) {
        s_sendmore (publisher, "A");
        s_send (publisher, "for others, though B is in the content");
        s_sendmore (publisher, "B");
        s_send (publisher, "for us");
        s_sleep (interval_ms);
    }
    s_close (publisher);
    return s_end (context);
}
