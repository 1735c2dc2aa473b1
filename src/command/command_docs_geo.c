/* command_docs_geo.c -- documentation of the commands about points on the earth: see
 * command_docs.h.
 */
#include "command/command_docs.h"

/* clang-format off */
const struct command_docs command_docs_geo[COMMAND_ID_COUNT] = {
    [COMMAND_GEOADD] = {
        .since = "3.2.0", .group = "geo",
        .complexity = "O(log(N)) for each point, N being those of the set.",
        .categories = "geo", .key_specs = "RW/update@1",
        .syntax = "key@0 [condition=NX|XX] [change=CH] "
                  "(longitude_latitude_member=longitude:double latitude:double "
                  "member)...",
        .summary = "Adds points to a sorted set.",
    },
    [COMMAND_GEODIST] = {
        .since = "3.2.0", .group = "geo",
        .complexity = "O(1)",
        .categories = "geo", .key_specs = "RO/access@1",
        .syntax = "key@0 member1 member2 [unit=M|KM|FT|MI]",
        .summary = "Tells the distance between two points.",
    },
    [COMMAND_GEOHASH] = {
        .since = "3.2.0", .group = "geo",
        .complexity = "O(1) for each member.",
        .categories = "geo", .key_specs = "RO/access@1",
        .syntax = "key@0 member...",
        .summary = "Returns points as geohash texts.",
    },
    [COMMAND_GEOPOS] = {
        .since = "3.2.0", .group = "geo",
        .complexity = "O(1) for each member.",
        .categories = "geo", .key_specs = "RO/access@1",
        .syntax = "key@0 member...",
        .summary = "Returns the coordinates of points.",
    },
    [COMMAND_GEORADIUS] = {
        .since = "3.2.0", .group = "geo",
        .complexity = "O(N+log(M)), N being the points near the area, M all of the set.",
        .categories = "geo", .key_specs = "RO/access@1 OW/update@STORE+6 OW/update@STOREDIST+6",
        .syntax = "key@0 longitude:double latitude:double radius:double "
                  "(unit=M|KM|FT|MI) [WITHCOORD] [WITHDIST] [WITHHASH] [count=(COUNT "
                  "count:integer) [ANY]] [order=ASC|DESC] [STORE key@1] [STOREDIST "
                  "key@2]",
        .summary = "Returns or stores the points within a distance of a place.",
        .doc_flags = "deprecated", .deprecated_since = "6.2.0",
        .replaced_by = "`GEOSEARCH` and `GEOSEARCHSTORE` with `BYRADIUS`",
    },
    [COMMAND_GEORADIUS_RO] = {
        .since = "3.2.10", .group = "geo",
        .complexity = "O(N+log(M)), N being the points near the area, M all of the set.",
        .categories = "geo", .key_specs = "RO/access@1",
        .syntax = "key@0 longitude:double latitude:double radius:double "
                  "(unit=M|KM|FT|MI) [WITHCOORD] [WITHDIST] [WITHHASH] [count=(COUNT "
                  "count:integer) [ANY]] [order=ASC|DESC]",
        .summary = "Returns the points within a distance of a place.",
        .doc_flags = "deprecated", .deprecated_since = "6.2.0",
        .replaced_by = "`GEOSEARCH` with `BYRADIUS`",
    },
    [COMMAND_GEORADIUSBYMEMBER] = {
        .since = "3.2.0", .group = "geo",
        .complexity = "O(N+log(M)), N being the points near the area, M all of the set.",
        .categories = "geo", .key_specs = "RO/access@1 OW/update@STORE+5 OW/update@STOREDIST+5",
        .syntax = "key@0 member radius:double (unit=M|KM|FT|MI) [WITHCOORD] [WITHDIST] "
                  "[WITHHASH] [count=(COUNT count:integer) [ANY]] [order=ASC|DESC] "
                  "[STORE key@1] [STOREDIST key@2]",
        .summary = "Returns or stores the points within a distance of a member.",
        .doc_flags = "deprecated", .deprecated_since = "6.2.0",
        .replaced_by = "`GEOSEARCH` and `GEOSEARCHSTORE` with `BYRADIUS` and `FROMMEMBER`",
    },
    [COMMAND_GEORADIUSBYMEMBER_RO] = {
        .since = "3.2.10", .group = "geo",
        .complexity = "O(N+log(M)), N being the points near the area, M all of the set.",
        .categories = "geo", .key_specs = "RO/access@1",
        .syntax = "key@0 member radius:double (unit=M|KM|FT|MI) [WITHCOORD] [WITHDIST] "
                  "[WITHHASH] [count=(COUNT count:integer) [ANY]] [order=ASC|DESC]",
        .summary = "Returns the points within a distance of a member.",
        .doc_flags = "deprecated", .deprecated_since = "6.2.0",
        .replaced_by = "`GEOSEARCH` with `BYRADIUS` and `FROMMEMBER`",
    },
    [COMMAND_GEOSEARCH] = {
        .since = "6.2.0", .group = "geo",
        .complexity = "O(N+log(M)), N being the points near the area, M all of the set.",
        .categories = "geo", .key_specs = "RO/access@1",
        .syntax = "key@0 (from=FROMMEMBER member|longitude_latitude=FROMLONLAT "
                  "(longitude:double latitude:double)) (by=(circle=(BYRADIUS "
                  "radius:double) (unit=M|KM|FT|MI))|(box=(BYBOX width:double) "
                  "height:double (unit=M|KM|FT|MI))) [order=ASC|DESC] [count=(COUNT "
                  "count:integer) [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
        .summary = "Returns the points in a circle or a box.",
    },
    [COMMAND_GEOSEARCHSTORE] = {
        .since = "6.2.0", .group = "geo",
        .complexity = "O(N+log(M)), N being the points near the area, M all of the set.",
        .categories = "geo", .key_specs = "OW/update@1 RO/access@2",
        .syntax = "destination@0 source@1 (from=FROMMEMBER "
                  "member|longitude_latitude=FROMLONLAT (longitude:double "
                  "latitude:double)) (by=(circle=(BYRADIUS radius:double) "
                  "(unit=M|KM|FT|MI))|(box=(BYBOX width:double) height:double "
                  "(unit=M|KM|FT|MI))) [order=ASC|DESC] [count=(COUNT count:integer) "
                  "[ANY]] [STOREDIST]",
        .summary = "Stores the points in a circle or a box.",
    },
};
/* clang-format on */
