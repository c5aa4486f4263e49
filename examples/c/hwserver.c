/*  A server that answers every Hello with World.
 *
 *  SERVICE  REP, bound
 *  COUNT    requests to answer, 0: until interrupted
 */

#include "zhelpers.h"

int main (void)
{
    void *context = s_context ();
    void *responder = s_socket (context, ZMQ_REP);
    s_bind (responder, "SERVICE", "tcp://*:5555");

    long count = s_number ("COUNT", 0);
    for (long answered = 0; (count == 0 || answered < count) && !s_is_interrupted; answered++) {
        char *request = s_recv (responder);
        if (!request)
            break;
        printf ("received %s\n", request);
        free (request);
        if (s_send (responder, "World") == -1)
            break;
    }
    s_close (responder);
    return s_end (context);
}
