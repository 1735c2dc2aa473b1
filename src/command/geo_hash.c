/* geo_hash.c -- geohashes, distances and neighbourhoods: see geo_hash.h. */
#include "command/geo_hash.h"

#include <math.h>

static const double earth_radius = 6372797.560856; /* meters */
static const double half_equator = 20037726.37;    /* meters, as Mercator has it */
static const double radians_per_degree = M_PI / 180.0;

/* ---- Cells ---- */

/* A cell at a step: the numbers of its column and row, from the south-west. */
struct cell {
    uint32_t column;
    uint32_t row;
    uint32_t step; /* 0: none */
};

/* Moves the bits of a number apart: bit i to bit 2 * i. */
static uint64_t spread(uint32_t number)
{
    uint64_t bits = number;
    bits = (bits | bits << 16) & 0x0000ffff0000ffff;
    bits = (bits | bits << 8) & 0x00ff00ff00ff00ff;
    bits = (bits | bits << 4) & 0x0f0f0f0f0f0f0f0f;
    bits = (bits | bits << 2) & 0x3333333333333333;
    return (bits | bits << 1) & 0x5555555555555555;
}

/* The inverse of spread, for the even bits. */
static uint32_t gather(uint64_t bits)
{
    bits &= 0x5555555555555555;
    bits = (bits | bits >> 1) & 0x3333333333333333;
    bits = (bits | bits >> 2) & 0x0f0f0f0f0f0f0f0f;
    bits = (bits | bits >> 4) & 0x00ff00ff00ff00ff;
    bits = (bits | bits >> 8) & 0x0000ffff0000ffff;
    return (uint32_t)(bits | bits >> 16);
}

static uint64_t cell_bits(struct cell cell)
{
    return spread(cell.row) | spread(cell.column) << 1;
}

/* The cell of a point at a step. On the very eastern or northern edge it is one past the last. */
static struct cell find_cell(struct geo_point point, double latitude_max, uint32_t step)
{
    double cells = (double)((uint64_t)1 << step);
    double x = (point.longitude + GEO_LONGITUDE_MAX) / (2 * GEO_LONGITUDE_MAX);
    double y = (point.latitude + latitude_max) / (2 * latitude_max);
    return (struct cell){(uint32_t)(x * cells), (uint32_t)(y * cells), step};
}

/* The coordinate at which a column or row begins. */
static double edge(uint64_t number, uint32_t step, double max)
{
    return -max + ((double)number / (double)((uint64_t)1 << step)) * (2 * max);
}

/* The cell so many columns and rows further, around the earth and across its poles. */
static struct cell neighbour(struct cell cell, int32_t columns, int32_t rows)
{
    uint32_t mask = (uint32_t)(((uint64_t)1 << cell.step) - 1);
    if (columns != 0) {
        cell.column = (cell.column + (uint32_t)columns) & mask;
    }
    if (rows != 0) {
        cell.row = (cell.row + (uint32_t)rows) & mask;
    }
    return cell;
}

/* ---- Points ---- */

bool geo_is_valid(struct geo_point point)
{
    return point.longitude >= -GEO_LONGITUDE_MAX && point.longitude <= GEO_LONGITUDE_MAX &&
           point.latitude >= -GEO_LATITUDE_MAX && point.latitude <= GEO_LATITUDE_MAX;
}

uint64_t geo_encode(struct geo_point point)
{
    return cell_bits(find_cell(point, GEO_LATITUDE_MAX, GEO_STEPS));
}

/* A score as a whole number, for all doubles what x86-64 makes of the conversion. */
static uint64_t bits_of(double score)
{
    const uint64_t highest = (uint64_t)1 << 63;
    if (score < -0x1p63 || score >= 0x1p64) {
        return score < 0 ? highest : 0;
    }
    return score < 0 ? (uint64_t)(int64_t)score : (uint64_t)score;
}

static double middle(uint32_t number, double max)
{
    double value = (edge(number, GEO_STEPS, max) + edge((uint64_t)number + 1, GEO_STEPS, max)) / 2;
    return value > max ? max : value < -max ? -max : value;
}

struct geo_point geo_decode(double score)
{
    uint64_t bits = bits_of(score);
    return (struct geo_point){middle(gather(bits >> 1), GEO_LONGITUDE_MAX),
                              middle(gather(bits), GEO_LATITUDE_MAX)};
}

static double radians(double degrees)
{
    return degrees * radians_per_degree;
}

static double degrees(double angle)
{
    return angle / radians_per_degree;
}

static double latitude_distance(double a, double b)
{
    return earth_radius * fabs(radians(b) - radians(a));
}

double geo_distance(struct geo_point a, struct geo_point b)
{
    double v = sin((radians(b.longitude) - radians(a.longitude)) / 2);
    if (v == 0.0) {
        return latitude_distance(a.latitude, b.latitude);
    }
    double latitude_a = radians(a.latitude);
    double latitude_b = radians(b.latitude);
    double u = sin((latitude_b - latitude_a) / 2);
    double chord = u * u + cos(latitude_a) * cos(latitude_b) * v * v;
    return 2.0 * earth_radius * asin(sqrt(chord));
}

