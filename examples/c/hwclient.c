/*  A client that says Hello and waits for the answer.
 *
 *  SERVICE  REQ, connected
 *  COUNT    requests, one after the other
 */

#include "zhelpers.h"

int main (void)
{
    void *context = s_context ();
    void *requester = s_socket (context, ZMQ_REQ);
    s_connect (requester, "SERVICE", "tcp://localhost:5555");

    long count = s_number ("COUNT", 10);
    for (long request = 0; request < count && !s_is_interrupted; request++) {
        if (s_send (requester, "Hello") == -1)
            break;
        char *reply = s_recv (requester);
        if (!reply)
            break;
        printf ("received %s %ld\n", reply, request);
        free (reply);
    }
    s_close (requester);
    return s_end (context);
}
