/*  A subscriber that tells its publisher when it is connected, and counts the updates then.
 *
 *  PUBLISHER  SUB, connected
 *  SYNC       REQ, connected
 */

#include "zhelpers.h"

int main (void)
{
    void *context = s_context ();
    void *subscriber = s_socket (context, ZMQ_SUB);
    s_subscribe (subscriber, "");
    s_connect (subscriber, "PUBLISHER", "tcp://localhost:5561");

    /*  The first HELLO says that the subscription has arrived. */
    void *sync = s_socket (context, ZMQ_REQ);
    s_connect (sync, "SYNC", "tcp://localhost:5562");
    int running = s_wait (subscriber) == 0 && s_send (sync, "") == 0 && s_wait (sync) == 0;

    long updates = 0;
    while (running) {
        char *message = s_recv (subscriber);
        running = message && strcmp (message, "END") != 0;
        if (running && strcmp (message, "HELLO") != 0)
            updates++;
        free (message);
    }
    printf ("received %ld updates\n", updates);

    s_close (subscriber);
    s_close (sync);
    return s_end (context);
}
