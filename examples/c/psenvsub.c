/*  A subscriber to envelopes of topic B. The filter looks at the first frame only, and a message comes whole or not
 *  at all.
 *
 *  PUBLISHER  SUB, connected
 *  COUNT      messages to print, 0: until interrupted
 */

#include "zhelpers.h"

int main (void)
{
    void *context = s_context ();
    void *subscriber = s_socket (context, ZMQ_SUB);
    s_connect (subscriber, "PUBLISHER", "tcp://localhost:5563");
    s_subscribe (subscriber, "B");

    long count = s_number ("COUNT", 0);
    for (long printed = 0; (count == 0 || printed < count) && !s_is_interrupted; printed++) {
        char *topic = s_recv (subscriber);
        char *content = topic ? s_recv (subscriber) : NULL;
        if (content)
            printf ("[%s] %s\n", topic, content);
        free (topic);
        free (content);
        if (!content)
            break;
    }
    s_close (subscriber);
    return s_end (context);
}
