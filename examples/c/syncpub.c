/*  A publisher that waits for its subscribers, so that none misses an update.
 *
 *  A connection takes time, and what is published meanwhile passes a subscriber by. So the publisher says HELLO again
 *  and again; a subscriber that hears it is connected, and says so through SYNC. When all have, the updates begin.
 *
 *  PUBLISHER    PUB, bound
 *  SYNC         REP, bound
 *  SUBSCRIBERS  how many to wait for
 *  COUNT        updates
 */

#include "zhelpers.h"

#define HELLO_INTERVAL_MS 10

int main (void)
{
    void *context = s_context ();
    long count = s_number ("COUNT", 1000000);

    /*  Room for all updates: a publisher drops what does not fit. */
    void *publisher = s_socket (context, ZMQ_PUB);
    s_set_int (publisher, ZMQ_SNDHWM, (int) (count + 100000));
    s_bind (publisher, "PUBLISHER", "tcp://*:5561");
    void *sync = s_socket (context, ZMQ_REP);
    s_bind (sync, "SYNC", "tcp://*:5562");

    printf ("waiting for subscribers\n");
    long missing = s_number ("SUBSCRIBERS", 10);
    zmq_pollitem_t request = { sync, 0, ZMQ_POLLIN, 0 };
    while (missing && !s_is_interrupted && s_poll (&request, 1, HELLO_INTERVAL_MS) == 0) {
        if (request.revents & ZMQ_POLLIN) {
            if (s_wait (sync) == -1 || s_send (sync, "") == -1)
                break;
            missing--;
        } else if (s_send (publisher, "HELLO") == -1)
            break;
    }
    if (!missing) {
        printf ("publishing\n");
        for (long update = 0; update < count && !s_is_interrupted; update++)
            s_send (publisher, "Rhubarb");
        s_send (publisher, "END");
    }
    s_close (publisher);
    s_close (sync);
    return s_end (context);
}