void geo_print(struct geo_point point, char out[GEO_TEXT_BYTES])
{
    static const char digits[] = "0123456789bcdefghjkmnpqrstuvwxyz";
    uint64_t bits = cell_bits(find_cell(point, 90.0, GEO_STEPS));
    for (uint32_t i = 0; i < GEO_TEXT_BYTES; i++) {
        /* 52 bits are ten digits and two bits, which Redis does not print. */
        out[i] = i == GEO_TEXT_BYTES - 1 ? digits[0] : digits[bits >> (47 - 5 * i) & 31];
    }
}

/* ---- Areas ---- */

bool geo_is_within(const struct geo_shape *shape, struct geo_point point, double *distance)
{
    if (!shape->is_box) {
        *distance = geo_distance(shape->center, point);
        return *distance <= shape->radius;
    }
    struct geo_point beside = {shape->center.longitude, point.latitude};
    if (latitude_distance(point.latitude, shape->center.latitude) > shape->height / 2 ||
        geo_distance(point, beside) > shape->width / 2) {
        return false;
    }
    *distance = geo_distance(shape->center, point);
    return true;
}

/* The rectangle of coordinates that a shape is in. */
struct bounds {
    double west;
    double south;
    double east;
    double north;
};

static struct bounds find_bounds(const struct geo_shape *shape)
{
    double height = shape->is_box ? shape->height / 2 : shape->radius;
    double width = shape->is_box ? shape->width / 2 : shape->radius;
    double latitude = shape->center.latitude;
    double rows = degrees(height / earth_radius);
    /* The side that is further from the equator spans more degrees. */
    double widest = latitude < 0 ? latitude - rows : latitude + rows;
    double columns = degrees(width / earth_radius / cos(radians(widest)));
    return (struct bounds){shape->center.longitude - columns, latitude - rows,
                           shape->center.longitude + columns, latitude + rows};
}

/* The step at which nine cells are likely to hold the shape. */
static uint32_t estimate_step(const struct geo_shape *shape)
{
    double radius =
        shape->is_box
            ? sqrt(shape->width / 2 * (shape->width / 2) + shape->height / 2 * (shape->height / 2))
            : shape->radius;
    double latitude = fabs(shape->center.latitude);
    if (radius == 0) {
        return GEO_STEPS;
    }
    int32_t step = -1;
    for (; radius < half_equator; radius *= 2) {
        step++;
    }
    /* Cells are narrower towards the poles. */
    step -= latitude > 66;
    step -= latitude > 80;
    return step < 1 ? 1 : step > GEO_STEPS ? GEO_STEPS : (uint32_t)step;
}

/* Whether the nine cells around one reach as far as the bounds. */
static bool reaches(struct cell center, const struct bounds *bounds)
{
    uint32_t step = center.step;
    uint64_t north = (uint64_t)neighbour(center, 0, 1).row + 1;
    uint64_t east = (uint64_t)neighbour(center, 1, 0).column + 1;
    return !(edge(north, step, GEO_LATITUDE_MAX) < bounds->north ||
             edge(neighbour(center, 0, -1).row, step, GEO_LATITUDE_MAX) > bounds->south ||
             edge(east, step, GEO_LONGITUDE_MAX) < bounds->east ||
             edge(neighbour(center, -1, 0).column, step, GEO_LONGITUDE_MAX) > bounds->west);
}

/* Whether neighbours in a direction are of no use: the center's cell alone goes beyond the bounds.
 */
static bool is_useless(struct cell center, const struct bounds *bounds, int32_t columns,
                       int32_t rows)
{
    uint32_t step = center.step;
    return (rows < 0 && edge(center.row, step, GEO_LATITUDE_MAX) < bounds->south) ||
           (rows > 0 && edge((uint64_t)center.row + 1, step, GEO_LATITUDE_MAX) > bounds->north) ||
           (columns < 0 && edge(center.column, step, GEO_LONGITUDE_MAX) < bounds->west) ||
           (columns > 0 &&
            edge((uint64_t)center.column + 1, step, GEO_LONGITUDE_MAX) > bounds->east);
}

uint32_t geo_find_ranges(const struct geo_shape *shape, struct geo_range out[GEO_RANGES_MAX])
{
    /* In the order in which Redis looks: columns and rows away. */
    static const int32_t around[GEO_RANGES_MAX][2] = {{0, 0}, {0, 1},  {0, -1}, {1, 0},  {-1, 0},
                                                      {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};
    struct bounds bounds = find_bounds(shape);
    struct cell center = find_cell(shape->center, GEO_LATITUDE_MAX, estimate_step(shape));
    if (center.step > 1 && !reaches(center, &bounds)) {
        center = find_cell(shape->center, GEO_LATITUDE_MAX, center.step - 1);
    }
    uint32_t count = 0;
    uint64_t last = UINT64_MAX;
    for (uint32_t i = 0; i < GEO_RANGES_MAX; i++) {
        if (center.step >= 2 && is_useless(center, &bounds, around[i][0], around[i][1])) {
            continue;
        }
        uint64_t bits = cell_bits(neighbour(center, around[i][0], around[i][1]));
        if (bits == last) {
            continue; /* around the earth, neighbours can be the same */
        }
        uint32_t shift = 2 * (GEO_STEPS - center.step);
        out[count++] = (struct geo_range){(double)(bits << shift), (double)((bits + 1) << shift)};
        last = bits;
    }
    return count;
}
