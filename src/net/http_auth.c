/* http_auth.c -- requirepass for HTTP: the same password as AUTH, as Basic or as Bearer.
 *
 * RFC 7617 and RFC 6750. The user name of Basic is not looked at: there is one user.
 */
#include <string.h>
#include <strings.h>

#include "net/http_internal.h"
#include "net/http_text.h"

/* The credentials of an Authorization header of that scheme; NULL: another scheme. */
static const char *credentials_of(const char *header, const char *scheme)
{
    size_t scheme_bytes = strlen(scheme);
    if (header == NULL || strncasecmp(header, scheme, scheme_bytes) != 0 ||
        header[scheme_bytes] != ' ') {
        return NULL;
    }
    header += scheme_bytes;
    return header + strspn(header, " ");
}

/* "user:password" in base64; a password may hold colons, a user name may not. */
static bool check_basic(const struct executor *executor, const char *credentials)
{
    struct buf decoded;
    buf_init(&decoded);
    bool is_right = false;
    if (http_base64_decode(&decoded, slice_of_string(credentials))) {
        struct slice pair = buf_slice(&decoded);
        const uint8_t *colon = pair.size == 0 ? NULL : memchr(pair.bytes, ':', pair.size);
        if (colon != NULL) {
            size_t password_at = (size_t)(colon - pair.bytes) + 1;
            struct slice password = slice_of(pair.bytes + password_at, pair.size - password_at);
            is_right = executor_check_password(executor, password);
        }
    }
    buf_deinit(&decoded);
    return is_right;
}

bool http_auth_check(struct http_request *request)
{
    const struct executor *executor = replica_executor(request->server->loop->replica);
    if (executor_password(executor)[0] == '\0') {
        return true;
    }
    const char *header = http_request_header(request, "Authorization");
    const char *basic = credentials_of(header, "Basic");
    const char *bearer = credentials_of(header, "Bearer");
    if (basic != NULL && check_basic(executor, basic)) {
        return true;
    }
    if (bearer != NULL && executor_check_password(executor, slice_of_string(bearer))) {
        return true;
    }
    http_reply_header(request, "WWW-Authenticate", "Basic realm=\"quorum\", charset=\"UTF-8\"");
    http_reply_error(request, 401, header == NULL ? "authentication required" : "wrong password");
    return false;
}
