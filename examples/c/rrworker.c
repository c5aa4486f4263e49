/*  A worker behind the request-reply broker.
 *
 *  BACKEND  REP, connected
 *  WORK     milliseconds that a request takes
 */

#include "zhelpers.h"

int main (void)
{
    void *context = s_context ();
    void *responder = s_socket (context, ZMQ_REP);
    s_connect (responder, "BACKEND", "tcp://localhost:5560");

    long work_ms = s_number ("WORK", 1000);
    while (!s_is_interrupted) {
        char *request = s_recv (responder);
        if (!request)
            break;
        printf ("received %s\n", request);
        free (request);
        s_sleep (work_ms);
        if (s_send (responder, "World") == -1)
            break;
    }
    s_close (responder);
    return s_end (context);
}
