/*  A client of the request-reply broker.
 *
 *  FRONTEND  REQ, connected
 *  COUNT     requests, one after the other
 */

#include "zhelpers.h"

int main (void)
{
    void *context = s_context ();
    void *requester = s_socket (context, ZMQ_REQ);
    s_connect (requester, "FRONTEND", "tcp://localhost:5559");

    long count = s_number ("COUNT", 10);
    for (long request = 0; request < count && !s_is_interrupted; request++) {
        char text[32];
        snprintf (text, sizeof text, "Hello %ld", request);
        if (s_send (requester, text) == -1)
            break;
        char *reply = s_recv (requester);
        if (!reply)
            break;
        printf ("%s: %s\n", text, reply);
        free (reply);
    }
    s_close (requester);
    return s_end (context);
}
