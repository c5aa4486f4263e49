// packages: libczmq-dev libczmq4 libzmq3-dev gcc
// loads: czmq-auth
// run: cc -Wall -Werror "$0" -o czmq-auth -lczmq -lzmq && ./czmq-auth
// lacks: PLAIN and ZAP
//
// The authenticator of libczmq: addresses that it lets in with NULL, passwords with PLAIN.

#include <czmq.h>

// Whether a message gets from a client to a server that are set up for it.
static bool gets_through(zsock_t *server, zsock_t *client)
{
    zsock_bind(server, "tcp://127.0.0.1:*");
    zsock_connect(client, "%s", zsock_endpoint(server));
    zsock_set_linger(client, 0);
    zstr_send(client, "let me in");
    zsock_set_rcvtimeo(server, 300);
    char *text = zstr_recv(server);
    bool through = text && streq(text, "let me in");
    zstr_free(&text);
    zsock_destroy(&client), zsock_destroy(&server);
    return through;
}

static bool plain(const char *password)
{
    zsock_t *server = zsock_new(ZMQ_PULL), *client = zsock_new(ZMQ_PUSH);
    zsock_set_plain_server(server, 1);
    zsock_set_plain_username(client, "admin");
    zsock_set_plain_password(client, password);
    return gets_through(server, client);
}

static bool null(void)
{
    zsock_t *server = zsock_new(ZMQ_PULL), *client = zsock_new(ZMQ_PUSH);
    zsock_set_zap_domain(server, "global");
    return gets_through(server, client);
}

int main(void)
{
    zactor_t *auth = zactor_new(zauth, NULL);
    printf("null: %d\n", null());
    FILE *passwords = fopen("passwords", "w");
    fputs("admin=secret\n", passwords), fclose(passwords);
    zstr_sendx(auth, "PLAIN", "passwords", NULL), zsock_wait(auth);
    printf("wrong: %d, right: %d\n", plain("wrong"), plain("secret"));
    zstr_sendx(auth, "DENY", "127.0.0.1", NULL), zsock_wait(auth);
    printf("denied: %d\n", null());
    zactor_destroy(&auth);
    return 0;
}
