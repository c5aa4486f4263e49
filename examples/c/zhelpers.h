/*  zhelpers.h: what the programs of this directory share.
 *
 *  Every program starts with s_context and ends with s_end. In between Ctrl-C and SIGTERM end whatever it waits for:
 *  the s_ functions then answer NULL or -1, and s_is_interrupted is set. Any other failure ends the program with a
 *  message.
 *
 *  The guide's own programs compile with this file as well: it has the names that they expect, and none that they
 *  define themselves.
 *
 *  Endpoints and counts have the chapter's values unless the environment says otherwise; README.md lists them.
 */

#ifndef ZHELPERS_H
#define ZHELPERS_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <zmq.h>

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*  ---- Failures and interrupts ---------------------------------------------------------------------------------- */

/*  Ends the program if ok is 0. */
static inline void s_check (int ok, const char *what)
{
    if (ok)
        return;
    fprintf (stderr, "%s: %s\n", what, zmq_strerror (zmq_errno ()));
    exit (EXIT_FAILURE);
}

/*  Whether a call failed because the program is to end. */
static inline int s_is_end (void)
{
    return zmq_errno () == EINTR || zmq_errno () == ETERM;
}

static volatile sig_atomic_t s_is_interrupted;

/*  A signal that comes just before a call blocks would go unnoticed, so it is repeated until the program has ended. */
static inline void s_on_signal (int signal_number)
{
    (void) signal_number;
    s_is_interrupted = 1;
    alarm (1);
}

/*  Without SA_RESTART, so that blocking calls end with EINTR. */
static inline void s_catch_interrupts (void)
{
    struct sigaction action;
    memset (&action, 0, sizeof action);
    action.sa_handler = s_on_signal;
    sigaction (SIGINT, &action, NULL);
    sigaction (SIGTERM, &action, NULL);
    sigaction (SIGALRM, &action, NULL);
}

/*  ---- Contexts and sockets ------------------------------------------------------------------------------------- */

/*  A new context, in a program that can be interrupted and prints line by line, also into a pipe. */
static inline void *s_context (void)
{
    setvbuf (stdout, NULL, _IOLBF, BUFSIZ);
    s_catch_interrupts ();
    void *context = zmq_ctx_new ();
    s_check (context != NULL, "zmq_ctx_new");
    return context;
}

/*  Terminates the context, whose sockets are closed by now, and waits until what they sent is out. The result is for
 *  main to return. */
static inline int s_end (void *context)
{
    int rc;
    do
        rc = zmq_ctx_term (context);
    while (rc == -1 && zmq_errno () == EINTR);
    s_check (rc == 0, "zmq_ctx_term");
    return EXIT_SUCCESS;
}

static inline void *s_socket (void *context, int type)
{
    void *socket = zmq_socket (context, type);
    s_check (socket != NULL, "zmq_socket");
    return socket;
}

/*  Closes a socket. What it has not sent yet still goes out, unless the program was interrupted: then its peers may be
 *  gone as well. */
static inline void s_close (void *socket)
{
    const int no_linger = 0;
    if (s_is_interrupted)
        zmq_setsockopt (socket, ZMQ_LINGER, &no_linger, sizeof no_linger);
    zmq_close (socket);
}

static inline void s_set_int (void *socket, int option, int value)
{
    s_check (zmq_setsockopt (socket, option, &value, sizeof value) == 0, "zmq_setsockopt");
}

static inline void s_subscribe (void *socket, const char *prefix)
{
    s_check (zmq_setsockopt (socket, ZMQ_SUBSCRIBE, prefix, strlen (prefix)) == 0, "ZMQ_SUBSCRIBE");
}

/*  ---- Settings from the environment ---------------------------------------------------------------------------- */

static inline const char *s_setting (const char *name, const char *otherwise)
{
    const char *value = getenv (name);
    return value ? value : otherwise;
}

static inline long s_number (const char *name, long otherwise)
{
    const char *value = getenv (name);
    if (!value)
        return otherwise;
    char *end;
    long number = strtol (value, &end, 10);
    if (end == value || *end || number < 0) {
        fprintf (stderr, "%s: \"%s\" is not a number\n", name, value);
        exit (EXIT_FAILURE);
    }
    return number;
}

/*  Binds to the endpoint in variable name and says on stderr where that is: NAME=endpoint, ready for a peer. */
static inline void s_bind (void *socket, const char *name, const char *otherwise)
{
    const char *endpoint = s_setting (name, otherwise);
    s_check (zmq_bind (socket, endpoint) == 0, endpoint);

    char bound[256];
    size_t size = sizeof bound;
    s_check (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, bound, &size) == 0, "ZMQ_LAST_ENDPOINT");
    fprintf (stderr, "%s=%s\n", name, bound);
}

static inline void s_connect (void *socket, const char *name, const char *otherwise)
{
    const char *endpoint = s_setting (name, otherwise);
    s_check (zmq_connect (socket, endpoint) == 0, endpoint);
}

/*  ---- Messages ------------------------------------------------------------------------------------------------- */

/*  Receives a frame as a string, to be freed by the caller. NULL: the program is to end, or (with ZMQ_DONTWAIT) there
 *  is none. */
static inline char *s_recv_flags (void *socket, int flags)
{
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    if (zmq_msg_recv (&frame, socket, flags) == -1) {
        s_check (s_is_end () || zmq_errno () == EAGAIN, "zmq_msg_recv");
        zmq_msg_close (&frame);
        return NULL;
    }
    size_t size = zmq_msg_size (&frame);
    char *string = (char *) malloc (size + 1);
    if (string) {
        memcpy (string, zmq_msg_data (&frame), size);
        string[size] = 0;
    }
    zmq_msg_close (&frame);
    s_check (string != NULL, "malloc");
    return string;
}

static inline char *s_recv (void *socket)
{
    return s_recv_flags (socket, 0);
}

/*  Receives a frame whose content does not matter: 0, or -1 if the program is to end. */
static inline int s_wait (void *socket)
{
    char *string = s_recv (socket);
    free (string);
    return string ? 0 : -1;
}

static inline int s_send_flags (void *socket, const char *string, int flags)
{
    if (zmq_send (socket, string, strlen (string), flags) >= 0)
        return 0;
    s_check (s_is_end (), "zmq_send");
    return -1;
}

/*  Sends the only or last frame of a message: 0, or -1 if the program is to end. */
static inline int s_send (void *socket, const char *string)
{
    return s_send_flags (socket, string, 0);
}

/*  Sends a frame that others follow. */
static inline int s_sendmore (void *socket, const char *string)
{
    return s_send_flags (socket, string, ZMQ_SNDMORE);
}

/*  Waits for events: 0, or -1 if the program is to end. */
static inline int s_poll (zmq_pollitem_t *items, int count, long timeout_ms)
{
    if (zmq_poll (items, count, timeout_ms) >= 0)
        return 0;
    s_check (s_is_end (), "zmq_poll");
    return -1;
}

/*  ---- Time ----------------------------------------------------------------------------------------------------- */

/*  Milliseconds. */
static inline int64_t s_clock (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*  Ends early if the program is interrupted. */
static inline void s_sleep (long ms)
{
    struct timespec duration;
    duration.tv_sec = ms / 1000;
    duration.tv_nsec = ms % 1000 * 1000000;
    nanosleep (&duration, NULL);
}

#endif
