// packages: libczmq-dev libczmq4 libzmq3-dev gcc
// loads: czmq
// run: cc -Wall -Werror "$0" -o czmq -lczmq -lzmq && ./czmq
//
// libczmq: actors, a poller over several sockets, the proxy, the monitor, typed messages, a loop with a timer.

#include <czmq.h>

// An actor that answers each string with its length, until it is told to end.
static void measuring(zsock_t *pipe, void *arguments)
{
    zsock_signal(pipe, 0);
    for (;;) {
        char *command = zstr_recv(pipe);
        if (!command || streq(command, "$TERM")) {
            zstr_free(&command);
            return;
        }
        zsock_send(pipe, "si", command, (int) strlen(command));
        zstr_free(&command);
    }
}

static void actor(void)
{
    zactor_t *actor = zactor_new(measuring, NULL);
    zstr_send(actor, "how long");
    char *text;
    int length;
    zsock_recv(actor, "si", &text, &length);
    printf("actor: \"%s\" has %d\n", text, length);
    zstr_free(&text);
    zactor_destroy(&actor);
}

static void patterns(void)
{
    zsock_t *push = zsock_new_push("@tcp://127.0.0.1:*"), *publisher = zsock_new_xpub("@ipc://czmq");
    zsock_t *pull = zsock_new(ZMQ_PULL), *subscriber = zsock_new_sub(">ipc://czmq", "news");
    zsock_connect(pull, "%s", zsock_endpoint(push));
    zframe_t *subscription = zframe_recv(publisher);
    printf("subscription of %zu bytes\n", zframe_size(subscription));
    zframe_destroy(&subscription);

    zpoller_t *poller = zpoller_new(pull, subscriber, NULL);
    printf("nothing at first: %d, expired %d\n", zpoller_wait(poller, 0) == NULL, zpoller_expired(poller));
    zstr_sendx(publisher, "news", "of", "today", NULL);
    printf("the subscriber is ready: %d\n", zpoller_wait(poller, 10000) == subscriber);
    zmsg_t *message = zmsg_recv(subscriber);
    printf("%zu frames, %zu bytes\n", zmsg_size(message), zmsg_content_size(message));
    zmsg_destroy(&message);

    int sum = 0;
    for (int n = 0; n < 500; n++)
        zsock_send(push, "i8s", n, (uint64_t) n << 32, "text");
    for (int n = 0; n < 500; n++) {
        int number;
        uint64_t large;
        char *text;
        zsock_recv(pull, "i8s", &number, &large, &text);
        sum += number + (int) (large >> 32);
        zstr_free(&text);
    }
    printf("pictures: %d\n", sum);
    zpoller_destroy(&poller);
    zsock_destroy(&push), zsock_destroy(&pull), zsock_destroy(&publisher), zsock_destroy(&subscriber);
}

static void proxy(void)
{
    zactor_t *proxy = zactor_new(zproxy, NULL);
    zstr_sendx(proxy, "FRONTEND", "ROUTER", "inproc://front", NULL), zsock_wait(proxy);
    zstr_sendx(proxy, "BACKEND", "DEALER", "inproc://back", NULL), zsock_wait(proxy);
    zstr_sendx(proxy, "CAPTURE", "inproc://capture", NULL), zsock_wait(proxy);
    zsock_t *capture = zsock_new_pull("@inproc://capture");
    zsock_t *client = zsock_new_req(">inproc://front"), *server = zsock_new_rep(">inproc://back");
    zstr_send(client, "through the proxy");
    char *request = zstr_recv(server);
    zstr_send(server, request);
    char *reply = zstr_recv(client);
    zmsg_t *captured = zmsg_recv(capture);
    printf("proxy: %s, captured %zu frames\n", reply, zmsg_size(captured));
    zstr_sendx(proxy, "PAUSE", NULL), zsock_wait(proxy);
    zstr_send(client, "later");
    zstr_sendx(proxy, "RESUME", NULL), zsock_wait(proxy);
    zstr_free(&request);
    request = zstr_recv(server);
    printf("after a pause: %s\n", request);
    zstr_free(&request), zstr_free(&reply), zmsg_destroy(&captured);
    zsock_destroy(&client), zsock_destroy(&server), zsock_destroy(&capture);
    zactor_destroy(&proxy);
}

static void monitor(void)
{
    zsock_t *server = zsock_new(ZMQ_DEALER);
    zactor_t *monitor = zactor_new(zmonitor, server);
    zstr_sendx(monitor, "LISTEN", "LISTENING", "ACCEPTED", NULL);
    zstr_send(monitor, "START"), zsock_wait(monitor);
    zsock_bind(server, "tcp://127.0.0.1:*");
    zsock_t *client = zsock_new_dealer(zsock_endpoint(server));
    for (int n = 0; n < 2; n++) {
        zmsg_t *event = zmsg_recv(monitor);
        char *name = zmsg_popstr(event);
        printf("monitor: %s\n", name);
        zstr_free(&name), zmsg_destroy(&event);
    }
    zactor_destroy(&monitor);
    zsock_destroy(&client), zsock_destroy(&server);
}

static int count_down(zloop_t *loop, int timer, void *count)
{
    return --*(int *) count == 0 ? -1 : 0;
}

static int echo(zloop_t *loop, zsock_t *server, void *count)
{
    char *text = zstr_recv(server);
    zstr_send(server, text);
    zstr_free(&text);
    return 0;
}

static void loop(void)
{
    zloop_t *loop = zloop_new();
    zsock_t *server = zsock_new_rep("@inproc://loop"), *client = zsock_new_req(">inproc://loop");
    int count = 5;
    zloop_reader(loop, server, echo, NULL);
    zloop_timer(loop, 10, 0, count_down, &count);
    zstr_send(client, "in a loop");
    zloop_start(loop);
    char *reply = zstr_recv_nowait(client);
    printf("loop: %d left, %s\n", count, reply);
    zstr_free(&reply);
    zloop_destroy(&loop);
    zsock_destroy(&client), zsock_destroy(&server);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    actor(), patterns(), proxy(), monitor(), loop();
    return 0;
}
