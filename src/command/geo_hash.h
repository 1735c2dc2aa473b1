/* geo_hash.h -- points on the earth as numbers, and where those near a point are. Private to this
 * directory.
 *
 * A geohash (G. Niemeyer, 2008) halves the ranges of longitude and latitude in turn and notes a bit
 * each time: of GEO_STEPS halvings each, 52 bits, which a sorted set's score holds exactly. Points
 * of one cell, whatever its size, have scores next to each other. Latitudes end where the Mercator
 * projection is square. Distances are those of the haversine formula on a sphere.
 *
 * Results go through the sines of libm: nodes of a cluster must share one, or STOREDIST and what
 * lies on the very edge of an area may differ between them.
 */
#ifndef QUORUM_COMMAND_GEO_HASH_H
#define QUORUM_COMMAND_GEO_HASH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define GEO_LONGITUDE_MAX 180.0
#define GEO_LATITUDE_MAX 85.05112878
#define GEO_STEPS 26

/* Degrees. */
struct geo_point {
    double longitude;
    double latitude;
};

/* Whether both coordinates are in range. */
bool geo_is_valid(struct geo_point point);

/* The geohash of a valid point. */
uint64_t geo_encode(struct geo_point point);

/* The middle of the cell that a score stands for; of any score, even one that GEOADD never makes.
 */
struct geo_point geo_decode(double score);

/* Meters. */
double geo_distance(struct geo_point a, struct geo_point b);

/* The usual text of a geohash, whose latitudes go to the poles. */
#define GEO_TEXT_BYTES 11
void geo_print(struct geo_point point, char out[GEO_TEXT_BYTES]);

/* What is looked for: a circle, or a box with sides along the coordinates. */
struct geo_shape {
    struct geo_point center;
    bool is_box;
    double radius; /* meters */
    double width;
    double height;
};

/* Whether a point is in the shape, edges included; *distance is then that to the center in meters.
 */
bool geo_is_within(const struct geo_shape *shape, struct geo_point point, double *distance);

/* The scores from first on, below end. */
struct geo_range {
    double first;
    double end;
};

/* The cells in which all points of the shape are: that of the center and its neighbours, in this
 * order. Returns how many. */
#define GEO_RANGES_MAX 9
uint32_t geo_find_ranges(const struct geo_shape *shape, struct geo_range out[GEO_RANGES_MAX]);

#endif
